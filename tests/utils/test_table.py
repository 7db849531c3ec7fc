"""Tables with categorical columns, encoded."""

import pickle
import re

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch

import skdl
from skdl.base import Estimator
from skdl.utils import encode_table, fit_table


class Thing(Estimator):
    def __init__(self, categorical_features="from_dtype"):
        self.categorical_features = categorical_features


SIZES = ["small", "large", "small", "medium"]
FRAME = pd.DataFrame(
    {
        "length": [1.5, 2.5, 3.5, 4.5],
        "size": pd.Categorical(SIZES, categories=["small", "medium", "large"], ordered=True),
        "count": [1, 2, 3, 4],
    }
)
POLARS = pl.DataFrame(
    {"length": [1.5, 2.5, 3.5, 4.5], "size": pl.Series(SIZES, dtype=pl.Categorical), "count": [1, 2, 3, 4]}
)
ROWS = [[1.5, "small", 1], [2.5, "large", 2], [3.5, "small", 3], [4.5, "medium", 4]]


def test_categorical_columns_of_pandas_keep_their_declared_order():
    schema, encoded = fit_table(Thing(), FRAME)
    assert schema.is_categorical.tolist() == [False, True, False]
    assert schema.categories[0] is schema.categories[2] is None
    assert schema.categories[1].tolist() == ["small", "medium", "large"]
    assert schema.n_categories.tolist() == [3]
    assert encoded.dtype == np.float64
    np.testing.assert_array_equal(encoded, [[1.5, 0, 1], [2.5, 2, 2], [3.5, 0, 3], [4.5, 1, 4]])


def test_categorical_columns_of_polars_are_sorted():
    schema, encoded = fit_table(Thing(), POLARS)
    assert schema.categories[1].tolist() == ["large", "medium", "small"]
    np.testing.assert_array_equal(encoded[:, 1], [2, 0, 2, 1])
    enum = POLARS.with_columns(pl.col("size").cast(pl.Enum(["small", "medium", "large"])))
    assert fit_table(Thing(), enum)[0].is_categorical.tolist() == [False, True, False]


@pytest.mark.parametrize(
    "columns", [["size"], [1], [-2], [False, True, False], np.array([False, True, False])], ids=str
)
def test_columns_may_be_named(columns):
    plain = FRAME.astype({"size": object})
    schema, encoded = fit_table(Thing(), plain, columns)
    assert schema.is_categorical.tolist() == [False, True, False]
    np.testing.assert_array_equal(encoded[:, 1], [2, 0, 2, 1])


@pytest.mark.parametrize("container", [list, lambda rows: np.array(rows, dtype=object)], ids=["list", "array"])
def test_columns_of_arrays_may_be_named(container):
    schema, encoded = fit_table(Thing(), container(ROWS), [1])
    assert schema.categories[1].tolist() == ["large", "medium", "small"]
    np.testing.assert_array_equal(encoded, [[1.5, 2, 1], [2.5, 0, 2], [3.5, 2, 3], [4.5, 1, 4]])


def test_numbers_may_be_categories():
    numbers = np.array([[5.0, 10], [5, 30], [6, 10]])
    schema, encoded = fit_table(Thing(), numbers, [1])
    assert schema.categories[1].tolist() == [10, 30]
    np.testing.assert_array_equal(encoded, [[5, 0], [5, 1], [6, 0]])
    np.testing.assert_array_equal(encode_table(Thing(), numbers[::-1].tolist(), schema), [[6, 0], [5, 1], [5, 0]])


def test_categories_of_several_types_have_an_order_of_their_own():
    mixed = np.array([["b", 1.0], [3, 2.0], ["a", 3.0], [1, 4.0]], dtype=object)
    schema, encoded = fit_table(Thing(), mixed, [0])
    assert schema.categories[0].tolist() == [1, 3, "a", "b"]
    assert encoded[:, 0].tolist() == [3, 1, 2, 0]


@pytest.mark.parametrize(
    "data", [np.ones((3, 2)), [[1, 2], [3, 4]], torch.ones(3, 2), FRAME[["length", "count"]]], ids=type
)
def test_a_table_of_numbers_alone(data):
    thing = Thing()
    schema, encoded = fit_table(thing, data)
    assert not schema.is_categorical.any()
    assert schema.n_categories.tolist() == []
    np.testing.assert_array_equal(encoded, np.asarray(data))
    np.testing.assert_array_equal(encode_table(thing, data, schema), np.asarray(data))


def test_none_takes_no_column_for_categorical():
    with pytest.raises(ValueError, match="row 0, column 'size'"):
        fit_table(Thing(), FRAME, None)
    assert not fit_table(Thing(), FRAME[["length", "count"]], None)[0].is_categorical.any()


