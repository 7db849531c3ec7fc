"""Learners with a closed form, against their formulas written out pair by pair."""

import numpy as np
import pytest
import scipy.linalg
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.manifold import LocallyLinearEmbedding
from sklearn.neighbors import KNeighborsClassifier, kneighbors_graph

from skdl.base import fit_family
from skdl.kernels.metric.eigen import leading_factor, ratio_directions
from skdl.kernels.metric.graphs import barycenters, local_scatter, nearest_others
from skdl.metric_learning import LFDA, LPP, NPE, RCA
from tests.metric_learning.tools import digits, iris, pair_scatter, squares, wine


def _gram(components):
    return components.T @ components


# Relevant components


def _within(X, y):
    deviations = np.concatenate([X[y == label] - X[y == label].mean(axis=0) for label in np.unique(y)])
    return deviations.T @ deviations / len(X)


def test_rca_in_full_is_the_inverse_of_the_spread_within_classes():
    X, y = wine()
    learnt = RCA(reg=0.0).fit(X, y)
    np.testing.assert_allclose(learnt.get_mahalanobis_matrix(), np.linalg.inv(_within(X, y)), rtol=1e-9)
    np.testing.assert_allclose(_within(learnt.transform(X), y), np.eye(13), atol=1e-10)


def test_rca_of_few_components_spans_fishers_discriminant():
    X, y = wine()
    ours = RCA(n_components=2, reg=0.0).fit(X, y).components_
    theirs = LinearDiscriminantAnalysis(solver="eigen").fit(X, y).scalings_[:, :2].T
    basis = scipy.linalg.orth(theirs.T)
    np.testing.assert_allclose(basis @ (basis.T @ ours.T), ours.T, atol=1e-10)


def test_rca_of_few_components_whitens_like_the_paper():
    X, _ = wine()
    chunks = np.arange(len(X)) // 6
    within, total = _within(X, chunks), np.cov(X.T, bias=True)
    values, vectors = np.linalg.eig(np.linalg.solve(total, within))
    A = np.real(vectors[:, np.argsort(np.real(values))[:4]])
    small = np.linalg.inv(A.T @ within @ A)
    ours = RCA(4, reg=0.0).fit_chunks(X, chunks).get_mahalanobis_matrix()
    np.testing.assert_allclose(ours, A @ small @ A.T, rtol=1e-8, atol=1e-9)


def test_rca_of_chunks_sees_only_their_rows():
    X, y = wine()
    known = np.arange(len(X)) % 3 != 0
    chunks = np.where(known, 7 * y + 2, -1)
    by_chunks = RCA().fit_chunks(X, chunks)
    np.testing.assert_array_equal(by_chunks.components_, RCA().fit(X[known], y[known]).components_)
    assert by_chunks.n_features_in_ == 13


@pytest.mark.parametrize(
    ("chunks", "told"),
    [
        (np.zeros(10, dtype=int), "chunks must be an array of ints"),
        (np.zeros(178), "dtype float64"),
        (np.arange(178), "No chunk holds two rows"),
        (np.full(178, -1), "No chunk holds two rows"),
    ],
)
def test_chunks_that_cannot_be_used(chunks, told):
    X, _ = wine()
    with pytest.raises(ValueError, match=told):
        RCA().fit_chunks(X, chunks)


# Local Fisher


def _lfda_scatters(X, y, k):
    """Sugiyama's weights, all pairs at once."""
    n = len(X)
    within, between = np.zeros((n, n)), np.full((n, n), 1 / n)
    for label in np.unique(y):
        rows = np.flatnonzero(y == label)
        D = squares(X[rows])
        scale = np.sqrt(np.sort(D, axis=1)[:, min(k, len(rows) - 1)])
        A = np.exp(-D / np.outer(scale, scale))
        within[np.ix_(rows, rows)] = A / len(rows)
        between[np.ix_(rows, rows)] = A * (1 / n - 1 / len(rows))
    return pair_scatter(X, between), pair_scatter(X, within)


@pytest.mark.parametrize("load", [wine, iris])
@pytest.mark.parametrize("k", [2, 7, 1000])
def test_lfda_solves_sugiyamas_problem(load, k):
    X, y = load()
    between, within = _lfda_scatters(X, y, k)
    values, vectors = scipy.linalg.eigh(between, within)
    values, vectors = values[::-1], vectors[:, ::-1]
    plain = LFDA(n_neighbors=k, embedding_type="plain", reg=0.0).fit(X, y).components_
    np.testing.assert_allclose(np.abs(plain), np.abs(vectors.T), rtol=1e-6, atol=1e-8)
    weighted = LFDA(n_neighbors=k, reg=0.0).fit(X, y).components_
    np.testing.assert_allclose(weighted, plain * np.sqrt(np.maximum(values, 0))[:, None], rtol=1e-6, atol=1e-8)
    orthonormal = LFDA(3, n_neighbors=k, embedding_type="orthonormalized", reg=0.0).fit(X, y).components_
    np.testing.assert_allclose(orthonormal @ orthonormal.T, np.eye(3), atol=1e-12)
    basis = scipy.linalg.orth(plain[:3].T)
    np.testing.assert_allclose(basis @ (basis.T @ orthonormal.T), orthonormal.T, atol=1e-8)


