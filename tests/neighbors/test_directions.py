"""Products along a few directions leave no neighbour out, whatever the data are."""

import numpy as np
import pytest
import torch

from skdl.kernels import tiles
from skdl.kernels.directions import directions_that_pay, leading_directions
from skdl.kernels.neighbors import prepare
from skdl.kernels.tiles import TileSearch
from skdl.neighbors import KNeighborsClassifier, NearestNeighbors, _index_dense
from tests.neighbors.oracles import all_distances, assert_same_neighbors

N, M, D = 3000, 150, 160


def _rows(kind, dtype=np.float32):
    """Training rows and queries of a kind."""
    rng = np.random.default_rng(0)
    if kind == "isotropic":
        X = rng.standard_normal((N + M, D))
    else:
        X = rng.standard_normal((N + M, 12)) @ rng.standard_normal((12, D)) + 0.05 * rng.standard_normal((N + M, D))
    if kind == "far from the origin":
        X += 1e4
    elif kind == "tiny":
        X *= 1e-30
    elif kind == "ties":
        X = np.round(X[rng.integers(0, 200, N + M)])
    elif kind == "constant":
        X[:] = 3.25
    elif kind == "an outlier":
        X[7] *= 1e6
    elif kind == "queries far out":
        X[N:] *= 1e5
    X = X.astype(dtype)
    return X[:N], X[N:]


def _reference(X, r):
    points = torch.from_numpy(X)
    return prepare(points, basis=leading_directions(points)[:, :r].clone())


KINDS = ["few factors", "isotropic", "far from the origin", "tiny", "ties", "constant", "an outlier", "queries far out"]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", KINDS)
def test_the_neighbors_are_exact(kind, dtype):
    X, queries = _rows(kind, dtype)

    def reference(stage):
        return _reference(X, stage) if isinstance(stage, int) else prepare(torch.from_numpy(X), stage)

    found = TileSearch(X, reference).kneighbors(queries, 9, [32, torch.float64], 1, lambda rows: None)
    expected = TileSearch(X, reference).kneighbors(queries, 9, [torch.float64], 1, lambda rows: None)
    np.testing.assert_array_equal(found[1], expected[1])
    np.testing.assert_array_equal(found[0], expected[0])
    assert_same_neighbors(found, all_distances(queries, X), 9)


def test_where_few_directions_are_enough_no_query_goes_on():
    X, queries = _rows("few factors")
    search = TileSearch(X, lambda stage: _reference(X, stage))
    found = search.kneighbors(queries, 9, [32], 1, lambda rows: None)
    assert not search._too_coarse
    assert_same_neighbors(found, all_distances(queries, X), 9)


@pytest.mark.parametrize("kind", ["few factors", "isotropic", "far from the origin", "an outlier"])
def test_the_bounds_hold(kind):
    X, queries = _rows(kind)
    reference = _reference(X, 40)
    augmented, _ = tiles.centred_queries(reference, torch.from_numpy(queries))
    assert augmented.shape == (M, 42)
    low = reference.low.double() - (augmented @ reference.augmented.T).double()
    centred, others = ((torch.from_numpy(part).double() - reference.shift) * reference.scale for part in (X, queries))
    true = (centred**2).sum(1) / 2 - others @ centred.T
    assert (low <= true).all()
    if kind == "few factors":
        # And they are not so low as to say nothing: what the rest adds is a small part of the distances.
        distances = 2 * true + (others**2).sum(1, keepdim=True)
        assert float((2 * (true - low) / distances).median()) < 0.02


def test_directions_are_orthonormal_and_ordered():
    points = torch.from_numpy(_rows("few factors")[0])
    basis = leading_directions(points)
    assert basis.shape == (D, D // 3)
    torch.testing.assert_close(basis.T @ basis, torch.eye(D // 3, dtype=torch.float64), atol=1e-13, rtol=0)
    centred = points.double() - points.double().mean(dim=0)
    spread = (centred @ basis).square().sum(dim=0)
    largest = torch.linalg.eigvalsh(centred.T @ centred).flip(0)[:12]
    torch.testing.assert_close(spread[:12], largest, rtol=1e-4, atol=0)
    # The sample is the points themselves here, and the seed is fixed.
    assert torch.equal(basis, leading_directions(points))


def test_the_rows_are_only_read():
    X, queries = _rows("few factors", np.float64)
    points = torch.from_numpy(X.copy())
    directions_that_pay(points, torch.from_numpy(queries[:64]), leading_directions(points), 5)
    np.testing.assert_array_equal(points.numpy(), X)


def test_directions_are_taken_where_they_save_work():
    for kind, expected in (("few factors", True), ("isotropic", False)):
        X, queries = map(torch.from_numpy, _rows(kind))
        basis = leading_directions(X)
        assert directions_that_pay(X, queries[:64], basis, 5) == 0  # so few rows are soon compared whole
        many = X.repeat(20, 1) + 1e-3 * torch.arange(20 * N)[:, None] / N
        assert (directions_that_pay(many, queries[:64], basis, 5) > 0) == expected


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_an_estimator_takes_them_and_gives_the_same_bits(dtype, monkeypatch):
    X, queries = _rows("few factors", dtype)
    monkeypatch.setattr(_index_dense, "TILE_WORK", 0)
    plain = NearestNeighbors(n_neighbors=7, device="cpu").fit(X)
    expected = plain.kneighbors(queries)
    assert "directions" not in plain._index()._held
    monkeypatch.setattr(_index_dense, "DIRECTIONS_WORK", 0)
    monkeypatch.setattr(_index_dense, "directions_that_pay", lambda *asked: 32)
    search = NearestNeighbors(n_neighbors=7, device="cpu").fit(X)
    found = search.kneighbors(queries)
    held = search._index()._held
    assert 32 in held
    assert torch.float32 not in held  # nobody had to go on
    np.testing.assert_array_equal(found[1], expected[1])
    np.testing.assert_array_equal(found[0], expected[0])
    # Numbers whose squares overflow, or nearly do, are compared as whole rows.
    extreme = NearestNeighbors(n_neighbors=7, device="cpu").fit(X * dtype(1e30 if dtype == np.float32 else 1e150))
    assert extreme._index()._n_directions(queries, 7, 1.0) == (32 if dtype == np.float32 else 0)
    y = np.arange(N) % 3
    labels = KNeighborsClassifier(7, device="cpu").fit(X, y).predict(queries)
    votes = np.stack([(y[expected[1]] == c).sum(axis=1) for c in range(3)])
    np.testing.assert_array_equal(labels, votes.argmax(axis=0))
