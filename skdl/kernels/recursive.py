"""Softmax regression batch by batch: the earlier batches are remembered as a quadratic around where they led.

Their summed loss is replaced by its second-order expansion (Spiegelhalter & Lauritzen 1990,
https://doi.org/10.1002/net.3230200507), with one block of curvature for each class, or only its diagonal where there
are many columns.
"""

import numpy as np
import torch
from torch import Tensor

from skdl.kernels.design import Design
from skdl.kernels.newton import Solution, factorize
from skdl.kernels.newton_cg import minimize_newton_cg
from skdl.kernels.softmax_regression import SoftmaxObjective

# Up to this many columns a class remembers a whole matrix.
_BLOCK_COLUMNS = 500


class Memory:
    """A quadratic ``(theta - center)' P (theta - center) / 2``; P has one block per class, or a diagonal.

    Parameters
    ----------
    center : Tensor of shape (K, d + 1)
        Where the quadratic is least.
    precision : Tensor of shape (K, d + 1, d + 1) or (K, d + 1)
        The blocks or the diagonal.
    """

    def __init__(self, center: Tensor, precision: Tensor):
        self.center, self.precision = center, precision

    @classmethod
    def blank(cls, K: int, d: int, fit_intercept: bool, device: torch.device) -> "Memory":
        """What is known before the first batch: the l2 penalty."""
        diagonal = torch.ones(K, d + 1, dtype=torch.float64, device=device)
        diagonal[:, -1] = 0.0 if fit_intercept else 1.0
        precision = torch.diag_embed(diagonal) if d <= _BLOCK_COLUMNS else diagonal
        return cls(torch.zeros_like(diagonal), precision)

    def times(self, V: Tensor) -> Tensor:
        """P times V (K, d + 1)."""
        if self.precision.ndim == 2:
            return self.precision * V
        return torch.bmm(self.precision, V[:, :, None])[:, :, 0]


class _Remembering:
    """A batch's mean loss plus the memory, scaled alike."""

    def __init__(self, objective: SoftmaxObjective, memory: Memory, scale: float):
        self.objective, self.memory, self.scale = objective, memory, scale

    def evaluate(self, theta: Tensor) -> tuple[float, Tensor]:
        value, gradient = self.objective.evaluate(theta)
        moved = theta - self.memory.center
        pull = self.memory.times(moved) * self.scale
        return value + 0.5 * float((moved * pull).sum()), gradient + pull * self.objective.mask

    def curvature(self, theta: Tensor) -> "_RememberingCurvature":
        return _RememberingCurvature(self, theta)


class _RememberingCurvature:
    def __init__(self, owner: _Remembering, theta: Tensor):
        self.owner = owner
        self.batch = owner.objective.curvature(theta)

    def times(self, V: Tensor) -> Tensor:
        remembered = self.owner.memory.times(V) * self.owner.scale
        return self.batch.times(V) + remembered * self.owner.objective.mask

    def preconditioner(self, free: Tensor | None = None):
        return _divider(self.owner.memory.precision * self.owner.scale + self.batch.summary(self.owner.memory))


def _divider(blocks: Tensor):
    if blocks.ndim == 2:
        diagonal = torch.where(blocks > 0, blocks, torch.ones_like(blocks))
        return lambda gradient: gradient / diagonal
    factors = torch.stack([factorize(block) for block in blocks])
    return lambda gradient: torch.cholesky_solve(gradient[:, :, None], factors)[:, :, 0]


def learn_batch(
    design: Design, codes: Tensor, n_classes: int, memory: Memory, *,
    C: float, fit_intercept: bool, tol: float, max_iter: int,
) -> tuple[Solution, Memory]:  # fmt: skip
    """Minimize ``C`` times the summed loss of a batch plus what is remembered.

    Parameters
    ----------
    design : Design
        The batch, with columns as the user gave them.
    codes : Tensor of shape (n,)
        The classes.
    n_classes : int
        How many classes there are in all.
    memory : Memory
        What came before.
    C, fit_intercept, tol, max_iter
        As in :func:`skdl.kernels.softmax_solver.minimize`.

    Returns
    -------
    solution : Solution
    memory : Memory
        What is to be remembered now.
    """
    objective = SoftmaxObjective(design, codes, n_classes, 0.0, fit_intercept)
    scale = 1.0 / (C * design.total)
    whole = _Remembering(objective, memory, scale)
    fresh, level = objective.start()
    theta = memory.center.clone()
    level = max(level, float(np.log(2.0)))
    if len(theta) > 1 and fit_intercept:
        # A class that has not come yet is all but impossible by now; bring the intercepts to its frequency first.
        frequency = torch.softmax(fresh[:, -1], dim=0)
        expected = objective.evaluate(theta)[1][:, -1] + frequency
        moved = theta.clone()
        moved[:, -1] += (frequency / expected.clamp_min(1e-12)).log()
        if whole.evaluate(moved)[0] < whole.evaluate(theta)[0]:
            theta = moved
    first = whole.curvature(theta).preconditioner()
    solution = minimize_newton_cg(whole, [whole], theta, first, tol=tol, level=level, max_iter=max_iter)
    if len(theta) > 1:
        solution.theta[:, -1] -= solution.theta[:, -1].mean()
    learnt = objective.curvature(solution.theta).summary(memory) / scale
    return solution, Memory(solution.theta, memory.precision + learnt)
