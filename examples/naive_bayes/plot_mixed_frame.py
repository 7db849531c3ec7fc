"""
Naive Bayes on numbers and categories together
==============================================

:class:`~skdl.naive_bayes.MixedNB` takes a normal density for each number and a table of frequencies for each
category. What is missing is left out of the product.
"""

import numpy as np
import pandas as pd

from skdl.model_selection import cross_val_score
from skdl.naive_bayes import GaussianNB, MixedNB

# %%
# Birds of three kinds, with measurements that now and then were not taken.
rng = np.random.default_rng(0)
n = 300
kind = rng.choice(["wren", "finch", "thrush"], n, p=[0.5, 0.3, 0.2])
weight = pd.Series(kind).map({"wren": 9.0, "finch": 24.0, "thrush": 70.0}) * rng.lognormal(0, 0.35, n)
beak = [rng.choice(["thin", "stout"], p=[0.95, 0.05] if k != "finch" else [0.1, 0.9]) for k in kind]
frame = pd.DataFrame({"weight": weight.mask(rng.random(n) < 0.2), "beak": pd.Categorical(beak)})
print(frame.head(), "\n")

# %%
both = cross_val_score(MixedNB(), frame, kind, cv=5).mean()
numbers = cross_val_score(GaussianNB(), frame[["weight"]].fillna(frame["weight"].mean()), kind, cv=5).mean()
print(f"numbers alone, with means filled in: {numbers:.3f}")
print(f"numbers and categories:             {both:.3f}")

# %%
# A bird whose weight is unknown, and one whose beak is of a kind that was never seen: each is judged by the rest.
model = MixedNB().fit(frame, kind)
birds = pd.DataFrame({"weight": [None, 12.0], "beak": ["stout", "hooked"]}).astype({"weight": float})
print(pd.DataFrame(model.predict_proba(birds), columns=model.classes_).round(3))
