"""Logistic regression: softmax, binary and one-vs-rest."""

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.metaestimators import available_if

from skdl.base import or_as_before
from skdl.exceptions import InterruptedFitWarning
from skdl.linear_model._base import ProbabilisticLinearClassifier
from skdl.linear_model._logistic_batches import fit_batch
from skdl.linear_model._logistic_family import fit_logistic_family
from skdl.linear_model._logistic_problem import LogisticFit, LogisticProblem
from skdl.utils import (
    Interval,
    Options,
    draw_seed,
    encode_classes,
    resolve_device,
    validate_sample_weight,
    validate_X_y,
)


class LogisticRegression(ProbabilisticLinearClassifier):
    """Logistic regression: softmax for many classes, one logit for two.

    The classifier to try first on numeric columns: it has one optimum, fits in moments, and its coefficients can be
    read. It minimizes scikit-learn's objective, ``C`` times the summed log-loss plus half the squared coefficients, so
    it finds scikit-learn's coefficients, to more digits.

    Parameters
    ----------
    penalty : {"l1", "l2", "elasticnet", "deprecated"} or None, default="deprecated"
        Deprecated as in scikit-learn 1.8, and understood as there: ``"l2"`` is ``l1_ratio=0``, ``"l1"`` is
        ``l1_ratio=1``, ``"elasticnet"`` uses ``l1_ratio``, None is ``C=np.inf``.
    C : float, default=1.0
        How much the data count against the penalty; ``np.inf`` leaves the penalty out.
    l1_ratio : float, default=0.0
        The share of the l1 norm in the penalty: 0 is pure l2.
    dual : bool, default=False
        A hint of scikit-learn's liblinear that changes nothing: both forms have the same optimum.
    tol : float, default=1e-4
        When to stop. No component of the gradient of the mean loss may exceed it (for columns of unit scale), and the
        decrease that a further step promises must be below ``tol ** 2`` of the loss of a model without columns.
    fit_intercept : bool, default=True
        Whether the linear functions have a constant.
    intercept_scaling : float, default=1
        Used by ``solver="liblinear"`` alone: the value of the constant column whose penalized coefficient is the
        intercept.
    class_weight : dict, "balanced" or None, default=None
        Factors of the sample weights by class; ``"balanced"`` gives every class the same total weight.
    random_state : int, RandomState instance or None, default=None
        A hint of scikit-learn's stochastic solvers that changes nothing: nothing here is random.
    solver : {"lbfgs", "liblinear", "newton-cg", "newton-cholesky", "sag", "saga"}, default="lbfgs"
        A hint: the algorithm is chosen by the size of the problem, and takes every penalty. Only ``"liblinear"`` has a
        meaning, since it changes the objective: the intercept is penalized like a coefficient.
    max_iter : int, default=100
        How many steps at most; a dozen is usual.
    verbose : int, default=0
        Whether a progress bar is shown.
    warm_start : bool, default=False
        Whether ``fit`` begins at the coefficients of the fit before.
    n_jobs : int or None, default=None
        Deprecated and without effect, as in scikit-learn 1.8.
    multi_class : {"multinomial", "ovr"}, default="multinomial"
        What to do with three or more classes: one softmax model, or a binary model for each class against the rest
        whose probabilities are normalized to sum to one.
    device : str or torch.device, default="auto"
        Where to fit, see :func:`skdl.utils.resolve_device`. Predicting one linear function per class is not worth a
        transfer, so it happens on the CPU.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The distinct labels, sorted.
    coef_ : ndarray of shape (1, d) or (n_classes, d)
        The coefficients; one row, for ``classes_[1]``, where there are two classes.
    intercept_ : ndarray of shape (1,) or (n_classes,)
        The constants.
    n_iter_ : ndarray of shape (1,) or (n_classes,), dtype int32
        How many steps were taken; for each class with ``multi_class="ovr"``.
    n_features_in_ : int
        The number of columns in ``fit``.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, where X had names that are all strings.

    Raises
    ------
    ValueError
        From ``fit``, for a parameter out of its range, input that is not finite or not numeric, fewer than two classes,
        or a warm start on data of another shape.

    Warns
    -----
    ConvergenceWarning
        If ``max_iter`` steps were too few.
    InterruptedFitWarning
        If Ctrl-C ended the fit; the model is fitted with what was reached.

    Notes
    -----
    Small dense problems (samples times squared coefficients up to 8 million) are solved by Newton's method with the
    whole Hessian. Larger ones by L-BFGS, on products in single precision where there are many, preconditioned by the
    Cholesky factor of the Gram matrix or, for sparse X and few samples for their columns, by the columns' variances.
    Where that does not end in 80 steps (25 for sparse X), and where ``tol`` asks for more digits, Newton steps from
    conjugate gradients go on, with the same preconditioner or, once that wears out, each class's own curvature. Columns
    are centred and scaled inside, which changes no optimum and saves the digits of badly scaled data. For n samples of
    d columns and K classes a step costs about 4ndK operations; the memory beyond X is one working copy of it, the last
    few steps and, for Newton steps, nK probabilities.

    Differences from scikit-learn: every solver takes every penalty; the stopping rule looks at scaled columns, so that
    the answer does not depend on units; ``predict_log_proba`` is finite where probabilities underflow;
    ``multi_class="ovr"`` is still there. scikit-learn's solvers stop at a looser optimum at the same ``tol``.

    References
    ----------
    Nash (2000), A survey of truncated-Newton methods, https://doi.org/10.1016/S0377-0427(00)00426-X.
    Böhning (1992), Multinomial logistic regression algorithm, https://doi.org/10.1007/BF00048682.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skdl.linear_model import LogisticRegression
    >>> X, y = load_iris(return_X_y=True)
    >>> model = LogisticRegression().fit(X, y)
    >>> model.predict(X[:2])
    array([0, 0])
    >>> model.predict_proba(X[:1]).round(2)
    array([[0.98, 0.02, 0.  ]])
    >>> round(model.score(X, y), 2)
    0.97
    """

    _constraints = {
        "penalty": [Options("l1", "l2", "elasticnet", "deprecated"), None],
        "C": [Interval("real", 0, None, closed="right")],
        "l1_ratio": [Interval("real", 0, 1), None],
        "dual": [bool],
        "tol": [Interval("real", 0, None)],
        "fit_intercept": [bool],
        "intercept_scaling": [Interval("real", 0, None, closed="neither")],
        "class_weight": [dict, Options("balanced"), None],
        "solver": [Options("lbfgs", "liblinear", "newton-cg", "newton-cholesky", "sag", "saga")],
        "max_iter": [Interval("int", 0, None)],
        "verbose": [bool, Interval("int", 0, None)],
        "warm_start": [bool],
        "n_jobs": [None, Interval("int", None, None)],
        "multi_class": [Options("multinomial", "ovr")],
    }

    def __init__(
        self,
        penalty="deprecated",
        *,
        C=1.0,
        l1_ratio=0.0,
        dual=False,
        tol=1e-4,
        fit_intercept=True,
        intercept_scaling=1,
        class_weight=None,
        random_state=None,
        solver="lbfgs",
        max_iter=100,
        verbose=0,
        warm_start=False,
        n_jobs=None,
        multi_class="multinomial",
        device="auto",
    ):
        self.penalty = penalty
        self.C = C
        self.l1_ratio = l1_ratio
        self.dual = dual
        self.tol = tol
        self.fit_intercept = fit_intercept
        self.intercept_scaling = intercept_scaling
        self.class_weight = class_weight
        self.random_state = random_state
        self.solver = solver
        self.max_iter = max_iter
        self.verbose = verbose
        self.warm_start = warm_start
        self.n_jobs = n_jobs
        self.multi_class = multi_class
        self.device = device

    def fit(self, X, y, sample_weight=None):
        """Fit the model.

        Parameters
        ----------
        X : array-like, frame, tensor or sparse matrix of shape (n, d)
            The samples.
        y : array-like of shape (n,)
            Their classes.
        sample_weight : array-like of shape (n,), default=None
            How often each sample counts.

        Returns
        -------
        LogisticRegression
            The fitted estimator.
        """
        self._check_parameters()
        C, l1_ratio = self._resolved_penalty()
        if self.random_state is not None:
            draw_seed(self.random_state)  # refuses what is no seed, and moves a shared generator on
        before = self._coefficients_before() if self.warm_start and hasattr(self, "coef_") else None
        self.__dict__.pop("_memory", None)
        problem = self._problem(X, y, sample_weight)
        if before is not None and before[0].shape != problem.coef_shape:
            raise ValueError(
                f"warm_start=True goes on from coef_ of shape {before[0].shape}, but these data need "
                f"{problem.coef_shape}. Pass the same columns and classes, or set warm_start=False."
            )
        return self._store(problem.classes, problem.solve(self, C, l1_ratio, start=before))

    def _learns_batches(self) -> bool:
        smooth = self.penalty == "l2" or (self.penalty == "deprecated" and self.l1_ratio in (0, None))
        return smooth and np.inf > self.C and self.multi_class == "multinomial" and self.solver != "liblinear"

    @available_if(_learns_batches)
    @or_as_before
    def partial_fit(self, X, y, classes=None, sample_weight=None):
        """Learn from one more batch.

        The earlier batches are remembered as a quadratic around the coefficients that they led to: the second-order
        expansion of their summed loss, one block of curvature for each class. After one batch the model is what
        ``fit`` gives; after more it is close to ``fit`` on all of them, closer the larger the batches are. A batch
        costs about as much as fitting it alone; the memory holds ``n_classes * (d + 1) ** 2`` numbers, or ``n_classes
        * (d + 1)`` from 500 columns on. Each batch should mix the classes: where a class has not come yet, the
        expansion knows little of how unlikely it is. ``fit`` forgets the batches. There is no ``partial_fit`` with an
        l1 penalty, without a penalty, with ``multi_class="ovr"`` or with ``solver="liblinear"``.

        Parameters
        ----------
        X : array-like, frame, tensor or sparse matrix of shape (n, d)
            The samples.
        y : array-like of shape (n,)
            Their classes.
        classes : array-like of shape (n_classes,), default=None
            All the labels that will ever come; needed in the first call.
        sample_weight : array-like of shape (n,), default=None
            How often each sample counts.

        Returns
        -------
        LogisticRegression
            The fitted estimator.
        """
        self._check_parameters()
        if self.class_weight == "balanced":
            raise ValueError(
                "class_weight='balanced' is not supported by partial_fit, which does not see all of y. "
                "Compute the weights of all of y and pass them as a dict."
            )
        solution, known, dtype = fit_batch(self, X, y, classes, sample_weight)
        theta = solution.theta.cpu().numpy()
        return self._store(
            known,
            LogisticFit(
                coef=theta[:, :-1].astype(dtype), intercept=theta[:, -1].astype(dtype),
                n_iter=np.array([solution.n_iter], dtype=np.int32), converged=solution.converged,
                interrupted=solution.interrupted, start=(theta[:, :-1], theta[:, -1]),
            ),
        )  # fmt: skip

    def _problem(self, X, y, sample_weight) -> LogisticProblem:
        device = resolve_device(self.device)
        X, y = validate_X_y(self, X, y, accept_sparse="csr")
        classes, codes = encode_classes(y, owner=type(self).__name__, min_classes=2)
        weight = validate_sample_weight(sample_weight, len(y))
        return LogisticProblem(self, X, classes, codes, weight, device)

    def _fit_family(self, X, y, *, candidates, splits, sample_weight=None):
        """Fit candidates and splits together; see :func:`skdl.linear_model._logistic_family.fit_logistic_family`."""
        yield from fit_logistic_family(self, X, y, candidates, splits, sample_weight)

    @property
    def _separate_logits(self) -> bool:
        return self.multi_class == "ovr"

    def _store(self, classes: np.ndarray, fit: LogisticFit):
        self.classes_ = classes
        self.coef_, self.intercept_ = fit.coef, fit.intercept
        self.n_iter_ = fit.n_iter
        if fit.interrupted:
            warnings.warn(
                f"The fit was interrupted after {int(fit.n_iter.max())} iterations; the model is what was reached.",
                InterruptedFitWarning,
                stacklevel=3,
            )
        elif not fit.converged:
            warnings.warn(
                f"{type(self).__name__} did not converge in max_iter={self.max_iter} iterations to tol={self.tol}. "
                "Raise max_iter or tol, or regularize more (a smaller C).",
                ConvergenceWarning,
                stacklevel=3,
            )
        return self

    def _resolved_penalty(self) -> tuple[float, float]:
        """C and l1_ratio after the deprecated ``penalty`` has had its say, as in scikit-learn 1.8."""
        C, l1_ratio = float(self.C), self.l1_ratio
        if self.n_jobs is not None:
            warnings.warn("n_jobs has no effect and will be removed; leave it at None.", FutureWarning, stacklevel=3)
        if l1_ratio is None and self.penalty in ("deprecated", "elasticnet"):
            if self.penalty == "elasticnet":
                raise ValueError("l1_ratio must be specified when penalty is elasticnet: a number from 0 to 1.")
            warnings.warn("l1_ratio=None is deprecated; use l1_ratio=0.", FutureWarning, stacklevel=3)
        if self.penalty == "deprecated":
            l1_ratio = 0.0 if l1_ratio is None else l1_ratio
        else:
            warnings.warn(
                "penalty is deprecated. Use l1_ratio=0 for 'l2', l1_ratio=1 for 'l1', a number between for "
                "'elasticnet', and C=np.inf for None.",
                FutureWarning,
                stacklevel=3,
            )
            if self.penalty is None:
                if self.C != 1.0:
                    warnings.warn("penalty=None ignores C and l1_ratio.", UserWarning, stacklevel=3)
                C, l1_ratio = np.inf, 0.0
            elif self.penalty != "elasticnet":
                meant = {"l1": 1.0, "l2": 0.0}[self.penalty]
                if l1_ratio not in (None, meant, 0.0):
                    warnings.warn(f"penalty={self.penalty!r} ignores l1_ratio={l1_ratio}.", UserWarning, stacklevel=3)
                l1_ratio = meant
        if self.solver == "liblinear" and np.isinf(C):
            raise ValueError("solver='liblinear' penalizes always: C=np.inf needs another solver.")
        return C, float(l1_ratio)
