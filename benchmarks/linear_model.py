"""Linear models against scikit-learn and scikit-learn-intelex.

    python benchmarks/linear_model.py [--rounds 3] [--only logistic]

Each competitor runs in a process of its own, started with its own thread settings; scikit-learn runs twice, as it comes
and with OPENBLAS_NUM_THREADS=1. Beside each row stands the largest objective of the others, relative to ours.
"""

import importlib.util
import json
import os
import re
import subprocess
import sys
import time
import warnings

import numpy as np
from _measure import Row, main

SETTINGS = {
    # name: (n, d, classes, dtype, parameters)
    "logistic 200k x 100, 10 classes, float32": (200_000, 100, 10, "float32", {}),
    "logistic 200k x 100, correlated, float32": (200_000, 100, 10, "float32", {"correlated": True}),
    "logistic 200k x 100, 10 classes, float64": (200_000, 100, 10, "float64", {}),
    "logistic 60k x 784, correlated, float32": (60_000, 784, 10, "float32", {"correlated": True}),
    "logistic 1M x 20, 2 classes, float32": (1_000_000, 20, 2, "float32", {}),
    "logistic digits (1797 x 64)": ("digits", 64, 10, "float64", {}),
    "logistic iris (150 x 4)": ("iris", 4, 3, "float64", {}),
    "logistic 3k x 40, 8 classes, float64": (3000, 40, 8, "float64", {}),
    "logistic 10k x 50, 3 classes, correlated, float64": (10_000, 50, 3, "float64", {"correlated": True}),
    "logistic path 10 C x 5 folds, 50k x 50": (50_000, 50, 10, "float64", {"path": True, "correlated": True}),
    "elastic net 20k x 50, 5 classes": (20_000, 50, 5, "float64", {"l1_ratio": 0.5, "C": 0.01}),
    "ridge 200k x 100": (200_000, 100, 0, "float64", {}),
    "linear regression 200k x 100": (200_000, 100, 0, "float64", {}),
    "perceptron 50k x 50, 10 classes": (50_000, 50, 10, "float64", {"shuffle": False, "max_iter": 10, "tol": None}),
}
CASES = {
    # what is timed, and how many times our seconds the best other is meant to take
    "logistic 200k x 100, 10 classes, float32": 20,
    "logistic 200k x 100, correlated, float32": 20,
    "logistic 200k x 100, 10 classes, float64": 20,
    "logistic 60k x 784, correlated, float32": 15,
    "logistic 1M x 20, 2 classes, float32": 5,
    "logistic path 10 C x 5 folds, 50k x 50": 15,
    "logistic digits (1797 x 64)": None,
    "logistic iris (150 x 4)": None,
    "logistic 3k x 40, 8 classes, float64": None,
    "logistic 10k x 50, 3 classes, correlated, float64": None,
    "elastic net 20k x 50, 5 classes": None,
    "ridge 200k x 100": None,
    "linear regression 200k x 100": None,
    "perceptron 50k x 50, 10 classes": None,
}
SLOW_CASES = re.compile("784|path|elastic")


def make_data(n, d, n_classes, dtype, correlated):
    if isinstance(n, str):
        from sklearn import datasets

        X, y = getattr(datasets, f"load_{n}")(return_X_y=True)
        return X.astype(dtype), y
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n, d)).astype(dtype)
    if correlated:
        # Columns as real tables have them: their principal variances fall as 1 / j ** 2.
        Q = np.linalg.qr(rng.standard_normal((d, d)))[0]
        X = X @ (np.sqrt(d) * Q / np.arange(1, d + 1)[:, None]).astype(dtype) @ Q.T.astype(dtype)
    if n_classes == 0:
        return X, X @ rng.standard_normal(d).astype(dtype) + rng.standard_normal(n)
    W = rng.standard_normal((n_classes, d)) * (3.0 / np.sqrt(d))
    return X, (X @ W.T.astype(dtype) + rng.gumbel(size=(n, n_classes))).argmax(axis=1)


def objective(model, X, y, parameters):
    """What was minimized: the mean, so that float32 sums do not matter."""
    scores = X.astype(np.float64) @ np.atleast_2d(model.coef_).astype(np.float64).T + model.intercept_
    if "alpha" in model.get_params():
        return ((y - scores[:, 0]) ** 2).sum() + (model.coef_.astype(np.float64) ** 2).sum() * float(model.alpha)
    if not hasattr(model, "classes_"):
        return ((y - scores[:, 0]) ** 2).sum()
    from scipy.special import log_softmax

    scores = np.hstack([np.zeros_like(scores), scores]) if scores.shape[1] == 1 else scores
    ratio, C = parameters.get("l1_ratio", 0.0), parameters.get("C", 1.0)
    W = model.coef_.astype(np.float64)
    loss = -log_softmax(scores, axis=1)[np.arange(len(y)), np.searchsorted(model.classes_, y)].sum()
    return C * loss + (1 - ratio) * 0.5 * (W**2).sum() + ratio * np.abs(W).sum()


