"""Sums of feature counts per class, and scores that are linear in the counts; dense or sparse rows."""

import warnings

import numpy as np
import scipy.sparse as sp
import torch

from skdl.kernels.rowblocks import cut, on_threads, tile_rows
from skdl.utils import for_each_chunk

# From so many stored values on, compiled loops are worth loading.
_COMPILED_VALUES = 500_000
_PARTS = 16
_ROWS_PER_PART = 16384
_DEVICE_BYTES = 1 << 28


def class_sums(X, codes: np.ndarray, weight: np.ndarray | None, n_classes: int, device) -> np.ndarray:
    """Add up the rows of each class.

    Parameters
    ----------
    X : ndarray or CSR matrix of shape (n, d)
    codes : ndarray of shape (n,), int64
        The class of each row.
    weight : ndarray of shape (n,), float64, or None
    n_classes : int
    device : torch.device
        Where dense rows are added up.

    Returns
    -------
    ndarray of shape (n_classes, d), float64
    """
    if sp.issparse(X):
        return _sparse_sums(X, codes, weight, n_classes)
    total = torch.zeros((n_classes, X.shape[1]), dtype=torch.float64, device=device)
    rows = tile_rows(X.shape[1], cache_bytes=1 << 19 if device.type == "cpu" else _DEVICE_BYTES)

    def work(piece):
        tile = torch.as_tensor(np.array(X[piece], dtype=np.float64, order="C"), device=device)  # (m, d)
        code = torch.as_tensor(codes[piece], device=device)
        member = torch.zeros((n_classes, len(tile)), dtype=torch.float64, device=device)
        share = 1.0 if weight is None else torch.as_tensor(weight[piece], device=device)
        member[code, torch.arange(len(tile), device=device)] = share
        total.add_(member @ tile)

    for_each_chunk(len(X), rows, work)
    return total.cpu().numpy()


def _sparse_sums(X, codes, weight, n_classes):
    n, d = X.shape
    if X.nnz < _COMPILED_VALUES:
        counts = np.diff(X.indptr)
        values = X.data if weight is None else X.data * np.repeat(weight, counts)
        place = np.repeat(codes * d, counts) + X.indices
        return np.bincount(place, weights=values, minlength=n_classes * d).reshape(n_classes, d)
    from skdl.kernels import _counts_loops

    def work(part):
        total = np.zeros((n_classes, d))
        share = np.ones(part.stop - part.start) if weight is None else weight[part]
        _counts_loops.add(X.data, X.indices, X.indptr[part.start : part.stop + 1], codes[part], share, total)
        return total

    # The parts' sums must stay small beside the data.
    n_parts = max(1, min(_PARTS, X.nnz // (4 * n_classes * d)))
    sums = on_threads(work, cut(n, n_parts))
    return sum(sums[1:], start=sums[0])


def linear_scores(X, coefficients: np.ndarray, constant: np.ndarray, device) -> np.ndarray:
    """Compute ``X @ coefficients.T + constant``; an infinite coefficient matters only where X is not zero.

    Parameters
    ----------
    X : ndarray or CSR matrix of shape (n, d)
    coefficients : ndarray of shape (C, d), float64
    constant : ndarray of shape (C,), float64
    device : torch.device
        Where dense rows are multiplied.

    Returns
    -------
    ndarray of shape (n, C), float64
    """
    infinite = np.isinf(coefficients)
    if infinite.any():
        result = linear_scores(X, np.where(infinite, 0.0, coefficients), constant, device)
        # Infinity before minus infinity, as many as there are: what is impossible is stronger than what is certain.
        for decided in np.unique(coefficients[infinite])[::-1]:
            met = linear_scores(X, (coefficients == decided).astype(np.float64), np.zeros(len(constant)), device)
            result[met > 0] = decided
        result[:, np.isneginf(constant)] = -np.inf
        return result
    if sp.issparse(X):
        return _sparse_scores(X, coefficients, constant)
    result = np.empty((len(X), len(constant)))
    slope, level = (torch.as_tensor(part, device=device) for part in (coefficients, constant))

    def score(piece):
        tile = torch.as_tensor(np.array(X[piece], dtype=np.float64, order="C"), device=device)
        result[piece] = torch.addmm(level, tile, slope.T).cpu().numpy()

    if device.type != "cpu":
        for_each_chunk(len(X), max(1, _DEVICE_BYTES // (8 * X.shape[1])), score)
        return result
    rows = tile_rows(X.shape[1])

    def work(part):
        for start in range(part.start, part.stop, rows):
            score(slice(start, min(start + rows, part.stop)))

    on_threads(work, cut(len(X), -(-len(X) // _ROWS_PER_PART)))
    return result


def _sparse_scores(X, coefficients, constant):
    if X.nnz < _COMPILED_VALUES:
        return np.asarray(X.astype(np.float64) @ coefficients.T) + constant
    result = np.empty((X.shape[0], len(constant)))
    by_column = np.ascontiguousarray(coefficients.T)  # (d, C)
    parts = cut(X.shape[0], -(-X.shape[0] // 4096))
    if not (torch.backends.mkl.is_available() and X.data.dtype == np.float64 and X.data.flags.writeable):
        from skdl.kernels import _counts_loops

        def work(part):
            indptr = X.indptr[part.start : part.stop + 1]
            _counts_loops.score(X.data, X.indices, indptr, by_column, constant, result[part])

        on_threads(work, parts)
        return result
    table, level = torch.from_numpy(by_column), torch.from_numpy(constant)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta")
        pieces = [(part, _csr_rows(X, part)) for part in parts]

    def multiply(piece):
        part, rows = piece
        torch.addmm(level, rows, table, out=torch.from_numpy(result[part]))

    on_threads(multiply, pieces)
    return result


def _csr_rows(X, part: slice) -> torch.Tensor:
    """Some rows of a CSR matrix as a tensor over the same numbers."""
    start, stop = X.indptr[part.start], X.indptr[part.stop]
    return torch.sparse_csr_tensor(
        torch.from_numpy(X.indptr[part.start : part.stop + 1] - start),
        torch.from_numpy(X.indices[start:stop]),
        torch.from_numpy(X.data[start:stop]),
        (part.stop - part.start, X.shape[1]),
        check_invariants=False,
    )
