"""Votes: scikit-learn's with default arguments, tables computed by hand, an optimum found another way."""

import numpy as np
import pandas as pd
import pytest
import sklearn
from scipy.optimize import minimize
from scipy.stats import rankdata
from sklearn import ensemble
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris, load_wine, make_classification
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV, KFold, StratifiedKFold, cross_val_predict, cross_val_score
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

import skdl
from skdl.ensemble import VotingClassifier, VotingRegressor
from skdl.ensemble._combine import RankAverage, count_votes, pool_logits, rank_table, weighted_median
from skdl.ensemble._simplex import least_squares
from skdl.ensemble._simplex import minimize as minimize_on_simplex
from skdl.ensemble._weights import optimal_weights, weights_from_scores

CLASSIFIED = {
    "iris": load_iris,
    "wine": load_wine,
    "breast_cancer": load_breast_cancer,
    "digits": load_digits,
    "made": lambda return_X_y: make_classification(300, 12, n_informative=6, n_classes=4, random_state=3),
}


def _split(load):
    X, y = load(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(X))[:400]
    half = len(order) // 2
    return X[order[:half]], y[order[:half]], X[order[half:]], y[order[half:]]


def _classifiers():
    return [
        ("tree", DecisionTreeClassifier(max_depth=4, random_state=0)),
        ("bayes", GaussianNB()),
        ("neighbours", skdl.neighbors.KNeighborsClassifier(7)),
        ("line", make_pipeline(StandardScaler(), LogisticRegression())),
    ]


def _regressors():
    return [
        ("tree", DecisionTreeRegressor(max_depth=4, random_state=0)),
        ("neighbours", skdl.neighbors.KNeighborsRegressor(7)),
        ("line", make_pipeline(StandardScaler(), Ridge())),
    ]


@pytest.mark.parametrize("name", CLASSIFIED)
@pytest.mark.parametrize("labels", [None, "strings"])
@pytest.mark.parametrize("voting", ["hard", "soft"])
@pytest.mark.parametrize("weights", [None, [3, 1, 2, 2]])
def test_a_vote_is_scikit_learns(name, labels, voting, weights):
    X, y, X_test, _ = _split(CLASSIFIED[name])
    y = y if labels is None else np.array([f"class {9 - label}" for label in y])
    ours = VotingClassifier(_classifiers(), voting=voting, weights=weights).fit(X, y)
    theirs = ensemble.VotingClassifier(_classifiers(), voting=voting, weights=weights).fit(X, y)
    np.testing.assert_array_equal(ours.predict(X_test), theirs.predict(X_test))
    np.testing.assert_array_equal(ours.transform(X_test), theirs.transform(X_test))
    np.testing.assert_array_equal(
        ours.get_feature_names_out(),
        [name.replace("votingclassifier", "votingclassifier") for name in theirs.get_feature_names_out()],
    )
    if voting == "soft":
        np.testing.assert_array_equal(ours.predict_proba(X_test), theirs.predict_proba(X_test))
        ours.set_params(flatten_transform=False)
        theirs.set_params(flatten_transform=False)
        np.testing.assert_array_equal(ours.transform(X_test), theirs.transform(X_test))
    else:
        assert not hasattr(ours, "predict_proba")


@pytest.mark.parametrize("weights", [None, [3, 1, 2]])
@pytest.mark.parametrize("seed", range(4))
def test_an_average_is_scikit_learns(weights, seed):
    X, y = load_diabetes(return_X_y=True)
    order = np.random.default_rng(seed).permutation(len(X))
    train, test = order[:300], order[300:]
    ours = VotingRegressor(_regressors(), weights=weights).fit(X[train], y[train])
    theirs = ensemble.VotingRegressor(_regressors(), weights=weights).fit(X[train], y[train])
    np.testing.assert_array_equal(ours.predict(X[test]), theirs.predict(X[test]))
    np.testing.assert_array_equal(ours.transform(X[test]), theirs.transform(X[test]))
    np.testing.assert_array_equal(ours.get_feature_names_out(), theirs.get_feature_names_out())