def test_local_scatter_by_tiles_and_at_once_agree():
    X = np.random.default_rng(0).normal(size=(2500, 5))
    D = squares(X)
    scale = np.sqrt(np.sort(D, axis=1)[:, 4])
    A = np.exp(-D / np.outer(scale, scale))
    expected = X.T @ (np.diag(A.sum(axis=1)) - A) @ X
    np.testing.assert_allclose(local_scatter(X, 4), expected, rtol=1e-9, atol=1e-7)


def test_lfda_takes_copies_and_classes_of_one_row():
    X, y = iris()
    X, y = np.r_[X, X[:20], [[9.0, 9, 9, 9]]], np.r_[y, y[:20], 7]
    assert np.isfinite(LFDA(n_neighbors=1).fit(X, y).components_).all()


# Locality and neighbourhoods


def test_lpp_solves_he_and_niyogis_problem():
    X, _ = wine()
    graph = kneighbors_graph(X, 5).toarray()
    near = np.maximum(graph, graph.T)
    D = squares(X)
    W = near * np.exp(-D / 3.0)
    degree = np.diag(W.sum(axis=1))
    away = X - (W.sum(axis=1) @ X) / W.sum()
    values, vectors = scipy.linalg.eigh(away.T @ (degree - W) @ away, away.T @ degree @ away)
    ours = LPP(n_components=None, bandwidth=3.0, reg=0.0).fit(X).components_
    np.testing.assert_allclose(np.abs(ours), np.abs(vectors.T), rtol=1e-7, atol=1e-9)
    assert (np.diff(values) > 0).all()
    # The mean squared distance of neighbours is the default scale, 1 the binary weight.
    mean = D[graph.astype(bool)].mean()
    np.testing.assert_allclose(LPP().fit(X).components_, LPP(bandwidth=mean).fit(X).components_, rtol=1e-9)
    binary, hot = LPP(weights="binary").fit(X).components_, LPP(bandwidth=1e12).fit(X).components_
    np.testing.assert_allclose(binary, hot, rtol=1e-6, atol=1e-9)


def test_lpp_does_not_see_where_the_origin_is():
    X, _ = wine()
    np.testing.assert_allclose(LPP().fit(X + 100).components_, LPP().fit(X).components_, rtol=1e-6, atol=1e-9)


def test_npe_solves_its_problem_with_the_weights_of_lle():
    X, _ = iris()
    X = X[:, :3] + 0.01 * np.random.default_rng(0).normal(size=(150, 3))
    W = barycenters(X, 6, 1e-3).toarray()
    for i in range(0, 150, 10):
        others = np.argsort(squares(X)[i])[1:7]
        away = X[others] - X[i]
        gram = away @ away.T
        solved = np.linalg.solve(gram + 1e-3 * np.trace(gram) * np.eye(6), np.ones(6))
        np.testing.assert_allclose(W[i, others], solved / solved.sum(), rtol=1e-6)
        assert np.count_nonzero(W[i]) == 6
    centred = X - X.mean(axis=0)
    M = (np.eye(150) - W).T @ (np.eye(150) - W)
    _, vectors = scipy.linalg.eigh(centred.T @ M @ centred, centred.T @ centred)
    ours = NPE(n_components=None, n_neighbors=6, reg=0.0).fit(X).components_
    np.testing.assert_allclose(np.abs(ours), np.abs(vectors.T), rtol=1e-6, atol=1e-8)


def test_npe_keeps_neighbourhoods_better_than_any_other_linear_map():
    X, _ = digits(500)
    W = barycenters(X, 5, 1e-3)

    def cost(Z):
        Z = np.linalg.qr(Z - Z.mean(axis=0))[0]
        return np.linalg.norm(Z - W @ Z) ** 2

    free = LocallyLinearEmbedding(n_neighbors=5, n_components=2, eigen_solver="dense").fit_transform(X)
    linear = cost(NPE().fit_transform(X))
    others = [np.linalg.svd(X - X.mean(axis=0))[2][:2].T, *np.random.default_rng(0).normal(size=(20, 64, 2))]
    assert cost(free) <= linear < 0.8 * min(cost(X @ other) for other in others)


# What they share


@pytest.mark.parametrize("learner", [RCA(), LFDA(), LPP(None), NPE(None)], ids=lambda learner: type(learner).__name__)
def test_columns_that_say_nothing_get_no_weight(learner):
    X, y = wine()
    wide = np.c_[X, np.full(len(X), 3.0), X[:, 0]]  # a constant and a copy
    fitted = learner.fit(wide, y)
    assert fitted.components_.shape == (15, 15)
    assert not fitted.components_[-1].any()
    np.testing.assert_allclose(fitted.components_[:, 13], 0, atol=1e-6)
    moved = wide.copy()
    moved[:, 13] += 5
    np.testing.assert_allclose(fitted.transform(moved), fitted.transform(wide), atol=1e-4)


