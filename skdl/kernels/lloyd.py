"""Lloyd's iteration, plain or with bounds that spare most comparisons."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from skdl.kernels.rowblocks import on_threads
from skdl.kernels.rows import CompiledRows, Rows

# Bounds are tried once fewer than this part of the rows changes its cluster in a step, ...
_CALM = 0.15
# ... and given up if they leave more than this part of the rows in doubt.
_WORTH_IT = 0.6


@dataclass
class Run:
    """What one run of Lloyd's algorithm found; centres and inertia in tile space."""

    labels: np.ndarray  # (n,), int32
    centers: np.ndarray  # (k, d)
    inertia: float
    n_iter: int
    interrupted: bool


class _Plain:
    """Every row is compared with every centre."""

    def __init__(self, rows: Rows, labels: np.ndarray | None = None):
        self.rows = rows
        self.labels = np.full(rows.n, -1, dtype=np.int32) if labels is None else labels
        self.labels_old = self.labels.copy()

    def step(self, centers):
        """Return the sums of the clusters' rows and weights, and how many rows changed their cluster."""
        self.labels_old[:] = self.labels
        sums, weights = self.rows.assign(centers, self.labels, sums=True)
        return sums, weights, int(np.count_nonzero(self.labels != self.labels_old))


class _Bounded:
    """Hamerly's bounds: one on the distance to the own centre, one on the distance to all others.

    Only rows that the bounds leave in doubt are compared with the centres, and the sums are those of the last step but
    for the rows that moved. Bounds have room for rounding, so the labels are those of a comparison with all centres.
    """

    def __init__(self, rows: CompiledRows, n_clusters: int, labels=None, sums=None, weights=None):
        self.rows = rows
        self.labels = np.full(rows.n, -1, dtype=np.int32) if labels is None else labels
        self.upper = np.full(rows.n, np.inf)
        self.lower = np.zeros(rows.n)
        self.failing = np.empty(rows.n, dtype=np.int64)
        self.sums = np.zeros((n_clusters, rows.d)) if sums is None else sums
        self.weights = np.zeros(n_clusters) if weights is None else weights
        self.centers: np.ndarray | None = None
        self.n_steps = self.compared = 0
        self.slack = 1.0 + 8 * (rows.d + 8) * float(np.finfo(rows.dtype).eps)

    @property
    def worth_it(self) -> bool:
        """Whether the bounds spare enough; the first steps make them."""
        return self.n_steps < 3 or self.compared < _WORTH_IT * self.rows.n

    def step(self, centers):
        from skdl.kernels import _lloyd_loops

        rows, wide = self.rows, centers.astype(np.float64)
        moved = np.zeros(len(wide)) if self.centers is None else np.sqrt(((wide - self.centers) ** 2).sum(axis=1))
        moved *= self.slack
        farthest = np.full(len(wide), moved.max())
        first = int(moved.argmax())
        farthest[first] = np.delete(moved, first).max(initial=0.0)
        apart = _half_distances(wide) / self.slack

        def work(part):
            sums, weights = np.zeros_like(self.sums), np.zeros_like(self.weights)
            counts = _lloyd_loops.bounded_step(
                rows.X[part],
                rows.shift,
                rows.scale,
                centers,
                self.labels[part],
                self.upper[part],
                self.lower[part],
                apart,
                moved,
                farthest,
                self.slack,
                rows.share_of(part),
                sums,
                weights,
                self.failing[part],
            )
            return *counts, sums, weights

        changed = compared = 0
        for part_changed, part_compared, sums, weights in on_threads(work, rows.parts(len(centers))):
            changed += part_changed
            compared += part_compared
            if part_changed:
                self.sums += sums
                self.weights += weights
        self.centers = wide
        self.n_steps += 1
        self.compared = compared
        # What is left of a cluster that lost all its rows is rounding.
        present = np.bincount(self.labels, minlength=len(centers)) > 0
        self.sums[~present], self.weights[~present] = 0.0, 0.0
        return self.sums.copy(), self.weights.copy(), changed


