"""Long studies, cell by cell: each finished fit is a line of a file, so that a run which is cut short goes on."""

import argparse
import json
import os
import platform
import time
import traceback
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from pathlib import Path

RESULTS = Path(__file__).parent / "results"


class Cells:
    """Finished fits, each a dict, in a file of JSON lines.

    ``key`` names what tells one cell from another.
    """

    def __init__(self, name: str, key: tuple[str, ...]):
        self.store = RESULTS / f"{name}.jsonl"
        self.key = key

    def read(self) -> list[dict]:
        return [json.loads(line) for line in self.store.read_text().splitlines()] if self.store.exists() else []

    def missing(self, **cell) -> bool:
        """Whether there is no cell of this key yet."""
        return all([found[name] for name in self.key] != [cell[name] for name in self.key] for found in self.read())

    def add(self, **cell) -> None:
        with self.store.open("a") as file:
            file.write(json.dumps(cell) + "\n")
        print(json.dumps(cell), flush=True)

    def forget(self, name: str, value) -> None:
        """Drop all cells that have this value."""
        self.store.write_text("".join(json.dumps(cell) + "\n" for cell in self.read() if cell[name] != value))

    def run(self, cells: Iterable[dict], fit: Callable[..., dict], jobs: int = 0, minutes: float = 1e9) -> None:
        """Add what ``fit(**cell)`` returns to each missing cell, in the given order; one that fails is left out.

        With ``jobs``, so many processes of one thread each do the fits, and this one writes; ``fit`` is a function of a
        module then. None is begun after ``minutes``.
        """
        todo = [cell for cell in cells if self.missing(**cell)][::-1]
        end = time.monotonic() + 60 * minutes

        def work(spawns: bool = True) -> None:
            pool = None
            while todo and time.monotonic() < end:
                cell = todo.pop()
                try:
                    if spawns:
                        pool = pool or ProcessPoolExecutor(1, get_context("spawn"))
                        self.add(**cell, **pool.submit(fit, **cell).result())
                    else:
                        self.add(**cell, **fit(**cell))
                except BrokenProcessPool:  # killed, for memory say: the next cell gets a new process
                    print("killed:", cell, flush=True)
                    pool = None
                except Exception:
                    print("failed:", cell, traceback.format_exc(), flush=True)
            if pool:
                pool.shutdown()

        if not jobs:
            work(spawns=False)
            return
        for library in ("OMP", "OPENBLAS", "MKL", "NUMBA"):
            os.environ[f"{library}_NUM_THREADS"] = "1"  # processes that are spawned take it from here
        with ThreadPoolExecutor(jobs) as threads:
            for done in [threads.submit(work) for _ in range(jobs)]:
                done.result()


def add_run_options(parser: argparse.ArgumentParser) -> None:
    """Give a script the options of :meth:`Cells.run`."""
    parser.add_argument("--jobs", type=int, default=0, help="fit in so many processes, each with one thread")
    parser.add_argument("--minutes", type=float, default=1e9, help="begin no fit after so many minutes")


class Watch:
    """Seconds on the clock and of the processor since it was made."""

    def __init__(self):
        self._started = time.perf_counter(), time.process_time()

    def read(self) -> dict[str, float]:
        return {
            "seconds": round(time.perf_counter() - self._started[0], 2),
            "cpu_seconds": round(time.process_time() - self._started[1], 2),
        }


def processor() -> str:
    """The name of the processor, where the system tells it."""
    try:
        info = Path("/proc/cpuinfo").read_text()
    except OSError:
        return platform.machine()
    names = [line.split(":", 1)[1].strip() for line in info.splitlines() if line.startswith("model name")]
    return names[0] if names else platform.machine()
