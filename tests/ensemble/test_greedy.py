"""Greedy selection: by hand, against a search of all small ensembles, and from the candidates of a search."""

from itertools import combinations_with_replacement

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_wine
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import log_loss
from sklearn.model_selection import KFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

import skdl
from skdl.ensemble import GreedyEnsembleClassifier, GreedyEnsembleRegressor
from skdl.ensemble._selection import greedy_weights, losses_for, select
from skdl.model_selection import GridSearchCV


def _library():
    return [
        *[(f"neighbours{k}", skdl.neighbors.KNeighborsClassifier(k)) for k in (1, 5, 25)],
        ("bayes", skdl.naive_bayes.GaussianNB()),
        *[(f"tree{depth}", skdl.tree.DecisionTreeClassifier(max_depth=depth)) for depth in (1, 3, 8)],
        ("line", make_pipeline(StandardScaler(), LogisticRegression())),
    ]


def _split(load, n=300):
    X, y = load(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(X))[:n]
    half = len(order) // 2
    return X[order[:half]], y[order[:half]], X[order[half:]], y[order[half:]]


def test_selection_by_hand():
    # Targets 0, 0. Candidates with the errors (3, 0), (-1, 2), (0, -4): squares 4.5, 2.5, 8.
    said = np.array([[3.0, 0.0], [-1.0, 2.0], [0.0, -4.0]])
    parts, losses = losses_for("squared_error", said, np.zeros(2), None)
    np.testing.assert_allclose(losses(parts), [4.5, 2.5, 8.0])
    # Begin with the second. Adding: 1st (1, 1) -> 1; 2nd -> 2.5; 3rd (-.5, -1) -> .625. Third again, then:
    # 1st (2/3, -2/3) -> 4/9; 2nd (-2/3, 0) -> 2/9; 3rd (-1/3, -2) -> 37/18.
    np.testing.assert_array_equal(select(parts, losses, n_steps=0, n_init=1), [0, 1, 0])
    np.testing.assert_array_equal(select(parts, losses, n_steps=1, n_init=1), [0, 1, 1])
    np.testing.assert_array_equal(select(parts, losses, n_steps=2, n_init=1), [0, 2, 1])
    # The two best together have (1, 1) -> 1, less than the best one; all three (2/3, -2/3) -> 4/9.
    np.testing.assert_array_equal(select(parts, losses, n_steps=0, n_init=2), [1, 1, 0])
    np.testing.assert_array_equal(select(parts, losses, n_steps=0, n_init=3), [1, 1, 1])


def test_the_best_ensemble_on_the_way_is_taken():
    # A perfect candidate: whatever is added after it could only harm.
    said = np.array([[0.0, 0.0], [1.0, 1.0]])
    parts, losses = losses_for("squared_error", said, np.zeros(2), None)
    np.testing.assert_array_equal(select(parts, losses, n_steps=9, n_init=2), [1, 0])


@pytest.mark.parametrize("kind", ["log_loss", "brier", "error", "squared_error", "absolute_error"])
@pytest.mark.parametrize("weighted", [False, True])
def test_losses(kind, weighted):
    rng = np.random.default_rng(0)
    weight = rng.uniform(0.5, 2, 40) if weighted else None
    if kind in ("squared_error", "absolute_error"):
        said, target = rng.normal(size=(3, 40)), rng.normal(size=40)
        error = np.abs(said - target) ** (2 if kind == "squared_error" else 1)
    else:
        said, target = rng.dirichlet(np.ones(4), (3, 40)), rng.integers(0, 4, 40)
        error = {
            "log_loss": -np.log(said[:, np.arange(40), target]),
            "brier": ((said - np.eye(4)[target]) ** 2).sum(axis=2),
            "error": (said.argmax(axis=2) != target).astype(float),
        }[kind]
    parts, losses = losses_for(kind, said, target, weight)
    np.testing.assert_allclose(losses(parts), np.average(error, axis=1, weights=weight))


