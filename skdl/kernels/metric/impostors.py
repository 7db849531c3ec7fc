"""Rows of other classes that come too near: large margin nearest neighbours.

Candidates are found by tiles of products in single precision, which leave none out; what they cost is computed from
the differences in double precision. Rows are sorted by class.
"""

from itertools import pairwise

import numpy as np
import scipy.sparse as sp
import torch
from numba import njit

from skdl.kernels.metric.graphs import nearest_others
from skdl.kernels.rowblocks import cut, on_threads, tile_rows
from skdl.kernels.threads import one_torch_thread

_FEW_ROWS = 1024
_BLOCK = 64


def target_neighbours(X: np.ndarray, edges: np.ndarray, k: int) -> np.ndarray:
    """Find the k nearest rows of the same class; -1 where a class has too few.

    Parameters
    ----------
    X : ndarray of shape (n, d), C order
    edges : ndarray of shape (n_classes + 1,)
        Where each class begins, and n.
    k : int

    Returns
    -------
    ndarray of shape (n, k), dtype int64
    """
    targets = np.full((len(X), k), -1, dtype=np.int64)
    for start, stop in pairwise(edges):
        most = min(k, stop - start - 1)
        if most > 0:
            targets[start:stop, :most] = start + nearest_others(X[start:stop], most)[1]
    return targets


@njit(nogil=True, cache=True)
def _scan(tile, limits, own_start, own_stop, first, counts, found, filled):
    """Append the columns of other classes whose entry is above the row's limit.

    Returns the number of rows that were finished, and how much of ``found`` is filled; it ends before a row for which
    there may not be room.
    """
    m, n = tile.shape
    for i in range(m):
        if found.shape[0] - filled < n:
            return i, filled
        before = filled
        limit = limits[i]
        start, stop = own_start[i], own_stop[i]
        for low in range(0, n, _BLOCK):
            high = min(low + _BLOCK, n)
            if low >= start and high <= stop:
                continue
            if high - low == _BLOCK:
                # Slices of a fixed length let the comparison compile to vector instructions.
                block = tile[i, low : low + _BLOCK]
                above = np.int32(0)
                for place in range(_BLOCK):
                    above = np.int32(above + np.int32(block[place] > limit))
                if above == 0:
                    continue
            for column in range(low, high):
                if tile[i, column] > limit and not start <= column < stop:
                    found[filled] = column
                    filled += 1
        counts[first + i] = filled - before
    return m, filled


@njit(nogil=True, cache=True, fastmath={"reassoc", "contract"})
def _judge(Z, X, targets, first, counts, candidates, pull, push, V_x, sums, columns):
    """Add up pulls and pushes of some rows.

    Parameters
    ----------
    Z, X : ndarray of shapes (n, h), (n, d)
    targets : ndarray of shape (n, k)
    first : int
        The first of the rows.
    counts : ndarray of shape (m,)
        How many candidates each row has.
    candidates : ndarray of int32
        Of all the rows, one after the other.
    pull, push : float
    V_x : ndarray of shape (m, d)
        Gets the rows of ``V X``.
    sums : ndarray of shape (m,)
        Gets the sums of V's rows.
    columns : ndarray of shape (n,)
        The sums of V's columns are added to it.

    Returns
    -------
    float
        The loss.
    """
    h, d, k = Z.shape[1], X.shape[1], targets.shape[1]
    near, violated = np.empty(k), np.empty(k)
    loss, place = 0.0, 0
    for i in range(counts.shape[0]):
        row = first + i
        most = 0
        farthest = -np.inf
        for j in range(k):
            other = targets[row, j]
            if other < 0:
                break
            square = 0.0
            for f in range(h):
                t = Z[row, f] - Z[other, f]
                square += t * t
            near[j] = square + 1.0
            violated[j] = 0.0
            farthest = max(farthest, near[j])
            loss += pull * square
            most += 1
        total = 0.0
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
            for j in range(most):
                if square < near[j]:
                    loss += push * (near[j] - square)
                    violated[j] += 1.0
                    weight += push
            total -= weight
            columns[other] -= weight
            for f in range(d):
                V_x[i, f] -= weight * X[other, f]
        for j in range(most):
            other = targets[row, j]
            weight = pull + push * violated[j]
            total += weight
            columns[other] += weight
            for f in range(d):
                V_x[i, f] += weight * X[other, f]
        sums[i] = total
    return loss


