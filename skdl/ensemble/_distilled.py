"""Distillation: a small network that learns what a large model says."""

from typing import Any, ClassVar

import numpy as np
from sklearn.base import ClassifierMixin, MetaEstimatorMixin, clone, is_classifier
from sklearn.utils import check_consistent_length, get_tags
from sklearn.utils.validation import check_is_fitted

from skdl.base import Estimator
from skdl.ensemble._bagging_base import random_states
from skdl.ensemble._combine import SMALLEST
from skdl.ensemble._members import ask, blame, learn_columns, some_samples
from skdl.utils import Interval, draw_seed, encode_classes, explained, validate_sample_weight, validate_y


def soften(probability: np.ndarray, temperature: float) -> np.ndarray:
    """Return probabilities at a temperature: those whose logarithms are divided by it.

    Parameters
    ----------
    probability : ndarray of shape (n, K)
        At temperature 1.
    temperature : float
        Above 1 brings them closer together.

    Returns
    -------
    ndarray of shape (n, K)
    """
    logits = np.log(np.maximum(probability, SMALLEST)) / temperature
    softened = np.exp(logits - logits.max(axis=1, keepdims=True))
    return softened / softened.sum(axis=1, keepdims=True)


class DistilledClassifier(ClassifierMixin, MetaEstimatorMixin, Estimator):
    """A small network that is fitted to what a teacher says of the training samples, and to their labels.

    Use it where an ensemble or a wide network predicts well but is too slow or too large to be used: which
    wrong classes the teacher thinks likely tells the student more than a label does.

    Parameters
    ----------
    teacher : classifier
        Anything with ``predict_proba``: an ensemble, a wide network, a forest.
    student : classifier of skdl.neural
        What is left in the end.
    temperature : float, default=2.0
        What the logits of both are divided by before they are compared: the higher, the more the small probabilities
        matter.
    alpha : float, default=0.9
        How much the teacher counts, from 0 (labels alone) to 1 (teacher alone). Its part of the loss is multiplied by
        the square of the temperature, so that its gradients keep their size.
    prefit : bool, default=False
        Whether the teacher is fitted already. It is then taken as it is and not cloned.
    random_state : int, RandomState or None, default=None
        Draws seeds for teacher and student; None leaves them their own.

    Attributes
    ----------
    teacher_ : classifier
        The fitted teacher.
    student_ : classifier
        The fitted student, which can be kept alone.
    classes_ : ndarray of shape (n_classes,)
        The labels.
    n_features_in_ : int
        The number of features.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, where X was a frame with names.

    Raises
    ------
    ValueError
        For bad parameters and data, and if a fitted teacher does not know the same classes as ``y``.

    See Also
    --------
    DeepEnsembleClassifier : A teacher.

    Notes
    -----
    *Cost.* Fitting the teacher, asking it once, and training the student. Predicting costs what the student costs.

    The teacher is asked about the rows that it was fitted on. One that knows them by heart, nearest neighbours say or a
    tree grown to the end, has nothing to add to their labels: fit it on other rows, and set ``prefit``.

    The probabilities at a temperature are computed from those at 1, as ``p**(1/temperature)`` normalized, so that any
    classifier can teach.

    References
    ----------
    Hinton, G., Vinyals, O. & Dean, J. (2015). Distilling the knowledge in a neural network.
    https://doi.org/10.48550/arXiv.1503.02531

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skdl.ensemble import DeepEnsembleClassifier, DistilledClassifier
    >>> from skdl.neural import MLPClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> teacher = DeepEnsembleClassifier(MLPClassifier((32,), lr=0.02), n_members=5)
    >>> distilled = DistilledClassifier(teacher, MLPClassifier((8,), lr=0.05), random_state=0).fit(X, y)
    >>> bool(distilled.score(X, y) > 0.9)
    True
    >>> type(distilled.student_).__name__
    'MLPClassifier'
    """

    _constraints: ClassVar[dict[str, list]] = {
        "temperature": [Interval("real", 0, None, closed="neither")],
        "alpha": [Interval("real", 0, 1)],
        "prefit": [bool],
    }

    def __init__(self, teacher, student, temperature=2.0, alpha=0.9, *, prefit=False, random_state=None):
        self.teacher = teacher
        self.student = student
        self.temperature = temperature
        self.alpha = alpha
        self.prefit = prefit
        self.random_state = random_state

    def _check_parameters(self) -> None:
        super()._check_parameters()
        owner = type(self).__name__
        for role in ("teacher", "student"):
            model = getattr(self, role)
            if not hasattr(model, "fit") or isinstance(model, type) or not is_classifier(model):
                raise ValueError(f"{role} of {owner} must be an instance of a classifier; got {model!r}.")
        if not hasattr(self.student, "_fit_distilled"):
            raise ValueError(
                f"student of {owner} must be a classifier of skdl.neural, which learns from probabilities; "
                f"got {self.student!r}."
            )
        if not hasattr(self.teacher, "predict_proba"):
            raise ValueError(
                f"teacher of {owner} must have predict_proba, which {type(self.teacher).__name__} lacks: wrap it in "
                "sklearn.calibration.CalibratedClassifierCV, say."
            )

    def fit(self, X, y, sample_weight=None):
        """Fit the teacher, unless it is fitted, and the student to what it says.

        Parameters
        ----------
        X : array-like, frame or tensor of shape (n_samples, n_features)
            The training samples.
        y : array-like of shape (n_samples,)
            The labels.
        sample_weight : array-like of shape (n_samples,), default=None
            How much each sample counts, for the teacher and for the student.

        Returns
        -------
        self
            The fitted estimator.
        """
        self._check_parameters()
        X = some_samples(self, X)
        y = validate_y(self, y)
        with explained(self, X, y):
            check_consistent_length(X, y)
        classes, _ = encode_classes(y, owner=type(self).__name__, min_classes=2)
        weight = validate_sample_weight(sample_weight, len(y))
        seed: Any = None if self.random_state is None else draw_seed(self.random_state) % (2**32)
        teacher = self.teacher
        if self.prefit:
            with blame(self, "teacher", teacher):
                check_is_fitted(teacher)
        else:
            teacher = clone(teacher)
            if seed is not None:
                teacher.set_params(**random_states(teacher, seed))
            params = {} if weight is None else {"sample_weight": weight}
            with blame(self, "teacher", teacher, X, y):
                teacher.fit(X, y, **params)
        if not np.array_equal(teacher.classes_, classes):
            raise ValueError(
                f"The teacher of {type(self).__name__} knows the classes {np.asarray(teacher.classes_).tolist()}, "
                f"but y holds {classes.tolist()}: they must be the same."
            )
        said = soften(np.asarray(ask(self, "teacher", teacher, X, "predict_proba")), self.temperature)
        student = clone(self.student)
        if seed is not None:
            student.set_params(**random_states(student, seed))
        with blame(self, "student", student, X, y):
            student._fit_distilled(X, y, said, temperature=self.temperature, share=self.alpha, sample_weight=weight)
        self.teacher_ = teacher
        self.student_ = student
        learn_columns(self, student)
        return self

    def predict(self, X):
        """Predict the class that the student thinks most probable.

        Parameters
        ----------
        X : array-like, frame or tensor of shape (n_samples, n_features)
            The samples.

        Returns
        -------
        ndarray of shape (n_samples,)
            Labels.
        """
        check_is_fitted(self)
        return ask(self, "student", self.student_, X, "predict")

    def predict_proba(self, X):
        """Predict the probability that the student gives each class.

        Parameters
        ----------
        X : array-like, frame or tensor of shape (n_samples, n_features)
            The samples.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            In the order of ``classes_``.
        """
        check_is_fitted(self)
        return ask(self, "student", self.student_, X, "predict_proba")

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "student_")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        both = [
            model for model in (self.teacher, self.student) if hasattr(model, "fit") and not isinstance(model, type)
        ]
        inner = [get_tags(model).input_tags for model in both]
        tags.input_tags.sparse = all(item.sparse for item in inner)
        tags.input_tags.allow_nan = all(item.allow_nan for item in inner)
        return tags
