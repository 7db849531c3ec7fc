"""
Series of unequal lengths, and forecasts
========================================

A list of arrays is a set of series, each as long as it is. Nothing of the padding inside ever reaches a prediction.
"""

import matplotlib.pyplot as plt
import numpy as np

from skdl.neural import RNNRegressor, TCNRegressor

# %%
# Waves of unknown frequency, of 20 to 60 steps, from which the next value is to be told.
rng = np.random.default_rng(0)


def waves(n):
    series, following = [], []
    for length in rng.integers(20, 60, n):
        t = np.arange(length + 1) * rng.uniform(0.15, 0.6) + rng.uniform(0, 6)
        wave = np.sin(t) + 0.1 * rng.normal(size=length + 1)
        series.append(wave[:-1])
        following.append(np.sin(t)[-1])
    return series, np.array(following)


X, y = waves(400)
X_test, y_test = waves(200)

# %%
models = {
    "the last value": None,
    "GRU, pooling='last'": RNNRegressor(
        "gru", hidden_size=24, bidirectional=False, pooling="last", max_epochs=15, lr=0.01, random_state=0
    ),
    "TCN, pooling='last'": TCNRegressor(channels=16, pooling="last", max_epochs=15, lr=0.01, random_state=0),
}
figure, axes = plt.subplots(1, 3, figsize=(9, 3), sharey=True, layout="constrained")
for axis, (name, model) in zip(axes, models.items(), strict=True):
    predicted = np.array([wave[-1] for wave in X_test]) if model is None else model.fit(X, y).predict(X_test)
    error = np.sqrt(np.mean((predicted - y_test) ** 2))
    axis.scatter(y_test, predicted, s=6)
    axis.set_title(f"{name}\nRMSE {error:.3f}", fontsize=9)
    print(f"{name:22} RMSE {error:.3f}")
plt.show()
