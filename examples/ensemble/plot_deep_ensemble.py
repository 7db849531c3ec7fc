"""
A deep ensemble knows what it does not know
===========================================

Networks that differ by their seeds alone agree where there are data, and disagree where there are none. Small ones
are trained as one stack.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from skdl.ensemble import DeepEnsembleClassifier, DeepEnsembleRegressor, calibration_report, diversity_report
from skdl.neural import MLPClassifier, MLPRegressor

# %%
rng = np.random.default_rng(0)
X = np.concatenate([rng.uniform(-4, -1, 80), rng.uniform(1.5, 4, 80)])[:, None]
y = np.sin(2 * X[:, 0]) + 0.1 * rng.normal(size=160)
network = MLPRegressor((64, 64), activation="tanh", lr=0.01, max_epochs=150, scaling="standard")
deep = DeepEnsembleRegressor(network, n_members=10, random_state=0).fit(X, y)

grid = np.linspace(-6, 6, 300)[:, None]
mean, std = deep.predict(grid, return_std=True)
figure, axis = plt.subplots(figsize=(7, 3.5), layout="constrained")
axis.fill_between(grid[:, 0], mean - 2 * std, mean + 2 * std, alpha=0.3, label="two standard deviations of the members")
axis.plot(grid, mean)
axis.scatter(X, y, s=6, color="k")
axis.legend()
plt.show()

# %%
# For classes: how much members differ, and how far the mean probabilities can be trusted.
X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, train_size=500, stratify=y, random_state=0)
deep = DeepEnsembleClassifier(MLPClassifier((64,), max_epochs=30), n_members=5, random_state=0).fit(X_train, y_train)
for name, value in diversity_report(deep, X_test, y_test).items():
    print(f"{name:18} {value:.3f}")
for name, model in (("one member", deep.estimators_[0]), ("ensemble", deep)):
    report = calibration_report(y_test, model.predict_proba(X_test))
    print(f"{name:10} log-loss {report['log_loss']:.3f}, calibration error {report['ece']:.3f}")
