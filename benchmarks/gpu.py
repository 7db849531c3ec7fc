"""What a GPU makes of it: ``SKDL_DATA=<folder> python benchmarks/gpu.py [--only loop search images]``.

- loop: the engine beside a hand-written loop that keeps its data on the device, and how often an epoch waits for it;
- search: a grid of small networks as one family, beside skorch on the same device (some fits are timed, and the time
  of all is reckoned from them);
- images: accuracy on Fashion-MNIST's official test set, with three seeds.

Each section is printed as soon as it is there.
"""

import argparse
import os
import time
from itertools import product
from pathlib import Path

import numpy as np
import torch
from _by_hand import train_by_hand
from skorch import NeuralNetClassifier
from torch import nn
from torch.profiler import ProfilerActivity, profile

from skdl.engine import TensorData, TrainingPlan, make_net
from skdl.model_selection import GridSearchCV
from skdl.neural import CNNClassifier, MLPClassifier
from skdl.nn.cnn import ARCHITECTURES

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")  # the CPU only to see that all runs


def perceptron(n_in: int, hidden: tuple[int, ...], n_out: int) -> nn.Module:
    layers: list[nn.Module] = []
    for size in hidden:
        layers += [nn.Linear(n_in, size), nn.ReLU()]
        n_in = size
    return nn.Sequential(*layers, nn.Linear(n_in, n_out))


# Name: shape of X, batch, epochs, module.
LOOPS = {
    "MLP 50-128-128-10": ((20_000, 50), 128, 5, lambda: perceptron(50, (128, 128), 10)),
    "LeNet": ((20_000, 1, 28, 28), 256, 5, lambda: ARCHITECTURES["lenet"](1, (28, 28), 10)),
    "ResNet-18": ((4_096, 3, 32, 32), 256, 3, lambda: ARCHITECTURES["resnet18"](3, (32, 32), 10)),
}


def by_hand(build, X, y, batch: int, epochs: int) -> None:
    train_by_hand(build().to(DEVICE), X, y, batch, epochs)


def engine(build, X, y, batch: int, epochs: int) -> None:
    plan = TrainingPlan(
        task="classification", seed=0, device=DEVICE, optimizer="adam", batch_size=batch, max_epochs=epochs
    )
    make_net(build(), plan, n_rows=len(X)).partial_fit(TensorData((X,), y), None)


def seconds(work, *arguments) -> float:
    wait = torch.cuda.synchronize if DEVICE.type == "cuda" else (lambda: None)
    wait()
    start = time.perf_counter()
    work(*arguments)
    wait()
    return time.perf_counter() - start


def waits(work, *arguments) -> int:
    """How often the host waits for the device."""
    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if DEVICE.type == "cuda" else [])]
    with profile(activities=activities) as trace:
        work(*arguments)
    names = ("cudaStreamSynchronize", "cudaDeviceSynchronize", "cudaEventSynchronize")
    return sum(event.count for event in trace.key_averages() if event.key in names)


