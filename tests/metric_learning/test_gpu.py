"""Learners on a GPU: the same losses, and what they reach."""

import numpy as np
import pytest
import torch

from skdl.kernels.metric import pairs
from skdl.kernels.metric.pairs import AllPairs, KernelResiduals, LogPartition, NeighbourOdds, RootsBetween
from skdl.metric_learning import MCML, MLKR, MMC, NCA
from tests.metric_learning.tools import digits, wine

pytestmark = pytest.mark.gpu


@pytest.mark.parametrize("entries", [1 << 25, 1 << 14], ids=["one-tile", "many-tiles"])
@pytest.mark.parametrize("h", [1, 6])
def test_losses_and_derivatives_are_those_of_the_cpu(h, entries, monkeypatch):
    monkeypatch.setattr(pairs, "_DEVICE_ENTRIES", entries)
    rng = np.random.default_rng(0)
    X, codes, y = rng.normal(size=(1500, 6)), np.sort(rng.integers(0, 4, 1500)), rng.normal(size=1500)
    L = rng.normal(size=(h, 6))
    here, there = AllPairs(X), AllPairs(X, torch.device("cuda"))
    for make in (
        lambda on: NeighbourOdds(codes),
        lambda on: KernelResiduals(on.tensor(y)),
        lambda on: LogPartition(on.tensor((codes < 3).astype(float))),
        lambda on: RootsBetween(codes),
    ):
        loss, half = here.loss(L, make(here))
        same, half_there = there.loss(L, make(there))
        np.testing.assert_allclose(same, loss, rtol=1e-10)
        np.testing.assert_allclose(half_there, half, rtol=1e-7, atol=1e-9 * np.abs(half).max())


@pytest.mark.parametrize("learner", [NCA(2), MLKR(2), MCML(2), MMC(2)], ids=lambda learner: type(learner).__name__)
def test_fits_reach_what_the_cpu_reaches(learner):
    for load in (wine, lambda: digits(500)):
        X, y = load()
        on_gpu = learner.set_params(device="cuda").fit(X, y)
        reached, mapped = on_gpu.objective_, on_gpu.transform(X)
        assert isinstance(mapped, np.ndarray)
        np.testing.assert_allclose(reached, learner.set_params(device="cpu").fit(X, y).objective_, rtol=1e-2)
