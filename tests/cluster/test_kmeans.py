"""KMeans beside scikit-learn's from the same start; seeding that sees contents, not rows; what can go wrong."""

import warnings

import numpy as np
import pandas as pd
import pytest
import sklearn.cluster as reference
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris, load_wine, make_blobs
from sklearn.exceptions import ConvergenceWarning

import skdl.kernels.lloyd
from skdl.cluster import KMeans
from skdl.exceptions import InterruptedFitWarning

LOADERS = [load_breast_cancer, load_diabetes, load_digits, load_iris, load_wine]


def _start(X, k, seed=0):
    """Rows moved a little: rows of whole numbers lie half-way between others, and rounding decides who gets them."""
    rng = np.random.default_rng(seed)
    return (X[rng.choice(len(X), k, replace=False)] + 0.01 * X.std() * rng.normal(size=(k, X.shape[1]))).astype(X.dtype)


def _assert_same_fit(ours, theirs, X, rtol=1e-9):
    assert_array_equal(ours.labels_, theirs.labels_)
    assert ours.labels_.dtype == theirs.labels_.dtype
    assert ours.n_iter_ == theirs.n_iter_
    assert_allclose(ours.cluster_centers_, theirs.cluster_centers_, rtol=rtol, atol=rtol * np.abs(X).max())
    assert ours.cluster_centers_.dtype == theirs.cluster_centers_.dtype
    assert_allclose(ours.inertia_, theirs.inertia_, rtol=rtol)


@pytest.mark.parametrize("load", LOADERS)
@pytest.mark.parametrize("k", [1, 2, 5, 12])
@pytest.mark.parametrize(("dtype", "rtol"), [(np.float64, 1e-9), (np.float32, 1e-5)])
def test_from_the_same_start_the_fit_is_scikit_learns(load, k, dtype, rtol):
    X = load().data.astype(dtype)
    init = _start(X, k)
    ours = KMeans(k, init=init).fit(X)
    theirs = reference.KMeans(k, init=init, n_init=1).fit(X)
    _assert_same_fit(ours, theirs, X, rtol)
    assert_array_equal(ours.predict(X), theirs.predict(X))
    # Squares, because scikit-learn's small distances are roots of what cancellation left.
    assert_allclose(ours.transform(X) ** 2, theirs.transform(X) ** 2, rtol=rtol, atol=rtol * (X**2).sum(axis=1).max())
    assert_allclose(ours.score(X), theirs.score(X), rtol=max(rtol, 1e-9))
    assert_array_equal(ours.labels_, ours.predict(X))


@pytest.mark.parametrize("load", LOADERS)
def test_with_weights_the_fit_is_scikit_learns(load):
    X = load().data
    weight = np.random.default_rng(1).random(len(X))
    init = _start(X, 6)
    # tol refers to the weighted variance here, so that only tol=0 means the same.
    ours = KMeans(6, init=init, tol=0).fit(X, sample_weight=weight)
    theirs = reference.KMeans(6, init=init, n_init=1, tol=0).fit(X, sample_weight=weight)
    _assert_same_fit(ours, theirs, X)
    assert_allclose(ours.score(X, sample_weight=weight), theirs.score(X, sample_weight=weight), rtol=1e-9)


@pytest.mark.parametrize("n_empty", [1, 3, 7])
@pytest.mark.parametrize("weighted", [False, True])
def test_empty_clusters_move_where_scikit_learn_moves_them(n_empty, weighted):
    X, _ = make_blobs(2000, 4, centers=8, random_state=0)
    weight = np.random.default_rng(1).random(len(X)) if weighted else None
    init = np.vstack([_start(X, 4), np.full((n_empty, 4), 1e3)])
    ours = KMeans(len(init), init=init, tol=0).fit(X, sample_weight=weight)
    theirs = reference.KMeans(len(init), init=init, n_init=1, tol=0).fit(X, sample_weight=weight)
    _assert_same_fit(ours, theirs, X)


