"""
A perceptron on a frame with categories and missing values
==========================================================

Columns of a categorical dtype get embeddings, numbers are scaled robustly, and missing values become indicators: the
frame goes in as it is.
"""

import numpy as np
import pandas as pd
from sklearn.datasets import load_diabetes
from sklearn.model_selection import KFold

from skdl.linear_model import Ridge
from skdl.model_selection import cross_val_score
from skdl.neural import MLPRegressor

# %%
# Blood sugar and blood pressure of 442 patients in their own units, sex and a coarse age as words, some values lost.
data = load_diabetes(as_frame=True, scaled=False)
frame, y = data.data.copy(), data.target
frame["sex"] = pd.Categorical(np.where(frame["sex"] == 1, "a", "b"))
frame["age"] = pd.cut(frame["age"], [0, 30, 45, 60, 100], labels=["young", "middle", "older", "old"])
frame["s6"] = frame["s6"].mask(np.random.default_rng(0).random(len(frame)) < 0.2)
print(frame.dtypes, "\n")

# %%
folds = KFold(5, shuffle=True, random_state=0)
network = MLPRegressor((32,), lr=0.01, max_epochs=40, missing_values="indicator", random_state=0)
print(f"network, frame as it is:        R2 {cross_val_score(network, frame, y, cv=folds).mean():.3f}")

encoded = pd.get_dummies(frame.fillna({"s6": frame["s6"].median()}), dtype=float)
print(f"ridge, encoded and imputed:     R2 {cross_val_score(Ridge(1.0), encoded, y, cv=folds).mean():.3f}")

# %%
# On so few rows a linear model is as good. What was learnt is NumPy, and torch's module is at hand.
network.fit(frame, y)
print([weight.shape for weight in network.coefs_])
print(network.net_.module_)
