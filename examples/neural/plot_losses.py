"""
Means, medians and quantiles: what a loss finds
===============================================

The squared error finds means, the absolute error medians, the quantile loss quantiles, and Huber's lies between the
first two.
"""

import matplotlib.pyplot as plt
import numpy as np

from skdl.neural import MLPRegressor

rng = np.random.default_rng(0)
X = rng.uniform(-3, 3, (500, 1))
y = np.sin(X[:, 0]) + rng.gamma(1.0, 0.4, 500)
y[::25] += 6  # gross errors

# %%
network = MLPRegressor((32, 32), activation="tanh", lr=0.01, max_epochs=60, random_state=0)
grid = np.linspace(-3, 3, 200)[:, None]
figure, axes = plt.subplots(1, 2, figsize=(10, 3.5), sharey=True, layout="constrained")
for axis in axes:
    axis.scatter(X, y, s=5, color="0.7")
for loss in ("squared_error", "absolute_error", "huber"):
    axes[0].plot(grid, network.set_params(loss=loss).fit(X, y).predict(grid), label=loss)
for quantile in (0.1, 0.5, 0.9):
    model = network.set_params(loss="quantile", quantile=quantile).fit(X, y)
    below = (y <= model.predict(X)).mean()
    axes[1].plot(grid, model.predict(grid), label=f"quantile {quantile}: {below:.0%} of y below")
for axis in axes:
    axis.legend(fontsize=8)
    axis.set_ylim(-2, 4)
plt.show()
