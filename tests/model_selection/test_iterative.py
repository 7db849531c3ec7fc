"""Searches over estimators that are trained step by step: the scores of single fits, up to one test sample in 2,000."""

import numpy as np
import pytest
import torch
from sklearn import model_selection as theirs
from sklearn.datasets import make_classification
from sklearn.decomposition import PCA
from sklearn.exceptions import FitFailedWarning
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import get_tags

import skdl.model_selection as ours
from skdl.cluster import KMeans
from skdl.linear_model import LogisticRegression, Ridge
from skdl.neural import MLPClassifier
from tests.model_selection.tools import table

NETWORK = {"hidden_layer_sizes": (16,), "batch_size": 16, "max_epochs": 4, "random_state": 0}
FAMILIES = {
    "logistic regression": (LogisticRegression(), {"C": [1e-3, 0.1, 10.0], "class_weight": [None, "balanced"]}),
    "ridge": (Ridge(), {"alpha": [1e-3, 1.0, 100.0]}),
    "k-means": (KMeans(n_init=2, random_state=0), {"n_clusters": [2, 3, 5]}),
    "networks": (MLPClassifier(**NETWORK), {"lr": [1e-3, 1e-2], "weight_decay": [0.0, 0.1], "dropout": [0.0, 0.3]}),
    "early stopping": (
        MLPClassifier(**NETWORK, early_stopping=True, patience=1, validation_fraction=0.2),
        {"lr": [1e-3, 1e-2, 1e-1]},
    ),
}


@pytest.mark.parametrize("name", FAMILIES)
def test_scores_are_those_of_single_fits(name):
    estimator, grid = FAMILIES[name]
    X, y = table(n=301)
    cv = theirs.KFold(3)
    options = {"cv": cv, "refit": False, "error_score": "raise"}
    actual = ours.GridSearchCV(estimator, grid, **options).fit(X, y)
    assert actual.plan_.n_stacked == actual.plan_.n_candidates * 3
    expected = theirs.GridSearchCV(estimator, grid, **options).fit(X, y)
    for split in range(3):
        mine, other = (search.cv_results_[f"split{split}_test_score"] for search in (actual, expected))
        if get_tags(estimator).estimator_type == "classifier":
            # A fold of 101 samples: one in 2,000 is none.
            np.testing.assert_array_equal(mine, other)
        else:
            np.testing.assert_allclose(mine, other, rtol=1e-9)


def test_a_network_that_diverges_leaves_its_siblings_alone():
    X, y = table()
    grid = {"lr": [1e-3, 1e30, 1e-2]}
    options = {"cv": 2, "refit": False, "error_score": -1.0}
    network = MLPClassifier(**{**NETWORK, "optimizer": "sgd"})
    with pytest.warns(FitFailedWarning, match="2 fits failed out of a total of 6"):
        search = ours.GridSearchCV(network, grid, **options).fit(X, y)
    good = ours.GridSearchCV(network, {"lr": [1e-3, 1e-2]}, **options).fit(X, y)
    scores = search.cv_results_["mean_test_score"]
    assert scores[1] == -1.0
    np.testing.assert_array_equal(scores[[0, 2]], good.cv_results_["mean_test_score"])


def test_learning_curves_of_every_candidate_and_fold():
    X, y = table()
    search = ours.GridSearchCV(MLPClassifier(**NETWORK), {"lr": [1e-3, 1e-2]}, cv=3, return_history=True).fit(X, y)
    assert [len(folds) for folds in search.history_] == [3, 3]
    for folds, rate in zip(search.history_, (1e-3, 1e-2), strict=True):
        for split, history in enumerate(folds):
            train = list(theirs.StratifiedKFold(3).split(X, y))[split][0]
            alone = MLPClassifier(**NETWORK, lr=rate).fit(X[train], y[train])
            assert list(history["epoch"]) == [1, 2, 3, 4]
            np.testing.assert_allclose(history["train_loss"], alone.history_["train_loss"], rtol=1e-4)


@pytest.fixture
def two_threads():
    n_threads = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(n_threads)


def test_networks_behind_a_pipeline_are_trained_together_across_folds(two_threads):
    X, y = make_classification(203, 6, n_informative=4, n_classes=3, random_state=0)
    network = MLPClassifier((8,), max_epochs=4, batch_size=32, random_state=0)
    pipeline = make_pipeline(StandardScaler(), PCA(4, random_state=0), network)
    grid = {"mlpclassifier__lr": [1e-3, 1e-2], "mlpclassifier__weight_decay": [0.0, 0.1], "pca__n_components": [3, 5]}
    options = {"cv": 4, "scoring": ["neg_log_loss", "accuracy"], "refit": False, "return_train_score": True}
    search = ours.GridSearchCV(pipeline, grid, **options).fit(X, y)
    assert [(len(group.candidates), group.splits) for group in search.plan_.groups] == [(4, (0, 1, 2, 3))] * 2
    assert search.plan_.notes == ["MLPClassifier: 16 networks trained in 2 stacks (2 of 8)"]
    expected = theirs.GridSearchCV(pipeline, grid, **options).fit(X, y).cv_results_
    for name, value in expected.items():
        if "score" in name and "time" not in name and "rank" not in name:
            np.testing.assert_allclose(search.cv_results_[name], value, atol=2e-3)
    # A scorer of the user's is given the whole pipeline, of the right fold.
    whole = ours.GridSearchCV(pipeline, grid, cv=4, refit=False, scoring=lambda model, X, y: model.score(X, y)).fit(
        X, y
    )
    np.testing.assert_array_equal(whole.cv_results_["mean_test_score"], search.cv_results_["mean_test_accuracy"])


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.FitFailedWarning")
@pytest.mark.filterwarnings("ignore:One or more of the test scores are non-finite:UserWarning")
def test_weights_and_failures_of_joined_folds():
    X, y = make_classification(200, 6, random_state=0)
    weight = np.random.default_rng(0).integers(1, 4, 200).astype(float)
    network = MLPClassifier((8,), max_epochs=4, batch_size=32, random_state=0, optimizer="sgd", weight_decay=0.0)
    pipeline = make_pipeline(StandardScaler(), network)
    grid = {"mlpclassifier__lr": [1e-2, 1e30], "standardscaler__copy": [True, "no"]}
    options = {"cv": 3, "scoring": "neg_log_loss", "refit": False}
    search, expected = (
        module.GridSearchCV(pipeline, grid, **options).fit(X, y, mlpclassifier__sample_weight=weight).cv_results_
        for module in (ours, theirs)
    )
    assert np.isnan(expected["mean_test_score"]).tolist() == [False, True, True, True]
    np.testing.assert_allclose(search["mean_test_score"], expected["mean_test_score"], atol=2e-3)
