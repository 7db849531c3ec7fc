"""What of a teacher's gain does a small student keep? ``SKDL_DATA=... python benchmarks/distillation.py [--write]``.

Letters (20,000 x 16, 26 classes): 16,000 rows to train, the last 4,000 to test, the split of the literature. The
teacher is an ensemble of five networks with hidden layers 256-256 and dropout, the student one network 100-100 without,
of 14,426 weights: less than a twentieth of the teacher's 384,130. The gain that is kept is (distilled - labels) /
(teacher - labels), in mean accuracy over three seeds.

Two settings. "Few labels": the first 4,000 rows have labels, the other 12,000 have none; the teacher learns from the
4,000. "All labels": all 16,000 have them. In each, students of one architecture, seed and optimizer take the same
number of steps: one learns the labels, one what the teacher says of the labelled rows, and with few labels one what
the teacher says of all rows. With labels alone a shorter training is shown as well.

With all labels and a teacher of ten networks 100-100, an earlier run of this study found a teacher that was 0.2 points
better than the student, within the spread of the seeds, and nothing of it kept (-17 and -27 %).

Settings were chosen on validation rows (rows 13,000 to 16,000, labels of the first 4,000, seed 7), among 40 and 120
epochs, temperatures 1, 2 and 4, students 64 and 100-100, and two teachers. alpha is 1.
"""

import argparse
import os
import platform
from pathlib import Path

import numpy as np
import pandas as pd
import sklearn
import torch
from _cells import Cells, Watch

from skdl.ensemble import DeepEnsembleClassifier, DistilledClassifier
from skdl.neural import MLPClassifier

CELLS = Cells("distillation", ("setting", "seed"))
RESULT = Path(__file__).parent / "results" / "distillation.md"
LABELLED = {"Few labels": 4_000, "All labels": 16_000}
N_TRAIN, EPOCHS, EPOCHS_TEACHER, TEMPERATURE = 16_000, 120, 100, 2.0
SHARED = {"batch_size": 128, "early_stopping": False, "schedule": "cosine", "device": "cpu"}
STUDENT = MLPClassifier((100, 100), dropout=0.0, lr=5e-3, **SHARED)
TEACHER = DeepEnsembleClassifier(
    MLPClassifier((256, 256), dropout=0.2, max_epochs=EPOCHS_TEACHER, lr=3e-3, **SHARED), 5
)


def n_weights(*nets) -> int:
    """Return the number of weights of fitted networks."""
    return sum(part.size for net in nets for part in [*net.coefs_, *net.intercepts_])


def scores(X, y, n_labelled: int, seed: int) -> dict[str, float]:
    """Return the accuracies of one seed on the test rows, by what was learnt."""
    labelled, train, test = slice(0, n_labelled), slice(0, N_TRAIN), slice(N_TRAIN, None)
    teacher = TEACHER.set_params(random_state=seed).fit(X[labelled], y[labelled])
    long = EPOCHS * N_TRAIN // n_labelled  # as many steps as on all rows
    student = STUDENT.set_params(random_state=seed)
    found = {"teacher": teacher.score(X[test], y[test])}
    for epochs in (long // 4, long):
        labels = student.set_params(max_epochs=epochs).fit(X[labelled], y[labelled])
        found["labels" if epochs == long else "labels, a quarter of the steps"] = labels.score(X[test], y[test])
    assert n_weights(labels) < n_weights(*teacher.estimators_) / 20
    distilled = DistilledClassifier(teacher, student, TEMPERATURE, alpha=1.0, prefit=True)
    found["teacher's word on labelled rows"] = distilled.fit(X[labelled], y[labelled]).score(X[test], y[test])
    if n_labelled < N_TRAIN:
        # With alpha=1 labels are not learnt: the rows without one may have any.
        known = np.concatenate([y[labelled], teacher.predict(X[n_labelled:N_TRAIN])])
        student.set_params(max_epochs=EPOCHS)
        found["teacher's word on all rows"] = distilled.fit(X[train], known).score(X[test], y[test])
    return found


def run(n_seeds: int) -> None:
    """Fit what is not there yet, seed by seed."""
    frame = pd.read_csv(Path(os.environ["SKDL_DATA"]) / "letter" / "letter.csv.gz", keep_default_na=False)
    X, y = frame.drop(columns="class").to_numpy(np.float32), frame["class"].to_numpy(str)
    for setting, n_labelled in LABELLED.items():
        for seed in range(n_seeds):
            if CELLS.missing(setting=setting, seed=seed):
                watch = Watch()
                found = scores(X, y, n_labelled, seed)
                CELLS.add(setting=setting, seed=seed, scores=found, **watch.read())


def report() -> str:
    """Return what there is as Markdown."""
    lines = ["# Distillation", "", *(part.replace("\n", " ") + "\n" for part in __doc__.strip().split("\n\n")[1:])]
    for setting in LABELLED:
        cells = [cell for cell in CELLS.read() if cell["setting"] == setting]
        if not cells:
            lines += [f"## {setting}", "", "Not run.", ""]
            continue
        table = [cell["scores"] for cell in cells]
        mean = {key: float(np.mean([row[key] for row in table])) for key in table[0]}
        best = max(mean["labels"], mean["labels, a quarter of the steps"])
        kept = [
            f"{100 * (mean[key] - best) / (mean['teacher'] - best):.0f} % by the {key}"
            for key in mean
            if key.startswith("teacher's")
        ]
        lines += [f"## {setting}", "", f"Kept, against the better of the two with labels alone: {', '.join(kept)}.", ""]
        lines += ["| seed | " + " | ".join(mean) + " |", "| ---: |" + " ---: |" * len(mean)]
        for name, row in [*((cell["seed"], cell["scores"]) for cell in cells), ("mean", mean)]:
            lines.append(f"| {name} | " + " | ".join(f"{100 * value:.2f}" for value in row.values()) + " |")
        lines.append("")
    seconds = sum(cell["cpu_seconds"] for cell in CELLS.read())
    lines.append(
        f"The mark: at least 60 %. Accuracies in percent. {platform.machine()}, torch {torch.__version__}, "
        f"scikit-learn {sklearn.__version__}; {seconds:.0f} s of one core; {EPOCHS} epochs of all rows, temperature "
        f"{TEMPERATURE:g}. `SKDL_DATA=... python benchmarks/distillation.py --write`\n"
    )
    return "\n".join(lines)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    run(arguments.seeds)
    text = report()
    print(text)
    if arguments.write:
        RESULT.write_text(text)
