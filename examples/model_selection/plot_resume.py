"""
A search that goes on after it was killed
=========================================

``checkpoint=`` names a file in which finished groups of fits are written down. Run again, the search goes on from
there.
"""

import tempfile
from pathlib import Path

from sklearn.datasets import load_wine

from skdl.model_selection import GridSearchCV
from skdl.neural import MLPClassifier

X, y = load_wine(return_X_y=True)
grid = {"lr": [1e-3, 1e-2, 1e-1], "dropout": [0.0, 0.3]}
folder = tempfile.TemporaryDirectory()
path = Path(folder.name) / "search"


class Killed(Exception):
    """What happens to long runs."""


# %%
# The scorer stands for a machine that goes down after ten of thirty fits.
calls = []


def accuracy(model, X, y):
    calls.append(1)
    if len(calls) == 10:
        raise Killed
    return model.score(X, y)


network = MLPClassifier((16,), max_epochs=10, random_state=0)
search = GridSearchCV(network, grid, cv=5, scoring=accuracy, error_score="raise", checkpoint=path)
try:
    search.fit(X, y)
except Killed:
    print(f"killed after {len(calls)} scores; written down: {path.exists()}")

# %%
search.fit(X, y)
print(f"{len(calls)} scores in both runs together")
whole = GridSearchCV(network, grid, cv=5).fit(X, y)
print("the same results:", (whole.cv_results_["mean_test_score"] == search.cv_results_["mean_test_score"]).all())
folder.cleanup()
