"""Blocks of rows on several threads: each thread has a block in its cache and one torch thread to itself."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import torch


def tile_rows(n_columns: int, itemsize: int = 8, cache_bytes: int = 1 << 19) -> int:
    """How many rows of so many columns make up a block that stays in a core's cache."""
    return max(64, cache_bytes // max(1, n_columns * itemsize))


def cut(n_rows: int, n_parts: int) -> list[slice]:
    """Cut rows into consecutive parts of nearly equal size, none of them empty."""
    n_parts = max(1, min(n_parts, n_rows))
    edges = [n_rows * part // n_parts for part in range(n_parts + 1)]
    return [slice(start, stop) for start, stop in pairwise(edges)]


def _one_torch_thread() -> None:
    torch.set_num_threads(1)


def on_threads(work: Callable[[Any], Any], parts: Sequence[Any]) -> list:
    """Call ``work`` on each part and return the results in order, on as many threads as torch has been given.

    What a part gives must not depend on the number of threads: cut the work by the size of the data alone.
    """
    n_threads = min(torch.get_num_threads(), len(parts))
    if n_threads <= 1:
        return [work(part) for part in parts]
    try:
        with ThreadPoolExecutor(n_threads, initializer=_one_torch_thread) as pool:
            return list(pool.map(work, parts))
    finally:
        # New threads begin with the number that was last set in any thread; this thread's own number is untouched.
        torch.set_num_threads(torch.get_num_threads())
