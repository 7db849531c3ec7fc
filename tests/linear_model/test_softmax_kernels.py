"""The compiled pass over the samples and the preconditioned L-BFGS that large softmax regressions are solved by."""

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from scipy.special import expit, log_expit, log_softmax, softmax

from skdl.kernels import softmax_solver
from skdl.kernels.design import make_design
from skdl.kernels.lbfgs import Pairs, minimize_lbfgs
from skdl.kernels.softmax_regression import SoftmaxObjective
from skdl.kernels.softmax_solver import minimize_smooth, preconditioner

CPU = torch.device("cpu")


def _objective(n, d, n_classes, *, weighted=False, penalty=1e-3, spread=1.0, offset=0.0):
    rng = np.random.default_rng(n + d + n_classes)
    X = (rng.normal(size=(n, d)) * np.geomspace(1.0, spread, d) + offset).astype(np.float32)
    logits = X.astype(np.float64) @ rng.normal(size=(d, n_classes)) + rng.gumbel(size=(n, n_classes))
    y = logits.argmax(axis=1)
    weight = rng.integers(0, 3, n).astype(np.float64) if weighted else None
    design = make_design(X.astype(np.float64), weight, center=True, device=CPU)
    return SoftmaxObjective(design, torch.from_numpy(y), n_classes, penalty, True)


@pytest.mark.parametrize("n", [1, 127, 128, 5000])
@pytest.mark.parametrize("n_classes", [2, 3, 40])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("scale", [0.0, 1.0, 300.0])
def test_compiled_residuals_are_those_of_scipy(n, n_classes, weighted, scale):
    from skdl.kernels._softmax_loops import binary_residuals, residuals

    rng = np.random.default_rng(0)
    Z = (scale * rng.normal(size=(1 if n_classes == 2 else n_classes, n))).astype(np.float32)
    codes = rng.integers(n_classes, size=n)
    weight = rng.uniform(0, 2, n).astype(np.float32) if weighted else np.zeros(0, np.float32)
    share = weight.astype(np.float64) if weighted else np.ones(n)
    wide, sums = Z.astype(np.float64), np.zeros(len(Z) + 1)
    if n_classes == 2:
        sign = 1 - 2 * codes
        loss = -(share * log_expit(-sign * wide[0])).sum()
        expected = (share * sign * expit(sign * wide[0]))[None]
        binary_residuals(Z, sign.astype(np.float32), weight, sums)
    else:
        loss = -(share * log_softmax(wide, axis=0)[codes, np.arange(n)]).sum()
        expected = softmax(wide, axis=0)
        expected[codes, np.arange(n)] -= 1
        expected *= share
        residuals(Z, codes, weight, sums)
    np.testing.assert_allclose(Z, expected, atol=2e-6)
    np.testing.assert_allclose(sums[:-1], expected.sum(axis=1), atol=2e-6 * n)
    assert sums[-1] == pytest.approx(loss, rel=1e-6, abs=1e-15 * n)


@pytest.mark.parametrize("n_classes", [2, 3, 4, 6])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("kept", [0, 1 << 28])
def test_the_pass_in_single_precision_is_that_in_double_precision(n_classes, weighted, kept, monkeypatch):
    monkeypatch.setattr("skdl.kernels.design._TURNED_BYTES", kept)
    objective = _objective(9001, 23, n_classes, weighted=weighted, offset=5.0)
    theta, _ = objective.start()
    theta = theta + 0.3 * torch.from_numpy(np.random.default_rng(1).normal(size=theta.shape))
    value, gradient = objective.evaluate(theta)
    single_value, single_gradient = objective.on_rows(None).evaluate(theta)
    assert single_value == pytest.approx(value, rel=1e-6)
    np.testing.assert_allclose(single_gradient.numpy(), gradient.numpy(), atol=1e-6)


