"""Work on several threads."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

_WORTH_A_THREAD = 500_000  # values in a table; below, threads cost more than they bring


def n_useful_threads(n_threads: int, n: int, d: int) -> int:
    """How many threads a tree of n rows and d columns is worth."""
    return n_threads if n * d >= _WORTH_A_THREAD else 1


def in_turns(work: Callable, tasks: list, n_threads: int) -> list:
    """The results of ``work`` in the order of the tasks, so many at a time."""
    if n_threads == 1 or len(tasks) < 2:
        return [work(task) for task in tasks]
    with ThreadPoolExecutor(n_threads) as pool:
        return list(pool.map(work, tasks))
