"""Weights: a row, pair or triplet that counts so many times, against copies of it."""

import numpy as np
import pytest

from skdl.base import fit_family
from skdl.kernels.metric.graphs import weighted_reach
from skdl.metric_learning import ITML, LFDA, LMNN, LPP, MMC, RCA
from tests.metric_learning.tools import iris, squares, wine


def _matrix(learner):
    return learner.get_mahalanobis_matrix()


@pytest.mark.parametrize("learner", [RCA(3), LFDA(3), LFDA(3, n_neighbors=2)], ids=["RCA", "LFDA", "LFDA-2"])
def test_a_weight_is_a_number_of_copies(learner):
    X, y = wine()
    weight = np.random.default_rng(0).integers(0, 4, len(X))
    copies = np.repeat(np.arange(len(X)), weight)
    weighted = _matrix(learner.fit(X, y, sample_weight=weight))
    np.testing.assert_allclose(weighted, _matrix(learner.fit(X[copies], y[copies])), rtol=1e-7, atol=1e-9)
    assert not np.allclose(weighted, _matrix(learner.fit(X, y)), rtol=1e-2)


def test_weights_of_parts_of_a_row():
    """Two halves make a whole; all weights together scale nothing in RCA."""
    X, y = wine()
    plain = _matrix(RCA().fit(X, y))
    halves = np.r_[X, X], np.r_[y, y], np.full(2 * len(X), 0.5)
    np.testing.assert_allclose(_matrix(RCA().fit(*halves)), plain, rtol=1e-8)
    np.testing.assert_allclose(_matrix(RCA().fit(X, y, np.full(len(X), 7.0))), plain, rtol=1e-8)
    np.testing.assert_allclose(_matrix(LFDA(3).fit(X, y, np.ones(len(X)))), _matrix(LFDA(3).fit(X, y)), rtol=1e-8)


@pytest.mark.parametrize("k", [1, 4, 30, 1000])
def test_reach_gathers_weights(k):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 3))
    D = np.sqrt(squares(X))
    for weight in (rng.uniform(0.05, 0.3, 40), rng.integers(1, 5, 40).astype(float)):
        expected = np.empty(40)
        for i in range(40):
            gathered, reach = max(weight[i] - 1, 0), 0.0
            for j in np.argsort(D[i])[1:]:
                if gathered >= k - 1e-9:
                    break
                gathered, reach = gathered + weight[j], D[i, j]
            expected[i] = reach
        np.testing.assert_allclose(weighted_reach(X, k, weight), expected, rtol=1e-9)


def test_a_class_of_weight_zero_is_no_class():
    X, y = wine()
    weight = np.where(y == 1, 0, 2)
    for learner in (RCA(2), LFDA(2)):
        left = learner.fit(X[y != 1], y[y != 1], np.full((y != 1).sum(), 2))
        np.testing.assert_array_equal(_matrix(learner.fit(X, y, weight)), _matrix(left))


def test_families_pass_weights_on():
    X, y = wine()
    weight, rows = np.random.default_rng(0).uniform(0.5, 2, len(X)), np.arange(0, 178, 2)
    given = {"candidates": [{"n_components": 2}, {}], "splits": [rows], "sample_weight": weight}
    for _, _, member in fit_family(LFDA(), X, y, **given):
        alone = LFDA(member.n_components).fit(X[rows], y[rows], weight[rows])
        np.testing.assert_array_equal(member.components_, alone.components_)
    with pytest.raises(TypeError, match=r"LPP.fit takes no sample_weight"):
        list(fit_family(LPP(), X, y, **given))


def _pairs(y, n):
    pairs = np.random.default_rng(0).integers(0, len(y), size=(n, 2))
    pairs = pairs[pairs[:, 0] != pairs[:, 1]]
    return pairs, y[pairs[:, 0]] == y[pairs[:, 1]]


@pytest.mark.parametrize(
    "learner",
    [ITML(bounds=(1.0, 6.0), max_iter=20000, tol=1e-13), MMC(max_iter=3000, tol=1e-14)],
    ids=["ITML", "MMC"],
)
def test_pairs_with_weights(learner):
    X, y = iris()
    pairs, together = _pairs(y, 60)
    weight = np.random.default_rng(1).integers(0, 4, len(pairs))
    copies = np.repeat(np.arange(len(pairs)), weight)
    weighted = _matrix(learner.fit_pairs(X, pairs, together, weight))
    copied = _matrix(learner.fit_pairs(X, pairs[copies], together[copies]))
    np.testing.assert_allclose(weighted, copied, rtol=1e-3, atol=1e-4 * np.abs(copied).max())
    assert not np.allclose(weighted, _matrix(learner.fit_pairs(X, pairs, together)), rtol=1e-2)


def test_triplets_with_weights():
    X, y = iris()
    rng = np.random.default_rng(0)
    triplets = rng.integers(0, 150, size=(300, 3))
    triplets = triplets[(y[triplets[:, 0]] == y[triplets[:, 1]]) & (y[triplets[:, 0]] != y[triplets[:, 2]])]
    weight = rng.integers(0, 4, len(triplets))
    copies = np.repeat(triplets, weight, axis=0)
    learner = LMNN(max_iter=30)
    weighted = learner.fit_triplets(X, triplets, weight).objective_
    np.testing.assert_allclose(weighted, learner.fit_triplets(X, copies).objective_, rtol=1e-8)
    assert abs(weighted / learner.fit_triplets(X, triplets).objective_ - 1) > 1e-2


def test_weights_that_cannot_be_used():
    X, y = iris()
    pairs, together = _pairs(y, 20)
    for learner in (RCA(), LFDA()):
        with pytest.raises(ValueError, match=r"sample_weight\[0\] is -1"):
            learner.fit(X, y, np.full(150, -1.0))
    for learner in (ITML(), MMC()):
        with pytest.raises(ValueError, match="expected"):
            learner.fit_pairs(X, pairs, together, np.ones(len(pairs) + 1))
        with pytest.raises(ValueError, match="belong together"):
            learner.fit_pairs(X, pairs, together, together)
    with pytest.raises(ValueError, match="at least one non-zero"):
        LMNN().fit_triplets(X, [[0, 1, 100]], [0])
