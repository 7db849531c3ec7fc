"""Whether a question has been asked before: data that are compared bit by bit, unless they cannot have changed."""

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
