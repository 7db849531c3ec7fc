"""What the benchmarks of the classical estimators share: taking turns, the machine's limits, and the table.

A row of the table is one piece of work and those who do it. All take turns, one run each per round, so that a
disturbance hits all alike; the first round only warms up. The limits of the machine are measured in the same run.
"""

import argparse
import platform
import sys
import time
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from importlib import metadata

import numpy as np
import torch
from _cells import Cells

# Who takes longer than this for one run is run once more at most.
SLOW = 8.0


@dataclass
class Row:
    """One piece of work. A contestant may return its own seconds as a float, otherwise its call is timed."""

    work: str
    contestants: dict[str, Callable]  # the first one is skdl
    mark: float | None = None  # how many times the seconds of skdl the best other one is meant to take
    flops: float | Callable[[], float] = 0.0  # of the products of a plain computation
    n_bytes: float = 0.0  # of one pass over the data
    dtype: str = "float32"
    note: Callable[[], str] = field(default=lambda: "")
    done: Callable[[], None] = field(default=lambda: None)


def medians(contestants: dict[str, Callable], rounds: int) -> dict[str, float]:
    """Time functions in turn; return the median seconds of each, and leave out a first round where there is more."""
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(rounds + 1):
        for name, work in contestants.items():
            if len(seconds[name]) > 0 and seconds[name][-1] > SLOW:
                continue
            # The threads of the one before go on spinning for a while.
            time.sleep(0.2)
            begin = time.perf_counter()
            took = work()
            seconds[name].append(took if isinstance(took, float) else time.perf_counter() - begin)
    return {name: float(np.median(values[1:] or values)) for name, values in seconds.items()}


def limits() -> dict[str, float]:
    """GFLOP/s of products in both precisions, and GB/s read: the best of some."""
    found = {}
    for dtype in (torch.float32, torch.float64):
        A = torch.rand(2048, 2048, dtype=dtype)
        found[str(dtype)[6:]] = 2e-9 * 2048**3 / _least(lambda A=A: A @ A)
    block = torch.ones(1 << 25, dtype=torch.float64)
    found["read"] = 1e-9 * block.numel() * 8 / _least(block.sum)
    return found


def _least(work: Callable) -> float:
    seconds = []
    for _ in range(8):
        begin = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - begin)
    return min(seconds)


HEADER = (
    "| work | skdl, s | scikit-learn, s | times | best other, s | times | mark | of products' peak | of reads |\n"
    "| --- | --- | --- | --- | --- | --- | --- | --- | --- |"
)


def line(row: Row, seconds: dict[str, float], machine: dict[str, float]) -> str:
    """A row of the table. `scikit-learn` is the quicker of its settings; `best other` is the quickest of all others."""
    ours = seconds["skdl"]
    theirs = {name: value for name, value in seconds.items() if name != "skdl"}
    cells = []
    for some in ({n: v for n, v in theirs.items() if n.startswith("scikit-learn")}, theirs):
        if not some:
            cells += ["", ""]
            continue
        name = min(some, key=some.__getitem__)
        shown = name.removeprefix("scikit-learn").strip(", ")
        cells += [f"{some[name]:.4f}{f' ({shown})' if shown else ''}", f"{some[name] / ours:.2f}"]
    flops = row.flops() if callable(row.flops) else row.flops
    peak = f"{1e-9 * flops / ours / machine[row.dtype]:.0%}" if flops else ""
    read = f"{1e-9 * row.n_bytes / ours / machine['read']:.0%}" if row.n_bytes else ""
    note = row.note()
    mark = "" if row.mark is None else f"{row.mark:g}"
    return f"| {row.work}{f' ({note})' if note else ''} | {ours:.4f} | {' | '.join(cells)} | {mark} | {peak} | {read} |"


def surroundings(command: str, machine: dict[str, float]) -> str:
    """The machine, the versions and the command, in words."""
    versions = []
    for name in ("scikit-learn", "scikit-learn-intelex", "faiss-cpu", "torch", "numpy", "numba"):
        try:
            versions.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            versions.append(f"no {name}")
    return (
        f"{platform.machine()}, {torch.get_num_threads()} threads; Python {platform.python_version()}, "
        f"{', '.join(versions)}. Products {machine['float32']:.0f} GFLOP/s in float32 and {machine['float64']:.0f} in "
        f"float64, reads {machine['read']:.1f} GB/s, the best of some in this run.\n\n"
        f"    {command}\n\n"
        "Medians of interleaved runs, seconds. *times* is how many times the seconds of skdl the other took; the mark "
        "is what the best other is meant to take. The last two columns are what the products, or one read of the data, "
        "of a plain computation would be of the machine's limit: above 100% most of the plain computation was avoided."
    )


def run(title: str, parts: Iterable[Callable], options, name: str | None = None) -> None:
    """Measure the rows of some parts and print them as they come.

    Where a name is given each row is kept in a file of JSON lines as soon as it is there, the table is made of all that
    are kept, no row is measured twice, and none is begun after `options.minutes`: the command is run again until
    nothing is missing.
    """
    warnings.simplefilter("ignore")
    started = time.perf_counter()
    cells = None if name is None else Cells(name, ("work",))
    if cells is not None and options.fresh:
        cells.store.unlink(missing_ok=True)
    machine = limits()
    head = [f"# {title}\n", surroundings(f"python {' '.join(sys.argv)}", machine) + "\n", HEADER]
    print("\n".join(head), flush=True)
    for part in parts:
        for row in part(options):
            if options.only in row.work and (cells is None or cells.missing(work=row.work)):
                if cells is not None and time.perf_counter() - started > 60 * options.minutes:
                    print("Time is up; run the same command again to go on.")
                    return
                text = line(row, medians(row.contestants, options.rounds), machine)
                print(text, flush=True)
                if cells is not None:
                    cells.add(work=row.work, line=text)
                    lines = [*head, *(cell["line"] for cell in cells.read())]
                    cells.store.with_suffix(".md").write_text("\n".join(lines) + "\n")
            row.done()


def parser(description: str) -> argparse.ArgumentParser:
    """The options that all the benchmarks have."""
    made = argparse.ArgumentParser(description=description)
    made.add_argument("--rounds", type=int, default=3)
    made.add_argument("--only", default="", help="the rows whose name contains this")
    made.add_argument("--quick", action="store_true", help="a tenth of the rows")
    return made


def main(description: str, part: Callable) -> None:
    """Print the table of one part."""
    run(description, [part], parser(description).parse_args())
