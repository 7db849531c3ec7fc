"""The fitted tree as plain arrays, named as scikit-learn names them."""

import weakref

import numpy as np
import scipy.sparse as sp

from skdl.kernels.tree import (
    Nodes,
    Walker,
    cut_nodes,
    make_walker,
    parents_and_depths,
    paths,
    places_in_pruned,
    walk,
)
from skdl.utils import DeviceCache, is_frozen

TREE_LEAF = -1

_PER_NODE = (
    "children_left",
    "children_right",
    "feature",
    "threshold",
    "impurity",
    "n_node_samples",
    "weighted_n_node_samples",
    "missing_go_to_left",
    "value",
    "left_categories_start",
)


class Tree:
    """A binary tree. Node 0 is the root; a child has a greater number than its parent.

    Attributes
    ----------
    n_features, n_outputs, node_count, max_depth, n_leaves, max_n_classes : int
    n_classes : ndarray of shape (n_outputs,)
        1 for each output of a regression.
    children_left, children_right : ndarray of shape (node_count,), int64
        -1 for a leaf.
    feature : ndarray of shape (node_count,), int64
        -2 for a leaf.
    threshold : ndarray of shape (node_count,), float64
        Samples with a value up to it go left; -2 for a leaf, NaN for a categorical split.
    impurity, weighted_n_node_samples : ndarray of shape (node_count,), float64
    n_node_samples : ndarray of shape (node_count,), int64
    missing_go_to_left : ndarray of shape (node_count,), uint8
        Where a missing value, or a category that fit did not see, goes.
    value : ndarray of shape (node_count, n_outputs, max_n_classes), float64
        Class shares, or means (medians).
    n_categories : ndarray of shape (n_features,), int64
        How many categories each column has; 0 for a numeric one.
    left_categories_start : ndarray of shape (node_count,), int64
        Where the node's categories begin in ``left_categories``; -1 where the split is not on categories.
    left_categories : ndarray of uint8
        One flag for each category of a categorical split: 1 goes left.
    """

    children_left: np.ndarray
    children_right: np.ndarray
    feature: np.ndarray
    threshold: np.ndarray
    impurity: np.ndarray
    n_node_samples: np.ndarray
    weighted_n_node_samples: np.ndarray
    missing_go_to_left: np.ndarray
    value: np.ndarray
    left_categories_start: np.ndarray
    left_categories: np.ndarray

    def __init__(self, n_features, n_classes, n_categories):
        self.n_features = int(n_features)
        self.n_classes = np.asarray(n_classes, dtype=np.int64)
        self.n_categories = np.asarray(n_categories, dtype=np.int64)
        self._cache = DeviceCache()

    def __getstate__(self):
        return {name: value for name, value in vars(self).items() if name != "_cache"}

    def __setstate__(self, state):
        vars(self).update(state, _cache=DeviceCache())

    @classmethod
    def from_nodes(cls, nodes: Nodes, n_features, n_classes, n_categories, scale, impurity_scale):
        """Take over what the grower made; values and impurities come back in the units of the targets."""
        tree = cls(n_features, n_classes, n_categories)
        n = int(nodes.used[0])
        whole, real = nodes.whole[:n], nodes.real[:n]
        columns = ("children_left", "children_right", "feature", "n_node_samples")
        for place, name in enumerate(columns):
            setattr(tree, name, np.ascontiguousarray(whole[:, place]))
        tree.missing_go_to_left = whole[:, 4].astype(np.uint8)
        tree.left_categories_start = np.ascontiguousarray(whole[:, 5])
        tree.left_categories = nodes.sets[: nodes.used[1]].copy()
        tree.threshold = np.ascontiguousarray(real[:, 0])
        with np.errstate(over="ignore"):  # squares of targets around 1e308
            tree.impurity = np.minimum(real[:, 1] * impurity_scale, np.finfo(np.float64).max)
        tree.weighted_n_node_samples = np.ascontiguousarray(real[:, 2])
        most = tree.max_n_classes
        tree.value = np.zeros((n, tree.n_outputs, most))
        begin = 0
        for k, size in enumerate(tree.n_classes.tolist()):
            tree.value[:, k, :size] = nodes.value[:n, begin : begin + size] * scale[k]
            begin += size
        return tree

    @property
    def node_count(self) -> int:
        return len(self.feature)

    @property
    def n_outputs(self) -> int:
        return len(self.n_classes)

    @property
    def max_n_classes(self) -> int:
        return int(self.n_classes.max())

    @property
    def n_leaves(self) -> int:
        return int((self.children_left == TREE_LEAF).sum())

    @property
    def depths(self) -> np.ndarray:
        """The depth of each node, of shape (node_count,); 0 for the root."""
        return parents_and_depths(self.children_left, self.children_right)[1]

    @property
    def max_depth(self) -> int:
        return int(self.depths.max())

    def apply(self, X) -> np.ndarray:
        """The leaf of each row of an encoded table, of shape (n,), int64."""
        return _walk_down(self.walker, X)

    @property
    def walker(self) -> Walker:
        """The tree as it is walked down."""
        return self.cached("walker", self._make_walker)

    def _make_walker(self):
        return make_walker(
            self.children_left, self.children_right, self.feature, self.threshold, self.missing_go_to_left,
            self.left_categories_start, self.n_categories, self.left_categories,
        )  # fmt: skip

    def cached(self, key: str, build):
        """What ``build()`` makes of the tree, kept for the next call; copies and pickles leave it out."""
        return self._cache.get(key, build)

    def decision_path(self, X) -> sp.csr_matrix:
        """The nodes that each row passes, as an indicator matrix (n, node_count)."""
        parent, depth = parents_and_depths(self.children_left, self.children_right)
        indptr, indices = paths(self.apply(X), parent, depth)
        return sp.csr_matrix(
            (np.ones(len(indices), dtype=np.int64), indices, indptr), shape=(len(indptr) - 1, self.node_count)
        )

    def compute_feature_importances(self, normalize: bool = True) -> np.ndarray:
        """How much the splits on each feature lower the impurity in all, of shape (n_features,)."""
        split = np.flatnonzero(self.children_left != TREE_LEAF)
        total = self.weighted_n_node_samples * self.impurity
        gain = total[split] - total[self.children_left[split]] - total[self.children_right[split]]
        importances = np.bincount(self.feature[split], weights=gain, minlength=self.n_features).astype(np.float64)
        importances /= self.weighted_n_node_samples[0]
        whole = importances.sum()
        return importances / whole if normalize and whole > 0.0 else importances

    def truncated(self, max_depth: int) -> "Tree":
        """The tree down to a depth."""
        return self.collapsed(self.depths >= max_depth)

    def collapsed(self, collapse: np.ndarray) -> "Tree":
        """The tree whose marked nodes are leaves."""
        tree = Tree(self.n_features, self.n_classes, self.n_categories)
        arrays = [getattr(self, name) for name in _PER_NODE]
        vars(tree).update(zip(_PER_NODE, cut_nodes(*arrays, collapse), strict=True))  # type: ignore[call-arg]
        tree._pack_categories(self.left_categories)
        return tree

    def _pack_categories(self, flags: np.ndarray) -> None:
        """Copy the flags of the splits that are left, in the order of the nodes."""
        if not len(flags):
            self.left_categories = flags.copy()
            return
        splits = np.flatnonzero(self.left_categories_start >= 0)
        parts, begin = [flags[:0]], 0
        for node in splits.tolist():
            start, size = self.left_categories_start[node], self.n_categories[self.feature[node]]
            parts.append(flags[start : start + size])
            self.left_categories_start[node] = begin
            begin += int(size)
        self.left_categories = np.concatenate(parts)


