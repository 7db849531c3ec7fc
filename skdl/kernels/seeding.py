"""Choosing the first centres of K-means so that weights equal repetition and the order of the rows does not matter.

A row is drawn by walking along the cumulated masses until they pass a random number. Walked in the order in which the
rows happen to stand, the same number lands on other rows once the rows are shuffled, or repeated instead of weighted.
So the walk follows an order that the rows' contents decide, by a hash of each row: equal rows stand together, and
their masses cover the same stretch whether they are one row of weight three or three rows of weight one. To walk fast,
rows lie in buckets by the leading bits of the hash, and only the bucket that is hit is walked row by row.
"""

import math
from functools import cached_property

import numpy as np
import scipy.sparse as sp

from skdl.kernels import _seeding_loops, _turned_loops
from skdl.kernels.compiled_rows import TURNED_BYTES, CompiledRows, dense_rows
from skdl.kernels.rowblocks import BLOCK, cut, on_threads, tile_rows
from skdl.kernels.rows import Rows
from skdl.utils import derive_keys, random_bits

_MULTIPLIER_1 = np.uint64(0xBF58476D1CE4E5B9)
_MULTIPLIER_2 = np.uint64(0x94D049BB133111EB)
_GAMMA = np.uint64(0x9E3779B97F4A7C15)
_COMPILED_VALUES = 300_000
# So many rows times draws are drawn by passes over all the rows.
_FEW_DRAWS = 4_000_000


def _mix(z: np.ndarray) -> np.ndarray:
    """The finaliser of SplitMix64."""
    z = (z ^ (z >> np.uint64(30))) * _MULTIPLIER_1
    z = (z ^ (z >> np.uint64(27))) * _MULTIPLIER_2
    return z ^ (z >> np.uint64(31))


def _bits(values: np.ndarray) -> np.ndarray:
    # The same numbers have the same bits as float32 and float64; adding zero turns -0.0 into 0.0, which equals it.
    return (values.astype(np.float64) + 0.0).view(np.uint64)


def row_hashes(X) -> np.ndarray:
    """Hash the content of each row; a permutation of the columns changes nothing unless columns share both extremes."""
    n, d = X.shape
    if sp.issparse(X):
        low, high = (np.asarray(part.toarray(), dtype=np.float64).ravel() for part in (X.min(axis=0), X.max(axis=0)))
        keys = _column_keys(low, high)
        folded = _bits(X.data)
        folded = (folded ^ (folded >> np.uint64(32))) * keys[X.indices]
        total = np.concatenate([np.zeros(1, dtype=np.uint64), np.cumsum(folded, dtype=np.uint64)])
        return _mix(total[X.indptr[1:]] - total[X.indptr[:-1]])
    if X.size < _COMPILED_VALUES:
        keys = _column_keys(X.min(axis=0), X.max(axis=0))
        folded = _bits(np.ascontiguousarray(X))
        return _mix(((folded ^ (folded >> np.uint64(32))) * keys).sum(axis=1, dtype=np.uint64))
    parts = cut(n, 16)

    def find(part):
        low, high = np.full(d, np.inf), np.full(d, -np.inf)
        _seeding_loops.extremes(X[part], low, high)
        return low, high

    lows, highs = zip(*on_threads(find, parts), strict=True)
    keys = _column_keys(np.min(lows, axis=0), np.max(highs, axis=0))
    hashes = np.empty(n, dtype=np.uint64)
    on_threads(lambda part: _seeding_loops.hash_rows(X[part], keys, hashes[part]), parts)
    return _mix(hashes)


