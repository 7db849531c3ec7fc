"""Validation: what is taken, what comes out, and every word of what is refused."""

import re

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse as sp
import torch

import skdl
from skdl.base import Estimator
from skdl.utils import (
    class_weights,
    encode_classes,
    explained,
    float_dtypes,
    to_host,
    validate_sample_weight,
    validate_X,
    validate_X_y,
    validate_y,
)


class Thing(Estimator):
    """An estimator that validates and does nothing else."""


class TableThing(Estimator):
    """One that knows categories."""

    def __init__(self, categorical_features=None):
        self.categorical_features = categorical_features


X = np.arange(12.0).reshape(4, 3)
FRAME = pd.DataFrame(X, columns=["a", "b", "c"])


def _spoilt(value, row=2, column=1):
    spoilt = X.astype(type(value)) if isinstance(value, complex) else X.astype(object)
    spoilt[row, column] = value
    return spoilt


@pytest.mark.parametrize(
    ("data", "dtype"),
    [
        (torch.arange(3), np.int64),
        (torch.arange(3, dtype=torch.float32), np.float32),
        (torch.arange(3, dtype=torch.bfloat16), np.float32),
        (torch.arange(3, dtype=torch.float16), np.float16),
        (torch.arange(3.0, requires_grad=True), np.float32),
        (pl.Series("s", [0, 1, 2]), np.int64),
    ],
)
def test_to_host_gives_arrays(data, dtype):
    array = to_host(data)
    assert type(array) is np.ndarray
    assert array.dtype == dtype
    assert array.tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    "data", [X, [1, 2], FRAME, pl.DataFrame(FRAME.to_dict("list")), None, sp.csr_array(X)], ids=type
)
def test_to_host_leaves_all_else_alone(data):
    assert to_host(data) is data


@pytest.mark.gpu
def test_to_host_fetches_from_a_gpu():
    assert to_host(torch.arange(3, device="cuda")).tolist() == [0, 1, 2]


def test_float_dtypes_follow_the_setting():
    assert float_dtypes() == (np.float64, np.float32)
    with skdl.config_context(dtype="float32"):
        assert float_dtypes() == np.float32
        assert validate_X(Thing(), X, reset=True).dtype == np.float32
    with skdl.config_context(dtype="float64"):
        assert validate_X(Thing(), X.astype(np.float32), reset=True).dtype == np.float64


@pytest.mark.parametrize(("given", "kept"), [("f4", "f4"), ("f8", "f8"), ("i4", "f8"), ("u1", "f8"), ("?", "f8")])
def test_floats_stay_as_they_are_and_all_else_is_float64(given, kept):
    assert validate_X(Thing(), X.astype(given), reset=True).dtype == np.dtype(kept)


def test_a_dtype_may_be_asked_for():
    assert validate_X(Thing(), X, reset=True, dtype=np.float32).dtype == np.float32
    assert validate_X_y(Thing(), X, [0, 1, 0, 1], dtype=np.float32)[0].dtype == np.float32


def test_columns_are_recorded_and_compared():
    thing = Thing()
    validate_X(thing, FRAME, reset=True)
    assert thing.n_features_in_ == 3
    assert thing.feature_names_in_.tolist() == ["a", "b", "c"]
    np.testing.assert_array_equal(validate_X(thing, FRAME), X)
    with pytest.raises(ValueError, match=r"feature names should match(.|\n)*X\[list\(estimator\.feature_names_in_\)\]"):
        validate_X(thing, FRAME[["c", "b", "a"]])


def test_x_and_y_together():
    features, target = validate_X_y(Thing(), torch.tensor(X), torch.tensor([1, 2, 3, 4]))
    assert type(features) is type(target) is np.ndarray
    _, target = validate_X_y(Thing(), X, X[:, :2], multi_output=True)
    assert target.shape == (4, 2)
    _, target = validate_X_y(Thing(), X, np.array([1, 2, 3, 4], dtype=object), y_numeric=True)
    assert target.dtype == np.float64


def test_y_alone_leaves_the_estimator_alone():
    thing = Thing()
    validate_X(thing, FRAME, reset=True)
    assert validate_y(thing, torch.tensor([1, 2])).tolist() == [1, 2]
    assert validate_y(thing, X[:, :2], multi_output=True).shape == (4, 2)
    assert validate_y(thing, np.array([1, 2], dtype=object), y_numeric=True).dtype == np.float64
    assert thing.feature_names_in_.tolist() == ["a", "b", "c"]
    with pytest.raises(ValueError, match=r"y contains NaN(.|\n)*The first one is at y\[1\]: drop or fill the rows"):
        validate_y(thing, [1.0, np.nan])


