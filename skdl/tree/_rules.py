"""Trees as lists of rules."""

from dataclasses import dataclass

import numpy as np

from skdl.tree._branches import Condition, View

__all__ = ["Rule", "to_rules"]


@dataclass(frozen=True)
class Rule:
    """One leaf as a rule.

    Attributes
    ----------
    conditions : tuple of str
        What must hold, one entry for each feature and direction; empty for a tree of one leaf.
    prediction : object
        The class, or the value.
    weight : float
        The weight of the training samples that the rule covers.
    errors : float
        The weight of those with another class; for a regression the sum of the impurities.
    leaf : int
        The leaf's number in ``tree_``.
    """

    conditions: tuple[str, ...]
    prediction: object
    weight: float
    errors: float
    leaf: int

    def __str__(self):
        conditions = " and ".join(self.conditions) or "always"
        return f"if {conditions} then {self.prediction} ({self.weight:g}/{self.errors:g})"


def to_rules(decision_tree, *, feature_names=None, decimals=2) -> list[Rule]:
    """Turn a tree into rules, one for each leaf that samples reached, those that cover most first.

    Conditions on one feature along the way are drawn together: of several upper bounds the least remains, and of
    several sets of categories what they have in common.

    Parameters
    ----------
    decision_tree : DecisionTreeClassifier or DecisionTreeRegressor
        A fitted tree with one output.
    feature_names : sequence of str of length n_features, default=None
        None takes the names that ``fit`` saw.
    decimals : int, default=2
        Digits of thresholds.

    Returns
    -------
    list of Rule

    Raises
    ------
    ValueError
        If the tree has several outputs.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skdl.tree import DecisionTreeClassifier, to_rules
    >>> iris = load_iris()
    >>> tree = DecisionTreeClassifier(max_depth=2).fit(iris.data[:, 2:], iris.target_names[iris.target])
    >>> for rule in to_rules(tree, feature_names=["length", "width"]):
    ...     print(rule)
    if length > 2.45 and width <= 1.75 then versicolor (54/5)
    if length <= 2.45 then setosa (50/0)
    if length > 2.45 and width > 1.75 then virginica (46/1)
    """
    view = View(decision_tree, feature_names)
    if decision_tree.n_outputs_ > 1:
        raise ValueError("Rules predict one output; this tree has several. Fit one tree for each.")
    rules = []
    waiting: list[tuple[int, dict]] = [(0, {})]
    while waiting:
        node, path = waiting.pop()
        branches = view.children(node)
        waiting.extend((child, _with(path, test)) for test, child in reversed(branches))
        if branches or view.weight(node) <= 0.0:
            continue
        value, weight = view.value(node)[0], view.weight(node)
        if view.is_classifier:
            prediction = decision_tree.classes_[value.argmax()]
            errors = float(np.round(weight * (1.0 - value.max()), 9))
        else:
            prediction, errors = float(value[0]), float(weight * view.tree.impurity[node])
        texts = tuple(view.text(condition, decimals) for condition in path.values())
        rules.append(Rule(texts, prediction, weight, errors, node))
    return sorted(rules, key=lambda rule: -rule.weight)


def _with(path: dict, condition: Condition) -> dict:
    """The conditions of a path and one more, drawn together: one for each feature and direction."""
    key = (condition.feature, condition.kind)
    known = path.get(key)
    if known is None or condition.kind == "==":
        joined = condition
    elif condition.kind == "<=":
        joined = condition._replace(value=min(known.value, condition.value))
    elif condition.kind == ">":
        joined = condition._replace(value=max(known.value, condition.value))
    else:
        joined = condition._replace(value=tuple(value for value in known.value if value in condition.value))
    return {**path, key: joined}