def test_a_dropped_member_takes_its_weight_along():
    X, y, X_test, _ = _split(load_wine)
    for cls in (VotingClassifier, ensemble.VotingClassifier):
        vote = cls(_classifiers(), voting="soft", weights=[3, 1, 2, 2]).set_params(bayes="drop").fit(X, y)
        assert len(vote.estimators_) == 3
        assert vote.named_estimators_["bayes"] == "drop"
        if cls is VotingClassifier:
            ours = vote
            np.testing.assert_allclose(vote.weights_, [3 / 7, 2 / 7, 2 / 7])
    np.testing.assert_array_equal(ours.predict_proba(X_test), vote.predict_proba(X_test))


def test_named_members_can_be_replaced_and_reached():
    vote = VotingClassifier(_classifiers())
    assert vote.named_estimators["bayes"].var_smoothing == 1e-9
    vote.set_params(bayes__var_smoothing=0.5, tree=LogisticRegression())
    assert vote.get_params()["bayes__var_smoothing"] == 0.5
    assert isinstance(dict(vote.estimators)["tree"], LogisticRegression)


# Tables computed by hand.


def test_votes_by_hand():
    codes = np.array([[0, 1, 2, 2], [0, 1, 1, 0], [1, 2, 1, 1]])
    np.testing.assert_array_equal(count_votes(codes, 3), [[2, 1, 0], [0, 2, 1], [0, 2, 1], [1, 1, 1]])
    np.testing.assert_array_equal(count_votes(codes, 3, [1.0, 2.0, 4.0]), [[3, 4, 0], [0, 3, 4], [0, 6, 1], [2, 4, 1]])


def test_ranks_by_hand():
    # Five rows, the first member has a tie: ranks 1, 2.5, 2.5, 4, 5; of the second: 5, 1, 2, 3, 4; less 1/2, over 5.
    said = np.array([[0.1, 0.2, 0.2, 0.3, 0.9], [70.0, 10.0, 20.0, 30.0, 40.0]])
    distinct, ranks = rank_table(said[0])
    np.testing.assert_array_equal(distinct, [0.1, 0.2, 0.3, 0.9])
    np.testing.assert_allclose(ranks, [0.1, 0.4, 0.7, 0.9])
    average = RankAverage(said)
    np.testing.assert_allclose(average.mean_ranks(said), [0.5, 0.25, 0.35, 0.6, 0.8])
    weighted = RankAverage(said, [3.0, 1.0])
    np.testing.assert_allclose(weighted.mean_ranks(said), [0.3, 0.325, 0.375, 0.65, 0.85])
    # Between two values what lies between, outside the end: (0.25 -> 0.55; 55 -> 0.8), (1 -> 0.9; 5 -> 0.1).
    np.testing.assert_allclose(average.mean_ranks(np.array([[0.25, 1.0], [55.0, 5.0]])), [0.675, 0.5])
    # The means 35.05, 5.1, 10.1, 15.15, 20.45 have the ranks 0.9, 0.1, 0.3, 0.5, 0.7.
    np.testing.assert_allclose(average(said), [15.15, 8.85, 11.3625, 17.8, 27.75])


def test_ranks_are_scipys():
    rng = np.random.default_rng(0)
    said = rng.integers(0, 30, (3, 100)).astype(float)
    expected = np.mean([(rankdata(member) - 0.5) / 100 for member in said], axis=0)
    np.testing.assert_allclose(RankAverage(said).mean_ranks(said), expected, rtol=1e-12)


def test_one_member_keeps_its_values_by_rank():
    said = np.random.default_rng(1).normal(size=(1, 50))
    np.testing.assert_allclose(RankAverage(said)(said), said[0], rtol=1e-12)


def test_ranks_of_probabilities_that_are_almost_zero():
    tiny = np.array([[0.0, 5e-324, 1e-320, 1e-300, 0.5]])
    average = RankAverage(np.vstack([tiny, tiny]), [1.0, 0.0])
    np.testing.assert_allclose(average.mean_ranks(np.vstack([tiny, tiny])), [0.1, 0.3, 0.5, 0.7, 0.9])
    one_value = RankAverage(np.full((2, 4), 0.25))
    np.testing.assert_array_equal(one_value(np.array([[0.1, 0.9], [0.2, 0.3]])), [0.25, 0.25])


def test_log_probabilities_by_hand():
    p = np.array([[[0.5, 0.5], [0.9, 0.1]], [[0.2, 0.8], [0.5, 0.5]]])
    first = np.sqrt([0.5 * 0.2, 0.5 * 0.8])
    second = np.array([0.9**0.75 * 0.5**0.25, 0.1**0.75 * 0.5**0.25])
    np.testing.assert_allclose(pool_logits(p)[0], first / first.sum())
    np.testing.assert_allclose(pool_logits(p, [3, 1])[1], second / second.sum())