@pytest.mark.parametrize("max_iter", [1, 2, 5])
def test_an_early_end_is_scikit_learns(max_iter):
    X = load_digits().data
    init = _start(X, 10)
    ours = KMeans(10, init=init, max_iter=max_iter).fit(X)
    _assert_same_fit(ours, reference.KMeans(10, init=init, n_init=1, max_iter=max_iter).fit(X), X)


def test_the_inertia_of_seeded_fits_is_as_good_as_scikit_learns():
    X = load_digits().data
    ours = [KMeans(10, random_state=seed).fit(X).inertia_ for seed in range(20)]
    theirs = [reference.KMeans(10, random_state=seed).fit(X).inertia_ for seed in range(20)]
    assert np.mean(ours) < 1.01 * np.mean(theirs)


def test_more_starts_are_no_worse_than_their_best():
    X = load_digits().data[:300]
    one = KMeans(10, init="random", n_init=1, random_state=3).fit(X).inertia_
    ten = KMeans(10, init="random", random_state=3).fit(X).inertia_
    assert ten < one


@pytest.mark.parametrize("init", ["k-means++", "k-means||", "random"])
def test_a_seed_finds_the_same_clusters_in_any_order_of_rows_and_columns(init):
    X, _ = make_blobs(500, 5, centers=9, cluster_std=3.0, random_state=0)
    model = KMeans(7, init=init, n_init=1, random_state=0).fit(X)
    rng = np.random.default_rng(0)
    rows, columns = rng.permutation(500), rng.permutation(5)
    other = KMeans(7, init=init, n_init=1, random_state=0).fit(X[rows][:, columns])
    assert_array_equal(other.labels_, model.labels_[rows])
    assert_allclose(other.cluster_centers_, model.cluster_centers_[:, columns], rtol=1e-9)


@pytest.mark.parametrize("init", ["k-means++", "k-means||", "random"])
def test_weights_are_copies(init):
    X, _ = make_blobs(300, 5, centers=9, cluster_std=3.0, random_state=0)
    weight = np.random.default_rng(1).integers(0, 4, len(X))
    copies = np.repeat(np.arange(len(X)), weight)
    weighted = KMeans(7, init=init, random_state=0).fit(X, sample_weight=weight)
    repeated = KMeans(7, init=init, random_state=0).fit(X[copies])
    assert_allclose(weighted.cluster_centers_, repeated.cluster_centers_, rtol=1e-9)
    assert_array_equal(weighted.labels_[copies], repeated.labels_)
    assert_allclose(weighted.inertia_, repeated.inertia_, rtol=1e-9)
    assert weighted.n_iter_ == repeated.n_iter_


def _seeds(X, weight, model, seed):
    """The first centres, in the unit of X."""
    data = model._prepared(X, weight)
    return data.rows.from_tile_space(model._start(data, seed, 0))


def test_seeds_follow_the_weights():
    X = np.array([[0.0], [1.0], [2.0]])
    weight = np.array([6.0, 3.0, 1.0])
    firsts = [_seeds(X, weight, KMeans(1, init="random"), seed)[0, 0] for seed in range(2000)]
    values, counts = np.unique(np.round(firsts, 6), return_counts=True)
    assert_array_equal(values, [0.0, 1.0, 2.0])
    assert_allclose(counts / 2000, [0.6, 0.3, 0.1], atol=0.04)


def test_plus_plus_draws_by_squared_distance():
    X = np.array([[0.0], [1.0], [3.0]])
    weight = np.array([1.0, 1e-6, 1e-6])  # the first centre is the first row, all but surely
    # Two candidates are drawn, each the far row with probability 0.9, and the far row is the better one.
    wins = [np.isclose(_seeds(X, weight, KMeans(2), seed)[1, 0], 3.0) for seed in range(1000)]
    assert_allclose(np.mean(wins), 0.99, atol=0.015)


def test_a_callable_gives_the_first_centres():
    X = load_iris().data
    asked = []

    def init(X, n_clusters, random_state):
        asked.append((X.shape, n_clusters))
        return X[random_state.permutation(len(X))[:n_clusters]]

    model = KMeans(3, init=init, n_init=4, random_state=0).fit(X)
    assert asked == [((150, 4), 3)] * 4
    assert_allclose(model.inertia_, 78.85, atol=0.01)


