"""A proof that a tree is one that scikit-learn's algorithm may return: every node splits as well as a split can, and
a leaf is a leaf because nothing can be split. Where two trees differ although both pass, they differ in ties alone.

Impurities are computed anew from the targets: scikit-learn's own carry the noise of a difference of squares in
regression.
"""

import warnings

import numpy as np
from sklearn.base import clone, is_regressor


def impurity(criterion, y, weight):
    share = weight / weight.sum()
    if criterion in ("gini", "entropy", "log_loss"):
        p = np.bincount(np.unique(y, return_inverse=True)[1], weights=share)
        return 1.0 - (p**2).sum() if criterion == "gini" else -(p[p > 0] * np.log2(p[p > 0])).sum()
    mean = (share * y).sum()
    if criterion == "poisson":
        positive = y > 0
        return (share[positive] * y[positive] * np.log(y[positive] / mean)).sum()
    if criterion == "absolute_error":
        order = np.argsort(y)
        median = y[order][np.searchsorted(np.cumsum(share[order]), 0.5)]
        return (share * np.abs(y - median)).sum()
    return (share * (y - mean) ** 2).sum()


def assert_every_split_is_best(fitted, reference, X, y, sample_weight=None, tolerance=1e-9):
    """Compare every node of ``fitted.tree_`` with a stump of ``reference`` on the node's own samples."""
    tree = fitted.tree_
    passes = fitted.decision_path(X).tocsc()
    stump = clone(reference).set_params(max_depth=1, ccp_alpha=0.0)
    weight = np.ones(len(y)) if sample_weight is None else sample_weight

    def rows_of(node):
        rows = passes.indices[passes.indptr[node] : passes.indptr[node + 1]]
        return np.sort(rows[weight[rows] > 0.0])

    def remaining(parts, total):
        parts = [part for part in parts if len(part)]
        return sum(weight[part].sum() * impurity(fitted.criterion, y[part], weight[part]) for part in parts) / total

    for node in range(tree.node_count):
        rows = rows_of(node)
        assert len(rows) == tree.n_node_samples[node]
        own = impurity(fitted.criterion, y[rows], weight[rows])
        scale = np.abs(y).max() ** 2 if is_regressor(fitted) else 1.0
        assert np.isclose(tree.impurity[node], own, rtol=1e-6, atol=1e-12 * scale), node
        if len(np.unique(y[rows])) == 1:
            assert tree.children_left[node] == -1, f"node {node} is pure"
            continue
        with warnings.catch_warnings():  # a small node may hold nearly as many classes as samples
            warnings.filterwarnings("ignore", message="The number of unique classes is greater than 50%")
            stump.fit(X[rows], y[rows], sample_weight=None if sample_weight is None else weight[rows])
        if stump.tree_.node_count == 1:
            # scikit-learn takes an impurity below 2e-16 for zero.
            assert tree.children_left[node] == -1 or own < 1e-15, f"node {node} is split, scikit-learn makes it a leaf"
            continue
        assert tree.children_left[node] >= 0, f"node {node} is a leaf, scikit-learn splits it"
        total = weight[rows].sum()
        left = stump.apply(X[rows]) == 1
        best = remaining((rows[left], rows[~left]), total)
        ours = remaining((rows_of(tree.children_left[node]), rows_of(tree.children_right[node])), total)
        # Deviations from the mean of the node are known to about 1e-16 of the largest target.
        noise = 1e-14 * np.abs(y).max() * np.sqrt(own) if is_regressor(fitted) else 0.0
        assert ours <= best + tolerance * own + noise, f"node {node}: {ours} > {best} of {own}"