@pytest.mark.parametrize("n_members", [1, 2, 3, 4, 7])
def test_medians(n_members):
    values = np.random.default_rng(n_members).normal(size=(n_members, 40))
    np.testing.assert_allclose(weighted_median(values, np.full(n_members, 1 / n_members)), np.median(values, axis=0))
    weights = np.random.default_rng(0).integers(1, 5, n_members)
    repeated = np.repeat(values, weights, axis=0)
    np.testing.assert_allclose(weighted_median(values, weights), np.median(repeated, axis=0))
    with_nobody = np.vstack([values, np.full((1, 40), 1e9)])
    np.testing.assert_allclose(weighted_median(with_nobody, [*weights, 0]), np.median(repeated, axis=0))


def test_weights_from_scores_by_hand():
    scores = np.array([0.6, 0.9, 0.6, 0.8, -2.0])
    np.testing.assert_allclose(weights_from_scores(scores, by_rank=False), np.array([6, 9, 6, 8, 0]) / 29)
    by_rank = np.array([0.6 / 3, 0.9, 0.6 / 3, 0.8 / 2, 0.0])
    np.testing.assert_allclose(weights_from_scores(scores, by_rank=True), by_rank / by_rank.sum())
    with pytest.raises(ValueError, match=r"members score \[-1.0, 0.0\].*weights='optimal'"):
        weights_from_scores(np.array([-1.0, 0.0]), by_rank=False)


# The least loss over the simplex, found another way.


def _slsqp(loss, n_members):
    best = min(
        (
            minimize(
                loss,
                start,
                method="SLSQP",
                bounds=[(0, 1)] * n_members,
                constraints={"type": "eq", "fun": lambda w: w.sum() - 1},
                options={"maxiter": 2000, "ftol": 1e-15},
            )
            for start in [np.full(n_members, 1 / n_members), *(0.9 * np.eye(n_members) + 0.1 / n_members)]
        ),
        key=lambda found: found.fun,
    )
    return best.x, best.fun


def _grid(loss, steps=200):
    points = [(i, j, steps - i - j) for i in range(steps + 1) for j in range(steps + 1 - i)]
    return min(loss(np.array(point) / steps) for point in points)


def _probabilities(n_members, n, n_classes, seed):
    rng = np.random.default_rng(seed)
    target = rng.integers(0, n_classes, n)
    noise = rng.normal(size=(n_members, n, n_classes)) * rng.uniform(0.5, 3, n_members)[:, None, None]
    logits = noise + np.eye(n_classes)[target] * rng.uniform(0, 2.5, n_members)[:, None, None]
    p = np.exp(logits - logits.max(axis=2, keepdims=True))
    return p / p.sum(axis=2, keepdims=True), target


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("kind", ["probability", "logit", "vote", "mean"])
@pytest.mark.parametrize("n_members", [2, 3, 8])
def test_the_optimum_is_what_slsqp_finds(kind, n_members, weighted, seed):
    p, target = _probabilities(n_members, 150, 3, seed)
    weight = np.random.default_rng(seed).uniform(0.1, 3, len(target)) if weighted else None
    share = np.full(len(target), 1 / len(target)) if weight is None else weight / weight.sum()
    truth = np.eye(3)[target]
    if kind == "mean":
        p = p[:, :, 0] * 4 + target * np.linspace(0, 1, n_members)[:, None]
    elif kind == "vote":
        p = p.argmax(axis=2)
    losses = {
        "probability": lambda w: -share @ np.log(np.tensordot(w, p, 1)[np.arange(150), target]),
        "logit": lambda w: -share @ np.log(pool_logits(p, w)[np.arange(150), target]),
        "vote": lambda w: share @ ((count_votes(p, 3, w) - truth) ** 2).sum(axis=1),
        "mean": lambda w: share @ (w @ p - target) ** 2,
    }
    found = optimal_weights(p, target, weight, kind=kind)
    assert (found >= 0).all()
    np.testing.assert_allclose(found.sum(), 1, rtol=1e-12)
    where, least = _slsqp(losses[kind], n_members)
    assert losses[kind](found) <= least + 1e-9
    np.testing.assert_allclose(losses[kind](found), least, rtol=1e-6)
    if kind != "vote":  # votes may have several optima
        np.testing.assert_allclose(found, where, atol=2e-3)


