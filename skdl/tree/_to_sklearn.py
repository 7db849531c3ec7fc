"""Handing a tree over to scikit-learn, so that tools which know scikit-learn's trees (SHAP, treeinterpreter) work
on it.
"""

import numpy as np
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from skdl.tree._branches import View

__all__: list[str] = []

_SHARED = (
    "criterion", "splitter", "max_depth", "min_samples_split", "min_samples_leaf", "min_weight_fraction_leaf",
    "max_features", "random_state", "max_leaf_nodes", "min_impurity_decrease", "class_weight", "ccp_alpha",
)  # fmt: skip


def to_sklearn(estimator):
    """A scikit-learn tree that predicts as ``estimator`` does; see ``DecisionTreeClassifier.to_sklearn``."""
    view = View(estimator)
    tree = view.tree
    if view.multiway or (tree.left_categories_start >= 0).any():
        raise ValueError(
            "scikit-learn's trees split numbers in two; this one splits on categories. Encode them as numbers "
            "(OrdinalEncoder, OneHotEncoder) before the fit to hand the tree over."
        )
    parameters = {name: getattr(estimator, name) for name in _SHARED if hasattr(estimator, name)}
    if parameters["criterion"] == "gain_ratio":
        parameters["criterion"] = "entropy"
    kind = DecisionTreeClassifier if view.is_classifier else DecisionTreeRegressor
    out = kind(**parameters)
    # The arrays of a scikit-learn tree are set through its pickle state, which a tiny fit gives the form of.
    small = kind().fit(np.zeros((2, 1)), [0, 1]).tree_
    state = small.__getstate__()
    nodes = np.zeros(tree.node_count, dtype=state["nodes"].dtype)
    names = {
        "left_child": "children_left",
        "right_child": "children_right",
        **{name: name for name in ("feature", "threshold", "impurity", "n_node_samples", "weighted_n_node_samples")},
        "missing_go_to_left": "missing_go_to_left",
    }
    for field, attribute in names.items():
        if field in (nodes.dtype.names or ()):
            nodes[field] = getattr(tree, attribute)
    counts = tree.n_classes.astype(np.intp)
    filled = type(small)(tree.n_features, counts, tree.n_outputs)
    filled.__setstate__(
        {
            **state,
            "max_depth": tree.max_depth,
            "node_count": tree.node_count,
            "nodes": nodes,
            "values": tree.value.copy(),
        }
    )
    out.tree_ = filled
    for name in ("n_features_in_", "feature_names_in_", "n_outputs_", "classes_", "n_classes_", "max_features_"):
        if hasattr(estimator, name):
            setattr(out, name, getattr(estimator, name))
    return out
