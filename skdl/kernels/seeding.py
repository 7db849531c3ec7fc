"""Choosing the first centres of K-means so that weights equal repetition and the order of the rows does not matter.

A row is drawn by walking along the cumulated masses until they pass a random number. Walked in the order in which the
rows happen to stand, the same number lands on other rows once the rows are shuffled, or repeated instead of weighted.
So the walk follows an order that the rows' contents decide, by a hash of each row: equal rows stand together, and
their masses cover the same stretch whether they are one row of weight three or three rows of weight one.
"""

import math

import numpy as np

from skdl.kernels.lloyd import Rows, squared_distances_to
from skdl.utils import derive_keys, random_bits

_MULTIPLIER_1 = np.uint64(0xBF58476D1CE4E5B9)
_MULTIPLIER_2 = np.uint64(0x94D049BB133111EB)
_GAMMA = np.uint64(0x9E3779B97F4A7C15)


def _mix(z: np.ndarray) -> np.ndarray:
    """The finaliser of SplitMix64."""
    z = (z ^ (z >> np.uint64(30))) * _MULTIPLIER_1
    z = (z ^ (z >> np.uint64(27))) * _MULTIPLIER_2
    return z ^ (z >> np.uint64(31))


def _bits(values: np.ndarray) -> np.ndarray:
    # The same numbers have the same bits as float32 and float64; adding zero turns -0.0 into 0.0, which equals it.
    return (values.astype(np.float64) + 0.0).view(np.uint64)


def row_hashes(X: np.ndarray) -> np.ndarray:
    """Hash the content of each row; a permutation of the columns changes nothing unless columns share both extremes."""
    keys = _mix(_mix(_bits(X.min(axis=0)) + _GAMMA) + _bits(X.max(axis=0)))  # (d,)
    if len(np.unique(keys)) < len(keys):
        keys = _mix(keys + np.arange(len(keys), dtype=np.uint64))
    hashes = np.empty(len(X), dtype=np.uint64)
    rows = max(64, (1 << 18) // (8 * X.shape[1]))
    for start in range(0, len(X), rows):
        tile = np.ascontiguousarray(X[start : start + rows])
        hashes[start : start + rows] = _mix(_bits(tile) ^ keys).sum(axis=1, dtype=np.uint64)
    return hashes


class Walk:
    """Draws rows in proportion to masses, along the order of the rows' hashes."""

    def __init__(self, hashes: np.ndarray):
        self.hashes = hashes
        self.order = np.argsort(hashes, kind="stable")

    def draw(self, mass: np.ndarray, uniform: np.ndarray) -> np.ndarray:
        """Return a row for each number in [0, 1)."""
        cumulated = np.cumsum(mass[self.order])
        # side="right" passes over stretches of no length; the last number may still round up to the end.
        place = np.searchsorted(cumulated, uniform * cumulated[-1], side="right")
        last = np.searchsorted(cumulated, cumulated[-1])
        return self.order[np.minimum(place, last)]

    def like(self, row: int) -> np.ndarray:
        """Return a mask of the rows with the same content."""
        return self.hashes == self.hashes[row]


def uniforms(seed: int, purpose: str, *counters: int, n: int) -> np.ndarray:
    """Draw ``n`` float64 numbers from [0, 1)."""
    bits = random_bits(derive_keys(seed, purpose, *counters), n).numpy()[0]
    return (bits.view(np.uint64) >> np.uint64(11)) * 2.0**-53


def plus_plus(rows: Rows, walk: Walk, n_clusters: int, seed: int, start: int) -> np.ndarray:
    """Choose rows by greedy k-means++: of several candidates drawn, keep the one that lowers the inertia most.

    Parameters
    ----------
    rows : Rows
    walk : Walk
    n_clusters : int
    seed, start : int
        Which stream of random numbers.

    Returns
    -------
    ndarray of shape (n_clusters,), int64
        The rows chosen.
    """
    n_trials = 2 + int(math.log(n_clusters))
    weight = np.ones(rows.n) if rows.weight is None else rows.weight
    chosen = np.empty(n_clusters, dtype=np.int64)
    closest = np.full(rows.n, np.inf)
    for step in range(n_clusters):
        numbers = uniforms(seed, "kmeans++", start, step, n=1 if step == 0 else n_trials)
        mass = weight if step == 0 else weight * closest
        if not mass.any():
            # Fewer distinct rows than clusters: any row will do, and repeats one.
            mass = weight
        candidates = walk.draw(mass, numbers)
        distances = np.minimum(squared_distances_to(rows, candidates), closest)  # (L, n)
        best = (distances @ weight).argmin()
        chosen[step] = candidates[best]
        closest = distances[best]
        # Rounding must not leave a row at a distance from itself.
        closest[walk.like(chosen[step])] = 0.0
    return chosen


def at_random(walk: Walk, weight: np.ndarray, n_clusters: int, seed: int, start: int) -> np.ndarray:
    """Choose distinct rows in proportion to their weights; rows are repeated only where there are too few.

    Returns
    -------
    ndarray of shape (n_clusters,), int64
    """
    mass = weight.copy()
    chosen = np.empty(n_clusters, dtype=np.int64)
    for step, number in enumerate(uniforms(seed, "random", start, n=n_clusters)):
        if not mass.any():
            mass = weight.copy()
        chosen[step] = walk.draw(mass, np.array([number]))[0]
        mass[walk.like(chosen[step])] = 0.0
    return chosen
