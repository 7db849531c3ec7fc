"""The ways to work on rows agree: tensors, compiled loops, products, sparse rows; bounds change no label."""

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from numpy.testing import assert_allclose, assert_array_equal

import skdl.kernels.compiled_rows
import skdl.kernels.seeding
from skdl.cluster import KMeans
from skdl.kernels.compiled_rows import CompiledRows, ProductRows
from skdl.kernels.lloyd import lloyd
from skdl.kernels.rows import Rows, SparseRows
from skdl.kernels.seeding import Walk, plus_plus, row_hashes

CPU = torch.device("cpu")


def _data(n=3000, d=7, dtype=np.float64, seed=0):
    rng = np.random.default_rng(seed)
    return (rng.normal(size=(n, d)) + 4 * rng.integers(0, 3, (n, 1)) + 3).astype(dtype)


def _kinds(X, weight):
    shift = X.mean(axis=0, dtype=np.float64)
    yield Rows(X, weight, shift, 0, CPU)
    yield CompiledRows(X, weight, shift, 0, CPU)
    yield ProductRows(X, weight, shift, 0, CPU, lean=False)
    yield ProductRows(X, weight, shift, 0, CPU, lean=True)
    yield SparseRows(sp.csr_array(X), weight, CPU)


@pytest.mark.parametrize(("dtype", "rtol"), [(np.float64, 1e-11), (np.float32, 1e-4)])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("n", "d", "k"), [(3000, 7, 5), (63, 4, 1), (64, 1, 3), (1000, 130, 9)])
def test_all_kinds_of_rows_say_what_numpy_says(n, d, k, dtype, rtol, weighted):
    X = _data(n, d, dtype)
    weight = np.random.default_rng(1).random(n) if weighted else None
    share = np.ones(n) if weight is None else weight
    centers = X[:k].astype(np.float64) + 0.1
    square = ((X[:, None].astype(np.float64) - centers) ** 2).sum(axis=2)
    nearest = square.argmin(axis=1)
    scale = (X.astype(np.float64) ** 2).sum(axis=1).max()
    for rows in _kinds(X, weight):
        there = rows.to_tile_space(centers)
        labels = np.empty(n, dtype=np.int32)
        sums, weights = rows.assign(there, labels, sums=True)
        assert_array_equal(labels, nearest)
        member = np.eye(k)[nearest] * share[:, None]
        assert_allclose(weights, member.sum(axis=0), rtol=1e-12)
        expected = member.T @ (X.astype(np.float64) - rows.shift)
        assert_allclose(sums, expected, rtol=rtol, atol=rtol * n)
        assert_allclose(rows.distances_to(there), square.T, rtol=rtol, atol=rtol * scale)
        assert_allclose(rows.distances_to_candidates(there), square.T, rtol=rtol, atol=rtol * scale)
        assert_allclose(rows.distances_to_own(there, labels), square.min(axis=1), rtol=rtol, atol=rtol * scale)
        assert_allclose(rows.inertia(there, labels), share @ square.min(axis=1), rtol=10 * rtol)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("k", [2, 15, 60])
def test_bounds_change_no_label(k, dtype, weighted):
    X = np.round(_data(5000, 6, dtype), 1)  # rounded, so that there are ties and twins
    weight = np.random.default_rng(1).integers(1, 4, 5000).astype(float) if weighted else None
    rows = CompiledRows(X, weight, X.mean(axis=0, dtype=np.float64), 0, CPU)
    start = rows.points(np.random.default_rng(2).permutation(5000)[:k])
    plain = lloyd(rows, start, 100, 0.0, lambda n: None, algorithm="lloyd")
    bounded = lloyd(rows, start, 100, 0.0, lambda n: None, algorithm="elkan")
    assert_array_equal(bounded.labels, plain.labels)
    assert bounded.n_iter == plain.n_iter
    assert_allclose(bounded.centers, plain.centers, rtol=1e-5 if dtype == np.float32 else 1e-11, atol=1e-6)
    labels = np.empty_like(bounded.labels)
    rows.assign(bounded.centers, labels)
    assert_array_equal(bounded.labels, labels)


def test_bounds_spare_comparisons(monkeypatch):
    from skdl.kernels import _bounds_loops

    X = _data(20000, 6)
    rows = CompiledRows(X, None, X.mean(axis=0), 0, CPU)
    compared = []
    in_doubt = _bounds_loops.in_doubt

    def counting(*args):
        compared.append(in_doubt(*args))
        return compared[-1]

    monkeypatch.setattr(_bounds_loops, "in_doubt", counting)
    run = lloyd(rows, rows.points(slice(0, 40)), 30, 0.0, lambda n: None, algorithm="elkan")
    assert sum(compared) < 0.5 * 20000 * run.n_iter


def test_bounds_survive_relocated_centres():
    X = _data(4000, 5)
    rows = CompiledRows(X, None, X.mean(axis=0), 0, CPU)
    start = np.vstack([rows.points(slice(0, 20)), np.full((4, 5), 1e3)])
    plain = lloyd(rows, start, 100, 0.0, lambda n: None, algorithm="lloyd")
    bounded = lloyd(rows, start, 100, 0.0, lambda n: None, algorithm="elkan")
    assert_array_equal(bounded.labels, plain.labels)
    assert bounded.n_iter == plain.n_iter


