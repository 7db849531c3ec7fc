"""Whether the arrays of a tree are those of a tree: no loops, and no place outside of an array."""

import numpy as np

from skdl.exceptions import InvalidFileError


def _column(tree, name: str, dtype, length: int | None = None) -> np.ndarray:
    value = getattr(tree, name, None)
    if not isinstance(value, np.ndarray) or value.dtype != dtype or value.ndim != 1:
        raise InvalidFileError(f"{name} of a tree in it is not of the type {np.dtype(dtype)}")
    if length is not None and len(value) != length:
        raise InvalidFileError(f"{name} of a tree in it is not as long as the tree")
    return value


def _check_children(parents: np.ndarray, children: np.ndarray, n: int) -> None:
    """Every node but the first has one parent, which comes before it: so there is no loop, and no node apart."""
    if ((children <= parents) | (children >= n)).any():
        raise InvalidFileError("a tree in it has a node whose child is out of range, or its own ancestor")
    if (np.bincount(children, minlength=n)[1:] != 1).any():
        raise InvalidFileError("a tree in it has a node with several parents, or with none")


def check_tree(tree) -> None:
    """Check a :class:`skdl.tree._tree.Tree`.

    Parameters
    ----------
    tree : Tree
        As it was read.

    Raises
    ------
    InvalidFileError
        At the first thing that is wrong.
    """
    if type(tree.n_features) is not int or not 1 <= tree.n_features < 2**30:
        raise InvalidFileError("a tree in it has an impossible number of features")
    left = _column(tree, "children_left", np.int64)
    n = len(left)
    right, feature, count, start = (
        _column(tree, name, np.int64, n)
        for name in ("children_right", "feature", "n_node_samples", "left_categories_start")
    )
    threshold, impurity, weight = (
        _column(tree, name, np.float64, n) for name in ("threshold", "impurity", "weighted_n_node_samples")
    )
    missing = _column(tree, "missing_go_to_left", np.uint8, n)
    flags = _column(tree, "left_categories", np.uint8)
    sizes = _column(tree, "n_categories", np.int64, tree.n_features)
    classes = _column(tree, "n_classes", np.int64)
    if not n or not len(classes) or classes.min() < 1 or sizes.min() < 0 or n >= 2**32:
        raise InvalidFileError("a tree in it is empty")
    value = tree.value
    if (
        not isinstance(value, np.ndarray)
        or value.dtype != np.float64
        or value.shape != (n, len(classes), classes.max())
    ):
        raise InvalidFileError("a tree in it has values of another shape")
    if not all(np.isfinite(part).all() for part in (value, impurity, weight)) or count.min() < 0 or weight[0] <= 0:
        raise InvalidFileError("a tree in it has values that are no numbers")
    split = left != -1
    if (right[~split] != -1).any() or (left[split] < 0).any():
        raise InvalidFileError("a tree in it has a node with one child")
    nodes = np.flatnonzero(split)
    _check_children(np.concatenate([nodes, nodes]), np.concatenate([left[nodes], right[nodes]]), n)
    _check_features(feature, nodes, tree.n_features)
    if missing.max() > 1 or flags.max(initial=0) > 1:
        raise InvalidFileError("a tree in it sends values neither left nor right")
    categorical = start >= 0
    if (start < -1).any() or (categorical & ~split).any():
        raise InvalidFileError("a tree in it has categories at a leaf")
    if (start[categorical] + sizes[feature[categorical]] > len(flags)).any() or (start >= 2**62).any():
        raise InvalidFileError("a tree in it has categories that are not there")
    if np.isnan(threshold[split & ~categorical]).any():
        raise InvalidFileError("a tree in it has a split without a threshold")


def _check_features(feature: np.ndarray, nodes: np.ndarray, n_features: int) -> None:
    if ((feature[nodes] < 0) | (feature[nodes] >= n_features)).any():
        raise InvalidFileError(f"a tree in it splits on a feature that is none of the {n_features}")


def check_multiway_tree(tree) -> None:
    """Check a :class:`skdl.tree._multiway_tree.MultiwayTree`.

    Parameters
    ----------
    tree : MultiwayTree
        As it was read.

    Raises
    ------
    InvalidFileError
        At the first thing that is wrong.
    """
    feature = _column(tree, "feature", np.int64)
    n = len(feature)
    start, count, depth = (_column(tree, name, np.int64, n) for name in ("branch_start", "branch_count", "depths"))
    threshold, weight = (_column(tree, name, np.float64, n) for name in ("threshold", "weighted_n_node_samples"))
    child = _column(tree, "branch_child", np.int64)
    share = _column(tree, "branch_share", np.float64, len(child))
    sizes = _column(tree, "n_categories", np.int64)
    value = tree.class_weight_at
    if not n or not isinstance(value, np.ndarray) or value.dtype != np.float64 or value.ndim != 2 or len(value) != n:
        raise InvalidFileError("a tree in it has values of another shape")
    if not (np.isfinite(value).all() and (value >= 0).all() and (value.sum(axis=1) > 0).all()):
        raise InvalidFileError("a tree in it has values that are no shares")
    if not (np.isfinite(weight).all() and np.isfinite(share).all() and ((share >= 0) & (share <= 1)).all()):
        raise InvalidFileError("a tree in it has values that are no shares")
    nodes = np.flatnonzero(feature >= 0)
    _check_features(feature, nodes, len(sizes))
    if (sizes < 0).any() or (count[nodes] < 1).any() or (start[nodes] < 0).any() or (count > len(child)).any():
        raise InvalidFileError("a tree in it has a split without branches")
    if (start[nodes] > len(child) - count[nodes]).any() or count[nodes].sum() != len(child):
        raise InvalidFileError("a tree in it has branches that are not there")
    if (count[feature < 0] != 0).any():
        raise InvalidFileError("a tree in it has branches at a leaf")
    # Branches lie in the order of `place`, each of one node.
    place = np.concatenate(
        [np.arange(start[node], start[node] + count[node]) for node in nodes.tolist()] or [child[:0]]
    )
    parents = np.repeat(nodes, count[nodes])
    _check_children(parents, child[place], n)
    if depth[0] != 0 or (depth[child[place]] != depth[parents] + 1).any():
        raise InvalidFileError("a tree in it has wrong depths")
    numeric = ~np.isnan(threshold)
    if (count[nodes][numeric[nodes]] != 2).any():
        raise InvalidFileError("a tree in it has a threshold without two branches")


def check_sklearn_tree(tree) -> None:
    """Check a ``sklearn.tree._tree.Tree``, whose compiled code follows its nodes without looking.

    Parameters
    ----------
    tree : sklearn.tree._tree.Tree
        As it was read.

    Raises
    ------
    InvalidFileError
        At the first thing that is wrong.
    """
    state = tree.__getstate__()
    nodes = state.get("nodes")
    if nodes is None or not len(nodes) or state["node_count"] != len(nodes):
        raise InvalidFileError("a tree in it is empty")
    n = len(nodes)
    left, right = nodes["left_child"].astype(np.int64), nodes["right_child"].astype(np.int64)
    if not np.isfinite(tree.value).all() or not 0 <= state["max_depth"] < n:
        raise InvalidFileError("a tree in it has values that are no numbers")
    split = np.flatnonzero(left != -1)
    if (right[left == -1] != -1).any() or (left[split] < 0).any():
        raise InvalidFileError("a tree in it has a node with one child")
    _check_children(np.concatenate([split, split]), np.concatenate([left[split], right[split]]), n)
    _check_features(nodes["feature"].astype(np.int64), split, tree.n_features)
