"""Blocks of rows on several threads: each thread has a block in its cache and one torch thread to itself."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import pairwise
from typing import Any

import torch

from skdl.kernels.threads import one_torch_thread

# How many rows compiled loops turn into columns at a time, so that neighbouring numbers belong to neighbouring rows.
BLOCK = 64

# How many threads :func:`on_threads` may use where torch itself has one; None for as many as torch has.
_given: ContextVar[int | None] = ContextVar("_given", default=None)
# Threads are kept for the next call; a forked child has none of its parent's and starts its own.
_pools: dict[tuple[int, int], ThreadPoolExecutor] = {}


def tile_rows(n_columns: int, itemsize: int = 8, cache_bytes: int = 1 << 19) -> int:
    """How many rows of so many columns make up a block that stays in a core's cache."""
    return max(64, cache_bytes // max(1, n_columns * itemsize))


def cut(n_rows: int, n_parts: int) -> list[slice]:
    """Cut rows into consecutive parts of nearly equal size, none of them empty."""
    n_parts = max(1, min(n_parts, n_rows))
    edges = [n_rows * part // n_parts for part in range(n_parts + 1)]
    return [slice(start, stop) for start, stop in pairwise(edges)]


@contextmanager
def blocks_alone_on_threads() -> Iterator[None]:
    """Leave torch one thread within this context, and :func:`on_threads` as many as torch had.

    Threads that share a small product wait for each other, and while torch's wait they hold up those that work on
    blocks: a solver that makes small products between its passes over the rows is several times slower for it.
    """
    token = _given.set(_given.get() or torch.get_num_threads())
    try:
        with one_torch_thread():
            yield
    finally:
        _given.reset(token)


@contextmanager
def shared_products() -> Iterator[None]:
    """Give torch its threads back within :func:`blocks_alone_on_threads`, for a product that is large."""
    before = torch.get_num_threads()
    torch.set_num_threads(_given.get() or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def on_threads(work: Callable[[Any], Any], parts: Sequence[Any]) -> list:
    """Call ``work`` on each part and return the results in order, on as many threads as torch has been given.

    What a part gives must not depend on the number of threads: cut the work by the size of the data alone. ``work``
    must not call this function.
    """
    n_threads = min(_given.get() or torch.get_num_threads(), len(parts))
    if n_threads <= 1:
        return [work(part) for part in parts]
    pool = _pools.get((os.getpid(), n_threads))
    if pool is None:
        pool = _pools[os.getpid(), n_threads] = ThreadPoolExecutor(n_threads)
    futures = [pool.submit(_with_one_torch_thread, work, part) for part in parts]
    try:
        return [future.result() for future in futures]
    except BaseException:
        # Nothing may go on writing behind the back of whoever catches this.
        for future in futures:
            future.cancel()
        wait(futures)
        raise
    finally:
        # Threads that begin later take the number that was last set in any thread; this thread's own is untouched.
        torch.set_num_threads(torch.get_num_threads())


def _with_one_torch_thread(work, part):
    if torch.get_num_threads() != 1:
        torch.set_num_threads(1)
    return work(part)