@pytest.mark.parametrize("scale", [1e-300, 1e-200, 1e-30, 1e30, 1e200, 1e300])
def test_scales_that_float64_cannot_square(scale):
    X = load_iris().data
    expected = KMeans(5, init=X[:5]).fit(X)
    model = KMeans(5, init=X[:5] * scale).fit(X * scale)
    assert_array_equal(model.labels_, expected.labels_)
    assert_allclose(model.cluster_centers_, expected.cluster_centers_ * scale, rtol=1e-9)
    assert_array_equal(model.predict(X * scale), expected.labels_)
    assert_allclose(model.transform(X * scale), expected.transform(X) * scale, rtol=1e-9)


@pytest.mark.parametrize(("offset", "dtype"), [(1e8, np.float64), (1e3, np.float32)])
def test_an_offset_changes_nothing(offset, dtype):
    X = (np.round(load_iris().data * 16) / 16).astype(dtype)  # the offset leaves these numbers as they are
    expected = KMeans(5, init=X[:5]).fit(X)
    model = KMeans(5, init=X[:5] + dtype(offset)).fit(X + dtype(offset))
    assert_array_equal(model.labels_, expected.labels_)
    assert_array_equal(model.predict(X + dtype(offset)), expected.labels_)
    assert_allclose(model.inertia_, expected.inertia_, rtol=1e-5)


def test_more_clusters_than_distinct_rows():
    X = np.repeat(np.array([[0.0, 1.0], [5.0, 5.0], [9.0, 0.0]]), 4, axis=0)
    with pytest.warns(ConvergenceWarning, match=r"distinct clusters \(3\) found smaller than n_clusters \(5\)"):
        model = KMeans(5, random_state=0).fit(X)
    assert_allclose(model.inertia_, 0, atol=1e-12)


def test_rows_of_weight_zero_get_labels_and_nothing_else():
    X = load_iris().data
    weight = (np.arange(150) % 3 > 0).astype(float)
    model = KMeans(4, random_state=0).fit(np.where(weight[:, None] > 0, X, 1e6), sample_weight=weight)
    assert_allclose(model.cluster_centers_, KMeans(4, random_state=0).fit(X[weight > 0]).cluster_centers_, rtol=1e-12)
    assert model.labels_.shape == (150,)


