"""Euclidean neighbours on a CPU, by tiles that stay in cache.

A product of a few hundred queries and a thousand points is scanned as soon as it is made: what lies at or below the
query's threshold goes into a short list, and whenever the list is full the threshold is lowered and the list thinned
(the bounds are those of :mod:`skdl.kernels.neighbors`). At the end the list is compared exactly. A list that stays full
means that the products are too coarse for the query, or that very many points are equally distant: the query then goes
to the next stage, of higher precision, and in the end to a comparison with all points.
"""

import threading
from collections.abc import Callable, Hashable

import numpy as np
import torch

from skdl.kernels._tile_loops import BLOCK, compare_all, rank, scan
from skdl.kernels.neighbors import TILE_BYTES, Reference, centred_queries
from skdl.kernels.threads import in_threads, one_torch_thread

QUERY_TILE = 512
POINT_TILE = 1024
# Beyond this norm (the points have norms of about 1) products may overflow in single precision.
_FAR = 1e15


class _Scratch(threading.local):
    """The tiles of each thread, one of each type, and the points that were made ready last."""

    def tile(self, m, width, dtype):
        held = self.__dict__.setdefault(dtype, torch.empty(0, dtype=dtype))
        if not held.numel():
            held = self.__dict__[dtype] = torch.empty(QUERY_TILE * POINT_TILE, dtype=dtype)
        return held[: m * width].view(m, width)

    def points(self, shape, dtype, device):
        held = self.__dict__.get("ready")
        if held is None or held.dtype != dtype or held.shape[1] != shape[1] or len(held) < shape[0]:
            held = self.__dict__["ready"] = torch.empty(shape, dtype=dtype, device=device)
        return held[: shape[0]]


def _search_stage(stage: Reference, scratch, queries, augmented, query_norms, points, k, distances, indices):
    """Search one tile of queries in one precision; return which queries overflowed."""
    m, n = len(queries), len(points)
    low, norms = stage.low.numpy(), stage.norms.numpy()
    kind = low.dtype
    rounded = None
    if stage.integers is not None:
        ours, theirs = stage.integers, augmented
        augmented = theirs.values
        sides = (*ours[1:], *theirs[1:])
        rounded = (*(side.numpy() for side in sides), np.empty(POINT_TILE, dtype=kind))
    width = stage.tile_rows(POINT_TILE)
    exact = _exact_terms(stage, queries, points)
    capacity = (16 * k + 256) * (1 if exact is None else 4)
    values = np.empty((m, capacity + BLOCK), dtype=kind)
    columns = np.empty((m, capacity + BLOCK), dtype=np.int32)
    counts = np.where(query_norms < _FAR, 0, -1)
    triggers = np.full(m, 2 * k + 32)
    thresholds = np.full(m, np.inf)
    blur = 4 * (queries.shape[1] + 16) * 2.0**-53
    for first in range(0, n, width):
        part = stage.part(slice(first, first + width), scratch.points)
        if rounded is None:
            tile = scratch.tile(m, len(part), stage.dtype)
            torch.mm(augmented, part.T, out=tile)
        else:
            tile = scratch.tile(m, len(part), torch.int32)
            torch._int_mm(augmented, part.T, out=tile)
        scan(
            tile.numpy(),
            low,
            norms,
            first,
            k,
            query_norms,
            stage.slack,
            blur,
            values,
            columns,
            counts,
            triggers,
            thresholds,
            exact,
            rounded,
        )
    rank(
        queries,
        points,
        stage.exact_scale,
        blur,
        norms,
        query_norms,
        stage.slack,
        values,
        columns,
        counts,
        thresholds,
        distances,
        indices,
        exact,
    )
    return np.flatnonzero(counts < 0)


def _exact_terms(stage: Reference, queries, points):
    """What thresholds are computed exactly from where bounds are loose, as along a few directions; else None."""
    if stage.basis is None and stage.integers is None:
        return None
    return queries, points, stage.exact_scale, (stage.scale / stage.exact_scale) ** 2, np.empty(16)


class TileSearch:
    """Search fixed points by tiles.

    Parameters
    ----------
    points : ndarray of shape (n, d), C order
        Float32 or float64.
    reference : callable
        Takes one of the ``stages`` and returns the points as :class:`skdl.kernels.neighbors.Reference`.
    """

    def __init__(self, points, reference: Callable[[Hashable], Reference]):
        self.points = points
        self.reference = reference
        self._too_coarse: set[Hashable] = set()

    def kneighbors(self, queries, k: int, stages: list, n_threads: int, done: Callable[[int], object]):
        """Find the k nearest points of each query, ties by index.

        Parameters
        ----------
        queries : ndarray of shape (m, d), C order
            Of the type of the points.
        k : int
            How many.
        stages : list
            What to try, from the coarsest to the finest; the last one is ``torch.float64``.
        n_threads : int
            How many tiles of queries to work on at a time.
        done : callable
            Is told the number of queries of each finished tile.

        Returns
        -------
        distances : ndarray of shape (m, k), dtype float64
        indices : ndarray of shape (m, k), dtype int64
        """
        m = len(queries)
        distances, indices = np.empty((m, k)), np.empty((m, k), dtype=np.int64)
        scratch = _Scratch()
        # Small batches are cut so that every thread has work.
        step = min(QUERY_TILE, max(64, -(-m // max(1, n_threads))))
        if self.reference(stages[0]).augmented is None:
            step = min(step, max(64, TILE_BYTES // (8 * queries.shape[1])))

        def work(start):
            rows = slice(start, min(start + step, m))
            self._search_tile(queries[rows], k, stages, scratch, distances[rows], indices[rows])
            done(rows.stop - rows.start)

        with one_torch_thread():
            in_threads(work, range(0, m, step), n_threads)
        np.sqrt(distances, out=distances)
        distances /= self.reference(stages[0]).exact_scale
        return distances, indices

    def _search_tile(self, queries, k, stages, scratch, distances, indices):
        rows = np.arange(len(queries))
        for one in stages:
            if one in self._too_coarse:
                continue
            stage = self.reference(one)
            some = queries[rows]
            augmented, norms = centred_queries(stage, torch.from_numpy(some))
            found, found_indices = distances[rows], indices[rows]
            failed = _search_stage(stage, scratch, some, augmented, norms.numpy(), self.points, k, found, found_indices)
            distances[rows], indices[rows] = found, found_indices
            if len(failed) > 0.3 * len(rows) and one != torch.float64:
                # Not precise enough for these data: the tiles to come need not try it.
                self._too_coarse.add(one)
            rows = rows[failed]
            if not len(rows):
                return
        compare_all(queries, rows, self.points, stage.exact_scale, distances, indices)
