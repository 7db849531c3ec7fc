"""
Leave-one-out errors of a ridge regression, for nothing
=======================================================

The error of leaving out each row in turn follows from one factorization: no refitting.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes

from skdl.linear_model import Ridge

X, y = load_diabetes(return_X_y=True)
alphas = np.logspace(-4, 2, 40)
errors = (Ridge().leave_one_out(X, y, alphas=alphas) ** 2).mean(axis=1)
best = alphas[errors.argmin()]
print(f"best alpha {best:.4f}, mean squared error {errors.min():.0f}")

# %%
# The same for one alpha, by as many fits as there are rows.
rows = np.arange(len(X))
slow = [(Ridge(best).fit(X[rows != i], y[rows != i]).predict(X[i : i + 1])[0] - y[i]) ** 2 for i in rows]
print(f"by {len(X)} fits: {np.mean(slow):.0f}")

# %%
figure, axis = plt.subplots(figsize=(5, 3), layout="constrained")
axis.plot(alphas, errors)
axis.axvline(best, color="0.7")
axis.set(xscale="log", xlabel="alpha", ylabel="mean squared error")
plt.show()
