"""The memory of a search stays under the bound that its documentation states, whatever is searched."""

import os
import subprocess
import sys
import textwrap

import pytest

# Estimator, and a grid of two candidates.
SEARCHES = {
    "neighbors": ("skdl.neighbors", "KNeighborsClassifier()", {"n_neighbors": [1, 5]}),
    "naive Bayes": ("skdl.naive_bayes", "GaussianNB()", {"var_smoothing": [1e-9, 0.1]}),
    "trees": ("skdl.tree", "DecisionTreeClassifier(random_state=0)", {"max_depth": [2, 4]}),
    "logistic regression": ("skdl.linear_model", "LogisticRegression(tol=0.01)", {"C": [0.001, 0.01]}),
    "perceptrons": (
        "skdl.neural",
        "MLPClassifier((8,), max_epochs=1, batch_size=500, early_stopping=False, random_state=0)",
        {"lr": [0.001, 0.01]},
    ),
}

# The rows of all the test samples of the 40 splits together would be 12 times those of X.
SCRIPT = """
    import resource
    import numpy as np
    from sklearn.model_selection import ShuffleSplit
    from skdl.model_selection import GridSearchCV
    from {module} import {name}

    X = np.random.default_rng(0).standard_normal(({n}, 100))
    y = (X[:, 0] + X[:, 1] > 0).astype(int) + (X[:, 2] > 1)
    cv = ShuffleSplit(40, test_size=0.3, train_size=0.05, random_state=0)
    search = GridSearchCV({estimator}, {grid}, cv=cv, refit=False, error_score="raise")
    # What is loaded and compiled once, and what a single split takes, is not counted.
    single = ShuffleSplit(1, test_size=0.3, train_size=0.05, random_state=0)
    GridSearchCV({estimator}, {grid}, cv=single, refit=False).fit(X, y)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    search.fit(X, y)
    assert search.plan_.n_stacked == 80, search.plan_
    print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024)
"""


@pytest.mark.parametrize("name", SEARCHES)
def test_memory_stays_under_the_stated_bound(name):
    module, estimator, grid = SEARCHES[name]
    n = 24_000
    n_bytes = n * 100 * 8
    script = SCRIPT.format(module=module, name=estimator.partition("(")[0], n=n, estimator=estimator, grid=grid)
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    indices = 40 * n * 8 * (0.3 + 0.05)
    # Copies of 4 times the rows for scoring, and what the family holds: less than the samples once more.
    assert int(done.stdout) < 5 * n_bytes + indices
