"""Lloyd's iteration, plain or with bounds that spare most comparisons."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from skdl.kernels import _bounds_loops, _lloyd_loops
from skdl.kernels.compiled_rows import CompiledRows
from skdl.kernels.rowblocks import on_threads, tile_rows
from skdl.kernels.rows import Rows

# Bounds are tried once few rows change their cluster in a step: this part, times the square of the part that may be in
# doubt, since where fewer may be, more of them are in doubt beside each one that changes, ...
_CALM = 0.5
# ... and given up if they leave so many rows in doubt that to gather these costs more than to compare all. So many
# multiplications take as long as to fetch a row and to make its bounds, and so many as to copy one of its columns.
_WORTH_IT, _ROW_COST, _COLUMN_COST = 0.65, 450, 6
# A little more than one, beside which the rounding of float64 is nothing.
_NO_LESS = 1.0 + 1e-14
# So many multiplications take some hundredths of a second.
_SMALL_WORK = 200_000_000


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

    def __init__(self, rows: Rows, n_clusters: int):
        self.rows = rows
        self.labels = np.full(rows.n, -1, dtype=np.int32)
        self.sums = np.zeros((n_clusters, rows.d))
        self.weights = np.zeros(n_clusters)

    def step(self, centers) -> int:
        """Assign the rows anew; return how many rows changed their cluster."""
        return self.rows.update(centers, self.labels, self.sums, self.weights)

    def totals(self):
        """The sums of the clusters' rows and weights, zero for a cluster without rows, to be written to."""
        sums, weights = self.sums.copy(), self.weights.copy()
        # What is left of a cluster that lost all its rows is rounding.
        counts = weights if self.rows.weight is None else np.bincount(self.labels, minlength=len(weights))
        sums[counts == 0], weights[counts == 0] = 0.0, 0.0
        return sums, weights


class _Bounded(_Plain):
    """Hamerly's bounds: one on the distance to the own centre, one on the distance to all others.

    Only rows that the bounds leave in doubt are gathered and compared with the centres, and the sums are those of the
    last step but for the rows that moved. Bounds have room for rounding, so the labels are those of a comparison with
    all centres.
    """

    def __init__(self, rows: CompiledRows, n_clusters: int, before: _Plain | None = None):
        super().__init__(rows, n_clusters)
        if before is not None:
            self.labels, self.sums, self.weights = before.labels, before.sums, before.weights
        # What the bounds were and what the centres had moved then, see `in_doubt`; no row is certain at first.
        self.gap = np.full(rows.n, -np.inf)
        self.lower = np.zeros(rows.n)
        self.drift, self.fled = np.zeros(n_clusters), np.zeros(n_clusters)
        self.doubtful = np.empty(rows.n, dtype=np.int64)
        self.centers: np.ndarray | None = None
        self.n_steps = self.compared = 0
        epsilon = float(np.finfo(rows.dtype).eps)
        self.slack = 1.0 + 8 * (rows.d + 8) * epsilon
        self.rounding = 4 * (rows.d + 8) * epsilon

    @property
    def worth_it(self) -> bool:
        """Whether the bounds spare enough; the first steps make them."""
        return self.n_steps < 3 or self.compared < _worthwhile_doubts(self.sums.size, self.rows.d) * self.rows.n

    def step(self, centers) -> int:
        rows: CompiledRows = self.rows  # type: ignore[assignment]
        wide = centers.astype(np.float64)
        moved = np.zeros(len(wide)) if self.centers is None else np.sqrt(((wide - self.centers) ** 2).sum(axis=1))
        moved *= self.slack
        farthest = np.full(len(wide), moved.max())
        first = int(moved.argmax())
        farthest[first] = np.delete(moved, first).max(initial=0.0)
        apart = _half_distances(wide) / self.slack
        # Moves are added up for long, and the sums must not fall behind by rounding.
        self.drift = (self.drift + self.slack * moved + farthest) * _NO_LESS
        self.fled = (self.fled + farthest) * _NO_LESS
        slopes, levels = rows.slopes_of(centers)

        def work(part):
            return self._step_part(part, centers, slopes, levels, apart)

        changed = self.compared = 0
        for part_changed, compared, sums, weights in on_threads(work, rows.parts(len(centers))):
            changed += part_changed
            self.compared += compared
            if part_changed:
                self.sums += sums
                self.weights += weights
        self.centers = wide
        self.n_steps += 1
        return changed

    def _step_part(self, part, centers, slopes, levels, apart):
        rows: CompiledRows = self.rows  # type: ignore[assignment]
        X, share = rows.X[part], rows.share_of(part)
        labels, gap, lower, doubtful = self.labels[part], self.gap[part], self.lower[part], self.doubtful[part]
        sums, weights = np.zeros_like(self.sums), np.zeros_like(self.weights)
        moves = apart, self.drift, self.fled
        count = _bounds_loops.in_doubt(
            X, rows.shift, rows.scale, centers, labels, gap, lower, *moves, self.slack, doubtful
        )
        size = tile_rows(rows.d + len(centers), rows.dtype.itemsize, 1 << 19)
        gathered = np.empty((min(size, count), rows.d), dtype=rows.dtype)
        changed = 0
        for start in range(0, count, size):
            some = doubtful[start : min(start + size, count)]
            here = gathered[: len(some)]
            _bounds_loops.gather(X, some, rows.shift, rows.scale, here)
            scores, lacking = rows.scores_of_gathered(here, slopes, levels)
            changed += _bounds_loops.relabel_doubtful(
                *(scores, lacking, here, some, float(levels.max()), self.rounding, self.slack),
                *(labels, gap, lower, *moves, share, sums, weights),
            )
        return changed, count, sums, weights


