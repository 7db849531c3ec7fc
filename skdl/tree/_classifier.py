"""Decision tree classifier."""

from typing import ClassVar

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils.class_weight import compute_sample_weight

from skdl.kernels.tree import SLACK, Rules, extra_errors, no_worse_as_leaves
from skdl.tree._base import COMMON_CONSTRAINTS, BaseDecisionTree
from skdl.tree._multiway_tree import MultiwayTree
from skdl.tree._training import label_and_weight
from skdl.utils import Interval, Options, encode_classes

__all__ = ["DecisionTreeClassifier"]

# Settings that have no meaning where a split has many branches.
_NOT_MULTIWAY = {
    "splitter": "best",
    "max_leaf_nodes": None,
    "min_impurity_decrease": 0.0,
    "ccp_alpha": 0.0,
}

# Quinlan's table of normal deviates, between which C4.5 interpolates.
_CONFIDENCE = (0.0, 0.001, 0.005, 0.01, 0.05, 0.10, 0.20, 0.40, 1.0)
_DEVIATE = (4.0, 3.09, 2.58, 2.33, 1.65, 1.28, 0.84, 0.25, 0.0)


def squared_deviate(confidence: float) -> float:
    """The square of the normal deviate at a confidence factor, as C4.5 has it."""
    return float(np.interp(confidence, _CONFIDENCE, _DEVIATE) ** 2)


