"""Training rows and queries that lie in a file: the answers that memory gives, and no copy of either."""

import pickle

import numpy as np
import pytest
import torch

from skdl.kernels.neighbors import prepare
from skdl.kernels.tensors import as_tensor
from skdl.neighbors import KernelRegressor, KNeighborsClassifier, KNeighborsRegressor, NearestNeighbors
from skdl.utils import _mapped, is_mapped


@pytest.fixture
def stays(monkeypatch):
    monkeypatch.setattr(_mapped, "LOADED_BYTES", 0)


def in_file(X, directory, name="X"):
    np.save(directory / f"{name}.npy", X)
    return np.load(directory / f"{name}.npy", mmap_mode="r")


def data(kind, d, dtype, n=3000):
    """Training rows and queries of several kinds of trouble."""
    rng = np.random.default_rng(0)
    X, queries = rng.normal(size=(n, d)), rng.normal(size=(150, d))
    if kind == "grid":  # ties
        X, queries = X.round(), queries.round()
    if kind == "far from zero":
        X, queries = X + 1e5, queries + 1e5
    if kind == "huge":
        X, queries = X * 1e25, queries * 1e25
    if kind == "copies":  # more candidates than any list holds
        X[1:] = X[0]
    return X.astype(dtype), queries.astype(dtype)


@pytest.mark.parametrize("kind", ["normal", "grid", "far from zero", "huge", "copies"])
@pytest.mark.parametrize(("d", "dtype"), [(3, np.float32), (40, np.float32), (40, np.float64), (9000, np.float32)])
def test_the_neighbors_are_those_in_memory(kind, d, dtype, tmp_path, stays):
    X, queries = data(kind, d, dtype, 300 if d > 1000 else 3000)
    expected = NearestNeighbors(n_neighbors=7).fit(X).kneighbors(queries)
    model = NearestNeighbors(n_neighbors=7).fit(in_file(X, tmp_path))
    for asked in (queries, in_file(queries, tmp_path, "queries"), in_file(queries[:1], tmp_path, "one")):
        for ours, theirs in zip(model.kneighbors(asked), expected, strict=True):
            np.testing.assert_array_equal(ours, theirs[: len(asked)])
    index = model._index()
    assert np.shares_memory(index.points.numpy(), model._fit_X)
    assert index.reference(torch.float32).augmented is None
    assert is_mapped(model._fit_X)


def test_without_queries_and_within_a_radius(tmp_path, stays):
    X, queries = data("normal", 20, np.float32, 700)
    expected = NearestNeighbors(radius=5.5).fit(X)
    model = NearestNeighbors(radius=5.5).fit(in_file(X, tmp_path))
    for ours, theirs in zip(model.kneighbors(), expected.kneighbors(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    near, theirs = model.radius_neighbors(queries), expected.radius_neighbors(queries)
    assert sum(map(len, theirs[1])) > 1000
    for ours, others in zip(near, theirs, strict=True):
        for one, other in zip(ours, others, strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("d", [3, 2000])
def test_estimators_predict_as_from_memory(d, tmp_path, stays):
    X, queries = data("normal", d, np.float64, 900)
    y = X[:, 0] > 0
    file, asked = in_file(X, tmp_path), in_file(queries, tmp_path, "queries")
    expected = KNeighborsClassifier(weights="distance").fit(X, y).predict_proba(queries)
    model = KNeighborsClassifier(weights="distance").fit(file, y)
    np.testing.assert_array_equal(model.predict_proba(asked), expected)
    copy = pickle.loads(pickle.dumps(model))
    assert not is_mapped(copy._fit_X)
    np.testing.assert_array_equal(copy.predict_proba(asked), expected)
    weight = np.random.default_rng(1).integers(0, 3, len(y))
    expected = KNeighborsRegressor().fit(X, X[:, 1], sample_weight=weight).predict(queries)
    found = KNeighborsRegressor().fit(file, X[:, 1], sample_weight=weight).predict(asked)
    np.testing.assert_array_equal(found, expected)
    expected = KernelRegressor(bandwidth=float(d) ** 0.5).fit(X, X[:, 1]).predict(queries)
    found = KernelRegressor(bandwidth=float(d) ** 0.5).fit(file, X[:, 1]).predict(asked)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_no_tree_is_grown_unless_asked_for(tmp_path, stays):
    X, queries = data("normal", 3, np.float32, 40_000)
    file = in_file(X, tmp_path)
    expected = NearestNeighbors(radius=0.2).fit(X)
    for algorithm in ("auto", "brute", "kd_tree"):
        model = NearestNeighbors(radius=0.2, algorithm=algorithm).fit(file)
        np.testing.assert_array_equal(model.kneighbors(queries)[1], expected.kneighbors(queries)[1])
        for ours, theirs in zip(model.radius_neighbors(queries)[1], expected.radius_neighbors(queries)[1], strict=True):
            np.testing.assert_array_equal(ours, theirs)
        assert ("tree" in model._index()._held) == (algorithm == "kd_tree")


def test_small_files_are_prepared_as_arrays_are(tmp_path):
    X, queries = data("normal", 20, np.float32)
    model = NearestNeighbors().fit(in_file(X, tmp_path))
    model.kneighbors(queries)
    assert model._index().reference(torch.float32).augmented is not None


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_parts_are_rows_of_the_whole(dtype):
    points = torch.from_numpy(data("far from zero", 5000, np.float32, 500)[0])
    whole = prepare(points, dtype, chunk_rows=26)
    parts = prepare(points, dtype, keep=False)
    assert torch.equal(parts.norms, whole.norms)
    assert torch.equal(torch.cat([part for _, part in parts.tiles()]), whole.augmented)
    assert sum(1 for _ in parts.tiles()) > 1
    assert torch.equal(parts.part(slice(13, 50)), whole.augmented[13:50])


def test_what_is_mapped(tmp_path):
    X = np.arange(12.0).reshape(6, 2)
    file = in_file(X, tmp_path)
    for mapped in (file, np.asarray(file), file[1:4], file.T):
        assert is_mapped(mapped)
    for loaded in (X, X[1:], np.array(file), file[[0, 2]], np.asarray(file[[0, 2]]), [1.0], None):
        assert not is_mapped(loaded)
    tensor = as_tensor(np.asarray(file), torch.device("cpu"))
    assert np.shares_memory(tensor.numpy(), file)
    np.testing.assert_array_equal(tensor.numpy(), X)
