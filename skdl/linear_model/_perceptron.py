"""The perceptron."""

import warnings
from functools import partial

import numpy as np
import scipy.sparse as sp
from joblib import Parallel, delayed
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import StratifiedShuffleSplit
from sklearn.utils import compute_class_weight

from skdl.exceptions import DivergenceError, InterruptedFitWarning
from skdl.kernels import perceptron as kernel
from skdl.linear_model._base import LinearClassifier
from skdl.linear_model._batches import encode_among, known_classes
from skdl.linear_model._merging import merge_equal_rows
from skdl.utils import (
    Interval,
    Options,
    derive_seeds,
    draw_seed,
    encode_classes,
    progress,
    validate_sample_weight,
    validate_X_y,
)


class Perceptron(LinearClassifier):
    """Rosenblatt's perceptron: whenever a sample lies on the wrong side, the weights move by it.

    It is the simplest online learner: quick, without probabilities, and able to learn batch by batch
    (``partial_fit``). With three or more classes it learns each class against the rest.

    Parameters
    ----------
    penalty : {"l2", "l1", "elasticnet"} or None, default=None
        Which norm of the weights is penalized.
    alpha : float, default=0.0001
        The strength of the penalty.
    l1_ratio : float, default=0.15
        The share of l1 with ``penalty="elasticnet"``.
    fit_intercept : bool, default=True
        Whether there is a constant.
    max_iter : int, default=1000
        How many passes over the samples ``fit`` makes at most.
    tol : float or None, default=1e-3
        A pass whose mean loss is not below the best so far by this much is one without improvement; None makes
        ``max_iter`` passes.
    shuffle : bool, default=True
        Whether each pass visits the samples in a new random order; False keeps the order of X.
    verbose : int, default=0
        Whether a progress bar is shown.
    eta0 : float, default=1.0
        What updates are multiplied by.
    n_jobs : int or None, default=None
        How many classes are learnt at the same time, in threads; -1 for one per core.
    random_state : int, RandomState instance or None, default=0
        Seeds the orders of ``shuffle`` and the split of ``early_stopping``.
    early_stopping : bool, default=False
        Whether the accuracy on held-out samples takes the place of the loss.
    validation_fraction : float, default=0.1
        The part of the samples that ``early_stopping`` holds out.
    n_iter_no_change : int, default=5
        Stop after so many passes without improvement.
    class_weight : dict, "balanced" or None, default=None
        Factors of the updates by class; ``"balanced"`` gives every class the same total weight.
    warm_start : bool, default=False
        Whether ``fit`` begins at the weights of the fit before.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The distinct labels, sorted.
    coef_ : ndarray of shape (1, d) or (n_classes, d)
        The weights; one row, for ``classes_[1]``, where there are two classes.
    intercept_ : ndarray of shape (1,) or (n_classes,)
        The constants.
    n_iter_ : int
        How many passes were made; the largest over the classes.
    t_ : float
        One more than the number of samples visited.
    n_features_in_ : int
        The number of columns in ``fit``.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, where X had names that are all strings.

    Raises
    ------
    ValueError
        From ``fit``, for a parameter out of its range, input that is not finite or not numeric, or fewer than two
        classes.
    DivergenceError
        If weights grow out of all bounds.

    Warns
    -----
    ConvergenceWarning
        If ``max_iter`` passes were too few.
    InterruptedFitWarning
        If Ctrl-C ended the fit; the model is fitted with what was reached.

    Notes
    -----
    A pass costs ``2 n d`` operations for each class, or twice the stored values of sparse X; the memory beyond X is a
    float64 copy of it.

    Differences from scikit-learn. With ``shuffle=False`` and dense X the weights are scikit-learn's; for sparse X
    scikit-learn shortens the steps of the intercept to a hundredth, and here sparse X gives what dense X gives. With
    ``shuffle=True`` equal samples are merged and the orders are drawn over what the samples are, not where they stand:
    so the order of rows does not matter, a weight of two is the same as a copy, and the mean loss that decides on
    stopping is weighted. The drawn orders are others than scikit-learn's.

    References
    ----------
    Rosenblatt (1958), The perceptron, https://doi.org/10.1037/h0042519.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skdl.linear_model import Perceptron
    >>> X, y = load_iris(return_X_y=True)
    >>> model = Perceptron(shuffle=False).fit(X, y > 0)
    >>> model.score(X, y > 0)
    1.0
    """

    _constraints = {
        "penalty": [Options("l2", "l1", "elasticnet"), None],
        "alpha": [Interval("real", 0, None)],
        "l1_ratio": [Interval("real", 0, 1)],
        "fit_intercept": [bool],
        "max_iter": [Interval("int", 1, None)],
        "tol": [Interval("real", 0, None), None],
        "shuffle": [bool],
        "verbose": [bool, Interval("int", 0, None)],
        "eta0": [Interval("real", 0, None, closed="neither")],
        "n_jobs": [None, Interval("int", None, None)],
        "early_stopping": [bool],
        "validation_fraction": [Interval("real", 0, 1, closed="neither")],
        "n_iter_no_change": [Interval("int", 1, None)],
        "class_weight": [dict, Options("balanced"), None],
        "warm_start": [bool],
    }

    def __init__(
        self,
        *,
        penalty=None,
        alpha=0.0001,
        l1_ratio=0.15,
        fit_intercept=True,
        max_iter=1000,
        tol=1e-3,
        shuffle=True,
        verbose=0,
        eta0=1.0,
        n_jobs=None,
        random_state=0,
        early_stopping=False,
        validation_fraction=0.1,
        n_iter_no_change=5,
        class_weight=None,
        warm_start=False,
    ):
        self.penalty = penalty
        self.alpha = alpha
        self.l1_ratio = l1_ratio
        self.fit_intercept = fit_intercept
        self.max_iter = max_iter
        self.tol = tol
        self.shuffle = shuffle
        self.verbose = verbose
        self.eta0 = eta0
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.class_weight = class_weight
        self.warm_start = warm_start

    def fit(self, X, y, coef_init=None, intercept_init=None, sample_weight=None):
        """Fit the model.

        Parameters
        ----------
        X : array-like, frame, tensor or sparse matrix of shape (n, d)
            The samples.
        y : array-like of shape (n,)
            Their classes.
        coef_init : array-like of shape (1, d) or (n_classes, d), default=None
            Weights to begin with.
        intercept_init : array-like of shape (1,) or (n_classes,), default=None
            Constants to begin with.
        sample_weight : array-like of shape (n,), default=None
            What the updates of each sample are multiplied by.

        Returns
        -------
        Perceptron
            The fitted estimator.
        """
        self._check_parameters()
        before = self._coefficients_before() if self.warm_start and hasattr(self, "coef_") else (None, None)
        X, y = validate_X_y(self, X, y, accept_sparse="csr")
        classes, codes = encode_classes(y, owner=type(self).__name__, min_classes=2)
        weight = validate_sample_weight(sample_weight, len(y))
        start = self._start(
            before[0] if coef_init is None else coef_init,
            before[1] if intercept_init is None else intercept_init,
            1 if len(classes) == 2 else len(classes),
            X.shape[1],
        )
        self.t_ = 1.0
        self._learn(X, codes, classes, weight, start, self.max_iter, self.tol)
        if self.tol is not None and self.n_iter_ == self.max_iter:
            warnings.warn(
                f"Perceptron did not converge in max_iter={self.max_iter} passes. Raise max_iter or tol, or scale X.",
                ConvergenceWarning,
                stacklevel=2,
            )
        return self

    def partial_fit(self, X, y, classes=None, sample_weight=None):
        """Make one pass over some samples, going on from the weights so far.

        Parameters
        ----------
        X : array-like, frame, tensor or sparse matrix of shape (n, d)
            The samples.
        y : array-like of shape (n,)
            Their classes.
        classes : array-like of shape (n_classes,), default=None
            All the labels that will ever come; needed in the first call.
        sample_weight : array-like of shape (n,), default=None
            What the updates of each sample are multiplied by.

        Returns
        -------
        Perceptron
            The fitted estimator.
        """
        self._check_parameters()
        if self.early_stopping:
            raise ValueError("early_stopping should be False with partial_fit: there is only one pass.")
        if self.class_weight == "balanced":
            raise ValueError(
                "class_weight='balanced' is not supported by partial_fit, which does not see all of y. "
                "Compute the weights of all of y and pass them as a dict."
            )
        first = not hasattr(self, "classes_")
        X, y = validate_X_y(self, X, y, accept_sparse="csr", reset=first)
        known = known_classes(self, classes, first=first)
        codes = encode_among(self, y, known)
        weight = validate_sample_weight(sample_weight, len(y))
        if first:
            self.t_ = 1.0
        coef, intercept = (None, None) if first else self._coefficients_before()
        start = self._start(coef, intercept, 1 if len(known) == 2 else len(known), X.shape[1])
        return self._learn(X, codes, known, weight, start, 1, None)

    @staticmethod
    def _start(coef, intercept, n_rows: int, d: int) -> tuple[np.ndarray, np.ndarray]:
        W = np.zeros((n_rows, d)) if coef is None else np.asarray(coef, dtype=np.float64)
        b = np.zeros(n_rows) if intercept is None else np.asarray(intercept, dtype=np.float64).ravel()
        if W.size != n_rows * d or len(b) != n_rows:
            raise ValueError(
                f"Weights to begin with have the shapes {W.shape} and {b.shape}; these data need {(n_rows, d)} and "
                f"{(n_rows,)}. Pass the same columns and classes as before, or set warm_start=False."
            )
        return W.reshape(n_rows, d), b

    def _learn(self, X, codes, classes, weight, start, max_iter, tol):
        n_visited = X.shape[0]
        factors = compute_class_weight(self.class_weight, classes=classes, y=classes[codes])
        seed = draw_seed(self.random_state)
        dtype = X.dtype
        X = X.astype(np.float64) if sp.issparse(X) else np.ascontiguousarray(X, dtype=np.float64)
        counted = np.ones(len(codes))
        if self.shuffle:
            X, codes, weight = merge_equal_rows(X, codes, weight)
            counted = weight
        elif weight is None:
            weight = counted
        train_rows, held_out = self._held_out(codes, seed)
        n_tasks = len(start[0])
        seeds = derive_seeds(seed, "perceptron", n_tasks)
        alpha = float(self.alpha) if self.penalty is not None else 0.0
        l1_ratio = {"l1": 1.0, "elasticnet": float(self.l1_ratio)}.get(self.penalty, 0.0)
        if sp.issparse(X):
            visit = partial(kernel.pass_sparse, X.data, X.indices.astype(np.int64), X.indptr.astype(np.int64))
        else:
            visit = partial(kernel.pass_dense, X)
        constant = float(self.fit_intercept)

        def learn_one(k: int, bar):
            positive = codes == (1 if n_tasks == 1 else k)
            target = np.where(positive, 1.0, -1.0)
            factor = (factors[0], factors[1]) if n_tasks == 1 else (1.0, factors[k])
            strength = weight * np.where(positive, factor[1], factor[0])

            def run_pass(order, w, drawn, state):
                return visit(
                    target, strength, counted, order, w, drawn, state, float(self.eta0), alpha, l1_ratio, constant
                )

            def accuracy(w, intercept):
                right = (X[held_out] @ w + intercept > 0) == positive[held_out]
                return np.average(right, weights=weight[held_out])

            return kernel.train(
                run_pass, X.shape[1], (start[0][k], start[1][k]), self._orders(train_rows, seeds[k]),
                max_iter=max_iter, tol=-np.inf if tol is None else float(tol), patience=self.n_iter_no_change,
                score=accuracy if self.early_stopping else None, epoch_done=lambda value: bar.update(),
            )  # fmt: skip

        with progress(desc="Perceptron", unit="pass", verbose=int(self.verbose)) as bar:
            try:
                results = Parallel(n_jobs=self.n_jobs, require="sharedmem")(
                    delayed(learn_one)(k, bar) for k in range(n_tasks)
                )
            except FloatingPointError as error:
                raise DivergenceError(
                    f"The weights became infinite in pass {error.args[0]}: "
                    "scale X (sklearn.preprocessing.StandardScaler)."
                ) from None
        self.classes_ = classes
        self.coef_ = np.array([w for w, *_ in results]).astype(dtype)
        self.intercept_ = np.array([intercept for _, intercept, *_ in results]).astype(dtype)
        self.n_iter_ = max(n_iter for *_, n_iter, _ in results)
        self.t_ += self.n_iter_ * n_visited
        if any(interrupted for *_, interrupted in results):
            warnings.warn(
                f"The fit was interrupted after {self.n_iter_} passes; the model is what was reached.",
                InterruptedFitWarning,
                stacklevel=3,
            )
        return self

    def _held_out(self, codes, seed: int):
        if not self.early_stopping:
            return np.arange(len(codes)), None
        splitter = StratifiedShuffleSplit(test_size=self.validation_fraction, random_state=seed)
        rows, held_out = next(splitter.split(np.zeros((len(codes), 1)), codes))
        return np.sort(rows), held_out

    def _orders(self, rows, seed):
        generator = np.random.default_rng(seed)
        while True:
            yield generator.permutation(rows) if self.shuffle else rows
