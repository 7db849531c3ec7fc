"""
Validation and learning curves
==============================

Scores against a parameter, and against the number of rows: every point of a curve, and every fold, is a member of one
family.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits

from skdl.model_selection import learning_curve, validation_curve
from skdl.neighbors import KNeighborsClassifier
from skdl.tree import DecisionTreeClassifier

X, y = load_digits(return_X_y=True)

# %%
# One search for neighbours in each fold serves all numbers of neighbours; one tree all depths.
curves = {
    "n_neighbors": (KNeighborsClassifier(), [1, 2, 3, 5, 9, 15, 25, 40]),
    "max_depth": (DecisionTreeClassifier(), list(range(1, 16))),
}
figure, axes = plt.subplots(1, 2, figsize=(8, 3.3), layout="constrained")
for axis, (name, (model, values)) in zip(axes, curves.items(), strict=True):
    train, test = validation_curve(model, X, y, param_name=name, param_range=values, cv=5)
    for part, scores in (("train", train), ("test", test)):
        axis.plot(values, scores.mean(axis=1), label=part)
        axis.fill_between(values, scores.min(axis=1), scores.max(axis=1), alpha=0.2)
    axis.set(xlabel=name, ylabel="accuracy")
    axis.legend()
plt.show()

# %%
sizes, train, test = learning_curve(
    KNeighborsClassifier(3), X, y, train_sizes=np.linspace(0.1, 1, 6), cv=5, shuffle=True, random_state=0
)
figure, axis = plt.subplots(figsize=(4, 3.3), layout="constrained")
axis.plot(sizes, train.mean(axis=1), label="train")
axis.plot(sizes, test.mean(axis=1), label="test")
axis.set(xlabel="rows", ylabel="accuracy")
axis.legend()
plt.show()
