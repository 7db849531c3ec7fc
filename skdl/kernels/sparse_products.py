"""Products of sparse matrices that are wanted dense."""

import numpy as np

from skdl.kernels.rowblocks import cut, on_threads

# From so many multiplications on, a compiled loop is worth loading.
_COMPILED_PRODUCTS = 10_000_000


def dense_product(left, right) -> np.ndarray:
    """Multiply two sparse matrices.

    Parameters
    ----------
    left : CSR matrix of shape (m, d), float64
    right : CSR matrix of shape (d, n), float64

    Returns
    -------
    ndarray of shape (m, n)
    """
    if int(np.diff(right.indptr)[left.indices].sum(dtype=np.int64)) < _COMPILED_PRODUCTS:
        return (left @ right).toarray()
    from skdl.kernels._sparse_loops import multiply

    result = np.zeros((left.shape[0], right.shape[1]))

    def work(part: slice) -> None:
        indptr = left.indptr[part.start : part.stop + 1]
        multiply(left.data, left.indices, indptr, right.data, right.indices, right.indptr, result[part])

    on_threads(work, cut(len(result), 16))
    return result
