"""Compiled passes over designs against sums by NumPy, and what is fitted by them against what is fitted without."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

import skdl.kernels.design as design
from skdl.kernels._design_loops import add_left_over, add_moments
from skdl.linear_model import LinearRegression, LogisticRegression, Ridge


@pytest.mark.parametrize("m", [1, 3, 4, 103])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("weighted", [False, True])
def test_passes_are_sums_by_numpy(m, dtype, weighted):
    rng = np.random.default_rng(m)
    X = rng.normal(loc=3.0, size=(m, 7)).astype(dtype)
    y, w, weight = rng.normal(size=m), rng.normal(size=7), rng.uniform(size=m)
    wide, share = X.astype(np.float64), weight.astype(dtype) if weighted else np.ones(m, dtype)
    sums = np.ones((2, 7))  # which are added to
    add_moments(X, share if weighted else share[:0], *sums)
    assert_allclose(sums[0], 1 + share.astype(np.float64) @ wide, rtol=1e-13)
    assert_allclose(sums[1], 1 + share.astype(np.float64) @ wide**2, rtol=1e-13)
    total = np.ones(7)
    residual = (y + 0.5 - wide @ w) * (weight if weighted else 1.0)
    mass = add_left_over(X, y, 0.5, w, weight if weighted else weight[:0], total)
    assert mass == pytest.approx(residual.sum(), rel=1e-12, abs=1e-12)
    assert_allclose(total, 1 + residual @ wide, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "model",
    [
        Ridge(alpha=3.0),
        Ridge(alpha=[1.0, 30.0]),
        LinearRegression(fit_intercept=False),
        LinearRegression(),
        LogisticRegression(),
    ],
    ids=str,
)
def test_compiled_or_not_the_model_is_the_same(model, dtype, weighted, monkeypatch):
    rng = np.random.default_rng(0)
    X = (rng.normal(size=(40_000, 60)) + 2.0).astype(dtype)  # so many that they are not copied
    y = X.astype(np.float64) @ rng.normal(size=(60, 2)) + rng.normal(size=(40_000, 2))
    if isinstance(model, LogisticRegression):
        y = (y[:, 0] > y[:, 0].mean()).astype(int)
    elif np.ndim(getattr(model, "alpha", 0)) == 0:
        y = y[:, 0]
    weight = rng.uniform(0.5, 2.0, size=40_000) if weighted else None
    fits = []
    for compiled_from in (1, 1 << 60):
        monkeypatch.setattr(design, "_COMPILED_VALUES", compiled_from)
        fits.append(model.fit(X, y, sample_weight=weight))
        fits[-1] = np.append(model.coef_, model.intercept_)
    tolerance = 1e-5 if isinstance(model, LogisticRegression) or dtype == np.float32 else 1e-11
    assert_allclose(fits[0], fits[1], rtol=tolerance, atol=tolerance * np.abs(fits[1]).max())
