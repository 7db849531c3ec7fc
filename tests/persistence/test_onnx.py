"""Exported graphs predict what the estimators do, for any number of rows; what cannot be exported is told."""

import json
import sys
import warnings

import numpy as np
import onnx
import onnxruntime
import pandas as pd
import pytest
import torch
from sklearn import preprocessing
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.feature_selection import SelectKBest, VarianceThreshold
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline, make_pipeline

import skdl
from skdl.linear_model import LogisticRegression
from skdl.metric_learning import TripletEncoder
from skdl.model_selection import GridSearchCV
from skdl.neural import (
    CNNClassifier,
    CNNRegressor,
    MLPClassifier,
    MLPRegressor,
    NeuralClassifier,
    NeuralRegressor,
    RNNClassifier,
    RNNRegressor,
    TCNClassifier,
    TCNRegressor,
    TransformerClassifier,
    TransformerRegressor,
)

RNG = np.random.default_rng(0)
N = 60
CLASSES = np.array(["ant", "bee", "cow"])[np.arange(N) % 3]
NUMBERS = 1e5 + 300.0 * np.sin(np.arange(N))
# Columns of unequal scales, one far from zero, one constant.
TABLE = RNG.normal(size=(N, 6)) * [1, 10, 0.1, 1, 1, 0] + [0, 1000, 0, 0, -5, 3] + 0.3 * (np.arange(N) % 3)[:, None]
TABLE[:, 5] = 3.0
GAPS = TABLE.copy()
GAPS[RNG.random(GAPS.shape) < 0.2] = np.nan
LABELS = np.stack([np.arange(N) % 2, np.arange(N) % 3 == 0], axis=1).astype(int)
PICTURES = RNG.integers(0, 256, size=(N, 8, 10), dtype=np.uint8)
COLOURS = RNG.normal(size=(N, 8, 10, 3)).astype(np.float32) + (np.arange(N) % 3)[:, None, None, None]
SERIES = (RNG.normal(size=(N, 12)).cumsum(axis=1) + 5).astype(np.float32)
CHANNELS = RNG.normal(size=(N, 9, 2)) * [1, 50]
PADDED = CHANNELS.copy()
for row, length in enumerate(RNG.integers(1, 10, N)):
    PADDED[row, length:] = np.nan
QUICK = {"max_epochs": 2, "lr": 0.01, "random_state": 0}


def _run(model: onnx.ModelProto, **inputs) -> dict:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(None, inputs), strict=True))


def _assert_same(estimator, X, model: onnx.ModelProto, inputs=None, largest=0.0):
    """Compare the graph with the estimator on one row, some rows and all, one of them many times.

    A sum of float32 numbers, of which some are as large as ``largest``, is as exact as these.
    """
    inputs = inputs or (lambda X: {"X": X})
    for rows in (slice(1), slice(5, 7), slice(3, 40), slice(None), [2] * 300):
        asked = X.iloc[rows] if hasattr(X, "iloc") else X[rows]
        found = _run(model, **inputs(asked))
        if not hasattr(estimator, "classes_"):
            expected = estimator.predict(asked)
            assert list(found) == ["predictions"]
            width = np.std(np.asarray(estimator.predict(X)), axis=0).max()
            assert width > 0, "a constant tells nothing"
            assert found["predictions"].dtype == np.float64
            assert found["predictions"].shape == expected.shape
            np.testing.assert_allclose(found["predictions"] - expected, 0.0, atol=1e-5 * width)
            continue
        expected = estimator.predict_proba(asked)
        assert list(found) == ["probabilities", "label_index"]
        assert np.ptp(estimator.predict_proba(X), axis=0).max() > 1e-4, "a constant tells nothing"
        assert found["probabilities"].shape == expected.shape
        assert found["label_index"].dtype == np.int64
        rtol = max(1e-5, np.finfo(np.float32).eps * largest)
        np.testing.assert_allclose(found["probabilities"], expected, rtol=rtol, atol=1e-7)
        labels = found["label_index"] if expected.shape[1] == 2 and estimator.predict(asked).ndim == 2 else None
        predicted = estimator.classes_[found["label_index"]] if labels is None else labels
        np.testing.assert_array_equal(predicted, estimator.predict(asked))