def _message(call) -> str:
    with pytest.raises((ValueError, TypeError)) as caught:
        call()
    return str(caught.value)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize(
    ("container", "place"),
    [
        (lambda bad: bad, "row 2, column 1"),
        (lambda bad: bad.tolist(), "row 2, column 1"),
        (lambda bad: torch.tensor(bad), "row 2, column 1"),
        (lambda bad: pd.DataFrame(bad, columns=list("abc")), "row 2, column 'b'"),
        (lambda bad: pd.DataFrame(bad), "row 2, column 1"),
        (lambda bad: pd.DataFrame(bad, columns=list("abc"), index=[9, 8, 7, 6]), "row 2, column 'b'"),
        (lambda bad: pl.DataFrame(dict(zip("abc", bad.T, strict=True))), "row 2, column 'b'"),
    ],
    ids=["array", "list", "tensor", "frame", "unnamed-frame", "indexed-frame", "polars"],
)
def test_the_place_of_what_is_not_finite(value, container, place):
    bad = X.copy()
    bad[2, 1] = value
    message = _message(lambda: validate_X(Thing(), container(bad), reset=True))
    assert f"The first one is in {place} ({value!r})" in message
    assert "sklearn.impute.SimpleImputer" in message
    assert "or drop the row" in message


def test_the_place_in_a_sparse_matrix():
    bad = X.copy()
    bad[2, 1] = np.nan
    message = _message(lambda: validate_X(Thing(), sp.csr_array(bad), reset=True, accept_sparse=True))
    assert "The first one is in row 2, column 1 (nan)" in message


def test_a_missing_value_of_pandas_is_placed_too():
    bad = FRAME.astype("Float64")
    bad.iloc[2, 1] = pd.NA
    assert "row 2, column 'b'" in _message(lambda: validate_X(Thing(), bad, reset=True))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_the_place_in_y(value):
    message = _message(lambda: validate_X_y(Thing(), X, [0.0, 1.0, value, 0.0]))
    assert "The first one is at y[2]: drop or fill the rows without a usable target." in message


def test_the_place_of_a_word():
    message = _message(lambda: validate_X(Thing(), FRAME.astype({"b": object}).replace(7.0, "seven"), reset=True))
    assert "It stands in row 2, column 'b' ('seven'): Thing takes numbers here; encode the column" in message
    assert "OneHotEncoder or OrdinalEncoder" in message
    message = _message(lambda: validate_X(TableThing(), _spoilt("seven"), reset=True))
    assert "row 2, column 1 ('seven')" in message
    assert "turn the column into dtype 'category', or name it in categorical_features, or drop it." in message


def test_the_remedy_for_another_number_of_columns():
    thing = Thing()
    validate_X(thing, X, reset=True)
    assert "Pass the 3 columns that fit saw, in their order." in _message(lambda: validate_X(thing, X[:, :2]))
    wide = pd.DataFrame(np.zeros((2, 12)), columns=[f"c{i}" for i in range(12)])
    validate_X(thing, wide, reset=True)
    with pytest.warns(UserWarning, match="valid feature names"):
        message = _message(lambda: validate_X(thing, X))
    assert "Pass the 12 columns that fit saw (c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, ...), in their order." in message


def test_the_remedy_for_rows_that_do_not_match():
    message = _message(lambda: validate_X_y(Thing(), X, [0, 1, 0]))
    assert "inconsistent numbers of samples: [4, 3]" in message
    assert "X and y must have one row for each sample: check how they were cut or filtered." in message


def test_the_remedy_for_sparse_data():
    message = _message(lambda: validate_X(Thing(), sp.csr_array(X), reset=True))
    assert "Thing takes dense data only: X.toarray() makes it dense where memory allows." in message


def test_the_remedy_for_no_rows():
    message = _message(lambda: validate_X(Thing(), X[:0], reset=True))
    assert "0 sample(s)" in message
    assert "There must be a row at least: check how X was read, cut or filtered." in message


def test_a_message_without_a_remedy_passes_through():
    with pytest.raises(ValueError, match=r"^nothing known$"), explained(Thing(), X):
        raise ValueError("nothing known")
    with pytest.raises(KeyError), explained(Thing(), X):
        raise KeyError


def test_a_place_that_cannot_be_found_is_not_made_up():
    with pytest.raises(ValueError, match=r"^Input X contains NaN$"), explained(Thing(), X):
        raise ValueError("Input X contains NaN")
    with pytest.raises(ValueError, match=r"^could not convert string to float$"), explained(Thing(), X):
        raise ValueError("could not convert string to float")


