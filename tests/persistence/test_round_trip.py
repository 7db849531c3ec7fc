"""What is saved comes back and predicts the same bits."""

import os
import zipfile

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix
from sklearn import ensemble, linear_model, model_selection
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.frozen import FrozenEstimator
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

import skdl
from skdl.cluster import KMeans
from skdl.ensemble import StackingClassifier, VotingClassifier
from skdl.exceptions import FileVersionWarning
from skdl.linear_model import LogisticRegression, Ridge
from skdl.metric_learning import LFDA, LMNN
from skdl.model_selection import GridSearchCV, HalvingGridSearchCV, RandomizedSearchCV
from skdl.naive_bayes import GaussianNB, MixedNB
from skdl.neighbors import KNeighborsClassifier, KNeighborsRegressor
from skdl.neural import CNNClassifier, MLPClassifier, MLPRegressor, RNNClassifier, TransformerClassifier
from skdl.tree import C45Classifier, DecisionTreeClassifier
from tests.common.table import for_each_row
from tests.common.tools import _samples, assert_same_outputs, outputs, samples
from tests.torture.mutations import pack, unpack

X, LABELS, TARGET = _samples(60, False)
NAMES = np.array(["red", "green", "blue"])[LABELS]
FLAG = X[:, 3] > 4
FRAME = pd.DataFrame({"x": X[:, 0], "y": X[:, 1], "c": pd.Categorical(NAMES), "d": pd.Categorical(LABELS)})
TEXTS = ["the cat sat", "a dog ran away", "cat and dog", "one two"] * 5
TWO = [0, 1, 0, 1] * 5
SPARSE = csr_matrix(X * (X > 4))
NET = {"max_epochs": 2, "random_state": 0}
ENCODE = ColumnTransformer(
    [("n", make_pipeline(SimpleImputer(), StandardScaler()), ["x", "y"]), ("o", OneHotEncoder(), ["c", "d"])]
)


def returned(estimator, path):
    """The estimator after a way through a file."""
    skdl.save(estimator, path)
    return skdl.load(path)


@for_each_row()
def test_every_estimator_comes_back(row, tmp_path):
    data, y = samples(row)
    model = row.make().fit(data, y)
    twin = returned(model, tmp_path / "model.skops")
    assert type(twin) is row.cls
    assert str(twin.get_params()) == str(model.get_params())
    assert_same_outputs(outputs(twin, data), outputs(model, data))


COMPOSITIONS = {
    "pipeline": (make_pipeline(StandardScaler(), KNeighborsClassifier()), X, NAMES),
    "pipeline of columns": (make_pipeline(ENCODE, LogisticRegression()), FRAME, FLAG),
    "pipeline with a network": (make_pipeline(ENCODE, MLPClassifier(**NET)), FRAME, FLAG),
    "pipeline with a function": (make_pipeline(FunctionTransformer(np.log1p), Ridge()), X, TARGET),
    "transformed target": (TransformedTargetRegressor(Ridge(), transformer=StandardScaler()), X, TARGET),
    "grid": (GridSearchCV(KNeighborsClassifier(), {"n_neighbors": [1, 3], "weights": ["uniform"]}), X, NAMES),
    "grid of metrics": (
        GridSearchCV(
            DecisionTreeClassifier(), {"max_depth": [1, None]}, scoring=["accuracy", "f1_macro"], refit="f1_macro"
        ),
        *(X, NAMES),
    ),
    "grid of networks": (GridSearchCV(MLPClassifier(**NET), {"hidden_layer_sizes": [(8,), (8, 8)]}, cv=2), X, NAMES),
    "samples": (RandomizedSearchCV(GaussianNB(), {"var_smoothing": [1e-9, 1e-3]}, n_iter=2), X, NAMES),
    "halving": (HalvingGridSearchCV(Ridge(), {"alpha": [0.1, 1.0, 10.0]}, cv=2), X, TARGET),
    "scikit-learn's grid": (model_selection.GridSearchCV(KNeighborsRegressor(), {"n_neighbors": [1, 3]}), X, TARGET),
    "vote": (
        VotingClassifier([("a", GaussianNB()), ("b", linear_model.LogisticRegression())], voting="soft"),
        *(X, NAMES),
    ),
    "stack": (StackingClassifier([("a", GaussianNB()), ("b", MLPClassifier(**NET))], cv=2), X, NAMES),
    "scikit-learn's bag": (ensemble.BaggingRegressor(KNeighborsRegressor(), 3, random_state=0), X, TARGET),
    "forest": (VotingClassifier([("a", ensemble.RandomForestClassifier(3)), ("b", GaussianNB())]), X, NAMES),
    "tables": (DecisionTreeClassifier(), FRAME, FLAG),
    "multiway tree": (C45Classifier(), FRAME, FLAG),
    "table in a network": (MLPClassifier(numeric_embedding="piecewise_linear", **NET), FRAME, NAMES),
    "periodic": (MLPClassifier(numeric_embedding="periodic", missing_values="indicator", **NET), FRAME, NAMES),
    "mixed": (MixedNB(), FRAME, NAMES),
    "gower": (KNeighborsClassifier(metric="gower"), FRAME, NAMES),
    "learnt metric": (KNeighborsClassifier(metric=LMNN(max_iter=2)), X, NAMES),
    "kernel": (LFDA(kernel="rbf"), X, NAMES),
    "sparse": (KNeighborsClassifier(), SPARSE, NAMES),
    "texts": (RNNClassifier(tokenizer="word", **NET), TEXTS, TWO),
    "characters": (TransformerClassifier(tokenizer="character", **NET), TEXTS, TWO),
    "images": (CNNClassifier(**NET), np.random.default_rng(0).normal(size=(12, 3, 8, 8)), [0, 1] * 6),
    "class weights": (LogisticRegression(class_weight={"red": 1, "green": 2.5, "blue": 1}), X, NAMES),
    "whole class weights": (MLPClassifier(class_weight={0: 1, 1: 2, 2: 1}, **NET), X, LABELS),
    "several outputs": (MLPRegressor(**NET), X, np.c_[TARGET, -TARGET]),
    "several labels": (DecisionTreeClassifier(), X, np.c_[NAMES, NAMES]),
    "generator": (KMeans(2, random_state=np.random.RandomState(1)), X, None),
    "float32": (Ridge(), X.astype(np.float32), TARGET.astype(np.float32)),
    "another network": (
        MLPClassifier(init_from=FrozenEstimator(MLPClassifier(**NET).fit(X, NAMES)), **NET),
        *(X, NAMES),
    ),
}


