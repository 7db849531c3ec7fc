"""Cross-validation and curves over families: what scikit-learn's functions return, to the last bit."""

import numpy as np
import pytest
from sklearn import model_selection as theirs
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

import skdl.model_selection as ours
from skdl.exceptions import InvalidParameterError
from skdl.naive_bayes import GaussianNB
from skdl.neighbors import KNeighborsClassifier
from skdl.tree import DecisionTreeClassifier
from tests.model_selection.tools import table

ESTIMATORS = [
    KNeighborsClassifier(),
    GaussianNB(),
    DecisionTreeClassifier(random_state=0),
    make_pipeline(StandardScaler(), GaussianNB()),
    SVC(),
]


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_cross_validate(estimator):
    X, y = table()
    options = {"scoring": ["accuracy", "f1_macro"], "cv": 4, "return_train_score": True, "return_indices": True}
    actual = ours.cross_validate(estimator, X, y, return_estimator=True, **options)
    expected = theirs.cross_validate(estimator, X, y, return_estimator=True, **options)
    assert actual.keys() == expected.keys()
    for name in actual:
        if name.startswith(("test_", "train_")):
            np.testing.assert_array_equal(actual[name], expected[name])
    for kind in ("train", "test"):
        for mine, other in zip(actual["indices"][kind], expected["indices"][kind], strict=True):
            np.testing.assert_array_equal(mine, other)
    for mine, other in zip(actual["estimator"], expected["estimator"], strict=True):
        assert type(mine) is type(other)
        np.testing.assert_array_equal(mine.predict(X), other.predict(X))
    np.testing.assert_array_equal(ours.cross_val_score(estimator, X, y), theirs.cross_val_score(estimator, X, y))


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("method", ["predict", "predict_proba", "decision_function"])
def test_cross_val_predict(estimator, method):
    X, y = table()
    y = np.array(["c", "a", "b"])[y]
    if not hasattr(estimator, method):
        with pytest.raises(AttributeError, match=method):
            ours.cross_val_predict(estimator, X, y, method=method)
        return
    actual = ours.cross_val_predict(estimator, X, y, method=method)
    np.testing.assert_array_equal(actual, theirs.cross_val_predict(estimator, X, y, method=method))


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_curves(estimator):
    X, y = table()
    for options in ({}, {"shuffle": True, "random_state": 0, "train_sizes": [40, 20, 100]}):
        actual = ours.learning_curve(estimator, X, y, return_times=True, **options)
        expected = theirs.learning_curve(estimator, X, y, return_times=True, **options)
        for mine, other in zip(actual[:3], expected[:3], strict=True):
            np.testing.assert_array_equal(mine, other)
        assert actual[3].shape == actual[4].shape == expected[3].shape
    name, values = {
        "KNeighborsClassifier": ("n_neighbors", [1, 5, 9]),
        "GaussianNB": ("var_smoothing", [1e-9, 0.1]),
        "DecisionTreeClassifier": ("max_depth", [1, 3]),
        "Pipeline": ("gaussiannb__var_smoothing", [1e-9, 0.1]),
        "SVC": ("C", [0.1, 1.0]),
    }[type(estimator).__name__]
    actual = ours.validation_curve(estimator, X, y, param_name=name, param_range=values)
    expected = theirs.validation_curve(estimator, X, y, param_name=name, param_range=values)
    np.testing.assert_array_equal(actual, expected)


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("by_group", [False, True])
def test_permutation_test_score(estimator, by_group):
    X, y = table()
    options = {"n_permutations": 5, "random_state": 1}
    if by_group:
        options |= {"groups": np.arange(len(y)) % 5, "cv": theirs.GroupKFold(3)}
    actual = ours.permutation_test_score(estimator, X, y, **options)
    expected = theirs.permutation_test_score(estimator, X, y, **options)
    for mine, other in zip(actual, expected, strict=True):
        np.testing.assert_array_equal(mine, other)


def test_batches_for_a_learning_curve():
    X, y = table()
    actual = ours.learning_curve(GaussianNB(), X, y, exploit_incremental_learning=True)
    expected = theirs.learning_curve(GaussianNB(), X, y, exploit_incremental_learning=True)
    for mine, other in zip(actual, expected, strict=True):
        np.testing.assert_array_equal(mine, other)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda X, y: ours.cross_validate("knn", X, y, scoring="accuracy"), "estimator of cross_validate must be"),
        (lambda X, y: ours.cross_validate(GaussianNB(), X, y, error_score="nan"), "error_score of cross_validate"),
        (lambda X, y: ours.cross_validate(GaussianNB(), X, y, return_indices=3), "return_indices of cross_validate"),
        (
            lambda X, y: ours.cross_val_predict(GaussianNB(), X, y, method="score"),
            "method of cross_val_predict must be",
        ),
        (lambda X, y: ours.permutation_test_score(GaussianNB(), X, y, n_permutations=0), "n_permutations of permut"),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(InvalidParameterError, match=message):
        call(*table())


def test_predictions_need_a_partition():
    X, y = table()
    with pytest.raises(ValueError, match="only works for partitions: each sample has to be in one test fold"):
        ours.cross_val_predict(GaussianNB(), X, y, cv=theirs.ShuffleSplit(3, random_state=0))


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ([0.0, 0.5], "interpreted as fractions"),
        ([0.5, 1.5], "interpreted as fractions"),
        ([0, 5], "as absolute numbers"),
    ],
)
def test_bad_train_sizes(sizes, message):
    X, y = table()
    with pytest.raises(ValueError, match=message):
        ours.learning_curve(GaussianNB(), X, y, train_sizes=sizes)
