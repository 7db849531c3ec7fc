"""Benchmarks and studies of the trees:
``python benchmarks/tree.py speed|predict|grid|family|first-call|trees|heart-c|quinlan [--write]``.

Every part prints a table, and writes it to benchmarks/results with ``--write``. Times are medians of interleaved runs
in one process, so only their ratios within a table count. ``trees``, ``heart-c`` and ``quinlan`` read the tables below
the folder that SKDL_DATA names. ``speed`` measures LightGBM and scikit-learn-intelex beside the others where they can
be imported; in an environment that has them (``pip install lightgbm scikit-learn-intelex``) the figures of an idle
machine are one command,

    PYTHONPATH=. python benchmarks/tree.py speed predict grid --write
"""

import os
import platform
import statistics
import subprocess
import sys
import time
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from itertools import combinations
from pathlib import Path
from tempfile import TemporaryDirectory

import numba
import numpy as np
import pandas as pd
import sklearn
from sklearn.datasets import make_classification
from sklearn.model_selection import GridSearchCV as ReferenceSearch
from sklearn.model_selection import KFold, ParameterGrid, StratifiedKFold
from sklearn.tree import DecisionTreeClassifier as Reference

from skdl.base import fit_family
from skdl.model_selection import GridSearchCV
from skdl.tree import C45Classifier, DecisionTreeClassifier

RESULTS = Path(__file__).parent / "results"

# Accuracies of C4.5 Release 8 (Quinlan, AAAI-96, table 1; 10 x 10-fold) as the README of the data sets quotes them,
# which did so from memory: nobody has looked them up.
PUBLISHED = {
    "breast_w": ("breast_w.csv.gz", "Class", 94.7),
    "german_credit": ("german_credit.csv.gz", "class", 71.6),
    "glass": ("glass.csv.gz", "Type", 67.5),
    "heart_c": ("heart_c.csv.gz", "num", 77.1),
    "pima_diabetes": ("pima_diabetes.csv.gz", "class", 74.6),
    "segment": ("segment.csv.gz", "class", 96.8),
    "sonar": ("sonar.csv.gz", "Class", 74.4),
    "vehicle": ("vehicle.csv.gz", "Class", 72.9),
    "letter": ("letter.csv.gz", "class", 88.0),
}

# Leaves and nodes of the trees that Weka's J48, the best known rewriting of C4.5 release 8, grows on all rows of these
# files with its default settings. Quoted from memory of its output, not fetched.
TREES = {
    "play_tennis/weather_nominal": ("play", 5, 8),
    "play_tennis/contact_lenses": ("contact-lenses", 4, 7),
    "zoo/zoo": ("type", 9, 17),
    "car/car": ("class", 131, 182),
    "tic_tac_toe/tic_tac_toe": ("Class", 95, 142),
    "kr_vs_kp/kr_vs_kp": ("class", 31, 59),
    "nursery/nursery": ("class", 359, 511),
    "vehicle/vehicle": ("Class", 98, 195),
    "segment/segment": ("class", 39, 77),
    "sonar/sonar": ("Class", 18, 35),
    "heart_c/heart_c": ("num", 30, 51),
    "german_credit/german_credit": ("class", 103, 140),
    "mushroom/mushroom": ("class", 25, 30),
    "glass/glass": ("Type", 30, 59),
    "breast_w/breast_w": ("Class", 14, 27),
    "pima_diabetes/pima_diabetes": ("class", 20, 39),
    "letter/letter": ("class", 1160, 2319),
}


# Categories that a set declares and no row has.
UNUSED = {"german_credit/german_credit": {"purpose": "vacation", "personal_status": "female single"}}


def medians(work: dict, rounds: int) -> dict:
    """The median seconds of each piece of work, run in turns."""
    seconds: dict[str, list[float]] = {name: [] for name in work}
    for _ in range(rounds):
        for name, run in work.items():
            start = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - start)
    return {name: statistics.median(times) for name, times in seconds.items()}