class DecisionTreeClassifier(ClassifierMixin, BaseDecisionTree):
    """Decision tree classifier: CART, and with other settings ID3 and C4.5.

    The model to take when the rules should be readable, when columns mix numbers, categories and missing values, or as
    the member of an ensemble. Alone, an unpruned tree fits noise: limit it (``max_depth``, ``min_samples_leaf``) or
    prune it (``ccp_alpha``, ``pruning``).

    Parameters
    ----------
    criterion : {"gini", "entropy", "log_loss", "gain_ratio"}, default="gini"
        What a split is to lower. "log_loss" is "entropy" in another name. "gain_ratio" divides the gain in bits by the
        bits of the split itself, among the columns whose gain is at least average (Quinlan).
    splitter : {"best", "random"}, default="best"
        "random" draws one threshold for each column and takes the best of those.
    max_depth : int, default=None
        The most splits between the root and a leaf; None for no limit.
    min_samples_split : int or float, default=2
        A node with fewer samples is a leaf; a float is a share of the samples.
    min_samples_leaf : int or float, default=1
        No split may leave fewer samples on one side; a float is a share of the samples. With
        ``branching="multiway"`` two branches at least must have so much weight.
    min_weight_fraction_leaf : float, default=0.0
        The same for the weight, as a share of the total weight.
    max_features : int, float, {"sqrt", "log2"}, default=None
        How many columns a split looks at, drawn for each node; None for all.
    random_state : int, RandomState or None, default=None
        Decides the draws of "random" and ``max_features`` and the rows held out for reduced-error pruning.
    max_leaf_nodes : int, default=None
        Grow best first until there are so many leaves.
    min_impurity_decrease : float, default=0.0
        A split must lower the impurity by so much, weighted by the node's share of the samples.
    class_weight : dict, list of dict, "balanced" or None, default=None
        Weights of the classes, which multiply ``sample_weight``.
    ccp_alpha : float, default=0.0
        Minimal cost-complexity pruning: a subtree stays if each of its leaves lowers the impurity by more than this.
    monotonic_cst : array-like of int of shape (n_features,), default=None
        1, -1 or 0 for each column: the probability of the second class may only grow, only fall, or do as it likes.
    categorical_features : "from_dtype", None or array-like, default="from_dtype"
        Which columns hold categories: by the types of a frame, none, or a mask, positions or names.
    branching : {"binary", "multiway"}, default="binary"
        "binary" splits numbers at a threshold and categories into two sets; "multiway" gives every category a branch
        and shares samples with a missing value out among the branches (C4.5).
    pruning : {"cost_complexity", "pessimistic", "reduced_error"} or None, default=None
        "cost_complexity" prunes at ``ccp_alpha``, as None does; "pessimistic" is C4.5's error-based pruning on the
        training samples; "reduced_error" cuts what does not help on samples held out from the growing.
    confidence_factor : float, default=0.25
        For "pessimistic": the smaller, the smaller the tree; at most 0.5.
    subtree_raising : bool, default=True
        For "pessimistic" with many branches: a node may be replaced by its largest branch.
    validation_fraction : float, default=0.25
        For "reduced_error": the share of the samples that is held out.
    max_bins : int, None or "auto", default="auto"
        Cut each numeric column into at most so many bins (2 to 255) first; None looks at every value; "auto" takes 255
        bins from 100,000 samples on. With few distinct values both give the same tree. The bins are counted in
        histograms for "gini" and "entropy", with weights and several outputs too; with categories, ``max_features``,
        "random", "gain_ratio", ``monotonic_cst`` or ``max_leaf_nodes`` they are sorted, which costs what None costs.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,), or list of ndarray
        The labels, sorted; one array for each output where there are several.
    n_classes_ : int or ndarray of shape (n_outputs,)
        How many there are.
    n_outputs_ : int
        The number of columns of y.
    n_features_in_ : int
        The number of columns of X.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, where X had any.
    max_features_ : int
        How many columns a split looks at.
    tree_ : Tree or MultiwayTree
        The tree as arrays, named as scikit-learn names them.
    feature_importances_ : ndarray of shape (n_features_in_,)
        How much each column lowers the impurity.

    Raises
    ------
    ValueError
        If a parameter or the data make no sense; the message says which and what to do.

    Notes
    -----
    Cost: ``O(n d log n)`` once for sorting and ``O(n d)`` for each level; 8 n d bytes. With bins n d bytes. Neither X
    nor its bins are kept, and a family (:func:`skdl.base.fit_family`) holds them for the trees in work alone, however
    many members it has; all its splits are sorted from one ranking of X (4 n d bytes), and members of large splits are
    grown in parallel threads. The first fit on a machine compiles the growers, which takes up to a minute; the first
    in a process loads them in less than a second.

    Differences from scikit-learn: X is not rounded to float32, and values closer than 1e-7 can be told apart. A tie
    goes to the first column and the lowest threshold instead of a random one, so the tree does not depend on
    ``random_state`` unless something is drawn. Nodes are pure when their labels agree, whatever rounding says. Sparse X
    is not taken.

    References
    ----------
    .. [1] L. Breiman, J. Friedman, R. Olshen, C. Stone, Classification and Regression Trees, 1984,
       https://doi.org/10.1201/9781315139470
    .. [2] J. R. Quinlan, Induction of Decision Trees, Machine Learning 1, 1986, https://doi.org/10.1007/BF00116251
    .. [3] J. R. Quinlan, C4.5: Programs for Machine Learning, 1993

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skdl.tree import DecisionTreeClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> tree = DecisionTreeClassifier(max_depth=3).fit(X, y)
    >>> tree.predict(X[[0, 60, 120]])
    array([0, 1, 2])
    >>> round(tree.score(X, y), 3)
    0.973
    """

    _constraints: ClassVar[dict[str, list]] = {
        "criterion": [Options("gini", "entropy", "log_loss", "gain_ratio")],
        **COMMON_CONSTRAINTS,
        "branching": [Options("binary", "multiway")],
        "pruning": [Options("cost_complexity", "pessimistic", "reduced_error"), None],
        "confidence_factor": [Interval("real", 0.0, 0.5, "right")],
        "subtree_raising": [bool],
        "class_weight": [dict, list, Options("balanced"), None],
    }

    def __init__(
        self,
        *,
        criterion="gini",
        splitter="best",
        max_depth=None,
        min_samples_split=2,
        min_samples_leaf=1,
        min_weight_fraction_leaf=0.0,
        max_features=None,
        random_state=None,
        max_leaf_nodes=None,
        min_impurity_decrease=0.0,
        class_weight=None,
        ccp_alpha=0.0,
        monotonic_cst=None,
        categorical_features="from_dtype",
        branching="binary",
        pruning=None,
        confidence_factor=0.25,
        subtree_raising=True,
        validation_fraction=0.25,
        max_bins="auto",
    ):
        self.criterion = criterion
        self.splitter = splitter
        self.max_depth = max_depth
        self.min_samples_split = min_samples_split
        self.min_samples_leaf = min_samples_leaf
        self.min_weight_fraction_leaf = min_weight_fraction_leaf
        self.max_features = max_features
        self.random_state = random_state
        self.max_leaf_nodes = max_leaf_nodes
        self.min_impurity_decrease = min_impurity_decrease
        self.class_weight = class_weight
        self.ccp_alpha = ccp_alpha
        self.monotonic_cst = monotonic_cst
        self.categorical_features = categorical_features
        self.branching = branching
        self.pruning = pruning
        self.confidence_factor = confidence_factor
        self.subtree_raising = subtree_raising
        self.validation_fraction = validation_fraction
        self.max_bins = max_bins

    def _encode_targets(self, y):
        pairs = [encode_classes(y[:, k], owner=type(self).__name__) for k in range(y.shape[1])]
        classes, codes = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
        sizes = [len(values) for values in classes]
        single = len(classes) == 1
        self.classes_ = classes[0] if single else classes
        self.n_classes_ = sizes[0] if single else np.array(sizes)
        label = np.stack(codes, axis=1).astype(np.int32)
        n_classes = np.array(sizes)
        return label, np.empty((len(y), 0)), n_classes, np.ones(len(sizes))

    def _class_weight_of(self, y):
        return None if self.class_weight is None else compute_sample_weight(self.class_weight, y)

    def _signs_of_first_statistic(self, signs):
        if self.n_classes_ > 2:
            raise ValueError("Monotonicity constraints are not supported with multiclass classification.")
        return -signs  # the first statistic is the share of the first class, the constraint speaks of the second

    def _grown(self, training, n_threads=1):
        if self.branching == "binary":
            return super()._grown(training, n_threads)
        for name, default in _NOT_MULTIWAY.items():
            if getattr(self, name) != default:
                raise ValueError(
                    f"{name}={getattr(self, name)!r} is not supported with branching='multiway'; leave it at "
                    f"{default!r}."
                )
        if self.n_outputs_ > 1 or self.monotonic_cst is not None or self.max_features is not None:
            raise ValueError(
                "branching='multiway' takes one output, all features and no monotonic constraints; use "
                "branching='binary' for those."
            )
        limits = self._limits(training)
        least = max(float(limits.min_samples_leaf), limits.min_weight_leaf)
        rules = Rules(limits.criterion, limits.max_depth, float(max(limits.min_samples_split, 2 * least)), least)
        label, weight = label_and_weight(training)
        n_classes, n_categories = int(training.n_classes[0]), training.table.n_categories
        return MultiwayTree.grow(training.X(), label, weight, n_classes, n_categories, rules)

    def _pruned(self, tree, training, links=None):
        if isinstance(tree, MultiwayTree) and self.criterion == "gain_ratio":
            tree = tree.without_useless_splits()
        if self.pruning == "pessimistic":
            return self._pruned_pessimistic(tree, training)
        if isinstance(tree, MultiwayTree):
            if self.pruning == "reduced_error":
                rows = training.held_out
                return tree.pruned_by_errors(training.X(rows), label_and_weight(training)[0][rows])
            return tree
        return super()._pruned(tree, training, links)

    def _pruned_pessimistic(self, tree, training):
        """C4.5's error-based pruning; on a binary tree without raising of subtrees."""
        confidence, deviate = float(self.confidence_factor), squared_deviate(self.confidence_factor)
        if isinstance(tree, MultiwayTree):
            label, weight = label_and_weight(training)
            return tree.pruned_pessimistic(training.X(), label, weight, confidence, deviate, bool(self.subtree_raising))
        if self.n_outputs_ > 1:
            raise ValueError("pruning='pessimistic' counts the errors of one output; y has several.")
        weight = tree.weighted_n_node_samples
        wrong = weight * (1.0 - tree.value[:, 0].max(axis=1))
        errors = np.array([e + extra_errors(w, e, confidence, deviate) for w, e in zip(weight, wrong, strict=True)])
        return tree.collapsed(no_worse_as_leaves(tree.children_left, tree.children_right, errors, SLACK))

    def _loss(self, tree, node, training, row):
        weight = training.samples.weight[row, None] if len(training.samples.weight) else 1.0
        wrong = tree.value.argmax(axis=2)[node] != training.samples.label[row]
        return (weight * wrong).sum(axis=1)

    def _values(self, X) -> np.ndarray:
        """Class shares (n, n_outputs, max_n_classes)."""
        tree = self._fitted_tree()
        if isinstance(tree, MultiwayTree):
            return tree.predict_shares(self._encoded(X))[:, None, :]
        return tree.value.take(self._leaves(X), axis=0)

    def predict(self, X):
        """Predict the class of each sample: the one with the greatest share in its leaf.

        Parameters
        ----------
        X : array-like or frame of shape (n_samples, n_features)
            The samples.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs)
        """
        tree = self._fitted_tree()
        if isinstance(tree, MultiwayTree):
            return self.classes_[tree.predict_shares(self._encoded(X)).argmax(axis=1)]
        return tree.cached("labels", self._labels_of_nodes).take(self._leaves(X), axis=0)

    def _labels_of_nodes(self) -> np.ndarray:
        """The label that each node predicts, of shape (n_nodes,) or (n_nodes, n_outputs)."""
        best = self.tree_.value.argmax(axis=2)
        if self.n_outputs_ == 1:
            return self.classes_[best[:, 0]]
        return np.stack([classes[best[:, k]] for k, classes in enumerate(self.classes_)], axis=1)

    def predict_proba(self, X):
        """Predict the shares of the classes in each sample's leaf.

        Parameters
        ----------
        X : array-like or frame of shape (n_samples, n_features)
            The samples.

        Returns
        -------
        ndarray of shape (n_samples, n_classes), or a list of one such array for each output
            The columns are in the order of ``classes_``.
        """
        value = self._values(X)
        if self.n_outputs_ == 1:
            return value[:, 0, :]
        return [value[:, k, : len(classes)] for k, classes in enumerate(self.classes_)]

    def predict_log_proba(self, X):
        """The logarithm of :meth:`predict_proba`.

        Parameters
        ----------
        X : array-like or frame of shape (n_samples, n_features)
            The samples.

        Returns
        -------
        ndarray of shape (n_samples, n_classes), or a list of one such array for each output
        """
        proba = self.predict_proba(X)
        with np.errstate(divide="ignore"):
            return np.log(proba) if self.n_outputs_ == 1 else [np.log(part) for part in proba]

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        binary = self.branching == "binary"
        tags.classifier_tags.multi_label = binary
        tags.target_tags.multi_output = binary
        return tags
