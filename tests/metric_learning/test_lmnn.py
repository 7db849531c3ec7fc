"""LMNN against its loss written out triplet by triplet."""

import numpy as np
import pytest
from sklearn.datasets import make_classification
from sklearn.model_selection import cross_val_score
from sklearn.neighbors import KNeighborsClassifier as SklearnKNeighborsClassifier
from sklearn.pipeline import make_pipeline

from skdl.exceptions import InterruptedFitWarning
from skdl.kernels.metric.impostors import LargeMargin, target_neighbours, triplet_loss
from skdl.metric_learning import LMNN
from skdl.model_selection import GridSearchCV
from skdl.neighbors import KNeighborsClassifier
from tests.metric_learning.tools import digits, finite_differences, iris, squares, wine


def _sorted(X, y):
    order = np.argsort(y, kind="stable")
    return np.ascontiguousarray(X[order]), y[order]


def _targets(X, y, k):
    D = squares(X)
    D[y[:, None] != y] = np.inf
    np.fill_diagonal(D, np.inf)
    return np.argsort(D, axis=1, kind="stable")[:, :k]


def _loss(X, y, targets, push, L):
    """One term after the other."""
    D = squares(X, L)
    loss = 0.0
    for i, others in enumerate(targets):
        for j in others:
            loss += (1 - push) * D[i, j]
            loss += push * np.maximum(0, 1 + D[i, j] - D[i, y != y[i]]).sum()
    return loss / len(X)


@pytest.mark.parametrize("load", [iris, wine])
@pytest.mark.parametrize("push", [0.2, 0.5])
@pytest.mark.parametrize("h", [1, 3, 4])
def test_loss_and_derivative(load, push, h):
    X, y = load()
    X, y = _sorted(X[::3], y[::3])
    targets = _targets(X, y, 3)
    L = np.random.default_rng(h).normal(size=(h, X.shape[1]))
    margin = LargeMargin(X, y, targets, push)
    for look in (lambda: None, lambda: margin.look(L), lambda: margin.look_again(1.5 * L)):
        look()
        loss, gradient = margin.loss(L)
        np.testing.assert_allclose(loss, _loss(X, y, targets, push, L), rtol=1e-10)
        numeric = finite_differences(lambda L: _loss(X, y, targets, push, L), L)
        np.testing.assert_allclose(gradient, numeric, rtol=1e-4, atol=1e-4)


def test_many_rows_and_few_kept_candidates_say_the_same():
    X, y = make_classification(2500, 8, n_informative=6, n_classes=4, random_state=0)
    X, y = _sorted(X, y)
    targets = target_neighbours(X, np.searchsorted(y, np.arange(5)), 3)
    np.testing.assert_array_equal(targets, _targets(X, y, 3))
    L = np.random.default_rng(0).normal(size=(5, 8))
    kept, not_kept = LargeMargin(X, y, targets, 0.5), LargeMargin(X, y, targets, 0.5, most=100)
    kept.look(L)
    not_kept.look(L)
    assert kept.kept is not None
    assert not_kept.kept is None
    loss, gradient = kept.loss(L)
    np.testing.assert_allclose(loss, _loss(X, y, targets, 0.5, L), rtol=1e-10)
    again, same = not_kept.loss(L)
    np.testing.assert_allclose(again, loss, rtol=1e-12)
    np.testing.assert_allclose(same, gradient, rtol=1e-9, atol=1e-12)


def test_rows_all_in_one_place_are_all_candidates():
    """More than the first list holds."""
    X, y = np.zeros((600, 2)), np.repeat(np.arange(2), 300)
    margin = LargeMargin(X, y, _targets(X, y, 1), 0.5)
    margin.look(np.eye(2))
    assert sum(len(found) for _, found in margin.kept) == 2 * 300 * 300
    assert margin.loss(np.eye(2))[0] == 0.5 * 300