@pytest.mark.parametrize("kind", ["probability", "logit"])
def test_no_point_of_a_dense_grid_is_better(kind):
    p, target = _probabilities(3, 60, 3, 11)
    rows = np.arange(60)
    losses = {
        "probability": lambda w: -np.log(np.tensordot(w, p, 1)[rows, target]).mean(),
        "logit": lambda w: -np.log(pool_logits(p, w)[rows, target]).mean() if w.any() else np.inf,
    }
    least = _grid(losses[kind])
    found = losses[kind](optimal_weights(p, target, None, kind=kind))
    assert least - 2e-4 < found <= least


def test_a_member_that_is_always_right_gets_all_the_weight():
    p, target = _probabilities(4, 100, 3, 5)
    p[2] = np.eye(3)[target]
    np.testing.assert_allclose(optimal_weights(p, target, None, kind="probability"), [0, 0, 1, 0], atol=1e-9)
    np.testing.assert_allclose(optimal_weights(p.argmax(axis=2), target, None, kind="vote"), [0, 0, 1, 0], atol=1e-9)


def test_members_that_are_never_possible_do_no_harm():
    # The first gives every true class the probability zero.
    p, target = _probabilities(3, 80, 3, 6)
    p[0] = np.roll(np.eye(3)[target], 1, axis=1)
    assert optimal_weights(p, target, None, kind="probability")[0] < 1e-9


def test_equal_members_and_an_exact_fit():
    same = np.repeat(np.random.default_rng(0).normal(size=(1, 30)), 3, axis=0)
    found = least_squares(same.T, np.zeros(30))
    np.testing.assert_allclose(found.sum(), 1)
    A = np.random.default_rng(1).normal(size=(30, 4))
    np.testing.assert_allclose(least_squares(A, A @ [0.1, 0.2, 0.3, 0.4]), [0.1, 0.2, 0.3, 0.4], rtol=1e-9)
    np.testing.assert_allclose(least_squares(A[:2], A[0, 0] * np.array([1.0, 0.0])).sum(), 1)


def test_the_corner_of_a_linear_function():
    slope = np.array([3.0, 1.0, 2.0])
    found = minimize_on_simplex(lambda w: (float(slope @ w), slope, np.zeros((3, 3))), 3)
    np.testing.assert_allclose(found, [0, 1, 0], atol=1e-9)


# Weights are learned on out-of-fold predictions.


@pytest.mark.parametrize("name", CLASSIFIED)
def test_weights_by_score_and_rank(name):
    X, y, _, _ = _split(CLASSIFIED[name])
    scores = np.array([cross_val_score(member, X, y).mean() for _, member in _classifiers()])
    vote = VotingClassifier(_classifiers(), weights="score").fit(X, y)
    np.testing.assert_allclose(vote.scores_, scores, rtol=1e-12)
    np.testing.assert_allclose(vote.weights_, scores / scores.sum(), rtol=1e-12)
    by_rank = scores / rankdata(-scores, method="min")
    vote.set_params(weights="rank").fit(X, y)
    np.testing.assert_allclose(vote.weights_, by_rank / by_rank.sum(), rtol=1e-12)


def test_another_scoring_and_other_folds():
    X, y = load_diabetes(return_X_y=True)
    folds = KFold(3, shuffle=True, random_state=0)
    vote = VotingRegressor(_regressors(), weights="score", scoring="explained_variance", cv=folds).fit(X, y)
    scores = [cross_val_score(m, X, y, cv=folds, scoring="explained_variance").mean() for _, m in _regressors()]
    np.testing.assert_allclose(vote.scores_, scores, rtol=1e-12)


def test_optimal_weights_are_those_of_out_of_fold_predictions():
    X, y, X_test, _ = _split(load_digits)
    y = y.astype(str)
    said = np.array([cross_val_predict(m, X, y, method="predict_proba") for _, m in _classifiers()])
    vote = VotingClassifier(_classifiers(), voting="soft", weights="optimal").fit(X, y)
    np.testing.assert_allclose(vote.weights_, optimal_weights(said, y.astype(int), None, kind="probability"), atol=1e-9)
    losses = [log_loss(y, member) for member in said]
    assert log_loss(y, np.tensordot(vote.weights_, said, 1)) <= min(losses)
    by_hand = np.average([clone(m).fit(X, y).predict_proba(X_test) for _, m in _classifiers()], 0, vote.weights_)
    np.testing.assert_allclose(vote.predict_proba(X_test), by_hand, rtol=1e-12)


