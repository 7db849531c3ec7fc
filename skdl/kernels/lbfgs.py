"""The L-BFGS method with a preconditioner, and with pairs of steps that outlive a change of the penalty.

Each step costs one pass over the samples. The preconditioner is the curvature where all classes are equally likely; the
pairs correct it by what the gradient was seen to do (Liu and Nocedal 1989, https://doi.org/10.1007/BF01589116). When
the penalty of a quadratic changes, so does the gradient's part of each pair, by a known amount: along a path of
penalties nothing that was learnt is lost.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from skdl.kernels.newton import Solution, lower_value

# More pairs save few passes more, and a step costs as many products of parameter vectors. Of long vectors fewer are
# kept: memory for three to a pair.
_MAX_PAIRS, _FEWEST_PAIRS, _PAIR_VALUES = 30, 5, 1 << 23


class Pairs:
    """The latest steps, and how the gradient changed along them before and after it was preconditioned.

    Rows of ``S``, ``Y`` and ``solved``, of shape (m, q), on the CPU.
    """

    def __init__(self):
        self.S = self.Y = self.solved = torch.zeros(0, 0, dtype=torch.float64)
        self.products = self.S  # (m, m), S @ Y.T
        self.penalty: Tensor | None = None

    def set_penalty(self, penalty: Tensor, mask: Tensor) -> None:
        """Let the pairs be those of another penalty (d + 1,); where the mask is zero a parameter stays at zero."""
        new = torch.where(mask > 0, penalty, torch.full_like(penalty, -1.0)).cpu().double()
        if self.penalty is None or bool(((new < 0) != (self.penalty < 0)).any()):
            self._take(slice(0, 0))
        elif len(self.S):
            more = torch.where(new < 0, torch.zeros_like(new), new - self.penalty)
            self.Y = self.Y + (self.S.view(len(self.S), -1, len(new)) * more).view_as(self.Y)
            self.products = self.S @ self.Y.T
            lengths = ((self.S * self.S).sum(dim=1) * (self.Y * self.Y).sum(dim=1)).sqrt()
            self._take(_curved(self.products.diagonal(), lengths))
        self.penalty = new

    def _take(self, kept) -> None:
        self.S, self.Y, self.solved = self.S[kept], self.Y[kept], self.solved[kept]
        self.products = self.products[kept][:, kept]

    def precondition_by(self, precondition: Callable[[Tensor], Tensor]) -> None:
        """Let the preconditioner be another one."""
        if len(self.Y):
            self.solved = torch.stack([precondition(change) for change in self.Y])

    def add(self, step: Tensor, change: Tensor, solved: Tensor) -> None:
        """Remember one more pair, unless it is flat, and forget the oldest where there are many."""
        curvature = step @ change
        if not bool(_curved(curvature, step.norm() * change.norm())):
            return
        if not len(self.S):
            self.S, self.Y, self.solved = step[None], change[None], solved[None]
            self.products = curvature.view(1, 1)
            return
        if len(self.S) >= max(_FEWEST_PAIRS, min(_MAX_PAIRS, _PAIR_VALUES // len(step))):
            self._take(slice(1, None))
        below = torch.cat([self.Y @ step, curvature[None]])
        self.products = torch.cat([torch.cat([self.products, (self.S @ change)[:, None]], dim=1), below[None]])
        self.S, self.Y = torch.cat([self.S, step[None]]), torch.cat([self.Y, change[None]])
        self.solved = torch.cat([self.solved, solved[None]])

    def direction(self, gradient: Tensor, solved: Tensor) -> Tensor:
        """Minus the gradient times the inverse of the curvature that the preconditioner and the pairs make up.

        ``solved`` is the preconditioned gradient.
        """
        if not len(self.S):
            return -solved
        # The two loops over the pairs, each as the solution of one triangular system.
        upper, curvature = self.products.triu(), self.products.diagonal()
        alpha = torch.linalg.solve_triangular(upper, (self.S @ gradient)[:, None], upper=True)[:, 0]
        r = (solved - alpha @ self.solved) * (curvature[-1] / (self.Y[-1] @ self.solved[-1]))
        right = self.Y @ r - curvature * alpha
        beta = torch.linalg.solve_triangular(upper.T, right[:, None], upper=False)[:, 0]
        return beta @ self.S - r


def _curved(curvature: Tensor, lengths: Tensor) -> Tensor:
    return curvature > 1e-12 * lengths


def minimize_lbfgs(
    objective, pairs: Pairs, theta: Tensor, precondition, *,
    tol: float, level: float, max_iter: int, noise: float, rarity: Tensor | float = 1.0, step_done=None,
) -> Solution:  # fmt: skip
    """Minimize a smooth convex objective.

    Parameters
    ----------
    objective : object
        Has ``evaluate(theta)``, which returns the value and the gradient.
    pairs : Pairs
        What is known of its curvature; it is added to.
    theta : Tensor
        Where to begin.
    precondition : callable
        Multiplies a gradient by a guess of the inverse Hessian.
    tol, level, max_iter, step_done
        As in :func:`skdl.kernels.newton.minimize_newton`.
    noise : float
        The relative rounding error of a value, which depends on the precision of the products.
    rarity : Tensor or float
        By how much the preconditioner may exaggerate the curvature of each parameter; until the decrease that it
        promises is small even so, there is no end.

    Returns
    -------
    Solution
        Not converged where ``max_iter`` steps were too few, or where rounding ended the search for a lower value.
    """
    n_iter, value = 0, float("inf")

    def preconditioned(values: Tensor) -> Tensor:
        return on_host(precondition(values.to(theta).view_as(theta)))

    def on_host(values: Tensor) -> Tensor:
        return values.cpu().double().reshape(-1)

    try:
        pairs.precondition_by(preconditioned)
        value, gradient = objective.evaluate(theta)
        g = on_host(gradient)
        solved = preconditioned(g)
        heights = on_host(rarity * torch.ones_like(theta))
        while True:
            d = pairs.direction(g, solved)
            slope = float(d @ g)
            direction = d.to(theta).view_as(theta)
            # Of classes that are easily told apart little loss is left, which is to be right as well.
            little = tol**2 * min(level, abs(value))
            near = float(g.abs().max()) <= tol and -0.5 * slope <= little
            if near and 0.5 * float((heights * g) @ solved) <= little:
                # The next step is known already; it is too short to need a check.
                return Solution(theta + direction, value, n_iter + 1, True)
            if n_iter >= max_iter or not slope < 0.0:
                return Solution(theta, value, n_iter, False)
            slack = noise * max(abs(value), level)
            found = lower_value(objective, theta, direction, value, slope, slack)
            if found is None:
                return Solution(theta, value, n_iter, False)
            new_g = on_host(found[2])
            new_solved = preconditioned(new_g)
            pairs.add(on_host(found[0] - theta), new_g - g, new_solved - solved)
            theta, value, _ = found
            g, solved = new_g, new_solved
            n_iter += 1
            if step_done is not None:
                step_done(value)
    except KeyboardInterrupt:
        return Solution(theta, value, n_iter, False, interrupted=True)
