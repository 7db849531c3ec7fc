"""A fitted tree as conditions and children, whatever its branching: what text, plot and rules are made from."""

from typing import Any, NamedTuple

import numpy as np
from sklearn.base import is_classifier
from sklearn.utils.validation import check_is_fitted

from skdl.tree._multiway_tree import MultiwayTree

__all__: list[str] = []


class Condition(NamedTuple):
    """One test on one feature: ``kind`` is "<=", ">", "in" (a set of categories) or "==" (one category)."""

    feature: int
    kind: str
    value: Any


class View:
    """Read access to a fitted tree estimator.

    Parameters
    ----------
    estimator : DecisionTreeClassifier or DecisionTreeRegressor
    feature_names : sequence of str or None
    class_names : sequence of str, True or None
        None shows the classes as they are.
    """

    def __init__(self, estimator, feature_names=None, class_names=None):
        check_is_fitted(estimator, "tree_")
        self.estimator, self.tree = estimator, estimator.tree_
        d = estimator.n_features_in_
        if feature_names is None:
            feature_names = getattr(estimator, "feature_names_in_", [f"feature_{f}" for f in range(d)])
        if len(feature_names) != d:
            raise ValueError(f"feature_names must have {d} elements, one for each feature; got {len(feature_names)}.")
        self.feature_names = [str(name) for name in feature_names]
        self.is_classifier = is_classifier(estimator)
        self.class_names = None
        if self.is_classifier and estimator.n_outputs_ == 1:
            names = estimator.classes_ if class_names is None or class_names is True else class_names
            if len(names) != estimator.n_classes_:
                raise ValueError(
                    f"class_names must have {estimator.n_classes_} elements, one for each class; got {len(names)}."
                )
            self.class_names = [str(name) for name in names]
        self.categories = estimator._schema.categories
        self.multiway = isinstance(self.tree, MultiwayTree)

    def children(self, node: int) -> list[tuple[Condition, int]]:
        """The branches of a node; none for a leaf."""
        tree, feature = self.tree, int(self.tree.feature[node])
        if feature < 0:
            return []
        if self.multiway:
            start = int(tree.branch_start[node])
            nodes = tree.branch_child[start : start + int(tree.branch_count[node])].tolist()
            if self.categories[feature] is not None:
                return [
                    (Condition(feature, "==", value), child)
                    for value, child in zip(self.categories[feature], nodes, strict=True)
                ]
            left, right = nodes
        else:
            left, right = int(tree.children_left[node]), int(tree.children_right[node])
            begin = int(tree.left_categories_start[node])
            if begin >= 0:
                values = self.categories[feature]
                goes_left = tree.left_categories[begin : begin + len(values)].astype(bool)
                return [
                    (Condition(feature, "in", tuple(values[goes_left])), left),
                    (Condition(feature, "in", tuple(values[~goes_left])), right),
                ]
        threshold = float(tree.threshold[node])
        return [(Condition(feature, "<=", threshold), left), (Condition(feature, ">", threshold), right)]

    def value(self, node: int) -> np.ndarray:
        """Class shares, or the predicted values, of shape (n_outputs, n_classes)."""
        if self.multiway:
            weight = self.tree.class_weight_at[node]
            return (weight / weight.sum())[None, :]
        return self.tree.value[node]

    def weight(self, node: int) -> float:
        """The weight of the training samples that came to the node."""
        return float(self.tree.weighted_n_node_samples[node])

    def label(self, node: int) -> str:
        """The predicted class of a node with one output."""
        assert self.class_names is not None
        return self.class_names[int(self.value(node)[0].argmax())]

    def text(self, condition: Condition, decimals: int = 2) -> str:
        """A condition in words."""
        name = self.feature_names[condition.feature]
        if condition.kind in ("<=", ">"):
            if condition.value == np.inf:
                return f"{name} is {'known' if condition.kind == '<=' else 'missing'}"
            return f"{name} {condition.kind} {condition.value:.{decimals}f}"
        if condition.kind == "==":
            return f"{name} = {condition.value}"
        return f"{name} in {{{', '.join(str(value) for value in condition.value)}}}"
