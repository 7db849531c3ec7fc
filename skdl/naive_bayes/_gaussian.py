"""Gaussian naive Bayes."""

import threading
from collections.abc import Iterable

import numpy as np

from skdl.kernels.gaussian import Siblings, gaussian_likelihood, joint_log_likelihood, most_likely
from skdl.kernels.moments import class_moments
from skdl.naive_bayes._base import BaseNaiveBayes, checked_priors, log_of
from skdl.utils import Answers, Interval, resolve_device

__all__ = ["GaussianNB"]

# The smallest variance that a likelihood is computed with: its inverse is still finite.
TINY = 1e-300


def smoothed_variance(moments, var_smoothing):
    """Variances with the smoothing, and the smoothing, in units of ``4**moments.exponent``."""
    epsilon = var_smoothing * moments.overall_variance().max(initial=0.0)
    return moments.variance() + epsilon, epsilon


class GaussianNB(BaseNaiveBayes):
    """Gaussian naive Bayes: in each class every column is normally distributed, independently of the others.

    Use it as a fast baseline for numeric columns, and wherever models must be learnt in one pass over the data, in
    pieces, or in several places and merged.

    Parameters
    ----------
    priors : array-like of shape (n_classes,), default=None
        Prior probabilities of the classes, in the order of ``classes_``; None takes their frequencies in the data.
    var_smoothing : float, default=1e-9
        The part of the largest column variance that is added to every variance.
    device : str or torch.device, default="auto"
        Where to compute: ``"auto"`` takes CUDA where there is a device, else the CPU.

    Attributes
    ----------
    class_count_ : ndarray of shape (n_classes,)
        The number (the weight) of the samples of each class.
    class_prior_ : ndarray of shape (n_classes,)
        The probability of each class.
    classes_ : ndarray of shape (n_classes,)
        The class labels, sorted.
    epsilon_ : float
        What was added to the variances, in the square of the data's unit.
    feature_names_in_ : ndarray of shape (n_features,)
        The names of the columns, where X had names.
    n_features_in_ : int
        The number of columns.
    theta_ : ndarray of shape (n_classes, n_features)
        The mean of each column in each class.
    var_ : ndarray of shape (n_classes, n_features)
        The variance of each column in each class, with ``epsilon_``.

    Raises
    ------
    ValueError
        If X holds NaN or infinity, y one class only, ``priors`` does not fit, or the device cannot be used.

    See Also
    --------
    skdl.base.fit_family : Fits many candidates and splits together.

    Notes
    -----
    Cost: one pass over the data to fit, ``n * d * C`` multiplications to predict; memory beyond the data is of the
    order of ``C * d``.

    Differences from scikit-learn: sums and ``theta_``, ``var_`` are float64 for float32 data too; ``epsilon_`` is taken
    from the weighted variance of all the samples seen, so that weights equal repetition and ``partial_fit`` in any
    pieces gives the model of one ``fit`` (scikit-learn takes the unweighted variance of the last piece). Fits on one
    class alone are refused.

    References
    ----------
    Chan, T. F., Golub, G. H. & LeVeque, R. J. (1983). Algorithms for computing the sample variance: analysis and
    recommendations. The American Statistician 37(3), 242-247. https://doi.org/10.1080/00031305.1983.10483115

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from skdl.naive_bayes import GaussianNB
    >>> X, y = load_wine(return_X_y=True)
    >>> GaussianNB().fit(X, y).score(X, y)
    0.98...
    """

    _constraints = {
        "priors": [None, Iterable],
        "var_smoothing": [Interval("real", 0, None)],
    }

    def __init__(self, *, priors=None, var_smoothing=1e-9, device="auto"):
        self.priors = priors
        self.var_smoothing = var_smoothing
        self.device = device

    def _gather(self, X, codes, weight, n_classes):
        return class_moments(X, codes, weight, n_classes, resolve_device(self.device))

    def _settle(self):
        sums = self._sums
        self.class_count_ = sums.count[:, 0].copy()
        if self.priors is None:
            self.class_prior_ = self.class_count_ / self.class_count_.sum()
        else:
            self.class_prior_ = checked_priors(self.priors, len(self.classes_), type(self).__name__)
        self.theta_ = sums.mean.copy()
        variance, epsilon = self._smoothed()
        with np.errstate(over="ignore"):
            self.var_ = np.ldexp(variance, 2 * sums.exponent)
            self.epsilon_ = float(np.ldexp(epsilon, 2 * sums.exponent))

    _gaps_show = True

    def _joint_log_likelihood(self, X):
        return joint_log_likelihood(X, self._model())

    def _model(self):
        device = resolve_device(self.device)
        return self._device_cache.get(
            ("likelihood", str(device)), lambda: _likelihood(self._sums, self._smoothed()[0], self.class_prior_, device)
        )

    def _smoothed(self):
        smoothing = self.var_smoothing
        return self._device_cache.get(("variance", smoothing), lambda: smoothed_variance(self._sums, smoothing))

    def _most_probable(self, X):
        shared = getattr(self, "_device_cache", None) and self._device_cache.get("shared", lambda: None)
        if shared is not None and self.__sklearn_is_fitted__() and shared.knows(self):
            if not shared.has_checked(X):
                X = self._checked_X(X)
            classes = shared.classify(X, self.var_smoothing)
            if classes is not None:
                return classes
        return super()._most_probable(X)

    def _classified(self, X):
        return most_likely(X, self._model()) or super()._classified(X)

    def _shared_with(self, siblings):
        device = resolve_device(self.device)
        valid = Interval("real", 0, None)
        smoothings = {one.var_smoothing for one in siblings if one.priors is None and valid.accepts(one.var_smoothing)}
        if device.type != "cpu" or len(smoothings) < 2 or self.priors is not None:
            return None
        return SharedLabels(self, smoothings, device)


