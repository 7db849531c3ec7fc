"""What ensembles of one estimator share: its checks, its seeds, and what its fitted copies know of the data."""

from typing import Any, ClassVar

import numpy as np
from sklearn.base import ClassifierMixin, MetaEstimatorMixin, RegressorMixin, clone, is_classifier, is_regressor
from sklearn.utils import check_consistent_length, check_random_state, get_tags
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping
from sklearn.utils.validation import check_is_fitted

from skdl.base import Estimator
from skdl.ensemble._bagging_base import random_states
from skdl.ensemble._members import ask, blame, some_samples
from skdl.utils import Interval, encode_classes, explained, to_host, validate_sample_weight, validate_y

_LARGEST = np.iinfo(np.int32).max


class FromOne(MetaEstimatorMixin, Estimator):
    """Base of the ensembles that are made of one estimator, ``estimator``."""

    estimator: Any
    random_state: Any
    _constraints: ClassVar[dict[str, list]] = {"verbose": [bool, Interval("int", 0, None)]}
    # Parameters that the last step of the estimator must have.
    _needs: ClassVar[tuple[str, ...]] = ()

    def _check_parameters(self) -> None:
        super()._check_parameters()
        owner, estimator = type(self).__name__, self.estimator
        fits = hasattr(estimator, "fit") and hasattr(estimator, "get_params") and not isinstance(estimator, type)
        if not fits or not (is_classifier(estimator) if is_classifier(self) else is_regressor(estimator)):
            kind = "classifier" if is_classifier(self) else "regressor"
            raise ValueError(f"estimator of {owner} must be an instance of a {kind}; got {estimator!r}.")
        missing = [name for name in self._needs if name not in estimator.get_params(deep=False)]
        if missing:
            raise ValueError(
                f"estimator of {owner} must be a network of skdl.neural, with the parameters {list(self._needs)}; "
                f"{type(estimator).__name__} lacks {missing}."
            )

    def _data(self, X, y, sample_weight) -> tuple:
        """Check what the members do not: that there are rows, and as many targets and weights."""
        X = some_samples(self, X)
        y = validate_y(self, y, multi_output=True, y_numeric=not is_classifier(self))
        if is_classifier(self) and y.ndim == 1:
            encode_classes(y, owner=type(self).__name__)
        with explained(self, X, y):
            check_consistent_length(X, y)
        return X, y, validate_sample_weight(sample_weight, len(y))

    def _seeded(self):
        """A clone of the estimator; where ``random_state`` is not None, with seeds drawn by it."""
        estimator = clone(self.estimator)
        if self.random_state is None:
            return estimator
        seed = check_random_state(self.random_state).randint(_LARGEST)
        return estimator.set_params(**random_states(estimator, seed))

    def _fit_one(self, estimator, X, y, sample_weight):
        params = {} if sample_weight is None else {"sample_weight": sample_weight}
        with blame(self, "estimator", estimator, X, y):
            return estimator.fit(X, y, **params)

    def get_metadata_routing(self):
        """Say that metadata of ``fit`` go to the estimator.

        Returns
        -------
        sklearn.utils.metadata_routing.MetadataRouter
        """
        mapping = MethodMapping().add(caller="fit", callee="fit")
        return MetadataRouter(owner=type(self).__name__).add(estimator=self.estimator, method_mapping=mapping)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        if hasattr(self.estimator, "fit") and not isinstance(self.estimator, type):
            inner = get_tags(self.estimator)
            tags.input_tags = inner.input_tags
            tags.target_tags = inner.target_tags
            if inner.classifier_tags is not None and tags.classifier_tags is not None:
                tags.classifier_tags = inner.classifier_tags
            if inner.regressor_tags is not None and tags.regressor_tags is not None:
                tags.regressor_tags = inner.regressor_tags
        return tags


class ManyClassifiers(ClassifierMixin):
    """Predictions of a classifier that has ``_answers(X, method)``, what each member says."""

    def predict_proba(self, X):
        """Predict the mean probability of each class.

        Parameters
        ----------
        X : array-like, frame or tensor of shape (n_samples, n_features)
            The samples.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            In the order of ``classes_``; for several labels at once the mean probability of each.
        """
        check_is_fitted(self)
        return np.mean(self._answers(to_host(X), "predict_proba"), axis=0)

    def predict(self, X):
        """Predict the class of the largest mean probability.

        Parameters
        ----------
        X : array-like, frame or tensor of shape (n_samples, n_features)
            The samples.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_labels)
            Labels; for several labels at once a 0/1 indicator matrix.
        """
        shares = self.predict_proba(X)
        return (shares > 0.5).astype(np.int64) if self._several_labels else self.classes_[shares.argmax(axis=1)]


class ManyRegressors(RegressorMixin):
    """Predictions of a regressor that has ``_answers(X, method)``, what each member says."""

    def predict(self, X, return_std=False):
        """Predict the mean of the members, and how far they are apart.

        Parameters
        ----------
        X : array-like, frame or tensor of shape (n_samples, n_features)
            The samples.
        return_std : bool, default=False
            Whether to return the standard deviation over the members, too.

        Returns
        -------
        mean : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        std : ndarray of the same shape
            Only if ``return_std``. It tells of the uncertainty about the model, not of the noise in the targets.
        """
        check_is_fitted(self)
        said = np.asarray(self._answers(to_host(X), "predict"))
        mean = said.mean(axis=0)
        return (mean, said.std(axis=0)) if return_std else mean


def answers_of(owner, members, X, method: str) -> list:
    """Return what each member says; an error names the member by its number.

    Parameters
    ----------
    owner : estimator instance
        The ensemble.
    members : sequence of fitted estimators
        Its members.
    X : object
        Samples.
    method : str
        What to ask.

    Returns
    -------
    list of ndarray
    """
    return [ask(owner, str(position), member, X, method) for position, member in enumerate(members)]
