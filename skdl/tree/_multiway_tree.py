"""The fitted tree of C4.5 and ID3 as plain arrays: any number of branches at a node."""

import numpy as np
import scipy.sparse as sp

from skdl.kernels.tree import (
    Multiway,
    Rules,
    Table,
    apply_multiway,
    collapse_useless,
    grow_multiway,
    held_out_errors,
    paths,
    predict_shares,
    prune_by_errors,
    prune_pessimistic,
    tidied,
    truncate_multiway,
)

TREE_LEAF = -1


class MultiwayTree:
    """A tree whose splits on categories have one branch for each category.

    Attributes
    ----------
    feature : ndarray of shape (node_count,), int64
        -2 for a leaf.
    threshold : ndarray of shape (node_count,), float64
        The largest value that takes the first branch; NaN for leaves and splits on categories.
    branch_start, branch_count : ndarray of shape (node_count,), int64
        Node i has the branches ``branch_start[i]:branch_start[i] + branch_count[i]``.
    branch_child : ndarray of shape (n_branches,), int64
        The node that each branch leads to.
    branch_share : ndarray of shape (n_branches,), float64
        The part of the cases with a known value that took the branch.
    class_weight_at : ndarray of shape (node_count, n_classes), float64
        The weight of each class; that of the parent in a leaf without cases.
    weighted_n_node_samples : ndarray of shape (node_count,), float64
    depths : ndarray of shape (node_count,), int64
    """

    def __init__(self, raw: Multiway, n_categories: np.ndarray):
        self.feature, self.threshold = raw.feature, raw.threshold
        self.branch_start, self.branch_count = raw.start, raw.n_branches
        self.branch_child, self.branch_share = raw.child, raw.share
        self.class_weight_at, self.weighted_n_node_samples, self.depths = raw.value, raw.weight, raw.depth
        self.n_categories = n_categories

    @classmethod
    def grow(cls, X, label, weight, n_classes: int, n_categories, rules: Rules) -> "MultiwayTree":
        """Grow a tree from an encoded table."""
        X = np.ascontiguousarray(X, dtype=np.float64)
        columns = [np.unique(X[:, f][~np.isnan(X[:, f])]) for f in range(X.shape[1])]
        starts = np.concatenate([[0], np.cumsum([len(column) for column in columns])]).astype(np.int64)
        table = Table(X, label, n_categories, n_classes)
        return cls(tidied(grow_multiway(table, weight, np.concatenate(columns), starts, rules)), n_categories)

    def _raw(self, copy: bool = False) -> Multiway:
        raw = Multiway(
            self.feature, self.threshold, self.branch_start, self.branch_count, self.depths, self.class_weight_at,
            self.weighted_n_node_samples, self.branch_child, self.branch_share,
            np.array([self.node_count, len(self.branch_child)]),
        )  # fmt: skip
        return Multiway(*[part.copy() for part in raw]) if copy else raw

    def truncated(self, max_depth: int) -> "MultiwayTree":
        """The tree down to a depth."""
        raw = self._raw(copy=True)
        truncate_multiway(raw, max_depth)
        return MultiwayTree(tidied(raw), self.n_categories)

    def without_useless_splits(self) -> "MultiwayTree":
        """The tree without subtrees that make no fewer errors on their own cases than a leaf would."""
        raw = self._raw(copy=True)
        collapse_useless(raw)
        return MultiwayTree(tidied(raw), self.n_categories)

    def pruned_pessimistic(self, X, label, weight, confidence: float, deviate: float, raising: bool) -> "MultiwayTree":
        """Quinlan's error-based pruning on the training cases."""
        raw = self._raw(copy=True)
        table = Table(
            np.ascontiguousarray(X, dtype=np.float64), label, self.n_categories, self.class_weight_at.shape[1]
        )
        prune_pessimistic(raw, table, weight, confidence, deviate, raising)
        return MultiwayTree(tidied(raw), self.n_categories)

    def pruned_by_errors(self, X, label) -> "MultiwayTree":
        """Reduced-error pruning on rows that the tree was not grown from."""
        raw = self._raw(copy=True)
        errors = np.zeros(self.node_count)
        held_out_errors(raw, np.ascontiguousarray(X, dtype=np.float64), label, errors)
        prune_by_errors(raw, errors)
        return MultiwayTree(tidied(raw), self.n_categories)

    @property
    def node_count(self) -> int:
        return len(self.feature)

    @property
    def n_leaves(self) -> int:
        return int((self.feature < 0).sum())

    @property
    def max_depth(self) -> int:
        return int(self.depths.max())

    def predict_shares(self, X) -> np.ndarray:
        """Class shares of each row, of shape (n, n_classes)."""
        out = np.empty((len(X), self.class_weight_at.shape[1]))
        predict_shares(self._raw(), np.ascontiguousarray(X, dtype=np.float64), out)
        return out

    def apply(self, X) -> np.ndarray:
        """The leaf of each row, of shape (n,); where a value is missing, along the branch with the largest share."""
        out = np.empty(len(X), dtype=np.int64)
        apply_multiway(self._raw(), np.ascontiguousarray(X, dtype=np.float64), out)
        return out

    @property
    def parents(self) -> np.ndarray:
        """The parent of each node, of shape (node_count,); -1 for the root."""
        parent = np.full(self.node_count, -1)
        parent[self.branch_child] = np.repeat(np.arange(self.node_count), self.branch_count)
        return parent

    def decision_path(self, X) -> sp.csr_matrix:
        """The nodes on the way to each row's leaf, as an indicator matrix (n, node_count)."""
        indptr, indices = paths(self.apply(X), self.parents, self.depths)
        return sp.csr_matrix(
            (np.ones(len(indices), dtype=np.int64), indices, indptr), shape=(len(indptr) - 1, self.node_count)
        )

    def compute_feature_importances(self, normalize: bool = True) -> np.ndarray:
        """How much the splits on each feature lower the entropy in all, of shape (n_features,)."""
        weight = self.weighted_n_node_samples
        share = self.class_weight_at / self.class_weight_at.sum(axis=1, keepdims=True)
        entropy = -np.where(share > 0.0, share * np.log2(np.where(share > 0.0, share, 1.0)), 0.0).sum(axis=1)
        total = weight * entropy
        parent = self.parents
        below = np.bincount(parent[1:], weights=total[1:], minlength=self.node_count)
        split = self.feature >= 0
        gain = np.maximum(total - below, 0.0)[split]
        importances = np.bincount(self.feature[split], weights=gain, minlength=len(self.n_categories)) / weight[0]
        whole = importances.sum()
        return importances / whole if normalize and whole > 0.0 else importances