def _worthwhile_doubts(size: int, d: int) -> float:
    """The part of the rows in doubt up to which bounds pay, where a comparison is of ``size = k * d`` numbers."""
    return _WORTH_IT * size / (size + _ROW_COST + _COLUMN_COST * d)


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
    report: Callable[[int], object],
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
        Called with the number of iterations that were taken.
    algorithm : {"auto", "lloyd", "elkan"}, default="auto"
    spherical : bool, default=False
        Whether centres are brought to length one after each move.
    """
    if isinstance(rows, CompiledRows) and rows.is_small and algorithm != "elkan":
        return _small_run(rows, centers, max_iter, tol, report, spherical)
    boundable = isinstance(rows, CompiledRows) and len(centers) > 1
    state = _Plain(rows, len(centers))
    if algorithm == "elkan" and boundable:
        state = _Bounded(rows, len(centers))  # type: ignore[arg-type]
    boundable = boundable and algorithm == "auto" and centers.size >= 64
    calm = _CALM * _worthwhile_doubts(centers.size, rows.d) ** 2 * rows.n
    settled = interrupted = False
    n_iter = next_try = 0
    try:
        while n_iter < max_iter:
            changed = state.step(centers)
            n_iter += 1
            if isinstance(state, _Bounded):
                if algorithm == "auto" and not state.worth_it:
                    before, state = state, _Plain(rows, len(centers))
                    state.labels, state.sums, state.weights = before.labels, before.sums, before.weights
                    next_try = 2 * n_iter
            elif boundable and n_iter >= next_try and changed < calm:
                state = _Bounded(rows, len(centers), state)  # type: ignore[arg-type]
            moved = new_centers(rows, centers, state.labels, *state.totals())
            if spherical:
                moved = on_sphere(moved)
            shift = float(np.sum((moved - centers).astype(np.float64) ** 2))
            centers = moved
            report(1)
            settled = changed == 0
            if settled or shift <= tol:
                break
    except KeyboardInterrupt:
        interrupted, settled = True, False
    labels = state.labels
    if interrupted or not isinstance(rows, CompiledRows):
        if not settled:
            rows.assign(centers, labels)
    elif not settled:
        # The labels belong to the centres before the last move; few of them will change.
        state.step(centers)
    return Run(labels, centers, rows.inertia(centers, labels), n_iter, interrupted)


def _small_run(rows: CompiledRows, centers, max_iter, tol, report, spherical) -> Run:
    """As :func:`lloyd`: whole iterations in compiled loops, so many at a time that Ctrl-C is heard soon."""
    state = _Plain(rows, len(centers))
    at_a_time = max(1, _SMALL_WORK // (rows.n * centers.size))
    n_iter = ended = 0
    interrupted = False
    before = centers
    try:
        while n_iter < max_iter and ended in (0, 3):
            before, centers = centers, centers.copy()
            taken, ended = _lloyd_loops.run(
                rows.turned,
                rows.n,
                centers,
                rows.share,
                min(at_a_time, max_iter - n_iter),
                tol,
                spherical,
                state.labels,
                state.sums,
                state.weights,
            )
            if ended >= 3:
                moved = new_centers(rows, centers, state.labels, *state.totals())
                moved = on_sphere(moved) if spherical else moved
                if ended == 3 and float(np.sum((moved - centers).astype(np.float64) ** 2)) <= tol:
                    ended = 2
                centers = moved
            n_iter += taken
            report(taken)
    except KeyboardInterrupt:
        interrupted, centers = True, before
    if interrupted or ended not in (1, 4):
        rows.assign(centers, state.labels)
    return Run(state.labels, centers, rows.inertia(centers, state.labels), n_iter, interrupted)


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
