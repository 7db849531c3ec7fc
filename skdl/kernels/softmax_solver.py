"""Which algorithm minimizes a softmax objective, and with what preconditioner."""

import numpy as np
import torch
from torch import Tensor

from skdl.kernels.design import some_rows
from skdl.kernels.lbfgs import minimize_lbfgs
from skdl.kernels.newton import Solution, factorize, minimize_newton
from skdl.kernels.newton_cg import minimize_newton_cg
from skdl.kernels.orthant import minimize_orthant
from skdl.kernels.softmax_regression import SoftmaxObjective

# A Newton step forms a (q, q) Hessian: up to this many products for it, which cost what four steps of L-BFGS do.
_NEWTON_WORK = 8e6
# Wider than this, the Gram matrix and its factor cost more than the iterations that they save.
_GRAM_COLUMNS = 3000
# From here on products are first made in float32.
_LARGE_PRODUCTS = 2e5
# With so many samples to a column, and so many products, a part of the samples comes first, and no closer than this.
_SAMPLED_ROWS, _SAMPLED, _SAMPLE_TOLERANCE = 1000, 1e7, 1e-2
# Gradients of float32 products do for this tolerance.
_FLOAT32_TOLERANCE = 5e-5
# How values of float32 products are rounded, relatively.
_FLOAT32_NOISE = 3e-7
# Where so many steps of L-BFGS were too few, true curvature is worth its passes; the variances of sparse columns say
# less of it.
_LBFGS_STEPS, _SPARSE_STEPS = 80, 25


def minimize(objective: SoftmaxObjective, l1: float, *, start, tol: float, max_iter: int, step_done=None) -> Solution:
    """Minimize an objective from given coefficients, or from none.

    Parameters
    ----------
    objective : SoftmaxObjective
        The smooth part.
    l1 : float
        What multiplies the absolute coefficients of the user's columns.
    start : tuple of ndarray (K, d) and (K,), or None
        Coefficients and intercepts to begin with.
    tol, max_iter, step_done
        As in :func:`minimize_smooth`.

    Returns
    -------
    Solution
    """
    theta, level = objective.start()
    cold = start is None
    if start is not None:
        theta = objective.from_user(*start)
    if l1 > 0:
        with np.errstate(over="ignore", under="ignore", divide="ignore"):
            weights = np.append(l1 / objective.design.scale, 0.0)
        # A column too small to be worth its penalty stays at zero.
        l1_weights = torch.from_numpy(np.minimum(weights, 1e30)).to(theta)
        square = torch.cat([objective.design.square, torch.ones_like(theta[0, -1:])])
        diagonal = objective.curvature_scale() * square + objective.penalty
        diagonal = torch.where(diagonal > 0, diagonal, torch.ones_like(diagonal))
        model = _in_single_precision(objective) if tol >= _FLOAT32_TOLERANCE else objective
        for factor in _relaxations(objective, theta, l1_weights) if cold else ():
            # With a stronger penalty fewer coefficients are to be sorted out at a time.
            rough = minimize_orthant(
                objective, model, theta, factor * l1_weights, diagonal, tol=max(tol, 1e-2), level=level, max_iter=10
            )
            if rough.interrupted:
                return rough
            theta = rough.theta
        solution = minimize_orthant(
            objective, model, theta, l1_weights, diagonal, tol=tol, level=level, max_iter=max_iter, step_done=step_done
        )
        if objective.K > 1:
            solution.theta[:, -1] -= solution.theta[:, -1].mean()
        return solution
    solution = minimize_smooth(
        objective, _balanced(theta), tol=tol, level=level, max_iter=max_iter, cold=cold, step_done=step_done
    )
    solution.theta = _balanced(solution.theta)
    return solution


def _relaxations(objective: SoftmaxObjective, theta: Tensor, l1: Tensor) -> list[float]:
    """By how much to strengthen an l1 penalty on the way down to it, from where all coefficients are zero."""
    _, gradient = objective.evaluate(theta)
    most = float((gradient.abs().amax(dim=0) / l1.clamp_min(1e-300))[:-1].max())
    return [16.0**power for power in range(int(np.log(max(most, 1.0)) / np.log(16.0)) - 1, 0, -1)]


def _balanced(theta: Tensor) -> Tensor:
    """Take off what all classes have in common: it changes no probability, and only costs penalty."""
    return theta - theta.mean(dim=0) if len(theta) > 1 else theta


