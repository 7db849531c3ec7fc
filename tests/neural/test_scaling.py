"""Scaling of numeric columns against scikit-learn and by hand."""

import numpy as np
import pytest
from sklearn.preprocessing import StandardScaler

from skdl.neural import _scaling
from skdl.neural._scaling import fit_column_scaling, fit_scaling, weighted_quantiles


@pytest.fixture
def X():
    return np.random.default_rng(0).lognormal(size=(51, 4)) * [1, 100, 1e-3, 1] + [0, 1e6, 0, 5]


def test_standard_scaling_is_scikit_learns(X):
    np.testing.assert_allclose(fit_scaling(X, None, "standard").apply(X), StandardScaler().fit_transform(X), rtol=1e-5)


def test_robust_scaling_by_hand(X):
    scaling = fit_scaling(X, None, "robust")
    ordered = np.sort(X, axis=0)
    Z = (X - ordered[25]) / (ordered[38] - ordered[12])
    np.testing.assert_allclose(scaling.apply(X), Z / np.sqrt(1 + (Z / 3) ** 2), rtol=1e-5, atol=1e-6)
    assert np.abs(scaling.apply(X * 1e9)).max() <= 3


def test_columns_with_equal_quartiles_are_scaled_by_their_range():
    X = np.array([[0.0, 4.0]] * 9 + [[5.0, 4.0]])
    Z = fit_scaling(X, None, "robust").apply(X)
    np.testing.assert_allclose(Z[-1], [2 / np.sqrt(1 + 4 / 9), 0.0], rtol=1e-6)
    np.testing.assert_array_equal(Z[:-1], 0.0)


@pytest.mark.parametrize("kind", ["robust", "standard"])
def test_weights_count_as_rows(X, kind):
    weight = np.random.default_rng(1).integers(1, 5, len(X))
    weighted = fit_scaling(X, weight.astype(float), kind)
    repeated = fit_scaling(X.repeat(weight, axis=0), None, kind)
    np.testing.assert_allclose(weighted.center, repeated.center, rtol=1e-14)
    np.testing.assert_allclose(weighted.factor, repeated.factor, rtol=1e-10)


def test_quantiles_are_numpys_inverted_distribution_function(X):
    levels = (0.0, 0.1, 0.25, 0.5, 0.75, 1.0)
    expected = np.quantile(X, levels, axis=0, method="inverted_cdf")
    np.testing.assert_array_equal(weighted_quantiles(X, None, levels), expected)
    np.testing.assert_array_equal(weighted_quantiles(X, np.ones(len(X)), levels), expected)


def test_none_leaves_columns_alone(X):
    np.testing.assert_array_equal(fit_scaling(X, None, None).apply(X), X.astype(np.float32))


@pytest.mark.parametrize("kind", ["robust", "standard", None])
@pytest.mark.parametrize("missing", [False, True])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_groups_and_pieces_give_the_bits_of_the_whole(kind, missing, dtype, monkeypatch):
    rng = np.random.default_rng(0)
    X, weight = rng.lognormal(size=(700, 37)).astype(dtype), rng.random(700)
    if missing:
        X[rng.random(X.shape) < 0.01] = np.nan
    columns = np.flatnonzero(np.arange(37) != 5)
    expected = fit_scaling(X[:, columns], weight, kind)
    scaled = expected.apply(X[:, columns])
    monkeypatch.setattr(_scaling, "_GROUP_BYTES", 0)
    monkeypatch.setattr(_scaling, "_PIECE_BYTES", 0)
    found = fit_column_scaling(X, columns, weight, kind)
    np.testing.assert_array_equal(found.center, expected.center)
    np.testing.assert_array_equal(found.factor, expected.factor)
    assert found.clip == expected.clip
    for table in (X[:, columns], np.ascontiguousarray(X[:, columns])):
        pieces = found.apply(table)
        np.testing.assert_array_equal(pieces, scaled)
        assert pieces.flags.c_contiguous == table.flags.c_contiguous
