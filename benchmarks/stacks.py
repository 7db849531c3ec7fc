"""When does a stack of networks pay on this machine? Ten perceptrons, convolutional or recurrent nets side by side.

    python benchmarks/stacks.py [--quick] [--repeats 3] [--only perceptrons] [--write]

Perceptrons: the time of ten members as a family, in fits of one member alone by the ordinary training loop.
Convolutional and recurrent nets have no stack in skdl; here is what one would gain: the step forward and back of ten
nets one after another, against that of one net whose convolutions have ten groups, or whose recurrent cells are batched
products. Interleaved medians of one run.
"""

import argparse
import platform
import time
from pathlib import Path

import numpy as np
import torch
from sklearn.datasets import make_classification
from torch import nn

from skdl.base import fit_family
from skdl.neural import MLPClassifier

N_MEMBERS = 10


def _medians(works, repeats):
    seconds = [[] for _ in works]
    for work in works:
        work()
    for _ in range(repeats):
        for work, times in zip(works, seconds, strict=True):
            start = time.perf_counter()
            work()
            times.append(time.perf_counter() - start)
    return [float(np.median(times)) for times in seconds]


def perceptrons(quick, repeats):
    """Ten members on 20,000 x 50 with 10 classes, batch 128, at several widths."""
    X, y = make_classification(1_000 if quick else 20_000, 50, n_informative=20, n_classes=10, random_state=0)
    X = X.astype(np.float32)
    rows = [np.arange(len(X))]
    seeds = [{"random_state": seed} for seed in range(N_MEMBERS)]
    for width, mark in ((32, ""), (64, ""), (128, "<= 4"), (256, "<= 10"), (512, "<= 10")):
        plain = {"batch_size": 128, "max_epochs": 1, "early_stopping": False, "dropout": 0.0, "schedule": None}
        model = MLPClassifier((width, width), random_state=0, **plain)

        def family(model=model):
            for _ in fit_family(model, X, y, candidates=seeds, splits=rows):
                pass

        alone, together = _medians([lambda model=model: model.fit(X, y), family], repeats)
        yield f"perceptron {width}-{width}, batch 128", alone * N_MEMBERS, together, together / alone, mark


def _step(net, x):
    def run():
        net.zero_grad(set_to_none=True)
        net(x).square().mean().backward()

    return run


def _lenet(groups):
    return nn.Sequential(
        nn.Conv2d(groups, 6 * groups, 5, padding=2, groups=groups),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(6 * groups, 16 * groups, 5, groups=groups),
        nn.ReLU(),
        nn.MaxPool2d(2),
    )


def convolutions(quick, repeats):
    """The convolutional part of LeNet-5 on images of 28 x 28."""
    for batch in (32,) if quick else (32, 128):
        singles = [_lenet(1) for _ in range(N_MEMBERS)]
        grouped = _lenet(N_MEMBERS)
        x = torch.randn(batch, 1, 28, 28)
        steps = [_step(net, x) for net in singles]
        wide = _step(grouped, x.repeat(1, N_MEMBERS, 1, 1))
        alone, together = _medians([lambda steps=steps: [step() for step in steps], wide], 5 * repeats)
        yield f"LeNet's convolutions, batch {batch}, as groups", alone, together, N_MEMBERS * together / alone, ""


class _StackedGRU(nn.Module):
    """Cells of gated recurrent units of several nets, as batched products."""

    def __init__(self, members, n_inputs, width):
        super().__init__()
        self.from_input = nn.Parameter(torch.randn(members, n_inputs, 3 * width) / width**0.5)
        self.from_state = nn.Parameter(torch.randn(members, width, 3 * width) / width**0.5)
        self.width = width

    def forward(self, x):
        members, batch, n_steps, _ = x.shape
        inputs = torch.bmm(x.flatten(1, 2), self.from_input).view(members, batch, n_steps, -1)
        state = x.new_zeros(members, batch, self.width)
        for step in range(n_steps):
            reset, update, new = inputs[:, :, step].chunk(3, dim=2)
            reset_, update_, new_ = torch.bmm(state, self.from_state).chunk(3, dim=2)
            gate = torch.sigmoid(update + update_)
            state = gate * state + (1 - gate) * torch.tanh(new + torch.sigmoid(reset + reset_) * new_)
        return state


def recurrences(quick, repeats):
    """Gated recurrent units over 30 steps of 8 values."""
    for width, batch in ((32, 32),) if quick else ((32, 32), (64, 64)):
        singles = [nn.GRU(8, width, batch_first=True) for _ in range(N_MEMBERS)]
        x = torch.randn(batch, 30, 8)

        def one_by_one(singles=singles, x=x):
            for net in singles:
                net.zero_grad(set_to_none=True)
                net(x)[1].square().mean().backward()

        together_step = _step(_StackedGRU(N_MEMBERS, 8, width), x.expand(N_MEMBERS, -1, -1, -1))
        alone, together = _medians([one_by_one, together_step], 5 * repeats)
        yield f"GRU {width}, batch {batch}, 30 steps, as plain cells", alone, together, N_MEMBERS * together / alone, ""


SECTIONS = (perceptrons, convolutions, recurrences)


def main():
    """Run all sections and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small data, to see that all runs")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--write", action="store_true", help="write the table to benchmarks/results/stacks.md")
    parser.add_argument("--only", choices=[section.__name__ for section in SECTIONS], nargs="+")
    options = parser.parse_args()
    command = "python benchmarks/stacks.py" + (" --quick" if options.quick else "")
    lines = [
        "# Ten networks as a stack",
        "",
        f"`{command} --repeats {options.repeats}`, torch {torch.__version__}, {torch.get_num_threads()} threads, "
        f"{platform.machine()}, Python {platform.python_version()}.",
        "",
        "| networks | one by one, s | together, s | times less | ten cost as much as ... alone | mark |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    print("\n".join(lines))
    for section in SECTIONS:
        if section.__name__ not in (options.only or section.__name__):
            continue
        for name, alone, together, fits, mark in section(options.quick, options.repeats):
            row = f"| {name} | {alone:.4f} | {together:.4f} | {alone / together:.2f} | {fits:.1f} | {mark} |"
            lines.append(row)
            print(row, flush=True)
    if options.write:
        path = Path(__file__).parent / "results" / "stacks.md"
        path.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