def _narrow(n_features, n_outputs):
    return torch.nn.Sequential(torch.nn.Linear(n_features, 4), torch.nn.BatchNorm1d(4), torch.nn.Linear(4, n_outputs))


NETWORKS = {
    "mlp": (MLPClassifier((8,), **QUICK), TABLE, CLASSES),
    "mlp, float32": (MLPClassifier((8,), **QUICK), TABLE.astype(np.float32), CLASSES),
    "mlp, two classes": (MLPClassifier((8, 4), scaling="standard", dropout=0.2, **QUICK), TABLE, np.arange(N) % 2),
    "mlp, unscaled": (MLPClassifier((8,), scaling=None, **QUICK), TABLE / 100, CLASSES),
    "mlp, labels": (MLPClassifier((8,), **QUICK), TABLE, LABELS),
    "mlp, piecewise": (MLPClassifier((8,), numeric_embedding="piecewise_linear", **QUICK), TABLE, CLASSES),
    "mlp, periodic": (MLPClassifier((8,), numeric_embedding="periodic", residual=True, **QUICK), TABLE, CLASSES),
    "mlp, norms": (MLPClassifier((8,), normalization="batch", activation="mish", **QUICK), TABLE, CLASSES),
    "mlp, gaps": (MLPClassifier((8,), missing_values="indicator", **QUICK), GAPS, CLASSES),
    "mlp, numbers": (MLPRegressor((8,), **QUICK), TABLE, NUMBERS),
    "mlp, pairs of numbers": (MLPRegressor((8,), normalization="layer", **QUICK), TABLE, np.c_[NUMBERS, -NUMBERS]),
    "mlp, averaged": (MLPRegressor((8,), ema_decay=0.9, **QUICK), TABLE, NUMBERS),
    "cnn, bytes": (CNNClassifier(**QUICK), PICTURES, CLASSES),
    "cnn, channels last": (CNNClassifier(augment=["flip", "noise"], **QUICK), COLOURS, CLASSES),
    "cnn, channels first": (CNNRegressor(**QUICK), np.moveaxis(COLOURS, -1, 1), NUMBERS),
    "cnn, flat": (CNNClassifier(image_shape=(8, 10), **QUICK), PICTURES.reshape(N, -1).astype(float), CLASSES),
    "cnn, series": (CNNClassifier(**QUICK), SERIES, CLASSES),
    "cnn, channels of series": (CNNClassifier(channels="last", **QUICK), CHANNELS, CLASSES),
    "rnn": (RNNClassifier(hidden_size=6, **QUICK), SERIES, CLASSES),
    "rnn, gru": (RNNClassifier("gru", hidden_size=6, num_layers=2, bidirectional=True, **QUICK), PADDED, CLASSES),
    "rnn, Elman": (RNNRegressor("rnn", hidden_size=6, pooling="attention", **QUICK), SERIES, NUMBERS),
    "rnn, lstm": (RNNClassifier(hidden_size=6, bidirectional=True, pooling="mean", **QUICK), PADDED, CLASSES),
    "tcn": (TCNClassifier(layout="channel_first", **QUICK), np.moveaxis(PADDED, 1, 2), CLASSES),
    "tcn, numbers": (TCNRegressor(pooling="max", **QUICK), SERIES, NUMBERS),
    "transformer": (TransformerClassifier(d_model=8, nhead=2, **QUICK), PADDED, CLASSES),
    "transformer, numbers": (TransformerRegressor(d_model=8, nhead=2, **QUICK), SERIES, NUMBERS),
    "own": (NeuralClassifier(_narrow, **QUICK), TABLE / 100, CLASSES),
    "own, numbers": (NeuralRegressor(**QUICK), COLOURS, np.c_[NUMBERS, NUMBERS**2]),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_a_graph_predicts_what_the_network_does(name):
    estimator, X, y = NETWORKS[name]
    estimator.fit(X, y)
    model = skdl.to_onnx(estimator, X[:1])
    (given,) = model.graph.input
    assert given.name == "X"
    first, *others = given.type.tensor_type.shape.dim
    assert first.dim_param
    assert tuple(extent.dim_value for extent in others) == X.shape[1:]
    _assert_same(estimator, X, model)


STEPS = {
    "standard": [preprocessing.StandardScaler()],
    "mean alone": [preprocessing.StandardScaler(with_std=False)],
    "width alone": [preprocessing.StandardScaler(with_mean=False)],
    "min and max": [preprocessing.MinMaxScaler((-1, 2), clip=True)],
    "max": [preprocessing.MaxAbsScaler()],
    "robust": [preprocessing.RobustScaler(unit_variance=True)],
    "robust, centre alone": [preprocessing.RobustScaler(with_scaling=False)],
    "robust, width alone": [preprocessing.RobustScaler(with_centering=False)],
    "l1": [preprocessing.Normalizer("l1")],
    "l2": [preprocessing.Normalizer()],
    "largest": [preprocessing.Normalizer("max")],
    "pca": [PCA(3)],
    "pca, white": [preprocessing.StandardScaler(), PCA(3, whiten=True)],
    "choice": [VarianceThreshold(), SelectKBest(k=3)],
    "nested": ["passthrough", make_pipeline(preprocessing.StandardScaler(), PCA(4)), preprocessing.MaxAbsScaler()],
}


@pytest.mark.parametrize("name", STEPS)
def test_steps_before_the_network_are_in_the_graph(name):
    model = make_pipeline(*STEPS[name], NeuralClassifier(max_epochs=3, random_state=0)).fit(TABLE[:50], CLASSES[:50])
    # Rows behind the training rows leave the ranges of the scalers; a row of zeros has no norm.
    X = np.r_[TABLE, 2 * TABLE[:20], np.zeros((1, 6))]
    _assert_same(model, X, skdl.to_onnx(model, X), largest=np.abs(model[:-1].transform(X)).max())


@pytest.mark.parametrize("settings", [{}, {"strategy": "median", "add_indicator": True}, {"strategy": "constant"}])
@pytest.mark.parametrize("missing", [np.nan, -1.0])
def test_what_is_missing_is_imputed_in_the_graph(settings, missing):
    X = np.c_[GAPS, np.full(N, np.nan)]  # a column without a value is dropped
    X = np.where(np.isnan(X), missing, X)
    steps = SimpleImputer(missing_values=missing, **settings), preprocessing.StandardScaler()
    model = make_pipeline(*steps, MLPRegressor((8,), **QUICK))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Skipping features without any observed values")
        model.fit(X, NUMBERS)
        _assert_same(model, X, skdl.to_onnx(model, X))


def test_a_pipeline_in_float32_agrees_up_to_the_rounding_between_its_steps():
    X = (TABLE[:, 2:5]).astype(np.float32)
    model = make_pipeline(preprocessing.StandardScaler(), PCA(2), MLPClassifier((8,), **QUICK)).fit(X, CLASSES)
    graph = skdl.to_onnx(model, X)
    assert graph.graph.input[0].type.tensor_type.elem_type == onnx.TensorProto.FLOAT
    np.testing.assert_allclose(_run(graph, X=X)["probabilities"], model.predict_proba(X), rtol=1e-5, atol=1e-6)


def test_a_pipeline_in_a_pipeline_may_end_it():
    inner = make_pipeline(PCA(3), MLPClassifier((8,), **QUICK))
    model = Pipeline([("scaler", preprocessing.StandardScaler()), ("inner", inner)]).fit(TABLE, CLASSES)
    _assert_same(model, TABLE, skdl.to_onnx(model, TABLE))


def test_of_a_search_the_best_is_exported():
    search = GridSearchCV(MLPClassifier((8,), **QUICK), {"lr": [0.01, 0.1]}, cv=2).fit(TABLE, CLASSES)
    _assert_same(search, TABLE, skdl.to_onnx(search, TABLE))


# Categories.


@pytest.mark.parametrize("missing", ["error", "indicator"])
def test_categories_that_are_numbers_are_columns_of_the_one_input(missing):
    X = np.c_[TABLE[:, :2], np.arange(N) % 4 * 2.5, np.arange(N) % 3]
    model = MLPClassifier((8,), categorical_features=[0, 2, 3], missing_values=missing, **QUICK)
    X[:, 0] = np.arange(N) % 2
    if missing == "indicator":
        X[5:9, 1], X[10:20, 2] = np.nan, np.nan
    model.fit(X, CLASSES)
    asked = X.copy()
    asked[:10, 2] = 7.0  # not seen in fit
    if missing == "indicator":
        asked[10:30, 3] = np.nan  # missing, where fit saw none missing
    _assert_same(model, asked, skdl.to_onnx(model, X))


def _frame(words):
    return pd.DataFrame(
        {
            "plan": pd.Categorical(words, categories=["basic", "plus", "team"]),
            "age": TABLE[:, 0],
            "town": pd.Categorical(np.array(["Bonn", "Ulm"])[np.arange(N) % 2]),
            "size": pd.Categorical(np.arange(N) % 3 * 10),
            "spent": TABLE[:, 1],
        }
    )


def _frame_inputs(X):
    words = X[["plan", "town"]].astype(object)
    words = words.where(words.notna(), "").to_numpy()
    numbers = X[["age", "size", "spent"]].astype(np.float64).to_numpy()
    return {"X": numbers, "column_plan": words[:, :1], "column_town": words[:, 1:]}


@pytest.mark.parametrize("gaps", [False, True])
def test_columns_of_words_are_inputs_of_their_own(gaps):
    words = np.array(["basic", "plus", "team"], dtype=object)[np.arange(N) % 3]
    if gaps:
        words[::7] = None
    X = _frame(words)
    model = MLPClassifier((8,), missing_values="indicator" if gaps else "error", **QUICK).fit(X, CLASSES)
    graph = skdl.to_onnx(model, X)
    _assert_same(model, X, graph, _frame_inputs)
    # A town that fit did not see.
    far = X.assign(town=pd.Categorical(["Graz"] * N))
    _assert_same(model, far, graph, _frame_inputs)


def test_columns_without_names_are_named_by_their_numbers():
    X = np.array([["a", "u"], ["b", "v"], ["c", "u"]], dtype=object)[np.arange(N) % 3]
    model = MLPRegressor((8,), categorical_features=[0, 1], **QUICK).fit(X, NUMBERS)
    _assert_same(
        model,
        X,
        skdl.to_onnx(model, X),
        lambda X: {"X": np.empty((len(X), 0)), "column_0": X[:, :1], "column_1": X[:, 1:]},
    )


def test_categories_of_several_kinds_are_told():
    X = np.array([[1.0, "a"], [2.0, 3]], dtype=object)[np.arange(N) % 2]
    model = MLPClassifier((8,), categorical_features=[1], **QUICK).fit(X, np.arange(N) % 2)
    with pytest.raises(ValueError, match="Column 1 of X holds categories that are neither all words nor all numbers"):
        skdl.to_onnx(model, X)


# The file, and what is in it.


def test_the_file_holds_the_graph_and_the_classes(tmp_path):
    model = MLPClassifier((8,), **QUICK).fit(TABLE, CLASSES)
    path = tmp_path / "model.onnx"
    path.write_bytes(b"an older one")
    returned = skdl.to_onnx(model, TABLE, path)
    written = onnx.load(path)
    assert written == returned
    assert [item.name for item in tmp_path.iterdir()] == ["model.onnx"]
    assert {item.key: json.loads(item.value) for item in written.metadata_props} == {"classes": ["ant", "bee", "cow"]}
    _assert_same(model, TABLE, written)


def test_nothing_of_this_machine_is_in_the_graph():
    data = skdl.to_onnx(MLPClassifier((8,), **QUICK).fit(TABLE, CLASSES), TABLE).SerializeToString()
    assert b".py" not in data
    assert b"skdl" not in data


def test_exporting_changes_nothing_and_says_nothing(capfd):
    model = RNNClassifier(hidden_size=6, **QUICK).fit(SERIES, CLASSES)
    before = model.predict_proba(SERIES)
    state = torch.random.get_rng_state()
    skdl.to_onnx(model, SERIES)
    np.testing.assert_array_equal(model.predict_proba(SERIES), before)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert capfd.readouterr() == ("", "")


# What cannot be exported.


def test_other_estimators_are_refused():
    model = LogisticRegression().fit(TABLE, CLASSES)
    with pytest.raises(
        ValueError, match=r"LogisticRegression cannot be exported to ONNX. Classifiers and regressors of"
    ):
        skdl.to_onnx(model, TABLE)
    encoder = TripletEncoder(MLPClassifier((8,), **QUICK)).fit(TABLE, CLASSES)
    with pytest.raises(ValueError, match="TripletEncoder cannot be exported to ONNX"):
        skdl.to_onnx(encoder, TABLE)


def test_a_step_that_cannot_be_exported_is_named():
    model = Pipeline([("powers", preprocessing.PolynomialFeatures()), ("net", MLPClassifier((8,), **QUICK))])
    message = (
        r"The step 'powers' of the pipeline, PolynomialFeatures, cannot be exported to ONNX. These can: MaxAbsScaler, "
    )
    with pytest.raises(ValueError, match=message):
        skdl.to_onnx(model.fit(TABLE, CLASSES), TABLE)


def test_an_imputer_of_other_things_than_numbers_is_told():
    X = (np.array([[1, 5], [2, 6], [None, 7]], dtype=object))[np.arange(N) % 3]
    filled = SimpleImputer(missing_values=None, strategy="most_frequent")
    model = make_pipeline(filled, NeuralClassifier(**QUICK)).fit(X, CLASSES)
    with pytest.raises(
        ValueError, match=r"The step 'simpleimputer' of the pipeline .* a SimpleImputer can that fills numbers"
    ):
        skdl.to_onnx(model, X)


def test_texts_are_refused():
    texts = ["good day", "bad day", "good night"] * 4
    model = RNNClassifier(tokenizer="word", **QUICK).fit(texts, [1, 0, 1] * 4)
    with pytest.raises(ValueError, match="RNNClassifier takes texts or tokens, which cannot be exported"):
        skdl.to_onnx(model, texts)


def test_series_of_unequal_lengths_are_told_how_to_be_one_array():
    series = [list(row[: 4 + place % 3]) for place, row in enumerate(SERIES)]
    model = RNNClassifier(hidden_size=6, **QUICK).fit(series, CLASSES)
    with pytest.raises(ValueError, match="fill short series up with NaN"):
        skdl.to_onnx(model, series)


class _Fickle(torch.nn.Module):
    def __init__(self, n_features, n_outputs):
        super().__init__()
        self.layer = torch.nn.Linear(n_features, n_outputs)

    def forward(self, x):
        return self.layer(x) if float(x.sum()) > 0 else self.layer(-x)


def test_a_module_that_torch_cannot_export_is_told():
    model = NeuralClassifier(_Fickle, **QUICK).fit(TABLE / 100, CLASSES)
    with pytest.raises(ValueError, match="torch cannot export the network of NeuralClassifier to ONNX"):
        skdl.to_onnx(model, TABLE / 100)


def test_an_unfitted_network_and_a_wrong_table_are_told():
    with pytest.raises(NotFittedError):
        skdl.to_onnx(MLPClassifier(), TABLE)
    with pytest.raises(ValueError, match="X has 5 features, but MLPClassifier is expecting 6"):
        skdl.to_onnx(MLPClassifier((8,), **QUICK).fit(TABLE, CLASSES), TABLE[:, :5])


@pytest.mark.parametrize("module", ["onnx", "onnxscript"])
def test_who_lacks_the_extra_is_told(module, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match=r"pip install 'skdl\[onnx\]'"):
        skdl.to_onnx(MLPClassifier((8,), **QUICK).fit(TABLE, CLASSES), TABLE)


def test_who_has_an_old_torch_is_told(monkeypatch):
    monkeypatch.delattr(torch.onnx, "ops")
    with pytest.raises(ImportError, match=r"needs torch 2\.8 or newer; this is torch 2"):
        skdl.to_onnx(MLPClassifier((8,), **QUICK).fit(TABLE, CLASSES), TABLE)
