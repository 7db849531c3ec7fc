"""Trees as text."""

import numpy as np

from skdl.tree._branches import View

__all__ = ["export_text"]


def export_text(
    decision_tree,
    *,
    feature_names=None,
    class_names=None,
    max_depth=10,
    spacing=3,
    decimals=2,
    show_weights=False,
) -> str:
    """Write a tree as indented text, as scikit-learn's function of this name does, with any number of branches.

    Parameters
    ----------
    decision_tree : DecisionTreeClassifier or DecisionTreeRegressor
        A fitted tree.
    feature_names : sequence of str of length n_features, default=None
        None takes the names that ``fit`` saw, or ``feature_0``, ...
    class_names : sequence of str of length n_classes, default=None
        None takes the classes themselves.
    max_depth : int, default=10
        Deeper branches are left out, and it is said how deep they are.
    spacing : int, default=3
        Number of dashes of each level.
    decimals : int, default=2
        Digits of thresholds and values.
    show_weights : bool, default=False
        Whether leaves tell the weight of each class.

    Returns
    -------
    str

    Raises
    ------
    ValueError
        If there are not as many names as features or classes.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skdl.tree import DecisionTreeClassifier, export_text
    >>> iris = load_iris()
    >>> tree = DecisionTreeClassifier(max_depth=2).fit(iris.data[:, 2:], iris.target)
    >>> print(export_text(tree, feature_names=["length", "width"], class_names=iris.target_names))
    |--- length <= 2.45
    |   |--- class: setosa
    |--- length >  2.45
    |   |--- width <= 1.75
    |   |   |--- class: versicolor
    |   |--- width >  1.75
    |   |   |--- class: virginica
    """
    view = View(decision_tree, feature_names, class_names)
    height = _heights(view)
    lines = []
    waiting = [(0, 0, None)]
    while waiting:
        node, depth, condition = waiting.pop()
        if condition is not None:
            text = view.text(condition, decimals)
            if condition.kind == ">":
                text = text.replace(" > ", " >  ", 1)
            lines.append(f"{_indent(depth - 1, spacing)} {text}")
        branches = view.children(node)
        if not branches:
            lines.append(f"{_indent(depth, spacing)} {_leaf(view, node, decimals, show_weights)}")
        elif depth > max_depth:
            deeper = height[node]
            text = "truncated branch" if deeper == 0 else f"truncated branch of depth {deeper + 1}"
            lines.append(f"{_indent(depth, spacing)} {text}")
        else:
            waiting.extend((child, depth + 1, test) for test, child in reversed(branches))
    return "\n".join(lines) + "\n"


def _indent(depth: int, spacing: int) -> str:
    return ("|" + " " * spacing) * depth + "|" + "-" * spacing


def _leaf(view: View, node: int, decimals: int, show_weights: bool) -> str:
    value = view.value(node)
    if view.class_names is None:
        numbers = value.argmax(axis=1) if view.is_classifier else value[:, 0]
        listed = ", ".join(str(number) if view.is_classifier else f"{number:.{decimals}f}" for number in numbers)
        return f"{'classes' if view.is_classifier else 'value'}: [{listed}]"
    weights = ""
    if show_weights:
        listed = ", ".join(f"{weight:.{decimals}f}" for weight in value[0] * view.weight(node))
        weights = f"weights: [{listed}] "
    return f"{weights}class: {view.label(node)}"


def _heights(view: View) -> np.ndarray:
    """The number of levels below each node; a child has a greater number than its parent."""
    height = np.zeros(view.tree.node_count, dtype=np.int64)
    for node in range(view.tree.node_count - 1, -1, -1):
        branches = view.children(node)
        if branches:
            height[node] = 1 + max(height[child] for _, child in branches)
    return height
