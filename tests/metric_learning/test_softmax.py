"""NCA, MLKR and MCML: losses from all pairs at once, derivatives by differences, and what they reach."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy.special import logsumexp
from sklearn.cluster import KMeans
from sklearn.datasets import make_classification
from sklearn.neighbors import KNeighborsRegressor, NeighborhoodComponentsAnalysis
from sklearn.preprocessing import StandardScaler

from skdl.base import fit_family
from skdl.exceptions import InterruptedFitWarning
from skdl.kernels.metric.pairs import AllPairs, KernelResiduals, LogPartition, NeighbourOdds, RootsBetween
from skdl.metric_learning import MCML, MLKR, NCA
from tests.metric_learning.tools import digits, finite_differences, iris, squares, wine


def _odds(X, L):
    D = squares(X, L)
    np.fill_diagonal(D, np.inf)
    return np.exp(-D - logsumexp(-D, axis=1, keepdims=True))


def _nca(X, y, L):
    return -(_odds(X, L) * (y[:, None] == y)).sum()


def _mlkr(X, y, L):
    return ((_odds(X, L) @ y - y) ** 2).sum()


def _log_partition(X, counted, L):
    D = squares(X, L)
    np.fill_diagonal(D, np.inf)
    return logsumexp(-D, axis=1) @ counted


def _roots(X, y, L):
    return (np.sqrt(squares(X, L)) * (y[:, None] != y)).sum()


def _cases(n, d):
    rng = np.random.default_rng(n)
    X = rng.normal(size=(n, d)) + 3
    codes = np.sort(rng.integers(0, 4, n))
    codes[-1] = 4
    y, counted = rng.normal(size=n), (codes < 3).astype(float)
    return X, [
        (NeighbourOdds(codes), lambda L: _nca(X, codes, L)),
        (KernelResiduals(torch.from_numpy(y)), lambda L: _mlkr(X, y, L)),
        (LogPartition(torch.from_numpy(counted)), lambda L: _log_partition(X, counted, L)),
        (RootsBetween(codes), lambda L: _roots(X, codes, L)),
    ]


@pytest.mark.parametrize("h", [1, 2, 5])
@pytest.mark.parametrize("which", range(4))
def test_losses_and_derivatives(h, which):
    X, cases = _cases(60, 5)
    local, plain = cases[which]
    L = np.random.default_rng(h).normal(size=(h, 5))
    loss, half = AllPairs(X).loss(L, local)
    np.testing.assert_allclose(loss, plain(L), rtol=1e-10)
    np.testing.assert_allclose(2 * half, finite_differences(plain, L), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("which", range(4))
def test_many_tiles_on_threads_add_up_to_the_same(which):
    X, cases = _cases(1500, 4)
    local, plain = cases[which]
    L = np.random.default_rng(0).normal(size=(1, 4))
    loss, half = AllPairs(X).loss(L, local)
    np.testing.assert_allclose(loss, plain(L), rtol=1e-10)
    wide = np.r_[L, np.zeros((3, 4))]  # the other way to add up
    also, half_wide = AllPairs(X).loss(wide, local)
    np.testing.assert_allclose(also, loss, rtol=1e-12)
    np.testing.assert_allclose(half_wide[:1], half, rtol=1e-8, atol=1e-8 * np.abs(half).max())


def test_rows_far_apart_have_neighbours_too():
    X, y = iris()
    loss, half = AllPairs(1e4 * X).loss(np.eye(4), NeighbourOdds(y))
    assert -150 <= loss < -130
    assert np.isfinite(half).all()


@pytest.mark.parametrize("load", [iris, wine, lambda: digits(400)])
@pytest.mark.parametrize("n_components", [None, 2])
def test_nca_reaches_what_scikit_learn_reaches(load, n_components):
    X, y = load()
    X = X[:, X.std(axis=0) > 0]
    ours = NCA(n_components, init="pca", random_state=0).fit(X, y)
    theirs = NeighborhoodComponentsAnalysis(n_components, init="pca", random_state=0).fit(X, y)
    np.testing.assert_allclose(ours.objective_, -_nca(X, y, ours.components_), rtol=1e-10)
    assert ours.objective_ >= -_nca(X, y, theirs.components_) * (1 - 1e-3)


def test_nca_takes_scikit_learns_steps():
    X, y = wine()
    for n_components, init in ((None, "identity"), (2, "lda"), (3, "pca"), (1, "auto"), (5, "auto")):
        ours = NCA(n_components, init=init, max_iter=3).fit(X, y)
        theirs = NeighborhoodComponentsAnalysis(n_components, init=init, max_iter=3, random_state=0).fit(X, y)
        np.testing.assert_allclose(
            ours.pair_distance(X[:80], X[80:160]),
            np.linalg.norm(theirs.transform(X[:80]) - theirs.transform(X[80:160]), axis=1),
            rtol=1e-7,
        )


def _strictly_better(values):
    return all(later <= earlier + 1e-12 for earlier, later in pairwise(values)) and values[-1] < values[0]


def test_more_iterations_reach_more():
    X, y = wine()
    target = StandardScaler().fit_transform(X[:, :1])[:, 0]
    assert _strictly_better([-NCA(2, max_iter=m).fit(X, y).objective_ for m in (1, 3, 10, 30)])
    assert _strictly_better([MLKR(2, max_iter=m).fit(X[:, 1:], target).objective_ for m in (1, 3, 10, 30)])
    assert _strictly_better([MCML(max_iter=m).fit(X, y).objective_ for m in (1, 3, 10, 30)])


def test_mlkr_minimises_the_error_left_out_and_helps_its_neighbours():
    X = np.random.default_rng(0).normal(size=(450, 10))
    y = 5 * np.sin(2 * X[:, 0]) + X[:, 1] + 2
    learnt = MLKR(n_components=3).fit(X[:300], y[:300])
    standard = (y[:300] - y[:300].mean()) / y[:300].std()
    np.testing.assert_allclose(learnt.objective_, _mlkr(X[:300], standard, learnt.components_) / 300, rtol=1e-9)
    plain = KNeighborsRegressor(10).fit(X[:300], y[:300]).score(X[300:], y[300:])
    mapped = KNeighborsRegressor(10).fit(learnt.transform(X[:300]), y[:300]).score(learnt.transform(X[300:]), y[300:])
    assert mapped > plain + 0.3
    # The unit of the target is no matter.
    np.testing.assert_allclose(MLKR(3).fit(X[:300], 1000 * y[:300] + 5).objective_, learnt.objective_, rtol=1e-3)


def test_mlkr_of_a_constant_target():
    X, _ = iris()
    assert MLKR().fit(X, np.full(150, 3.0)).objective_ == 0.0


def _mcml(X, y, M):
    """The mean divergence and its derivative by M, from all pairs."""
    away = X[:, None] - X[None]
    D = np.einsum("ijf,fg,ijg->ij", away, M, away)
    same = (y[:, None] == y) & ~np.eye(len(X), dtype=bool)
    ideal = same / same.sum(axis=1, keepdims=True)
    np.fill_diagonal(D, np.inf)
    P = np.exp(-D - logsumexp(-D, axis=1, keepdims=True))
    loss = (ideal[same] * (np.log(ideal[same]) - np.log(P[same]))).sum() / len(X)
    return loss, np.einsum("ij,ijf,ijg->fg", ideal - P, away, away) / len(X)


def test_mcml_finds_the_minimum_that_projected_gradients_find():
    X, y = iris()
    X, y = X[::2], y[::2]
    M, step = np.eye(4), 1.0
    loss, gradient = _mcml(X, y, M)
    for _ in range(2000):
        values, vectors = np.linalg.eigh(M - step * gradient)
        trial = (vectors * np.maximum(values, 0)) @ vectors.T
        trial_loss, trial_gradient = _mcml(X, y, trial)
        if trial_loss < loss:
            M, loss, gradient, step = trial, trial_loss, trial_gradient, step * 1.3
        else:
            step /= 2
    learnt = MCML(max_iter=2000, tol=1e-10).fit(X, y)
    np.testing.assert_allclose(_mcml(X, y, learnt.get_mahalanobis_matrix())[0], learnt.objective_, rtol=1e-8)
    np.testing.assert_allclose(learnt.objective_, loss, rtol=1e-4)
    other_start = MCML(init="covariance", max_iter=2000, tol=1e-10).fit(X, y)
    np.testing.assert_allclose(other_start.objective_, learnt.objective_, rtol=1e-5)


def test_mcml_keeps_the_leading_directions_and_shares_them():
    X, y = wine()
    learner = MCML(max_iter=5)
    members = {
        i: m for i, _, m in fit_family(learner, X, y, candidates=[{"n_components": 2}, {}], splits=[np.arange(178)])
    }
    np.testing.assert_array_equal(members[0].components_, members[1].components_[:2])
    lengths = np.linalg.norm(members[1].components_, axis=1)
    assert (np.diff(lengths) <= 0).all()
    np.testing.assert_array_equal(members[0].components_, MCML(2, max_iter=5).fit(X, y).components_)


def test_classes_of_one_row():
    X, y = iris()
    y = np.where(np.arange(150) == 149, 9, y)
    assert np.isfinite(MCML(max_iter=5).fit(X, y).components_).all()
    assert np.isfinite(NCA(max_iter=5).fit(X, y).components_).all()
    with pytest.raises(ValueError, match="no class with two rows"):
        MCML().fit(X[:15], np.arange(15))


def test_starts():
    X, y = wine()
    given = np.random.default_rng(0).normal(size=(2, 13))
    np.testing.assert_array_equal(
        NCA(init=given, max_iter=2).fit(X, y).components_, NCA(2, init=given.tolist(), max_iter=2).fit(X, y).components_
    )
    drawn = [NCA(2, init="random", random_state=seed, max_iter=1).fit(X, y).components_ for seed in (0, 0, 1)]
    np.testing.assert_array_equal(drawn[0], drawn[1])
    assert not np.allclose(drawn[0], drawn[2])
    first = NCA(2, max_iter=5).fit(X, y)
    again = NCA(2, max_iter=5, warm_start=True).fit(X, y)
    assert again.fit(X, y).objective_ > first.objective_
    with pytest.raises(ValueError, match="warm_start=True of NCA"):
        again.set_params(n_components=3).fit(X, y)
    with pytest.raises(ValueError, match=r"init of NCA has the shape \(2, 12\)"):
        NCA(init=given[:, 1:]).fit(X, y)
    with pytest.raises(ValueError, match="with n_components=3"):
        NCA(3, init=given).fit(X, y)
    with pytest.raises(ValueError, match="symmetric matrix"):
        MCML(init=given).fit(X, y)
    with pytest.raises(ValueError, match="negative eigenvalue"):
        MCML(init=-np.eye(13)).fit(X, y)
    with pytest.raises(ValueError, match="NCA requires y to be passed"):
        NCA().fit(X)


def test_a_callback_sees_each_iteration():
    X, y = wine()
    seen = []
    learnt = NCA(2, max_iter=4, callback=lambda flat, n_iter: seen.append((flat.size, n_iter))).fit(X, y)
    assert seen == [(26, 1), (26, 2), (26, 3), (26, 4)]
    assert learnt.n_iter_ == 4


def test_an_interruption_leaves_the_best_map_until_then():
    X, y = wine()

    def stop(flat, n_iter):
        if n_iter == 3:
            raise KeyboardInterrupt

    with pytest.warns(InterruptedFitWarning, match="NCA was interrupted after 3 iterations"):
        stopped = NCA(2, callback=stop).fit(X, y)
    np.testing.assert_allclose(stopped.objective_, NCA(2, max_iter=3).fit(X, y).objective_)
    assert stopped.transform(X).shape == (178, 2)


def test_memory_is_far_below_all_pairs():
    import tracemalloc

    X, y = make_classification(6000, 10, n_informative=5, random_state=0)
    tracemalloc.start()
    NCA(2, max_iter=1).fit(X, y)
    held = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert held < 6000 * 6000 * 8 / 20


def test_kmeans_after_a_learner_finds_the_classes():
    X, y = wine()
    wide = np.c_[X, 3 * np.random.default_rng(0).normal(size=(178, 10))]
    mapped = NCA(2).fit_transform(wide, y)

    def purity(Z):
        labels = KMeans(3, n_init=5, random_state=0).fit_predict(Z)
        return sum(np.bincount(y[labels == k]).max() for k in range(3)) / 178

    assert purity(mapped) > max(0.95, purity(wide))


def test_a_kernel_of_nca():
    X, y = iris()
    learnt = NCA(2, kernel="rbf", kernel_params={"gamma": 0.2, "n_components": 10}, max_iter=10).fit(X, y)
    assert learnt.components_.shape == (2, 10)
    assert learnt.objective_ > 140
    np.testing.assert_allclose(learnt.pair_distance(X[:5], X[5:10])[0], learnt.get_metric()(X[0], X[5]), rtol=1e-9)