def minimize_smooth(
    objective: SoftmaxObjective,
    theta: Tensor,
    *,
    tol: float,
    level: float,
    max_iter: int,
    cold: bool = True,
    step_done=None,
) -> Solution:
    """Minimize an objective without an l1 term.

    Parameters
    ----------
    objective : SoftmaxObjective
        What to minimize.
    theta : Tensor of shape (K, d + 1)
        Where to begin.
    tol, level, max_iter, step_done
        As in :func:`skdl.kernels.newton.minimize_newton`.
    cold : bool
        Whether theta is no better than any other place to begin.

    Returns
    -------
    Solution
    """
    design = objective.design
    dense = design.transposed is None
    if dense and design.n * float(objective.K * (design.d + 1)) ** 2 <= _NEWTON_WORK:
        return minimize_newton(objective, theta, tol=tol, level=level, max_iter=max_iter, step_done=step_done)
    precondition = preconditioner(objective)
    quick_model, pairs = _in_single_precision(objective), objective.pairs(fresh=cold)
    if cold and dense and design.n >= _SAMPLED_ROWS * design.d and design.n * float(design.d) * objective.K >= _SAMPLED:
        # A tenth of so many samples knows the minimum but for its last digits, and most of the curvature.
        sample = objective.on_rows(some_rows(design.n, design.n // 10, design.X.device))
        first = minimize_lbfgs(
            sample, pairs, theta, precondition, tol=max(tol, _SAMPLE_TOLERANCE), level=level,
            max_iter=min(max_iter, _LBFGS_STEPS), noise=_FLOAT32_NOISE, rarity=objective.rarity(),
        )  # fmt: skip
        if first.interrupted:
            return first
        theta = first.theta
    quick = minimize_lbfgs(
        quick_model, pairs, theta, precondition, tol=max(tol, _FLOAT32_TOLERANCE),
        level=level, max_iter=min(max_iter, _LBFGS_STEPS if dense else _SPARSE_STEPS), noise=_noise(quick_model),
        rarity=objective.rarity(), step_done=step_done,
    )  # fmt: skip
    if quick.interrupted or quick.n_iter == max_iter or (quick.converged and tol >= _FLOAT32_TOLERANCE):
        return quick
    if tol < _FLOAT32_TOLERANCE and objective.wide == torch.float64:
        objective = objective.with_products(torch.float64)
    models = [quick_model, objective] if dense else [objective]
    solution = minimize_newton_cg(
        objective, models, quick.theta, precondition, tol=tol, level=level, max_iter=max_iter - quick.n_iter,
        noise=_noise(objective), step_done=step_done,
    )  # fmt: skip
    solution.n_iter += quick.n_iter
    return solution


def _in_single_precision(objective: SoftmaxObjective) -> SoftmaxObjective:
    """The objective with products in float32, where that saves more than it costs to make."""
    design = objective.design
    large = design.transposed is None and design.n * float(design.d) * objective.K > _LARGE_PRODUCTS
    return objective.on_rows(None) if large and objective.products != torch.float32 else objective


def _noise(objective: SoftmaxObjective) -> float:
    """How values are rounded, relatively."""
    return 1e-15 if objective.products == torch.float64 else _FLOAT32_NOISE


def preconditioner(objective: SoftmaxObjective):
    """A function that divides a gradient by the curvature at equal probabilities.

    That curvature is ``c (x x' averaged) + penalty`` for each logit: a Cholesky factor where the columns are few and
    the samples dense and several times as many, else its diagonal.
    """
    design, c = objective.design, objective.curvature_scale()
    penalty, mask = objective.penalty[:-1], objective.mask
    if design.transposed is None and design.d <= _GRAM_COLUMNS and 4 * design.d <= design.n:
        factor = factorize(c * objective.gram(limit=max(20_000, 16 * design.d)) + torch.diag(penalty))

        def solve(gradient: Tensor) -> Tensor:
            result = torch.empty_like(gradient)
            result[:, :-1] = torch.cholesky_solve(gradient[:, :-1].T, factor).T
            result[:, -1] = gradient[:, -1] / c
            return result.mul_(mask)

        return solve
    diagonal = torch.cat([c * design.square + penalty, torch.full_like(penalty[:1], c)])
    diagonal = torch.where(diagonal > 0, diagonal, torch.ones_like(diagonal))
    return lambda gradient: gradient / diagonal