def test_candidates_of_a_look_hold_all_impostors_of_another_scale():
    X, y = _sorted(*digits(600))
    targets = _targets(X, y, 3)
    for scale in (1e-3, 1.0, 1e3):
        L = scale * np.random.default_rng(0).normal(size=(20, 64))
        margin = LargeMargin(X + 5, y, targets, 0.5)
        margin.look(L, 0.0)
        np.testing.assert_allclose(margin.loss(L)[0], _loss(X, y, targets, 0.5, L), rtol=1e-9)


def _descent_by_hand(X, y, targets, push, n_steps):
    """Gradient descent on L with a step that grows while it helps, as in the first implementations."""
    margin = LargeMargin(X, y, targets, push)  # keeps nothing, so that each evaluation is over all rows
    L, step = np.eye(X.shape[1]), 1e-2
    loss, gradient = margin.loss(L)
    for _ in range(n_steps):
        trial = L - step * gradient
        trial_loss, trial_gradient = margin.loss(trial)
        if trial_loss < loss:
            L, loss, gradient, step = trial, trial_loss, trial_gradient, step * 1.1
        else:
            step /= 2
    return loss


@pytest.mark.parametrize("load", [iris, wine, lambda: digits(400)])
def test_the_fit_reaches_what_plain_descent_reaches(load):
    X, y = _sorted(*load())
    targets = _targets(X, y, 3)
    learnt = LMNN(max_iter=1000, tol=1e-6).fit(X, y)
    np.testing.assert_allclose(learnt.objective_, _loss(X, y, targets, 0.5, learnt.components_), rtol=1e-8)
    assert learnt.objective_ <= _descent_by_hand(X, y, targets, 0.5, 1000) * 1.002


def test_more_iterations_reach_less():
    X, y = digits(500)
    losses = [LMNN(max_iter=n, tol=0.0).fit(X, y).objective_ for n in (1, 5, 20, 60)]
    assert (np.diff(losses) < 0).all()


def test_neighbours_say_more_after_it():
    X, y = wine()
    wide = np.c_[X, 3 * np.random.default_rng(0).normal(size=(178, 10))]
    plain = cross_val_score(KNeighborsClassifier(3), wide, y)
    inside = cross_val_score(KNeighborsClassifier(3, metric=LMNN()), wide, y)
    before = cross_val_score(make_pipeline(LMNN(), KNeighborsClassifier(3)), wide, y)
    theirs = cross_val_score(make_pipeline(LMNN(), SklearnKNeighborsClassifier(3)), wide, y)
    np.testing.assert_array_equal(inside, before)
    np.testing.assert_array_equal(inside, theirs)
    assert inside.mean() > plain.mean() + 0.05


def test_a_search_over_the_metric_inside():
    X, y = wine()
    grid = {"metric__n_components": [1, 2, 13], "n_neighbors": [1, 5]}
    search = GridSearchCV(KNeighborsClassifier(metric=LMNN(max_iter=20)), grid, cv=3).fit(X, y)
    assert search.best_score_ > 0.95
    assert search.best_estimator_.metric_.components_.shape[0] == search.best_params_["metric__n_components"]


def test_classes_with_few_rows():
    X, y = iris()
    y = np.where(np.arange(150) >= 148, 7, y)  # one neighbour only
    y[0] = 9  # none
    rows, codes = _sorted(X, np.unique(y, return_inverse=True)[1])
    targets = target_neighbours(rows, np.searchsorted(codes, np.arange(6)), 3)
    assert (targets[-1] == -1).all()
    np.testing.assert_array_equal(targets[codes == 3], [[148, -1, -1], [147, -1, -1]])
    learnt = LMNN().fit(X, y)
    real = [others[others >= 0] for others in targets]
    np.testing.assert_allclose(learnt.objective_, _loss(rows, codes, real, 0.5, learnt.components_), rtol=1e-9)
    with pytest.raises(ValueError, match="no class with two rows"):
        LMNN().fit(X[:15], np.arange(15))


