"""Accuracy on series and texts: ``RNNClassifier``, ``TCNClassifier`` and ``TransformerClassifier`` from their defaults.

Run it with ``SKDL_DATA=<folder> python benchmarks/sequences.py``. Series of UCR and UEA sets and raw strings are learnt
with three seeds each, on the CPU; scores are those of the official test sets, of every fifth message for sms_spam,
which has none, and of the last 1,600 articles for ag_news, as the data's README has it.

Each finished fit is a line of benchmarks/results/sequences.jsonl, and is not done again: a run that is cut short goes
on where it was. ``--sets``, ``--models`` and ``--seeds`` choose some; ``--report`` only writes
benchmarks/results/sequences.md; ``--forget`` drops all cells of a model, before it or its defaults change.
``--jobs 8`` fits in eight processes of one thread each, ``--minutes 5`` begins no fit after five minutes.
``--validate`` scores by three folds of the training set, and writes nothing: settings are chosen by that.
"""

import argparse
import json
import os
import platform
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from _cells import RESULTS, Cells, Watch, add_run_options
from sklearn.model_selection import StratifiedKFold, cross_val_score

from skdl.neural import RNNClassifier, TCNClassifier, TransformerClassifier

SEEDS = (0, 1, 2)
CELLS = Cells("sequences", key=("set", "model", "seed"))
MODELS = {"rnn": RNNClassifier, "tcn": TCNClassifier, "transformer": TransformerClassifier}

# Dear sets first. What is asked for: the accuracy of the nearest neighbour by dynamic time warping (the data's README),
# and the project's marks for japanese_vowels, basic_motions and the texts.
MARKS = {
    "osu_leaf": 0.591,
    "ag_news_7600": 0.880,
    "sms_spam": 0.985,
    "arrowhead": 0.703,
    "japanese_vowels": 0.970,
    "coffee": 1.000,
    "gunpoint": 0.907,
    "pickup_gesture_wiimote": 0.700,
    "basic_motions": 1.000,
    "cbf": 0.997,
    "italy_power_demand": 0.950,
}
TEXTS = ("sms_spam", "ag_news_7600")


def read(folder: Path, name: str) -> tuple:
    """Return X_train, y_train, X_test, y_test; X is an array ``(n, t, c)``, or a list of arrays or of strings."""
    if name in TEXTS:
        frame = pd.read_csv(next(folder.rglob(f"{name}.csv.gz")), keep_default_na=False)
        if name == "sms_spam":
            test = np.arange(len(frame)) % 5 == 4
            texts = frame["text"]
        else:
            test = np.arange(len(frame)) >= 6000
            texts = frame["title"] + " " + frame["description"]
        label = next(column for column in ("label", "class", "topic") if column in frame)
        return (
            texts[~test].tolist(),
            frame[label][~test].to_numpy(),
            texts[test].tolist(),
            frame[label][test].to_numpy(),
        )
    with np.load(folder / name / f"{name}.npz", allow_pickle=False) as data:
        parts = []
        for part in ("train", "test"):
            if f"X_{part}" in data:
                parts.append(np.moveaxis(data[f"X_{part}"], 1, 2))
            else:
                parts.append(np.split(data[f"values_{part}"], np.cumsum(data[f"lengths_{part}"])[:-1]))
            parts.append(data[f"y_{part}"])
    return tuple(parts)


def make(name: str, model: str, seed: int, **settings):
    """Defaults; texts are cut into words."""
    if name in TEXTS:
        settings = {"tokenizer": "word"} | settings
    return MODELS[model](device="cpu", random_state=seed, **settings)


def fit(set: str, model: str, seed: int) -> dict:
    X, y, X_test, y_test = read(Path(os.environ["SKDL_DATA"]), set)
    estimator, watch = make(set, model, seed), Watch()
    estimator.fit(X, y)
    cost = watch.read() | {"threads": torch.get_num_threads()}
    return {"epochs": estimator.n_iter_, "score": round(float(estimator.score(X_test, y_test)), 5), **cost}


def report(page: Path) -> None:
    frame = pd.DataFrame(CELLS.read(), columns=[*CELLS.key, "epochs", "score", "seconds", "cpu_seconds"])
    lines = ["# Accuracy on series and texts", "", *(__doc__ or "").splitlines()[2:5], ""]
    lines += ["| set | model | mark | mean | each seed | epochs | seconds | CPU-seconds |", "|" + " --- |" * 8]
    missing, below = [], []
    for name, mark in MARKS.items():
        best = 0.0
        for model in MODELS:
            part = frame[(frame["set"] == name) & (frame["model"] == model)].sort_values("seed")
            if len(part) < len(SEEDS):
                missing.append(f"{name} {model} ({len(part)} of {len(SEEDS)} seeds)")
            if len(part):
                each = ", ".join(f"{score:.4f}" for score in part["score"])
                means = part[["score", "epochs", "seconds", "cpu_seconds"]].mean()
                best = max(best, means["score"])
                lines.append(
                    f"| {name} | {model} | {mark:.3f} | {means['score']:.4f} | {each} | {means['epochs']:.0f} | "
                    f"{means['seconds']:.0f} | {means['cpu_seconds']:.0f} |"
                )
        if 0 < best < mark:
            below.append(name)
    lines += ["", f"Below the mark with all models here: {', '.join(below) or 'none'}."]
    lines += ["", f"Not yet finished: {', '.join(missing)}." if missing else "All is finished.", ""]
    lines.append(f"{platform.machine()}, {os.cpu_count()} cores, torch {torch.__version__}, NumPy {np.__version__}.")
    lines.append("Seconds of a machine that others may have used at the same time. `python benchmarks/sequences.py`")
    page.write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


def validate(folder: Path, sets, models, settings: dict) -> None:
    for name in sets:
        X, y, _, _ = read(folder, name)
        for model in models:
            watch = Watch()
            folds = StratifiedKFold(3, shuffle=True, random_state=0)
            scores = cross_val_score(make(name, model, 0, **settings), X, y, cv=folds, error_score="raise")
            print(name, model, settings, f"{scores.mean():.4f}", f"{watch.read()['cpu_seconds']:.0f} s", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", nargs="*", default=list(MARKS), choices=list(MARKS))
    parser.add_argument("--models", nargs="*", default=list(MODELS), choices=list(MODELS))
    parser.add_argument("--seeds", nargs="*", type=int, default=list(SEEDS))
    parser.add_argument("--report", action="store_true", help="write the page from what is there")
    parser.add_argument("--forget", choices=list(MODELS), help="drop this model's cells first")
    parser.add_argument("--validate", action="store_true")
    parser.add_argument("--settings", type=json.loads, default={}, help="of --validate, as JSON")
    add_run_options(parser)
    arguments = parser.parse_args()
    folder = Path(os.environ["SKDL_DATA"])
    if arguments.validate:
        validate(folder, arguments.sets, arguments.models, arguments.settings)
        return
    if arguments.forget:
        CELLS.forget("model", arguments.forget)
    if not arguments.report:
        chosen = (
            {"set": name, "model": model, "seed": seed}
            for name in MARKS
            for model in arguments.models
            for seed in arguments.seeds
            if name in arguments.sets
        )
        CELLS.run(chosen, fit, arguments.jobs, arguments.minutes)
    report(RESULTS / "sequences.md")


if __name__ == "__main__":
    main()
