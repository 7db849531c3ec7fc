"""Searches against scikit-learn's GridSearchCV with n_jobs=2: interleaved medians of one run, scores compared.

    python benchmarks/search.py [--quick] [--repeats 3] [--only knn] [--write] [--fresh] [--minutes 5]

Both sides search the same grid with the same folds, theirs over scikit-learn's estimator (skorch's for networks), ours
over the estimator of the same name. They take turns, so that a disturbance hits both alike; scikit-learn's two worker
processes are started, and compiled functions of ours loaded, before the first turn. Who takes longer than 20 seconds
has a single turn. Printed are the median seconds, how many times less ours cost, the mark, and by how many test samples
the most different score differs. ``--write`` keeps each finished case in benchmarks/results/search.jsonl and makes
search.md of them; started again it goes on with those that are missing, and it begins none after its minutes.
``--fresh`` forgets what is kept.
"""

import argparse
import json
import platform
import time
import warnings
from importlib.metadata import version
from os import cpu_count

import numpy as np
from _cells import Cells, processor
from sklearn.datasets import make_classification
from sklearn.model_selection import GridSearchCV as TheirSearch

from skdl.model_selection import GridSearchCV as OurSearch


def _table(n, d, n_classes, seed=0):
    informative = min(d, 20)
    X, y = make_classification(
        n, d, n_informative=informative, n_redundant=0, n_classes=n_classes, class_sep=1.5, random_state=seed
    )
    return X, y


def knn(quick):
    """30 n_neighbors x 2 weights x 5 folds on 20,000 x 64."""
    from sklearn.neighbors import KNeighborsClassifier as Theirs

    from skdl.neighbors import KNeighborsClassifier as Ours

    grid = {"n_neighbors": list(range(1, 60, 2)), "weights": ["uniform", "distance"]}
    return _table(2_000 if quick else 20_000, 64, 5), Theirs(), Ours(), grid, 5


def gaussian_nb(quick):
    """30 var_smoothing x 10 folds on 100,000 x 50."""
    from sklearn.naive_bayes import GaussianNB as Theirs

    from skdl.naive_bayes import GaussianNB as Ours

    grid = {"var_smoothing": np.logspace(-12, 0, 30).tolist()}
    return _table(5_000 if quick else 100_000, 50, 5), Theirs(), Ours(), grid, 10


def logistic(quick):
    """10 C x 5 folds on 50,000 x 100, 10 classes."""
    from sklearn.linear_model import LogisticRegression as Theirs

    from skdl.linear_model import LogisticRegression as Ours

    grid = {"C": np.logspace(-4, 2, 10).tolist()}
    return _table(2_000 if quick else 50_000, 100, 10), Theirs(max_iter=1000), Ours(max_iter=1000), grid, 5


def tree(quick):
    """19 depths x 8 ccp_alpha x 5 folds on 10,000 x 20."""
    from sklearn.tree import DecisionTreeClassifier as Theirs

    from skdl.tree import DecisionTreeClassifier as Ours

    grid = {"max_depth": list(range(2, 21)), "ccp_alpha": [0.0, *np.logspace(-5, -2, 7).tolist()]}
    return _table(1_000 if quick else 10_000, 20, 3), Theirs(random_state=0), Ours(random_state=0), grid, 5


def mlp(quick, hidden=(32, 32)):
    """12 learning rates x 4 weight decays x 5 folds on 4,000 x 20, batch 64."""
    import torch
    from skorch import NeuralNetClassifier

    from skdl.neural import MLPClassifier

    X, y = _table(500 if quick else 4_000, 20, 3)
    X = X.astype(np.float32)
    epochs = 10
    layers: list = []
    for n_in, n_out in zip((20, *hidden), hidden, strict=False):
        layers += [torch.nn.Linear(n_in, n_out), torch.nn.ReLU()]
    theirs = NeuralNetClassifier(
        torch.nn.Sequential(*layers, torch.nn.Linear(hidden[-1], 3)),
        criterion=torch.nn.CrossEntropyLoss,
        optimizer=torch.optim.AdamW,
        batch_size=64,
        max_epochs=epochs,
        iterator_train__shuffle=True,
        train_split=None,
        callbacks__print_log=None,
        callbacks__valid_acc=None,
        verbose=0,
    )
    as_theirs = {"batch_size": 64, "max_epochs": epochs, "dropout": 0.0, "schedule": None}
    ours = MLPClassifier(hidden_layer_sizes=hidden, random_state=0, **as_theirs)
    rates, decays = np.logspace(-4, -1.5, 12).tolist(), [0.0, 1e-4, 1e-3, 1e-2]
    grids = [{"lr": rates, "optimizer__weight_decay": decays}, {"lr": rates, "weight_decay": decays}]
    return (X, y.astype(np.int64)), theirs, ours, grids, 5


def mlp_64(quick):
    """The same with two layers of 64."""
    return mlp(quick, (64, 64))


def mlp_256(quick):
    """The same with two layers of 256."""
    return mlp(quick, (256, 256))