def loop() -> None:
    print("| network | hand-written loop (s) | engine (s) | ratio | batches | waits for the device: by hand | engine |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for name, (shape, batch, epochs, build) in LOOPS.items():
        generator = torch.Generator(DEVICE).manual_seed(0)
        X = torch.randn(shape, device=DEVICE, generator=generator)
        y = torch.randint(10, (shape[0],), device=DEVICE, generator=generator)
        by_hand(build, X, y, batch, 1)
        engine(build, X, y, batch, 1)
        job = (build, X, y, batch, epochs)
        times = np.array([[seconds(by_hand, *job), seconds(engine, *job)] for _ in range(5)])
        hand, ours = np.median(times, axis=0)
        n_waits = f"{waits(by_hand, *job)} | {waits(engine, *job)}"
        n_batches = epochs * -(-shape[0] // batch)
        print(f"| {name} | {hand:.3f} | {ours:.3f} | {ours / hand:.2f} | {n_batches} | {n_waits} |", flush=True)


def skorch_seconds(module: nn.Module, X: np.ndarray, y: np.ndarray, epochs: int, timed: int) -> float:
    """The median of some fits of skorch's net, after one that is not counted."""
    net = NeuralNetClassifier(
        module,
        criterion=nn.CrossEntropyLoss,
        optimizer=torch.optim.AdamW,
        batch_size=64,
        max_epochs=1,
        iterator_train__shuffle=True,
        train_split=None,
        callbacks__print_log=None,
        verbose=0,
        device=str(DEVICE),
    )
    net.fit(X, y)
    net.set_params(max_epochs=epochs)
    return float(np.median([seconds(net.fit, X, y) for _ in range(timed)]))


def search() -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(4_000, 20)).astype(np.float32)
    y = (X[:, :3] @ rng.normal(size=(3, 3))).argmax(axis=1).astype(np.int64)
    rates, decays, folds, timed = np.logspace(-4, -1.5, 12), (0.0, 1e-4, 1e-3, 1e-2), 5, 6
    print("| grid | fits | skorch, reckoned (s) | family (s) | times less |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for hidden in ((32, 32), (64, 64), (256, 256)):
        as_theirs = {"batch_size": 64, "max_epochs": 10, "dropout": 0.0, "schedule": None}
        model = MLPClassifier(hidden, device=str(DEVICE), random_state=0, **as_theirs)
        grid = {"lr": rates.tolist(), "weight_decay": list(decays)}
        ours = GridSearchCV(model, grid, cv=folds, refit=False)
        ours.fit(X[:400], y[:400])
        own = seconds(ours.fit, X, y)
        rows = int(len(X) * (folds - 1) / folds)
        n_fits = len(rates) * len(decays) * folds
        theirs = skorch_seconds(perceptron(20, hidden, 3), X[:rows], y[:rows], 10, timed) * n_fits
        name = f"MLP {'-'.join(map(str, hidden))}, {n_fits // folds} settings x {folds} folds"
        print(f"| {name} | {n_fits} | {theirs:.1f} ({timed} timed) | {own:.2f} | {theirs / own:.0f} |", flush=True)
    pictures()


def pictures() -> None:
    """A grid of LeNets on 12,000 pictures of clothes: 24 settings x 5 folds, of which ours searches some, too."""
    X, y = (part[:12_000] for part in fashion()[:2])
    timed, settings, folds = 3, 4, 5
    model = CNNClassifier("lenet", batch_size=64, max_epochs=5, device=str(DEVICE), random_state=0)
    grid = {"lr": np.logspace(-4, -2, settings).tolist()}
    ours = GridSearchCV(model, grid, cv=folds, refit=False)
    ours.fit(X[:500], y[:500])
    own = seconds(ours.fit, X, y) * 24 / settings
    rows = len(X) * (folds - 1) // folds
    floats = (X[:rows, None] / 255).astype(np.float32)
    labels = y[:rows].astype(np.int64)
    lenet = ARCHITECTURES["lenet"](1, (28, 28), 10)
    theirs = skorch_seconds(lenet, floats, labels, 5, timed) * 24 * folds
    print(f"| LeNet, 24 settings x {folds} folds | 120 | {theirs:.1f} | {own:.2f} | {theirs / own:.1f} |", flush=True)


def fashion() -> list[np.ndarray]:
    path = Path(os.environ["SKDL_DATA"]) / "fashion_mnist" / "fashion_mnist.npz"
    with np.load(path, allow_pickle=False) as data:
        return [data[key] for key in ("X_train", "y_train", "X_test", "y_test")]


def images() -> None:
    X, y, X_test, y_test = fashion()
    print("| architecture | settings | seed | accuracy | seconds |")
    print("| --- | --- | ---: | ---: | ---: |")
    resnet = {"augment": ["flip", "crop"], "max_epochs": 25, "schedule": "one_cycle"}
    for (architecture, settings), seed in product((("lenet", {}), ("auto", {}), ("resnet18", resnet)), (0, 1, 2)):
        model = CNNClassifier(architecture, device=str(DEVICE), random_state=seed, **settings)
        took = seconds(model.fit, X, y)
        told = ", ".join(f"{key}={value!r}" for key, value in settings.items()) or "defaults"
        print(f"| {architecture} | {told} | {seed} | {model.score(X_test, y_test):.4f} | {took:.0f} |", flush=True)


SECTIONS = {"loop": loop, "search": search, "images": images}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=list(SECTIONS), default=list(SECTIONS))
    where = torch.cuda.get_device_name() if DEVICE.type == "cuda" else "CPU"
    print(f"{where}, torch {torch.__version__}\n")
    for section in parser.parse_args().only:
        print(f"## {section}\n")
        SECTIONS[section]()
        print(flush=True)