def make_fit(side: str, case: str):
    """A function without arguments that fits once and returns the model or the models."""
    n, d, n_classes, dtype, parameters = SETTINGS[case]
    parameters = dict(parameters)
    X, y = make_data(n, d, n_classes, dtype, parameters.pop("correlated", False))
    name = {"log": "LogisticRegression", "ela": "LogisticRegression", "rid": "Ridge", "lin": "LinearRegression"}.get(
        case[:3], "Perceptron"
    )
    if side == "sklearnex" and name != "Perceptron":
        import sklearnex.linear_model as room
    elif side == "skdl":
        import skdl.linear_model as room
    else:
        import sklearn.linear_model as room
    cls = getattr(room, name)
    if parameters.pop("path", False):
        from sklearn.model_selection import StratifiedKFold

        from skdl.base import fit_family, fit_one_by_one

        splits = [train for train, _ in StratifiedKFold(5).split(X, y)]
        candidates = [{"C": C} for C in np.logspace(-4, 4, 10)]
        fit = fit_family if side == "skdl" else fit_one_by_one
        return lambda: list(fit(cls(), X, y, candidates=candidates, splits=splits)), X, y, parameters
    if case.startswith("elastic") and side != "skdl":
        parameters["solver"] = "saga"
    if "2 classes" in case and side != "skdl":
        parameters["solver"] = "newton-cholesky"
    return lambda: cls(**parameters).fit(X, y), X, y, parameters


def serve(side: str, case: str) -> None:
    """Run one competitor: a fit for each line of the standard input, its seconds and objective in return."""
    warnings.simplefilter("ignore")
    fit, X, y, parameters = make_fit(side, case)
    print(json.dumps("ready"), flush=True)
    for _ in sys.stdin:
        start = time.perf_counter()
        model = fit()
        seconds = time.perf_counter() - start
        value = None if isinstance(model, list) else objective(model, X, y, parameters)
        print(json.dumps([seconds, value]), flush=True)


def count_products(case: str) -> float:
    """The operations in the products of one fit of ours, in FLOP."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    fit, *_ = make_fit("skdl", case)
    with FlopCounterMode(display=False) as counter, warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        fit()
    return float(counter.get_total_flops())


class Competitor:
    """A process that fits once for each line that it is sent; started when it is first asked."""

    def __init__(self, side: str, case: str):
        self.side, self.case = side, case
        self.process: subprocess.Popen | None = None
        self.value: float | None = None

    def __call__(self) -> float:
        if self.process is None:
            settings = {"OPENBLAS_NUM_THREADS": "1"} if "1 BLAS thread" in self.side else {}
            room = self.side.split(",")[0].replace("scikit-learn", "sklearn")
            self.process = subprocess.Popen(
                [sys.executable, __file__, "--serve", room, self.case], stdin=subprocess.PIPE,
                stdout=subprocess.PIPE, text=True, env={**os.environ, **settings},
            )  # fmt: skip
            self.process.stdout.readline()
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        seconds, self.value = json.loads(self.process.stdout.readline())
        return seconds

    def stop(self) -> None:
        if self.process is not None:
            self.process.stdin.close()
            self.process.wait()


def rows(options):
    """The rows of the table."""
    sides = ["skdl", "scikit-learn", "scikit-learn, 1 BLAS thread"]
    if importlib.util.find_spec("sklearnex") is not None:
        sides.append("sklearnex")
    for case, mark in CASES.items():
        if options.only not in case or (options.quick and SLOW_CASES.search(case)):
            continue
        others = sides
        if "2 classes" in case:
            others = ["skdl", *(f"{side}, newton-cholesky" for side in sides[1:])]
        competitors = {side: Competitor(side, case) for side in others}

        def gap(competitors=competitors):
            values = [competitor.value for competitor in competitors.values()]
            if None in values:
                return ""
            return f"objectives {max(value / values[0] - 1 for value in values[1:]):+.0e}"

        def stop(competitors=competitors):
            for competitor in competitors.values():
                competitor.stop()

        dtype = "float32" if "float32" in case else "float64"
        yield Row(case, competitors, mark, lambda case=case: count_products(case), 0.0, dtype, gap, stop)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        serve(*sys.argv[2:])
    else:
        main(__doc__.splitlines()[0], rows)