# Mark: how many times less ours should cost. Tolerance: by how many test samples in 2,000 a score may differ; networks
# differ by their random numbers, and only their best scores are compared.
CASES = {
    "knn": (knn, 50, 0.0),
    "gaussian_nb": (gaussian_nb, 45, 0.0),
    "logistic": (logistic, 15, 1.0),
    "tree": (tree, 300, None),
    "mlp": (mlp, 20, None),
    "mlp_64": (mlp_64, 12, None),
    "mlp_256": (mlp_256, 1, None),
}


# Who takes longer than so many seconds has a single turn.
SLOW = 20.0


def run(name, quick, repeats):
    """Time one case; return a record."""
    make, mark, tolerance = CASES[name]
    (X, y), theirs, ours, grid, cv = make(quick)
    their_grid, our_grid = grid if isinstance(grid, list) else (grid, grid)
    their_search = TheirSearch(theirs, their_grid, cv=cv, n_jobs=2, refit=False, error_score="raise")
    our_search = OurSearch(ours, our_grid, cv=cv, refit=False, error_score="raise")
    few = np.random.default_rng(0).choice(len(X), min(len(X), 400), replace=False)
    small = {key: list(values)[:2] for key, values in their_grid.items()}
    TheirSearch(theirs, small, cv=2, n_jobs=2, refit=False).fit(X[few], y[few])
    OurSearch(ours, {key: list(values)[:2] for key, values in our_grid.items()}, cv=2, refit=False).fit(X, y)
    seconds: dict[str, list[float]] = {"theirs": [], "ours": []}
    for turn in range(repeats):
        pair = [("theirs", their_search), ("ours", our_search)]
        for side, search in pair if turn % 2 == 0 else pair[::-1]:
            if seconds[side] and seconds[side][0] > SLOW:
                continue
            start = time.perf_counter()
            search.fit(X, y)
            seconds[side].append(time.perf_counter() - start)
    scores = [
        np.array([search.cv_results_[f"split{split}_test_score"] for split in range(cv)])
        for search in (their_search, our_search)
    ]
    apart = np.abs(scores[0] - scores[1])
    n_test = len(X) / cv
    medians = {side: float(np.median(values)) for side, values in seconds.items()}
    record = {
        "case": name,
        "work": " ".join((make.__doc__ or "").split()),
        "theirs": medians["theirs"],
        "ours": medians["ours"],
        "times_less": medians["theirs"] / medians["ours"],
        "mark": mark,
        "largest_difference_in_test_samples": float(apart.max() * n_test),
        "best_scores": [float(score.mean(axis=0).max()) for score in scores],
        "stacked": our_search.plan_.n_stacked,
        "fits": our_search.plan_.n_candidates * our_search.plan_.n_splits,
    }
    if tolerance is not None:
        allowed = tolerance * max(1.0, n_test / 2_000)
        assert apart.max() * n_test <= allowed + 1e-6, f"{name}: scores differ by {apart.max() * n_test} test samples"
    return record


def main():
    """Run the cases and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small data, to see that all runs")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", choices=list(CASES), nargs="+", default=list(CASES))
    parser.add_argument("--json", action="store_true", help="print records instead of a table")
    parser.add_argument("--write", action="store_true", help="keep what is found and make results/search.md of it")
    parser.add_argument("--fresh", action="store_true", help="with --write: measure all cases anew")
    parser.add_argument("--minutes", type=float, default=5.0, help="with --write: begin no case after so many")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    if options.json:
        for name in options.only:
            print(json.dumps(run(name, options.quick, options.repeats)), flush=True)
        return
    command = "python benchmarks/search.py" + " --quick" * options.quick + f" --repeats {options.repeats}"
    versions = ", ".join(f"{name} {version(name)}" for name in ("scikit-learn", "skorch", "torch", "numpy"))
    lines = [
        "# Searches beside scikit-learn's with two processes",
        "",
        f"`{command}`; {versions}; {processor()}, {cpu_count()} cores, Python {platform.python_version()}. Medians of "
        "interleaved turns in seconds.",
        "",
        "| search | scikit-learn or skorch, n_jobs=2 | skdl | times less | mark | scores differ by test samples | "
        "best scores | stacked |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    print("\n".join(lines), flush=True)
    started = time.perf_counter()
    cells = Cells("search", ("case",)) if options.write and not options.quick else None
    if cells is not None and options.fresh:
        cells.store.unlink(missing_ok=True)
    for name in options.only:
        if cells is None:
            print(_line(run(name, options.quick, options.repeats)), flush=True)
        elif cells.missing(case=name):
            if time.perf_counter() - started > 60 * options.minutes:
                print("Time is up; run the same command again to go on.")
                break
            cells.add(**run(name, options.quick, options.repeats))
            text = "\n".join([*lines, *map(_line, cells.read())])
            cells.store.with_suffix(".md").write_text(text + "\n")


def _line(record: dict) -> str:
    best = " and ".join(f"{score:.4f}" for score in record["best_scores"])
    return (
        f"| {record['case']}: {record['work']} | {record['theirs']:.2f} | {record['ours']:.3f} | "
        f"{record['times_less']:.1f} | {record['mark']} | "
        f"{record['largest_difference_in_test_samples']:.2f} | {best} | {record['stacked']} of {record['fits']} |"
    )


if __name__ == "__main__":
    main()
