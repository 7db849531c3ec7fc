"""Neighbour graphs, and the scatter of rows along their edges."""

import os

import numpy as np
import scipy.sparse as sp
import torch

from skdl.kernels import neighbors
from skdl.kernels.rowblocks import cut, on_threads, tile_rows
from skdl.kernels.tensors import as_tensor
from skdl.kernels.threads import one_torch_thread

_TILE_WORK = 1 << 28
_BLOCK_ENTRIES = 1 << 22


def nearest_others(X: np.ndarray, k: int):
    """Find the k nearest other rows of each row, ties by index.

    Parameters
    ----------
    X : ndarray of shape (n, d), C order
    k : int
        Less than n.

    Returns
    -------
    squares : ndarray of shape (n, k), dtype float64
        Squared distances, in increasing order.
    indices : ndarray of shape (n, k), dtype int64
    """
    n, d = X.shape
    points = as_tensor(X, torch.device("cpu"))
    if n * n * (d + 16) >= _TILE_WORK:
        from skdl.kernels.tiles import TileSearch

        held: dict = {}

        def reference(dtype):
            if dtype not in held:
                held[dtype] = neighbors.prepare(points, dtype)
            return held[dtype]

        precisions = [torch.float32, torch.float64]
        threads = min(torch.get_num_threads(), os.cpu_count() or 1)
        distances, indices = TileSearch(points.numpy(), reference).kneighbors(
            points.numpy(), k + 1, precisions, threads, lambda done: None
        )
        squares = distances**2
    else:
        exact = neighbors.prepare(points, torch.float64)
        squares, indices = np.empty((n, k + 1)), np.empty((n, k + 1), dtype=np.int64)
        step = max(1, _BLOCK_ENTRIES // n)
        with one_torch_thread():
            for start in range(0, n, step):
                found = neighbors.nearest(exact, points[start : start + step], k + 1)
                # Divided twice: the square of the scale overflows where all values are tiny.
                squares[start : start + step] = found[0].numpy() / exact.exact_scale / exact.exact_scale
                indices[start : start + step] = found[1].numpy()
    own = indices == np.arange(n)[:, None]
    # Where copies with lower indices fill the list the row is not in it: then the last one is too many.
    own[~own.any(axis=1), -1] = True
    return squares[~own].reshape(n, k), indices[~own].reshape(n, k)


def group_scatter(X: np.ndarray, codes: np.ndarray, weight: np.ndarray | None = None):
    """Sum the squared deviations of rows from the mean of their group.

    Parameters
    ----------
    X : ndarray of shape (n, d), float64
    codes : ndarray of shape (n,), dtype int64
        Groups from 0.
    weight : ndarray of shape (n,) or None, default=None
        How often each row counts, above zero; None counts each once.

    Returns
    -------
    scatter : ndarray of shape (d, d)
    counts : ndarray of shape (n_groups,)
        Sums of weights.
    """
    counts = np.bincount(codes, weights=weight)
    entries = np.ones(len(X)) if weight is None else weight
    member = sp.csr_array((entries, codes, np.arange(len(X) + 1)), shape=(len(X), len(counts)))
    means = np.asarray(member.T @ X) / np.where(counts > 0, counts, 1)[:, None]
    away = X - means[codes]
    return (away.T if weight is None else away.T * weight) @ away, counts


def weighted_reach(X: np.ndarray, k: int, weight: np.ndarray | None) -> np.ndarray:
    """Find how far each row must go until the weights of other rows, copies of it included, add up to k.

    Parameters
    ----------
    X : ndarray of shape (n, d), C order
        Two rows at least.
    k : int
    weight : ndarray of shape (n,) or None
        How often each row is there; None for once.

    Returns
    -------
    ndarray of shape (n,)
        Distances; that to the farthest row where all together weigh less than k.
    """
    most = len(X) - 1
    if weight is None:
        return np.sqrt(nearest_others(X, min(k, most))[0][:, -1])
    # A row that is there w times has w - 1 neighbours in its own place.
    lacking = k - np.maximum(weight - 1, 0)
    asked = min(k, most)
    while True:
        squares, indices = nearest_others(X, asked)
        gathered = np.cumsum(weight[indices], axis=1)  # (n, asked)
        # Sums of fractions may fall short by rounding.
        enough = gathered >= lacking[:, None] * (1 - 1e-12)
        if asked == most or enough[:, -1].all():
            break
        asked = min(2 * asked, most)
    place = np.where(enough[:, -1], enough.argmax(axis=1), asked - 1)
    reach = np.sqrt(squares[np.arange(len(X)), place])
    return np.where(lacking > 0, reach, 0.0)


def local_scatter(X: np.ndarray, k: int, weight: np.ndarray | None = None) -> np.ndarray:
    """Sum ``a_ij (x_i - x_j)(x_i - x_j)' / 2`` over all pairs, where ``a_ij = exp(-|x_i - x_j|^2 / (s_i s_j))``.

    ``s_i`` is the distance of row i to its k-th neighbour, or to its farthest where there are fewer. Tiles of rows keep
    memory at O(n d).

    Parameters
    ----------
    X : ndarray of shape (n, d), float64, C order
        Two rows at least.
    k : int
    weight : ndarray of shape (n,) or None, default=None
        How often each row is there; a pair counts with the product.

    Returns
    -------
    ndarray of shape (d, d)
    """
    X = X - X.mean(axis=0)
    scale = torch.from_numpy(weighted_reach(X, k, weight))
    heavy = None if weight is None else torch.from_numpy(weight)
    rows = torch.from_numpy(X)
    square = rows.square().sum(dim=1)
    n, d = X.shape
    floor = torch.finfo(torch.float64).tiny
    step = tile_rows(n, cache_bytes=1 << 21)

    def work(part):
        product = torch.zeros((d, d), dtype=torch.float64)
        degrees = torch.empty(part.stop - part.start, dtype=torch.float64)
        for start in range(part.start, part.stop, step):
            here = slice(start, min(start + step, part.stop))
            tile = torch.addmm(square, rows[here], rows.T, alpha=-2).add_(square[here, None]).clamp_(min=0)
            tile[torch.arange(here.stop - start), torch.arange(start, here.stop)] = 0
            # Smaller weights would be lost in any sum, and numbers below the normal ones are slow.
            tile.div_(torch.outer(scale[here], scale).clamp_(min=floor)).clamp_(max=200.0).neg_().exp_()
            if heavy is not None:
                tile.mul_(heavy[here, None]).mul_(heavy)
            product += rows[here].T @ (tile @ rows)
            degrees[start - part.start : here.stop - part.start] = tile.sum(dim=1)
        return product, degrees

    if n < 2048:
        with one_torch_thread():
            results = [work(slice(0, n))]
    else:
        results = on_threads(work, cut(n, 16))
    product = sum((part for part, _ in results), torch.zeros((d, d), dtype=torch.float64))
    degrees = torch.cat([part for _, part in results])
    scatter = (rows.T * degrees) @ rows - product
    return ((scatter + scatter.T) / 2).numpy()


def heat_graph(X: np.ndarray, k: int, bandwidth: float | None, binary: bool) -> sp.csr_array:
    """Weigh the edges between rows of which one is among the k nearest of the other.

    Parameters
    ----------
    X : ndarray of shape (n, d), C order
    k : int
        Less than n.
    bandwidth : float or None
        An edge weighs ``exp(-|x_i - x_j|^2 / bandwidth)``; None takes the mean squared distance of neighbours.
    binary : bool
        Whether all edges weigh 1.

    Returns
    -------
    csr_array of shape (n, n)
        Symmetric.
    """
    squares, indices = nearest_others(X, k)
    n = len(X)
    if binary:
        weight = np.ones(n * k)
    else:
        scale = squares.mean() if bandwidth is None else bandwidth
        # Where even the farthest neighbours are copies, all edges are alike.
        weight = np.exp(-squares.ravel() / scale) if scale > 0 else np.ones(n * k)
    graph = sp.csr_array((weight, indices.ravel(), np.arange(0, n * k + 1, k)), shape=(n, n))
    return graph.maximum(graph.T).tocsr()


def barycenters(X: np.ndarray, k: int, reg: float) -> sp.csr_array:
    """Weigh the k nearest rows of each row so that, with sum 1, they come as near to it as they can.

    Parameters
    ----------
    X : ndarray of shape (n, d), float64, C order
    k : int
        Less than n.
    reg : float
        This part of the trace of each Gram matrix is added to its diagonal.

    Returns
    -------
    csr_array of shape (n, n)
        Rows with sum 1.
    """
    n, d = X.shape
    _, indices = nearest_others(X, k)
    weight = np.empty((n, k))
    step = max(1, _BLOCK_ENTRIES // (k * (d + k)))
    for start in range(0, n, step):
        here = slice(start, min(start + step, n))
        away = X[indices[here]] - X[here, None]  # (m, k, d)
        gram = away @ away.transpose(0, 2, 1)  # (m, k, k)
        trace = np.trace(gram, axis1=1, axis2=2)
        gram[:, np.arange(k), np.arange(k)] += np.where(trace > 0, reg * trace, 1.0)[:, None]
        solved = np.linalg.solve(gram, np.ones((len(gram), k, 1)))[..., 0]
        weight[here] = solved / solved.sum(axis=1, keepdims=True)
    return sp.csr_array((weight.ravel(), indices.ravel(), np.arange(0, n * k + 1, k)), shape=(n, n))
