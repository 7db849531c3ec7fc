"""
Uncertainty from one network: Monte Carlo dropout
=================================================

Dropout that goes on while predicting makes many thinned networks out of one. How far their answers are apart tells
how sure the network is.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from skdl.ensemble import MonteCarloDropoutClassifier, reliability_curve
from skdl.neural import MLPClassifier

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, train_size=500, stratify=y, random_state=0)

# %%
network = MLPClassifier((128, 128), dropout=0.3, max_epochs=40, random_state=0).fit(X_train, y_train)
unsure = MonteCarloDropoutClassifier(network, n_samples=50, random_state=0).fit(X_train, y_train)

figure, axes = plt.subplots(1, 2, figsize=(9, 3.5), layout="constrained")
for name, model in (("dropout off", network), ("50 passes", unsure)):
    p = model.predict_proba(X_test)
    curve = reliability_curve(y_test, p, strategy="quantile")
    axes[0].plot(curve["confidence"], curve["accuracy"], marker="o", label=name)
    order = p.max(axis=1).argsort()[::-1]
    right = (p.argmax(axis=1) == y_test)[order]
    axes[1].plot(right.cumsum() / range(1, len(right) + 1), label=name)
    print(f"{name:12} accuracy {right.mean():.3f}")
axes[0].plot([0, 1], [0, 1], color="0.8")
axes[0].set(xlabel="confidence", ylabel="accuracy", xlim=(0.3, 1), ylim=(0.3, 1))
axes[1].set(xlabel="rows, the surest first", ylabel="accuracy so far", ylim=(0.9, 1))
for axis in axes:
    axis.legend()
plt.show()
