"""Ten networks in one stack beside one network: ``python benchmarks/deep_ensemble.py [--device cuda] [--write]``.

20,000 x 50 rows of 10 classes, hidden layers 128-128, batches of 128, one thread. Least seconds of interleaved runs;
members are compared with the network that is fitted alone with their seed. Only the ratios count. A network that is
fitted alone takes the steps of a stack of one; the loop by hand is that of a tutorial, with torch's fused Adam.
"""

import argparse
import platform
import time
from pathlib import Path

import numpy as np
import sklearn
import torch
from _by_hand import train_by_hand
from sklearn.base import clone
from sklearn.datasets import make_classification
from torch import nn

from skdl.ensemble import DeepEnsembleClassifier
from skdl.neural import MLPClassifier

RESULT = Path(__file__).parent / "results" / "deep_ensemble.md"
MARKS = {"cpu": 4.0, "cuda": 1.5}


def measure(fit, device: str) -> float:
    """Return the seconds of a fit; on a CPU those that this process used."""
    clock = time.process_time if device == "cpu" else time.perf_counter
    started = clock()
    fit()
    if device != "cpu":
        torch.cuda.synchronize()
    return clock() - started


def by_hand(X, y, epochs: int, device: str) -> None:
    """Train one such network by a loop as one writes it."""
    layers = [nn.Linear(50, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 10)]
    X, y = torch.from_numpy(X).to(device), torch.from_numpy(y).to(device)
    train_by_hand(nn.Sequential(*layers).to(device), X, y, batch=128, epochs=epochs)


def report(device: str, epochs: int, repeats: int) -> str:
    """Measure and return the result as Markdown."""
    X, y = make_classification(20_000, 50, n_informative=20, n_classes=10, random_state=0)
    X = X.astype(np.float32)
    as_by_hand = {"batch_size": 128, "max_epochs": epochs, "early_stopping": False, "dropout": 0.0, "schedule": None}
    net = MLPClassifier((128, 128), device=device, random_state=0, **as_by_hand)
    lines = [
        "| members | seconds | ratio to one fit | to one loop by hand | largest difference of a probability from "
        "the same net alone |",
        "| ---: | ---: | ---: | ---: | ---: |",
    ]
    clone(net).set_params(max_epochs=1).fit(X, y)
    sizes = (1, 2, 5, 10)
    best = dict.fromkeys(("hand", "alone", *sizes), np.inf)
    for _ in range(repeats):
        best["hand"] = min(best["hand"], measure(lambda: by_hand(X, y, epochs, device), device))
        best["alone"] = min(best["alone"], measure(lambda: clone(net).fit(X, y), device))
        for size in sizes[1:]:
            deep = DeepEnsembleClassifier(net, n_members=size, random_state=0)
            best[size] = min(best[size], measure(lambda: deep.fit(X, y), device))  # noqa: B023, called at once
    hand, alone = best["hand"], best["alone"]
    lines.append(f"| 1, by hand | {hand:.2f} | {hand / alone:.2f} | 1.00 | |")
    lines.append(f"| 1 | {alone:.2f} | 1.00 | {alone / hand:.2f} | |")
    for size in sizes[1:]:
        difference = ""
        if size == sizes[-1]:
            deep = DeepEnsembleClassifier(net, n_members=size, random_state=0).fit(X, y)
            gaps = [
                np.abs(m.predict_proba(X) - clone(m).fit(X, y).predict_proba(X)).max() for m in deep.estimators_[:3]
            ]
            difference = f"{max(gaps):.1e} (3 members)"
        ratios = f"{best[size] / alone:.2f} | {best[size] / hand:.2f}"
        lines.append(f"| {size} | {best[size]:.2f} | {ratios} | {difference} |")
    where = torch.cuda.get_device_name() if device != "cpu" else platform.machine()
    head = [
        "# Ten networks in one stack",
        "",
        __doc__.split("\n\n")[1].replace("\n", " "),
        "",
        f"{where}, torch {torch.__version__}, scikit-learn {sklearn.__version__}; {epochs} epochs, {repeats} "
        f"interleaved runs, {'CPU' if device == 'cpu' else 'wall'} seconds. The mark for ten: at most {MARKS[device]} "
        f"times one. `python benchmarks/deep_ensemble.py --device {device} --write`",
        "",
    ]
    return "\n".join([*head, *lines]) + "\n"


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--device", default="cpu", choices=sorted(MARKS))
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    text = report(arguments.device, arguments.epochs, arguments.repeats)
    print(text)
    if arguments.write:
        RESULT.with_stem("deep_ensemble" if arguments.device == "cpu" else "deep_ensemble_gpu").write_text(text)
