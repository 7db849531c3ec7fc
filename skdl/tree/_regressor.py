"""Decision tree regressor."""

from typing import ClassVar

import numpy as np
from sklearn.base import RegressorMixin

from skdl.tree._base import COMMON_CONSTRAINTS, BaseDecisionTree
from skdl.utils import Options

__all__ = ["DecisionTreeRegressor"]


class DecisionTreeRegressor(RegressorMixin, BaseDecisionTree):
    """Decision tree regressor."""

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
                f"{type(self).__name__} predicts numbers, but y holds {y.dtype} values that are none; encode them, or use "
                "DecisionTreeClassifier."
            ) from None
        if self.criterion == "poisson":
            if (y < 0.0).any():
                row = int((y < 0.0).any(axis=1).argmax())
                raise ValueError(f"y[{row}] is negative, which the criterion 'poisson' does not allow.")
            if not y.sum() > 0.0:
                raise ValueError("All targets are zero, which the criterion 'poisson' does not allow.")
        centre = np.zeros(y.shape[1])
        # A power of two changes no digit; it keeps squares and sums of huge or tiny targets in range.
        largest = np.abs(y).max()
        exponent = int(np.frexp(largest)[1]) if largest > 0.0 else 0
        scale = np.full(y.shape[1], 2.0**exponent if exponent < 1024 else 2.0**1023)
        target = y / scale
        if self.criterion != "poisson":
            centre_of_scaled = target.min(axis=0) / 2.0 + target.max(axis=0) / 2.0
            target = target - centre_of_scaled
            centre = centre_of_scaled * scale
        return np.empty((len(y), 0), dtype=np.int32), target, np.ones(y.shape[1], dtype=np.int64), centre, scale

    def _class_weight_of(self, y):
        return None

    def _loss(self, tree, node, training, row):
        weight = training.samples.weight[row, None] if len(training.samples.weight) else 1.0
        target = training.samples.target[row] * training.scale + training.centre
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
        encoded = self._encoded(X)
        value = self.tree_.value[:, :, 0][self.tree_.apply(encoded)]  # (n, n_outputs)
        return value[:, 0] if self.n_outputs_ == 1 else value