def _column_keys(low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """An odd number for each column, from its extremes alone where they tell the columns apart."""
    keys = _mix(_mix(_bits(low) + _GAMMA) + _bits(high))
    if len(np.unique(keys)) < len(keys):
        keys = _mix(keys + np.arange(len(keys), dtype=np.uint64))
    return keys | np.uint64(1)


class Walk:
    """Draws rows in proportion to masses, along the order of the rows' hashes."""

    def __init__(self, hashes: np.ndarray):
        self.hashes = hashes

    @cached_property
    def by_hash(self) -> np.ndarray:
        """The rows in the order of their hashes."""
        if len(self.hashes) < _COMPILED_VALUES:
            return np.argsort(self.hashes, kind="stable")
        # NumPy sorts numbers of 16 bits in one pass; what agrees in these is little.
        leading = (self.hashes >> np.uint64(48)).astype(np.uint16)
        order = np.argsort(leading, kind="stable")
        edges = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(np.bincount(leading, minlength=1 << 16))])
        # Each part has the edges at both its ends.
        parts = [edges[part.start : part.stop + 1] for part in cut(len(edges) - 1, 16)]
        on_threads(lambda some: _seeding_loops.sort_within(order, self.hashes, some), parts)
        return order

    @cached_property
    def _n_bits(self) -> int:
        return min(16, max(1, int(math.log2(len(self.hashes) + 1) / 2)))

    @property
    def n_buckets(self) -> int:
        return 1 << self._n_bits

    @cached_property
    def buckets(self) -> np.ndarray:  # (n,)
        return (self.hashes >> np.uint64(64 - self._n_bits)).astype(np.uint16)

    @cached_property
    def order(self) -> np.ndarray:
        """The rows in the order of their buckets."""
        return np.argsort(self.buckets, kind="stable")

    @cached_property
    def starts(self) -> np.ndarray:
        """Where in `order` each bucket begins; one more at the end."""
        return np.searchsorted(self.buckets[self.order], np.arange(self.n_buckets + 1))

    def bucket_mass(self, mass: np.ndarray) -> np.ndarray:
        """Add up the masses of each bucket."""
        return np.bincount(self.buckets, weights=mass, minlength=self.n_buckets)

    def draw_many(self, mass: np.ndarray, uniform: np.ndarray) -> np.ndarray:
        """Return a row for each of many numbers in [0, 1)."""
        ends = np.cumsum(mass[self.by_hash])
        place = np.searchsorted(ends, uniform * ends[-1], side="right")
        return self.by_hash[np.minimum(place, np.searchsorted(ends, ends[-1]))]

    def draw(self, mass_of, bucket_mass: np.ndarray, uniform: np.ndarray) -> np.ndarray:
        """Return a row for each number in [0, 1); ``mass_of(rows)`` gives the masses of rows."""
        chosen = np.empty(len(uniform), dtype=np.int64)
        ends = np.cumsum(bucket_mass)
        for i, target in enumerate(uniform * ends[-1]):
            # side="right" passes over stretches of no length; rounding must not lead beyond the last stretch.
            bucket = min(np.searchsorted(ends, target, side="right"), np.searchsorted(ends, ends[-1]))
            rows = self.order[self.starts[bucket] : self.starts[bucket + 1]]
            rows = rows[np.argsort(self.hashes[rows], kind="stable")]
            inner = np.cumsum(mass_of(rows))
            target -= ends[bucket - 1] if bucket else 0.0
            place = min(np.searchsorted(inner, target, side="right"), np.searchsorted(inner, inner[-1]))
            chosen[i] = rows[place]
        return chosen


def uniforms(seed: int, purpose: str, *counters: int, n: int) -> np.ndarray:
    """Draw ``n`` float64 numbers from [0, 1)."""
    return _uniform_table(derive_keys(seed, purpose, *counters), n)[0]


def _uniform_table(keys: np.ndarray, n: int) -> np.ndarray:
    """Draw ``n`` float64 numbers from [0, 1) for each key."""
    return (random_bits(keys, n).numpy().view(np.uint64) >> np.uint64(11)) * 2.0**-53


def number_of_trials(n_clusters: int) -> int:
    """How many candidates a step of greedy k-means++ compares."""
    return 2 + int(math.log(n_clusters))


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
    numbers = _uniform_table(
        derive_keys(seed, "kmeans++", start, np.arange(n_clusters)), number_of_trials(n_clusters)
    )  # (k, L)
    weight = rows.no_weight
    chosen = np.empty(n_clusters, dtype=np.int64)
    if isinstance(rows, CompiledRows) and rows.is_small:
        points = rows.points(slice(None))
        _seeding_loops.plus_plus(rows.turned, points, weight, walk.by_hash, walk.hashes, numbers, chosen)
        return chosen
    if isinstance(rows, CompiledRows) and rows.by_loops:
        return _plus_plus_by_blocks(rows, walk.by_hash, numbers)
    closest = np.full(rows.n, np.inf, dtype=rows.dtype)
    by_weight = walk.bucket_mass(weight)
    bucket_mass = by_weight
    for step in range(n_clusters):
        some_numbers = numbers[step] if step else numbers[step, :1]
        if step and bucket_mass.any():
            candidates = walk.draw(lambda some: weight[some] * closest[some], bucket_mass, some_numbers)
        else:
            # The first centre; or fewer distinct rows than clusters, where any row will do and repeats one.
            candidates = walk.draw(lambda some: weight[some], by_weight, some_numbers)
        chosen[step], bucket_mass = _lower(rows, walk, candidates, closest, last=step == n_clusters - 1)
    return chosen


