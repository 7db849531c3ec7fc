"""
Learning curves and searches, judged
====================================

:class:`~skdl.inspection.LearningCurveDisplay` draws the losses by epoch and says whether the fit is good, by figures
that it tells. :class:`~skdl.inspection.SearchDisplay` draws the scores of a search with the spread of the folds.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits

from skdl.inspection import LearningCurveDisplay, SearchDisplay
from skdl.model_selection import GridSearchCV
from skdl.neural import MLPClassifier

X, y = load_digits(return_X_y=True)

# %%
# Three networks: one that has not learnt enough, one that fits, one that learns few rows by heart.
cases = {
    "two epochs": (MLPClassifier((16,), max_epochs=2, random_state=0), 1200),
    "thirty epochs": (MLPClassifier((64,), max_epochs=30, random_state=0), 1200),
    "sixty rows": (MLPClassifier((256, 256), max_epochs=60, random_state=0), 60),
}
figure, axes = plt.subplots(1, 3, figsize=(11, 3.3), layout="constrained")
for axis, (name, (model, n)) in zip(axes, cases.items(), strict=True):
    model.set_params(early_stopping=False).fit(X[:n], y[:n], X_val=X[1200:], y_val=y[1200:])
    display = LearningCurveDisplay.from_estimator(model, ax=axis)
    axis.set_xlabel(f"Epoch ({name})")
    print(f"{name}: {display.verdict_}")
plt.show()

# %%
search = GridSearchCV(
    MLPClassifier((32,), max_epochs=10, random_state=0),
    {"lr": [1e-4, 1e-3, 1e-2, 1e-1], "dropout": [0.0, 0.2, 0.5]},
    cv=3,
).fit(X[:900], y[:900])
figure, axes = plt.subplots(1, 2, figsize=(10, 3.5), layout="constrained")
SearchDisplay.from_search(search, "lr", ax=axes[0])
SearchDisplay.from_search(search, ["lr", "dropout"], ax=axes[1])
plt.show()