def parts_of(n: int) -> list[slice]:
    """Cut rows for the threads."""
    return [slice(0, n)] if n < _FEW_ROWS else cut(n, max(8, n // 4096))


def slack_in_single(Z: np.ndarray, others: np.ndarray):
    """Prepare products ``2 z_i'z_l - |z_l|^2`` in single precision.

    Parameters
    ----------
    Z : ndarray of shape (n, h), float64
    others : ndarray of shape (n_others, h), float64

    Returns
    -------
    left : Tensor of shape (n, h + 1), float32
    right : Tensor of shape (h + 1, n_others), float32
        Columns of other rows.
    square : ndarray of shape (n,)
        Squared lengths.
    largest : float
        Of those of the others.
    slack : float
        The products may be off by this part of the sum of two squared lengths.
    """
    square, others_square = np.einsum("ij,ij->i", Z, Z), np.einsum("ij,ij->i", others, others)
    low, low_others = torch.from_numpy(Z.astype(np.float32)), torch.from_numpy(others.astype(np.float32))
    left = torch.cat([2 * low, low.new_full((len(low), 1), -1.0)], dim=1)
    right = torch.cat([low_others, torch.from_numpy(others_square.astype(np.float32))[:, None]], dim=1).T.contiguous()
    return left, right, square, float(others_square.max()), 4 * (Z.shape[1] + 16) * 2.0**-24


def scan_for_impostors(prepared, reach: np.ndarray, own, part: slice, margin: float):
    """Find candidates of some rows within ``1 + margin`` times their reach.

    Parameters
    ----------
    prepared : tuple
        What :func:`slack_in_single` gives.
    reach : ndarray of shape (m,)
        The squared distance within which another class is an impostor of a row; not above 0 where it has no target.
    own : pair of ndarray of shape (n,)
        Where the columns of each row's own class begin and end.
    part : slice
        The m rows.
    margin : float

    Returns
    -------
    counts : ndarray of shape (m,), dtype int64
    found : ndarray of int32
        Columns, row after row.
    """
    left, right, square, largest, slack = prepared
    own_start, own_stop = own
    n_columns = right.shape[1]
    here = square[part]
    limits = np.where(reach > 0, here - (1 + margin) * reach - slack * (here + largest), np.inf).astype(np.float32)
    counts = np.zeros(part.stop - part.start, dtype=np.int64)
    found, filled = np.empty(max(n_columns, 1 << 16), dtype=np.int32), 0
    step = tile_rows(n_columns, 4, cache_bytes=1 << 20)
    space = torch.empty((min(step, part.stop - part.start), n_columns), dtype=torch.float32)
    for start in range(part.start, part.stop, step):
        rows = slice(start, min(start + step, part.stop))
        tile = torch.mm(left[rows], right, out=space[: rows.stop - rows.start]).numpy()
        done = 0
        while done < len(tile):
            more, filled = _scan(
                tile[done:],
                limits[start - part.start + done : rows.stop - part.start],
                own_start[start + done : rows.stop],
                own_stop[start + done : rows.stop],
                start - part.start + done,
                counts,
                found,
                filled,
            )
            done += more
            if done < len(tile):
                found = np.concatenate([found, np.empty(max(len(found), n_columns), dtype=np.int32)])
    return counts, found[:filled].copy()


class LargeMargin:
    """The loss of LMNN: pulls on target neighbours, and a hinge on every impostor.

    ``pull * sum_ij D_ij + push * sum_ijl [1 + D_ij - D_il]_+`` over rows i, their targets j and rows l of other
    classes, divided by the number of rows.

    Parameters
    ----------
    X : ndarray of shape (n, d), float64, C order
        Rows sorted by class.
    codes : ndarray of shape (n,)
        Their classes.
    targets : ndarray of shape (n, k), dtype int64
        -1 where there is none, last.
    push : float
        ``pull`` is ``1 - push``.
    most : int
        How many candidates are kept at most; with more, they are found anew in each evaluation.
    """

    def __init__(self, X, codes, targets, push: float, most: int = 1 << 26):
        self.X, self.targets, self.push, self.most = X, targets, push, most
        self.n = len(X)
        self.rows = torch.from_numpy(X)
        edges = np.searchsorted(codes, np.arange(codes[-1] + 2))
        self.own_start, self.own_stop = edges[codes], edges[codes + 1]
        self.parts = parts_of(self.n)
        self.kept: list | None = None

    def _map(self, L):
        with one_torch_thread():
            return (self.rows @ torch.from_numpy(L).T).contiguous().numpy()

    def _reach(self, Z, part) -> np.ndarray:
        """The squared distance within which another class is an impostor of a row; below 0 where it has no target."""
        reach = np.full(part.stop - part.start, -1.0)
        for column in self.targets[part].T:
            has = column >= 0
            square = ((Z[part][has] - Z[column[has]]) ** 2).sum(axis=1)
            reach[has] = np.maximum(reach[has], square + 1.0)
        return reach

    def _find(self, Z, low, part, margin: float):
        """Find candidates of some rows within ``1 + margin`` times their reach."""  # counts (m,), columns (n_found,)
        return scan_for_impostors(low, self._reach(Z, part), (self.own_start, self.own_stop), part, margin)

    def look(self, L: np.ndarray, margin: float = 0.2) -> None:
        """Keep the candidates within ``1 + margin`` times the reach of each row, and no others."""
        Z = self._map(L)
        low = slack_in_single(Z, Z)
        room = self.most

        def work(part):
            nonlocal room
            if room < 0:
                return None
            counts, found = self._find(Z, low, part, margin)
            room -= len(found)
            return counts, found

        results = on_threads(work, self.parts)
        self.kept = None if room < 0 else results

    def look_again(self, L: np.ndarray) -> None:
        """Add to the candidates those of another map."""
        before = self.kept
        self.look(L)
        if before is not None and self.kept is not None:
            merged = [union_of_candidates(old, new, self.n) for old, new in zip(before, self.kept, strict=True)]
            self.kept = merged if sum(len(found) for _, found in merged) <= self.most else None

    def loss(self, L: np.ndarray):
        """Compute the loss of the candidates that are kept (of all rows where none are), and its derivative.

        Returns
        -------
        loss : float
        gradient : ndarray of shape (h, d)
        """
        Z = self._map(L)
        kept = self.kept
        low = None if kept is not None else slack_in_single(Z, Z)

        def work(number):
            part = self.parts[number]
            counts, found = self._find(Z, low, part, 0.0) if kept is None else kept[number]
            V_x, sums, columns = (
                np.zeros((part.stop - part.start, self.X.shape[1])),
                np.zeros(len(counts)),
                np.zeros(self.n),
            )
            loss = _judge(
                Z, self.X, self.targets, part.start, counts, found, 1 - self.push, self.push, V_x, sums, columns
            )
            # By torch, which keeps to one thread here.
            rows = self.rows[part]
            product = rows.T @ torch.from_numpy(V_x)
            return loss, product, (rows.T * torch.from_numpy(sums)) @ rows, torch.from_numpy(columns)

        results = on_threads(work, range(len(self.parts)))
        loss, product, own, columns = (sum(each[1:], start=each[0]) for each in zip(*results, strict=True))
        with one_torch_thread():
            S = own + (self.rows.T * columns) @ self.rows - product - product.T
        return loss / self.n, 2 * L @ S.numpy() / self.n


def union_of_candidates(old, new, n: int):
    """Candidates that are in one list or in the other."""
    graphs = [
        sp.csr_array((np.ones(len(found), dtype=bool), found, np.r_[0, np.cumsum(counts)]), shape=(len(counts), n))
        for counts, found in (old, new)
    ]
    both = (graphs[0] + graphs[1]).tocsr()
    return np.diff(both.indptr).astype(np.int64), both.indices.astype(np.int32)


def triplet_loss(X: np.ndarray, triplets: np.ndarray, weight: np.ndarray, push: float, L: np.ndarray):
    """Compute ``pull * sum D_ap + push * sum [1 + D_ap - D_an]_+`` of given triplets, each pair (a, p) pulled once.

    Parameters
    ----------
    X : ndarray of shape (n, d)
    triplets : ndarray of shape (m, 3), dtype int64
        Anchor, positive, negative.
    weight : ndarray of shape (m,)
        Of each hinge.
    push : float
        ``pull`` is ``1 - push``.
    L : ndarray of shape (h, d)

    Returns
    -------
    loss : float
        Divided by the sum of weights.
    gradient : ndarray of shape (h, d)
    """
    Z = X @ L.T
    n, m = len(X), weight.sum()
    anchor, positive, negative = triplets.T
    pulled = np.unique(triplets[:, :2], axis=0)
    near = ((Z[anchor] - Z[positive]) ** 2).sum(axis=1)
    slack = 1 + near - ((Z[anchor] - Z[negative]) ** 2).sum(axis=1)
    active = slack > 0
    loss = (1 - push) * ((Z[pulled[:, 0]] - Z[pulled[:, 1]]) ** 2).sum() + push * (slack[active] @ weight[active])
    rows = np.concatenate([pulled[:, 0], anchor[active], anchor[active]])
    columns = np.concatenate([pulled[:, 1], positive[active], negative[active]])
    weights = np.concatenate([np.full(len(pulled), 1 - push), push * weight[active], -push * weight[active]])
    V = sp.csr_array((weights, (rows, columns)), shape=(n, n))
    sums = V.sum(axis=0) + V.sum(axis=1)
    half = (Z * sums[:, None] - V @ Z - V.T @ Z).T @ X
    return loss / m, 2 * half / m
