"""Pipelines, searches, cross-validation and ensembles of scikit-learn run with every estimator."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    BaggingClassifier,
    BaggingRegressor,
    StackingClassifier,
    StackingRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import check_scoring
from sklearn.model_selection import GridSearchCV, cross_val_predict, cross_val_score, learning_curve
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder

from tests.common.table import for_each_row
from tests.common.tools import COLUMNS, assert_same_outputs, outputs, samples

_NAMES = np.array(["low", "middle", "high"])


def _named_samples(row):
    """As a user has them: strings for labels."""
    X, y = samples(row)
    return X, _NAMES[y] if row.kind == "classifier" else y


@for_each_row()
def test_a_pipeline_does_what_its_steps_do(row):
    X, y = _named_samples(row)
    scaler = clone(row.scaler).fit(X)
    by_hand = row.make().fit(scaler.transform(X), y)
    pipeline = make_pipeline(clone(row.scaler), row.make()).fit(X, y)
    expected = outputs(by_hand, scaler.transform(X))
    expected = {method: value for method, value in expected.items() if "kneighbors" not in method}
    if expected:
        assert_same_outputs(outputs(pipeline, X), expected)
    assert_same_outputs(outputs(pipeline[-1], scaler.transform(X)), outputs(by_hand, scaler.transform(X)))


@for_each_row(lambda row: row.supervised)
def test_a_pipeline_with_frames_of_mixed_columns(row):
    X, y = _named_samples(row)
    frame = pd.DataFrame(X, columns=COLUMNS).assign(colour=np.resize(["red", "green", "blue"], len(X)))
    columns = ColumnTransformer(
        [("numbers", clone(row.scaler), COLUMNS), ("colours", OneHotEncoder(sparse_output=False), ["colour"])]
    ).set_output(transform="pandas")
    pipeline = make_pipeline(columns, row.make()).fit(frame, y)
    assert pipeline.predict(frame).shape == (len(X),)
    assert list(pipeline[-1].feature_names_in_) == list(pipeline[:-1].get_feature_names_out())


@for_each_row(lambda row: hasattr(row.make(), "score"))
def test_grid_search(row):
    X, y = _named_samples(row)
    grid = [{f"{name}": [value] for name, value in candidate.items()} for candidate in row.candidates]
    search = GridSearchCV(row.make(), grid, cv=3, error_score="raise").fit(X, y)
    scores = search.cv_results_["mean_test_score"]
    assert len(scores) == len(row.candidates)
    assert np.isfinite(scores).all()
    assert_same_outputs(outputs(search.best_estimator_, X), outputs(row.make(**search.best_params_).fit(X, y), X))


@for_each_row(lambda row: row.supervised)
def test_cross_validation(row):
    X, y = _named_samples(row)
    scores = cross_val_score(row.make_trained(), X, y, cv=4, error_score="raise")
    chance = 1 / 3 if row.kind == "classifier" else 0.0
    assert scores.mean() > chance
    predictions = cross_val_predict(row.make(), X, y, cv=4)
    assert predictions.shape == y.shape
    _, train, test = learning_curve(row.make(), X, y, cv=3, train_sizes=[0.5, 1.0], error_score="raise")
    assert np.isfinite(train).all()
    assert np.isfinite(test).all()


@for_each_row(lambda row: row.kind == "classifier")
def test_hard_votes(row):
    X, y = _named_samples(row)
    vote = VotingClassifier([("ours", row.make_trained()), ("theirs", LogisticRegression(max_iter=1000))]).fit(X, y)
    assert set(vote.predict(X)) <= set(_NAMES)
    assert vote.score(X, y) > 1 / 3


@for_each_row(lambda row: hasattr(row.make(), "predict_proba"))
def test_soft_votes(row):
    X, y = _named_samples(row)
    partner = LogisticRegression(max_iter=1000)
    vote = VotingClassifier([("ours", row.make()), ("theirs", partner)], voting="soft").fit(X, y)
    members = [row.make().fit(X, y), partner.fit(X, y)]
    mean = np.mean([member.predict_proba(X) for member in members], axis=0)
    np.testing.assert_allclose(vote.predict_proba(X), mean, rtol=1e-6, atol=1e-9)


@for_each_row(lambda row: row.kind == "regressor")
def test_averages(row):
    X, y = samples(row)
    average = VotingRegressor([("ours", row.make()), ("theirs", Ridge())]).fit(X, y)
    mean = (row.make().fit(X, y).predict(X) + Ridge().fit(X, y).predict(X)) / 2
    np.testing.assert_allclose(average.predict(X), mean, rtol=1e-6)


@for_each_row(lambda row: row.supervised)
def test_bagging_and_stacking(row):
    X, y = _named_samples(row)
    if row.kind == "classifier":
        bagging, stacking, final = BaggingClassifier, StackingClassifier, LogisticRegression()
    else:
        bagging, stacking, final = BaggingRegressor, StackingRegressor, Ridge()
    bag = bagging(row.make_trained(), n_estimators=2, random_state=0).fit(X, y)
    stack = stacking([("ours", row.make_trained())], final_estimator=final, cv=2).fit(X, y)
    for ensemble in (bag, stack):
        assert ensemble.score(X, y) > 1 / 3


@for_each_row(lambda row: row.kind == "clusterer")
def test_a_clusterer_labels_what_it_was_fitted_on(row):
    X, _ = samples(row)
    estimator = row.make()
    labels = estimator.fit_predict(X)
    np.testing.assert_array_equal(labels, estimator.labels_)
    pipeline = make_pipeline(FunctionTransformer(), row.make())
    np.testing.assert_array_equal(pipeline.fit_predict(X), labels)


@for_each_row(lambda row: row.supervised)
def test_the_default_scorer_is_score(row):
    X, y = _named_samples(row)
    estimator = row.make().fit(X, y)
    assert check_scoring(estimator)(estimator, X, y) == estimator.score(X, y)


@for_each_row(lambda row: hasattr(row.make(), "transform"))
@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_set_output(row, library):
    X, y = samples(row)
    frame = pd.DataFrame(X, columns=COLUMNS, index=np.arange(len(X)) + 100)
    plain = row.make().fit(frame, y)
    framed = row.make().set_output(transform=library).fit(frame, y)
    result = framed.transform(frame)
    assert type(result).__module__.partition(".")[0] == library
    assert list(result.columns) == list(framed.get_feature_names_out())
    np.testing.assert_array_equal(result.to_numpy(), plain.transform(frame))
    if library == "pandas":
        assert list(result.index) == list(frame.index)
