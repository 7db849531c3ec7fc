"""Newton's method whose steps come from conjugate gradients: no Hessian is formed, only its products.

Nash (2000), https://doi.org/10.1016/S0377-0427(00)00426-X, surveys truncated Newton methods. Two things make it quick
here. The preconditioner is the curvature itself, first as it is where all classes are equally likely (one Gram matrix
for all) and, once that wears out, in blocks of the current point. And the curvature may come from fewer samples or
from a lower precision than the gradient (Byrd et al. 2011, https://doi.org/10.1137/10079923X): the steps get a little
worse, the point that they lead to does not.
"""

import torch
from torch import Tensor

from skdl.kernels.newton import Solution, lower_value

_MAX_PRODUCTS = 250
# Conjugate gradients that needed more products than this call for a better preconditioner.
_MANY_PRODUCTS = 12


def minimize_newton_cg(
    objective, models: list, theta: Tensor, precondition, *,
    tol: float, level: float, max_iter: int, noise: float = 1e-15, step_done=None,
) -> Solution:  # fmt: skip
    """Minimize a smooth convex objective.

    Parameters
    ----------
    objective : object
        Has ``evaluate(theta)``, which returns the value and the gradient.
    models : list of objects
        From the cheapest to the best; each has ``curvature(theta)``, whose result has ``times(V)`` and
        ``preconditioner()`` (None where that would cost too much). The next one is taken when steps get poor.
    theta : Tensor
        Where to begin.
    precondition : callable
        Multiplies a gradient by a guess of the inverse Hessian.
    tol, level, max_iter, step_done
        As in :func:`skdl.kernels.newton.minimize_newton`.
    noise : float
        The relative rounding error of a value, which depends on the precision of the products.

    Returns
    -------
    Solution
    """
    models = list(models)
    n_iter, value = 0, float("inf")
    # One logit has one block, which is the whole Hessian: there is nothing better.
    worn = len(theta) == 1
    promised = float("inf")
    try:
        value, gradient = objective.evaluate(theta)
        while True:
            decrement = 0.5 * float((gradient * precondition(gradient)).sum())
            steep = float(gradient.abs().max())
            if steep == 0.0:
                return Solution(theta, value, n_iter, True)
            if n_iter >= max_iter:
                return Solution(theta, value, n_iter, steep <= tol and decrement <= tol**2 * level)
            curvature = models[0].curvature(theta)
            solve = (curvature.preconditioner() if worn else None) or precondition
            # Curvature of some of the samples is itself only known to about a tenth.
            forcing = min(0.25, max((decrement / level) ** 0.25, 0.05 if len(models) > 1 else 0.0))
            direction, products = conjugate_gradients(curvature, gradient, solve, forcing)
            worn = worn or products > _MANY_PRODUCTS
            slope = float((direction * gradient).sum())
            last_promised, promised = promised, -0.5 * slope
            if steep <= tol and promised <= tol**2 * level:
                return Solution(theta + direction, value, n_iter + 1, True)
            if len(models) > 1 and promised > 0.3 * last_promised:
                models.pop(0)
            slack = noise * max(abs(value), level)
            found = lower_value(objective, theta, direction, value, slope, slack)
            if found is None:
                if len(models) > 1:
                    models.pop(0)
                    continue
                return Solution(theta, value, n_iter, promised <= 1e3 * noise * level)
            at_rounding = value - found[1] <= slack and promised <= 8 * slack
            theta, value, gradient = found
            n_iter += 1
            if step_done is not None:
                step_done(value)
            if at_rounding:
                return Solution(theta, value, n_iter, True)
    except KeyboardInterrupt:
        return Solution(theta, value, n_iter, False, interrupted=True)


def conjugate_gradients(curvature, gradient: Tensor, solve, forcing: float) -> tuple[Tensor, int]:
    """Solve ``H x = -gradient`` until the residual has shrunk by ``forcing`` in the preconditioned norm."""
    x = torch.zeros_like(gradient)
    residual = -gradient
    z = solve(residual)
    direction = z.clone()
    square = float((residual * z).sum())
    goal = forcing**2 * square
    for products in range(1, _MAX_PRODUCTS + 1):
        image = curvature.times(direction)
        bend = float((direction * image).sum())
        if not bend > 0.0:
            # Flat to rounding: what has been found so far is the step; at the very first, the scaled gradient.
            return (x if products > 1 else direction), products
        length = square / bend
        x += length * direction
        residual = residual - length * image
        z = solve(residual)
        new_square = float((residual * z).sum())
        if new_square <= goal or not new_square < float("inf"):
            break
        direction = z + (new_square / square) * direction
        square = new_square
    return x, products
