"""Distances of rows with numbers, categories and gaps."""

import torch


def mixed_block(A, B, categorical, ranges, metric: str):
    """Compute the distances of all pairs of two blocks.

    Parameters
    ----------
    A : Tensor of shape (m, d), dtype float64
        Numbers, codes of categories, NaN where a value is missing.
    B : Tensor of shape (n, d), dtype float64
        The other block.
    categorical : sequence of bool, length d
        Which columns hold codes.
    ranges : sequence of float, length d
        The range of each numeric column; where it is zero, unequal numbers differ by 1.
    metric : {"heom", "gower"}
        "heom": the root of the sum of squares over the columns, where a missing value differs by 1 from all. "gower":
        the mean over the columns in which neither value is missing, NaN if there are none.

    Returns
    -------
    Tensor of shape (m, n), dtype float64
    """
    total = torch.zeros(len(A), len(B), dtype=torch.float64, device=A.device)
    known = torch.zeros_like(total)
    for feature in range(A.shape[1]):
        left, right = A[:, feature, None], B[:, feature]
        if categorical[feature] or not ranges[feature] > 0:
            term = (left != right).to(torch.float64)
        else:
            term = ((left - right) / ranges[feature]).abs()
        missing = torch.isnan(left) | torch.isnan(right)
        if metric == "heom":
            total += torch.where(missing, 1.0, term * term)
        else:
            total += torch.where(missing, 0.0, term)
            known += ~missing
    return total.sqrt() if metric == "heom" else total / known
