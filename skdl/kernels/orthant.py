"""Newton's method for a smooth convex objective plus weighted absolute values.

Within an orthant the absolute values are linear, so the smooth machinery works there. Each iteration takes a proximal
gradient step, which decides which parameters are zero, and then a Newton step by conjugate gradients among those that
are not, cut off where a parameter would change its sign. Methods of this kind are analysed by Byrd, Chin, Nocedal &
Oztoprak (2016), https://doi.org/10.1007/s10107-015-0941-y, and Chen, Curtis & Robinson (2017),
https://doi.org/10.1137/16M1062259.
"""

import torch
from torch import Tensor

from skdl.kernels.newton import Solution
from skdl.kernels.newton_cg import conjugate_gradients

# How often a Newton step may put parameters to zero and go on.
_MAX_ROUNDS = 20


class _Restricted:
    """A Hessian among some of the parameters, lifted a little so that it is never singular."""

    def __init__(self, curvature, free: Tensor, diagonal: Tensor):
        self.curvature, self.free, self.lift = curvature, free, 1e-9 * diagonal

    def times(self, V: Tensor) -> Tensor:
        return self.curvature.times(V).addcmul_(V, self.lift).mul_(self.free)


def minimize_orthant(
    objective, model, theta: Tensor, l1: Tensor, diagonal: Tensor, *,
    tol: float, level: float, max_iter: int, step_done=None,
) -> Solution:  # fmt: skip
    """Minimize ``objective(theta) + (l1 * |theta|).sum()``.

    Parameters
    ----------
    objective : object
        Has ``penalty`` and ``evaluate(theta)``.
    model : object
        The objective, or the same in a lower precision: steps get a little worse by it, where they lead to does not.
        Has ``curvature_for_many_products(theta)`` with ``times(V)``, ``diagonal()`` and ``preconditioner(free)``.
    theta : Tensor
        Where to begin.
    l1 : Tensor, broadcasts with theta
        The weights of the absolute values; zero for what is free.
    diagonal : Tensor, broadcasts with theta
        A guess of the curvature of each parameter.
    tol, level, max_iter, step_done
        As in :func:`skdl.kernels.newton.minimize_newton`; the gradient is that of the steepest descent, which is zero
        for a parameter that is zero and whose smooth gradient is below its weight.

    Returns
    -------
    Solution
    """
    n_iter, value, safety = 0, float("inf"), 1.0
    l1, flat = l1.expand_as(theta), diagonal.expand_as(theta)
    diagonal = flat
    try:
        smooth, gradient = objective.evaluate(theta)
        value = smooth + float((l1 * theta.abs()).sum())
        while True:
            steepest = _steepest(theta, gradient, l1)
            steep = float(steepest.abs().max())
            decrement = 0.5 * float((steepest * steepest / diagonal).sum())
            if steep == 0.0 or (steep <= tol and n_iter > 0 and decrement <= 1e-2 * tol**2 * level):
                return Solution(theta, value, n_iter, True)
            if n_iter >= max_iter:
                return Solution(theta, value, n_iter, False)
            start_value = value
            slack = 1e-15 * max(abs(value), level)
            # The proximal step; its length adapts to how wrong the diagonal is.
            while True:
                candidate = _shrunk(theta - gradient / (safety * diagonal), l1 / (safety * diagonal))
                change = candidate - theta
                new_smooth, new_gradient = objective.evaluate(candidate)
                bound = float((gradient * change).sum()) + 0.5 * safety * float((diagonal * change * change).sum())
                if new_smooth <= smooth + bound + slack:
                    break
                safety *= 2.0
            safety = max(safety / 1.5, 0.5)
            theta, smooth, gradient = candidate, new_smooth, new_gradient
            value = smooth + float((l1 * theta.abs()).sum())
            # The Newton step among what is not zero.
            signs = theta.sign()
            free = ((theta != 0) | (l1 == 0)).to(theta.dtype)
            reduced = (gradient + l1 * signs) * free
            reduced_decrement = 0.5 * float((reduced * reduced / diagonal).sum())
            promised, whole = 0.0, True
            if reduced_decrement > 0.0:
                curvature = model.curvature_for_many_products(theta)
                diagonal = torch.maximum(curvature.diagonal().to(theta) + objective.penalty, 1e-4 * flat)
                solve = curvature.preconditioner(free) or (lambda v, free=free, diagonal=diagonal: v / diagonal * free)
                forcing = min(0.2, (reduced_decrement / level) ** 0.25)
                direction, whole = _newton_step(theta, reduced, curvature, free, l1, diagonal, solve, forcing)
                slope = float((direction * reduced).sum())
                promised = -0.5 * slope
                step = 1.0
                while step > 1e-8:
                    candidate = theta + step * direction
                    new_smooth, new_gradient = objective.evaluate(candidate)
                    new_value = new_smooth + float((l1 * candidate.abs()).sum())
                    if new_value <= value + 1e-4 * step * slope + slack:
                        theta, smooth, gradient, value = candidate, new_smooth, new_gradient, new_value
                        break
                    step *= 0.4
            n_iter += 1
            if step_done is not None:
                step_done(value)
            left = _steepest(theta, gradient, l1)
            steep = float(left.abs().max())
            outside = 0.5 * float((left * left * (1.0 - free) / diagonal).sum())
            if whole and steep <= tol and promised + outside <= tol**2 * level:
                return Solution(theta, value, n_iter, True)
            if start_value - value <= slack:
                return Solution(theta, value, n_iter, steep <= max(tol, 1e-7))
    except KeyboardInterrupt:
        return Solution(theta, value, n_iter, False, interrupted=True)


