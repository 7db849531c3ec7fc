"""Accuracy on pictures and series: ``CNNClassifier`` from its defaults.

Run it with ``SKDL_DATA=<folder> python benchmarks/images.py``. Fashion-MNIST's official 60,000 training pictures are
learnt by ``lenet`` and by ``auto``, the official training series of UCR and UEA sets by ``auto``, with three seeds
each, on the CPU; scores are those of the official test sets.

Each finished fit is a line of benchmarks/results/images.jsonl, and is not done again: a run that is cut short goes on
where it was. ``--sets`` and ``--seeds`` choose some; ``--report`` only writes benchmarks/results/images.md;
``--forget`` drops all cells of an architecture, before it or its defaults change. ``--jobs 8`` fits in eight processes
of one thread each, ``--minutes 5`` begins no fit after five minutes. ``--validate N`` scores what is learnt from N
training pictures on 6,000 others, and writes nothing: settings are chosen by that.
"""

import argparse
import json
import os
import platform
import resource
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from _cells import RESULTS, Cells, Watch, add_run_options

from skdl.neural import CNNClassifier

SEEDS = (0, 1, 2)
CELLS = Cells("images", key=("set", "architecture", "seed"))

# Set and architecture, dear ones first. What is asked for: on Fashion-MNIST the project's marks, on series the accuracy
# of the nearest neighbour by dynamic time warping (the data's README).
MARKS = {
    ("fashion_mnist", "auto"): 0.92,
    ("fashion_mnist", "lenet"): 0.90,
    ("osu_leaf", "auto"): 0.591,
    ("arrowhead", "auto"): 0.703,
    ("gunpoint", "auto"): 0.907,
    ("coffee", "auto"): 1.000,
    ("basic_motions", "auto"): 1.000,
    ("cbf", "auto"): 0.997,
    ("italy_power_demand", "auto"): 0.950,
}


def read(folder: Path, name: str) -> tuple[np.ndarray, ...]:
    """Return X_train, y_train, X_test, y_test; series of one channel without the axis of channels."""
    with np.load(folder / name / f"{name}.npz", allow_pickle=False) as data:
        parts = [data[key] for key in ("X_train", "y_train", "X_test", "y_test")]
    if name != "fashion_mnist" and parts[0].shape[1] == 1:
        parts[0], parts[2] = parts[0][:, 0], parts[2][:, 0]
    return tuple(parts)


def make(name: str, architecture: str, seed: int, X: np.ndarray, **settings) -> CNNClassifier:
    """Defaults; series of several channels must be told from pictures."""
    if name != "fashion_mnist" and X.ndim == 3:
        settings["channels"] = "first"
    return CNNClassifier(architecture, device="cpu", random_state=seed, **settings)


def fit(set: str, architecture: str, seed: int) -> dict:
    X, y, X_test, y_test = read(Path(os.environ["SKDL_DATA"]), set)
    model, watch = make(set, architecture, seed, X), Watch()
    model.fit(X, y)
    cost = watch.read() | {"threads": torch.get_num_threads()}
    return {"epochs": model.n_iter_, "score": round(float(model.score(X_test, y_test)), 5), **cost}


def report(page: Path) -> None:
    frame = pd.DataFrame(CELLS.read(), columns=[*CELLS.key, "epochs", "score", "seconds", "cpu_seconds"])
    lines = ["# Accuracy on pictures and series", "", *(__doc__ or "").splitlines()[2:5], ""]
    lines += ["| set | architecture | mark | mean | each seed | epochs | seconds | CPU-seconds |", "|" + " --- |" * 8]
    missing = []
    for (name, architecture), mark in MARKS.items():
        part = frame[(frame["set"] == name) & (frame["architecture"] == architecture)].sort_values("seed")
        if len(part) < len(SEEDS):
            missing.append(f"{name} {architecture} ({len(part)} of {len(SEEDS)} seeds)")
        if len(part):
            each = ", ".join(f"{score:.4f}" for score in part["score"])
            means = part[["score", "epochs", "seconds", "cpu_seconds"]].mean()
            lines.append(
                f"| {name} | {architecture} | {mark:.3f} | {means['score']:.4f} | {each} | {means['epochs']:.0f} | "
                f"{means['seconds']:.0f} | {means['cpu_seconds']:.0f} |"
            )
    lines += ["", f"Not yet finished: {', '.join(missing)}." if missing else "All is finished.", ""]
    lines.append(f"{platform.machine()}, {os.cpu_count()} cores, torch {torch.__version__}, NumPy {np.__version__}.")
    lines.append("Seconds of a machine that others may have used at the same time. `python benchmarks/images.py`")
    page.write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


def validate(folder: Path, architecture: str, n: int, settings: dict) -> None:
    X, y, _, _ = read(folder, "fashion_mnist")
    order = np.random.default_rng(100).permutation(len(X))
    learnt, scored = order[:n], order[-6000:]
    start = resource.getrusage(resource.RUSAGE_SELF).ru_utime
    model = make("fashion_mnist", architecture, 0, X, **settings).fit(X[learnt], y[learnt])
    seconds = resource.getrusage(resource.RUSAGE_SELF).ru_utime - start
    print(architecture, n, settings, f"{model.score(X[scored], y[scored]):.4f}", f"{seconds:.0f} s", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = list(dict.fromkeys(name for name, _ in MARKS))
    parser.add_argument("--sets", nargs="*", default=names, choices=names)
    parser.add_argument("--seeds", nargs="*", type=int, default=list(SEEDS))
    parser.add_argument("--report", action="store_true", help="write the page from what is there")
    parser.add_argument("--forget", choices=("lenet", "auto"), help="drop this architecture's cells first")
    parser.add_argument("--validate", type=int, metavar="N")
    parser.add_argument("--architecture", default="auto", help="of --validate")
    parser.add_argument("--settings", type=json.loads, default={}, help="of --validate, as JSON")
    add_run_options(parser)
    arguments = parser.parse_args()
    folder = Path(os.environ["SKDL_DATA"])
    if arguments.validate:
        validate(folder, arguments.architecture, arguments.validate, arguments.settings)
        return
    if arguments.forget:
        CELLS.forget("architecture", arguments.forget)
    if not arguments.report:
        chosen = (
            {"set": name, "architecture": architecture, "seed": seed}
            for name, architecture in MARKS
            for seed in arguments.seeds
            if name in arguments.sets
        )
        CELLS.run(chosen, fit, arguments.jobs, arguments.minutes)
    report(RESULTS / "images.md")


if __name__ == "__main__":
    main()
