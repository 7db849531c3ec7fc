"""Cylinder, bell and funnel, drawn anew: networks from their defaults beside the nearest neighbour by time warping.

Run it with ``python benchmarks/cbf.py``. The set ``cbf`` has 30 training series, and which 30 they are decides as much
as the method does: so 24 training sets, and 1,000 test series for each, are drawn from the process that it was drawn
from (Saito 1994), standardised one by one. Settings may be chosen by this, without a look at the set's test rows.
Writes benchmarks/results/cbf.md. ``--models``, ``--draws`` and ``--settings`` (JSON) choose less, and write nothing.
"""

import argparse
import json
import os
import platform

import numpy as np
import torch
from _cells import RESULTS
from numba import njit

from skdl.neural import CNNClassifier, RNNClassifier, TCNClassifier

MODELS = {"tcn": TCNClassifier, "rnn": RNNClassifier, "1-d cnn": CNNClassifier}
NEIGHBOUR = "1-nn dtw"
N_STEPS, DRAWS = 128, 24


def draw(y: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return a series ``(n, 128)`` for each class: 0 cylinder, 1 bell, 2 funnel."""
    time = np.arange(1, N_STEPS + 1)
    begin = rng.integers(16, 33, size=len(y))[:, None]
    end = begin + rng.integers(32, 97, size=len(y))[:, None]
    rise = (time - begin) / (end - begin)
    shape = np.choose(y[:, None], [np.ones_like(rise), rise, 1.0 - rise]) * ((time >= begin) & (time <= end))
    X = (6.0 + rng.normal(size=(len(y), 1))) * shape + rng.normal(size=shape.shape)
    return (X - X.mean(axis=1, keepdims=True)) / X.std(axis=1, keepdims=True)


@njit
def warped_distance(a, b):
    row = np.full(len(b) + 1, np.inf)
    row[0] = 0.0
    for value in a:
        diagonal, row[0] = row[0], np.inf
        for j in range(len(b)):
            least = min(diagonal, row[j], row[j + 1])
            diagonal, row[j + 1] = row[j + 1], (value - b[j]) ** 2 + least
    return row[-1]


@njit
def nearest(X, queries):
    found = np.empty(len(queries), np.int64)
    for i in range(len(queries)):
        found[i] = np.argmin(np.array([warped_distance(queries[i], series) for series in X]))
    return found


def score(model: str, draw_number: int, settings: dict) -> float:
    rng = np.random.default_rng(draw_number)
    y, y_test = np.arange(30) % 3, rng.integers(3, size=1000)
    X, X_test = draw(y, rng), draw(y_test, rng)
    if model == NEIGHBOUR:
        return float(np.mean(y[nearest(X, X_test)] == y_test))
    estimator = MODELS[model](device="cpu", random_state=draw_number, **settings)
    return float(estimator.fit(X, y).score(X_test, y_test))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = [NEIGHBOUR, *MODELS]
    parser.add_argument("--models", nargs="*", default=names, choices=names)
    parser.add_argument("--draws", type=int, default=DRAWS)
    parser.add_argument("--settings", type=json.loads, default={})
    arguments = parser.parse_args()
    lines = ["# Cylinder, bell and funnel, drawn anew", "", *(__doc__ or "").splitlines()[2:5], ""]
    lines += ["| model | mean | standard error | worst | best |", "|" + " --- |" * 5]
    for model in arguments.models:
        scores = np.array([score(model, number, arguments.settings) for number in range(arguments.draws)])
        error = scores.std(ddof=1) / np.sqrt(len(scores))
        lines.append(f"| {model} | {scores.mean():.4f} | {error:.4f} | {scores.min():.3f} | {scores.max():.3f} |")
        print(lines[-1], flush=True)
    lines += ["", f"{platform.machine()}, {os.cpu_count()} cores, torch {torch.__version__}, NumPy {np.__version__}."]
    if arguments.models == names and arguments.draws == DRAWS and not arguments.settings:
        (RESULTS / "cbf.md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
