"""Threads that each work on pieces of their own."""

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
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


def side_by_side(tasks: Sequence[Callable[[Callable[[], bool]], Iterator]], n_threads: int) -> Iterator:
    """Yield what some iterators yield, as it comes; some of them go on at a time.

    Parameters
    ----------
    tasks : sequence of callable
        Each is called in a thread of its own with a function, and returns an iterator. The function says whether to
        stop, which is asked of an iterator whose next item takes long; nobody waits for that item then.
    n_threads : int
        How many are worked on at a time.

    Yields
    ------
    object
        Items of all iterators; those of one in its order. The error of one ends all.
    """
    finished: queue.SimpleQueue = queue.SimpleQueue()
    ended = threading.Event()

    def work(task) -> None:
        try:
            for item in task(ended.is_set):
                finished.put((item, False, None))
                if ended.is_set():
                    break
            finished.put((None, True, None))
        except BaseException as error:
            finished.put((None, True, error))

    with ThreadPoolExecutor(n_threads, thread_name_prefix="side_by_side") as pool:
        for task in tasks:
            pool.submit(work, task)
        n_left = len(tasks)
        try:
            while n_left:
                item, is_end, error = finished.get()
                if error is not None:
                    raise error
                if is_end:
                    n_left -= 1
                else:
                    yield item
        finally:
            # Nothing may go on behind the back of whoever stops listening.
            ended.set()
            pool.shutdown(wait=True, cancel_futures=True)


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
