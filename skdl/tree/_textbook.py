"""The trees of the textbooks: settings of DecisionTreeClassifier under the names that people know."""

from typing import ClassVar

from skdl.tree._base import COMMON_CONSTRAINTS
from skdl.tree._classifier import DecisionTreeClassifier
from skdl.utils import Interval, Options

__all__ = ["C45Classifier", "CARTClassifier", "ID3Classifier"]

_NAMES = (
    "max_depth",
    "min_samples_split",
    "min_samples_leaf",
    "min_weight_fraction_leaf",
    "random_state",
    "categorical_features",
)
_SHARED = {
    **{name: COMMON_CONSTRAINTS[name] for name in _NAMES},
    "class_weight": DecisionTreeClassifier._constraints["class_weight"],
}


class ID3Classifier(DecisionTreeClassifier):
    """ID3: information gain, one branch for each category, no pruning.

    The tree of the textbooks' first chapter, to learn and to teach with; for use take :class:`C45Classifier`.

    Parameters
    ----------
    max_depth : int, default=None
        The most splits between the root and a leaf; None for no limit.
    min_samples_split : int or float, default=2
        A node with less weight is a leaf; a float is a share of the samples.
    min_samples_leaf : int or float, default=1
        Two branches of a split at least must have so much weight; a float is a share of the samples.
    min_weight_fraction_leaf : float, default=0.0
        The same as a share of the total weight.
    class_weight : dict, "balanced" or None, default=None
        Weights of the classes.
    random_state : int, RandomState or None, default=None
        Not used; nothing is drawn.
    categorical_features : "from_dtype", None or array-like, default="from_dtype"
        Which columns hold categories: by the types of a frame, none, or a mask, positions or names.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted.
    n_classes_, n_outputs_, n_features_in_, max_features_ : int
        As in :class:`DecisionTreeClassifier`.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        The names of the columns, where X had any.
    tree_ : MultiwayTree
        The tree as arrays.
    feature_importances_ : ndarray of shape (n_features_in_,)
        How much each column lowers the impurity.

    Raises
    ------
    ValueError
        If a parameter or the data make no sense; the message says which and what to do.

    See Also
    --------
    DecisionTreeClassifier : Every setting.

    Notes
    -----
    Cost: ``O(n d)`` for each level, ``O(n d log n)`` with numeric columns. Quinlan's ID3 knows categories alone;
    numeric columns are split at the threshold with the most gain, and samples with a missing value are shared out, as
    in C4.5. scikit-learn has no ID3.

    References
    ----------
    .. [1] J. R. Quinlan, Induction of Decision Trees, Machine Learning 1, 1986, https://doi.org/10.1007/BF00116251

    Examples
    --------
    >>> import pandas as pd
    >>> from skdl.tree import ID3Classifier, export_text
    >>> X = pd.DataFrame({"sky": ["blue", "grey", "grey"], "wind": ["weak", "weak", "strong"]}, dtype="category")
    >>> print(export_text(ID3Classifier().fit(X, ["out", "out", "in"])))
    |--- wind = strong
    |   |--- class: in
    |--- wind = weak
    |   |--- class: out
    """

    _constraints: ClassVar[dict[str, list]] = _SHARED

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
    """C4.5: gain ratio, one branch for each category, error-based pruning.

    The tree to take for tables of categories and numbers with missing values when it should be small and readable.

    Parameters
    ----------
    max_depth : int, default=None
        The most splits between the root and a leaf; None for no limit.
    min_samples_split : int or float, default=2
        A node with less weight is a leaf; a float is a share of the samples.
    min_samples_leaf : int or float, default=2
        Two branches of a split at least must have so much weight; a float is a share of the samples.
    pruning : {"pessimistic", "reduced_error"} or None, default="pessimistic"
        Error-based pruning on the training samples, on samples held out, or none.
    confidence_factor : float, default=0.25
        For "pessimistic": the smaller, the smaller the tree; at most 0.5.
    subtree_raising : bool, default=True
        For "pessimistic": a node may be replaced by its largest branch.
    validation_fraction : float, default=0.25
        For "reduced_error": the share of the samples that is held out.
    min_weight_fraction_leaf : float, default=0.0
        The same as a share of the total weight.
    class_weight : dict, "balanced" or None, default=None
        Weights of the classes.
    random_state : int, RandomState or None, default=None
        Decides the rows held out for "reduced_error".
    categorical_features : "from_dtype", None or array-like, default="from_dtype"
        Which columns hold categories: by the types of a frame, none, or a mask, positions or names.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted.
    n_classes_, n_outputs_, n_features_in_, max_features_ : int
        As in :class:`DecisionTreeClassifier`.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        The names of the columns, where X had any.
    tree_ : MultiwayTree
        The tree as arrays.
    feature_importances_ : ndarray of shape (n_features_in_,)
        How much each column lowers the impurity.

    Raises
    ------
    ValueError
        If a parameter or the data make no sense; the message says which and what to do.

    See Also
    --------
    DecisionTreeClassifier : Every setting.

    Notes
    -----
    The rules are those of release 8: a numeric split pays for its threshold, its sides have at least a tenth of the
    average class (2 to 25 samples), a threshold is a value of the table, and the gain ratio decides among the columns
    whose gain is at least average. Cost: ``O(n d log n)`` for each level. scikit-learn has no C4.5.

    References
    ----------
    .. [1] J. R. Quinlan, C4.5: Programs for Machine Learning, 1993
    .. [2] J. R. Quinlan, Improved Use of Continuous Attributes in C4.5, JAIR 4, 1996, https://doi.org/10.1613/jair.279

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skdl.tree import C45Classifier
    >>> X, y = load_iris(return_X_y=True, as_frame=True)
    >>> for rule in C45Classifier().fit(X, y).to_rules()[:2]:
    ...     print(rule)
    if petal width (cm) <= 0.60 then 0 (50/0)
    if petal width (cm) > 0.60 and petal width (cm) <= 1.70 and petal length (cm) <= 4.90 then 1 (48/1)
    """

    _constraints: ClassVar[dict[str, list]] = {
        **_SHARED,
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
    """CART: Gini index, binary splits, subsets of categories, cost-complexity pruning.

    The tree of Breiman, Friedman, Olshen and Stone, pruned from the start.

    Parameters
    ----------
    max_depth : int, default=None
        The most splits between the root and a leaf; None for no limit.
    min_samples_split : int or float, default=2
        A node with less weight is a leaf; a float is a share of the samples.
    min_samples_leaf : int or float, default=1
        No split may leave fewer samples on one side; a float is a share of the samples.
    ccp_alpha : float, default=0.01
        A subtree stays if each of its leaves lowers the impurity by more than this.
    min_weight_fraction_leaf : float, default=0.0
        The same as a share of the total weight.
    class_weight : dict, "balanced" or None, default=None
        Weights of the classes.
    random_state : int, RandomState or None, default=None
        Not used; nothing is drawn.
    categorical_features : "from_dtype", None or array-like, default="from_dtype"
        Which columns hold categories: by the types of a frame, none, or a mask, positions or names.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted.
    n_classes_, n_outputs_, n_features_in_, max_features_ : int
        As in :class:`DecisionTreeClassifier`.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        The names of the columns, where X had any.
    tree_ : Tree
        The tree as arrays.
    feature_importances_ : ndarray of shape (n_features_in_,)
        How much each column lowers the impurity.

    Raises
    ------
    ValueError
        If a parameter or the data make no sense; the message says which and what to do.

    See Also
    --------
    DecisionTreeClassifier : Every setting.

    Notes
    -----
    Cost as in :class:`DecisionTreeClassifier`, whose tree it is with ``ccp_alpha=0.01``. The book chooses alpha by
    cross-validation: search over ``ccp_alpha`` (a grid of alphas costs one tree for each fold here). Missing values
    learn their side; the book's surrogate splits are not made.

    References
    ----------
    .. [1] L. Breiman, J. Friedman, R. Olshen, C. Stone, Classification and Regression Trees, 1984,
       https://doi.org/10.1201/9781315139470

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skdl.tree import CARTClassifier
    >>> CARTClassifier().fit(*load_iris(return_X_y=True)).get_n_leaves()
    5
    """

    _constraints: ClassVar[dict[str, list]] = {
        **_SHARED,
        "ccp_alpha": COMMON_CONSTRAINTS["ccp_alpha"],
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
