"""Linear models against scikit-learn and scikit-learn-intelex: interleaved medians of one run.

    python benchmarks/linear_model.py [--quick] [--repeats 3] [--only logistic]

Each competitor runs in a process of its own, started with its own thread settings, and they take turns: one fit each
per round, so that a disturbance hits all alike. Printed are the median seconds, the ratio to ours, the objective
relative to ours, and for ours the share of the machine's GEMM peak that its products reached (the peak is measured in
the same run). scikit-learn runs twice, as it comes and with OPENBLAS_NUM_THREADS=1; scikit-learn-intelex where it is
installed.
"""

import argparse
import json
import os
import subprocess
import sys
import time
import warnings

import numpy as np

CASES = {
    # name: (n, d, classes, dtype, parameters)
    "logistic 200k x 100, 10 classes, float32": (200_000, 100, 10, "float32", {}),
    "logistic 200k x 100, correlated, float32": (200_000, 100, 10, "float32", {"correlated": True}),
    "logistic 200k x 100, 10 classes, float64": (200_000, 100, 10, "float64", {}),
    "logistic 60k x 784, correlated, float32": (60_000, 784, 10, "float32", {"correlated": True}),
    "logistic 1M x 20, 2 classes, float32": (1_000_000, 20, 2, "float32", {}),
    "logistic digits (1797 x 64)": ("digits", 64, 10, "float64", {}),
    "logistic iris (150 x 4)": ("iris", 4, 3, "float64", {}),
    "logistic path 10 C x 5 folds, 50k x 50": (50_000, 50, 10, "float64", {"path": True, "correlated": True}),
    "elastic net 20k x 50, 5 classes": (20_000, 50, 5, "float64", {"l1_ratio": 0.5, "C": 0.01}),
    "ridge 200k x 100": (200_000, 100, 0, "float64", {}),
    "linear regression 200k x 100": (200_000, 100, 0, "float64", {}),
    "perceptron 50k x 50, 10 classes": (50_000, 50, 10, "float64", {"shuffle": False, "max_iter": 10, "tol": None}),
}


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
    n, d, n_classes, dtype, parameters = CASES[case]
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


def gemm_peak() -> float:
    """GFLOP/s of float32 products of square matrices."""
    import torch

    A = torch.randn(2048, 2048)
    A @ A
    seconds = []
    for _ in range(7):
        start = time.perf_counter()
        A @ A
        seconds.append(time.perf_counter() - start)
    return 2 * 2048**3 / float(np.median(seconds)) / 1e9


def count_products(case: str) -> float:
    """The operations in the products of one fit of ours, in GFLOP."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    fit, *_ = make_fit("skdl", case)
    with FlopCounterMode(display=False) as counter, warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        fit()
    return counter.get_total_flops() / 1e9


def start(side: str, case: str) -> subprocess.Popen | None:
    settings = {"OPENBLAS_NUM_THREADS": "1"} if side == "sklearn, 1 BLAS thread" else {}
    process = subprocess.Popen(
        [sys.executable, __file__, "--serve", side.split(",")[0], "--case", case], stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, text=True, env={**os.environ, **settings},
    )  # fmt: skip
    return process if process.stdout.readline() else None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", default="")
    parser.add_argument("--quick", action="store_true", help="leave out the slowest cases")
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    parser.add_argument("--case", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(options.serve, options.case)
        return
    sides = ["skdl", "sklearn", "sklearn, 1 BLAS thread"]
    try:
        import sklearnex  # noqa: F401

        sides.append("sklearnex")
    except ImportError:
        print("scikit-learn-intelex is not installed here and is left out.")
    print(f"{'':42}" + "".join(f"{side:>36}" for side in sides))
    for case in CASES:
        slow = "784" in case or "path" in case
        if options.only not in case or (options.quick and slow):
            continue
        processes = {side: start(side, case) for side in sides}
        times: dict[str, list[float]] = {side: [] for side in sides}
        values: dict[str, float | None] = {}
        for round_ in range(options.repeats + 1):
            for side, process in processes.items():
                # A slow competitor runs once cold and once more; the first round of all others only warms up.
                if process is None or (round_ > 1 and times[side] and times[side][-1] > 20):
                    continue
                process.stdin.write("\n")
                process.stdin.flush()
                seconds, values[side] = json.loads(process.stdout.readline())
                if round_ or seconds > 20:
                    times[side].append(seconds)
        for process in processes.values():
            if process is not None:
                process.stdin.close()
                process.wait()
        ours = float(np.median(times["skdl"]))
        cells = []
        for side in sides:
            if not times[side]:
                cells.append("-")
                continue
            median = float(np.median(times[side]))
            gap = "" if values[side] is None else f" {values[side] / values['skdl'] - 1:+.0e}"
            cells.append(f"{median:.4f} s ({median / ours:.1f}x{gap})")
        peak, work = gemm_peak(), count_products(case)
        share = f"  {work:.1f} GFLOP, {100 * work / ours / peak:.0f}% of a peak of {peak:.0f}"
        print(f"{case:42}" + "".join(f"{cell:>36}" for cell in cells) + share, flush=True)


if __name__ == "__main__":
    main()
