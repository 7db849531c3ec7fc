"""How much the training loop costs above a hand-written one.

Run it with ``python benchmarks/training_loop.py``. All contestants train the same network on the same rows in the same
order of sizes: 20,000 x 50 standard normal columns, ten classes, two hidden layers of 128, batches of 128, Adam, five
epochs. They take turns, and medians of the turns are compared; only ratios inside one run mean anything.
"""

import argparse
import json
import platform
import statistics
import time

import numpy as np
import torch
from skorch import NeuralNetClassifier
from torch import nn

from skdl.engine import TensorData, TrainingPlan, make_net
from skdl.neural import MLPClassifier

N, D, K, HIDDEN, BATCH, EPOCHS = 20_000, 50, 10, 128, 128, 5


def build() -> nn.Module:
    return nn.Sequential(nn.Linear(D, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, K))


def by_hand(X, y, fused: bool) -> float:
    """The loop of a tutorial: shuffle, slice, forward, backward, step; the epoch's loss is fetched once."""
    X, y = torch.from_numpy(X), torch.from_numpy(y)
    module, criterion = build(), nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(module.parameters(), lr=1e-3, fused=fused)
    start = time.perf_counter()
    for _ in range(EPOCHS):
        order = torch.randperm(N)
        total = torch.zeros(())
        for rows in order.split(BATCH):
            optimizer.zero_grad()
            loss = criterion(module(X[rows]), y[rows])
            loss.backward()
            optimizer.step()
            total += loss.detach() * len(rows)
        total.item()
    return time.perf_counter() - start


def engine(X, y) -> float:
    """The engine's loop alone, with the same module."""
    plan = TrainingPlan(
        task="classification", seed=0, device=torch.device("cpu"), optimizer="adam", batch_size=BATCH, max_epochs=EPOCHS
    )
    net = make_net(build(), plan, n_rows=N)
    data = TensorData((torch.from_numpy(X),), torch.from_numpy(y))
    start = time.perf_counter()
    net.partial_fit(data, None)
    return time.perf_counter() - start


def estimator(X, y) -> float:
    """``MLPClassifier.fit`` from end to end: validation, scaling, building and training."""
    model = MLPClassifier(
        hidden_layer_sizes=(HIDDEN, HIDDEN),
        optimizer="adam",
        weight_decay=0.0,
        batch_size=BATCH,
        max_epochs=EPOCHS,
        early_stopping=False,
        device="cpu",
        random_state=0,
    )
    start = time.perf_counter()
    model.fit(X, y)
    return time.perf_counter() - start


def plain_skorch(X, y) -> float:
    """skorch as it comes, without a validation split and without printing."""
    net = NeuralNetClassifier(
        build(),
        criterion=nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        lr=1e-3,
        batch_size=BATCH,
        max_epochs=EPOCHS,
        train_split=None,
        iterator_train__shuffle=True,
        verbose=0,
    )
    start = time.perf_counter()
    net.fit(X, y)
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--json", help="write the figures to this file")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)

    rng = np.random.default_rng(0)
    X = rng.standard_normal((N, D)).astype(np.float32)
    y = (X @ rng.standard_normal((D, K))).argmax(axis=1)
    contestants = {
        "by hand": lambda: by_hand(X, y, fused=False),
        "by hand, fused Adam": lambda: by_hand(X, y, fused=True),
        "engine": lambda: engine(X, y),
        "MLPClassifier.fit": lambda: estimator(X, y),
        "skorch": lambda: plain_skorch(X, y),
    }
    times: dict[str, list[float]] = {name: [] for name in contestants}
    for run in contestants.values():
        run()  # warm-up
    for _ in range(arguments.rounds):
        for name, run in contestants.items():
            times[name].append(run())
    medians = {name: statistics.median(values) for name, values in times.items()}
    best = min(medians["by hand"], medians["by hand, fused Adam"])
    print(f"{platform.processor() or platform.machine()}, torch {torch.__version__}, {arguments.threads} threads")
    print(f"{'':22} {'seconds':>8}  against 'by hand'  against the best hand-written loop")
    for name, seconds in medians.items():
        print(f"{name:22} {seconds:8.3f}  {seconds / medians['by hand']:17.2f}  {seconds / best:17.2f}")
    if arguments.json:
        with open(arguments.json, "w") as file:
            json.dump({"medians_seconds": medians, "threads": arguments.threads, "torch": torch.__version__}, file)


if __name__ == "__main__":
    main()
