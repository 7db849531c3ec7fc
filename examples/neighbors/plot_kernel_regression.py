"""
Kernel regression and its bandwidth
===================================

:class:`~skdl.neighbors.KernelRegressor` averages all targets, the near ones more. How near is near is the bandwidth,
which it chooses by leaving each row out in turn.
"""

import matplotlib.pyplot as plt
import numpy as np

from skdl.neighbors import KernelRegressor, KNeighborsRegressor

rng = np.random.default_rng(0)
X = np.sort(rng.uniform(0, 10, 150))[:, None]
y = np.sin(X[:, 0]) + 0.3 * rng.normal(size=150)
grid = np.linspace(0, 10, 400)[:, None]

# %%
chosen = KernelRegressor().fit(X, y)
print(f"bandwidth by leave-one-out: {chosen.bandwidth_:.3f}")

figure, axis = plt.subplots(figsize=(7, 3.5), layout="constrained")
axis.scatter(X, y, s=8, color="0.6")
for model, name in (
    (KernelRegressor(bandwidth=0.05), "bandwidth 0.05: too near"),
    (chosen, "chosen by leave-one-out"),
    (KernelRegressor(bandwidth=2.0), "bandwidth 2: too far"),
    (KNeighborsRegressor(10), "10 nearest neighbours"),
):
    axis.plot(grid, model.fit(X, y).predict(grid), label=name)
axis.legend(fontsize=8)
plt.show()
