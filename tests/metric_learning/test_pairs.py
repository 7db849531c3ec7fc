"""ITML and MMC: the papers' algorithms written out, and pairs of every kind."""

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score

from skdl.metric_learning import ITML, MMC
from skdl.metric_learning._pairs import draw_pairs
from tests.metric_learning.tools import iris, wine


def _some_pairs(y, n, seed=0):
    pairs = np.random.default_rng(seed).integers(0, len(y), size=(n, 2))
    pairs = pairs[pairs[:, 0] != pairs[:, 1]]
    return pairs, y[pairs[:, 0]] == y[pairs[:, 1]]


# Information-theoretic


def _itml(X, pairs, together, A, gamma, bounds, n_passes):
    """Algorithm 1 of Davis et al., with the step of line 3.4 for any gamma; for 1 it is as it stands there."""
    A = A.copy()
    multipliers = np.zeros(len(pairs))
    xi = np.where(together, bounds[0], bounds[1]).astype(float)
    for _ in range(n_passes):
        for c, (i, j) in enumerate(pairs):
            v = X[i] - X[j]
            p = v @ A @ v
            delta = 1 if together[c] else -1
            alpha = min(multipliers[c], delta * gamma / (gamma + 1) * (1 / p - 1 / xi[c]))
            beta = delta * alpha / (1 - delta * alpha * p)
            xi[c] = gamma * xi[c] / (gamma + delta * alpha * xi[c])
            multipliers[c] -= alpha
            A += beta * A @ np.outer(v, v) @ A
    return A, multipliers, xi


@pytest.mark.parametrize("gamma", [0.1, 1.0, 10.0])
@pytest.mark.parametrize("init", ["identity", "covariance"])
def test_itml_takes_the_papers_steps(gamma, init):
    X, y = wine()
    pairs, together = _some_pairs(y, 200)
    first = np.eye(13) if init == "identity" else np.linalg.inv(np.cov(X.T))
    ours = ITML(init=init, gamma=gamma, bounds=(2.0, 30.0), max_iter=7, tol=0.0).fit_pairs(X, pairs, together)
    expected, _, _ = _itml(X, pairs, together, first, gamma, (2.0, 30.0), 7)
    np.testing.assert_allclose(ours.get_mahalanobis_matrix(), expected, rtol=1e-7, atol=1e-9)
    assert ours.n_iter_ == 7


@pytest.mark.parametrize("gamma", [0.1, 1.0, 10.0])
def test_itml_meets_the_conditions_of_the_optimum(gamma):
    """The multipliers make up the inverse of the solution and of the bounds, and all active bounds are met."""
    X, y = iris()
    pairs, together = _some_pairs(y, 60)
    A, multipliers, xi = _itml(X, pairs, together, np.eye(4), gamma, (1.0, 6.0), 1500)
    learnt = ITML(gamma=gamma, bounds=(1.0, 6.0), max_iter=1500, tol=1e-13).fit_pairs(X, pairs, together)
    np.testing.assert_allclose(learnt.get_mahalanobis_matrix(), A, rtol=1e-6)
    away = X[pairs[:, 0]] - X[pairs[:, 1]]
    inverse = np.eye(4) + np.einsum("c,cf,cg->fg", np.where(together, multipliers, -multipliers), away, away)
    np.testing.assert_allclose(np.linalg.inv(A), inverse, rtol=1e-6, atol=1e-8)
    assert (multipliers >= 0).all()
    signs = np.where(together, 1, -1)
    np.testing.assert_allclose(1 / xi, 1 / np.where(together, 1.0, 6.0) - signs * multipliers / gamma, rtol=1e-6)
    squares = np.einsum("cf,fg,cg->c", away, A, away)
    active = multipliers > 1e-8
    assert 10 < active.sum() < len(pairs)
    np.testing.assert_allclose(squares[active], xi[active], rtol=1e-4)
    assert (signs * (squares - xi) < 1e-4).all()


def test_itml_brings_pairs_to_their_bounds():
    X, y = wine()
    pairs, together = _some_pairs(y, 300)
    learnt = ITML(gamma=100.0).fit_pairs(X, pairs, together)
    first, second = X[pairs[:, 0]], X[pairs[:, 1]]
    before, after = np.linalg.norm(first - second, axis=1), learnt.pair_distance(first, second)
    squares = before**2
    np.testing.assert_allclose(learnt.bounds_, np.percentile(squares, [5, 95]))
    assert after[~together].mean() / after[together].mean() > 1.3 * before[~together].mean() / before[together].mean()


