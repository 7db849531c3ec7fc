"""Large margins with a map for each region of rows: the distance to a row is measured by the map of that row's region.

``D_ij = |L_r (x_i - x_j)|^2`` with r the region of j. Rows are sorted by class; a region may hold rows of any classes.
"""

import numpy as np
import torch
from numba import njit

from skdl.kernels import neighbors
from skdl.kernels.metric.impostors import parts_of, scan_for_impostors, slack_in_single, union_of_candidates
from skdl.kernels.rowblocks import on_threads
from skdl.kernels.threads import one_torch_thread

_BLOCK_ENTRIES = 1 << 22


@njit(nogil=True, cache=True, fastmath={"reassoc", "contract"})
def _push_away(Z, X, near, violated, first, counts, candidates, push, V_x, sums, columns):
    """Add up the pushes on candidates of one region.

    Parameters
    ----------
    Z, X : ndarray of shapes (n, h), (n, d)
        Rows by the map of the region, and as they are.
    near : ndarray of shape (m, k)
        1 more than the squared distance to each target, -inf where there is none.
    violated : ndarray of shape (m, k)
        The number of impostors is added to it.
    first : int
        The first of the rows.
    counts : ndarray of shape (m,)
        How many candidates each row has.
    candidates : ndarray of int32
        Of all the rows, one after the other.
    push : float
    V_x : ndarray of shape (m, d)
        The rows of ``V X`` are added to it.
    sums : ndarray of shape (m,)
        The sums of V's rows are added to it.
    columns : ndarray of shape (n,)
        The sums of V's columns are added to it.

    Returns
    -------
    float
        The loss.
    """
    h, d, k = Z.shape[1], X.shape[1], near.shape[1]
    loss, place = 0.0, 0
    for i in range(counts.shape[0]):
        row = first + i
        farthest = -np.inf
        for j in range(k):
            farthest = max(farthest, near[i, j])
        for _ in range(counts[i]):
            other = candidates[place]
            place += 1
            square = 0.0
            for f in range(h):
                t = Z[row, f] - Z[other, f]
                square += t * t
            if square >= farthest:
                continue
            weight = 0.0
            for j in range(k):
                if square < near[i, j]:
                    loss += push * (near[i, j] - square)
                    violated[i, j] += 1.0
                    weight += push
            sums[i] -= weight
            columns[other] -= weight
            for f in range(d):
                V_x[i, f] -= weight * X[other, f]
    return loss


