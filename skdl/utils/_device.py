"""Devices: which one to compute on, what to keep there, and what to do when its memory is full."""

import warnings
from collections.abc import Callable
from typing import Any

from skdl.config import get_config
from skdl.exceptions import DeviceError, DeviceMemoryWarning


def resolve_device(device="auto"):
    """Turn a ``device`` parameter into a ``torch.device`` that works.

    Parameters
    ----------
    device : str or torch.device, default="auto"
        ``"auto"`` means the package-wide setting (:func:`skdl.set_config`), and where that is ``"auto"`` too, CUDA if
        torch sees a CUDA device, else the CPU.

    Returns
    -------
    torch.device

    Raises
    ------
    DeviceError
        If the device does not exist or cannot be used in this process. A device that was asked for by name is never
        replaced by another one.
    """
    import torch

    asked = device
    if isinstance(device, str) and device == "auto":
        asked = device = get_config()["device"]
    forked = torch.cuda._is_in_bad_fork()
    if isinstance(device, str) and device == "auto":
        # A forked child cannot use its parent's CUDA context, so there "auto" means the CPU.
        return torch.device("cuda" if torch.cuda.is_available() and not forked else "cpu")
    try:
        resolved = torch.device(device)
    except (RuntimeError, TypeError):
        raise DeviceError(
            f"device={asked!r} is not a device; use 'auto', 'cpu', 'cuda', 'cuda:0', 'mps' or a torch.device."
        ) from None
    if resolved.type == "cuda":
        if forked:
            raise DeviceError(
                f"device={asked!r} cannot be used in a forked process because its parent already uses CUDA. Start "
                "workers with joblib's 'loky' backend or multiprocessing's 'spawn' method, or use device='cpu'."
            )
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if (resolved.index or 0) >= count:
            raise DeviceError(
                f"device={asked!r} was asked for, but torch {torch.__version__} sees {count} CUDA devices here. "
                "Use device='auto' to take what is there, or device='cpu'."
            )
    elif resolved.type == "mps":
        if not torch.backends.mps.is_available():
            raise DeviceError(
                f"device={asked!r} was asked for, but torch sees no Apple GPU here. Use device='auto' or device='cpu'."
            )
    elif resolved.type != "cpu":
        raise DeviceError(f"device={asked!r} is not supported; use 'auto', 'cpu', 'cuda' or 'mps'.")
    return resolved


class DeviceCache:
    """A box for tensors that can be rebuilt: it is empty after pickling, copying and moving to another process.

    Estimators keep NumPy in their attributes and what lies on a device in here. The box is made in ``fit`` and filled
    on demand, so that ``predict`` leaves the estimator's ``__dict__`` as it was.
    """

    def __init__(self):
        self._items = {}

    def get(self, key, build: Callable[[], Any]):
        """Return the item at ``key``, built by ``build()`` where it is not there."""
        try:
            return self._items[key]
        except KeyError:
            # Two threads may both build; the last one wins and both results are right.
            item = self._items[key] = build()
            return item

    def __reduce__(self):
        return (DeviceCache, ())

    def __deepcopy__(self, memo):
        return DeviceCache()


_memory_warning_given = False


def for_each_chunk(n_rows: int, chunk_rows: int, work: Callable[[slice], None]) -> None:
    """Call ``work`` on consecutive slices of rows, halving them whenever the device runs out of memory.

    Parameters
    ----------
    n_rows : int
        How many rows there are in all.
    chunk_rows : int
        How many rows to begin with in a slice.
    work : callable
        Takes a slice; must not leave anything behind when it fails, since the same rows come again.
    """
    import torch

    global _memory_warning_given
    start = 0
    chunk_rows = max(1, chunk_rows)
    while start < n_rows:
        rows = slice(start, min(start + chunk_rows, n_rows))
        try:
            work(rows)
        except torch.OutOfMemoryError:
            if chunk_rows == 1:
                raise
            chunk_rows = max(1, min(chunk_rows, n_rows) // 2)
            if torch.cuda.is_available():
                torch.cuda.empty_cache()
            if not _memory_warning_given:
                _memory_warning_given = True
                warnings.warn(
                    f"The device ran out of memory; going on with {chunk_rows} rows at a time. "
                    "This is said once per process.",
                    DeviceMemoryWarning,
                    stacklevel=3,
                )
            continue
        start = rows.stop
