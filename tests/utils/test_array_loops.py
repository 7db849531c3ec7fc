"""What loops use in place of NumPy's functions, against those."""

import numpy as np
import pytest
from numba import njit

from skdl.kernels import _array_loops


# Parts of loops are called by loops alone.
@njit
def stable_order(values):
    return _array_loops.stable_order(values)


@njit
def longer(array, n):
    return _array_loops.longer(array, n)


@pytest.mark.parametrize("n", [0, 1, 2, 3, 7, 64, 1000])
@pytest.mark.parametrize("kind", ["distinct", "equal", "few", "missing"])
def test_an_order_is_that_of_a_stable_argsort(n, kind):
    rng = np.random.default_rng(n)
    values = {"distinct": rng.permutation(n).astype(float), "equal": np.zeros(n)}.get(
        kind, rng.integers(5, size=n) - 2.0
    )
    if kind == "missing":
        values[rng.random(n) < 0.3] = np.nan
    np.testing.assert_array_equal(stable_order(values), np.argsort(values, kind="stable"))


@pytest.mark.parametrize("shape", [(3,), (3, 2), (1, 2, 3)])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint64, np.float64])
def test_a_longer_array_begins_as_the_shorter_one(shape, dtype):
    array = np.arange(np.prod(shape)).reshape(shape).astype(dtype)
    more = longer(array, 7)
    assert more.shape == (7, *shape[1:])
    assert more.dtype == dtype
    np.testing.assert_array_equal(more[: len(array)], array)
