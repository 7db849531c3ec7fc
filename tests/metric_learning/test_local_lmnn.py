"""Local maps against their loss written out triplet by triplet, and the classifier against a plain search."""

import numpy as np
import pytest
from sklearn.datasets import make_classification
from sklearn.model_selection import cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline

from skdl.exceptions import InterruptedFitWarning
from skdl.kernels.metric.impostors import LargeMargin, target_neighbours
from skdl.kernels.metric.local_margin import LocalMargin, nearest_by_regions
from skdl.metric_learning import LMNN, LocalLMNNClassifier
from tests.metric_learning.tools import digits, finite_differences, iris, squares, wine


def _targets(X, y, k):
    D = squares(X)
    D[y[:, None] != y] = np.inf
    np.fill_diagonal(D, np.inf)
    return np.argsort(D, axis=1, kind="stable")[:, :k]


def _distances(X, queries, regions, L):
    """Squared, each column by the map of its row."""
    D = np.empty((len(queries), len(X)))
    for j, x in enumerate(X):
        D[:, j] = (((queries - x) @ L[regions[j]].T) ** 2).sum(axis=1)
    return D


def _loss(X, y, regions, targets, push, L):
    """One term after the other."""
    D = _distances(X, X, regions, L)
    loss = 0.0
    for i, others in enumerate(targets):
        for j in others:
            loss += (1 - push) * D[i, j]
            loss += push * np.maximum(0, 1 + D[i, j] - D[i, y != y[i]]).sum()
    return loss / len(X)


def _cases():
    X, y = iris()
    X, y = X[::2], y[::2]
    yield X, y, y
    yield X, y, (X[:, 0] > 0).astype(np.int64)
    yield X, y, np.zeros(len(X), dtype=np.int64)


@pytest.mark.parametrize("case", range(3), ids=["classes", "halves", "one"])
@pytest.mark.parametrize("h", [1, 3])
def test_loss_and_derivative(case, h):
    X, y, regions = list(_cases())[case]
    targets = _targets(X, y, 3)
    L = np.random.default_rng(h).normal(size=(regions.max() + 1, h, 4))
    margin = LocalMargin(X, y, regions, targets, 0.3)
    for look in (lambda: None, lambda: margin.look(L), lambda: margin.look_again(1.5 * L)):
        look()
        loss, gradient = margin.loss(L)
        np.testing.assert_allclose(loss, _loss(X, y, regions, targets, 0.3, L), rtol=1e-10)
        numeric = finite_differences(lambda L: _loss(X, y, regions, targets, 0.3, L), L)
        np.testing.assert_allclose(gradient, numeric, rtol=1e-4, atol=1e-4)


