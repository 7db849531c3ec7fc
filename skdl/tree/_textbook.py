"""The trees of the textbooks: settings of DecisionTreeClassifier under the names that people know."""

from typing import ClassVar

from skdl.tree._base import COMMON_CONSTRAINTS
from skdl.tree._classifier import DecisionTreeClassifier
from skdl.utils import Interval, Options

__all__ = ["C45Classifier", "CARTClassifier", "ID3Classifier"]

_SHARED = ("max_depth", "min_samples_split", "min_samples_leaf", "min_weight_fraction_leaf", "random_state")


class ID3Classifier(DecisionTreeClassifier):
    """ID3: information gain, one branch for each category, no pruning."""

    _constraints: ClassVar[dict[str, list]] = {name: COMMON_CONSTRAINTS[name] for name in _SHARED}

    def __init__(
        self,
        *,
        max_depth=None,
        min_samples_split=2,
        min_samples_leaf=1,
        min_weight_fraction_leaf=0.0,
        class_weight=None,
        random_state=None,
        categorical_features="from_dtype",
    ):
        super().__init__(
            criterion="entropy",
            branching="multiway",
            max_depth=max_depth,
            min_samples_split=min_samples_split,
            min_samples_leaf=min_samples_leaf,
            min_weight_fraction_leaf=min_weight_fraction_leaf,
            class_weight=class_weight,
            random_state=random_state,
            categorical_features=categorical_features,
        )


class C45Classifier(DecisionTreeClassifier):
    """C4.5: gain ratio, one branch for each category, error-based pruning."""

    _constraints: ClassVar[dict[str, list]] = {
        **{name: COMMON_CONSTRAINTS[name] for name in _SHARED},
        "pruning": [Options("pessimistic", "reduced_error"), None],
        "confidence_factor": [Interval("real", 0.0, 0.5, "right")],
        "subtree_raising": [bool],
        "validation_fraction": COMMON_CONSTRAINTS["validation_fraction"],
    }

    def __init__(
        self,
        *,
        max_depth=None,
        min_samples_split=2,
        min_samples_leaf=2,
        pruning="pessimistic",
        confidence_factor=0.25,
        subtree_raising=True,
        validation_fraction=0.25,
        min_weight_fraction_leaf=0.0,
        class_weight=None,
        random_state=None,
        categorical_features="from_dtype",
    ):
        super().__init__(
            criterion="gain_ratio",
            branching="multiway",
            max_depth=max_depth,
            min_samples_split=min_samples_split,
            min_samples_leaf=min_samples_leaf,
            pruning=pruning,
            confidence_factor=confidence_factor,
            subtree_raising=subtree_raising,
            validation_fraction=validation_fraction,
            min_weight_fraction_leaf=min_weight_fraction_leaf,
            class_weight=class_weight,
            random_state=random_state,
            categorical_features=categorical_features,
        )


class CARTClassifier(DecisionTreeClassifier):
    """CART: Gini index, binary splits, subsets of categories, cost-complexity pruning."""

    _constraints: ClassVar[dict[str, list]] = {
        **{name: COMMON_CONSTRAINTS[name] for name in (*_SHARED, "ccp_alpha")},
    }

    def __init__(
        self,
        *,
        max_depth=None,
        min_samples_split=2,
        min_samples_leaf=1,
        ccp_alpha=0.01,
        min_weight_fraction_leaf=0.0,
        class_weight=None,
        random_state=None,
        categorical_features="from_dtype",
    ):
        super().__init__(
            max_depth=max_depth,
            min_samples_split=min_samples_split,
            min_samples_leaf=min_samples_leaf,
            ccp_alpha=ccp_alpha,
            pruning="cost_complexity",
            min_weight_fraction_leaf=min_weight_fraction_leaf,
            class_weight=class_weight,
            random_state=random_state,
            categorical_features=categorical_features,
        )