def _likelihood(sums, variance, prior, device):
    return gaussian_likelihood(sums, np.maximum(variance, TINY), log_of(prior), device)


class SharedLabels:
    """The classes of the last samples that siblings, which differ in their smoothing alone, were asked about.

    Parameters
    ----------
    first : GaussianNB
        A fitted sibling.
    smoothings : set of float
        The smoothings of all.
    device : torch.device
        A CPU.
    """

    def __init__(self, first, smoothings, device):
        self._sums, self._prior = first._sums, first.class_prior_.copy()
        self._smoothings, self._device = smoothings, device
        self._answers = Answers()
        self._lock = threading.Lock()
        self._order: list[float] = []
        self._siblings: Siblings | None = None

    def knows(self, member) -> bool:
        """Return whether a member is still what it was when it was fitted."""
        smoothing = member.var_smoothing
        return smoothing in self._smoothings and np.array_equal(member.class_prior_, self._prior)

    def has_checked(self, X) -> bool:
        """Return whether this very array has been validated, and cannot have changed since."""
        return self._answers.has_seen(X)

    def classify(self, X, smoothing: float):
        """Return the class of each sample as a number; None where rounding might decide, or for few digits."""
        with self._lock:
            if self._siblings is None:
                largest = self._sums.overall_variance().max(initial=0.0)
                epsilon = np.array([one * largest for one in self._smoothings])
                variance = self._sums.variance() + epsilon[:, None, None]  # (S, C, d)
                models = _likelihood(self._sums, variance, self._prior, self._device)
                self._order = [one for one, plain in zip(self._smoothings, models.as_products, strict=True) if plain]
                if not self._order:
                    return None
                self._siblings = Siblings(models)
            if smoothing not in self._order:
                return None
            answer = self._answers.find(X)
            if answer is None:
                answer = self._answers.add(X, self._siblings.classify(X))
            classes, certain = answer
            place = self._order.index(smoothing)
            return classes[place] if certain[place] else None
