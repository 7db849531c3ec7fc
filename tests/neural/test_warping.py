"""Nearest neighbours by time warping against an alignment by the book, and what is told by them."""

import numpy as np
import pytest

from skdl.kernels._warping_loops import aligned_distance, nearest_others
from skdl.kernels.warping import SERIES, differ_by_timing
from skdl.neural._rows import even_choice


def by_the_book(a: np.ndarray, b: np.ndarray) -> float:
    """Every path through the table of differences, the cheapest of them."""
    cost = np.full((len(a) + 1, len(b) + 1), np.inf)
    cost[0, 0] = 0.0
    for i in range(len(a)):
        for j in range(len(b)):
            cost[i + 1, j + 1] = ((a[i] - b[j]) ** 2).sum() + min(cost[i, j], cost[i, j + 1], cost[i + 1, j])
    return float(cost[-1, -1])


@pytest.mark.parametrize("channels", [1, 3])
def test_distances_are_those_of_the_best_alignment(channels):
    X = np.random.default_rng(channels).normal(size=(8, 9, channels))
    row = np.empty(10)
    for a in X:
        for b in X:
            expected = by_the_book(a, b)
            assert aligned_distance(a, b, row, np.inf) == pytest.approx(expected, rel=1e-12, abs=1e-12)
            assert aligned_distance(a, b, row, 0.5 * expected) in (np.inf, pytest.approx(expected))
    slower = X[0][[0, 0, 1, 2, 3, 4, 5, 6, 7, 8]]
    assert aligned_distance(slower, X[0], row, np.inf) == 0.0


@pytest.mark.parametrize("aligned", [False, True])
def test_nearest_others_are_those_of_all_pairs(aligned):
    X = np.random.default_rng(3).normal(size=(30, 12, 2)).cumsum(axis=1)
    X[17] = X[4]
    X[25] = X[4]
    distance = np.array([[by_the_book(a, b) if aligned else ((a - b) ** 2).sum() for b in X] for a in X])
    np.fill_diagonal(distance, np.inf)
    found = nearest_others(X, aligned)
    np.testing.assert_array_equal(found, distance.argmin(axis=1))
    assert found[4] == 17
    assert found[17] == 4
    assert found[25] == 4


def waves(n: int, n_steps: int, moves: bool, seed: int = 0):
    """Two classes, a wave that goes up first and one that goes down first, which stands anywhere or in the middle."""
    rng = np.random.default_rng(seed)
    codes = np.arange(n) % 2
    middle = rng.uniform(0.15, 0.85, size=n) if moves else np.full(n, 0.5)
    away = np.arange(n_steps) / n_steps - middle[:, None]
    shape = np.sin(2 * np.pi * away / 0.2) * (np.abs(away) < 0.1)
    X = np.where(codes == 1, 1.0, -1.0)[:, None] * shape + 0.1 * rng.normal(size=shape.shape)
    return X[:, :, None], codes


@pytest.mark.parametrize(("n_steps", "channels"), [(60, 1), (500, 1), (500, 40)])
def test_waves_that_move_differ_by_timing_and_those_that_stay_do_not(n_steps, channels):
    lengths = np.full(30, n_steps)
    X, codes = waves(30, n_steps, moves=True)
    X = np.repeat(X, channels, axis=2)
    assert differ_by_timing(X, lengths, codes)
    assert not differ_by_timing(waves(30, n_steps, moves=False)[0], lengths, codes)
    # Classes that are told by when the wave comes, or by nothing, want no warping.
    assert not differ_by_timing(X, lengths, (X[:, :, 0].argmax(axis=1) > n_steps / 2).astype(int))
    assert not differ_by_timing(X, lengths, np.random.default_rng(1).integers(2, size=30))


def test_what_is_behind_the_end_of_a_series_has_no_part_in_it():
    X, codes = waves(40, 60, moves=True)
    lengths = np.random.default_rng(2).integers(55, 61, size=40)
    told = differ_by_timing(X, lengths, codes)
    X[np.arange(60) >= lengths[:, None]] = np.nan
    assert differ_by_timing(X, lengths, codes) == told


@pytest.mark.parametrize("shape", [(1, 5, 1), (2, 1, 1), (4, 1, 2)])
def test_few_series_of_few_steps_tell_nothing(shape):
    X = np.random.default_rng(4).normal(size=shape)
    assert not differ_by_timing(X, np.full(shape[0], shape[1]), np.arange(shape[0]))


def test_all_of_few_series_are_looked_at_and_128_of_many_that_lie_evenly_apart():
    np.testing.assert_array_equal(even_choice(5, SERIES), np.arange(5))
    chosen = even_choice(1000, SERIES)
    assert len(chosen) == 128
    assert set(np.diff(chosen)) == {7, 8}