def test_distances_to_a_centre_are_zero_at_the_centre():
    X = load_iris().data + 1e4
    model = KMeans(150, init=X, max_iter=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # some of the flowers are twins
        model.fit(X)
    assert_allclose(np.sort(model.transform(X), axis=1)[:, 0], 0, atol=1e-7)


def test_names_of_the_output_columns():
    X = load_iris().data
    model = KMeans(3, random_state=0).set_output(transform="pandas").fit(X)
    assert model.transform(X).columns.tolist() == ["kmeans0", "kmeans1", "kmeans2"]
    assert model.get_feature_names_out().tolist() == ["kmeans0", "kmeans1", "kmeans2"]


def test_fit_predict_and_fit_transform_are_fit_and_then():
    X = load_iris().data
    model = KMeans(3, random_state=0).fit(X)
    assert_array_equal(KMeans(3, random_state=0).fit_predict(X), model.labels_)
    assert_array_equal(KMeans(3, random_state=0).fit_transform(X), model.transform(X))


@pytest.mark.parametrize("copies", [1, 3])
def test_ctrl_c_leaves_a_fitted_model(copies, monkeypatch):
    # With three copies there are so many rows that iterations are taken one by one, and otherwise some at a time.
    X = np.tile(load_digits().data, (copies, 1))
    monkeypatch.setattr(skdl.kernels.lloyd, "_SMALL_WORK", 0)
    after_two = KMeans(10, random_state=0, max_iter=2).fit(X)
    calls = []
    owner, name = (skdl.kernels.lloyd._lloyd_loops, "run") if copies == 1 else (skdl.kernels.lloyd, "new_centers")
    move = getattr(owner, name)

    def interrupted(*args):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return move(*args)

    monkeypatch.setattr(owner, name, interrupted)
    with pytest.warns(InterruptedFitWarning, match="KMeans was interrupted .* the centres reached until then"):
        model = KMeans(10, random_state=0, n_init=5).fit(X)
    assert_array_equal(model.cluster_centers_, after_two.cluster_centers_)
    assert_array_equal(model.labels_, model.predict(X))


X = load_iris().data


def _with(value, row=4, column=2):
    spoilt = X.copy()
    spoilt[row, column] = value
    return spoilt


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (_with(np.nan), r"(?s)contains NaN.*row 4, column 2.*SimpleImputer"),
        (_with(np.inf), r"(?s)contains infinity.*row 4, column 2"),
        (X[:0], r"Found array with 0 sample\(s\).*minimum of 1 is required"),
        (X[:1], r"n_samples=1 should be >= n_clusters=8: ask for fewer clusters or pass more rows"),
        (pd.DataFrame({"size": [1.0, 2.0], "hue": ["red", "blue"]}), r"(?s)row 0, column 'hue'.*OneHotEncoder"),
    ],
    ids=["nan", "inf", "empty", "one-row", "object"],
)
def test_what_fit_says_of_bad_data(X, message):
    with pytest.raises(ValueError, match=message):
        KMeans().fit(X)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_clusters": -1}, r"n_clusters of KMeans must be an int in \[1, inf\); got -1"),
        ({"n_clusters": 151}, r"n_samples=150 should be >= n_clusters=151: ask for fewer clusters"),
        ({"n_init": 0}, r"n_init of KMeans must be one of 'auto' or an int in \[1, inf\); got 0"),
        ({"max_iter": 0}, r"max_iter of KMeans must be an int in \[1, inf\); got 0"),
        ({"tol": -1.0}, r"tol of KMeans must be a number in \[0, inf\); got -1\.0"),
        ({"algorithm": "full"}, r"algorithm of KMeans must be one of .*got 'full'"),
        ({"init": "kmeans"}, r"init of KMeans must be 'k-means\+\+', 'k-means\|\|', 'random', .*; got 'kmeans'"),
        ({"init": X[:3]}, r"initial centers \(3, 4\) does not match the number of clusters 8: pass one row for each"),
        ({"init": X[:8, :3]}, r"initial centers \(8, 3\) does not match the number of features of the data 4"),
        ({"init": np.full((8, 4), np.nan)}, r"(?s)init of KMeans must be .* finite numbers of shape"),
        ({"device": "cuda:99"}, r"device='cuda:99' was asked for, but torch .* sees \d+ CUDA devices"),
    ],
)
def test_what_fit_says_of_bad_parameters(parameters, message):
    with pytest.raises(ValueError, match=message):
        KMeans(**parameters).fit(X)


def test_what_predict_says_of_other_columns():
    frame = pd.DataFrame(X, columns=list("abcd"))
    with pytest.raises(ValueError, match=r"(?s)X has 3 features, but KMeans is expecting 4.*Pass the 4 columns"):
        KMeans(3).fit(X).predict(X[:, :3])
    with pytest.raises(ValueError, match=r"(?s)feature names should match.*feature_names_in_"):
        KMeans(3).fit(frame).predict(frame.rename(columns={"b": "z"}))


def test_an_array_of_centres_is_one_start():
    with pytest.warns(RuntimeWarning, match="performing only one init in KMeans instead of n_init=5"):
        model = KMeans(3, init=X[:3], n_init=5).fit(X)
    assert_array_equal(model.labels_, KMeans(3, init=X[:3]).fit(X).labels_)


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_cuda_agrees_with_the_cpu(dtype):
    X = load_digits().data.astype(dtype)
    here = KMeans(10, init=X[:10], device="cpu").fit(X)
    there = KMeans(10, init=X[:10], device="cuda").fit(X)
    _assert_same_fit(there, here, X, 1e-4)