class LocalMargin:
    """The loss of large margins with local maps, divided by the number of rows.

    Parameters
    ----------
    X : ndarray of shape (n, d), float64, C order
        Rows sorted by class.
    codes : ndarray of shape (n,)
        Their classes.
    regions : ndarray of shape (n,), dtype int64
        Their regions, from 0, none of them empty.
    targets : ndarray of shape (n, k), dtype int64
        -1 where there is none, last.
    push : float
        ``pull`` is ``1 - push``.
    most : int
        How many candidates are kept at most; with more, they are found anew in each evaluation.
    """

    def __init__(self, X, codes, regions, targets, push: float, most: int = 1 << 26):
        self.X, self.regions, self.targets, self.push, self.most = X, regions, targets, push, most
        self.n = len(X)
        self.rows = torch.from_numpy(X)
        self.members = [np.flatnonzero(regions == region) for region in range(regions.max() + 1)]
        # Where, among the rows of a region, those of a row's own class begin and end.
        self.own = [
            (np.searchsorted(codes[some], codes), np.searchsorted(codes[some], codes, side="right"))
            for some in self.members
        ]
        self.parts = parts_of(self.n)
        self.kept: list | None = None

    def _maps(self, L) -> np.ndarray:
        with one_torch_thread():
            return np.stack([(self.rows @ torch.from_numpy(one).T).numpy() for one in L])  # (R, n, h)

    def _near(self, Z, part) -> np.ndarray:
        """Squared distances to targets, by the maps of their regions; -inf where there is none."""  # (m, k)
        squares = np.full((part.stop - part.start, self.targets.shape[1]), -np.inf)
        rows = np.arange(part.start, part.stop)
        for place, column in enumerate(self.targets[part].T):
            has = column >= 0
            region = self.regions[column[has]]
            away = Z[region, rows[has]] - Z[region, column[has]]
            squares[has, place] = np.einsum("ij,ij->i", away, away)
        return squares

    def _in_single(self, Z):
        return [slack_in_single(own_map, own_map[some]) for own_map, some in zip(Z, self.members, strict=True)]

    def _find(self, Z, low, part, margin: float):
        """Find candidates of some rows in each region."""  # a list of counts (m,), rows (n_found,)
        reach = (self._near(Z, part) + 1).max(axis=1, initial=-np.inf)
        results = []
        for prepared, own, some in zip(low, self.own, self.members, strict=True):
            counts, found = scan_for_impostors(prepared, reach, own, part, margin)
            results.append((counts, some[found].astype(np.int32)))
        return results

    def look(self, L: np.ndarray, margin: float = 1.0) -> None:
        """Keep the candidates within ``1 + margin`` times the reach of each row, and no others.

        Maps that move apart meet more rows that were not seen than one map does, hence the wide margin.
        """
        Z = self._maps(L)
        low = self._in_single(Z)
        room = self.most

        def work(part):
            nonlocal room
            if room < 0:
                return None
            results = self._find(Z, low, part, margin)
            room -= sum(len(found) for _, found in results)
            return results

        results = on_threads(work, self.parts)
        self.kept = None if room < 0 else results

    def look_again(self, L: np.ndarray) -> None:
        """Add to the candidates those of other maps."""
        before = self.kept
        self.look(L)
        if before is not None and self.kept is not None:
            merged = [
                [union_of_candidates(old, new, self.n) for old, new in zip(olds, news, strict=True)]
                for olds, news in zip(before, self.kept, strict=True)
            ]
            n_found = sum(len(found) for part in merged for _, found in part)
            self.kept = merged if n_found <= self.most else None

    def loss(self, L: np.ndarray):
        """Compute the loss of the candidates that are kept (of all rows where none are), and its derivative.

        Parameters
        ----------
        L : ndarray of shape (R, h, d)

        Returns
        -------
        loss : float
        gradient : ndarray of shape (R, h, d)
        """
        Z = self._maps(L)
        kept = self.kept
        low = None if kept is not None else self._in_single(Z)
        n_regions, d, pull = len(L), self.X.shape[1], 1 - self.push

        def work(number):
            part = self.parts[number]
            candidates = self._find(Z, low, part, 0.0) if kept is None else kept[number]
            size = part.stop - part.start
            squares = self._near(Z, part)
            violated = np.zeros(squares.shape)
            V_x, sums, columns = np.zeros((n_regions, size, d)), np.zeros((n_regions, size)), np.zeros(self.n)
            loss = pull * squares[self.targets[part] >= 0].sum()
            for region, (counts, found) in enumerate(candidates):
                sides = V_x[region], sums[region], columns
                loss += _push_away(
                    Z[region], self.X, squares + 1, violated, part.start, counts, found, self.push, *sides
                )
            for place, column in enumerate(self.targets[part].T):
                has = np.flatnonzero(column >= 0)
                weight = pull + self.push * violated[has, place]
                region = self.regions[column[has]]
                sums[region, has] += weight
                V_x[region, has] += weight[:, None] * self.X[column[has]]
                columns += np.bincount(column[has], weights=weight, minlength=self.n)
            rows = self.rows[part]
            S = torch.zeros((n_regions, d, d), dtype=torch.float64)
            for region in range(n_regions):
                product = rows.T @ torch.from_numpy(V_x[region])
                S[region] = (rows.T * torch.from_numpy(sums[region])) @ rows - product - product.T
            return loss, S, torch.from_numpy(columns)

        results = on_threads(work, range(len(self.parts)))
        loss, S, columns = (sum(each[1:], start=each[0]) for each in zip(*results, strict=True))
        with one_torch_thread():
            for region, some in enumerate(self.members):
                rows = self.rows[some]
                S[region] += (rows.T * columns[some]) @ rows
        return loss / self.n, 2 * L @ S.numpy() / self.n


def nearest_by_regions(L: np.ndarray, X: np.ndarray, regions: np.ndarray, queries: np.ndarray, k: int):
    """Find the k nearest rows of each query, the distance to a row being that of its region; ties by index.

    Parameters
    ----------
    L : ndarray of shape (R, h, d)
    X : ndarray of shape (n, d)
    regions : ndarray of shape (n,), dtype int64
    queries : ndarray of shape (m, d)
    k : int
        At most n.

    Returns
    -------
    distances : ndarray of shape (m, k), dtype float64
    indices : ndarray of shape (m, k), dtype int64
    """
    m = len(queries)
    squares, indices = [], []
    with one_torch_thread():
        for region, own_map in enumerate(torch.from_numpy(L)):
            some = np.flatnonzero(regions == region)
            wanted = min(k, len(some))
            points = neighbors.prepare(torch.from_numpy(X[some]) @ own_map.T, torch.float64)
            mapped = torch.from_numpy(queries) @ own_map.T
            found_squares, found = np.empty((m, wanted)), np.empty((m, wanted), dtype=np.int64)
            step = max(1, _BLOCK_ENTRIES // len(some))
            for start in range(0, m, step):
                here = slice(start, start + step)
                block = neighbors.nearest(points, mapped[here], wanted)
                found_squares[here] = block[0].numpy() / points.exact_scale / points.exact_scale
                found[here] = some[block[1].numpy()]
            squares.append(found_squares)
            indices.append(found)
    all_squares, all_indices = np.concatenate(squares, axis=1), np.concatenate(indices, axis=1)
    order = np.lexsort((all_indices, all_squares), axis=1)[:, :k]
    return np.sqrt(np.take_along_axis(all_squares, order, axis=1)), np.take_along_axis(all_indices, order, axis=1)
