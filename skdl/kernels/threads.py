"""Threads that each work on pieces of their own."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import torch


def in_threads(work, starts, n_threads: int) -> None:
    """Call ``work(start)`` for each start, some at a time.

    Parameters
    ----------
    work : callable
        Releases the interpreter lock for most of its time.
    starts : sequence of int
        Its arguments.
    n_threads : int
        How many calls run at a time.
    """
    if n_threads == 1 or len(starts) < 2:
        for start in starts:
            work(start)
    else:
        with ThreadPoolExecutor(n_threads) as pool:
            for _ in pool.map(work, starts):
                pass


_torch_lock = threading.Lock()
_torch_users: list[int] = []


@contextmanager
def one_torch_thread():
    """Let every product run in the thread that asks for it; torch's setting comes back when the last user leaves."""
    with _torch_lock:
        if not _torch_users:
            _torch_users.append(torch.get_num_threads())
            torch.set_num_threads(1)
        _torch_users.append(0)
    try:
        yield
    finally:
        with _torch_lock:
            _torch_users.pop()
            if len(_torch_users) == 1:
                torch.set_num_threads(_torch_users.pop())