def test_itml_of_labels_draws_pairs_by_its_seed():
    X, y = wine()
    drawn = [ITML(random_state=seed).fit(X, y).components_ for seed in (0, 0, 1)]
    np.testing.assert_array_equal(drawn[0], drawn[1])
    assert not np.allclose(drawn[0], drawn[2])
    pairs, together = draw_pairs("ITML", y, 500, 3)
    np.testing.assert_array_equal(y[pairs[:, 0]] == y[pairs[:, 1]], together)
    assert (pairs[:, 0] != pairs[:, 1]).all()
    assert together.sum() == 500
    # Every class takes part, on both sides.
    for part in (pairs[together], pairs[~together]):
        for side in part.T:
            np.testing.assert_allclose(np.bincount(y[side]) / 500, np.bincount(y) / 178, atol=0.1)


def test_pairs_of_copies_are_passed_over():
    X, _ = iris()
    X = np.r_[X, X[:1]]
    pairs, together = np.array([[0, 150], [0, 60], [1, 2]]), [1, -1, 1]
    plain = ITML(bounds=(0.1, 4.0)).fit_pairs(X, pairs[1:], together[1:]).components_
    np.testing.assert_array_equal(ITML(bounds=(0.1, 4.0)).fit_pairs(X, pairs, together).components_, plain)
    with pytest.raises(ValueError, match="in one place"):
        ITML().fit_pairs(np.ones((4, 2)), [[0, 1], [2, 3]], [True, False])


# With side information


def _xing(X, pairs, together, n_steps=300):
    """Gradient steps and projections in turn, after Xing et al., on their own objective."""
    away = X[pairs[:, 0]] - X[pairs[:, 1]]
    near, far = away[together], away[~together]
    S = near.T @ near
    M, step = np.eye(X.shape[1]) / np.trace(S), 0.1

    def project(M):
        for _ in range(100):
            M = M - max(0, (M * S).sum() - 1) * S / (S * S).sum()
            values, vectors = np.linalg.eigh(M)
            M = (vectors * np.maximum(values, 0)) @ vectors.T
            if (M * S).sum() <= 1.001:
                break
        return M / max(1, (M * S).sum())

    def value(M):
        return np.sqrt(np.maximum(np.einsum("if,fg,ig->i", far, M, far), 0)).sum()

    best = value(M)
    for _ in range(n_steps):
        lengths = np.sqrt(np.maximum(np.einsum("if,fg,ig->i", far, M, far), 1e-12))
        gradient = np.einsum("i,if,ig->fg", 0.5 / lengths, far, far)
        trial = project(M + step * gradient / np.linalg.norm(gradient) * np.linalg.norm(M))
        if value(trial) > best:
            M, best, step = trial, value(trial), step * 1.1
        else:
            step /= 2
    return best


@pytest.mark.parametrize("load", [iris, wine])
def test_mmc_reaches_what_projections_reach_or_more(load):
    X, y = load()
    pairs, together = _some_pairs(y, 400)
    learnt = MMC(reg=0.0, max_iter=2000).fit_pairs(X, pairs, together)
    distances = learnt.pair_distance(X[pairs[:, 0]], X[pairs[:, 1]])
    np.testing.assert_allclose((distances[together] ** 2).sum(), 1.0, rtol=1e-9)
    np.testing.assert_allclose(distances[~together].sum(), learnt.objective_, rtol=1e-9)
    assert learnt.objective_ >= _xing(X, pairs, together) * (1 - 1e-6)
    other = MMC(reg=0.0, max_iter=2000, init="covariance").fit_pairs(X, pairs, together)
    np.testing.assert_allclose(other.objective_, learnt.objective_, rtol=1e-4)


@pytest.mark.parametrize("diagonal", [False, True])
def test_more_iterations_of_mmc_reach_more(diagonal):
    X, y = wine()
    pairs, together = _some_pairs(y, 400)
    for learn in (lambda m: m.fit(X, y), lambda m: m.fit_pairs(X, pairs, together)):
        reached = [learn(MMC(diagonal=diagonal, max_iter=n)).objective_ for n in (1, 3, 10, 30)]
        assert (np.diff(reached) >= 0).all()
        assert reached[-1] > reached[0]


def test_mmc_meets_the_conditions_of_the_optimum():
    """At the optimum the derivative of the sum is at most that of the constraint, in every direction."""
    X, y = iris()
    pairs, together = _some_pairs(y, 400)
    learnt = MMC(reg=0.0, max_iter=5000, tol=1e-14).fit_pairs(X, pairs, together)
    away = X[pairs[:, 0]] - X[pairs[:, 1]]
    near, far = away[together], away[~together]
    lengths = np.linalg.norm(far @ learnt.components_.T, axis=1)
    up = np.einsum("i,if,ig->fg", 0.5 / lengths, far, far)
    limit = learnt.objective_ / 2 * near.T @ near
    slack = np.linalg.eigvalsh(limit - up)
    assert slack[0] > -1e-3 * np.linalg.eigvalsh(limit)[-1]