@pytest.mark.parametrize("learner", [RCA(), LFDA(), LPP(), NPE()], ids=lambda learner: type(learner).__name__)
def test_a_family_solves_once(learner, monkeypatch):
    X, y = wine()
    solved = []
    original = type(learner)._learn
    monkeypatch.setattr(type(learner), "_learn", lambda self, *data: solved.append(1) or original(self, *data))
    candidates = [{"n_components": n} for n in (1, 2, 5, None, 99)]
    members = {i: fitted for i, _, fitted in fit_family(learner, X, y, candidates=candidates, splits=[np.arange(150)])}
    assert len(solved) == 1
    assert members.keys() == {0, 1, 2, 3}  # 99 is more than there are: left out
    for i, fitted in members.items():
        np.testing.assert_array_equal(fitted.components_, members[3].components_[: candidates[i]["n_components"]])


def test_distances_are_those_of_the_map_and_of_the_matrix():
    X, y = wine()
    learnt = RCA(n_components=3).fit(X, y)
    first, second = X[:50], X[50:100]
    away = first - second
    expected = np.sqrt(np.einsum("if,fg,ig->i", away, learnt.get_mahalanobis_matrix(), away))
    np.testing.assert_allclose(learnt.pair_distance(first, second), expected, rtol=1e-9)
    metric = learnt.get_metric()
    np.testing.assert_allclose([metric(a, b) for a, b in zip(first, second, strict=True)], expected, rtol=1e-9)
    by_callable = KNeighborsClassifier(metric=metric).fit(X[::2], y[::2]).predict(X[1::2])
    by_map = KNeighborsClassifier().fit(learnt.transform(X[::2]), y[::2]).predict(learnt.transform(X[1::2]))
    np.testing.assert_array_equal(by_callable, by_map)
    with pytest.raises(ValueError, match="X has 50 rows and Y 49"):
        learnt.pair_distance(first, second[:-1])


def test_a_linear_kernel_gives_the_distances_of_none():
    X, y = wine()
    plain = LFDA(n_components=2).fit(X, y)
    kernel = LFDA(n_components=2, kernel="linear").fit(X, y)
    expected = plain.pair_distance(X[:80], X[80:160])
    np.testing.assert_allclose(kernel.pair_distance(X[:80], X[80:160]), expected, rtol=1e-6)
    metric = kernel.get_metric()
    np.testing.assert_allclose(metric(X[0], X[1]), kernel.pair_distance(X[:1], X[1:2])[0], rtol=1e-9)


def test_a_kernel_parts_rings_that_no_line_parts():
    angle = np.linspace(0, 2 * np.pi, 200, endpoint=False)
    radius = np.where(np.arange(200) % 2, 1.0, 2.0)
    X, y = np.c_[radius * np.cos(angle), radius * np.sin(angle)], np.arange(200) % 2
    learnt = LFDA(n_components=1, kernel="rbf", kernel_params={"gamma": 1.0, "n_components": 20}).fit(X, y)
    line = learnt.transform(X)[:, 0]
    low, high = sorted((line[y == 0], line[y == 1]), key=np.mean)
    assert low.max() < high.min()


def test_more_components_than_there_are():
    X, y = wine()
    with pytest.raises(ValueError, match="n_components=14 of RCA is more than the 13 columns of X"):
        RCA(n_components=14).fit(X, y)
    with pytest.raises(ValueError, match="more than the 5 components of the kernel's space"):
        RCA(n_components=6, kernel="rbf", kernel_params={"n_components": 5}).fit(X, y)


def test_neighbours_leave_the_row_itself_out_also_among_copies():
    X = np.repeat(np.random.default_rng(0).normal(size=(30, 3)), 4, axis=0)
    distances, indices = nearest_others(X, 3)
    assert not distances.any()
    assert (indices != np.arange(120)[:, None]).all()
    assert (indices // 4 == np.arange(120)[:, None] // 4).all()


def test_neighbours_by_tiles_are_those_of_all_distances():
    X = np.random.default_rng(0).normal(size=(4000, 6))
    distances, indices = nearest_others(X, 4)
    D = ((X[:50, None] - X[None]) ** 2).sum(axis=-1)
    np.fill_diagonal(D, np.inf)
    np.testing.assert_array_equal(indices[:50], np.argsort(D, axis=1)[:, :4])
    np.testing.assert_allclose(distances[:50], np.sort(D, axis=1)[:, :4], rtol=1e-9)


def test_ratios_of_a_pair_of_forms():
    rng = np.random.default_rng(0)
    A, B = (M @ M.T for M in rng.normal(size=(2, 5, 8)))
    ratios, directions = ratio_directions(A, B, B, largest=True, reg=0.0)
    np.testing.assert_allclose(ratios, scipy.linalg.eigh(A, B, eigvals_only=True)[::-1], rtol=1e-9)
    np.testing.assert_allclose(directions @ B @ directions.T, np.eye(5), atol=1e-9)
    np.testing.assert_allclose(_gram(leading_factor(A)), A, rtol=1e-9)
    assert (np.diff(np.linalg.norm(leading_factor(A), axis=1)) < 0).all()
    assert not ratio_directions(A, A, np.zeros((5, 5)), largest=True, reg=0.0)[1].any()
