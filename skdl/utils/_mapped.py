"""Arrays that lie in a file and are read when they are looked at."""

import mmap

import numpy as np


def is_mapped(array) -> bool:
    """Whether an array is a memory map, or a view of one.

    Parameters
    ----------
    array : object
        Anything.

    Returns
    -------
    bool
        False for rows that were picked out of a memory map by their numbers, since these are a copy.
    """
    while isinstance(array, np.ndarray):
        array = array.base
    return isinstance(array.obj if isinstance(array, memoryview) else array, mmap.mmap)