def test_a_step_is_the_best_of_all_single_steps():
    rng = np.random.default_rng(1)
    said, target = rng.dirichlet(np.ones(3), (6, 80)), rng.integers(0, 3, 80)
    parts, losses = losses_for("log_loss", said, target, None)
    counts = np.zeros(6)
    counts[losses(parts).argmin()] = 1
    for steps in range(1, 6):
        trials = counts + np.eye(6)
        counts = trials[losses((trials / trials.sum(axis=1, keepdims=True)) @ parts).argmin()]
        found = select(parts, losses, n_steps=steps, n_init=1)
        best = losses((found / found.sum() @ parts)[None])[0]
        assert best <= losses((counts / counts.sum() @ parts)[None])[0] + 1e-12
    # Ensembles of three with repetition, all of them: the greedy one is among the better ones.
    every = [np.bincount(which, minlength=6) / 3 for which in combinations_with_replacement(range(6), 3)]
    all_losses = np.sort(losses(np.array(every) @ parts))
    three = select(parts, losses, n_steps=2, n_init=1)
    assert losses((three / three.sum() @ parts)[None])[0] <= np.quantile(all_losses, 0.1)


def test_bags_are_averaged():
    rng = np.random.default_rng(2)
    said, target = rng.normal(size=(8, 60)), rng.normal(size=60)
    options = {"loss": "squared_error", "n_steps": 10, "n_init": 2, "n_bags": 4, "bag_fraction": 0.5}
    found = greedy_weights(said, target, generator=np.random.RandomState(3), **options)
    generator, expected = np.random.RandomState(3), np.zeros(8)
    parts, losses = losses_for("squared_error", said, target, None)
    for _ in range(4):
        bag = np.sort(generator.permutation(8)[:4])
        counts = select(parts[bag], losses, n_steps=10, n_init=2)
        expected[bag] += counts / counts.sum() / 4
    np.testing.assert_allclose(found, expected)
    np.testing.assert_allclose(found.sum(), 1)


@pytest.mark.parametrize("load", [load_wine, load_breast_cancer, load_digits])
def test_the_ensemble_is_what_its_weights_say(load):
    X, y, X_test, _ = _split(load)
    labels = np.array([f"class {label}" for label in y])
    greedy = GreedyEnsembleClassifier(_library(), random_state=0).fit(X, labels)
    said = np.array([cross_val_predict(member, X, y, method="predict_proba") for _, member in _library()])
    codes = np.searchsorted(np.unique(y), y)
    options = {"loss": "log_loss", "n_steps": 50, "n_init": 5, "n_bags": 1, "bag_fraction": 1.0}
    expected = greedy_weights(said, codes, generator=np.random.RandomState(0), **options)
    np.testing.assert_allclose(greedy.weights_, expected, atol=1e-9)
    np.testing.assert_allclose(greedy.loss_, log_loss(y, np.tensordot(expected, said, 1)), rtol=1e-6)
    np.testing.assert_allclose(greedy.losses_, [log_loss(y, member) for member in said], rtol=1e-6)
    assert greedy.loss_ <= greedy.losses_.min() + 1e-12
    by_hand = sum(
        weight * clone(member).fit(X, y).predict_proba(X_test)
        for weight, (_, member) in zip(expected, _library(), strict=True)
        if weight
    )
    np.testing.assert_allclose(greedy.predict_proba(X_test), by_hand, rtol=1e-9, atol=1e-12)
    assert len(greedy.estimators_) == np.count_nonzero(expected)
    assert [name for name, member in greedy.named_estimators_.items() if isinstance(member, str)] == [
        name for weight, (name, _) in zip(expected, _library(), strict=True) if not weight
    ]
    assert greedy.transform(X_test).shape == (len(X_test), len(greedy.get_feature_names_out()))


def test_candidates_of_a_search_are_not_cross_validated_again(monkeypatch):
    X, y, X_test, _ = _split(load_digits)
    grid = {"n_neighbors": [1, 3, 9, 27, 50], "weights": ["uniform", "distance"]}
    search = GridSearchCV(skdl.neighbors.KNeighborsClassifier(), grid, return_predictions="predict_proba").fit(X, y)
    asked = []
    family = skdl.neighbors.KNeighborsClassifier._fit_family

    def counted(self, X, y, *, candidates, splits, **options):
        asked.append((len(candidates), [len(rows) for rows in splits]))
        return family(self, X, y, candidates=candidates, splits=splits, **options)

    monkeypatch.setattr(skdl.neighbors.KNeighborsClassifier, "_fit_family", counted)
    greedy = GreedyEnsembleClassifier.from_search(search, n=6, random_state=0).fit(X, y)
    assert len(greedy.estimators) == 6
    assert asked == [(len(greedy.estimators_), [len(X)])]
    best = np.argsort(search.cv_results_["rank_test_score"], kind="stable")[:6]
    assert [name for name, _ in greedy.estimators] == [f"candidate{i}" for i in best]
    members = [(f"candidate{i}", clone(search.estimator).set_params(**search.cv_results_["params"][i])) for i in best]
    fresh = GreedyEnsembleClassifier(members, random_state=0).fit(X, y)
    np.testing.assert_allclose(greedy.weights_, fresh.weights_, atol=1e-12)
    np.testing.assert_allclose(greedy.predict_proba(X_test), fresh.predict_proba(X_test), rtol=1e-12)


