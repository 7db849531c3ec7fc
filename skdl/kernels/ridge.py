"""Least squares with and without an l2 penalty, for several targets and several penalties at once.

The penalty weighs the user's columns, the arithmetic is done on those of a :class:`~skdl.kernels.design.Design`, where
column ``j`` of the user's is ``scale[j]`` times as large: so the penalized matrix is ``G + alpha / scale ** 2``.
"""

from collections.abc import Callable

import numpy as np
import scipy.sparse.linalg as spla
import torch
from scipy.optimize import nnls
from torch import Tensor

from skdl.kernels.design import Design, wide_dtype
from skdl.kernels.newton import factorize
from skdl.kernels.rowblocks import cut, on_threads

# A penalty this much larger than what a column can explain keeps its coefficient at zero.
_HOPELESS = 1e30
# A correction this much smaller than the coefficients is the last one.
_SETTLED = 1e-14


class RidgeSystem:
    """The sums that every penalty needs: ``X'X`` and ``X'y``, or ``XX'`` where there are more columns than rows.

    Parameters
    ----------
    design : Design
        Dense samples, centred if there is an intercept.
    Y : Tensor of shape (n, t)
        The targets, centred likewise, in the design's wide type.
    """

    def __init__(self, design: Design, Y: Tensor):
        self.design, self.Y = design, Y
        self.wide = wide_dtype(Y.device)
        self.scale = torch.from_numpy(design.scale).to(Y)
        weight = design.weight
        self.weight = None if weight is None else weight.to(self.wide)
        self.weighted = Y if self.weight is None else Y * self.weight[:, None]
        self.dual = design.d > design.n
        self.unit = design.total / design.n  # what a weight of one in the design stood for
        if self.dual:
            # Columns of the user's scale, up to one factor that keeps the largest in range.
            self.top = float(self.scale.max())
            rows = (design.X.to(self.wide) - design.mean) * (self.scale / self.top)
            self.rows = rows if self.weight is None else rows * self.weight.sqrt()[:, None]
            self.kernel = (self.rows @ self.rows.T) * self.unit
        else:
            self.gram = design.gram() * design.total
            self.moment = self._pulled_back(self.weighted)  # (d, t)

    def _tile(self, rows: slice) -> Tensor:
        """Rows that are not centred, so that none is copied: see :func:`~skdl.kernels.design.make_design`."""
        return self.design.X[rows].to(self.wide)

    def _pulled_back(self, R: Tensor) -> Tensor:
        """``X'R`` in float64."""
        if R.shape[1] == 1 and self.design.is_compiled:
            return self._compiled(R, torch.zeros(self.design.d, dtype=self.wide), 0.0, None)
        return self._summed(lambda rows, X: R[rows], R.shape[1])

    def _left_over(self, W: Tensor, which: Tensor) -> Tensor:
        """``X'(y - X @ W)`` in float64 for some targets, in one pass over the rows."""
        offset = self.design.mean @ W
        Y = self.Y if len(which) == self.Y.shape[1] else self.Y[:, which]
        if len(which) == 1 and self.design.is_compiled:
            return self._compiled(Y, W[:, 0], float(offset), self.weight)

        def residuals(rows: slice, X: Tensor) -> Tensor:
            R = (Y[rows] + offset).sub_(_times(X, W))
            return R if self.weight is None else R.mul_(self.weight[rows, None])

        return self._summed(residuals, len(which))

    def _compiled(self, Y: Tensor, w: Tensor, level: float, weight: Tensor | None) -> Tensor:
        """``X'(Y + level - X @ w)``, weighted, in float64 for one target, where loops are compiled."""
        from skdl.kernels._design_loops import add_left_over

        X, y, slopes = self.design.X.numpy(), Y[:, 0].numpy(), w.contiguous().numpy()
        share = np.empty(0) if weight is None else weight.numpy()

        def work(rows: slice) -> np.ndarray:
            total = np.zeros(len(slopes) + 1)
            total[-1] = add_left_over(X[rows], y[rows], level, slopes, share[rows], total[:-1])
            return total

        total = torch.from_numpy(sum(on_threads(work, cut(len(X), 16))))
        return self._centred(total[:-1, None], total[-1:])

    def _summed(self, make: Callable[[slice, Tensor], Tensor], width: int) -> Tensor:
        """``X'R`` in float64, for R that is made of each tile of rows."""

        def work(_, rows: slice) -> tuple[Tensor, Tensor]:
            X = self._tile(rows)
            R = make(rows, X)
            return X.T @ R, R.sum(dim=0)

        total, mass = self.design.summed(work, self.design.tiles(width))
        return self._centred(total, mass)

    def _centred(self, total: Tensor, mass: Tensor) -> Tensor:
        """``X'R`` of centred X, from that of X as it stands (d, t) and the sums of R (t,)."""
        return (total - self.design.mean[:, None] * mass) * self.unit

    def predicted(self, W: Tensor) -> Tensor:
        """``X @ W`` in float64, for W (d, t) of the design's columns."""
        result = torch.empty(self.design.n, W.shape[1], dtype=self.wide, device=W.device)
        for rows in self.design.slices():
            torch.matmul(self._tile(rows), W, out=result[rows])
        return result.sub_(self.design.mean @ W)

    def solve(self, alphas: np.ndarray) -> Tensor:
        """The coefficients (d, t) for one penalty per target."""
        W = torch.empty(self.design.d, self.Y.shape[1], dtype=self.wide, device=self.Y.device)
        for alpha in np.unique(alphas):
            which = torch.from_numpy(np.flatnonzero(alphas == alpha)).to(W.device)
            W[:, which] = self._solve_one(float(alpha), which)
        return W

    def _solve_one(self, alpha: float, which: Tensor) -> Tensor:
        if self.dual:
            kernel = self.kernel.clone()
            kernel.diagonal().add_(alpha / self.top**2)
            root = None if self.weight is None else self.weight.sqrt()[:, None]
            Y = self.Y[:, which] if root is None else self.Y[:, which] * root
            factor = factorize(kernel)
            dual = torch.cholesky_solve(Y, factor)
            dual += torch.cholesky_solve(Y - kernel @ dual, factor)
            return self.rows.T @ dual * (self.scale / self.top)[:, None] * self.unit
        lift = self._lift(alpha)
        factor = factorize(self.gram + torch.diag(lift))
        W = torch.cholesky_solve(self.moment[:, which], factor)
        # What the normal equations lose in digits, residuals of the data themselves give back.
        alive = (lift < _HOPELESS)[:, None]
        W *= alive
        for _ in range(2):
            left = self._left_over(W, which) - lift[:, None] * W
            correction = torch.cholesky_solve(left, factor) * alive
            W += correction
            if float(correction.norm()) <= _SETTLED * float(W.norm()):
                break
        return W

    def _lift(self, alpha: float) -> Tensor:
        return (alpha / self.scale / self.scale).clamp_max(_HOPELESS)

    def solve_positive(self, alphas: np.ndarray) -> Tensor:
        """As :meth:`solve`, with no coefficient below zero, by Lawson and Hanson's algorithm on a factor of X."""
        d, (n, t) = self.design.d, self.Y.shape
        both = torch.empty(n, d + t, dtype=self.wide, device=self.Y.device)
        for rows in self.design.slices():
            torch.sub(self._tile(rows), self.design.mean, out=both[rows, :d])
        both[:, d:] = self.Y
        if self.weight is not None:
            both *= self.weight.sqrt()[:, None]
        R = torch.linalg.qr(both, mode="r").R.cpu().double().numpy() * np.sqrt(self.unit)
        R, target = R[: min(n, d), :d], R[: min(n, d), d:]
        W = torch.empty(d, t, dtype=self.wide, device=self.Y.device)
        for k in range(t):
            lift = self._lift(float(alphas[k])).cpu().double().numpy()
            stacked = np.vstack([R, np.diag(np.sqrt(lift))]) if alphas[k] > 0 else R
            solution, _ = nnls(stacked, np.append(target[:, k], np.zeros(len(stacked) - len(R))))
            W[:, k] = torch.from_numpy(solution * (lift < _HOPELESS)).to(W)
        return W

    def leave_one_out(self, alphas: np.ndarray, intercept: bool) -> np.ndarray:
        """Residuals (len(alphas), n, t) of models that were fitted without the sample in question.

        From one eigendecomposition: ``r / (1 - h)`` with the leverage ``h`` of the sample (Allen 1974,
        https://doi.org/10.1080/00401706.1974.10489157). Where the leverage is one, the sample alone decides its
        prediction, and the residual is NaN.
        """
        top = float(self.scale.max())
        relative = self.scale / top
        if self.dual:
            values, U = torch.linalg.eigh(self.kernel)
            values = values.clamp_min(0.0)
            T = U * (values / self.unit).sqrt()  # weighted rows
            T = T if self.weight is None else T / self.weight.sqrt().clamp_min(1e-300)[:, None]
        else:
            values, V = torch.linalg.eigh(self.gram * relative[:, None] * relative)
            T = self.predicted(V * relative[:, None])
        Z = (T.T @ self.weighted) * self.unit  # (r, t)
        weight = torch.ones_like(T[:, 0]) if self.weight is None else self.weight
        result = np.empty((len(alphas), *self.Y.shape))
        for i, alpha in enumerate(alphas):
            penalized = values + alpha / top**2
            floor = 1e-13 * float(values.max()) if alpha == 0 else 0.0
            inverse = torch.where(penalized > floor, 1.0 / penalized, 0.0)
            R = self.Y - T @ (inverse[:, None] * Z)
            leverage = self.unit * weight * (T * T @ inverse)
            if intercept:
                leverage = leverage + weight * self.unit / self.design.total
            rest = torch.where(leverage < 1 - 1e-10, 1.0 - leverage, torch.nan)
            result[i] = (R / rest[:, None]).cpu().numpy()
        return result


