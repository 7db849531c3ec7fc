"""What all metric learners share: a linear map, the distance that it makes, and kernels.

A learner finds L, and the distance of two rows is the length of ``L (a - b)``. With a kernel, L stands on the
components of kernel PCA, which is the same as learning in the kernel's space.
"""

from functools import partial
from typing import Any, ClassVar

import numpy as np
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin, clone
from sklearn.decomposition import KernelPCA
from sklearn.utils.validation import check_is_fitted, has_fit_parameter

from skdl.base import Estimator, take_rows
from skdl.utils import Interval, encode_classes, to_host, validate_sample_weight, validate_X, validate_X_y

_LABELS, _NUMBERS = "labels", "numbers"


class MetricLearner(ClassNamePrefixFeaturesOutMixin, TransformerMixin, Estimator):
    """A transformer whose output space has the learnt distance as its Euclidean one.

    Subclasses say in ``_target`` what they learn from and implement ``_learn``.
    """

    _target: ClassVar[str | None] = _LABELS
    _constraints = {
        "n_components": [Interval("int", 1, None), None],
        "kernel": [str, callable, None],
        "kernel_params": [dict, None],
    }

    def _learn(self, X: np.ndarray, y, weight: np.ndarray | None) -> dict[str, Any]:
        """Return the fitted attributes; "components_" may have more rows than are kept.

        ``weight`` is None for a learner whose ``fit`` takes no ``sample_weight``.
        """
        raise AssertionError("a learner implements this")  # pragma: no cover

    def fit(self, X, y=None):
        """Learn the metric.

        Parameters
        ----------
        X : array-like, frame or tensor of shape (n_samples, n_features)
            The samples.
        y : array-like of shape (n_samples,), default=None
            What is to be near: labels, or numbers for a learner of regression. Ignored by learners that need none.

        Returns
        -------
        self
        """
        return self._finish(self._learn(*self._begin(X, y)))

    def _begin(self, X, y=None, sample_weight=None, *, target=True):
        """Check parameters and data; return float64 rows, in the kernel's space if there is one, codes and weights.

        Rows of weight zero are left out.
        """
        self._check_parameters()
        options: dict[str, Any] = {"ensure_min_samples": 2, "order": "C"}
        if self._target is None or not target:
            X = validate_X(self, X, reset=True, **options)
        else:
            if y is None:
                raise ValueError(
                    f"{type(self).__name__} requires y to be passed, but the target y is None: it learns from "
                    + ("labels." if self._target == _LABELS else "numbers.")
                )
            X, y = validate_X_y(self, X, y, y_numeric=self._target == _NUMBERS, **options)
        weight = validate_sample_weight(sample_weight, len(X))
        if weight is not None and not weight.all():
            kept = weight > 0
            X, weight = X[kept], weight[kept]
            y = None if y is None else y[kept]
        if self._target == _LABELS and target:
            y = encode_classes(y, owner=type(self).__name__)[1]
        self._dtype = str(X.dtype)
        return self._lift(X.astype(np.float64)), y, weight

    def _lift(self, X: np.ndarray) -> np.ndarray:
        """Fit the kernel's space where one is asked for, and check ``n_components``."""
        self._kernel_map = None
        if self.kernel is not None:
            params = {"n_components": None, "remove_zero_eig": True, **(self.kernel_params or {})}
            self._kernel_map = KernelPCA(kernel=self.kernel, **params).fit(X)
            X = np.ascontiguousarray(self._kernel_map.transform(X))
        check_n_components(
            self, X.shape[1], "columns of X" if self.kernel is None else "components of the kernel's space"
        )
        return X

    def _finish(self, learnt: dict[str, Any]):
        for name, value in learnt.items():
            setattr(self, name, value)
        kept = slice(self.n_components)
        self.components_ = np.ascontiguousarray(learnt["components_"][kept]).astype(self._dtype)
        return self

    def _embed(self, X) -> np.ndarray:
        """Validated rows in the space in which ``components_`` stand."""
        return X if self._kernel_map is None else self._kernel_map.transform(X).astype(X.dtype, copy=False)

    def transform(self, X):
        """Map rows to where the learnt distance is the Euclidean one.

        Parameters
        ----------
        X : array-like, frame or tensor of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        ndarray of shape (n_samples, n_components)
        """
        check_is_fitted(self)
        X = self._embed(validate_X(self, X))
        with np.errstate(over="ignore", invalid="ignore"):
            rows = X @ self.components_.T
        if not np.isfinite(rows).all():
            raise ValueError(
                f"{type(self).__name__} cannot transform row {int(np.argmin(np.isfinite(rows).all(axis=1)))} of X: its "
                "products overflow. Scale X (sklearn.preprocessing.StandardScaler in a pipeline before it)."
            )
        return rows

    def pair_distance(self, X, Y):
        """Compute the learnt distance of each row of X to the same row of Y.

        Parameters
        ----------
        X, Y : array-like, frame or tensor of shape (n_pairs, n_features)
            The first and the second rows of the pairs.

        Returns
        -------
        ndarray of shape (n_pairs,)
        """
        return row_distances(self.transform(X), self.transform(Y))

    def get_metric(self):
        """Return the learnt distance as a function of two vectors.

        Returns
        -------
        callable
            Takes two vectors of ``n_features`` numbers and returns their distance; fit for the ``metric`` of
            scikit-learn's estimators.
        """
        check_is_fitted(self)
        return partial(_distance, self.components_, self._kernel_map)

    def get_mahalanobis_matrix(self):
        """Return the matrix of the learnt distance.

        Returns
        -------
        ndarray of shape (n_features, n_features)
            ``M = L' L``; the squared distance is ``(a - b)' M (a - b)``.
        """
        check_is_fitted(self)
        return self.components_.T @ self.components_

    @property
    def _n_features_out(self) -> int:
        return self.components_.shape[0]

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.required = self._target is not None
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


