"""Labels of every kind: they come back as they came, and change nothing else. Probabilities and their order."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch

from tests.common.table import for_each_row
from tests.common.tools import assert_same_outputs, outputs, samples

_NAMES = np.array(["setosa", "versicolor", "virginica"])
_LABELS = {
    "strings": lambda y: _NAMES[y],
    "string-objects": lambda y: _NAMES.astype(object)[y],
    "list-of-strings": lambda y: _NAMES[y].tolist(),
    "pandas-strings": lambda y: pd.Series(_NAMES[y]),
    "pandas-categorical": lambda y: pd.Series(pd.Categorical(_NAMES[y], categories=_NAMES[::-1])),
    "polars-strings": lambda y: pl.Series("label", _NAMES[y]),
    "int32": lambda y: (y * 10 - 5).astype(np.int32),
    "uint8": lambda y: (y + 250).astype(np.uint8),
    "whole-floats": lambda y: y - 1.0,
    "tensor": lambda y: torch.tensor(y * 7),
    "column": lambda y: y,
}


def _classifier(row):
    return row.kind == "classifier"


@for_each_row(_classifier)
@pytest.mark.parametrize("kind", _LABELS)
def test_labels_come_back_as_they_came(row, kind):
    X, codes = samples(row)
    y = _LABELS[kind](codes)
    expected = row.make().fit(X, codes)
    estimator = row.make().fit(X, y)
    classes = np.unique(np.asarray(y))
    np.testing.assert_array_equal(estimator.classes_, classes)
    assert isinstance(estimator.classes_, np.ndarray)
    said = outputs(estimator, X)
    assert said["predict"].dtype == estimator.classes_.dtype
    reference = outputs(expected, X)
    reference["predict"] = classes[reference["predict"]]
    assert_same_outputs(said, reference)
    assert estimator.score(X, np.asarray(y)) == expected.score(X, codes)


@for_each_row(_classifier)
@pytest.mark.parametrize("y_of", [lambda y: y == 1, lambda y: (y == 1).tolist(), lambda y: torch.tensor(y == 1)])
def test_bools(row, y_of):
    X, codes = samples(row)
    estimator = row.make().fit(X, y_of(codes))
    assert estimator.classes_.tolist() == [False, True]
    assert estimator.predict(X).dtype == bool
    expected = row.make().fit(X, (codes == 1).astype(int))
    np.testing.assert_array_equal(estimator.predict(X), expected.predict(X).astype(bool))


@for_each_row(lambda row: _classifier(row) and hasattr(row.make(), "predict_proba"))
@pytest.mark.parametrize("n_classes", [2, 3])
def test_probabilities(row, n_classes):
    X, codes = samples(row)
    y = np.array(["b", "a", "c"])[codes % n_classes]
    estimator = row.make().fit(X, y)
    probability = estimator.predict_proba(X)
    assert isinstance(probability, np.ndarray)
    assert probability.shape == (len(X), n_classes)
    assert (probability >= 0).all()
    np.testing.assert_allclose(probability.sum(axis=1), 1, rtol=0, atol=1e-6)
    np.testing.assert_array_equal(estimator.classes_[probability.argmax(axis=1)], estimator.predict(X))
    # The columns follow classes_, not the order in which labels were met.
    for column, label in enumerate(estimator.classes_):
        assert probability[y == label, column].mean() > probability[y != label, column].mean()
    if hasattr(estimator, "predict_log_proba"):
        with np.errstate(divide="ignore"):
            np.testing.assert_allclose(np.exp(estimator.predict_log_proba(X)), probability, rtol=1e-6, atol=1e-30)


@for_each_row(lambda row: _classifier(row) and hasattr(row.make(), "decision_function"))
def test_the_decision_function_agrees_with_the_prediction(row):
    X, codes = samples(row)
    binary = row.make().fit(X, codes == 1)
    assert binary.decision_function(X).shape == (len(X),)
    np.testing.assert_array_equal(binary.decision_function(X) > 0, binary.predict(X))
    several = row.make().fit(X, codes)
    assert several.decision_function(X).shape == (len(X), 3)
    np.testing.assert_array_equal(several.decision_function(X).argmax(axis=1), several.predict(X))


@for_each_row(lambda row: _classifier(row) and row.has_parameter("class_weight"))
def test_class_weight_takes_labels_of_the_user(row):
    X, codes = samples(row)
    counts = np.bincount(codes)
    balanced = {label: len(codes) / (3 * count) for label, count in zip(_NAMES, counts, strict=True)}
    by_name = row.make(class_weight=balanced).fit(X, _NAMES[codes])
    by_word = row.make(class_weight="balanced").fit(X, _NAMES[codes])
    assert_same_outputs(outputs(by_name, X), outputs(by_word, X), row.rounding)
