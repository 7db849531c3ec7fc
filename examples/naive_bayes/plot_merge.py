"""
Naive Bayes in pieces, merged
=============================

What naive Bayes learns is sums. ``partial_fit`` adds to them, and ``merge`` adds up models of parts of the data that
were learnt apart, on several machines say: the same model as from one fit.
"""

import numpy as np
from sklearn.datasets import load_digits

from skdl.naive_bayes import GaussianNB

X, y = load_digits(return_X_y=True)
whole = GaussianNB().fit(X, y)

# %%
parts = np.array_split(np.arange(len(X)), 4)
pieces = GaussianNB()
for rows in parts:
    pieces.partial_fit(X[rows], y[rows], classes=np.unique(y))

# %%
first, *others = [GaussianNB().fit(X[rows], y[rows]) for rows in parts]
for other in others:
    first.merge(other)

for name, model in (("in pieces", pieces), ("merged", first)):
    largest, same = np.abs(model.theta_ - whole.theta_).max(), np.mean(model.predict(X) == whole.predict(X))
    print(f"{name:10} means differ by at most {largest:.1e}, predictions agree on {same:.1%}")
