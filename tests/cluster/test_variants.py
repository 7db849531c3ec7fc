"""Sparse rows, directions, k-means||, mini-batches, families, and many real sets."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import sklearn.cluster as reference
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_digits, load_iris, make_blobs
from sklearn.metrics import adjusted_rand_score

import skdl.cluster._mini_batch
from skdl.base import fit_family, fit_one_by_one
from skdl.cluster import KMeans, MiniBatchKMeans
from skdl.exceptions import InterruptedFitWarning
from tests.naive_bayes.real_data import ALL_SETS, load_numbers


def _jittered_start(X, k):
    rng = np.random.default_rng(0)
    return X[rng.choice(len(X), k, replace=False)] + 0.01 * X.std(axis=0) * rng.normal(size=(k, X.shape[1]))


@pytest.mark.parametrize("name", ALL_SETS)
def test_real_sets_from_the_same_start(name):
    X, _ = load_numbers(name)
    spread = X.std(axis=0)
    X = (X - X.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    init = _jittered_start(X, 7)
    ours = KMeans(7, init=init).fit(X)
    theirs = reference.KMeans(7, init=init, n_init=1).fit(X)
    assert_array_equal(ours.labels_, theirs.labels_)
    assert ours.n_iter_ == theirs.n_iter_
    assert_allclose(ours.inertia_, theirs.inertia_, rtol=1e-10)
    assert_allclose(ours.cluster_centers_, theirs.cluster_centers_, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("container", [sp.csr_array, sp.csc_array, sp.csr_matrix])
@pytest.mark.parametrize("weighted", [False, True])
def test_sparse_rows_are_clustered_as_dense_ones(container, weighted):
    X = load_digits().data
    weight = np.random.default_rng(1).random(len(X)) if weighted else None
    init = _jittered_start(X, 10)
    dense = KMeans(10, init=init).fit(X, sample_weight=weight)
    sparse = KMeans(10, init=init).fit(container(X), sample_weight=weight)
    assert_array_equal(sparse.labels_, dense.labels_)
    assert_allclose(sparse.cluster_centers_, dense.cluster_centers_, rtol=1e-9, atol=1e-12)
    assert_allclose(sparse.inertia_, dense.inertia_, rtol=1e-9)
    assert_array_equal(sparse.predict(container(X)), dense.labels_)
    assert_allclose(sparse.transform(container(X)), dense.transform(X), rtol=1e-7)
    assert_allclose(sparse.score(container(X)), dense.score(X), rtol=1e-9)


@pytest.mark.parametrize("init", ["k-means++", "k-means||", "random"])
def test_sparse_rows_are_seeded_as_dense_ones(init):
    # Not of whole numbers, of which many lie half-way between others, so that rounding would decide who gets them.
    X = load_digits().data * np.random.default_rng(0).uniform(0.9, 1.1, (1797, 64))
    dense = KMeans(10, init=init, n_init=1, random_state=0).fit(X)
    sparse = KMeans(10, init=init, n_init=1, random_state=0).fit(sp.csr_array(X))
    assert_allclose(sparse.cluster_centers_, dense.cluster_centers_, rtol=1e-8, atol=1e-10)


def test_empty_clusters_of_sparse_rows():
    X = load_digits().data
    init = np.vstack([_jittered_start(X, 8), np.full((2, 64), 1e3)])
    sparse = KMeans(10, init=init).fit(sp.csr_array(X))
    assert_array_equal(sparse.labels_, KMeans(10, init=init).fit(X).labels_)


def test_directions():
    rng = np.random.default_rng(0)
    angle = np.repeat([0.3, 1.5, 4.0], 100) + 0.05 * rng.normal(size=300)
    X = np.column_stack([np.cos(angle), np.sin(angle)]) * rng.lognormal(sigma=2, size=(300, 1))
    for rows in (X, sp.csr_array(X)):
        model = KMeans(3, spherical=True, random_state=0).fit(rows)
        assert adjusted_rand_score(np.repeat([0, 1, 2], 100), model.labels_) == 1.0
        assert_allclose(np.linalg.norm(model.cluster_centers_, axis=1), 1, rtol=1e-12)
        assert_array_equal(model.predict(rows), model.labels_)
        unit = X / np.linalg.norm(X, axis=1, keepdims=True)
        for c in range(3):
            mean = unit[model.labels_ == c].mean(axis=0)
            assert_allclose(model.cluster_centers_[c], mean / np.linalg.norm(mean), rtol=1e-9)
        cosine = (unit * model.cluster_centers_[model.labels_]).sum(axis=1)
        assert_allclose(model.inertia_, (2 - 2 * cosine).sum(), rtol=1e-9)


@pytest.mark.filterwarnings("ignore:Number of distinct clusters")  # one iteration may leave a cluster without rows
def test_k_means_parallel_is_as_good_a_start_as_plus_plus():
    X, _ = make_blobs(5000, 6, centers=60, cluster_std=0.5, random_state=0)
    parallel = [KMeans(60, init="k-means||", random_state=seed, max_iter=1).fit(X).inertia_ for seed in range(8)]
    plus_plus = [KMeans(60, random_state=seed, max_iter=1).fit(X).inertia_ for seed in range(8)]
    drawn = [KMeans(60, init="random", n_init=1, random_state=seed, max_iter=1).fit(X).inertia_ for seed in range(8)]
    assert np.mean(parallel) < 1.3 * np.mean(plus_plus)
    assert np.mean(parallel) < 0.5 * np.mean(drawn)


@pytest.mark.parametrize("weighted", [False, True])
def test_a_family_is_single_fits(weighted):
    X = load_digits().data
    rng = np.random.default_rng(1)
    weight = rng.integers(0, 3, len(X)).astype(float) if weighted else None
    splits = [rng.permutation(len(X))[:900], np.arange(0, len(X), 2)]
    candidates = [{"n_clusters": k} for k in (5, 30, 10, 9)]
    candidates += [{"init": "random", "n_init": 2}, {"spherical": True}, {"algorithm": "lloyd", "max_iter": 2}]
    options = {"candidates": candidates, "splits": splits, "sample_weight": weight}
    estimator = KMeans(6, random_state=0)
    alone = {(i, j): model for i, j, model in fit_one_by_one(estimator, X, **options)}
    family = {(i, j): model for i, j, model in fit_family(estimator, X, **options)}
    assert family.keys() == alone.keys()
    for member, model in family.items():
        assert_array_equal(model.cluster_centers_, alone[member].cluster_centers_)
        assert_array_equal(model.labels_, alone[member].labels_)
        assert model.inertia_ == alone[member].inertia_
        assert str(model.get_params()) == str(alone[member].get_params())


def test_mini_batches_are_nearly_as_good():
    X, labels = make_blobs(20000, 8, centers=12, random_state=1)
    model = MiniBatchKMeans(12, n_init=3, random_state=0).fit(X)
    full = KMeans(12, n_init=3, random_state=0).fit(X)
    assert model.inertia_ < 1.05 * full.inertia_
    assert adjusted_rand_score(labels, model.labels_) > 0.95
    assert_array_equal(model.labels_, model.predict(X))
    assert_allclose(model.inertia_, -model.score(X), rtol=1e-12)
    assert model.n_iter_ == -(-model.n_steps_ * 1024 // 20000)


def test_a_mini_batch_is_one_step_of_running_means():
    X = load_iris().data
    centers = X[[0, 60, 120]].copy()
    model = MiniBatchKMeans(3, init=centers, reassignment_ratio=0)
    counts = np.zeros(3)
    for rows in np.array_split(np.random.default_rng(0).permutation(150), 5):
        model.partial_fit(X[rows])
        labels = ((X[rows][:, None] - centers) ** 2).sum(axis=2).argmin(axis=1)
        for c in range(3):
            mine = X[rows][labels == c]
            counts[c] += len(mine)
            if len(mine):
                centers[c] += (mine.sum(axis=0) - len(mine) * centers[c]) / counts[c]
        assert_allclose(model.cluster_centers_, centers, rtol=1e-10)
    assert model.n_steps_ == 5


def test_partial_fit_is_scikit_learns():
    X = load_digits().data
    init = _jittered_start(X, 10)
    ours = MiniBatchKMeans(10, init=init, reassignment_ratio=0)
    theirs = reference.MiniBatchKMeans(10, init=init, n_init=1, reassignment_ratio=0)
    weight = np.random.default_rng(1).random(len(X))
    for rows in np.array_split(np.arange(len(X)), 6):
        ours.partial_fit(X[rows], sample_weight=weight[rows])
        theirs.partial_fit(X[rows], sample_weight=weight[rows])
        assert_allclose(ours.cluster_centers_, theirs.cluster_centers_, rtol=1e-9, atol=1e-9)
        assert_array_equal(ours.labels_, theirs.labels_)


@pytest.mark.parametrize("batch_size", [64, 5000])
def test_mini_batches_see_contents_and_weights(batch_size):
    X, _ = make_blobs(400, 5, centers=9, cluster_std=3.0, random_state=0)
    weight = np.random.default_rng(1).integers(0, 4, len(X))
    copies = np.random.default_rng(2).permutation(np.repeat(np.arange(len(X)), weight))
    fits = [MiniBatchKMeans(7, batch_size=batch_size, max_iter=5, random_state=0) for _ in range(2)]
    weighted, repeated = fits[0].fit(X, sample_weight=weight), fits[1].fit(X[copies])
    assert_allclose(weighted.cluster_centers_, repeated.cluster_centers_, rtol=1e-9)
    assert_array_equal(weighted.labels_[copies], repeated.labels_)


def test_centres_that_nobody_chooses_are_moved_to_rows():
    X, _ = make_blobs(3000, 4, centers=6, random_state=0)
    init = np.vstack([X[:5], np.full((3, 4), 1e4)])
    assert np.abs(MiniBatchKMeans(8, init=init, random_state=0).fit(X).cluster_centers_).max() < 100
    stuck = MiniBatchKMeans(8, init=init, random_state=0, reassignment_ratio=0).fit(X)
    assert (stuck.cluster_centers_ > 9e3).all(axis=1).sum() == 3


def test_sparse_mini_batches():
    X = load_digits().data
    dense = MiniBatchKMeans(10, random_state=0).fit(X)
    sparse = MiniBatchKMeans(10, random_state=0).fit(sp.csr_array(X))
    assert_allclose(sparse.cluster_centers_, dense.cluster_centers_, rtol=1e-6, atol=1e-8)


def test_mini_batches_without_labels():
    model = MiniBatchKMeans(3, compute_labels=False, random_state=0).fit(load_iris().data)
    assert not hasattr(model, "labels_")
    assert model.predict(load_iris().data).shape == (150,)


def test_mini_batches_of_directions():
    model = MiniBatchKMeans(10, spherical=True, random_state=0).fit(load_digits().data)
    assert_allclose(np.linalg.norm(model.cluster_centers_, axis=1), 1, rtol=1e-12)


def test_ctrl_c_leaves_fitted_mini_batches(monkeypatch):
    says_stop = skdl.cluster._mini_batch._Watch.says_stop

    def interrupted(self, inertia):
        if self.since == 2:
            raise KeyboardInterrupt
        return says_stop(self, inertia)

    monkeypatch.setattr(skdl.cluster._mini_batch._Watch, "says_stop", interrupted)
    with pytest.warns(InterruptedFitWarning, match="MiniBatchKMeans was interrupted after .* batches"):
        model = MiniBatchKMeans(10, random_state=0).fit(load_digits().data)
    assert_array_equal(model.labels_, model.predict(load_digits().data))


X = load_iris().data


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_clusters": 151}, r"n_samples=150 should be >= n_clusters=151: ask for fewer clusters"),
        ({"n_clusters": -1}, r"n_clusters of MiniBatchKMeans must be an int in \[1, inf\); got -1"),
        ({"batch_size": 0}, r"batch_size of MiniBatchKMeans must be an int in \[1, inf\); got 0"),
        ({"reassignment_ratio": -0.1}, r"reassignment_ratio of MiniBatchKMeans must be a number in \[0, inf\)"),
        ({"max_no_improvement": -1}, r"max_no_improvement of MiniBatchKMeans must be None or an int in \[0, inf\)"),
        ({"init": "kmeans"}, r"init of MiniBatchKMeans must be 'k-means\+\+'.*got 'kmeans'"),
        ({"init": X[:3]}, r"initial centers \(3, 4\) does not match the number of clusters 8"),
        ({"spherical": "yes"}, r"spherical of MiniBatchKMeans must be an instance of bool; got 'yes'"),
        ({"device": "cuda:99"}, r"device='cuda:99' was asked for, but torch .* CUDA devices"),
    ],
)
def test_what_mini_batches_say_of_bad_parameters(parameters, message):
    with pytest.raises(ValueError, match=message):
        MiniBatchKMeans(**parameters).fit(X)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (
            lambda X: np.where(np.arange(150)[:, None] == 4, np.nan, X),
            r"(?s)contains NaN.*row 4, column 0.*SimpleImputer",
        ),
        (lambda X: X[:0], r"Found array with 0 sample\(s\)"),
        (lambda X: X[:1], r"n_samples=1 should be >= n_clusters=8: ask for fewer clusters"),
        (lambda X: pd.DataFrame(X).astype(object).replace({0: {X[3, 0]: "red"}}), r"(?s)column 0.*OneHotEncoder"),
    ],
    ids=["nan", "empty", "one-row", "object"],
)
def test_what_mini_batches_say_of_bad_data(spoil, message):
    with pytest.raises(ValueError, match=message):
        MiniBatchKMeans().fit(spoil(X))


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_mini_batches_on_cuda(dtype):
    X = load_digits().data.astype(dtype)
    here, there = (MiniBatchKMeans(10, init=X[:10], device=device, random_state=0) for device in ("cpu", "cuda"))
    assert_allclose(there.fit(X).inertia_, here.fit(X).inertia_, rtol=1e-2)


@pytest.mark.parametrize(("cls", "unit"), [(KMeans, "iteration"), (MiniBatchKMeans, "batch")])
def test_a_fit_shows_its_progress_where_it_is_asked_to(cls, unit, capsys):
    X = load_iris().data
    cls(3, random_state=0).fit(X)
    assert capsys.readouterr().err == ""
    cls(3, random_state=0, verbose=1).fit(X)
    shown = capsys.readouterr().err
    assert f"{cls.__name__}:" in shown
    assert unit in shown


@pytest.mark.parametrize("extra", ["constants", "copies of columns", "copies of rows"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_constants_and_copies_from_the_same_start(extra, dtype):
    X = load_iris().data.astype(dtype)
    init = _jittered_start(X, 5).astype(dtype)
    if extra == "copies of rows":
        X = np.repeat(X, 3, axis=0)
    else:
        wide = {"constants": lambda Z: np.tile(dtype([0.0, 7.0, 1e-30]), (len(Z), 1)), "copies of columns": lambda Z: Z}
        X, init = np.hstack([X, wide[extra](X)]), np.hstack([init, wide[extra](init)])
    ours = KMeans(5, init=init, tol=0).fit(X)
    theirs = reference.KMeans(5, init=init, n_init=1, tol=0).fit(X)
    assert_array_equal(ours.labels_, theirs.labels_)
    assert_allclose(ours.inertia_, theirs.inertia_, rtol=1e-6)
    assert_allclose(ours.cluster_centers_, theirs.cluster_centers_, rtol=1e-5, atol=1e-6)
