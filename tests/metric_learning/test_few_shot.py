"""Prototypical networks and evaluation by episodes."""

import copy

import numpy as np
import pytest
from scipy.special import softmax
from sklearn.base import clone
from sklearn.datasets import load_digits, load_iris
from sklearn.decomposition import PCA
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils import get_tags

from skdl.metric_learning import FewShotSplit, PrototypicalClassifier, TripletEncoder, few_shot_score
from skdl.neural import CNNClassifier, MLPClassifier

SMALL = MLPClassifier((64,), dropout=0.0, max_epochs=20, schedule=None)


@pytest.fixture(scope="module")
def digits():
    return load_digits(return_X_y=True)


@pytest.fixture(scope="module")
def many():
    """Forty classes that 6 columns tell apart, beside 20 columns of noise; the last ten are new."""
    rng = np.random.default_rng(0)
    y = np.repeat(np.arange(40), 20)
    centres = rng.normal(size=(40, 6))
    return np.hstack([centres[y] + 0.2 * rng.normal(size=(800, 6)), 2 * rng.normal(size=(800, 20))]), y


@pytest.fixture(scope="module")
def fitted(many):
    X, y = many
    model = PrototypicalClassifier(SMALL, n_way=10, n_episodes=400, embedding_dim=8, random_state=0)
    return model.fit(X[y < 30], y[y < 30])


def test_probabilities_come_from_distances_to_means(many, fitted):
    X, y = many
    X, y = X[y < 30], y[y < 30]
    Z = fitted.transform(X).astype(np.float64)
    prototypes = np.stack([Z[y == label].mean(axis=0) for label in range(30)])
    np.testing.assert_allclose(fitted.prototypes_, prototypes, rtol=1e-6, atol=1e-6)
    squared = ((Z[:, None] - prototypes) ** 2).sum(axis=2)
    np.testing.assert_allclose(fitted.predict_proba(X), softmax(-squared, axis=1), rtol=1e-4, atol=1e-9)
    np.testing.assert_allclose(np.exp(fitted.predict_log_proba(X)), fitted.predict_proba(X), rtol=1e-9)
    np.testing.assert_array_equal(fitted.predict(X), squared.argmin(axis=1))
    assert fitted.score(X, y) > 0.97


def test_new_classes_from_a_few_samples(many, fitted):
    X, y = many
    new = y >= 36
    names = np.array(["six", "seven", "eight", "nine"])[y[new] - 36]
    before = copy.deepcopy(fitted.prototypes_)
    shown = np.concatenate([np.flatnonzero(names == name)[:5] for name in np.unique(names)])
    later = fitted.fit_support(X[new][shown], names[shown])
    assert list(later.classes_) == ["eight", "nine", "seven", "six"]
    assert later.score(np.delete(X[new], shown, axis=0), np.delete(names, shown)) > 0.95
    np.testing.assert_array_equal(fitted.prototypes_, before)
    np.testing.assert_array_equal(fitted.classes_, np.arange(30))
    np.testing.assert_array_equal(later.transform(X), fitted.transform(X))
    # Memorising with a frozen encoder is the same.
    frozen = PrototypicalClassifier(encoder=FrozenEstimator(fitted)).fit(X[new][shown], names[shown])
    np.testing.assert_array_equal(frozen.predict_proba(X), later.predict_proba(X))
    for bad, match in (((X[:3], ["a", "b"]), "inconsistent"), ((X[:2], ["a", "a"]), "at least 2 classes")):
        with pytest.raises(ValueError, match=match):
            fitted.fit_support(*bad)


def test_an_encoder_in_place_of_episodes():
    X, y = load_iris(return_X_y=True)
    model = PrototypicalClassifier(encoder=PCA(2)).fit(X, y)
    np.testing.assert_allclose(model.transform(X), PCA(2).fit_transform(X))
    assert model.n_iter_ == 0
    images = PrototypicalClassifier(encoder=TripletEncoder(CNNClassifier()))
    assert get_tags(images).input_tags.three_d_array
    assert not get_tags(model).input_tags.three_d_array
    assert model.score(X, y) > 0.9
    learnt = PrototypicalClassifier(encoder=TripletEncoder(SMALL), random_state=3).fit(X, y)
    same = TripletEncoder(SMALL, random_state=3).fit(X, y)
    np.testing.assert_array_equal(learnt.transform(X), same.transform(X))
    for encoder in (KNeighborsClassifier(), PCA, "pca"):
        with pytest.raises(ValueError, match="encoder of PrototypicalClassifier must be None or an instance of a tran"):
            PrototypicalClassifier(encoder=encoder).fit(X, y)