def test_rank_votes_by_hand():
    X, y, X_test, _ = _split(load_breast_cancer)
    said = np.array([cross_val_predict(m, X, y, method="predict_proba") for _, m in _classifiers()])
    vote = VotingClassifier(_classifiers(), voting="rank", weights=[1, 2, 1, 1]).fit(X, y)
    asked = np.array([clone(m).fit(X, y).predict_proba(X_test) for _, m in _classifiers()])
    mean_rank = np.zeros((len(X_test), 2))
    for weight, reference, new in zip([1, 2, 1, 1], said, asked, strict=True):
        for k in (0, 1):
            known = (rankdata(reference[:, k]) - 0.5) / len(X)
            order = np.argsort(reference[:, k])
            mean_rank[:, k] += weight / 5 * np.interp(new[:, k], reference[order, k], known[order])
    mean = np.average(said, axis=0, weights=[1, 2, 1, 1])
    shares = np.empty_like(mean_rank)
    for k in (0, 1):
        shares[:, k] = np.interp(mean_rank[:, k], (rankdata(np.sort(mean[:, k])) - 0.5) / len(X), np.sort(mean[:, k]))
    # np.interp on repeated abscissae takes another of the equal ranks: agree where ranks are of distinct values.
    np.testing.assert_allclose(vote.predict_proba(X_test), shares / shares.sum(axis=1, keepdims=True), atol=0.02)
    np.testing.assert_allclose(vote.predict_proba(X_test).sum(axis=1), 1, rtol=1e-12)


def test_a_rank_vote_does_not_mind_a_distorted_scale():
    # A member whose probabilities are squeezed by a monotone map keeps its ranks, so the vote keeps its order.
    class Squeezed(ClassifierMixin, BaseEstimator):
        def fit(self, X, y):
            self.inner_ = KNeighborsClassifier(15).fit(X, y)
            self.classes_ = self.inner_.classes_
            return self

        def predict_proba(self, X):
            p = 0.5 + 0.001 * (self.inner_.predict_proba(X)[:, 1] - 0.5)
            return np.column_stack([1 - p, p])

    X, y, X_test, _ = _split(load_breast_cancer)
    line = ("line", make_pipeline(StandardScaler(), LogisticRegression()))
    ranks = [
        VotingClassifier([("neighbours", member), line], voting="rank")
        .fit(X, y)
        ._ranks.mean_ranks(
            np.array([m.predict_proba(X_test) for m in (clone(member).fit(X, y), clone(line[1]).fit(X, y))])
        )
        for member in (KNeighborsClassifier(15), Squeezed())
    ]
    np.testing.assert_allclose(ranks[0], ranks[1], atol=1e-6)


def test_a_callable_makes_weights():
    X, y, _, _ = _split(load_iris)
    seen = {}

    def last_two(predictions, target):
        seen.update(shape=predictions.shape, target=target)
        return [0, 0, 1, 3]

    vote = VotingClassifier(_classifiers(), voting="soft", weights=last_two).fit(X, np.array(["a", "b", "c"])[y])
    assert seen["shape"] == (4, len(X), 3)
    np.testing.assert_array_equal(seen["target"], y)
    np.testing.assert_allclose(vote.weights_, [0, 0, 0.25, 0.75])
    with pytest.raises(ValueError, match=r"got 2 weights, 4 estimators of VotingClassifier"):
        VotingClassifier(_classifiers(), weights=lambda predictions, target: [1, 1]).fit(X, y)


def test_sample_weight_counts_in_the_optimum():
    X, y = load_diabetes(return_X_y=True)
    members = [("low", DecisionTreeRegressor(max_depth=1)), ("line", Ridge())]
    weight = np.random.default_rng(0).integers(0, 3, len(X)).astype(float)
    folds = KFold(5)
    vote = VotingRegressor(members, weights="optimal", cv=folds).fit(X, y, sample_weight=weight)
    rows = np.flatnonzero(weight)
    said = np.zeros((2, len(rows)))
    for train, test in folds.split(rows):
        for i, (_, member) in enumerate(members):
            fitted = clone(member).fit(X[rows[train]], y[rows[train]], sample_weight=weight[rows[train]])
            said[i, test] = fitted.predict(X[rows[test]])
    np.testing.assert_allclose(vote.weights_, optimal_weights(said, y[rows], weight[rows], kind="mean"), atol=1e-9)


