"""How much the training loop costs above a hand-written one.

Run it with ``python benchmarks/training_loop.py``, with ``--case lenet`` and with ``--case lstm``. All contestants
train the same network on the same rows with the same number of batches, and Adam:

- mlp: 20,000 x 50 standard normal columns, ten classes, two hidden layers of 128, batches of 128, five epochs;
- lenet: 4,096 pictures of 28 x 28, ten classes, LeNet, batches of 256, two epochs;
- lstm: 4,096 series of 40 steps and 8 channels, ten classes, one layer of 64, batches of 64, five epochs.

They take turns, and medians of the turns are compared; only ratios inside one run mean anything. The time of the
process is taken with ``--cpu``, where other work shares the machine; it needs ``--threads 1``.
"""

import argparse
import json
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from _by_hand import train_by_hand
from skorch import NeuralNetClassifier
from torch import nn

from skdl.engine import TensorData, TrainingPlan, make_net
from skdl.neural import CNNClassifier, MLPClassifier, RNNClassifier
from skdl.nn.cnn import ARCHITECTURES

N_CLASSES = 10


class LSTM(nn.Module):
    """torch's layer, read off at the last step, as one writes it by hand."""

    def __init__(self):
        super().__init__()
        self.layer = nn.LSTM(8, 64, batch_first=True)
        self.head = nn.Linear(64, N_CLASSES)

    def forward(self, x):
        return self.head(self.layer(x)[0][:, -1])


@dataclass
class Case:
    """What is trained.

    Attributes
    ----------
    shape : tuple of int
        Of all samples.
    batch, epochs : int
        How they are trained on.
    build : callable
        Makes the network.
    estimator : callable
        Makes the estimator with the same network, given the parameters that all have.
    """

    shape: tuple[int, ...]
    batch: int
    epochs: int
    build: Callable[[], nn.Module]
    estimator: Callable


CASES = {
    "mlp": Case(
        (20_000, 50),
        128,
        5,
        lambda: nn.Sequential(nn.Linear(50, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, N_CLASSES)),
        lambda **parameters: MLPClassifier(hidden_layer_sizes=(128, 128), dropout=0.0, **parameters),
    ),
    "lenet": Case(
        (4096, 1, 28, 28),
        256,
        2,
        lambda: ARCHITECTURES["lenet"](1, (28, 28), N_CLASSES),
        lambda **parameters: CNNClassifier("lenet", **parameters),
    ),
    "lstm": Case(
        (4096, 40, 8),
        64,
        5,
        LSTM,
        lambda **parameters: RNNClassifier(
            "lstm", hidden_size=64, bidirectional=False, pooling="last", gradient_clip=None, **parameters
        ),
    ),
}

clock = time.perf_counter


def by_hand(case: Case, X, y, fused: bool) -> float:
    X, y, module = torch.from_numpy(X), torch.from_numpy(y), case.build()
    start = clock()
    train_by_hand(module, X, y, case.batch, case.epochs, fused=fused)
    return clock() - start


def engine(case: Case, X, y) -> float:
    """The engine's loop alone, with the same module."""
    plan = TrainingPlan(
        task="classification",
        seed=0,
        device=torch.device("cpu"),
        optimizer="adam",
        batch_size=case.batch,
        max_epochs=case.epochs,
    )
    net = make_net(case.build(), plan, n_rows=len(X))
    data = TensorData((torch.from_numpy(X),), torch.from_numpy(y))
    start = clock()
    net.partial_fit(data, None)
    return clock() - start


def estimator(case: Case, X, y) -> float:
    """``fit`` from end to end: validation, scaling, building and training."""
    model = case.estimator(
        optimizer="adam",
        lr=1e-3,
        weight_decay=0.0,
        schedule=None,
        batch_size=case.batch,
        max_epochs=case.epochs,
        early_stopping=False,
        device="cpu",
        random_state=0,
    )
    start = clock()
    model.fit(X, y)
    return clock() - start


def plain_skorch(case: Case, X, y) -> float:
    """skorch as it comes, without a validation split and without printing."""
    net = NeuralNetClassifier(
        case.build(),
        criterion=nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        lr=1e-3,
        batch_size=case.batch,
        max_epochs=case.epochs,
        train_split=None,
        iterator_train__shuffle=True,
        verbose=0,
    )
    start = clock()
    net.fit(X, y)
    return clock() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--case", choices=list(CASES), default="mlp")
    parser.add_argument("--cpu", action="store_true", help="take the time of the process, not that of the clock")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--json", help="write the figures to this file")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    if arguments.cpu:
        global clock
        clock = time.process_time

    case = CASES[arguments.case]
    rng = np.random.default_rng(0)
    X = rng.standard_normal(case.shape).astype(np.float32)
    flat = X.reshape(len(X), -1)
    y = (flat @ rng.standard_normal((flat.shape[1], N_CLASSES))).argmax(axis=1)
    contestants = {
        "by hand": lambda: by_hand(case, X, y, fused=False),
        "by hand, fused Adam": lambda: by_hand(case, X, y, fused=True),
        "engine": lambda: engine(case, X, y),
        f"{type(case.estimator()).__name__}.fit": lambda: estimator(case, X, y),
        "skorch": lambda: plain_skorch(case, X, y),
    }
    times: dict[str, list[float]] = {name: [] for name in contestants}
    for run in contestants.values():
        run()  # warm-up
    for _ in range(arguments.rounds):
        for name, run in contestants.items():
            times[name].append(run())
    medians = {name: statistics.median(values) for name, values in times.items()}
    best = min(medians["by hand"], medians["by hand, fused Adam"])
    machine = platform.processor() or platform.machine()
    print(f"{arguments.case}, {machine}, torch {torch.__version__}, {arguments.threads} threads")
    print(f"{'':22} {'seconds':>8}  against 'by hand'  against the best hand-written loop")
    for name, seconds in medians.items():
        print(f"{name:22} {seconds:8.3f}  {seconds / medians['by hand']:17.2f}  {seconds / best:17.2f}")
    if arguments.json:
        with open(arguments.json, "w") as file:
            json.dump({"medians_seconds": medians, "threads": arguments.threads, "torch": torch.__version__}, file)


if __name__ == "__main__":
    main()