def test_a_search_over_regressors_and_one_with_several_scores():
    X, y = load_diabetes(return_X_y=True)
    search = GridSearchCV(
        make_pipeline(StandardScaler(), Ridge()),
        {"ridge__alpha": [0.1, 10, 1000], "standardscaler__with_std": [True, False]},
        scoring=["r2", "neg_mean_absolute_error"],
        refit="neg_mean_absolute_error",
        return_predictions=True,
    ).fit(X, y)
    greedy = GreedyEnsembleRegressor.from_search(search, n=4, loss="absolute_error").fit(X, y)
    assert greedy.loss_ <= greedy.losses_.min() + 1e-9
    order = np.argsort(search.cv_results_["rank_test_neg_mean_absolute_error"], kind="stable")[:4]
    assert [name for name, _ in greedy.estimators] == [f"candidate{i}" for i in order]
    with pytest.raises(ValueError, match=r"fit GridSearchCV with return_predictions='predict_proba'"):
        GreedyEnsembleClassifier.from_search(search)


def test_rows_that_no_fold_tests_are_left_out():
    X, y, _, _ = _split(load_wine)
    folds = [(np.arange(50, len(X)), np.arange(50))]
    grid = {"max_depth": [1, 2, 4]}
    search = GridSearchCV(skdl.tree.DecisionTreeClassifier(), grid, cv=folds, return_predictions="predict_proba")
    search.fit(X, y)
    greedy = GreedyEnsembleClassifier.from_search(search, bag_fraction=1.0).fit(X, y)
    said = [part[:50] for part in search.oof_predictions_]
    order = [int(name.removeprefix("candidate")) for name, _ in greedy.estimators]
    np.testing.assert_allclose(greedy.losses_, [log_loss(y[:50], said[i], labels=[0, 1, 2]) for i in order], rtol=1e-6)


def test_weights_of_samples_and_a_loss_of_ones_own():
    X, y, _, _ = _split(load_wine)
    weight = np.random.default_rng(0).integers(0, 3, len(X)).astype(float)
    members = [("bayes", skdl.naive_bayes.GaussianNB()), ("tree", DecisionTreeClassifier(max_depth=2, random_state=0))]
    weighted = GreedyEnsembleClassifier(members, bag_fraction=1.0, cv=KFold(3)).fit(X, y, sample_weight=weight)
    rows = np.flatnonzero(weight)
    said = np.zeros((2, len(rows), 3))
    for train, test in KFold(3).split(rows):
        for i, (_, member) in enumerate(members):
            fitted = clone(member).fit(X[rows[train]], y[rows[train]], sample_weight=weight[rows[train]])
            said[i, test] = fitted.predict_proba(X[rows[test]])
    expected = [log_loss(y[rows], member, sample_weight=weight[rows]) for member in said]
    np.testing.assert_allclose(weighted.losses_, expected, rtol=1e-6)
    own = GreedyEnsembleClassifier(members, loss=lambda target, mean: -mean[np.arange(len(target)), target].min())
    assert own.fit(X, y).loss_ <= own.losses_.min()


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        ({"predictions": [np.zeros((150, 3))]}, "one array for each of its 2 estimators; got 1"),
        ({"predictions": [np.zeros((149, 3))] * 2}, r"for 'bayes' have the shape \(149, 3\), not \(150, 3\)"),
        ({"predictions": [np.full((150, 3), np.nan)] * 2}, "have no row"),
        ({"loss": "squared_error"}, "loss of GreedyEnsembleClassifier must be"),
        ({"bag_fraction": 0.0}, "bag_fraction of GreedyEnsembleClassifier must be"),
    ],
)
def test_bad_parameters(parameters, told):
    from sklearn.datasets import load_iris

    X, y = load_iris(return_X_y=True)
    members = [("bayes", skdl.naive_bayes.GaussianNB()), ("tree", DecisionTreeClassifier())]
    with pytest.raises(ValueError, match=told):
        GreedyEnsembleClassifier(members, **parameters).fit(X, y)
