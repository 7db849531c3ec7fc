"""The smallest entries of each row, ties by column."""

import torch


def ranked(rows, columns, values, n_rows: int, k: int):
    """Order candidate entries within each row by value and then by column, and keep the first k.

    Parameters
    ----------
    rows, columns : Tensor of shape (n_entries,), dtype int64
        Where each entry stands; sorted by row, and by column within a row. Each row has k entries at least.
    values : Tensor of shape (n_entries,)
        The entries; NaN counts as the largest.
    n_rows, k : int
        The shape of the answer.

    Returns
    -------
    values : Tensor of shape (n_rows, k)
    columns : Tensor of shape (n_rows, k), dtype int64
    """
    order = torch.sort(values, stable=True).indices
    order = order[torch.sort(rows[order], stable=True).indices]
    counts = torch.bincount(rows, minlength=n_rows)
    starts = torch.cumsum(counts, 0) - counts
    taken = order[starts[:, None] + torch.arange(k, device=rows.device)]
    return values[taken], columns[taken]


def smallest(D, k: int):
    """Find the k smallest entries of each row of a dense block, ties by column.

    Parameters
    ----------
    D : Tensor of shape (m, n)
        Distances; NaN counts as the largest.
    k : int
        How many; at most n.

    Returns
    -------
    values : Tensor of shape (m, k)
        In increasing order.
    columns : Tensor of shape (m, k), dtype int64
    """
    if k == D.shape[1]:
        return torch.sort(D, dim=1, stable=True)
    bound = torch.topk(D, k, dim=1, largest=False).values.amax(dim=1, keepdim=True)
    # Written as a negation so that a bound of NaN takes everything.
    rows, columns = torch.nonzero(~(bound < D), as_tuple=True)
    return ranked(rows, columns, D[rows, columns], len(D), k)
