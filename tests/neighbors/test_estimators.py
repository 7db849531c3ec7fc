"""Votes, averages, weights and the metric learner inside."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import sklearn.neighbors
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris, load_wine, make_blobs
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import NeighborhoodComponentsAnalysis
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdl.neighbors import KNeighborsClassifier, KNeighborsRegressor, NearestNeighbors


def _blobs(n=120, seed=0):
    X, y = make_blobs(n, n_features=5, centers=3, cluster_std=4, random_state=seed)
    return X, y


def _exponential(distances):
    return np.exp(-distances)


WEIGHTS = ["uniform", "distance", None, _exponential]


@pytest.mark.parametrize("load", [load_breast_cancer, load_iris, load_wine])
@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize("k", [1, 5, 12])
def test_classifier_like_scikit_learn(load, weights, k):
    X, y = load(return_X_y=True)
    # Standardized columns have no ties but those of copies.
    X, rows = np.unique(StandardScaler().fit_transform(X), axis=0, return_index=True)
    X, queries, y = X[::2], X[1::2], np.array(["a", "b", "c"])[y[rows]][::2]
    params = {"n_neighbors": k, "weights": weights}
    ours = KNeighborsClassifier(**params).fit(X, y)
    theirs = sklearn.neighbors.KNeighborsClassifier(**params, algorithm="kd_tree").fit(X, y)
    agree = (ours.kneighbors(queries)[1] == theirs.kneighbors(queries)[1]).all(axis=1)
    assert agree.mean() > 0.95
    np.testing.assert_allclose(
        ours.predict_proba(queries)[agree], theirs.predict_proba(queries)[agree], rtol=1e-12, atol=1e-15
    )
    np.testing.assert_array_equal(ours.predict(queries)[agree], theirs.predict(queries)[agree])
    assert ours.score(queries[agree], theirs.predict(queries)[agree]) == 1


@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize("n_outputs", [0, 1, 3])
def test_regressor_like_scikit_learn(weights, n_outputs):
    X, y = load_diabetes(return_X_y=True)
    if n_outputs:
        y = np.column_stack([y, y**2, -y])[:, :n_outputs]
    ours = KNeighborsRegressor(weights=weights).fit(X[::2], y[::2])
    theirs = sklearn.neighbors.KNeighborsRegressor(weights=weights).fit(X[::2], y[::2])
    expected = theirs.predict(X[1::2])
    found = ours.predict(X[1::2])
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    np.testing.assert_allclose(ours.predict(None), theirs.predict(None), rtol=1e-12)


def test_regression_keeps_the_type_of_the_target():
    X, _ = _blobs()
    for dtype, expected in [(np.float32, np.float32), (np.float64, np.float64), (np.int16, np.float64)]:
        y = (X[:, 0] * 10).astype(dtype)
        assert KNeighborsRegressor().fit(X, y).predict(X).dtype == expected


def test_several_outputs_like_scikit_learn():
    X, y = _blobs()
    y = np.column_stack([y, y % 2, (X[:, 0] > 0).astype(int)])
    ours = KNeighborsClassifier().fit(X, y)
    theirs = sklearn.neighbors.KNeighborsClassifier().fit(X, y)
    assert ours.outputs_2d_ is True
    np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))
    for mine, other, classes, names in zip(
        ours.predict_proba(X), theirs.predict_proba(X), ours.classes_, theirs.classes_, strict=True
    ):
        np.testing.assert_allclose(mine, other, rtol=1e-15)
        np.testing.assert_array_equal(classes, names)
    assert KNeighborsClassifier().fit(X, y[:, 0]).outputs_2d_ is False


def test_votes_tie_for_the_first_class():
    model = KNeighborsClassifier(n_neighbors=2).fit([[0.0], [1.0], [5.0]], ["b", "a", "c"])
    assert model.predict([[0.1], [4.0]]).tolist() == ["a", "a"]


def test_a_neighbor_at_no_distance_outweighs_the_others():
    X = [[0.0], [0.0], [1.0], [2.0]]
    model = KNeighborsRegressor(n_neighbors=4, weights="distance").fit(X, [1.0, 3.0, 50.0, 70.0])
    np.testing.assert_array_equal(model.predict([[0.0], [1.0]]), [2.0, 50.0])


@pytest.mark.parametrize("weights", ["uniform", "distance", _exponential])
@pytest.mark.parametrize("cls", [KNeighborsClassifier, KNeighborsRegressor])
@pytest.mark.parametrize("metric", ["euclidean", "manhattan", "canberra"])
def test_a_whole_weight_is_a_repetition(weights, cls, metric):
    X, y = _blobs()
    repeats = np.random.default_rng(0).integers(0, 4, len(X))
    weighted = cls(n_neighbors=7, weights=weights, metric=metric).fit(X, y, sample_weight=repeats)
    repeated = cls(n_neighbors=7, weights=weights, metric=metric).fit(X.repeat(repeats, axis=0), y.repeat(repeats))
    queries = np.vstack([X, X + 0.3])
    np.testing.assert_allclose(weighted.predict(queries), repeated.predict(queries), rtol=1e-12)
    if cls is KNeighborsClassifier:
        np.testing.assert_allclose(weighted.predict_proba(queries), repeated.predict_proba(queries), rtol=1e-12)
    # A training row asks its own copies too.
    positive = repeats > 0
    np.testing.assert_allclose(weighted.predict(None)[positive], repeated.predict(None)[first_of(repeats)], rtol=1e-12)


def first_of(repeats):
    """Where the first copy of each repeated row stands."""
    return (np.cumsum(repeats) - repeats)[repeats > 0]


def test_fractions_of_a_weight():
    X, y = [[0.0], [1.0], [2.0], [3.0]], [0.0, 10.0, 20.0, 30.0]
    model = KNeighborsRegressor(n_neighbors=2).fit(X, y, sample_weight=[0.5, 1.0, 5.0, 1.0])
    # Half of the first row, the second and half a unit of the third.
    np.testing.assert_allclose(model.predict([[-1.0]]), [(0.5 * 0 + 10 + 0.5 * 20) / 2])
    np.testing.assert_allclose(model.predict([[2.1]]), [20.0])


def test_small_weights_need_many_neighbors():
    X, y = _blobs(400)
    weight = np.full(400, 0.05)
    model = KNeighborsClassifier(n_neighbors=3).fit(X, y, sample_weight=weight)
    expected = KNeighborsClassifier(n_neighbors=60).fit(X, y).predict_proba(X)
    np.testing.assert_allclose(model.predict_proba(X), expected, rtol=1e-9, atol=0)


def test_a_row_of_weight_zero_is_not_found_and_indices_stay():
    X, y = _blobs()
    weight = np.ones(len(X))
    weight[::2] = 0
    model = KNeighborsClassifier().fit(X, y, sample_weight=weight)
    found = model.kneighbors(X)[1]
    assert (found % 2 == 1).all()
    expected = KNeighborsClassifier().fit(X[1::2], y[1::2])
    np.testing.assert_array_equal(found, 2 * expected.kneighbors(X)[1] + 1)
    assert model.n_samples_fit_ == len(X)


def test_unit_weights_change_no_bit():
    X, y = _blobs()
    plain = KNeighborsRegressor(weights="distance").fit(X, y).predict(X + 0.1)
    np.testing.assert_array_equal(
        KNeighborsRegressor(weights="distance").fit(X, y, np.ones(len(X))).predict(X + 0.1), plain
    )


def test_class_weight_is_a_weight():
    X, y = _blobs()
    names = np.array(["a", "b", "c"])[y]
    by_class = KNeighborsClassifier(class_weight={"a": 3, "b": 1, "c": 2}).fit(X, names)
    by_row = KNeighborsClassifier().fit(X, names, sample_weight=np.array([3, 1, 2])[y])
    np.testing.assert_array_equal(by_class.predict_proba(X), by_row.predict_proba(X))
    keep = np.r_[np.flatnonzero(y == 0)[:5], np.flatnonzero(y > 0)]
    balanced = KNeighborsClassifier(class_weight="balanced").fit(X[keep], names[keep])
    counts = np.bincount(y[keep])
    expected = KNeighborsClassifier().fit(X[keep], names[keep], sample_weight=(len(keep) / 3 / counts)[y[keep]])
    np.testing.assert_allclose(balanced.predict_proba(X), expected.predict_proba(X), atol=1e-14)
    # Balanced by weights, so that a weight is still a repetition.
    repeats = 1 + np.arange(len(keep)) % 3
    balanced = KNeighborsClassifier(class_weight="balanced").fit(X[keep], names[keep], sample_weight=repeats)
    expected = KNeighborsClassifier(class_weight="balanced").fit(
        X[keep].repeat(repeats, 0), names[keep].repeat(repeats)
    )
    np.testing.assert_allclose(balanced.predict_proba(X), expected.predict_proba(X), atol=1e-12)


def test_class_weights_of_several_outputs():
    X, y = _blobs()
    y = np.column_stack([y, y % 2])
    model = KNeighborsClassifier(class_weight=[{0: 2, 1: 1, 2: 1}, {0: 1, 1: 4}]).fit(X, y)
    weight = np.array([2, 1, 1])[y[:, 0]] * np.array([1, 4])[y[:, 1]]
    expected = KNeighborsClassifier().fit(X, y, sample_weight=weight)
    for mine, other in zip(model.predict_proba(X), expected.predict_proba(X), strict=True):
        np.testing.assert_array_equal(mine, other)


def test_a_metric_learner_inside():
    X, y = load_wine(return_X_y=True)
    X = StandardScaler().fit_transform(X)
    learner = NeighborhoodComponentsAnalysis(n_components=2, max_iter=20, random_state=0)
    model = KNeighborsClassifier(metric=learner).fit(X[::2], y[::2])
    assert not hasattr(learner, "components_")
    assert model.metric_.components_.shape == (2, 13)
    assert model.effective_metric_ == "euclidean"
    outside = clone(learner).fit(X[::2], y[::2])
    expected = KNeighborsClassifier().fit(outside.transform(X[::2]), y[::2])
    np.testing.assert_array_equal(model.predict_proba(X[1::2]), expected.predict_proba(outside.transform(X[1::2])))
    np.testing.assert_array_equal(model.kneighbors()[1], expected.kneighbors()[1])
    regressor = KNeighborsRegressor(metric=StandardScaler(), p=1).fit(X * np.arange(1, 14), y)
    assert regressor.effective_metric_ == "manhattan"
    np.testing.assert_allclose(regressor.predict(X * np.arange(1, 14)), KNeighborsRegressor(p=1).fit(X, y).predict(X))
    search = NearestNeighbors(metric=clone(learner)).fit(X, y)
    assert search.radius_neighbors(X[:3], radius=0.5)[0].shape == (3,)


def test_a_metric_learner_is_searched():
    X, y = load_iris(return_X_y=True)
    model = KNeighborsClassifier(metric=NeighborhoodComponentsAnalysis(max_iter=10, random_state=0))
    grid = GridSearchCV(model, {"metric__n_components": [1, 2], "n_neighbors": [3, 5]}, cv=3).fit(X, y)
    assert grid.best_score_ > 0.9
    assert set(grid.cv_results_["param_metric__n_components"]) == {1, 2}


def test_a_refit_forgets_the_metric_learner():
    X, y = load_iris(return_X_y=True)
    model = KNeighborsClassifier(metric=StandardScaler()).fit(X, y)
    model.set_params(metric="euclidean").fit(X, y)
    assert not hasattr(model, "metric_")
    np.testing.assert_array_equal(model.predict(X), KNeighborsClassifier().fit(X, y).predict(X))


def test_precomputed_distances_in_a_search():
    X, y = load_iris(return_X_y=True)
    distances = sklearn.metrics.pairwise_distances(X, metric="cityblock")
    grid = {"n_neighbors": [3, 5, 7]}
    precomputed = GridSearchCV(KNeighborsClassifier(metric="precomputed"), grid, cv=3).fit(distances, y)
    direct = GridSearchCV(KNeighborsClassifier(metric="cityblock"), grid, cv=3).fit(X, y)
    np.testing.assert_allclose(
        precomputed.cv_results_["mean_test_score"], direct.cv_results_["mean_test_score"], rtol=1e-12
    )


def test_a_graph_of_neighbors_in_a_pipeline():
    from sklearn.neighbors import KNeighborsTransformer

    X, y = load_digits(return_X_y=True)
    X = X + np.random.default_rng(0).random(X.shape)
    pipeline = make_pipeline(
        KNeighborsTransformer(n_neighbors=8, mode="distance"), KNeighborsClassifier(n_neighbors=5, metric="precomputed")
    )
    found = pipeline.fit(X[:500], y[:500]).predict(X[500:700])
    expected = KNeighborsClassifier(n_neighbors=5).fit(X[:500], y[:500]).predict(X[500:700])
    np.testing.assert_array_equal(found, expected)


def test_sparse_rows_vote_like_dense_ones():
    rng = np.random.default_rng(0)
    X = sp.random(100, 40, density=0.2, random_state=0, format="csr")
    y = rng.integers(0, 3, 100)
    sparse = KNeighborsClassifier(weights="distance").fit(X, y)
    dense = KNeighborsClassifier(weights="distance").fit(X.toarray(), y)
    np.testing.assert_allclose(sparse.predict_proba(X[:50]), dense.predict_proba(X[:50].toarray()), rtol=1e-9)


# What goes wrong, and what is said about it.


@pytest.fixture(params=[NearestNeighbors, KNeighborsClassifier, KNeighborsRegressor])
def estimator(request):
    return request.param()


def _fit(estimator, X=None, y=None):
    X_default, y_default = _blobs(30)
    return estimator.fit(X_default if X is None else X, y_default if y is None else y)


def test_missing_values(estimator):
    X, y = _blobs(30)
    X[4, 2] = np.nan
    with pytest.raises(ValueError, match=r"(?s)NaN.*row 4, column 2.*SimpleImputer"):
        estimator.fit(X, y)
    frame = pd.DataFrame(X, columns=list("abcde"))
    with pytest.raises(ValueError, match=r"(?s)NaN.*row 4, column 'c'"):
        estimator.fit(frame, y)
    fitted = _fit(estimator)
    with pytest.raises(ValueError, match=r"(?s)NaN.*row 4, column 2"):
        fitted.kneighbors(X)


def test_infinite_values(estimator):
    X, y = _blobs(30)
    X[3, 1] = -np.inf
    with pytest.raises(ValueError, match=r"(?s)infinity.*row 3, column 1 \(-inf\).*drop the row"):
        estimator.fit(X, y)
    with pytest.raises(ValueError, match=r"(?s)infinity.*row 3, column 1"):
        _fit(estimator).kneighbors(X)


def test_nothing_to_learn_from(estimator):
    with pytest.raises(ValueError, match=r"Found array with 0 sample\(s\) .* minimum of 1 is required"):
        estimator.fit(np.empty((0, 3)), np.empty(0))
    with pytest.raises(ValueError, match=r"0 feature\(s\)"):
        estimator.fit(np.empty((5, 0)), np.arange(5))


def test_one_row(estimator):
    estimator.fit([[1.0, 2.0]], [1])
    with pytest.raises(ValueError, match=r"n_neighbors = 5, n_samples_fit = 1, .*Lower n_neighbors to 1 at most"):
        estimator.kneighbors([[1.0, 2.0]])
    assert estimator.set_params(n_neighbors=1).kneighbors([[1.0, 3.0]])[0].tolist() == [[1.0]]


def test_wrong_number_of_columns(estimator):
    with pytest.raises(ValueError, match=r"(?s)X has 4 features.*expecting 5 features.*Pass the 5 columns"):
        _fit(estimator).kneighbors(np.ones((2, 4)))


def test_renamed_columns(estimator):
    X, y = _blobs(30)
    frame = pd.DataFrame(X, columns=list("abcde"))
    estimator.fit(frame, y)
    with pytest.raises(ValueError, match=r"(?s)feature names should match.*Select the columns by name"):
        estimator.kneighbors(frame.rename(columns={"b": "z"}))


def test_columns_of_text(estimator):
    X, y = _blobs(30)
    frame = pd.DataFrame(X, columns=list("abcde"))
    frame["d"] = ["red", "green", "blue"] * 10
    with pytest.raises(ValueError, match=r"(?s)could not convert string.*row 0, column 'd' \('red'\)"):
        estimator.fit(frame, y)


@pytest.mark.parametrize("metric", ["chebyshev", "canberra", "mahalanobis", "haversine"])
def test_sparse_where_the_metric_takes_none(estimator, metric):
    X, y = _blobs(30)
    with pytest.raises(ValueError, match=rf"metric='{metric}' does not take sparse data\. Use one of euclidean"):
        estimator.set_params(metric=metric).fit(sp.csr_array(X), y)


@pytest.mark.parametrize("cls", [KNeighborsClassifier, KNeighborsRegressor])
def test_a_target_of_another_length(cls):
    X, y = _blobs(30)
    with pytest.raises(ValueError, match=r"(?s)inconsistent numbers of samples: \[30, 29\].*one row for each sample"):
        cls().fit(X, y[1:])
    with pytest.raises(ValueError, match=r"needs a target for each row"):
        cls().fit(X, None)


@pytest.mark.parametrize("value", [0, -1, 2.5, "5", True, None])
def test_a_bad_number_of_neighbors(estimator, value):
    with pytest.raises(ValueError, match=r"n_neighbors of \w+ must be an int in \[1, inf\); got"):
        _fit(estimator.set_params(n_neighbors=value))


def test_a_bad_number_of_neighbors_in_a_query(estimator):
    fitted = _fit(estimator)
    X, _ = _blobs(30)
    with pytest.raises(ValueError, match=r"Expected n_neighbors > 0. Got -2"):
        fitted.kneighbors(X, n_neighbors=-2)
    with pytest.raises(TypeError, match=r"n_neighbors must be an int, got 2.5"):
        fitted.kneighbors(X, n_neighbors=2.5)
    with pytest.raises(ValueError, match=r"n_neighbors <= n_samples_fit, but n_neighbors = 31, n_samples_fit = 30"):
        fitted.kneighbors(X, n_neighbors=31)
    with pytest.raises(ValueError, match=r"n_neighbors < n_samples_fit, but n_neighbors = 30.*to 29 at most"):
        fitted.kneighbors(n_neighbors=30)
    assert fitted.kneighbors(X, n_neighbors=30)[1].shape == (30, 30)


@pytest.mark.parametrize(
    ("device", "message"),
    [("gpu", "device='gpu' is not a device"), ("cuda:77", "device='cuda:77' was asked for"), ("meta", "not supported")],
)
def test_an_unknown_device(estimator, device, message):
    with pytest.raises(ValueError, match=message):
        _fit(estimator.set_params(device=device))


def test_an_unknown_metric(estimator):
    with pytest.raises(ValueError, match=r"metric='nearness' is not known. Use one of .*euclidean.*a callable"):
        _fit(estimator.set_params(metric="nearness"))
    with pytest.raises(ValueError, match=r"metric must be a name, a callable .* got 3"):
        _fit(estimator.set_params(metric=3))


def test_bad_parameters(estimator):
    for name, value in [("algorithm", "octree"), ("leaf_size", 0), ("p", 0), ("p", -1), ("n_jobs", 1.5)]:
        with pytest.raises(ValueError, match=rf"{name} of \w+ must be"):
            _fit(clone(estimator).set_params(**{name: value}))


def test_metrics_that_the_data_do_not_allow(estimator):
    X, y = _blobs(30)
    X[:, 3] = 2.0
    with pytest.raises(ValueError, match=r"variance of each column, and that of column 3 is not positive"):
        estimator.set_params(metric="seuclidean").fit(X, y)
    with pytest.raises(ValueError, match=r"covariance matrix that is positive definite"):
        estimator.set_params(metric="mahalanobis").fit(X, y)


def test_a_matrix_of_distances_that_is_none(estimator):
    X, y = _blobs(30)
    with pytest.raises(ValueError, match=r"Precomputed matrix must be square.*Input is a 30x5 matrix"):
        estimator.set_params(metric="precomputed").fit(np.abs(X), y)
    with pytest.raises(ValueError, match=r"Negative values"):
        estimator.set_params(metric="precomputed").fit(-np.ones((30, 30)), y)


@pytest.mark.parametrize("cls", [KNeighborsClassifier, KNeighborsRegressor])
def test_bad_weights(cls):
    X, y = _blobs(30)
    with pytest.raises(ValueError, match=r"weights of \w+ must be one of 'uniform', 'distance' or a callable or None"):
        cls(weights="inverse").fit(X, y)
    with pytest.raises(ValueError, match=r"must return an array of the shape of the distances, \(30, 5\)"):
        cls(weights=lambda distances: distances[0]).fit(X, y).predict(X)
    with pytest.raises(ValueError, match=r"All neighbors of some sample is getting zero weights.*row 0"):
        cls(weights=np.zeros_like).fit(X, y).predict(X)
    with pytest.raises(ValueError, match=r"n_neighbors = 5 and the weights .* sum to 1.*multiply all weights"):
        cls().fit(X, y, sample_weight=np.full(30, 1 / 30)).predict(X)
    with pytest.raises(ValueError, match=r"sample_weight\[2\] is -1.0"):
        cls().fit(X, y, sample_weight=np.where(np.arange(30) == 2, -1.0, 1.0))


def test_bad_class_weights():
    X, y = _blobs(30)
    with pytest.raises(ValueError, match=r"a list of 2 dicts, one for each output"):
        KNeighborsClassifier(class_weight={0: 1}).fit(X, np.column_stack([y, y]))
    with pytest.raises(ValueError, match=r"class_weight of KNeighborsClassifier must be"):
        KNeighborsClassifier(class_weight="fair").fit(X, y)


def test_labels_are_no_numbers():
    X, y = _blobs(30)
    with pytest.raises(ValueError, match=r"y must hold numbers for a regression.*KNeighborsClassifier for labels"):
        KNeighborsRegressor().fit(X, np.array(["a", "b", "c"])[y])
    with pytest.raises(ValueError, match=r"Unknown label type: continuous"):
        KNeighborsClassifier().fit(X, X[:, 0])


def test_bad_radii():
    X, _ = _blobs(30)
    search = NearestNeighbors().fit(X)
    with pytest.raises(ValueError, match=r"radius must not be negative or NaN, got -1.0"):
        search.radius_neighbors(X, radius=-1.0)
    with pytest.raises(ValueError, match=r"one number for each of the 30 queries, got shape \(3,\)"):
        search.radius_neighbors(X, radius=np.ones(3))
    with pytest.raises(ValueError, match=r"return_distance must be True if sort_results is True"):
        search.radius_neighbors(X, return_distance=False, sort_results=True)
    with pytest.raises(ValueError, match=r"radius of NearestNeighbors must be"):
        NearestNeighbors(radius=-2).fit(X)
    with pytest.raises(ValueError, match=r'"connectivity", or "distance" but got "edges"'):
        search.kneighbors_graph(X, mode="edges")
    with pytest.raises(ValueError, match=r'"connectivity", or "distance" but got "edges"'):
        search.radius_neighbors_graph(X, mode="edges")
