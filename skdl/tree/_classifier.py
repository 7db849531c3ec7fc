"""Decision tree classifier."""

from typing import ClassVar

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils.class_weight import compute_sample_weight

from skdl.tree._base import COMMON_CONSTRAINTS, BaseDecisionTree
from skdl.utils import Options, encode_classes

__all__ = ["DecisionTreeClassifier"]


class DecisionTreeClassifier(ClassifierMixin, BaseDecisionTree):
    """Decision tree classifier."""

    _constraints: ClassVar[dict[str, list]] = {
        "criterion": [Options("gini", "entropy", "log_loss", "gain_ratio")],
        **COMMON_CONSTRAINTS,
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
        self.max_bins = max_bins

    def _encode_targets(self, y):
        classes, codes = zip(*(encode_classes(y[:, k], owner=type(self).__name__) for k in range(y.shape[1])))
        sizes = [len(values) for values in classes]
        single = len(classes) == 1
        self.classes_ = classes[0] if single else list(classes)
        self.n_classes_ = sizes[0] if single else np.array(sizes)
        label = np.stack(codes, axis=1).astype(np.int32)
        n_classes = np.array(sizes)
        return label, np.empty((len(y), 0)), n_classes, np.zeros(len(sizes)), np.ones(len(sizes))

    def _class_weight_of(self, y):
        return None if self.class_weight is None else compute_sample_weight(self.class_weight, y)

    def _signs_of_first_statistic(self, signs):
        if self.n_classes_ > 2:
            raise ValueError("Monotonicity constraints are not supported with multiclass classification.")
        return -signs  # the first statistic is the share of the first class, the constraint speaks of the second

    def _values(self, X) -> np.ndarray:
        encoded = self._encoded(X)
        return self.tree_.value[self.tree_.apply(encoded)]  # (n, n_outputs, max_n_classes)

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
        encoded = self._encoded(X)
        best = self.tree_.value.argmax(axis=2)[self.tree_.apply(encoded)]  # (n, n_outputs)
        if self.n_outputs_ == 1:
            return self.classes_[best[:, 0]]
        columns = [classes[best[:, k]] for k, classes in enumerate(self.classes_)]
        return np.stack(columns, axis=1)

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
        return [value[:, k, :size] for k, size in enumerate(self.n_classes_)]

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
        tags.classifier_tags.multi_label = True
        return tags
