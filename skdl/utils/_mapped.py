"""Arrays that lie in a file and are read when they are looked at."""

import mmap

import numpy as np

# A memory-mapped array of more bytes than this stays in its file; a smaller one is loaded.
LOADED_BYTES = 1 << 28


def is_left_in_file(array: np.ndarray) -> bool:
    """Whether an array lies in a file and is too large to be loaded without need.

    Parameters
    ----------
    array : ndarray
        Rows.

    Returns
    -------
    bool
    """
    return array.nbytes > LOADED_BYTES and is_mapped(array)


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
