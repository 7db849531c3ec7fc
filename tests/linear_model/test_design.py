"""Sums over the rows of a design, against NumPy in float64, by any number of threads."""

import numpy as np
import pytest
import torch

from skdl.kernels.design import make_design
from skdl.kernels.ridge import RidgeSystem

CPU = torch.device("cpu")


def rows(n, d, dtype, *, offset=0.0):
    return (np.random.default_rng(n + d).normal(size=(n, d)) + offset).astype(dtype)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("n", "d"), [(300, 5), (45_001, 50), (4000, 600)])
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 2e-5), (np.float64, 1e-12)])
def test_gram_matrix(n, d, dtype, tolerance, weighted):
    X = rows(n, d, dtype, offset=3.0)
    weight = np.random.default_rng(0).uniform(0.0, 2.0, n) if weighted else None
    design = make_design(X, weight, center=True, device=CPU)
    wide = X.astype(np.float64)
    centred = (wide - np.average(wide, axis=0, weights=weight)) / design.scale
    mass = np.ones(n) if weight is None else weight
    expected = (centred * mass[:, None]).T @ centred / mass.sum()
    np.testing.assert_allclose(design.gram().numpy(), expected, atol=tolerance)
    np.testing.assert_allclose(design.square.numpy(), np.diag(expected), rtol=1e-4, atol=tolerance)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_columns_far_from_zero_lose_no_digits_to_rows_that_are_not_copied(dtype):
    X = rows(45_001, 50, dtype, offset=20.0 if dtype == np.float32 else 500.0)
    Y = np.random.default_rng(1).normal(size=(45_001, 2))
    design = make_design(X, None, center=True, device=CPU)
    assert (design.scale == 1).all(), "the rows were copied"
    system = RidgeSystem(design, torch.from_numpy(Y - Y.mean(axis=0)))
    W = system.solve(np.array([1.0, 10.0])).numpy()
    wide = X.astype(np.float64)
    wide -= wide.mean(axis=0)
    for k, alpha in enumerate((1.0, 10.0)):
        A = wide.T @ wide + alpha * np.eye(50)
        np.testing.assert_allclose(
            W[:, k], np.linalg.solve(A, wide.T @ (Y[:, k] - Y[:, k].mean())), rtol=1e-9, atol=1e-13
        )


def test_threads_change_no_bit():
    X = rows(45_001, 50, np.float64)
    Y = torch.from_numpy(rows(45_001, 1, np.float64))
    results = []
    before = torch.get_num_threads()
    try:
        for n_threads in (1, 3):
            torch.set_num_threads(n_threads)
            system = RidgeSystem(make_design(X, None, center=True, device=CPU), Y)
            results.append((system.gram, system.moment, system.solve(np.ones(1))))
    finally:
        torch.set_num_threads(before)
    for one, several in zip(*results, strict=True):
        assert torch.equal(one, several)