def test_types_of_numbers():
    narrow = FRAME.astype({"length": np.float32, "count": np.float32})
    assert fit_table(Thing(), narrow)[1].dtype == np.float32
    with skdl.config_context(dtype="float32"):
        assert fit_table(Thing(), FRAME)[1].dtype == np.float32
    assert fit_table(Thing(), FRAME[["size"]])[1].dtype == np.float64


def test_columns_are_recorded_and_compared():
    thing = Thing()
    schema, _ = fit_table(thing, FRAME)
    assert thing.feature_names_in_.tolist() == ["length", "size", "count"]
    assert thing.n_features_in_ == 3
    with pytest.raises(ValueError, match=r"feature names should match(.|\n)*X\[list\(estimator"):
        encode_table(thing, FRAME[["size", "length", "count"]], schema)
    thing = Thing()
    schema, _ = fit_table(thing, ROWS, [1])
    with pytest.raises(ValueError, match="X has 2 features, but Thing is expecting 3 features"):
        encode_table(thing, [row[:2] for row in ROWS], schema)


def test_new_tables_are_encoded_by_the_old_categories():
    thing = Thing()
    schema, _ = fit_table(thing, FRAME)
    new = pd.DataFrame({"length": [9.0, 8.0], "size": ["large", "huge"], "count": [1, 2]})
    np.testing.assert_array_equal(encode_table(thing, new, schema), [[9, 2, 1], [8, -1, 2]])
    as_category = new.astype({"size": "category"})
    np.testing.assert_array_equal(encode_table(thing, as_category, schema), [[9, 2, 1], [8, -1, 2]])


def test_missing_values():
    missing = FRAME.copy()
    missing.loc[1, "size"] = np.nan
    missing.loc[2, "length"] = np.nan
    thing = Thing()
    schema, encoded = fit_table(thing, missing, allow_nan=True)
    np.testing.assert_array_equal(encoded, [[1.5, 0, 1], [2.5, np.nan, 2], [np.nan, 0, 3], [4.5, 1, 4]])
    np.testing.assert_array_equal(encode_table(thing, missing, schema, allow_nan=True), encoded)
    told = "row 2, column 'length'"
    with pytest.raises(ValueError, match=told):
        fit_table(Thing(), missing)
    missing.loc[2, "length"] = 0.0
    with pytest.raises(
        ValueError, match=r"Input X contains NaN: row 1 of the categorical column 'size' is missing\. Fill"
    ):
        fit_table(Thing(), missing)
    with pytest.raises(ValueError, match="row 1 of the categorical column 'size' is missing"):
        encode_table(thing, missing, schema)


@pytest.mark.parametrize("none", [None, np.nan, pd.NA])
def test_every_kind_of_missing_category(none):
    rows = np.array([["a", 1.0], [none, 2.0]], dtype=object)
    schema, encoded = fit_table(Thing(), rows, [0], allow_nan=True)
    assert schema.categories[0].tolist() == ["a"]
    np.testing.assert_array_equal(encoded, [[0, 1], [np.nan, 2]])


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ("all", "categorical_features must be 'from_dtype', None or an array-like, got 'all'."),
        (["colour"], "names 'colour', which is no column of X; the columns are ['length', 'size', 'count']."),
        ([3], "categorical_features names column 3, but X has 3 columns."),
        ([-4], "categorical_features names column -4, but X has 3 columns."),
        ([True, False], "categorical_features is a mask of 2 columns, but X has 3."),
    ],
)
def test_columns_that_are_not_there(columns, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        fit_table(Thing(), FRAME, columns)


def test_words_in_a_numeric_column_beside_a_categorical_one():
    spoilt = FRAME.astype({"count": object})
    spoilt.loc[2, "count"] = "three"
    with pytest.raises(ValueError, match=r"row 2, column 'count' \('three'\)(.|\n)*dtype 'category'"):
        fit_table(Thing(), spoilt)
    rows = [list(row) for row in ROWS]
    rows[3][2] = "four"
    with pytest.raises(ValueError, match=r"row 3, column 2 \('four'\)"):
        fit_table(Thing(), rows, [1])


@pytest.mark.parametrize("data", [FRAME.iloc[:0], FRAME[["size"]].iloc[:0]], ids=["mixed", "categorical"])
def test_no_rows(data):
    with pytest.raises(ValueError, match=r"0 sample\(s\)"):
        fit_table(Thing(), data)


def test_rows_of_unequal_length():
    with pytest.raises(ValueError, match="inhomogeneous"):
        fit_table(Thing(), [[1, "a"], [2]], [1])


def test_a_schema_can_be_pickled():
    thing = Thing()
    schema, encoded = fit_table(thing, FRAME)
    again = pickle.loads(pickle.dumps(schema))
    np.testing.assert_array_equal(encode_table(thing, FRAME, again), encoded)