class WeightedLearner(MetricLearner):
    """A learner in which a weight of a row means that the row is there so many times."""

    def fit(self, X, y=None, sample_weight=None):
        """Learn the metric.

        Parameters
        ----------
        X : array-like, frame or tensor of shape (n_samples, n_features)
            The samples.
        y : array-like of shape (n_samples,), default=None
            Their labels; there must be some.
        sample_weight : array-like of shape (n_samples,), default=None
            How often each row counts; None counts each once. The space of a kernel is found without weights.

        Returns
        -------
        self
        """
        return self._finish(self._learn(*self._begin(X, y, sample_weight)))


class SharedLearner(MetricLearner):
    """A learner that solves its problem once for every ``n_components``: fewer are the first rows of all."""

    def _fit_family(self, X, y=None, *, candidates, splits, sample_weight=None):
        """Learn once for each split and setting; members that differ in ``n_components`` alone share what is learnt."""
        if sample_weight is not None and not has_fit_parameter(self, "sample_weight"):
            raise TypeError(f"{type(self).__name__}.fit takes no sample_weight.")
        for split_index, rows in enumerate(splits):
            data = [take_rows(part, rows) for part in (X, y, sample_weight)]
            known: list[tuple[dict, dict]] = []
            for candidate_index, candidate in enumerate(candidates):
                member = clone(self).set_params(**clone(dict(candidate), safe=False))
                setting = {name: value for name, value in member.get_params().items() if name != "n_components"}
                # Otherwise than by a seed that moves on, equal settings learn the same.
                fixed = not isinstance(setting.get("random_state", 0), np.random.RandomState | None)
                try:
                    begun = member._begin(*data)
                    learnt = next((done for other, done in known if fixed and repr(other) == repr(setting)), None)
                    if learnt is None:
                        learnt = member._learn(*begun)
                        known.append((setting, learnt))
                    member._finish(learnt)
                except ValueError:
                    # Left out: fitted alone, it says why.
                    continue
                yield candidate_index, split_index, member


def row_distances(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """The distance of each row ``(n, h)`` to the same row of the other array ``(n, h)``."""
    if len(first) != len(second):
        raise ValueError(f"X has {len(first)} rows and Y {len(second)}: pass one row of Y for each row of X.")
    return np.linalg.norm(first - second, axis=1)


def _distance(components, kernel_map, first, second) -> float:
    pair = np.array([first, second], dtype=np.float64)
    if kernel_map is not None:
        pair = kernel_map.transform(pair)
    return float(np.linalg.norm(components @ (pair[0] - pair[1])))


def check_n_components(learner, most: int, where: str) -> None:
    """Raise an error where more components are asked for than there are."""
    if learner.n_components is not None and learner.n_components > most:
        raise ValueError(
            f"n_components={learner.n_components} of {type(learner).__name__} is more than the {most} {where}; "
            "lower it, or use None."
        )


def check_indices(owner: str, name: str, indices, shape_end: int, n_rows: int) -> np.ndarray:
    """Return pairs or triplets of row numbers as an array of int64."""
    array = np.asarray(to_host(indices))
    if array.ndim != 2 or array.shape[1] != shape_end or not len(array) or array.dtype.kind not in "iu":
        raise ValueError(
            f"{name} of {owner} must be an array of ints of shape (n, {shape_end}), row numbers of X, with n >= 1; got "
            f"dtype {array.dtype} and shape {array.shape}."
        )
    bad = (array < 0) | (array >= n_rows)
    if bad.any():
        row, column = np.argwhere(bad)[0]
        raise ValueError(
            f"{name}[{row}, {column}] is {array[row, column]}, but X has the rows 0 to {n_rows - 1}: "
            "check how X was cut."
        )
    return array.astype(np.int64)