# Members that are fitted already.


@pytest.mark.parametrize("voting", ["hard", "soft", "rank", "logit"])
def test_fitted_members_vote_with_their_own_labels(voting):
    X, y, X_test, y_test = _split(load_wine)
    y, y_test = np.array(["b", "a", "c"])[y], np.array(["b", "a", "c"])[y_test]
    members = [(name, clone(member).fit(X, y)) for name, member in _classifiers()]
    vote = VotingClassifier(members, voting=voting, prefit=True, weights="optimal").fit(X_test, y_test)
    assert vote.estimators_[0] is members[0][1]
    assert vote.score(X_test, y_test) > 0.9
    if voting == "soft":
        said = np.array([member.predict_proba(X_test) for _, member in members])
        codes = np.searchsorted(["a", "b", "c"], y_test)
        np.testing.assert_allclose(vote.weights_, optimal_weights(said, codes, None, kind="probability"))
    scored = VotingClassifier(members, voting=voting, prefit=True, weights="score").fit(X_test, y_test)
    np.testing.assert_allclose(scored.scores_, [member.score(X_test, y_test) for _, member in members])


def test_fitted_members_that_know_other_classes():
    X, y, X_test, y_test = _split(load_wine)
    some = y != 2
    members = [("two", GaussianNB().fit(X[some], y[some])), ("all", GaussianNB().fit(X, y))]
    vote = VotingClassifier(members, voting="soft", prefit=True).fit(X_test[:20], y_test[:20])
    expected = 0.5 * members[1][1].predict_proba(X_test)
    expected[:, :2] += 0.5 * members[0][1].predict_proba(X_test)
    np.testing.assert_allclose(vote.predict_proba(X_test), expected)


def test_members_have_to_be_fitted_for_prefit():
    X, y, _, _ = _split(load_wine)
    with pytest.raises(NotFittedError, match="member 'tree' of VotingClassifier"):
        VotingClassifier(_classifiers(), prefit=True).fit(X, y)


# Everything nests; errors name the member.


def test_pipelines_in_a_vote_in_a_search_over_a_frame():
    X, y = load_iris(return_X_y=True, as_frame=True)
    X = X.assign(colour=pd.Categorical(np.resize(["red", "green", "blue"], len(X))))
    columns = ColumnTransformer([("colour", OneHotEncoder(), ["colour"])], remainder="passthrough")
    vote = VotingClassifier(
        [
            ("neighbours", make_pipeline(columns, KNeighborsClassifier())),
            ("net", skdl.neural.MLPClassifier((8,), max_epochs=5, random_state=0)),
            ("vote", VotingClassifier([("tree", make_pipeline(columns, DecisionTreeClassifier(random_state=0)))])),
        ]
    )
    grid = {"neighbours__kneighborsclassifier__n_neighbors": [1, 5], "net__lr": [0.001, 0.02]}
    search = GridSearchCV(vote, grid, cv=3, error_score="raise").fit(X, y)
    assert search.best_score_ > 0.9
    assert list(search.best_estimator_.feature_names_in_) == list(X.columns)


CALLS = []


def count(X):
    CALLS.append(len(X))
    return X


def test_pipelines_that_begin_alike_share_the_fit_of_these_steps():
    CALLS.clear()

    def pipeline(last):
        return make_pipeline(FunctionTransformer(count), StandardScaler(), last)

    X, y, X_test, _ = _split(load_wine)
    members = [("a", pipeline(GaussianNB())), ("b", pipeline(LogisticRegression())), ("c", pipeline(GaussianNB()))]
    vote = VotingClassifier(members, voting="soft").fit(X, y)
    assert [len(X)] == CALLS
    alone = ensemble.VotingClassifier(members, voting="soft").fit(X, y)
    np.testing.assert_array_equal(vote.predict_proba(X_test), alone.predict_proba(X_test))
    assert [type(member).__name__ for member in vote.estimators_] == ["Pipeline"] * 3
    assert vote.estimators_[0][:-1][1] is vote.estimators_[1][:-1][1]


