"""The compiled loop of :mod:`skdl.kernels.sparse_products`."""

import numpy as np
from numba import njit

# Places are unsigned: of a signed one the compiled code asks each time whether it counts from the end.


@njit(cache=True, nogil=True)
def multiply(data, indices, indptr, right_data, right_indices, right_indptr, result):
    """Add to each row of the result what a row of one CSR matrix makes of the rows of another."""
    for i in range(len(result)):
        row = result[i]
        for place in range(np.uint64(indptr[i]), np.uint64(indptr[i + 1])):
            value, middle = data[place], np.uint64(indices[place])
            for there in range(np.uint64(right_indptr[middle]), np.uint64(right_indptr[middle + np.uint64(1)])):
                row[np.uint64(right_indices[there])] += value * right_data[there]
