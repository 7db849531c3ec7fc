"""Decision tree regressor."""

from typing import ClassVar

import numpy as np
from sklearn.base import RegressorMixin

from skdl.tree._base import COMMON_CONSTRAINTS, BaseDecisionTree
from skdl.utils import Options

__all__ = ["DecisionTreeRegressor"]


class DecisionTreeRegressor(RegressorMixin, BaseDecisionTree):
    """Decision tree regressor (CART).

    The model to take for readable steps of constants, for columns that mix numbers, categories and missing values, or
    as the member of an ensemble. Alone, an unpruned tree fits noise: limit it or prune it.

    Parameters
    ----------
    criterion : {"squared_error", "friedman_mse", "absolute_error", "poisson"}, default="squared_error"
        What a split is to lower. "friedman_mse" ranks splits as "squared_error" does. "absolute_error" predicts
        medians; "poisson" is half the Poisson deviance, for targets that are not negative.
    splitter : {"best", "random"}, default="best"
        "random" draws one threshold for each column and takes the best of those.
    max_depth : int, default=None
        The most splits between the root and a leaf; None for no limit.
    min_samples_split : int or float, default=2
        A node with fewer samples is a leaf; a float is a share of the samples.
    min_samples_leaf : int or float, default=1
        No split may leave fewer samples on one side; a float is a share of the samples.
    min_weight_fraction_leaf : float, default=0.0
        The same for the weight, as a share of the total weight.
    max_features : int, float, {"sqrt", "log2"}, default=None
        How many columns a split looks at, drawn for each node; None for all.
    random_state : int, RandomState or None, default=None
        Decides the draws of "random" and ``max_features`` and the rows held out for reduced-error pruning.
    max_leaf_nodes : int, default=None
        Grow best first until there are so many leaves.
    min_impurity_decrease : float, default=0.0
        A split must lower the impurity by so much, in units of the criterion.
    ccp_alpha : float, default=0.0
        Minimal cost-complexity pruning, in units of the criterion.
    monotonic_cst : array-like of int of shape (n_features,), default=None
        1, -1 or 0 for each column: the prediction may only grow, only fall, or do as it likes.
    categorical_features : "from_dtype", None or array-like, default="from_dtype"
        Which columns hold categories: by the types of a frame, none, or a mask, positions or names.
    pruning : {"cost_complexity", "reduced_error"} or None, default=None
        "cost_complexity" prunes at ``ccp_alpha``, as None does; "reduced_error" cuts what does not help on samples
        held out from the growing.
    validation_fraction : float, default=0.25
        For "reduced_error": the share of the samples that is held out.
    max_bins : int, None or "auto", default="auto"
        Cut each numeric column into at most so many bins (2 to 255) first; None looks at every value; "auto" takes 255
        bins from 100,000 samples on. The bins are summed up in histograms for "squared_error" and "friedman_mse", with
        weights and several outputs too; with the other criteria, categories, ``max_features``, "random",
        ``monotonic_cst`` or ``max_leaf_nodes`` they are sorted, which costs what None costs.

    Attributes
    ----------
    n_outputs_ : int
        The number of columns of y.
    n_features_in_ : int
        The number of columns of X.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, where X had any.
    max_features_ : int
        How many columns a split looks at.
    tree_ : Tree
        The tree as arrays, named as scikit-learn names them.
    feature_importances_ : ndarray of shape (n_features_in_,)
        How much each column lowers the impurity.

    Raises
    ------
    ValueError
        If a parameter or the data make no sense; the message says which and what to do.

    Notes
    -----
    Cost: ``O(n d log n)`` once for sorting and ``O(n d)`` for each level (``O(n d log n)`` for "absolute_error"); 8 n d
    bytes.

    Differences from scikit-learn: X is not rounded to float32; a tie goes to the first column and the lowest threshold;
    a node is pure when its targets are equal, so that noise in the last digits is not split; "absolute_error" takes
    missing values and the best set of categories is searched in the order of their means only. Impurities are capped at
    the largest float. Sparse X is not taken.

    References
    ----------
    .. [1] L. Breiman, J. Friedman, R. Olshen, C. Stone, Classification and Regression Trees, 1984,
       https://doi.org/10.1201/9781315139470

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from skdl.tree import DecisionTreeRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> tree = DecisionTreeRegressor(max_depth=3).fit(X, y)
    >>> tree.get_n_leaves()
    8
    """

    _constraints: ClassVar[dict[str, list]] = {
        "criterion": [Options("squared_error", "friedman_mse", "absolute_error", "poisson")],
        **COMMON_CONSTRAINTS,
        "pruning": [Options("cost_complexity", "reduced_error"), None],
    }

    def __init__(
        self,
        *,
        criterion="squared_error",
        splitter="best",
        max_depth=None,
        min_samples_split=2,
        min_samples_leaf=1,
        min_weight_fraction_leaf=0.0,
        max_features=None,
        random_state=None,
        max_leaf_nodes=None,
        min_impurity_decrease=0.0,
        ccp_alpha=0.0,
        monotonic_cst=None,
        categorical_features="from_dtype",
        pruning=None,
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
        self.ccp_alpha = ccp_alpha
        self.monotonic_cst = monotonic_cst
        self.categorical_features = categorical_features
        self.pruning = pruning
        self.validation_fraction = validation_fraction
        self.max_bins = max_bins

    def _encode_targets(self, y):
        try:
            y = np.asarray(y, dtype=np.float64)
        except (TypeError, ValueError):
            raise ValueError(
                f"{type(self).__name__} predicts numbers, but y holds {y.dtype} values that are none; encode them, or "
                "use DecisionTreeClassifier."
            ) from None
        if self.criterion == "poisson":
            if (y < 0.0).any():
                row = int((y < 0.0).any(axis=1).argmax())
                raise ValueError(f"y[{row}] is negative, which the criterion 'poisson' does not allow.")
            if not (y > 0.0).any():
                raise ValueError("All targets are zero, which the criterion 'poisson' does not allow.")
        # A power of two changes no digit; it keeps squares and sums of huge or tiny targets in range.
        largest = np.abs(y).max()
        exponent = int(np.frexp(largest)[1]) if largest > 0.0 else 0
        scale = np.full(y.shape[1], 2.0**exponent if exponent < 1024 else 2.0**1023)
        target = y / scale
        return np.empty((len(y), 0), dtype=np.int32), target, np.ones(y.shape[1], dtype=np.int64), scale

    def _class_weight_of(self, y):
        return None

    def _loss(self, tree, node, training, row):
        weight = training.samples.weight[row, None] if len(training.samples.weight) else 1.0
        target = training.samples.target[row] * training.scale
        difference = tree.value[node, :, 0] - target
        loss = np.abs(difference) if self.criterion == "absolute_error" else difference**2
        return (weight * loss).sum(axis=1)

    def predict(self, X):
        """Predict the target of each sample: the mean (the median for absolute error) of its leaf.

        Parameters
        ----------
        X : array-like or frame of shape (n_samples, n_features)
            The samples.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs)
        """
        leaves = self._leaves(X)
        value = self.tree_.value[:, 0, 0] if self.n_outputs_ == 1 else self.tree_.value[:, :, 0]
        return value.take(leaves, axis=0)