def test_members_of_one_class_are_one_family(monkeypatch):
    asked = []
    family = skdl.neighbors.KNeighborsClassifier._fit_family

    def counted(self, X, y, *, candidates, splits, **options):
        asked.append((len(candidates), len(splits)))
        return family(self, X, y, candidates=candidates, splits=splits, **options)

    monkeypatch.setattr(skdl.neighbors.KNeighborsClassifier, "_fit_family", counted)
    X, y, X_test, _ = _split(load_digits)
    members = [(f"k{k}", skdl.neighbors.KNeighborsClassifier(k)) for k in (1, 5, 9)]
    vote = VotingClassifier(members, voting="soft", weights="optimal").fit(X, y)
    assert asked == [(3, 6)]
    for (_, member), fitted in zip(members, vote.estimators_, strict=True):
        np.testing.assert_array_equal(fitted.predict_proba(X_test), clone(member).fit(X, y).predict_proba(X_test))


class Breaks(ClassifierMixin, BaseEstimator):
    def __init__(self, when="fit"):
        self.when = when

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        if self.when == "fit":
            raise RuntimeError("out of luck")
        return self

    def predict(self, X):
        raise RuntimeError("out of luck")


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_a_member_that_fails_is_named(n_jobs):
    X, y, _, _ = _split(load_iris)
    for when in ("fit", "predict"):
        vote = VotingClassifier([("bayes", GaussianNB()), ("unlucky", Breaks(when))], n_jobs=n_jobs)
        with pytest.raises(RuntimeError, match=r"out of luck\n\(member 'unlucky' of VotingClassifier\)"):
            vote.fit(X, y).predict(X)


def test_a_member_of_a_family_that_fails_is_named():
    X, y, _, _ = _split(load_iris)
    members = [
        ("good", skdl.neighbors.KNeighborsClassifier(3)),
        ("greedy", skdl.neighbors.KNeighborsClassifier(weights="none")),
    ]
    with pytest.raises(ValueError, match=r"member 'greedy' of VotingClassifier"):
        VotingClassifier(members).fit(X, y)


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_jobs_change_nothing(n_jobs):
    X, y, X_test, _ = _split(load_wine)
    vote = VotingClassifier(_classifiers(), voting="soft", weights="optimal")
    expected = clone(vote).fit(X, y).predict_proba(X_test)
    np.testing.assert_array_equal(vote.set_params(n_jobs=n_jobs).fit(X, y).predict_proba(X_test), expected)


def test_weights_of_samples_reach_all_members():
    X, y, X_test, _ = _split(load_wine)
    weight = np.random.default_rng(0).integers(1, 5, len(X)).astype(float)
    members = [(name, member) for name, member in _classifiers() if name != "neighbours"]
    vote = VotingClassifier(members, voting="soft").fit(X, y, sample_weight=weight)
    by_hand = [
        DecisionTreeClassifier(max_depth=4, random_state=0).fit(X, y, weight),
        GaussianNB().fit(X, y, weight),
        make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y, logisticregression__sample_weight=weight),
    ]
    mean = np.mean([member.predict_proba(X_test) for member in by_hand], axis=0)
    np.testing.assert_allclose(vote.predict_proba(X_test), mean, rtol=1e-12)
    with pytest.raises(TypeError, match=r"KNeighborsClassifier does not support sample weights(.|\n)*'neighbours'"):
        VotingClassifier([("neighbours", KNeighborsClassifier())]).fit(X, y, sample_weight=weight)


def test_metadata_are_routed():
    X, y, X_test, _ = _split(load_wine)
    weight = np.random.default_rng(0).integers(1, 5, len(X)).astype(float)
    with sklearn.config_context(enable_metadata_routing=True):
        scaler = StandardScaler().set_fit_request(sample_weight=False)
        members = [
            ("weighted", GaussianNB().set_fit_request(sample_weight=True)),
            ("plain", DecisionTreeClassifier(random_state=0).set_fit_request(sample_weight=False)),
            ("inside", make_pipeline(scaler, LogisticRegression().set_fit_request(sample_weight=True))),
        ]
        ours = VotingClassifier(members, voting="soft").fit(X, y, sample_weight=weight)
        theirs = ensemble.VotingClassifier(members, voting="soft").fit(X, y, sample_weight=weight)
        search = GridSearchCV(VotingClassifier(members), {"voting": ["soft"]}, cv=3)
        search.fit(X, y, sample_weight=weight)
        np.testing.assert_array_equal(ours.predict_proba(X_test), theirs.predict_proba(X_test))
        np.testing.assert_array_equal(search.best_estimator_.predict_proba(X_test), theirs.predict_proba(X_test))
    with pytest.raises(ValueError, match=r"VotingClassifier.fit is only supported if enable_metadata_routing=True"):
        VotingClassifier(members).fit(X, y, groups=weight)


