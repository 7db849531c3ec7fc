"""The Hessian of a softmax objective at one point, as something to multiply by and to divide by."""

import torch
from torch import Tensor

from skdl.kernels.design import csr_like, some_rows
from skdl.kernels.newton import factorize


class SoftmaxCurvature:
    """The Hessian of a :class:`~skdl.kernels.softmax_regression.SoftmaxObjective`; keeps the probabilities (K, n)."""

    def __init__(self, objective, theta: Tensor):
        self.objective = objective
        design = objective.design
        W, offset = objective._affine(theta)
        self.tiles = design.tiles(objective.K)
        self.P: list = [None] * len(self.tiles)

        def work(i, rows):
            Z = design.times(W, offset, design.tile(rows, objective.products))
            self.P[i] = Z.sigmoid_() if objective.K == 1 else torch.softmax(Z, dim=0)
            return ()

        design.summed(work, self.tiles)

    def times(self, V: Tensor) -> Tensor:
        """The Hessian times V (K, d + 1)."""
        objective, design = self.objective, self.objective.design
        W, offset = objective._affine(V * objective.mask)

        def work(i, rows):
            X, P = design.tile(rows, objective.products), self.P[i]
            D = design.times(W, offset, X)  # (K, t)
            if objective.K == 1:
                D *= P
                D *= 1.0 - P
            else:
                D -= (P * D).sum(dim=0)
                D *= P
            if design.weight is not None:
                D *= design.weight[rows].to(D.dtype)
            return design.pulled_back(D, X).to(objective.wide), D.sum(dim=1).to(objective.wide)

        slopes, level = design.summed(work, self.tiles)
        result = torch.cat([slopes, level[:, None]], dim=1)
        result /= design.n
        result[:, :-1].addr_(result[:, -1], design.mean, alpha=-1.0)
        return result.addcmul_(V, objective.penalty).mul_(objective.mask)

    def _blocks(self, index: Tensor | None) -> Tensor:
        """The diagonal blocks (K, d + 1, d + 1) of the mean loss's Hessian, from some of the samples or all."""
        objective, design = self.objective, self.objective.design
        K, d = objective.K, design.d
        X, P, weight = design.X, torch.cat(self.P, dim=1), design.weight
        if index is not None:
            X, P, weight = X[index], P[:, index], None if weight is None else weight[index]
        X = X.to(P.dtype)
        spread = P * (1.0 - P) if weight is None else P * (1.0 - P) * weight
        blocks = torch.empty(K, d + 1, d + 1, dtype=objective.wide, device=X.device)
        first, mass = design.pulled_back(spread, X).to(objective.wide), spread.sum(dim=1).to(objective.wide)
        for k in range(K):
            blocks[k, :d, :d] = design.pulled_back((X * spread[k][:, None]).T, X)
        mean = design.mean
        blocks[:, :d, :d] -= first[:, :, None] * mean + mean[:, None] * first[:, None, :]
        blocks[:, :d, :d] += mass[:, None, None] * torch.outer(mean, mean)
        blocks[:, d, :d] = blocks[:, :d, d] = first - mass[:, None] * mean
        blocks[:, d, d] = mass
        blocks /= len(X)
        return blocks

    def summary(self, memory) -> Tensor:
        """The diagonal blocks from all the samples, or only their diagonal, as a memory keeps them."""
        objective, design = self.objective, self.objective.design
        if memory.precision.ndim == 3 and design.transposed is None:
            blocks = self._blocks(None)
            return blocks * objective.mask[:, None] * objective.mask
        diagonal = self.diagonal()
        return diagonal if memory.precision.ndim == 2 else torch.diag_embed(diagonal)

    def diagonal(self) -> Tensor:
        """The diagonal (K, d + 1) of the mean loss's Hessian; a mean that is only carried along is not taken off."""
        objective, design = self.objective, self.objective.design
        P = torch.cat(self.P, dim=1)
        spread = P * (1.0 - P) if design.weight is None else P * (1.0 - P) * design.weight
        if design.transposed is not None:
            squares = csr_like(design.transposed, design.transposed.values() ** 2)
            first = (squares @ spread.T).T
        else:
            first = design.pulled_back(spread, design.X.to(spread.dtype) ** 2)
        diagonal = torch.cat([first, spread.sum(dim=1, keepdim=True)], dim=1).to(objective.wide) / design.n
        return diagonal * objective.mask

    def preconditioner(self, free: Tensor | None = None):
        """A function that divides a gradient by the Hessian's diagonal blocks, one for each logit.

        ``free`` (K, d + 1) is one for the parameters that may move and zero for the others. None is returned where the
        blocks would cost more than about a hundred products with the Hessian.
        """
        objective, design = self.objective, self.objective.design
        K, d = objective.K, design.d
        n_rows = min(design.n, max(2000, 8 * d, 20 * design.n // d))
        if design.transposed is not None or n_rows * float(d) > 200.0 * design.n or K * float(d) ** 2 > 2e8:
            return None
        index = None if n_rows == design.n else some_rows(design.n, n_rows, design.X.device)
        blocks = self._blocks(index)
        free = objective.mask.expand(K, -1) if free is None else free * objective.mask
        blocks *= free[:, :, None] * free[:, None, :]
        blocks.diagonal(dim1=1, dim2=2).add_(objective.penalty + (1.0 - free) + 1e-12)
        factors = torch.stack([factorize(block) for block in blocks])
        return lambda gradient: torch.cholesky_solve(gradient[:, :, None], factors)[:, :, 0].mul_(free)


class FormedCurvature:
    """The same for few parameters and dense samples: the matrix (q, q) itself, ``q = K (d + 1)``."""

    def __init__(self, objective, theta: Tensor):
        self.objective = objective
        self.H = objective.evaluate_with_hessian(theta)[2]

    def times(self, V: Tensor) -> Tensor:
        """The Hessian times V (K, d + 1)."""
        image = (self.H @ V.reshape(-1)).view_as(V)
        return image.addcmul_(V, self.objective.penalty).mul_(self.objective.mask)

    def diagonal(self) -> Tensor:
        """The diagonal (K, d + 1) of the mean loss's Hessian."""
        return self.H.diagonal().view(self.objective.K, -1).clone()

    def preconditioner(self, free: Tensor):
        """A function that divides a gradient by the Hessian among what is free, see :class:`SoftmaxCurvature`."""
        held = (free * self.objective.mask).reshape(-1)
        H = self.H * held[:, None] * held
        lift = self.objective.penalty.repeat(self.objective.K) + 1e-9 * self.H.diagonal() + (1.0 - held) + 1e-12
        H.diagonal().add_(lift)
        factor = factorize(H)
        return lambda gradient: torch.cholesky_solve(gradient.reshape(-1, 1), factor).view_as(gradient).mul_(free)