@pytest.mark.parametrize("n", [1, 2, 3, 63, 64, 65, 511, 513, 514, 515])
@pytest.mark.parametrize("n_blocks_kept", [0, 100])
def test_compiled_passes_of_any_size(n, n_blocks_kept):
    from skdl.kernels._softmax_loops import several_classes
    from skdl.kernels._turned_loops import turn

    rng = np.random.default_rng(n)
    X = rng.normal(size=(n, 7)).astype(np.float32)
    slopes, offset = rng.normal(size=(5, 7)).astype(np.float32), rng.normal(size=5).astype(np.float32)
    codes = rng.integers(5, size=n)
    turned = np.empty((min(n_blocks_kept, -(-n // 64)), 7, 64), dtype=np.float32)
    turn(X, np.zeros(7, np.float32), np.float32(1), turned)
    total, sums = np.zeros((5, 7)), np.zeros(6)
    several_classes(X, turned, slopes, offset, codes, np.zeros(0, np.float32), total, sums)
    logits = X.astype(np.float64) @ slopes.T.astype(np.float64) + offset
    residuals = softmax(logits, axis=1) - np.eye(5)[codes]
    np.testing.assert_allclose(total, residuals.T @ X, atol=1e-6 * n)
    np.testing.assert_allclose(sums[:5], residuals.sum(axis=0), atol=1e-6 * n)
    assert sums[5] == pytest.approx(-log_softmax(logits, axis=1)[np.arange(n), codes].sum(), rel=1e-6)


@pytest.mark.parametrize("spread", [1.0, 1e-3])
def test_lbfgs_finds_the_minimum_that_scipy_finds(spread):
    objective = _objective(3000, 12, 5, spread=spread)
    theta, level = objective.start()

    def flat(values):
        value, gradient = objective.evaluate(torch.from_numpy(values).view_as(theta))
        return value, gradient.numpy().ravel()

    options = {"maxiter": 5000, "gtol": 1e-9, "ftol": 1e-15}
    reference = minimize(flat, theta.numpy().ravel(), jac=True, method="L-BFGS-B", options=options)
    found = minimize_lbfgs(
        objective, objective.pairs(fresh=True), theta, preconditioner(objective), tol=1e-6, level=level,
        max_iter=200, noise=1e-15,
    )  # fmt: skip
    assert found.converged
    assert objective.evaluate(found.theta)[0] <= reference.fun + 1e-11 * level


def test_pairs_follow_a_change_of_the_penalty():
    objective = _objective(2000, 7, 4)
    theta, level = objective.start()
    pairs = objective.pairs(fresh=True)
    solve = preconditioner(objective)
    minimize_lbfgs(objective, pairs, theta, solve, tol=1e-7, level=level, max_iter=8, noise=1e-15)
    S, Y = pairs.S.clone(), pairs.Y.clone()
    assert len(S) == 8
    other = objective.with_penalty(0.5)
    assert other.pairs(fresh=False) is pairs
    # The same step changes the new objective's gradient by what the pair now says.
    step = S[-1].view_as(theta)
    there = minimize_lbfgs(objective, Pairs(), theta, solve, tol=0.0, level=level, max_iter=8, noise=1e-15).theta
    change = other.evaluate(there)[1] - other.evaluate(there - step)[1]
    np.testing.assert_allclose(pairs.Y[-1].numpy(), change.numpy().ravel(), rtol=1e-6, atol=1e-12)
    assert not np.allclose(pairs.Y[-1], Y[-1])
    solve = preconditioner(other)
    pairs.precondition_by(lambda values: solve(values.view_as(theta)).ravel())
    gradient = -pairs.Y[-1]
    image = pairs.direction(gradient, solve(gradient.view_as(theta)).ravel())
    np.testing.assert_allclose(image.numpy().ravel(), S[-1].numpy(), rtol=1e-8, atol=1e-12)
    assert len(objective.pairs(fresh=True).S) == 0


@pytest.mark.parametrize(("d", "n_classes"), [(12, 6), (15, 2)])
def test_a_sample_that_comes_first_changes_no_minimum(d, n_classes, monkeypatch):
    monkeypatch.setattr(softmax_solver, "_NEWTON_WORK", 0)
    found, passes = [], []
    for at_least in (0, np.inf):
        monkeypatch.setattr(softmax_solver, "_SAMPLED", at_least)
        objective = _objective(20_000, d, n_classes)
        theta, level = objective.start()
        solution = minimize_smooth(objective, theta, tol=1e-4, level=level, max_iter=100)
        assert solution.converged
        found.append(objective.evaluate(solution.theta)[0])
        passes.append(solution.n_iter)
    assert found[0] == pytest.approx(found[1], rel=1e-7)
    assert passes[0] < passes[1]


def test_a_path_takes_fewer_passes_than_its_fits_alone():
    passes = {True: 0, False: 0}
    for alone in passes:
        objective = _objective(20_000, 30, 8)
        theta, level = objective.start()
        for penalty in (1.0, 1e-1, 1e-2, 1e-3):
            member = objective.with_penalty(penalty)
            begin = member.start()[0] if alone else theta
            solution = minimize_smooth(member, begin, tol=1e-4, level=level, max_iter=100, cold=alone)
            assert solution.converged
            passes[alone] += solution.n_iter
            theta = solution.theta
    assert passes[False] < passes[True]
