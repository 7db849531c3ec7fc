"""Calibration and diversity: tables by hand, scikit-learn's curve, identities."""

import numpy as np
import pytest
from sklearn.calibration import calibration_curve
from sklearn.datasets import load_diabetes, load_wine
from sklearn.ensemble import VotingClassifier as TheirVote
from sklearn.metrics import brier_score_loss, log_loss
from sklearn.naive_bayes import GaussianNB
from sklearn.tree import DecisionTreeClassifier

from skdl.ensemble import (
    BaggingClassifier,
    BaggingRegressor,
    VotingClassifier,
    calibration_report,
    diversity_report,
    reliability_curve,
)

# Four bins of 0.25: the largest probabilities .6, .7, .7 (two right) and .9, .8 (one right).
P = np.array([[0.6, 0.4], [0.3, 0.7], [0.7, 0.3], [0.1, 0.9], [0.8, 0.2]])
Y = np.array(["no", "yes", "yes", "yes", "yes"])


def test_a_curve_by_hand():
    curve = reliability_curve(Y, P, n_bins=4)
    np.testing.assert_allclose(curve["confidence"], [2 / 3, 0.85])
    np.testing.assert_allclose(curve["accuracy"], [2 / 3, 0.5])
    np.testing.assert_allclose(curve["weight"], [0.6, 0.4])
    np.testing.assert_allclose(curve[["low", "high"]], [[0.5, 0.75], [0.75, 1.0]])
    weighted = reliability_curve(Y, P, n_bins=4, sample_weight=[1, 1, 2, 3, 1])
    np.testing.assert_allclose(weighted["accuracy"], [0.5, 0.75])
    np.testing.assert_allclose(weighted["confidence"], [2.7 / 4, 3.5 / 4])


def test_a_report_by_hand():
    report = calibration_report(Y, P, n_bins=4)
    np.testing.assert_allclose(report["accuracy"], 0.6)
    np.testing.assert_allclose(report["ece"], 0.4 * 0.35)
    np.testing.assert_allclose(report["mce"], 0.35)
    np.testing.assert_allclose(report["brier"], 2 * np.mean([0.16, 0.09, 0.49, 0.01, 0.64]))
    np.testing.assert_allclose(report["log_loss"], -np.log([0.6, 0.7, 0.3, 0.9, 0.2]).mean())
    np.testing.assert_allclose(report["confidence"], 0.74)


@pytest.mark.parametrize("strategy", ["uniform", "quantile"])
def test_the_curve_is_scikit_learns_where_the_positive_class_is_the_likely_one(strategy):
    rng = np.random.default_rng(0)
    positive = rng.uniform(0.5, 1, 500)
    y = rng.uniform(size=500) < positive
    ours = reliability_curve(y, np.column_stack([1 - positive, positive]), n_bins=8, strategy=strategy)
    true, predicted = calibration_curve(y, positive, n_bins=8, strategy=strategy)
    np.testing.assert_allclose(ours["accuracy"], true)
    np.testing.assert_allclose(ours["confidence"], predicted)


def test_scores_are_scikit_learns():
    rng = np.random.default_rng(1)
    p, y = rng.dirichlet(np.ones(2), 200), rng.integers(0, 2, 200)
    weight = rng.uniform(0.1, 2, 200)
    report = calibration_report(y, p, sample_weight=weight)
    np.testing.assert_allclose(report["log_loss"], log_loss(y, p, sample_weight=weight))
    np.testing.assert_allclose(report["brier"] / 2, brier_score_loss(y, p[:, 1], sample_weight=weight))


def test_true_probabilities_are_calibrated():
    rng = np.random.default_rng(2)
    p = rng.dirichlet(np.ones(3), 40_000)
    y = (rng.uniform(size=(40_000, 1)) > np.cumsum(p, axis=1)).sum(axis=1)
    assert calibration_report(y, p)["ece"] < 0.01
    sharp = p**3 / (p**3).sum(axis=1, keepdims=True)
    assert calibration_report(y, sharp)["ece"] > 0.1


def test_columns_in_another_order_and_classes_that_y_lacks():
    y, p = np.array(["b", "b", "a"]), np.array([[0.2, 0.7, 0.1], [0.1, 0.8, 0.1], [0.6, 0.3, 0.1]])
    report = calibration_report(y, p, classes=["a", "b", "c"])
    turned = calibration_report(y, p[:, ::-1], classes=["c", "b", "a"])
    assert report == turned
    with pytest.raises(ValueError, match=r"probability has the shape \(3, 3\), but y has 3 samples of 2 classes"):
        calibration_report(y, p)
    with pytest.raises(ValueError, match=r"y holds the labels \['b'\]"):
        calibration_report(y, p, classes=["a", "c", "d"])
    with pytest.raises(ValueError, match="strategy must be"):
        reliability_curve(Y, P, strategy="log")
    with pytest.raises(ValueError, match="n_bins must be"):
        reliability_curve(Y, P, n_bins=0)


def test_diversity_of_classifiers():
    X, y = load_wine(return_X_y=True)
    y = np.array(["b", "a", "c"])[y]
    order = np.random.default_rng(0).permutation(len(X))
    train, test = order[:100], order[100:]
    bag = BaggingClassifier(DecisionTreeClassifier(max_depth=1), 5, random_state=0).fit(X[train], y[train])
    report = diversity_report(bag, X[test], y[test])
    said = np.array([bag.classes_[member.predict(X[test])] for member in bag.estimators_])
    wrong = said != y[test]
    pairs = [(i, j) for i in range(5) for j in range(i)]
    np.testing.assert_allclose(report["member_accuracy"], 1 - wrong.mean())
    np.testing.assert_allclose(report["accuracy"], bag.score(X[test], y[test]))
    np.testing.assert_allclose(report["disagreement"], np.mean([(said[i] != said[j]).mean() for i, j in pairs]))
    np.testing.assert_allclose(
        report["error_correlation"], np.mean([np.corrcoef(wrong[i], wrong[j])[0, 1] for i, j in pairs])
    )
    np.testing.assert_allclose(report["log_loss"], log_loss(y[test], bag.predict_proba(X[test])))
    assert report["log_loss"] <= report["member_log_loss"]


def test_votes_know_codes_and_fitted_members_labels():
    X, y = load_wine(return_X_y=True)
    y = np.array(["b", "a", "c"])[y]
    members = [("bayes", GaussianNB()), ("tree", DecisionTreeClassifier(max_depth=2, random_state=0))]
    ours = diversity_report(VotingClassifier(members, voting="soft").fit(X, y), X, y)
    assert ours == diversity_report(TheirVote(members, voting="soft").fit(X, y), X, y)
    fitted = [(name, member.fit(X, y)) for name, member in members]
    assert ours == diversity_report(VotingClassifier(fitted, voting="soft", prefit=True).fit(X, y), X, y)


def test_ambiguity_is_what_averaging_brings():
    X, y = load_diabetes(return_X_y=True)
    bag = BaggingRegressor(max_features=0.5, random_state=0).fit(X[:300], y[:300])
    report = diversity_report(bag, X[300:], y[300:])
    np.testing.assert_allclose(report["member_mse"], report["mse"] + report["ambiguity"])
    np.testing.assert_allclose(report["mse"], np.mean((bag.predict(X[300:]) - y[300:]) ** 2))
    with pytest.raises(ValueError, match="at least two members"):
        diversity_report(BaggingRegressor(n_estimators=1).fit(X, y), X, y)
