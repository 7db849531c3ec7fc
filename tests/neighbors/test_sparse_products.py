"""Products of sparse matrices, compiled and by SciPy."""

import numpy as np
import pytest
import scipy.sparse as sp

from skdl.kernels import sparse_products
from skdl.kernels.sparse_products import dense_product
from skdl.neighbors import NearestNeighbors


@pytest.fixture
def always_compiled(monkeypatch):
    monkeypatch.setattr(sparse_products, "_COMPILED_PRODUCTS", 0)


@pytest.mark.parametrize(("m", "d", "n"), [(1, 1, 1), (40, 300, 70), (65, 30, 3)])
@pytest.mark.parametrize("density", [0.0, 0.1, 1.0])
def test_product(m, d, n, density, always_compiled):
    left = sp.random(m, d, density=density, format="csr", random_state=0)
    right = sp.random(d, n, density=density, format="csr", random_state=1)
    np.testing.assert_allclose(dense_product(left, right), left.toarray() @ right.toarray(), rtol=1e-14, atol=1e-15)
    # Rows that are cut off do not begin at the first number stored.
    np.testing.assert_array_equal(dense_product(left[m // 2 :], right), dense_product(left, right)[m // 2 :])


def test_neighbours_are_those_of_the_dense_rows(always_compiled):
    X = sp.random(500, 80, density=0.1, format="csr", random_state=0)
    distances, indices = NearestNeighbors(n_neighbors=7).fit(X).kneighbors(X[:60])
    expected, places = NearestNeighbors(n_neighbors=7).fit(X.toarray()).kneighbors(X[:60].toarray())
    np.testing.assert_allclose(distances, expected, rtol=1e-12, atol=1e-15)
    np.testing.assert_array_equal(indices, places)