def test_mmc_of_all_pairs_of_labels_is_mmc_of_these_pairs():
    X, y = wine()
    X, y = X[::2], y[::2]
    i, j = np.triu_indices(len(X), 1)
    for diagonal in (False, True):
        by_labels = MMC(diagonal=diagonal, max_iter=500).fit(X, y)
        by_pairs = MMC(diagonal=diagonal, max_iter=500).fit_pairs(X, np.c_[i, j], y[i] == y[j])
        np.testing.assert_allclose(by_labels.objective_, by_pairs.objective_, rtol=1e-5)


def test_diagonal_mmc_minimises_the_papers_objective():
    """Of all factors of the solution, none is better for ``sum near - log sum far``, nor is any other diagonal."""
    X, y = wine()
    pairs, together = _some_pairs(y, 500)
    learnt = MMC(diagonal=True, reg=0.0, max_iter=2000, tol=1e-12).fit_pairs(X, pairs, together)
    M = learnt.get_mahalanobis_matrix()
    np.testing.assert_allclose(M, np.diag(np.diag(M)), atol=1e-9 * M.max())
    squares = (X[pairs[:, 0]] - X[pairs[:, 1]]) ** 2

    def paper(weight):
        return squares[together].sum(axis=0) @ weight - np.log(np.sqrt(squares[~together] @ weight).sum())

    weight = np.diag(M) / 2  # where the two terms balance: the sum of near squares is a half
    found = paper(weight)
    assert paper(weight * 1.05) > found < paper(weight / 1.05)
    rng = np.random.default_rng(0)
    for size in (1e-3, 1e-2, 1e-1):
        for _ in range(50):
            assert paper(np.abs(weight + size * weight.max() * rng.normal(size=13))) > found - 1e-9


def test_mmc_helps_clustering():
    X, y = wine()
    wide = np.c_[X, 4 * np.random.default_rng(0).normal(size=(178, 5))]
    pairs, together = _some_pairs(y, 150)

    def agreement(Z):
        return adjusted_rand_score(y, KMeans(3, n_init=5, random_state=0).fit_predict(Z))

    learnt = MMC(diagonal=True).fit_pairs(wide, pairs, together)
    assert agreement(learnt.transform(wide)) > agreement(wide) + 0.3


# What may be wrong with pairs


@pytest.mark.parametrize("learner", [ITML(), MMC()], ids=["ITML", "MMC"])
@pytest.mark.parametrize(
    ("pairs", "together", "told"),
    [
        ([[0, 1, 2]], [1], r"pairs of \w+ must be an array of ints of shape \(n, 2\)"),
        ([[0.0, 1.0]], [1], "dtype float64"),
        (np.empty((0, 2), dtype=int), [], "n >= 1"),
        ([[0, 1], [2, 150]], [1, 0], r"pairs\[1, 1\] is 150, but X has the rows 0 to 149"),
        ([[0, 1], [2, -1]], [1, 0], r"pairs\[1, 1\] is -1"),
        ([[0, 1], [2, 3]], [1], "for each of the 2 pairs"),
        ([[0, 1], [2, 3]], [1, 2], "True or 1"),
        ([[0, 1], [2, 3]], [True, True], "all 2 belong together"),
        ([[0, 1], [2, 3]], [-1, -1], "all 2 belong apart"),
    ],
)
def test_pairs_that_cannot_be_used(learner, pairs, together, told):
    X, _ = iris()
    with pytest.raises(ValueError, match=told):
        learner.fit_pairs(X, pairs, together)


def test_labels_without_pairs():
    X, _ = iris()
    with pytest.raises(ValueError, match="it needs two classes"):
        ITML().fit(X, np.zeros(150))
    with pytest.raises(ValueError, match="it needs a class with two rows"):
        ITML().fit(X[:15], np.arange(15))
    with pytest.raises(ValueError, match="contains only one class"):
        MMC().fit(X, np.zeros(150))
    with pytest.raises(ValueError, match="MMC needs some spread among them"):
        MMC().fit(X[:15], np.arange(15))
    with pytest.raises(ValueError, match="in one place by the matrix to begin with"):
        MMC(init=np.zeros((4, 4))).fit(X, np.arange(150) % 2)
    for bounds in ((1.0,), (2.0, 1.0), (0.0, 1.0), ("a", "b")):
        with pytest.raises(ValueError, match=r"bounds of ITML|could not convert"):
            ITML(bounds=bounds).fit(X, np.arange(150) % 2)