def test_output_as_a_frame():
    X, y = load_iris(return_X_y=True, as_frame=True)
    vote = VotingClassifier(_classifiers(), voting="soft").set_output(transform="pandas").fit(X, y)
    assert list(vote.transform(X).columns)[:2] == ["votingclassifier_tree0", "votingclassifier_tree1"]


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        ({"estimators": []}, r"non-empty list of \(string, estimator\) tuples"),
        ({"estimators": [GaussianNB()]}, r"non-empty list of \(string, estimator\) tuples"),
        ({"estimators": [("a", GaussianNB()), ("a", GaussianNB())]}, "Names provided are not unique"),
        ({"estimators": [("voting", GaussianNB())]}, r"conflict with constructor arguments: \['voting'\]"),
        ({"estimators": [("a__b", GaussianNB())]}, "must not contain __"),
        ({"estimators": [("a", "drop")]}, "All estimators are dropped"),
        ({"estimators": [("a", GaussianNB)]}, r"'a' of VotingClassifier must be an instance with a method fit"),
        ({"estimators": [("a", Ridge())]}, "The estimator Ridge should be a classifier"),
        ({"weights": [1, 2, 3]}, "got 3 weights, 2 estimators"),
        ({"weights": [1, -1]}, "finite and not negative"),
        ({"weights": [0, 0]}, "one of them positive"),
        ({"weights": "best"}, "weights of VotingClassifier must be"),
        ({"voting": "soft", "estimators": [("a", Breaks("predict"))]}, r"needs predict_proba.*'a'(.|\n)*Calibrated"),
        ({"weights": "score", "cv": [(np.arange(60), np.arange(30))]}, "test every sample once"),
        ({"cv": "prefit"}, "cv of VotingClassifier must be .*a number of folds"),
    ],
)
def test_bad_parameters(parameters, told):
    X, y = load_iris(return_X_y=True)
    vote = VotingClassifier([("a", GaussianNB()), ("b", GaussianNB())])
    with pytest.raises(ValueError, match=told):
        vote.set_params(**parameters).fit(X, y)


def test_a_class_that_a_fold_lacks():
    X, y, X_test, _ = _split(load_wine)
    y = np.where(np.arange(len(y)) < 3, 7, y)
    members = [("bayes", GaussianNB()), ("neighbours", KNeighborsClassifier())]
    vote = VotingClassifier(members, voting="soft", weights="optimal", cv=KFold(5)).fit(X, y)
    assert vote.predict_proba(X_test).shape == (len(X_test), 4)
    ranked = VotingClassifier(members, voting="rank", cv=KFold(5)).fit(X, y)
    np.testing.assert_allclose(ranked.predict_proba(X_test).sum(axis=1), 1)


def test_the_regressor_of_ranks_and_the_median():
    X, y = load_diabetes(return_X_y=True)
    said = [member.fit(X[:300], y[:300]).predict(X[300:]) for _, member in _regressors()]
    vote = VotingRegressor(_regressors(), voting="median").fit(X[:300], y[:300])
    np.testing.assert_array_equal(vote.predict(X[300:]), np.median(said, axis=0))
    vote = VotingRegressor(_regressors(), voting="rank").fit(X[:300], y[:300])
    reference = np.array([cross_val_predict(member, X[:300], y[:300]) for _, member in _regressors()])
    np.testing.assert_allclose(vote.predict(X[300:]), RankAverage(reference)(np.array(said)), rtol=1e-12)


def test_neighbours_regressor_is_not_asked_for_classes():
    X, y = load_diabetes(return_X_y=True)
    vote = VotingRegressor([("a", KNeighborsRegressor())], weights="optimal", cv=StratifiedKFold(2).split(X, y > 100))
    assert vote.fit(X, y).weights_.tolist() == [1.0]
