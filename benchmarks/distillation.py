"""What of a teacher's gain does a small student keep? ``SKDL_DATA=... python benchmarks/distillation.py [--write]``.

Letters (20,000 x 16, 26 classes): 16,000 rows to train, the last 4,000 to test, the split of the literature. The
teacher is an ensemble of ten networks with hidden layers 100-100, the student one such network: a tenth of the teacher.
The student is fitted three times with the same seed and settings: to the labels, and to the teacher alone at two
temperatures. Three seeds; the gain that is kept is (distilled - labels) / (teacher - labels), in mean accuracy.

Settings were chosen on validation rows (the last 3,000 of the training rows, seed 7). What counts there is the length
of the training and that the student is large enough to learn its labels by heart: one that underfits them (one
hidden layer of 64 to 160, 25 to 40 epochs) follows a teacher worse than it follows labels, at all temperatures
tried (1 to 8).
"""

import argparse
import os
import platform
import time
from pathlib import Path

import numpy as np
import pandas as pd
import sklearn
import torch

from skdl.ensemble import DeepEnsembleClassifier, DistilledClassifier
from skdl.neural import MLPClassifier

RESULT = Path(__file__).parent / "results" / "distillation.md"
TEMPERATURES = (1.0, 2.0)


def n_weights(*nets) -> int:
    """Return the number of weights of fitted networks."""
    return sum(part.size for net in nets for part in [*net.coefs_, *net.intercepts_])


def report(epochs_teacher: int, epochs_student: int) -> str:
    """Run the study and return it as Markdown."""
    frame = pd.read_csv(Path(os.environ["SKDL_DATA"]) / "letter" / "letter.csv.gz", keep_default_na=False)
    X, y = frame.drop(columns="class").to_numpy(np.float32), frame["class"].to_numpy(str)
    train, test = slice(0, 16_000), slice(16_000, None)
    shared = {"batch_size": 128, "lr": 5e-3, "early_stopping": False, "schedule": "cosine", "device": "cpu"}
    started = time.process_time()
    rows, scores = [], []
    for seed in range(3):
        member = MLPClassifier((100, 100), max_epochs=epochs_teacher, **shared)
        teacher = DeepEnsembleClassifier(member, n_members=10, random_state=seed).fit(X[train], y[train])
        student = MLPClassifier((100, 100), max_epochs=epochs_student, random_state=seed, **shared)
        labels = student.fit(X[train], y[train])
        top, bottom = teacher.score(X[test], y[test]), labels.score(X[test], y[test])
        scores.append([top, bottom])
        for temperature in TEMPERATURES:
            distilled = DistilledClassifier(teacher, student, temperature, alpha=1.0, prefit=True)
            scores[-1].append(distilled.fit(X[train], y[train]).score(X[test], y[test]))
        cells = [f"{100 * score:.2f}" for score in scores[-1]]
        rows.append(f"| {seed} | {n_weights(*teacher.estimators_)} | {n_weights(labels)} | " + " | ".join(cells) + " |")
        print(rows[-1], f"{time.process_time() - started:.0f} s", flush=True)
    top, bottom, *distilled_scores = np.mean(scores, axis=0)
    names = [f"distilled, T={t:g}" for t in TEMPERATURES]
    head = "| seed | weights of the teacher | of the student | teacher | labels alone | " + " | ".join(names) + " |"
    kept = [100 * (score - bottom) / (top - bottom) for score in distilled_scores]
    means = ", ".join(f"T={t:g}: {share:.0f} %" for t, share in zip(TEMPERATURES, kept, strict=True))
    return "\n".join(
        [
            "# Distillation",
            "",
            *(paragraph.replace("\n", " ") + "\n" for paragraph in __doc__.strip().split("\n\n")[1:]),
            f"Gain kept: {means}. The mark: at least 60 %. alpha is 1; accuracies in percent.",
            "",
            head,
            "| ---: |" + " ---: |" * (head.count("|") - 2),
            *rows,
            "",
            f"{platform.machine()}, torch {torch.__version__}, scikit-learn {sklearn.__version__}; "
            f"{time.process_time() - started:.0f} s of one core; {epochs_teacher} and {epochs_student} epochs. "
            "`SKDL_DATA=... python benchmarks/distillation.py --write`",
            "",
        ]
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs-teacher", type=int, default=40)
    parser.add_argument("--epochs-student", type=int, default=240)
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    text = report(arguments.epochs_teacher, arguments.epochs_student)
    print(text)
    if arguments.write:
        RESULT.write_text(text)
