"""Ten networks in one stack beside one network: ``python benchmarks/deep_ensemble.py [--device cuda] [--write]``.

20,000 x 50 rows of 10 classes, hidden layers 128-128, batches of 128. Least seconds of interleaved runs; members are
compared with the network that is fitted alone with their seed. Only the ratios count. On a CPU two questions: what ten
cost (seconds of the processor, one thread), and how long one waits for them (seconds of the clock, all threads, of
which each trains a stack; for one network, and the loop by hand, the better of one thread and all). A network that is
fitted alone takes the steps of a stack of one; the loop by hand is that of a tutorial, with torch's fused Adam.
"""

import argparse
import time
from functools import partial
from pathlib import Path

import numpy as np
import sklearn
import torch
from _by_hand import train_by_hand
from _cells import processor
from sklearn.base import clone
from sklearn.datasets import make_classification
from torch import nn

from skdl.ensemble import DeepEnsembleClassifier
from skdl.neural import MLPClassifier

RESULT = Path(__file__).parent / "results" / "deep_ensemble.md"
N_THREADS = torch.get_num_threads()
MARKS = {"cpu": 4.0, "cuda": 1.5}


def measure(fit, device: str, n_threads: int) -> tuple[float, float]:
    """Return a fit's seconds of the processor and of the clock."""
    torch.set_num_threads(n_threads)
    started = time.process_time(), time.perf_counter()
    fit()
    if device != "cpu":
        torch.cuda.synchronize()
    return time.process_time() - started[0], time.perf_counter() - started[1]


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
    threads = (1,) if device != "cpu" else tuple(dict.fromkeys((1, N_THREADS)))
    fits = {"1, by hand": lambda: by_hand(X, y, epochs, device), "1": lambda: clone(net).fit(X, y)}
    for size in (2, 5, 10):
        fits[str(size)] = partial(DeepEnsembleClassifier(net, n_members=size, random_state=0).fit, X, y)
    clone(net).set_params(max_epochs=1).fit(X, y)
    seconds: dict[str, float] = dict.fromkeys(fits, np.inf)
    clock: dict[tuple[str, int], float] = {}
    for _ in range(repeats):
        for n_threads in threads:
            for name, fit in fits.items():
                used, waited = measure(fit, device, n_threads)
                seconds[name] = min(seconds[name], used if n_threads == 1 else np.inf)
                clock[name, n_threads] = min(clock.get((name, n_threads), np.inf), waited)
    torch.set_num_threads(1)
    deep = DeepEnsembleClassifier(net, n_members=10, random_state=0).fit(X, y)
    gaps = [np.abs(m.predict_proba(X) - clone(m).fit(X, y).predict_proba(X)).max() for m in deep.estimators_[:3]]
    waits = {
        name: clock[name, threads[-1]] if name not in ("1", "1, by hand") else min(clock[name, n] for n in threads)
        for name in fits
    }
    measured = {f"clock, {threads[-1]} threads": waits}
    if device == "cpu":
        measured = {"processor, one thread": seconds} | measured
    titles = [f"{title} | ratio to one fit | to one loop by hand" for title in measured]
    lines = ["| members | " + " | ".join(titles) + " |", "| ---: |" + " ---: |" * 3 * len(measured)]
    for name in fits:
        cells = [
            f"{found[name]:.2f} | {found[name] / found['1']:.2f} | {found[name] / found['1, by hand']:.2f}"
            for found in measured.values()
        ]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    lines += ["", f"Largest difference of a probability from the same net alone, of 3 members: {max(gaps):.1e}."]
    where = torch.cuda.get_device_name() if device != "cpu" else processor()
    head = [
        "# Ten networks in one stack",
        "",
        __doc__.split("\n\n")[1].replace("\n", " "),
        "",
        f"{where}, torch {torch.__version__}, scikit-learn {sklearn.__version__}; {epochs} epochs, {repeats} "
        f"interleaved runs, seconds. The mark for ten: at most {MARKS[device]} times one. "
        f"`python benchmarks/deep_ensemble.py --device {device} --repeats {repeats} --write`",
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
    text = report(arguments.device, arguments.epochs, arguments.repeats)
    print(text)
    if arguments.write:
        RESULT.with_stem("deep_ensemble" if arguments.device == "cpu" else "deep_ensemble_gpu").write_text(text)