# Triplets


def test_loss_of_triplets_and_its_derivative():
    X, _ = iris()
    triplets = np.random.default_rng(0).integers(0, 150, size=(80, 3))
    triplets = np.r_[triplets, triplets[:5]]

    def plain(L):
        D = squares(X, L)
        pulled = {(a, p) for a, p, _ in triplets.tolist()}
        loss = 0.3 * sum(D[pair] for pair in pulled)
        return (loss + 0.7 * sum(max(0, 1 + D[a, p] - D[a, n]) for a, p, n in triplets.tolist())) / len(triplets)

    for h in (1, 4):
        L = np.random.default_rng(h).normal(size=(h, 4))
        loss, gradient = triplet_loss(X, triplets, np.ones(len(triplets)), 0.7, L)
        np.testing.assert_allclose(loss, plain(L), rtol=1e-12)
        np.testing.assert_allclose(gradient, finite_differences(plain, L), rtol=1e-5, atol=1e-6)


def test_triplets_of_labels_teach_the_metric():
    X, y = wine()
    rng = np.random.default_rng(0)
    anchors = rng.integers(0, 178, 600)
    positives = np.array([rng.choice(np.flatnonzero(y == y[a])) for a in anchors])
    negatives = np.array([rng.choice(np.flatnonzero(y != y[a])) for a in anchors])
    wide = np.c_[X, 3 * rng.normal(size=(178, 8))]
    triplets = np.c_[anchors, positives, negatives]
    learnt = LMNN(n_components=5, push=0.9).fit_triplets(wide, triplets)
    assert learnt.objective_ < LMNN(n_components=5, push=0.9, max_iter=2).fit_triplets(wide, triplets).objective_
    i, j, k = rng.integers(0, 178, (3, 3000))
    wanted = (y[i] == y[j]) & (y[i] != y[k]) & (i != j)
    i, j, k = i[wanted], j[wanted], k[wanted]

    def right(distance):
        return (distance(wide[i], wide[j]) < distance(wide[i], wide[k])).mean()

    assert right(learnt.pair_distance) > right(lambda a, b: np.linalg.norm(a - b, axis=1)) + 0.15


@pytest.mark.parametrize(
    ("triplets", "told"),
    [
        ([[0, 1]], r"triplets of LMNN must be an array of ints of shape \(n, 3\)"),
        ([[0, 1, 150]], r"triplets\[0, 2\] is 150, but X has the rows 0 to 149"),
    ],
)
def test_triplets_that_cannot_be_used(triplets, told):
    X, _ = iris()
    with pytest.raises(ValueError, match=told):
        LMNN().fit_triplets(X, triplets)
    with pytest.raises(ValueError, match="triplets have none"):
        LMNN(init="lda").fit_triplets(X, [[0, 1, 100]])


def test_an_interruption_leaves_the_map_of_the_last_look():
    X, y = wine()

    def stop(flat, n_iter):
        if n_iter == 20:
            raise KeyboardInterrupt

    with pytest.warns(InterruptedFitWarning, match="LMNN was interrupted after 20 iterations"):
        stopped = LMNN(callback=stop, tol=0.0).fit(X, y)
    assert stopped.objective_ == LMNN(max_iter=15, tol=0.0).fit(X, y).objective_


def test_a_kernel_parts_rings():
    angle = np.linspace(0, 2 * np.pi, 160, endpoint=False)
    radius = np.where(np.arange(160) % 2, 1.0, 2.0)
    X, y = np.c_[radius * np.cos(angle), radius * np.sin(angle)], np.arange(160) % 2
    learnt = LMNN(1, kernel="rbf", kernel_params={"gamma": 1.0, "n_components": 10}, init="lda").fit(X, y)
    line = learnt.transform(X)[:, 0]
    low, high = sorted((line[y == 0], line[y == 1]), key=np.mean)
    assert low.max() < high.min()