def table(rows: list[dict]) -> str:
    """Rows as a table in Markdown."""
    names = list(rows[0])
    lines = ["| " + " | ".join(names) + " |", "| " + " | ".join("---" for _ in names) + " |"]
    lines += ["| " + " | ".join(str(row[name]) for name in names) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def machine() -> str:
    """Where and with what a table was measured; how much else the machine had to do."""
    versions = f"Python {platform.python_version()}, NumPy {np.__version__}, scikit-learn {sklearn.__version__}"
    busy = os.getloadavg()[0]
    shared = f"; the machine was shared (load {busy:.1f})" if busy > 1.5 else ""
    return f"{os.cpu_count()} cores, {platform.machine()}; {versions}; numba {numba.__version__}{shared}."


def write(name: str, title: str, rows: list[dict], note: str = "") -> None:
    command = f"`python benchmarks/tree.py {name.removeprefix('tree_').replace('_', '-')} --write`"
    text = f"# {title}\n\n{command}; {machine()}\n\n{note}{table(rows)}"
    if "--write" in sys.argv:
        (RESULTS / f"{name}.md").write_text(text)
    print(text)


class LightGBMTree:
    """One LightGBM tree as large as the others may become. It is another tree: its leaves are Newton steps."""

    def __init__(self, depth):
        leaves = 2**depth if depth else 131071
        self.settings = {
            "objective": "binary", "learning_rate": 1.0, "num_leaves": leaves, "max_depth": depth or -1,
            "min_data_in_leaf": 1, "min_sum_hessian_in_leaf": 0.0, "max_bin": 255, "verbose": -1,
        }  # fmt: skip

    def fit(self, X, y):
        import lightgbm

        data = lightgbm.Dataset(X, y, params={"verbose": -1, "max_bin": 255})
        self.booster = lightgbm.train(self.settings, data, num_boost_round=1)

    def score(self, X, y):
        return float(((self.booster.predict(X) > 0.5) == y).mean())

    def get_n_leaves(self):
        return self.booster.dump_model()["tree_info"][0]["num_leaves"]


def peers(depth, n_classes: int) -> dict:
    """Other libraries' trees, of those that can be imported here."""
    found: dict = {}
    if find_spec("lightgbm") and n_classes == 2:  # with more classes it grows a tree for each
        found["LightGBM, one tree"] = LightGBMTree(depth)
    if find_spec("sklearnex"):
        from sklearnex.ensemble import RandomForestClassifier

        forest = RandomForestClassifier(1, bootstrap=False, max_features=None, max_depth=depth, random_state=0)
        found["scikit-learn-intelex, forest of one"] = forest
    return found


def n_leaves(model) -> int:
    """The number of leaves of a tree, or of the only tree of a forest."""
    return (model if hasattr(model, "get_n_leaves") else model.estimators_[0]).get_n_leaves()


def speed() -> None:
    rows = []
    for n, d, n_classes, depth, rounds in (
        (500_000, 20, 2, 12, 3),
        (100_000, 50, 10, None, 3),
        (5_000, 20, 2, None, 15),
    ):
        X, y = make_classification(
            n + n // 5, d, n_informative=d // 2, n_redundant=0, n_classes=n_classes, random_state=0,
            n_clusters_per_class=2 if n_classes == 2 else 1, flip_y=0.01,
        )  # fmt: skip
        X = X.astype(np.float32)
        X, y, X_test, y_test = X[:n], y[:n], X[n:], y[n:]
        models = {
            "scikit-learn": Reference(max_depth=depth, random_state=0),
            **peers(depth, n_classes),
            "exact": DecisionTreeClassifier(max_depth=depth, max_bins=None),
            "histogram": DecisionTreeClassifier(max_depth=depth, max_bins=255),
        }
        for model in models.values():
            model.fit(X[:3000], y[:3000])
        seconds = medians({name: partial(model.fit, X, y) for name, model in models.items()}, rounds)
        for name, value in seconds.items():
            rows.append(
                {
                    "table": f"{n} x {d}, {n_classes} classes, depth {depth or 'to purity'}",
                    "tree": name,
                    "fit, s": f"{value:.4f}",
                    "times faster": f"{seconds['scikit-learn'] / value:.1f}",
                    "accuracy": f"{models[name].score(X_test, y_test):.4f}",
                    "leaves": int(n_leaves(models[name])),
                }
            )
            print(rows[-1], flush=True)
    versions = [f"{name} {version(name)}" for name in ("lightgbm", "scikit-learn-intelex") if installed(name)]
    note = f"Peers: {', '.join(versions)}.\n\n" if versions else "No peer was installed.\n\n"
    write("tree_speed", "Growing one tree", rows, note)


def installed(name: str) -> bool:
    try:
        version(name)
    except PackageNotFoundError:
        return False
    return True


def predict() -> None:
    """Predicting a row, a thousand, and a large table; deep trees and shallow ones, with and without missing values."""
    rows = []
    for n, d, n_classes, depth, missing in (
        (500_000, 20, 2, 12, 0.0),
        (100_000, 50, 10, None, 0.0),
        (100_000, 20, 2, 12, 0.1),
        (5_000, 20, 2, None, 0.0),
    ):
        X, y = make_classification(
            n, d, n_informative=d // 2, n_redundant=0, n_classes=n_classes, random_state=0,
            n_clusters_per_class=2 if n_classes == 2 else 1, flip_y=0.01,
        )  # fmt: skip
        X = X.astype(np.float32)
        X[np.random.default_rng(0).uniform(size=X.shape) < missing] = np.nan
        some = slice(0, min(n, 100_000))
        theirs = Reference(max_depth=depth, random_state=0).fit(X[some], y[some])
        ours = DecisionTreeClassifier(max_depth=depth, max_bins=None).fit(X[some], y[some])
        for m in sorted({1, 1000, n}):
            part = np.ascontiguousarray(X[:m])
            for method in ("predict", "predict_proba"):
                work = {tree: getattr(tree, method) for tree in (theirs, ours)}
                for run in work.values():
                    run(part)
                seconds = medians({tree: partial(run, part) for tree, run in work.items()}, 300 if m <= 1000 else 11)
                rows.append(
                    {
                        "tree": f"{d} columns, {n_classes} classes, depth {depth or 'to purity'}"
                        + (f", {missing:.0%} missing" if missing else ""),
                        "rows": m,
                        "method": method,
                        "scikit-learn, us": f"{1e6 * seconds[theirs]:.0f}",
                        "skdl, us": f"{1e6 * seconds[ours]:.0f}",
                        "times faster": f"{seconds[theirs] / seconds[ours]:.1f}",
                    }
                )
    write("tree_predict", "Predicting", rows)


def family() -> None:
    """Members of a bag, each with rows and a seed of its own, as one family and one by one."""
    rows = []
    for n, d, n_members, setting in (
        (100_000, 20, 8, {"max_bins": None}),
        (100_000, 20, 8, {"max_bins": 255, "max_depth": 12}),
        (5_000, 20, 40, {}),
    ):
        X, y = make_classification(n, d, n_informative=d // 2, n_redundant=0, random_state=0, flip_y=0.01)
        X, rng = X.astype(np.float32), np.random.default_rng(0)
        splits = [rng.integers(n, size=n) for _ in range(n_members)]
        candidates = [{"random_state": seed} for seed in range(n_members)]
        pairs = [(member, member) for member in range(n_members)]
        estimator = DecisionTreeClassifier(**setting)

        def together(some=pairs, model=estimator, X=X, y=y, candidates=candidates, splits=splits):
            return list(fit_family(model, X, y, candidates=candidates, splits=splits, pairs=some))

        def alone(some=pairs, setting=setting, X=X, y=y, splits=splits):
            models = [DecisionTreeClassifier(**setting, random_state=member) for member, _ in some]
            return [model.fit(X[splits[j]], y[splits[j]]) for model, (_, j) in zip(models, some, strict=True)]

        together(pairs[:2])
        alone(pairs[:1])
        seconds = medians({"family": together, "one by one": alone}, 3)
        singles = alone()
        same = sum(
            np.array_equal(member.tree_.threshold, singles[i].tree_.threshold)
            and np.array_equal(member.tree_.value, singles[i].tree_.value)
            for i, _, member in together()
        )
        rows.append(
            {
                "table": f"{n} x {d}",
                "setting": setting or "default",
                "members": n_members,
                "identical": same,
                "one by one, s": f"{seconds['one by one']:.2f}",
                "family, s": f"{seconds['family']:.2f}",
                "times faster": f"{seconds['one by one'] / seconds['family']:.2f}",
            }
        )
    write("tree_family", "Bags of trees: members with rows and seeds of their own", rows)


def grid() -> None:
    """19 depths x 8 alphas x 5 folds as one family and as a search, against single fits."""
    X, y = make_classification(10_000, 20, n_informative=10, n_redundant=0, random_state=0, flip_y=0.05)
    X = X.astype(np.float32)
    grid = {"max_depth": list(range(2, 21)), "ccp_alpha": np.geomspace(1e-5, 1e-2, 8).tolist()}
    candidates = list(ParameterGrid(grid))
    splits = list(KFold(5, shuffle=True, random_state=0).split(X))
    estimator = DecisionTreeClassifier()

    def family():
        return list(fit_family(estimator, X, y, candidates=candidates, splits=[train for train, _ in splits]))

    def search():
        return GridSearchCV(estimator, grid, cv=splits).fit(X, y)

    family()
    ours = search()
    seconds = medians(
        {
            "8 single fits": lambda: [DecisionTreeClassifier().fit(X, y) for _ in range(8)],
            "8 single fits of scikit-learn": lambda: [Reference(random_state=0).fit(X, y) for _ in range(8)],
            "760 members as a family": family,
            "the search: the family, its scores, the refit": search,
        },
        9,
    )
    theirs = ReferenceSearch(estimator, grid, cv=splits).fit(X, y)
    same = sum(
        int((ours.cv_results_[name] == theirs.cv_results_[name]).sum())
        for name in (f"split{j}_test_score" for j in range(5))
    )
    rows = [
        {"work": name, "ms": f"{1000 * value:.0f}", "of 8 single fits": f"{value / seconds['8 single fits']:.2f}"}
        for name, value in seconds.items()
    ]
    note = f"Scores identical to those of scikit-learn's search over the same estimator: {same} of 760.\n\n"
    write("tree_grid", "A grid of 19 depths x 8 alphas x 5 folds, 10,000 x 20", rows, note)


_FIRST_CALL = """
import time
import numpy as np
import sklearn.tree
rng = np.random.default_rng(0)
X = rng.normal(size=(5000, 20)).astype(np.float32); y = (X[:, 0] + X[:, 1] > 0).astype(int)
{data}
start = time.perf_counter()
from skdl.tree import C45Classifier, DecisionTreeClassifier, DecisionTreeRegressor
imported = time.perf_counter()
model = {model}; model.fit(X, y{weight}).predict(X)
first = time.perf_counter()
model.fit(X, y{weight}).predict(X)
print(imported - start, first - imported, time.perf_counter() - first)
"""

_MODES = {  # name: (model, data, weight)
    "exact": ("DecisionTreeClassifier()", "", ""),
    "exact, 5 classes": ("DecisionTreeClassifier()", "y = np.digitize(X[:, 0], [-1, 0, 1, 2])", ""),
    "exact, weighted": ("DecisionTreeClassifier()", "", ", X[:, 2] ** 2"),
    "exact, missing values": ("DecisionTreeClassifier()", "X[::7] = np.nan", ""),
    "exact, categories": ("DecisionTreeClassifier(categorical_features=[3])", "X[:, 3] = np.arange(5000) % 7", ""),
    "exact, two outputs": ("DecisionTreeClassifier()", "y = np.stack([y, X[:, 3] > 0], axis=1)", ""),
    "exact, random splits": ("DecisionTreeClassifier(splitter='random')", "", ""),
    "exact, regression": ("DecisionTreeRegressor()", "y = X[:, 0] + X[:, 1]", ""),
    "exact, absolute error": (
        "DecisionTreeRegressor(criterion='absolute_error', max_depth=3)", "y = X[:, 0] + X[:, 1]", ""
    ),
    "histogram": ("DecisionTreeClassifier(max_bins=255)", "", ""),
    "histogram, weighted": ("DecisionTreeClassifier(max_bins=255)", "", ", X[:, 2] ** 2"),
    "histogram, regression": ("DecisionTreeRegressor(max_bins=255)", "y = X[:, 0] + X[:, 1]", ""),
    "C4.5": ("C45Classifier()", "", ""),
}  # fmt: skip


def first_call() -> None:
    """What the first fit and predict of a fresh process cost: nothing compiled yet, and with the kernels on disk."""
    rows = []
    with TemporaryDirectory() as empty:
        for name, (model, data, weight) in _MODES.items():
            program = _FIRST_CALL.format(model=model, data=data, weight=weight)

            def run(program=program):
                out = subprocess.check_output(
                    [sys.executable, "-c", program], text=True, env={**os.environ, "NUMBA_CACHE_DIR": empty}
                )
                return [float(number) for number in out.split()]

            compiled = run()[1]
            imported, first, second = (
                statistics.median(column) for column in zip(*[run() for _ in range(3)], strict=True)
            )
            rows.append(
                {
                    "mode": name,
                    "compiling what earlier rows left, s": f"{compiled:.1f}",
                    "import, s": f"{imported:.2f}",
                    "first call, s": f"{first:.2f}",
                    "second call, s": f"{second:.3f}",
                    "added by the first call, s": f"{first - second:.2f}",
                }
            )
            print(rows[-1], flush=True)
    write("tree_first_call", "First call in a fresh process (5,000 x 20, fit and predict)", rows)


def read(file: str, target: str):
    frame = pd.read_csv(Path(os.environ["SKDL_DATA"]) / file, keep_default_na=False, na_values=["?"])
    y = frame.pop(target).to_numpy()
    for column in frame.columns:
        if frame[column].dtype.kind not in "biuf":
            frame[column] = frame[column].astype("category")
    return frame, np.asarray(y.tolist())


def trees() -> None:
    """C4.5's trees next to those of J48."""
    rows = []
    for name, (target, leaves, nodes) in TREES.items():
        X, y = read(f"{name}.csv.gz", target)
        for column, category in UNUSED.get(name, {}).items():
            X[column] = X[column].cat.add_categories([category])
        tree = C45Classifier().fit(X, y).tree_
        rows.append(
            {
                "set": name.split("/")[1],
                "leaves": tree.n_leaves,
                "nodes": tree.node_count,
                "J48's leaves": leaves,
                "J48's nodes": nodes,
                "the same": "yes" if (tree.n_leaves, tree.node_count) == (leaves, nodes) else "no",
            }
        )
    note = (
        "CF 0.25, two cases, all rows. J48's figures have no source: they were written down from memory.\n"
        "(The one printed tree that could be read, of iris, is a test: tests/tree/test_textbook.py.) J48 makes an\n"
        "empty leaf for a category that the ARFF file declares and no row has, so those of german_credit are declared\n"
        "here too; glass has such a class. Why the other sets differ was not looked into.\n\n"
    )
    write("tree_trees", "C4.5's trees", rows, note)


def error(X, y, folds=StratifiedKFold) -> tuple[float, float]:
    """C4.5's error in ten 10-fold cross-validations, in percent, and the standard deviation of the ten."""
    repeats = []
    for seed in range(10):
        wrong = 0
        for train, test in folds(10, shuffle=True, random_state=seed).split(X, y):
            wrong += (C45Classifier().fit(X.iloc[train], y[train]).predict(X.iloc[test]) != y[test]).sum()
        repeats.append(100.0 * wrong / len(y))
    return float(np.mean(repeats)), float(np.std(repeats, ddof=1))


# The categories of heart_c in the order of the numbers that stand for them in the UCI file.
HEART_NUMBERS = {
    "sex": ["female", "male"],
    "cp": ["typ_angina", "atyp_angina", "non_anginal", "asympt"],
    "fbs": ["f", "t"],
    "restecg": ["normal", "st_t_wave_abnormality", "left_vent_hyper"],
    "exang": ["no", "yes"],
    "slope": ["up", "flat", "down"],
    "thal": ["normal", "fixed_defect", "reversable_defect"],
}


def heart_c() -> None:
    """What the error of C4.5 on heart_c hangs on: which columns are numbers, the missing values, the folds."""
    X, y = read("heart_c/heart_c.csv.gz", "num")
    published = 100 - PUBLISHED["heart_c"][2]
    whole = X.notna().all(axis=1).to_numpy()
    cases = {
        "as the file declares them: 6 numbers, 7 categories": (X, y, StratifiedKFold),
        "the same, folds not stratified": (X, y, KFold),
        "the same, without the rows that have a missing value": (X[whole], y[whole], StratifiedKFold),
        "ca as a category": (X.assign(ca=X["ca"].astype("category")), y, StratifiedKFold),
    }
    for k in (1, 2, 7):
        for names in combinations(HEART_NUMBERS, k):
            numbers = {
                name: X[name]
                .astype(object)
                .map({value: i for i, value in enumerate(HEART_NUMBERS[name])})
                .astype(float)
                for name in names
            }
            cases[f"{', '.join(names)} as numbers"] = (X.assign(**numbers), y, StratifiedKFold)
    rows, near = [], 0
    for name, case in cases.items():
        mean, spread = error(*case)
        rows.append({"columns": name, "error, %": f"{mean:.2f}", "sd of the ten runs": f"{spread:.2f}"})
        rows[-1]["within one sd"] = "yes" if abs(mean - published) <= spread else "no"
        near += name.count(",") == 1 and name.endswith("as numbers") and rows[-1]["within one sd"] == "yes"
    note = (
        f"Published: {published:.1f} %, from memory. Two classes as there ({', '.join(np.unique(y).tolist())}); the\n"
        "tree of all rows is as large as J48's (tree_trees.md). The file has six numbers and seven categories; the\n"
        "paper lists eight continuous and five discrete attributes (from memory as well, and not which). Of the 21\n"
        f"ways to count two more columns as numbers {near} come within a standard deviation of that error, and so do\n"
        "folds that are not stratified and the rows without a missing value. So the coding of the columns may be the\n"
        "cause, or the folds; it cannot be told without the paper.\n\n"
    )
    write("tree_heart_c", "C4.5 on heart_c: ten 10-fold cross-validations", rows, note)


def quinlan() -> None:
    """C4.5's errors in ten 10-fold cross-validations next to the published ones."""
    rows = []
    for name, (file, target, published) in PUBLISHED.items():
        mean, spread = error(*read(f"{name}/{file}", target))
        rows.append(
            {
                "set": name,
                "error, %": f"{mean:.2f}",
                "sd of the ten runs": f"{spread:.2f}",
                "published error, %": f"{100 - published:.1f}",
                "difference": f"{mean - 100 + published:+.2f}",
            }
        )
        print(rows[-1], flush=True)
    write(
        "tree_quinlan",
        "C4.5: errors of ten 10-fold cross-validations",
        rows,
        "Published: Quinlan, AAAI-96, table 1, as the README of the data sets quotes it from memory; the paper was\n"
        "not at hand. The error of heart_c lies 1.5 standard deviations off; tree_heart_c.md says what was found.\n\n",
    )


if __name__ == "__main__":
    parts = {
        "speed": speed,
        "predict": predict,
        "grid": grid,
        "family": family,
        "first-call": first_call,
        "trees": trees,
        "heart-c": heart_c,
        "quinlan": quinlan,
    }
    for part in [name for name in sys.argv[1:] if name != "--write"] or parts:
        parts[part]()