def test_many_rows_and_few_kept_candidates_say_the_same():
    X, y = make_classification(2500, 8, n_informative=6, n_classes=4, random_state=0)
    order = np.argsort(y, kind="stable")
    X, y = np.ascontiguousarray(X[order]), y[order]
    regions = np.random.default_rng(0).integers(0, 3, 2500)
    targets = target_neighbours(X, np.searchsorted(y, np.arange(5)), 3)
    L = np.random.default_rng(0).normal(size=(3, 5, 8))
    kept, not_kept = (LocalMargin(X, y, regions, targets, 0.5, most=most) for most in (1 << 26, 100))
    kept.look(L)
    not_kept.look(L)
    assert kept.kept is not None
    assert not_kept.kept is None
    loss, gradient = kept.loss(L)
    np.testing.assert_allclose(loss, _loss(X, y, regions, targets, 0.5, L), rtol=1e-10)
    again, same = not_kept.loss(L)
    np.testing.assert_allclose(again, loss, rtol=1e-12)
    np.testing.assert_allclose(same, gradient, rtol=1e-9, atol=1e-12)
    # The same map everywhere is the plain loss.
    one = np.repeat(L[:1], 3, axis=0)
    plain = LargeMargin(X, y, targets, 0.5).loss(L[0])
    local = LocalMargin(X, y, regions, targets, 0.5).loss(one)
    np.testing.assert_allclose(local[0], plain[0], rtol=1e-12)
    np.testing.assert_allclose(local[1].sum(axis=0), plain[1], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("k", [1, 4, 60])
def test_neighbours_are_those_of_all_distances(k):
    rng = np.random.default_rng(0)
    X, queries, regions = rng.normal(size=(60, 4)), rng.normal(size=(25, 4)), rng.permutation(np.arange(60) % 3)
    L = rng.normal(size=(3, 2, 4))
    D = _distances(X, queries, regions, L)
    distances, indices = nearest_by_regions(L, X, regions, queries, k)
    np.testing.assert_array_equal(indices, np.argsort(D, axis=1, kind="stable")[:, :k])
    np.testing.assert_allclose(distances, np.sqrt(np.sort(D, axis=1)[:, :k]), rtol=1e-9)


def test_ties_go_by_index():
    X, regions = np.zeros((6, 2)), np.array([1, 0, 1, 0, 1, 0])
    indices = nearest_by_regions(np.stack([np.eye(2)] * 2), X, regions, np.ones((1, 2)), 4)[1]
    np.testing.assert_array_equal(indices, [[0, 1, 2, 3]])


@pytest.mark.parametrize("regions", ["class", 4])
@pytest.mark.parametrize("load", [iris, wine, lambda: digits(400)])
def test_local_maps_begin_as_the_common_one_and_lose_less(load, regions):
    X, y = load()
    learnt = LocalLMNNClassifier(regions=regions, random_state=0).fit(X, y)
    common = LMNN().fit(X, y)
    np.testing.assert_allclose(learnt.common_objective_, common.objective_, rtol=1e-9)
    assert learnt.objective_ < learnt.common_objective_ * 0.99
    expected = _loss(X, y, learnt.regions_, _targets(X, y, 3), 0.5, learnt.components_)
    np.testing.assert_allclose(learnt.objective_, expected, rtol=1e-8)
    assert learnt.n_iter_ > common.n_iter_
    if regions == "class":
        np.testing.assert_array_equal(learnt.regions_, y)
    else:
        assert np.unique(learnt.regions_).tolist() == [0, 1, 2, 3]


def test_one_region_is_lmnn_before_its_neighbours():
    X, y = wine()
    local = LocalLMNNClassifier(2, regions=1, n_neighbors=3, tol=0.1, max_iter=15).fit(X, y)
    by_map = (X - X.mean(axis=0)) @ local.components_[0].T
    plain = KNeighborsClassifier(3, algorithm="brute").fit(by_map, y)
    distances = plain.kneighbors(by_map)[0]
    ours = local.kneighbors(X)
    np.testing.assert_array_equal(ours[1][:, 0], np.arange(178))
    np.testing.assert_allclose(ours[0], distances, rtol=1e-6, atol=1e-6)
    np.testing.assert_array_equal(local.predict_proba(X), plain.predict_proba(by_map))


def test_votes_and_matrices_are_those_of_the_local_distances():
    X, y = wine()
    names = np.array(["a", "b", "c"])[y]
    learnt = LocalLMNNClassifier(4, n_neighbors=5, max_iter=20).fit(X[::2], names[::2])
    D = np.empty((89, 89))
    for j, matrix in enumerate(learnt.get_mahalanobis_matrix()[learnt.regions_]):
        away = X[1::2] - X[::2][j]
        D[:, j] = np.einsum("if,fg,ig->i", away, matrix, away)
    nearest = np.argsort(D, axis=1)[:, :5]
    expected = (y[::2][nearest][:, :, None] == np.arange(3)).mean(axis=1)
    np.testing.assert_allclose(learnt.predict_proba(X[1::2]), expected)
    np.testing.assert_array_equal(learnt.predict(X[1::2]), np.array(["a", "b", "c"])[expected.argmax(axis=1)])
    distances, indices = learnt.kneighbors(X[1::2], 7)
    np.testing.assert_allclose(distances**2, np.sort(D, axis=1)[:, :7], rtol=1e-6)
    assert indices.shape == (89, 7)


def _directions_by_class():
    """In each class another column is noise: no one metric serves both."""
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1], 100)
    centres = rng.uniform(-6, 6, size=(200, 2))
    # Class 0 lies on lines that run along the first axis, class 1 on lines that run along the second.
    centres[y == 0, 1] = np.round(centres[y == 0, 1] / 3) * 3
    centres[y == 1, 0] = np.round(centres[y == 1, 0] / 3) * 3
    return centres + 0.05 * rng.normal(size=(200, 2)), y


def test_local_metrics_serve_where_no_one_metric_does():
    X, y = _directions_by_class()
    common = cross_val_score(make_pipeline(LMNN(), KNeighborsClassifier(3)), X, y)
    local = cross_val_score(LocalLMNNClassifier(), X, y)
    assert local.mean() > common.mean() + 0.05


def test_more_iterations_reach_less():
    X, y = digits(400)
    learners = [LocalLMNNClassifier(10, init="pca", max_iter=n, tol=0.0).fit(X, y) for n in (10, 40, 100)]
    assert (np.diff([learner.objective_ for learner in learners]) < 0).all()


def test_an_interruption_in_either_descent(monkeypatch):
    X, y = wine()

    def stop(*anything):
        raise KeyboardInterrupt

    for where, kind in ((LocalMargin, "loss"), (LargeMargin, "loss")):
        with monkeypatch.context() as patched:
            patched.setattr(where, kind, stop)
            with pytest.warns(InterruptedFitWarning, match="LocalLMNNClassifier was interrupted"):
                stopped = LocalLMNNClassifier(3).fit(X, y)
        np.testing.assert_array_equal(stopped.components_[0], stopped.components_[1])
        assert stopped.predict(X).shape == (178,)


def test_what_cannot_be_used():
    X, y = iris()
    with pytest.raises(ValueError, match="n_components=5 of LocalLMNNClassifier is more than the 4 columns"):
        LocalLMNNClassifier(5).fit(X, y)
    with pytest.raises(ValueError, match="regions=151 of LocalLMNNClassifier is more than the 150 rows"):
        LocalLMNNClassifier(regions=151).fit(X, y)
    with pytest.raises(ValueError, match="no class with two rows"):
        LocalLMNNClassifier().fit(X[:15], np.arange(15))
    with pytest.raises(ValueError, match="needs samples of at least 2 classes"):
        LocalLMNNClassifier().fit(X, np.zeros(150))
    with pytest.raises(ValueError, match="init of LocalLMNNClassifier has the shape"):
        LocalLMNNClassifier(init=np.ones((2, 3))).fit(X, y)
    learnt = LocalLMNNClassifier(max_iter=2).fit(X, y)
    for wrong in (0, 151, 1.5):
        with pytest.raises(ValueError, match="n_neighbors must be an int from 1 to 150"):
            learnt.kneighbors(X, wrong)
