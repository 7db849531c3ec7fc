"""The L-BFGS method with a preconditioner, and with pairs of steps that outlive a change of the penalty.

Each step costs one pass over the samples. The preconditioner is the curvature where all classes are equally likely; the
pairs correct it by what the gradient was seen to do (Liu and Nocedal 1989, https://doi.org/10.1007/BF01589116). When
the penalty of a quadratic changes, so does the gradient's part of each pair, by a known amount: along a path of
penalties nothing that was learnt is lost.
"""

import torch
from torch import Tensor

from skdl.kernels.newton import Solution, lower_value

# More pairs save few passes more, and a step costs as many products of parameter vectors.
_MAX_PAIRS = 30


class Pairs:
    """The latest steps and how the gradient changed along them, rows of ``S`` and ``Y`` (m, q), on the CPU."""

    def __init__(self):
        self.S = self.Y = self.products = torch.zeros(0, 0, dtype=torch.float64)  # products (m, m) are S @ Y.T
        self.penalty: Tensor | None = None

    def set_penalty(self, penalty: Tensor, mask: Tensor) -> None:
        """Let the pairs be those of another penalty (d + 1,); where the mask is zero a parameter stays at zero."""
        new = torch.where(mask > 0, penalty, torch.full_like(penalty, -1.0)).cpu().double()
        if self.penalty is None or bool(((new < 0) != (self.penalty < 0)).any()):
            self._keep(self.S[:0], self.Y[:0])
        elif len(self.S):
            more = torch.where(new < 0, torch.zeros_like(new), new - self.penalty)
            self._keep(self.S, self.Y + (self.S.view(len(self.S), -1, len(new)) * more).view_as(self.Y))
        self.penalty = new

    def _keep(self, S: Tensor, Y: Tensor) -> None:
        """Keep those pairs along which the curvature is positive."""
        products = S @ Y.T
        good = products.diagonal() > 1e-12 * (S * S).sum(dim=1).sqrt() * (Y * Y).sum(dim=1).sqrt()
        if not bool(good.all()):
            S, Y, products = S[good], Y[good], products[good][:, good]
        self.S, self.Y, self.products = S, Y, products

    def add(self, step: Tensor, change: Tensor) -> None:
        """Remember one more pair, and forget the oldest where there are many."""
        s, y = (values.reshape(1, -1).cpu().double() for values in (step, change))
        if len(self.S):
            first = max(0, len(self.S) + 1 - _MAX_PAIRS)
            s, y = torch.cat([self.S[first:], s]), torch.cat([self.Y[first:], y])
        self._keep(s, y)

    def direction(self, gradient: Tensor, precondition) -> Tensor:
        """Minus the gradient times the inverse of the curvature that the preconditioner and the pairs make up."""
        if not len(self.S):
            return -precondition(gradient)

        def preconditioned(values: Tensor) -> Tensor:
            return precondition(values.to(gradient).view_as(gradient)).cpu().double().view(-1)

        # The two loops over the pairs, each as the solution of one triangular system.
        g = gradient.cpu().double().view(-1)
        upper, curvature = self.products.triu(), self.products.diagonal()
        alpha = _solved(upper, self.S @ g, upper=True)
        last = preconditioned(self.Y[-1])
        r = preconditioned(g - self.Y.T @ alpha) * (curvature[-1] / (self.Y[-1] @ last))
        beta = _solved(upper.T, self.Y @ r - curvature * alpha, upper=False)
        return (self.S.T @ beta - r).to(gradient).view_as(gradient)


def _solved(triangle: Tensor, right: Tensor, *, upper: bool) -> Tensor:
    return torch.linalg.solve_triangular(triangle, right[:, None], upper=upper)[:, 0]


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
    try:
        value, gradient = objective.evaluate(theta)
        while True:
            direction = pairs.direction(gradient, precondition)
            slope = float((direction * gradient).sum())
            # Of classes that are easily told apart little loss is left, which is to be right as well.
            little = tol**2 * min(level, abs(value))
            near = float(gradient.abs().max()) <= tol and -0.5 * slope <= little
            if near and 0.5 * float((rarity * gradient * precondition(gradient)).sum()) <= little:
                # The next step is known already; it is too short to need a check.
                return Solution(theta + direction, value, n_iter + 1, True)
            if n_iter >= max_iter or not slope < 0.0:
                return Solution(theta, value, n_iter, False)
            slack = noise * max(abs(value), level)
            found = lower_value(objective, theta, direction, value, slope, slack)
            if found is None:
                return Solution(theta, value, n_iter, False)
            pairs.add(found[0] - theta, found[2] - gradient)
            theta, value, gradient = found
            n_iter += 1
            if step_done is not None:
                step_done(value)
    except KeyboardInterrupt:
        return Solution(theta, value, n_iter, False, interrupted=True)
