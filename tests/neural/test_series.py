"""The forms that series come in, and what is refused."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch

from skdl.neural import RNNClassifier
from skdl.neural._series import read_series

RNG = np.random.default_rng(0)
LENGTHS = [3, 1, 5, 4]
SERIES = [RNG.normal(size=(length, 2)) for length in LENGTHS]


def padded(series, width, fill=np.nan):
    out = np.full((len(series), width, *series[0].shape[1:]), fill)
    for row, item in enumerate(series):
        out[row, : len(item)] = item
    return out


def nested(series):
    columns = {f"c{channel}": [pd.Series(item[:, channel]) for item in series] for channel in range(2)}
    return pd.DataFrame(columns)


def objects(series):
    out = np.empty(len(series), dtype=object)
    out[:] = series
    return out


@pytest.mark.parametrize(
    ("X", "layout"),
    [
        (SERIES, "time_first"),
        ([item.T for item in SERIES], "channel_first"),
        ([item.tolist() for item in SERIES], "time_first"),
        ([torch.from_numpy(item) for item in SERIES], "time_first"),
        (tuple(SERIES), "time_first"),
        (objects(SERIES), "time_first"),
        (pd.Series(SERIES), "time_first"),
        (padded(SERIES, 5), "time_first"),
        (padded(SERIES, 9), "time_first"),
        (padded(SERIES, 9).tolist(), "time_first"),
        (torch.from_numpy(padded(SERIES, 6)), "time_first"),
        (np.moveaxis(padded(SERIES, 7), 1, 2), "channel_first"),
        (nested(SERIES), "time_first"),
        (nested(SERIES), "channel_first"),
        ([padded([item], 8)[0] for item in SERIES], "time_first"),
    ],
)
def test_all_forms_of_the_same_series_are_one(X, layout):
    read = read_series(RNNClassifier(), X, reset=True, layout=layout)
    np.testing.assert_array_equal(read.lengths, LENGTHS)
    np.testing.assert_array_equal(read.values, padded(SERIES, 5, fill=0.0))


@pytest.mark.parametrize(
    "make",
    [
        np.asarray,
        np.ndarray.tolist,
        pd.DataFrame,
        lambda X: pl.DataFrame(X),
        torch.from_numpy,
        lambda X: [row[~np.isnan(row)] for row in X],
        lambda X: [row[~np.isnan(row)].tolist() for row in X],
        lambda X: X[:, :, None],
    ],
)
def test_forms_of_one_channel(make):
    X = np.array([[1.0, 2.0, np.nan], [3.0, np.nan, np.nan], [4.0, 5.0, 6.0]])
    read = read_series(RNNClassifier(), make(X), reset=True)
    np.testing.assert_array_equal(read.lengths, [2, 1, 3])
    np.testing.assert_array_equal(read.values[:, :, 0], np.nan_to_num(X))


@pytest.mark.parametrize(
    ("dtypes", "expected"),
    [([np.float32, np.float32], np.float32), ([np.float32, float], np.float64), ([int, np.float32], np.float64)],
)
def test_single_precision_is_kept(dtypes, expected):
    X = [np.arange(3 + i).astype(dtype) for i, dtype in enumerate(dtypes)]
    assert read_series(RNNClassifier(), X, reset=True).values.dtype == expected


def test_flat_rows_and_back():
    read = read_series(RNNClassifier(), SERIES, reset=True)
    back = read.from_flat(read.flat()[[2, 0]], 2)
    np.testing.assert_array_equal(back.values, read.values[[2, 0]])
    np.testing.assert_array_equal(back.lengths, read.lengths[[2, 0]])


def test_a_table_keeps_its_width_and_other_forms_need_not():
    y = [0, 1, 0, 1]
    table = RNG.normal(size=(4, 5))
    model = RNNClassifier(max_epochs=1, random_state=0).fit(pd.DataFrame(table, columns=list("abcde")), y)
    assert (model.n_features_in_, list(model.feature_names_in_), model.n_channels_) == (5, list("abcde"), 1)
    with (
        pytest.warns(UserWarning, match="feature names"),
        pytest.raises(ValueError, match="X has 4 features, but RNNClassifier is expecting 5 features"),
    ):
        model.predict(table[:, :4])
    assert model.predict([np.zeros(2), np.zeros(11)]).shape == (2,)
    assert model.predict(table[:, :, None]).shape == (4,)
    model.fit([row[: i + 2] for i, row in enumerate(table)], y)
    assert not hasattr(model, "n_features_in_")
    assert not hasattr(model, "feature_names_in_")
    assert model.predict(table).shape == (4,)


GAP = padded(SERIES, 5)
GAP[3, 2, 1] = np.nan
HOLE = np.ones((4, 6))
HOLE[2, 3:5] = np.nan


@pytest.mark.parametrize(
    ("X", "settings", "message"),
    [
        (GAP, {}, r"contains NaN.*X\[3\], step 2, channel 1\. Fill it or drop"),
        (np.where(np.isnan(GAP), np.inf, GAP), {}, r"contains infinity.*X\[0\], step 3, channel 0"),
        (HOLE, {}, r"contains NaN.*row 2, column 3 \(nan\).*SimpleImputer"),
        (pd.DataFrame(HOLE, columns=list("abcdef")), {}, "row 2, column 'd'"),
        (
            np.where(np.arange(4)[:, None] == 1, np.nan, HOLE),
            {},
            r"X\[1\] holds no step at all, only NaN: drop the row",
        ),
        ([np.ones(3), np.ones(0), np.ones(2), np.ones(1)], {}, r"X\[1\] is no series of numbers: Found array with 0"),
        (
            [np.ones(3), np.ones((2, 2, 2)), 1, 1],
            {},
            r"X\[1\] has the shape \(2, 2, 2\); a series has one axis, or two",
        ),
        ([np.ones((3, 2)), np.ones((2, 3)), 1, 1], {}, r"X\[1\] has 3 channels, but X\[0\] has 2.*the second axis"),
        ([np.ones((3, 2)), np.ones((2, 2)), 1, 1], {"layout": "channel_first"}, r"X\[1\] has 2 channels.*first axis"),
        ([np.ones(3), np.array(["a", "b"]), 1, 1], {}, r"X\[1\] is no series of numbers: .*could not convert"),
        (np.ones((4, 0, 2)), {}, r"X has the shape \(4, 0, 2\): there must be a series, a step and a channel"),
        ([np.ones(3)], {}, r"1 sample\(s\) while a minimum of 2 is required by RNNClassifier"),
        (np.ones((4, 5)), {"layout": "last"}, "layout of RNNClassifier must be one of 'time_first', 'channel_first'"),
        (["a", "b", "a", "b"], {}, "X holds strings.*set tokenizer='word'"),
        (pd.Series(["a", "b", "a", "b"]), {}, "X holds strings.*set tokenizer='word'"),
        (np.ones(4), {}, "Expected 2D array, got 1D array"),
    ],
)
def test_bad_input(X, settings, message):
    with pytest.raises(ValueError, match=f"(?s){message}"):
        RNNClassifier(**settings).fit(X, [0, 1, 0, 1][: len(X)])


def test_channels_of_unequal_lengths():
    frame = nested(SERIES)
    frame.iloc[2, 1] = pd.Series([1.0, 2.0])
    with pytest.raises(ValueError, match=r"channels of X.iloc\[2\] have \[5, 2\] steps"):
        RNNClassifier().fit(frame, [0, 1, 0, 1])


def test_another_number_of_channels():
    model = RNNClassifier(max_epochs=1, random_state=0).fit(SERIES, [0, 1, 0, 1])
    with pytest.raises(
        ValueError, match=r"series of 3 channels, but RNNClassifier is expecting 2.*layout='time_first'"
    ):
        model.predict(np.ones((4, 2, 3)))