def _half_distances(centers: np.ndarray) -> np.ndarray:
    """Half the distance from each centre to the nearest other one."""
    if len(centers) == 1:
        return np.array([np.inf])
    centred = centers - centers.mean(axis=0)
    square = np.einsum("ij,ij->i", centred, centred)
    distances = square[:, None] + square - 2 * centred @ centred.T
    # Less than the truth by what cancellation may have cost.
    distances -= 1e-12 * (square[:, None] + square)
    np.fill_diagonal(distances, np.inf)
    return 0.5 * np.sqrt(np.maximum(distances.min(axis=1), 0.0))


def lloyd(
    rows: Rows,
    centers: np.ndarray,
    max_iter: int,
    tol: float,
    report: Callable[[], object],
    *,
    algorithm: str = "auto",
    spherical: bool = False,
) -> Run:
    """Move centres to the means of their clusters until the labels stay or the centres hardly move.

    Parameters
    ----------
    rows : Rows
    centers : ndarray of shape (k, d), in tile space
    max_iter : int
    tol : float
        Stop when the squared shifts of the centres add up to no more.
    report : callable
        Called after each iteration.
    algorithm : {"auto", "lloyd", "elkan"}, default="auto"
    spherical : bool, default=False
        Whether centres are brought to length one after each move.
    """
    boundable = isinstance(rows, CompiledRows) and rows.by_loops and len(centers) > 1
    state: _Plain | _Bounded = _Plain(rows)
    if algorithm == "elkan" and boundable:
        state = _Bounded(rows, len(centers))  # type: ignore[arg-type]
    boundable = boundable and algorithm == "auto" and centers.size >= 256
    settled = interrupted = False
    n_iter = next_try = 0
    try:
        while n_iter < max_iter:
            n_iter += 1
            sums, weights, changed = state.step(centers)
            if algorithm == "auto" and isinstance(state, _Bounded) and not state.worth_it:
                state, next_try = _Plain(rows, state.labels), 2 * n_iter
            elif boundable and isinstance(state, _Plain) and n_iter >= next_try and changed < _CALM * rows.n:
                state = _Bounded(rows, len(centers), state.labels, sums.copy(), weights.copy())  # type: ignore[arg-type]
            moved = new_centers(rows, centers, state.labels, sums, weights)
            if spherical:
                moved = on_sphere(moved)
            shift = float(np.sum((moved - centers).astype(np.float64) ** 2))
            centers = moved
            report()
            settled = changed == 0
            if settled or shift <= tol:
                break
    except KeyboardInterrupt:
        interrupted, settled = True, False
    labels = state.labels
    if not settled or isinstance(state, _Bounded):
        # The labels belong to the centres before the last move; after bounds, equal distances are decided as always.
        rows.assign(centers, labels)
    return Run(labels, centers, rows.inertia(centers, labels), n_iter, interrupted)


def new_centers(rows: Rows, centers: np.ndarray, labels, sums: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Turn sums into means; a cluster without rows moves to the row that is farthest from its own centre.

    Where all rows lie on their centres, an empty cluster moves to the centre of the largest one.
    """
    empty = np.flatnonzero(weights == 0)
    if len(empty):
        distances = rows.distances_to_own(centers, labels)
        if distances.max() > 0:
            far = np.argpartition(distances, -len(empty))[: -len(empty) - 1 : -1]
            points = rows.points(far).astype(np.float64)
            for cluster, row, point in zip(empty, far, points, strict=True):
                weight = 1.0 if rows.weight is None else rows.weight[row]
                sums[labels[row]] -= weight * point
                weights[labels[row]] -= weight
                sums[cluster] = weight * point
                weights[cluster] = weight
    filled = weights > 0
    means = np.divide(sums, weights[:, None], out=np.empty_like(sums), where=filled[:, None])
    means[~filled] = means[weights.argmax()]
    return means.astype(rows.dtype)


def on_sphere(points: np.ndarray) -> np.ndarray:
    """Bring rows to length one; a row of zeros stays."""
    length = np.linalg.norm(points.astype(np.float64), axis=1, keepdims=True)
    return (points / np.where(length > 0, length, 1.0)).astype(points.dtype)