def test_episodes_are_shared_out_among_epochs():
    X, y = load_iris(return_X_y=True)
    for n_episodes, epochs, batches in ((50, 20, 3), (7, 7, 1), (40, 20, 2)):
        backbone = clone(SMALL).set_params(max_epochs=np.int64(20))  # as a search hands it over
        model = PrototypicalClassifier(backbone, n_episodes=n_episodes, random_state=0).fit(X, y)
        assert model.n_iter_ == epochs
        assert set(model.history_["train_batch_count"]) == {batches}
    series = PrototypicalClassifier(CNNClassifier(lr=0.01), n_episodes=110, random_state=0).fit(X, y)  # "auto" epochs
    assert series.n_iter_ == 100
    assert set(series.history_["train_batch_count"]) == {2}


def test_classes_with_one_row_can_be_trained_on():
    X, y = load_iris(return_X_y=True)
    rows = [0, 50, 60, 100, 110, 120]
    model = PrototypicalClassifier(SMALL, n_episodes=40, random_state=0).fit(X[rows], y[rows])
    assert model.score(X[rows], y[rows]) == 1.0


def test_an_episode_has_its_classes_and_samples(digits):
    X, y = digits
    splits = list(FewShotSplit(4, 2, 3, 25, random_state=0).split(X, y))
    assert len(splits) == 25 == FewShotSplit(n_episodes=25).get_n_splits()
    for support, query in splits:
        assert len(np.intersect1d(support, query)) == 0
        labels, counts = np.unique(y[support], return_counts=True)
        np.testing.assert_array_equal(counts, [2] * 4)
        asked, counts = np.unique(y[query], return_counts=True)
        np.testing.assert_array_equal(counts, [3] * 4)
        np.testing.assert_array_equal(asked, labels)
    assert len({tuple(np.unique(y[support])) for support, _ in splits}) > 15  # of 210 choices
    fewer = list(FewShotSplit(4, 2, 3, 10, random_state=0).split(X, y.astype(str)))
    for (support, query), (same, too) in zip(fewer, splits, strict=False):
        np.testing.assert_array_equal(support, same)
        np.testing.assert_array_equal(query, too)
    other = next(FewShotSplit(4, 2, 3, 10, random_state=1).split(X, y))
    assert not np.array_equal(other[0], splits[0][0])


def test_scores_are_those_of_cross_validation(digits):
    X, y = digits
    classifier = KNeighborsClassifier(1)
    expected = cross_val_score(classifier, X, y, cv=FewShotSplit(5, 1, 5, 30, random_state=2))
    score = few_shot_score(classifier, X, y, n_episodes=30, random_state=2)
    np.testing.assert_array_equal(score.scores, expected)
    assert score.mean == pytest.approx(expected.mean())
    assert score.half_width == pytest.approx(1.96 * expected.std(ddof=1) / np.sqrt(30))
    assert np.isnan(few_shot_score(classifier, X, y, n_episodes=1, random_state=2).half_width)


def test_a_fitted_prototypical_net_is_shown_the_support(many, fitted):
    X, y = many
    new = y >= 30
    tasks = {"n_way": 5, "n_shot": 5, "n_episodes": 20, "random_state": 0}
    score = few_shot_score(fitted, X[new], y[new], **tasks)
    memorised = few_shot_score(PrototypicalClassifier(encoder=FrozenEstimator(fitted)), X[new], y[new], **tasks)
    np.testing.assert_array_equal(score.scores, memorised.scores)
    unlearnt = few_shot_score(PrototypicalClassifier(encoder=FunctionTransformer()), X[new], y[new], **tasks)
    assert unlearnt.mean < 0.6
    assert score.mean > 0.95
    # One that is not fitted learns from the support alone.
    untrained = few_shot_score(clone(fitted).set_params(n_episodes=5), X[new], y[new], **{**tasks, "n_episodes": 2})
    assert untrained.scores.shape == (2,)


def test_episodes_that_cannot_be_drawn(digits):
    X, y = digits
    with pytest.raises(ValueError, match="n_way=11 of FewShotSplit is more than the 10 classes of y: lower it"):
        next(FewShotSplit(11).split(X, y))
    rows = np.r_[np.flatnonzero(y != 3), np.flatnonzero(y == 3)[:4]]
    with pytest.raises(ValueError, match=r"Class 3 has 4 samples, but n_shot=1 and n_query=5 of FewShotSplit need 6"):
        next(FewShotSplit().split(X[rows], y[rows]))
    with pytest.raises(ValueError, match=r"n_shot of FewShotSplit must be an int .*; got 0"):
        next(FewShotSplit(n_shot=0).split(X, y))
    with pytest.raises(ValueError, match=r"n_episodes of FewShotSplit must be an int .*; got 0"):
        few_shot_score(KNeighborsClassifier(1), X, y, n_episodes=0)
