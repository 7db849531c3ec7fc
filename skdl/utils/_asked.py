"""Whether a question has been asked before: data that are compared bit by bit, unless they cannot have changed."""

from collections.abc import Callable
from typing import Any

import numpy as np


class Asked:
    """Data that may come again, as those of siblings that are judged on the same rows.

    An array that owns its memory and is not writeable is known again by itself. Of any other one a copy is kept, with
    which what comes is compared bit by bit.

    Parameters
    ----------
    data : ndarray
        What has come.
    """

    def __init__(self, data: np.ndarray):
        self.data = data if is_frozen(data) else data.copy()

    def is_same(self, data) -> bool:
        """Return whether this is the data again; anything but an array is not."""
        if data is self.data:
            return True
        if not isinstance(data, np.ndarray) or data.shape != self.data.shape or data.dtype != self.data.dtype:
            return False
        return bool(np.array_equal(_bits(data), _bits(self.data)))


class Answers:
    """The answers to the last questions, as siblings ask them again: newest first, by the data they are about.

    None is a question too.
    """

    # Training rows and test rows, as a search with training scores asks.
    _REMEMBERED = 2

    def __init__(self):
        self._known: list[tuple[Asked | None, Any]] = []

    def has_seen(self, data) -> bool:
        """Return whether this very array has been asked about, and cannot have changed since."""
        return any(asked is not None and asked.data is data for asked, _ in self._known)

    def find(self, data, serves: Callable[[Any], bool] = lambda answer: True):
        """Return the newest answer about this data that serves; None where there is none."""
        for asked, answer in self._known:
            if (data is None if asked is None else asked.is_same(data)) and serves(answer):
                return answer
        return None

    def add(self, data, answer):
        """Remember an answer, and return it."""
        asked = None if data is None else Asked(data)
        self._known = [(asked, answer), *self._known[: self._REMEMBERED - 1]]
        return answer


def freeze(data) -> None:
    """Make an array that owns its memory unchangeable, so that it need not be compared to be known again.

    Parameters
    ----------
    data : object
        Anything but such an array is left as it is.
    """
    if type(data) is np.ndarray and data.base is None:
        data.flags.writeable = False


def is_frozen(data) -> bool:
    """Return whether an array owns its memory and cannot be written to.

    Parameters
    ----------
    data : object
        An array, or anything else, which is not frozen.

    Returns
    -------
    bool
    """
    return type(data) is np.ndarray and data.base is None and not data.flags.writeable


def _bits(array: np.ndarray) -> np.ndarray:
    # As whole numbers, so that gaps are equal to themselves.
    return array.view(f"i{array.itemsize}") if array.dtype.kind == "f" and array.itemsize <= 8 else array
