"""Exact distances in float64, summed in one fixed order on every device.

A sum of squares depends in its last bit on the order of the additions, and that bit decides between near-ties. So all
of skdl adds in one order: fewer than ``LANES`` features one after the other, as scikit-learn's trees do; more of them
in lanes (feature ``f`` goes to lane ``f % LANES``, each lane adds from the first feature to the last), which are then
folded by halves. The tile scan and the k-d tree add in the same order, and hence a neighbour search gives the same bits
whichever way it went, on a CPU and on a GPU.
"""

import torch

LANES = 16

# How many numbers a temporary of this module may hold.
_PAIR_ELEMENTS = 1 << 22


def _total(lanes: list) -> torch.Tensor:
    """Add the lanes that are there in the order of this module."""
    if len(lanes) < LANES:
        total = lanes[0]
        for lane in lanes[1:]:
            total = total + lane
        return total
    while len(lanes) > 1:
        half = len(lanes) // 2
        lanes = [left + right for left, right in zip(lanes[:half], lanes[half:], strict=True)]
    return lanes[0]


def _power(difference, metric: str):
    return difference * difference if metric == "sqeuclidean" else difference.abs()


def pair_distances(A, B, rows, columns, metric="sqeuclidean", scale=1.0):
    """Compute the distance of each listed pair.

    Parameters
    ----------
    A : Tensor of shape (m, d)
        Float32 or float64.
    B : Tensor of shape (n, d)
        On the same device.
    rows, columns : Tensor of shape (n_pairs,), dtype int64
        The pairs ``(A[rows[i]], B[columns[i]])``.
    metric : {"sqeuclidean", "manhattan", "chebyshev"}, default="sqeuclidean"
        What to compute.
    scale : float, default=1.0
        A power of two by which both sides are multiplied first, so that squares neither overflow nor vanish.

    Returns
    -------
    Tensor of shape (n_pairs,), dtype float64
    """
    n_pairs, d = len(rows), A.shape[1]
    distances = torch.empty(n_pairs, dtype=torch.float64, device=A.device)
    step = max(1, _PAIR_ELEMENTS // max(1, d))
    for start in range(0, n_pairs, step):
        part = slice(start, min(start + step, n_pairs))
        left, right = A[rows[part]].double(), B[columns[part]].double()
        if scale != 1.0:
            left, right = left * scale, right * scale
        terms = _power(left - right, metric)  # (part, d)
        if metric == "chebyshev":
            distances[part] = terms.amax(dim=1)
            continue
        lanes = terms[:, :LANES].clone()
        for first in range(LANES, d, LANES):
            width = min(LANES, d - first)
            lanes[:, :width] += terms[:, first : first + width]
        distances[part] = _total(list(lanes.unbind(dim=1)))
    return distances


def block_distances(A, B_columns, metric):
    """Compute the distances of all pairs of two small blocks from their differences.

    Parameters
    ----------
    A : Tensor of shape (m, d), dtype float64
    B_columns : Tensor of shape (d, n), dtype float64
        The other block, transposed so that a feature is contiguous.
    metric : {"sqeuclidean", "manhattan", "chebyshev"}
        What to compute.

    Returns
    -------
    Tensor of shape (m, n), dtype float64
    """
    lanes: list = []
    for feature in range(A.shape[1]):
        term = _power(A[:, feature, None] - B_columns[feature], metric)  # (m, n)
        if metric == "chebyshev":
            lanes = [torch.maximum(lanes[0], term)] if lanes else [term]
        elif feature < LANES:
            lanes.append(term)
        else:
            lanes[feature % LANES] += term
    return _total(lanes)