def test_the_kind_of_error_stays():
    with pytest.raises(TypeError, match="dense data only"), explained(Thing(), sp.csr_array(X)):
        raise TypeError("Sparse data was passed")


@pytest.mark.parametrize(
    "weight",
    [[1, 2, 0], (1.0, 2.0, 0.0), torch.tensor([1, 2, 0]), pd.Series([1, 2, 0]), pl.Series([1, 2, 0])],
    ids=type,
)
def test_weights_are_writable_float64(weight):
    checked = validate_sample_weight(weight, 3)
    assert checked.dtype == np.float64
    assert checked.flags.writeable
    assert checked.tolist() == [1, 2, 0]


def test_weights_that_need_no_array():
    assert validate_sample_weight(None, 3) is None
    assert validate_sample_weight(2, 3).tolist() == [2, 2, 2]


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        ([[1, 1, 1]], "Sample weights must be 1D array or scalar, got 2D array of shape (1, 3)."),
        ([1, 1], "sample_weight.shape == (2,), expected (3,): one weight for each row of X."),
        ([1, -2, -1], "sample_weight[1] is -2.0 (2 such weights in all); weights must be finite and not negative."),
        ([1, 1, np.nan], "sample_weight[2] is nan (1 such weights in all)"),
        ([np.inf, 1, 1], "sample_weight[0] is inf"),
        ([0, 0, 0], "Sample weights must contain at least one non-zero number."),
        (0, "Sample weights must contain at least one non-zero number."),
        (-1, "sample_weight[0] is -1.0 (3 such weights in all)"),
    ],
)
def test_weights_that_are_refused(weight, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        validate_sample_weight(weight, 3)


@pytest.mark.parametrize(
    ("y", "classes"),
    [
        (["b", "a", "b"], ["a", "b"]),
        (np.array(["b", "a", "b"], dtype=object), ["a", "b"]),
        ([True, False, True], [False, True]),
        (np.array([7, 3, 7], dtype=np.uint8), [3, 7]),
        ([1.0, -1.0, 1.0], [-1.0, 1.0]),
        (pd.Series(["b", "a", "b"], dtype="category"), ["a", "b"]),
    ],
)
def test_classes_are_sorted_and_codes_point_into_them(y, classes):
    found, codes = encode_classes(y, owner="Thing")
    assert found.tolist() == classes
    assert codes.tolist() == [1, 0, 1]
    assert codes.dtype == np.int64


def test_a_column_of_labels_is_flattened_with_a_warning():
    with pytest.warns(UserWarning, match="column-vector"):
        _, codes = encode_classes(np.array([[1], [0]]), owner="Thing")
    assert codes.tolist() == [1, 0]


def test_labels_that_are_refused():
    with pytest.raises(ValueError, match="Unknown label type: continuous"):
        encode_classes([0.5, 1.25], owner="Thing")
    with pytest.raises(ValueError, match=r"y mixes labels of the types \['int', 'str'\].*y\.astype\(str\)"):
        encode_classes(np.array(["a", 1], dtype=object), owner="Thing")
    with pytest.raises(
        ValueError, match=r"Thing needs samples of at least 2 classes .* only one class: 'a'\. Add rows"
    ):
        encode_classes(np.array(["a", "a"], dtype=object), owner="Thing", min_classes=2)


CLASSES, CODES = np.array(["x", "y"]), np.array([0, 0, 0, 1])


@pytest.mark.parametrize(
    ("class_weight", "expected"),
    [(None, [1, 1]), ("balanced", [4 / 6, 2]), ({"x": 3}, [3, 1]), ({"x": 0.5, "y": 0}, [0.5, 0]), ({}, [1, 1])],
)
def test_class_weights(class_weight, expected):
    np.testing.assert_allclose(class_weights(class_weight, CLASSES, CODES), expected)


def test_balanced_class_weights_count_weights_and_not_rows():
    weights = class_weights("balanced", CLASSES, CODES, np.array([1.0, 0, 0, 1]))
    np.testing.assert_allclose(weights, [1, 1])
    np.testing.assert_allclose(class_weights("balanced", CLASSES, CODES, np.array([1.0, 1, 0, 0])), [0.5, 0])


@pytest.mark.parametrize(
    ("class_weight", "message"),
    [
        ("even", "class_weight must be None, 'balanced' or a dict, got 'even'."),
        ({"z": 1}, "class_weight names the classes ['z'], which y does not hold; its classes are ['x', 'y']."),
        ({"x": -1}, "class_weight must hold finite weights that are not negative, got {'x': -1}."),
        ({"x": np.nan}, "class_weight must hold finite weights"),
    ],
)
def test_class_weights_that_are_refused(class_weight, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        class_weights(class_weight, CLASSES, CODES)


# scikit-learn converts to float32 before it looks for infinities, and NumPy warns of what becomes one.
@pytest.mark.filterwarnings("ignore:overflow encountered in cast:RuntimeWarning")
@pytest.mark.parametrize(
    ("holes", "dtype", "named"),
    [
        ({(1, 0): np.nan, (2, 1): np.inf}, None, r"row 2, column 1 \(inf\)"),  # a gap is allowed here, infinity is not
        ({(1, 0): np.nan, (3, 2): 1e300}, np.float32, r"row 3, column 2 \(1e\+300\)"),
    ],
)
def test_infinity_is_found_among_gaps(holes, dtype, named):
    spoilt = X.copy()
    for place, value in holes.items():
        spoilt[place] = value
    with pytest.raises(ValueError, match=rf"contains infinity or a value too large(.|\n)*The first one is in {named}"):
        validate_X(Thing(), spoilt, reset=True, dtype=dtype, ensure_all_finite="allow-nan")


@pytest.mark.parametrize("n", [48, 5000])
@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int64, np.uint64])
def test_many_whole_numbered_labels_are_encoded_like_few(dtype, n):
    limits = np.iinfo(dtype)
    for low in (limits.min, limits.max - 11):
        y = (np.random.default_rng(0).integers(0, 6, n) * 2).astype(dtype) + dtype(low)
        classes, codes = encode_classes(y, owner="Thing")
        expected, places = np.unique(y, return_inverse=True)
        np.testing.assert_array_equal(classes, expected)
        np.testing.assert_array_equal(codes, places)
        assert classes.dtype == y.dtype
        assert codes.dtype == np.int64
    with pytest.raises(ValueError, match=r"only one class: np.int64\(3\)"):
        encode_classes(np.full(n, 3), owner="Thing", min_classes=2)


