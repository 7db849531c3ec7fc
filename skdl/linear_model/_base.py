"""What the linear models share: predicting from ``coef_`` and ``intercept_``."""

from typing import Any

import numpy as np
import scipy.sparse as sp
from scipy.special import expit, log_expit, log_softmax, softmax
from sklearn.base import ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from skdl.base import Estimator
from skdl.kernels.tensors import as_tensor
from skdl.utils import validate_X

# From how many values on a product is torch's.
_LARGE = 1 << 16


def copy_columns(source, target) -> None:
    """Let a sibling that is fitted to the same samples know their columns."""
    for name in ("n_features_in_", "feature_names_in_"):
        if hasattr(source, name):
            setattr(target, name, getattr(source, name))


class LinearPredictor(Estimator):
    """A model whose output is ``X @ coef_.T + intercept_``; it takes sparse matrices."""

    def _linear_output(self, X) -> np.ndarray:
        check_is_fitted(self)
        X = validate_X(self, X, accept_sparse="csr")
        # The product in the type of X: a float64 row on a float32 model keeps its digits.
        weights = self.coef_.astype(X.dtype, copy=False)
        if not sp.issparse(X) and not sp.issparse(weights) and X.flags.c_contiguous and X.size > _LARGE:
            # NumPy's threads wait for more work at full load, and hold up those of a search meanwhile.
            product = (as_tensor(X, "cpu") @ as_tensor(weights.T, "cpu")).numpy()
        else:
            product = X @ weights.T
            product = product.toarray() if sp.issparse(product) else np.asarray(product)
        return product + np.asarray(self.intercept_, dtype=X.dtype)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


class LinearClassifier(ClassifierMixin, LinearPredictor):
    """A classifier with one linear function for each class, or one in all for two classes."""

    coef_: Any  # (1, d) or (n_classes, d), an ndarray but after `sparsify`

    def sparsify(self):
        """Turn ``coef_`` into a sparse matrix, which takes less memory where an l1 penalty left few coefficients.

        Predictions stay the same. A fit that goes on from these coefficients makes them dense again.

        Returns
        -------
        self
        """
        check_is_fitted(self)
        self.coef_ = sp.csr_matrix(self.coef_)
        return self

    def densify(self):
        """Turn ``coef_`` back into an array, as ``fit`` leaves it.

        Returns
        -------
        self
        """
        check_is_fitted(self)
        if sp.issparse(self.coef_):
            self.coef_ = self.coef_.toarray()
        return self

    def _coefficients_before(self) -> tuple:
        """Dense coefficients and intercepts to go on from."""
        self.densify()
        return self.coef_, self.intercept_

    def decision_function(self, X) -> np.ndarray:
        """Compute the linear functions.

        Parameters
        ----------
        X : array-like, frame, tensor or sparse matrix of shape (n, d)
            The samples.

        Returns
        -------
        ndarray of shape (n,) for two classes, (n, n_classes) for more
            With two classes, positive values speak for ``classes_[1]``.
        """
        scores = self._linear_output(X)
        return scores[:, 0] if scores.shape[1] == 1 else scores

    def predict(self, X) -> np.ndarray:
        """Predict the class of each sample.

        Parameters
        ----------
        X : array-like, frame, tensor or sparse matrix of shape (n, d)
            The samples.

        Returns
        -------
        ndarray of shape (n,)
        """
        scores = self.decision_function(X)
        codes = (scores > 0).astype(np.intp) if scores.ndim == 1 else scores.argmax(axis=1)
        return self.classes_[codes]


class ProbabilisticLinearClassifier(LinearClassifier):
    """A linear classifier whose outputs are logits."""

    @property
    def _separate_logits(self) -> bool:
        """Whether each class has a probability of its own that is normalized afterwards, as in one-vs-rest."""
        return False

    def predict_proba(self, X) -> np.ndarray:
        """Predict the probability of each class.

        Parameters
        ----------
        X : array-like, frame, tensor or sparse matrix of shape (n, d)
            The samples.

        Returns
        -------
        ndarray of shape (n, n_classes)
            In the order of ``classes_``; each row sums to one.
        """
        scores = self.decision_function(X)
        if scores.ndim == 1:
            return np.stack([expit(-scores), expit(scores)], axis=1)
        if self._separate_logits:
            return np.exp(_normalized(log_expit(scores)))
        return softmax(scores, axis=1)

    def predict_log_proba(self, X) -> np.ndarray:
        """Predict the logarithm of the probability of each class.

        It is computed from the logits, so that a probability that underflows to zero still has a finite logarithm.

        Parameters
        ----------
        X : array-like, frame, tensor or sparse matrix of shape (n, d)
            The samples.

        Returns
        -------
        ndarray of shape (n, n_classes)
        """
        scores = self.decision_function(X)
        if scores.ndim == 1:
            return np.stack([log_expit(-scores), log_expit(scores)], axis=1)
        if self._separate_logits:
            return _normalized(log_expit(scores))
        return log_softmax(scores, axis=1)


def _normalized(logs: np.ndarray) -> np.ndarray:
    top = logs.max(axis=1, keepdims=True)
    return logs - (top + np.log(np.exp(logs - top).sum(axis=1, keepdims=True)))
