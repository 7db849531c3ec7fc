"""Ridge regression."""

import numpy as np
import torch
from sklearn.base import clone

from skdl.base import take_rows
from skdl.exceptions import InvalidParameterError
from skdl.kernels.ridge import RidgeSystem, solve_sparse
from skdl.linear_model._base import copy_columns
from skdl.linear_model._least_squares import LeastSquares, LeastSquaresProblem
from skdl.utils import Interval, Options, draw_seed, to_host


class Ridge(LeastSquares):
    """Linear least squares with an l2 penalty.

    Use it for a numeric target and correlated or many columns; the penalty keeps the coefficients in bounds where
    least squares alone would not. It minimizes scikit-learn's objective: the weighted squared errors plus ``alpha``
    times the squared coefficients.

    Parameters
    ----------
    alpha : float or array-like of shape (n_targets,), default=1.0
        The strength of the penalty, in all or for each target; 0 is least squares.
    fit_intercept : bool, default=True
        Whether there is a constant, which is not penalized.
    copy_X : bool, default=True
        A hint that changes nothing: X is never overwritten.
    max_iter : int or None, default=None
        How many iterations at most for wide sparse X; None leaves it to LSQR, ``2 d``.
    tol : float, default=1e-4
        The relative tolerance of the iterations for wide sparse X, where it is squared; all else is solved directly.
    solver : {"auto", "svd", "cholesky", "lsqr", "sparse_cg", "sag", "saga", "lbfgs"}, default="auto"
        A hint that changes nothing: the algorithm is chosen by the shape of X.
    positive : bool, default=False
        Whether coefficients are kept from falling below zero; X must be dense then.
    random_state : int, RandomState instance or None, default=None
        A hint of scikit-learn's stochastic solvers that changes nothing: nothing here is random.
    device : str or torch.device, default="auto"
        Where to fit, see :func:`skdl.utils.resolve_device`; predictions are computed on the CPU.

    Attributes
    ----------
    coef_ : ndarray of shape (d,) or (n_targets, d)
        The coefficients.
    intercept_ : float or ndarray of shape (n_targets,)
        The constants; 0.0 with ``fit_intercept=False``.
    n_iter_ : ndarray of shape (n_targets,), dtype int32
        The iterations for each target; one where the solution was direct.
    solver_ : {"cholesky", "nnls", "lsqr"}
        What was used.
    n_features_in_ : int
        The number of columns in ``fit``.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, where X had names that are all strings.

    Raises
    ------
    ValueError
        From ``fit``, for a parameter out of its range, input that is not finite or not numeric, or as many values of
        ``alpha`` as there are not targets.

    Notes
    -----
    Dense X: a Gram matrix of the columns, ``n d ** 2`` operations, or of the rows where there are more columns than
    rows; its Cholesky factor for each distinct ``alpha``; two rounds of refinement from the residuals of the data, so
    that the digits lost in forming the Gram matrix come back. Sparse X of more than 2000 columns: LSQR. Memory: one
    working copy of X and the Gram matrix.

    A search over ``alpha`` forms the Gram matrix once per split, and gives the same bits as single fits.

    Differences from scikit-learn: columns are centred and scaled inside, so that columns of very unlike units lose no
    digits; ``leave_one_out`` is there; ``n_iter_`` is one, not None, for direct solutions.

    References
    ----------
    Hoerl & Kennard (1970), Ridge regression, https://doi.org/10.1080/00401706.1970.10488634.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from skdl.linear_model import Ridge
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = Ridge(alpha=0.1).fit(X, y)
    >>> round(model.score(X, y), 3)
    0.513
    >>> errors = Ridge().leave_one_out(X, y, alphas=[0.01, 0.1, 1.0])
    >>> (errors**2).mean(axis=1).round(0)
    array([3000., 3005., 3328.])
    """

    _constraints = {
        "fit_intercept": [bool],
        "copy_X": [bool],
        "max_iter": [Interval("int", 1, None), None],
        "tol": [Interval("real", 0, None)],
        "solver": [Options("auto", "svd", "cholesky", "lsqr", "sparse_cg", "sag", "saga", "lbfgs")],
        "positive": [bool],
    }

    def __init__(
        self,
        alpha=1.0,
        *,
        fit_intercept=True,
        copy_X=True,
        max_iter=None,
        tol=1e-4,
        solver="auto",
        positive=False,
        random_state=None,
        device="auto",
    ):
        self.alpha = alpha
        self.fit_intercept = fit_intercept
        self.copy_X = copy_X
        self.max_iter = max_iter
        self.tol = tol
        self.solver = solver
        self.positive = positive
        self.random_state = random_state
        self.device = device

    def fit(self, X, y, sample_weight=None):
        """Fit the model.

        Parameters
        ----------
        X : array-like, frame, tensor or sparse matrix of shape (n, d)
            The samples.
        y : array-like of shape (n,) or (n, n_targets)
            The targets.
        sample_weight : float or array-like of shape (n,), default=None
            How often each sample counts.

        Returns
        -------
        Ridge
            The fitted estimator.
        """
        self._check_parameters()
        if self.random_state is not None:
            draw_seed(self.random_state)  # refuses what is no seed, and moves a shared generator on
        problem = self._problem(X, y, sample_weight)
        return self._solve(problem, None if problem.sparse else RidgeSystem(problem.design, problem.Y))

    def _solve(self, problem: LeastSquaresProblem, system: RidgeSystem | None):
        alphas = self._alphas(problem.y.shape[1])
        self.n_iter_, self.solver_ = np.ones(len(alphas), dtype=np.int32), "cholesky"
        W: np.ndarray | torch.Tensor
        if system is None:
            W, self.n_iter_ = solve_sparse(
                problem.design, problem.y, alphas, tol=min(self.tol**2, 1e-6), max_iter=self.max_iter
            )
            W *= problem.design.scale[:, None]
            self.solver_ = "lsqr"
        elif self.positive:
            W, self.solver_ = system.solve_positive(alphas), "nnls"
        else:
            W = system.solve(alphas)
        self.coef_, self.intercept_ = problem.coefficients(W)
        return self

    def _alphas(self, n_targets: int) -> np.ndarray:
        alphas = np.asarray(to_host(self.alpha))
        if alphas.dtype.kind not in "iuf" or alphas.ndim > 1 or not (np.isfinite(alphas) & (alphas >= 0)).all():
            raise InvalidParameterError(
                f"alpha of Ridge must be a number in [0, inf) or one for each target; got {self.alpha!r}."
            )
        if alphas.ndim == 1 and len(alphas) not in (1, n_targets):
            raise ValueError(
                f"alpha has {len(alphas)} values, but y has {n_targets} targets: give one value, or one for each."
            )
        return np.broadcast_to(alphas.astype(np.float64), n_targets)

    def leave_one_out(self, X, y, alphas, sample_weight=None) -> np.ndarray:
        """Compute the error at each sample of a model that was fitted to all the others, for many penalties.

        In closed form, from one eigendecomposition: no model is fitted, and the estimator stays as it was.

        Parameters
        ----------
        X : array-like, frame or tensor of shape (n, d)
            The samples.
        y : array-like of shape (n,) or (n, n_targets)
            The targets.
        alphas : array-like of shape (n_alphas,)
            The penalties to try, each for all targets.
        sample_weight : float or array-like of shape (n,), default=None
            How often each sample counts; a sample is left out with its whole weight.

        Returns
        -------
        ndarray of shape (n_alphas, n) or (n_alphas, n, n_targets)
            Targets minus predictions. The penalty to choose is the one of the smallest (weighted) mean square. NaN
            where the other samples do not determine the prediction, which only ``alpha=0`` can bring about.
        """
        self._check_parameters()
        if self.positive:
            raise ValueError("Ridge has no closed form of leave-one-out with positive=True; set positive=False.")
        model = clone(self)
        values = np.asarray([model.set_params(alpha=alpha)._alphas(1)[0] for alpha in np.asarray(to_host(alphas))])
        problem = model._problem(X, y, sample_weight)
        if problem.sparse:
            raise ValueError("leave_one_out of Ridge takes dense X: X.toarray() where memory allows.")
        residuals = RidgeSystem(problem.design, problem.Y).leave_one_out(values, self.fit_intercept)
        return residuals[:, :, 0] if problem.one_target else residuals

    def _fit_family(self, X, y, *, candidates, splits, sample_weight=None):
        """Fit candidates and splits together: penalties share a split's Gram matrix (the same bits as single fits)."""
        models = [clone(self).set_params(**clone(dict(candidate), safe=False)) for candidate in candidates]
        groups: dict[tuple, list[int]] = {}
        for index, model in enumerate(models):
            key = (model.fit_intercept, model.positive, str(model.device))
            groups.setdefault(key, []).append(index)
        for split_index, rows in enumerate(splits):
            X_split, y_split = take_rows(X, rows), take_rows(y, rows)
            weight = take_rows(sample_weight, rows)
            for members in groups.values():
                problem = system = None
                for index in members:
                    member = clone(models[index])
                    member._check_parameters()
                    if problem is None:
                        first = member
                        problem = member._problem(X_split, y_split, weight)
                        system = None if problem.sparse else RidgeSystem(problem.design, problem.Y)
                    copy_columns(first, member)
                    yield index, split_index, member._solve(problem, system)