class SharedLeaves:
    """The leaves of a grown tree, from which siblings were cut, for arrays that all of them are asked about.

    Only arrays that cannot be written to are known again, and as long as somebody else keeps them.

    Parameters
    ----------
    grown : Tree
    """

    # Training rows and test rows, as a search with training scores asks.
    _REMEMBERED = 2

    def __init__(self, grown: Tree):
        self._walker, self._left, self._right = grown.walker, grown.children_left, grown.children_right
        self._known: list[tuple] = []

    def of_sibling(self, tree: Tree, X, dtype, encode) -> np.ndarray:
        """The leaves of a sibling's tree, of shape (n,), int64.

        Parameters
        ----------
        tree : Tree
            The sibling's.
        X : ndarray of shape (n, d)
            Of those that :func:`skdl.utils.is_frozen` says yes to.
        dtype : object
            What else the encoded table depends on.
        encode : callable
            Checks and encodes X, which is done once.
        """
        leaves = next((known for asked, kind, known in self._known if asked() is X and kind == dtype), None)
        if leaves is None:
            leaves = _walk_down(self._walker, encode(X))
            self._known = [(weakref.ref(X), dtype, leaves), *self._known[: self._REMEMBERED - 1]]
        return self._places(tree).take(leaves)

    def _places(self, tree: Tree) -> np.ndarray:
        return places_in_pruned(self._left, self._right, tree.children_left, tree.children_right)


def leaves_of(tree: Tree, X, dtype, encode) -> np.ndarray:
    """The leaf of each row of X, from what siblings have found where they have been asked about the very same array."""
    shared = tree.cached("shared", lambda: None)
    if shared is None or not is_frozen(X):
        return tree.apply(encode(X))
    return shared.of_sibling(tree, X, dtype, encode)


def _walk_down(walker: Walker, X) -> np.ndarray:
    out = np.empty(len(X), dtype=np.int64)
    X = X.view()
    X.flags.writeable = False  # one compiled function serves, whether the table may be written to or not
    walk(X, walker, len(walker.flags) > 1, out)
    return walker.number[out] if len(walker.number) else out