def _times(X: Tensor, W: Tensor) -> Tensor:
    """``X @ W``, which a library does slowly for one column: it fetches rows one after the other."""
    return (X * W[:, 0]).sum(dim=1, keepdim=True) if W.shape[1] == 1 else X @ W


def least_norm(design: Design, Y: Tensor, rcond: float) -> tuple[Tensor, int, np.ndarray]:
    """Least squares of least norm, by the singular values of the user's columns.

    Returns
    -------
    W : Tensor of shape (d, t)
        For the design's columns.
    rank : int
        How many singular values exceed ``rcond`` times the largest.
    singular : ndarray of shape (min(n, d),)
    """
    wide = wide_dtype(Y.device)
    scale = torch.from_numpy(design.scale).to(Y)
    top = float(scale.max())
    X = (design.X.to(wide) - design.mean) * (scale / top)
    if design.weight is not None:
        root = (design.weight.to(wide) * (design.total / design.n)).sqrt()[:, None]
        X, Y = X * root, Y * root
    U, s, Vh = torch.linalg.svd(X, full_matrices=False)
    large = s > rcond * s.max()
    inverse = torch.where(large, 1.0 / s, 0.0)
    W = Vh.T @ (inverse[:, None] * (U.T @ Y))
    return W * (scale / top)[:, None], int(large.sum()), (s * top).cpu().numpy()


