"""Ordinary least squares."""

import numpy as np
import torch

from skdl.kernels.ridge import RidgeSystem, least_norm, solve_sparse
from skdl.linear_model._least_squares import LeastSquares
from skdl.utils import Interval

# Below this ratio of the pivots of a factorized Gram matrix, the columns are examined by their singular values.
_DEPENDENT = 1e-10


class LinearRegression(LeastSquares):
    """Linear least squares.

    Use it as the baseline of every regression: it has no parameter to tune. With more columns than rows, or columns
    that depend on each other, it takes the solution of least norm, as scikit-learn does; :class:`Ridge` is better
    there.

    Parameters
    ----------
    fit_intercept : bool, default=True
        Whether there is a constant.
    copy_X : bool, default=True
        A hint that changes nothing: X is never overwritten.
    tol : float, default=1e-6
        Singular values below ``tol`` times the largest count as zero where columns depend on each other, and the
        relative tolerance of the iterations for wide sparse X.
    n_jobs : int or None, default=None
        A hint that changes nothing: all targets are solved together.
    positive : bool, default=False
        Whether coefficients are kept from falling below zero; X must be dense then.
    device : str or torch.device, default="auto"
        Where to fit, see :func:`skdl.utils.resolve_device`; predictions are computed on the CPU.

    Attributes
    ----------
    coef_ : ndarray of shape (d,) or (n_targets, d)
        The coefficients.
    intercept_ : float or ndarray of shape (n_targets,)
        The constants; 0.0 with ``fit_intercept=False``.
    rank_ : int
        The rank of the centred X; only for dense X without ``positive``.
    singular_ : ndarray of shape (min(n, d),)
        The singular values of the centred X; only for dense X without ``positive``.
    n_features_in_ : int
        The number of columns in ``fit``.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, where X had names that are all strings.

    Raises
    ------
    ValueError
        From ``fit``, for a parameter out of its range, or input that is not finite or not numeric.

    Notes
    -----
    Tall dense X of independent columns: a Gram matrix, ``n d ** 2`` operations, its Cholesky factor and two rounds of
    refinement from the residuals of the data. Otherwise the singular value decomposition, about ``6 n d ** 2``. Sparse
    X of more than 2000 columns: LSQR. Memory: one working copy of X.

    Differences from scikit-learn: independence is judged on columns of unit scale, so that a column in small units is
    not taken for none; ``sample_weight`` of zero rows leave no trace in ``singular_``.

    References
    ----------
    Björck (1987), Stability analysis of the method of seminormal equations,
    https://doi.org/10.1016/0024-3795(87)90101-7.

    Examples
    --------
    >>> import numpy as np
    >>> from skdl.linear_model import LinearRegression
    >>> X = np.array([[1.0, 1.0], [1.0, 2.0], [2.0, 2.0], [2.0, 3.0]])
    >>> model = LinearRegression().fit(X, X @ [1.0, 2.0] + 3.0)
    >>> model.coef_.round(6)
    array([1., 2.])
    >>> round(float(model.intercept_), 6)
    3.0
    """

    _constraints = {
        "fit_intercept": [bool],
        "copy_X": [bool],
        "tol": [Interval("real", 0, None)],
        "n_jobs": [None, Interval("int", None, None)],
        "positive": [bool],
    }

    def __init__(self, *, fit_intercept=True, copy_X=True, tol=1e-6, n_jobs=None, positive=False, device="auto"):
        self.fit_intercept = fit_intercept
        self.copy_X = copy_X
        self.tol = tol
        self.n_jobs = n_jobs
        self.positive = positive
        self.device = device

    def fit(self, X, y, sample_weight=None):
        """Fit the model.

        Parameters
        ----------
        X : array-like, frame, tensor or sparse matrix of shape (n, d)
            The samples.
        y : array-like of shape (n,) or (n, n_targets)
            The targets.
        sample_weight : array-like of shape (n,), default=None
            How often each sample counts.

        Returns
        -------
        LinearRegression
            The fitted estimator.
        """
        self._check_parameters()
        problem = self._problem(X, y, sample_weight)
        design = problem.design
        zeros = np.zeros(problem.y.shape[1])
        W: np.ndarray | torch.Tensor
        if problem.sparse:
            W, _ = solve_sparse(design, problem.y, zeros, tol=self.tol, max_iter=None)
            W *= design.scale[:, None]
        elif self.positive:
            W = RidgeSystem(design, problem.Y).solve_positive(zeros)
        else:
            W = self._solve_dense(problem, zeros)
        self.coef_, self.intercept_ = problem.coefficients(W)
        return self

    def _solve_dense(self, problem, zeros):
        design = problem.design
        if design.n > 2 * design.d:
            system = RidgeSystem(design, problem.Y)
            gram = system.gram
            diagonal = gram.diagonal()
            unit = gram / torch.outer(diagonal, diagonal).sqrt()
            factor, info = torch.linalg.cholesky_ex(unit)
            # A pivot is what the earlier columns leave of one that had length one.
            if int(info) == 0 and float(factor.diagonal().min()) ** 2 > _DEPENDENT:
                scale = torch.from_numpy(design.scale).to(gram)
                top = float(scale.max())
                values = torch.linalg.eigvalsh(gram * (scale / top)[:, None] * (scale / top))
                self.rank_ = design.d
                self.singular_ = values.clamp_min(0.0).sqrt().flip(0).cpu().numpy() * top
                return system.solve(zeros)
        try:
            W, self.rank_, self.singular_ = least_norm(design, problem.Y, self.tol)
        except torch.linalg.LinAlgError:
            raise ValueError(
                f"{type(self).__name__} cannot be fitted: squares of the values of X, times the weights, overflow. "
                "Scale X (sklearn.preprocessing.StandardScaler in a pipeline before it)."
            ) from None
        return W