def test_the_place_in_a_sample_of_several_axes():
    X = np.zeros((6, 1, 8, 8))
    X[3, 0, 5, 2] = np.nan
    with pytest.raises(ValueError, match=r"contains NaN(.|\n)*The first one is in row 3, position \(0, 5, 2\) \(nan\)"):
        validate_X(Thing(), X, reset=True, allow_nd=True)


def test_queries_come_in_the_order_that_is_asked_for():
    X = np.arange(12.0).reshape(4, 3)
    thing = Thing()
    validate_X(thing, X, reset=True)
    assert validate_X(thing, X, order="C", accept_sparse="csr") is X
    turned = validate_X(thing, np.asfortranarray(X), order="C", accept_sparse="csr")
    assert turned.flags.c_contiguous
    np.testing.assert_array_equal(turned, X)
    assert validate_X(thing, X, order="F").flags.f_contiguous
    assert sp.issparse(validate_X(thing, sp.csr_array(X), order="C", accept_sparse="csr"))
    with pytest.raises(ValueError, match="contains NaN"):
        validate_X(thing, X * np.nan, order="C")


def test_weights_whose_sums_may_overflow_are_refused():
    np.testing.assert_array_equal(validate_sample_weight([1e150, 0.0], 2), [1e150, 0.0])
    with pytest.raises(ValueError, match=r"sample_weight\[1\] is 1e\+200, .* Divide all weights by a constant"):
        validate_sample_weight([1.0, 1e200], 2)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("order", ["C", "F"])
def test_large_arrays_are_checked_as_small_ones_are(dtype, order):
    large = np.ones((300_000, 4), dtype=dtype, order=order)
    assert validate_X(Thing(), large, reset=True) is large
    thing, y = Thing(), np.zeros(300_000)
    assert validate_X_y(thing, large, y)[0] is large
    assert validate_X(thing, large) is large
    large[:2] = np.finfo(dtype).max  # whose sum overflows
    assert validate_X(thing, large) is large
    for value, word in ((np.nan, "NaN"), (-np.inf, "infinity")):
        large[250_000, 2] = value
        for check in (lambda: validate_X(Thing(), large, reset=True), lambda: validate_X_y(thing, large, y)):
            with pytest.raises(ValueError, match=f"(?s){word}.*row 250000, column 2"):
                check()
    assert validate_X(Thing(), large, reset=True, ensure_all_finite=False) is large
    large[250_000, 2] = 1.0
    large.flags.writeable = False
    assert validate_X(Thing(), large, reset=True) is large
    with pytest.raises(ValueError, match="contains NaN"):
        validate_X_y(thing, large, np.append(y[1:], np.nan), y_numeric=True)
    with skdl.config_context(dtype="float32"), pytest.raises(ValueError, match="contains infinity"):
        validate_X(Thing(), np.full((300_000, 4), 1e300), reset=True)