@pytest.mark.parametrize("d", [3, 140])
def test_compiled_fits_are_the_others(d, monkeypatch):
    X = _data(2000, d)
    small = KMeans(12, random_state=0).fit(X)
    monkeypatch.setattr(skdl.kernels.compiled_rows, "_SMALL_VALUES", 0)
    monkeypatch.setattr(skdl.kernels.seeding, "_COMPILED_VALUES", 0)
    large = KMeans(12, random_state=0).fit(X)
    assert_array_equal(large.labels_, small.labels_)
    assert_allclose(large.cluster_centers_, small.cluster_centers_, rtol=1e-9)
    assert large.n_iter_ == small.n_iter_
    assert_array_equal(large.predict(np.asfortranarray(X)), small.predict(X))
    assert_allclose(large.transform(X), small.transform(X), rtol=1e-7)


def test_compiled_seeds_are_those_of_tensors():
    X = _data(4000, 5)
    weight = np.random.default_rng(1).random(4000)
    shift = X.mean(axis=0)
    walk = Walk(row_hashes(X))
    seeds = [plus_plus(kind(X, weight, shift, 0, CPU), walk, 30, 7, 0) for kind in (Rows, CompiledRows)]
    assert_array_equal(*seeds)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("kept", [0, 1 << 27])
def test_seeds_by_blocks_are_those_of_tensors(kept, weighted, monkeypatch):
    # More clusters than distinct rows, too: then any row will do.
    monkeypatch.setattr(skdl.kernels.compiled_rows, "_SMALL_VALUES", 0)
    monkeypatch.setattr(skdl.kernels.seeding, "TURNED_BYTES", kept)
    X = _data(3001, 3)
    weight = np.random.default_rng(1).integers(0, 3, len(X)).astype(float) if weighted else None
    for some, k in ((X, 30), (X.round()[:200] * 0 + np.arange(200)[:, None] % 5, 9)):
        share = None if weight is None else weight[: len(some)]
        walk, shift = Walk(row_hashes(some)), some.mean(axis=0)
        seeds = [plus_plus(kind(some, share, shift, 0, CPU), walk, k, 7, 0) for kind in (Rows, CompiledRows)]
        assert_array_equal(some[seeds[0]], some[seeds[1]])


def test_hashes_are_sorted_as_numpy_sorts_them(monkeypatch):
    monkeypatch.setattr(skdl.kernels.seeding, "_COMPILED_VALUES", 0)
    rng = np.random.default_rng(0)
    many = rng.integers(0, 2**64, 200_000, dtype=np.uint64)
    for hashes in (many, many >> np.uint64(20), rng.choice(many[:3], 5000), many[:1]):
        assert_array_equal(Walk(hashes).by_hash, np.argsort(hashes, kind="stable"))


@pytest.mark.parametrize("compiled_from", [0, 10**9])
def test_hashes_are_of_contents(compiled_from, monkeypatch):
    monkeypatch.setattr(skdl.kernels.seeding, "_COMPILED_VALUES", compiled_from)
    X = np.random.default_rng(0).integers(-2, 3, (3000, 4)).astype(float)
    hashes = row_hashes(X)
    _, contents = np.unique(X, axis=0, return_inverse=True)
    _, by_hash = np.unique(hashes, return_inverse=True)
    pairs = np.unique(np.column_stack([contents, by_hash]), axis=0)
    assert len(pairs) == contents.max() + 1 == by_hash.max() + 1
    assert_array_equal(row_hashes(X.astype(np.float32)), hashes)
    assert_array_equal(row_hashes(np.where(X == 0, -0.0, X)), hashes)
    order = np.random.default_rng(1).permutation(3000)
    assert_array_equal(row_hashes(X[order]), hashes[order])
    reals = np.random.default_rng(0).normal(size=(500, 4))
    assert_array_equal(row_hashes(reals[:, [2, 0, 3, 1]]), row_hashes(reals))


def test_a_walk_draws_in_proportion_and_the_same_by_ones_and_by_many():
    X = np.arange(40.0)[:, None]
    mass = np.random.default_rng(0).random(40) * (np.arange(40) % 3 > 0)
    walk = Walk(row_hashes(X))
    numbers = (np.arange(200_000) + 0.5) / 200_000
    many = walk.draw_many(mass, numbers)
    assert_allclose(np.bincount(many, minlength=40) / len(numbers), mass / mass.sum(), atol=2e-5)
    ones = walk.draw(lambda rows: mass[rows], walk.bucket_mass(mass), numbers[::1000])
    assert_array_equal(ones, many[::1000])
    edge = walk.draw(lambda rows: mass[rows], walk.bucket_mass(mass), np.array([0.0, 1.0 - 2.0**-53]))
    assert (mass[edge] > 0).all()