@pytest.mark.parametrize("name", COMPOSITIONS)
def test_compositions_come_back(name, tmp_path):
    model, data, y = COMPOSITIONS[name]
    model.fit(data, y)
    twin = returned(model, tmp_path / "model.skops")
    assert_same_outputs(outputs(twin, data), outputs(model, data))


def test_a_network_goes_on_learning_where_it_was(tmp_path):
    model = MLPClassifier(hidden_layer_sizes=(8,), **NET).fit(X, NAMES)
    twin = returned(model, tmp_path / "model.skops")
    for one in (model, twin):
        one.partial_fit(X, NAMES)
    np.testing.assert_array_equal(twin.predict_proba(X), model.predict_proba(X))


def test_an_unfitted_estimator_comes_back(tmp_path):
    twin = returned(make_pipeline(StandardScaler(), MLPClassifier(lr=0.5)), tmp_path / "model.skops")
    assert twin[-1].lr == 0.5
    assert not twin[-1].__sklearn_is_fitted__()


def test_rows_in_a_file_become_rows_in_memory(tmp_path):
    rows = np.memmap(tmp_path / "rows", "float64", "w+", shape=X.shape)
    rows[:] = X
    model = KNeighborsClassifier().fit(rows, NAMES)
    twin = returned(model, tmp_path / "model.skops")
    assert type(twin._fit_X) is np.ndarray
    assert_same_outputs(outputs(twin, X), outputs(model, X))


def test_a_file_depends_on_the_model_alone(tmp_path):
    model = make_pipeline(StandardScaler(), DecisionTreeClassifier()).fit(X, NAMES)
    for name in ("one", "two"):
        skdl.save(model, tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_a_file_holds_a_text_and_arrays_of_numbers_and_strings_alone(tmp_path):
    skdl.save(GridSearchCV(KNeighborsClassifier(), {"n_neighbors": [1, 3]}).fit(SPARSE, NAMES), tmp_path / "model")
    with zipfile.ZipFile(tmp_path / "model") as archive:
        assert {os.path.splitext(name)[1] for name in archive.namelist()} == {".json", ".npy", ".npz"}
        for name in archive.namelist():
            if name.endswith(".npy"):
                assert not np.load(archive.open(name), allow_pickle=False).dtype.hasobject


def test_saving_replaces_in_one_step_and_leaves_no_draft(tmp_path, monkeypatch):
    path = tmp_path / "model"
    skdl.save(GaussianNB().fit(X, NAMES), path)
    before = path.read_bytes()

    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        skdl.save(Ridge().fit(X, TARGET), path)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["model"]


def test_saving_and_loading_show_no_bars(tmp_path, capsys):
    model = KNeighborsClassifier().fit(X, NAMES).set_params(verbose=1)
    returned(model, tmp_path / "model")
    assert capsys.readouterr() == ("", "")
    model.predict(X)
    assert "neighbors: 100%" in capsys.readouterr().err


def test_folders_are_not_files(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no such folder to write the file into: '.*absent'"):
        skdl.save(GaussianNB(), tmp_path / "absent" / "model")
    with pytest.raises(IsADirectoryError, match="This is a folder; give the file in it a name"):
        skdl.save(GaussianNB(), tmp_path)
    assert os.listdir(tmp_path) == []


def test_a_file_of_another_version_says_so(tmp_path):
    path = tmp_path / "model"
    skdl.save(GaussianNB().fit(X, NAMES), path)
    members = unpack(path.read_bytes())
    members["skdl.json"] = members["skdl.json"].replace(skdl.__version__.encode(), b"0.0.1")
    path.write_bytes(pack(members))
    with pytest.warns(FileVersionWarning, match=r"skdl 0\.0\.1 wrote this file and skdl .* reads it"):
        skdl.load(path)
