"""Newton's method for smooth convex objectives of few parameters."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass
class Solution:
    """Where a solver came to."""

    theta: Tensor
    value: float
    n_iter: int
    converged: bool
    interrupted: bool = False


def lower_value(objective, theta: Tensor, direction: Tensor, value: float, slope: float, slack: float):
    """Go along a direction, by shorter and shorter steps, until the value is low enough.

    Returns
    -------
    tuple of (theta, value, gradient) or None
        None where no step lowers the value.
    """
    step = 1.0
    while step >= 1e-6:
        candidate = theta + step * direction
        new_value, new_gradient = objective.evaluate(candidate)
        if new_value <= value + 1e-4 * step * slope + slack:
            return candidate, new_value, new_gradient
        step *= 0.4
    return None


def factorize(H: Tensor) -> Tensor:
    """The Cholesky factor of a symmetric matrix, which is lifted until it is positive definite."""
    diagonal = H.diagonal()
    lift = diagonal.clamp_min(1e-300)
    factor, info = torch.linalg.cholesky_ex(H)
    jitter = 1e-13 if H.dtype == torch.float64 else 1e-6
    while int(info) != 0:
        lifted = H.clone()
        lifted.diagonal().add_(lift * jitter + 1e-300)
        factor, info = torch.linalg.cholesky_ex(lifted)
        jitter *= 30.0
        if jitter > 1e3:
            return torch.diag(lift.sqrt())
    return factor


def minimize_newton(objective, theta: Tensor, *, tol: float, level: float, max_iter: int, step_done=None) -> Solution:
    """Minimize by Newton steps with backtracking.

    Parameters
    ----------
    objective : object
        Has ``evaluate(theta)`` and ``evaluate_with_positive_hessian(theta)``.
    theta : Tensor
        Where to begin.
    tol : float
        Stop when no component of the gradient exceeds it and the decrease that a further step promises is below
        ``tol ** 2 * level``.
    level : float
        A typical value of the objective.
    max_iter : int
        How many steps at most.
    step_done : callable or None
        Called after every step with the value reached.

    Returns
    -------
    Solution
    """
    n_iter, value = 0, float("inf")
    try:
        value, gradient, H = objective.evaluate_with_positive_hessian(theta)
        while n_iter < max_iter:
            direction = -torch.cholesky_solve(gradient.reshape(-1, 1), factorize(H)).reshape(theta.shape)
            slope = float((direction * gradient).sum())
            if float(gradient.abs().max()) <= tol and -0.5 * slope <= tol**2 * level:
                # The step is known already and squares the error; it is too short to need a check.
                return Solution(theta + direction, value, n_iter + 1, True)
            step, noise = 1.0, 1e-15 * max(abs(value), level)
            while True:
                candidate = theta + step * direction
                new = (
                    objective.evaluate_with_positive_hessian(candidate)
                    if step == 1.0
                    else objective.evaluate(candidate)
                )
                if new[0] <= value + 1e-4 * step * slope + noise:
                    break
                step *= 0.25
                if step < 1e-9:
                    return Solution(theta, value, n_iter, -slope <= 1e-12 * level)
            if len(new) == 2:
                new = objective.evaluate_with_positive_hessian(candidate)
            at_rounding = value - new[0] <= noise and -slope <= 8 * noise
            theta = candidate
            value, gradient, H = new
            n_iter += 1
            if step_done is not None:
                step_done(value)
            if at_rounding:
                return Solution(theta, value, n_iter, True)
    except KeyboardInterrupt:
        return Solution(theta, value, n_iter, False, interrupted=True)
    return Solution(theta, value, n_iter, bool(max_iter == 0))