def solve_sparse(design: Design, Y: np.ndarray, alphas: np.ndarray, *, tol: float, max_iter: int | None):
    """Ridge regression on a sparse design by LSQR with implicit centring.

    Paige & Saunders (1982), https://doi.org/10.1145/355984.355989.

    Parameters
    ----------
    design : Design
        Sparse samples.
    Y : ndarray of shape (n, t)
        Centred targets.
    alphas : ndarray of shape (t,)
        One penalty per target.
    tol : float
        Relative tolerance of LSQR.
    max_iter : int or None
        How many iterations at most for each target; None leaves it to LSQR.

    Returns
    -------
    W : ndarray of shape (d, t)
        For the user's columns.
    n_iter : ndarray of shape (t,)
    """
    X, XT = design.X.double(), design.transposed.double()  # type: ignore[union-attr]
    mean, scale = design.mean.cpu().double().numpy(), design.scale
    unit = design.total / design.n
    root = np.full(design.n, np.sqrt(unit))
    if design.weight is not None:
        root = np.sqrt(design.weight.cpu().double().numpy() * unit)
    device = design.X.device

    def forward(w):
        image = (X @ torch.from_numpy(np.ascontiguousarray(w * scale)).to(device)[:, None])[:, 0]
        return root * (image.cpu().numpy() - mean @ (w * scale))

    def backward(v):
        v = root * v
        image = (XT @ torch.from_numpy(np.ascontiguousarray(v)).to(device)[:, None])[:, 0]
        return scale * (image.cpu().numpy() - mean * v.sum())

    operator = spla.LinearOperator((design.n, design.d), matvec=forward, rmatvec=backward, dtype=np.float64)
    W, n_iter = np.empty((design.d, Y.shape[1])), np.empty(Y.shape[1], dtype=np.int32)
    for t in range(Y.shape[1]):
        W[:, t], _, n_iter[t], *_ = spla.lsqr(
            operator, root * Y[:, t], damp=np.sqrt(alphas[t]), atol=tol, btol=tol, iter_lim=max_iter
        )
    return W, n_iter