def _lower(rows, walk, candidates, closest, last):
    """Keep the best candidate: lower the distances to the nearest centre, and return it and the mass of each bucket."""
    distances = rows.distances_to_candidates(rows.points(candidates))  # (L, n)
    np.minimum(distances, closest, out=distances)
    if rows.weight is None:
        potentials = distances.sum(axis=1, dtype=np.float64)
    else:
        potentials = np.array([one.astype(np.float64) @ rows.weight for one in distances])
    best = int(potentials.argmin())
    closest[:] = distances[best]
    # Rounding must not leave a row at a distance from itself.
    closest[walk.hashes == walk.hashes[candidates[best]]] = 0.0
    return candidates[best], None if last else walk.bucket_mass(rows.no_weight * closest)


def _plus_plus_by_blocks(rows: CompiledRows, order: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """As :func:`plus_plus` with rows in the order of their hashes: the masses of blocks are all that a draw needs.

    One pass a step lowers the distances by the centre of the step before, and adds up each block's mass with each
    candidate; the masses of the best one decide the next draw.
    """
    n, n_clusters = rows.n, len(numbers)
    share = rows.share[order] if len(rows.share) else rows.share
    closest = np.full(n, np.inf, dtype=rows.dtype)
    blocks = SortedBlocks(rows, order)
    by_weight = np.add.reduceat(rows.no_weight[order], np.arange(0, n, BLOCK))
    masses = np.zeros_like(by_weight)
    chosen = np.empty(n_clusters, dtype=np.int64)
    for step in range(n_clusters):
        center = rows.points(chosen[step - 1 : step] if step else slice(0, 0))
        some = numbers[step] if step else numbers[step, :1]
        candidates = np.empty(len(some), dtype=np.int64)
        # The first centre; or fewer distinct rows than clusters, where any row will do and repeats one.
        by, beside = (masses, center) if masses.any() else (by_weight, center[:0])
        _seeding_loops.draw(rows.X, order, rows.shift, rows.scale, beside, closest, share, by, some, candidates)
        tried = blocks.try_candidates(center, rows.points(candidates), closest, share)
        best = int(tried.sum(axis=1).argmin())
        chosen[step], masses = candidates[best], tried[best]
    return chosen


class SortedBlocks:
    """Turned blocks of rows in some order, all of them kept where they are not too many."""

    def __init__(self, rows: CompiledRows, order: np.ndarray):
        self.rows, self.order = rows, order
        self.n_blocks = -(-rows.n // BLOCK)
        self.parts = cut(self.n_blocks, 16)
        self.kept = None
        if rows.X.nbytes <= TURNED_BYTES:
            kept = self._empty(self.n_blocks)
            on_threads(lambda part: self._turn(part, kept[part]), self.parts)
            self.kept = kept

    def _empty(self, n_blocks: int) -> np.ndarray:
        return np.empty((n_blocks, self.rows.d, BLOCK), dtype=self.rows.dtype)

    def _turn(self, blocks: slice, out) -> None:
        rows, order = self.rows, self.order[blocks.start * BLOCK : blocks.stop * BLOCK]
        _turned_loops.turn(rows.X, rows.shift, rows.scale, out, order)

    def _pieces(self, part: slice):
        if self.kept is not None:
            yield part, self.kept[part]
            return
        step = max(1, tile_rows(self.rows.d, self.rows.dtype.itemsize, 1 << 17) // BLOCK)
        scratch = self._empty(step)
        for start in range(part.start, part.stop, step):
            piece = slice(start, min(start + step, part.stop))
            turned = scratch[: piece.stop - start]
            self._turn(piece, turned)
            yield piece, turned

    def try_candidates(self, center, candidates, closest, share) -> np.ndarray:
        """Lower `closest` by a centre, and return the mass of each block with each candidate, (L, n_blocks)."""
        masses = np.empty((len(candidates), self.n_blocks))

        def work(part):
            for piece, turned in self._pieces(part):
                there = slice(piece.start * BLOCK, min(piece.stop * BLOCK, self.rows.n))
                weight = share[there] if len(share) else share
                n = there.stop - there.start
                _seeding_loops.try_candidates(turned, n, center, candidates, closest[there], weight, masses[:, piece])

        on_threads(work, self.parts)
        return masses


def at_random(walk: Walk, weight: np.ndarray, n_clusters: int, seed: int, *counters: int) -> np.ndarray:
    """Choose distinct rows in proportion to their weights; rows are repeated only where there are too few.

    Returns
    -------
    ndarray of shape (n_clusters,), int64
    """
    chosen = np.empty(n_clusters, dtype=np.int64)
    numbers = uniforms(seed, "random", *counters, n=n_clusters)
    if len(weight) * n_clusters < _FEW_DRAWS:
        _seeding_loops.distinct(weight, walk.by_hash, walk.hashes, numbers, chosen)
        return chosen
    mass = weight.copy()
    bucket_mass = walk.bucket_mass(mass)
    for step, number in enumerate(numbers):
        if not bucket_mass.any():
            mass = weight.copy()
            bucket_mass = walk.bucket_mass(mass)
        row = chosen[step] = walk.draw(mass.__getitem__, bucket_mass, np.array([number]))[0]
        bucket = walk.buckets[row]
        rows = walk.order[walk.starts[bucket] : walk.starts[bucket + 1]]
        mass[rows[walk.hashes[rows] == walk.hashes[row]]] = 0.0
        bucket_mass[bucket] = mass[rows].sum()
    return chosen


def in_parallel(
    rows: Rows, walk: Walk, n_clusters: int, seed: int, start: int, oversampling: float = 2.0
) -> np.ndarray:
    """Choose centres by k-means||: a few rounds draw many rows at once, and k-means++ thins them out.

    Each row is drawn by a number of its own, which its hash decides; a row of weight w counts as w rows that are drawn
    together.

    Parameters
    ----------
    oversampling : float, default=2.0
        How many times ``n_clusters`` rows a round draws in expectation.

    Returns
    -------
    ndarray of shape (n_clusters, d)
        Points in tile space, which are rows.
    """
    weight = rows.no_weight
    first = walk.draw(lambda some: weight[some], walk.bucket_mass(weight), uniforms(seed, "kmeans||", start, n=1))
    pool, distinct = list(first), {int(walk.hashes[first[0]])}
    closest = rows.distances_to(rows.points(first))[0]
    _, content = np.unique(walk.hashes, return_inverse=True)
    together = np.bincount(content, weights=weight)[content]  # of all rows with the same content
    for turn in range(5):
        closest[np.isin(walk.hashes, np.fromiter(distinct, dtype=np.uint64))] = 0.0
        mass = closest.astype(np.float64)
        total = mass @ weight
        if not total > 0:
            break
        key = derive_keys(seed, "kmeans||", start, turn + 1).view(np.uint64)[0]
        number = (_mix(walk.hashes ^ key) >> np.uint64(11)) * 2.0**-53
        # Equal rows share their number and their distance, so that they are drawn together.
        chance = oversampling * n_clusters * mass / total
        drawn = np.flatnonzero(number < -np.expm1(-chance * together))
        _, position = np.unique(walk.hashes[drawn], return_index=True)
        new = drawn[position]
        if len(new):
            pool.extend(new)
            distinct.update(int(value) for value in walk.hashes[new])
            for piece in cut(len(new), -(-len(new) // 64)):
                np.minimum(closest, rows.distances_to(rows.points(new[piece])).min(axis=0), out=closest)
    points = rows.points(np.array(pool))
    labels = np.empty(rows.n, dtype=np.int32)
    rows.assign(points, labels)
    pool_weight = np.bincount(labels, weights=weight, minlength=len(pool))
    return _thinned(points, pool_weight, walk.hashes[pool], n_clusters, seed, start, rows)


def _thinned(points, weight, hashes, n_clusters, seed, start, rows):
    """Choose among the drawn points by greedy k-means++, each with the weight of the rows nearest to it."""
    kept = np.flatnonzero(weight)
    pool = dense_rows(points[kept], weight[kept], np.zeros(rows.d), 0, rows.device)
    return points[kept][plus_plus(pool, Walk(hashes[kept]), n_clusters, seed, start)]