def _newton_step(theta, gradient, curvature, free, l1, diagonal, solve, forcing) -> tuple[Tensor, bool]:
    """Minimize the quadratic model among the free parameters without letting any of them change its sign.

    Whatever would cross zero is put there and held, and conjugate gradients go on among the rest: the step ends inside
    the orthant, so that a line search along it meets no kink. The second result is whether it came to the end.
    """
    signs, active = theta.sign(), free.clone()
    step, image, value = torch.zeros_like(theta), torch.zeros_like(theta), 0.0
    wanted, forcing = forcing, max(forcing, 0.3)
    for _ in range(_MAX_ROUNDS):
        left = (gradient + image) * active
        more, _ = conjugate_gradients(
            _Restricted(curvature, active, diagonal), left, lambda v, held=active: solve(v * held) * held, forcing
        )
        target = theta + step + more
        crossing = (l1 > 0) & (active > 0) & (target.sign() != signs)
        if not bool(crossing.any()):
            step = step + more
            if forcing <= wanted:
                return step, True
            # Nothing crosses any more: now it pays to be exact.
            forcing, image = wanted, curvature.times(step)
            value = float((gradient * step).sum() + 0.5 * (step * image).sum())
            continue
        trial = torch.where(crossing, -theta, step + more)
        image = curvature.times(trial)
        new_value = float((gradient * trial).sum() + 0.5 * (trial * image).sum())
        if new_value >= value:
            # All at once is too much: only up to the first that reaches zero.
            reach = torch.where(crossing, -(theta + step) / more, torch.inf)
            length = reach.min()
            crossing = reach <= length
            trial = torch.where(crossing, -theta, step + length * more)
            image = curvature.times(trial)
            new_value = float((gradient * trial).sum() + 0.5 * (trial * image).sum())
        step, value = trial, new_value
        active = active * (~crossing)
    return step, False


def _shrunk(theta: Tensor, by: Tensor) -> Tensor:
    return theta.sign() * (theta.abs() - by).clamp_min(0.0)


def _steepest(theta: Tensor, gradient: Tensor, l1: Tensor) -> Tensor:
    """The subgradient of least norm."""
    return torch.where(theta != 0, gradient + l1 * theta.sign(), _shrunk(gradient, l1))
