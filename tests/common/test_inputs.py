"""The same numbers give the same outputs, in whatever container and dtype they come."""

from functools import cache

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse as sp
import torch

from tests.common.table import KNOWN, for_each_row
from tests.common.tools import COLUMNS, assert_same_outputs, fitted_outputs, outputs, samples


def _read_only(X):
    X = X.copy()
    X.flags.writeable = False
    return X


def _non_contiguous(X):
    return np.repeat(np.repeat(X, 2, axis=0), 3, axis=1)[::2, ::3]


_SAME_BITS = {
    "list": np.ndarray.tolist,
    "int64": lambda X: X.astype(np.int64),
    "int32": lambda X: X.astype(np.int32),
    "uint8": lambda X: X.astype(np.uint8),
    "fortran": np.asfortranarray,
    "read-only": _read_only,
    "non-contiguous": _non_contiguous,
    "reversed": lambda X: X[::-1, ::-1].copy()[::-1, ::-1],
    "big-endian": lambda X: X.astype(">f8"),
    "pandas": lambda X: pd.DataFrame(X, columns=COLUMNS),
    "pandas-int": lambda X: pd.DataFrame(X.astype(np.int16), columns=COLUMNS),
    "pandas-nullable": lambda X: pd.DataFrame(X, columns=COLUMNS).astype("Float64"),
    "pandas-mixed": lambda X: pd.DataFrame(X, columns=COLUMNS).astype({"beta": np.int64, "gamma": np.uint8}),
    "pandas-odd-index": lambda X: pd.DataFrame(X, columns=COLUMNS, index=np.arange(len(X))[::-1] * 7),
    "polars": lambda X: pl.DataFrame(dict(zip(COLUMNS, X.T, strict=True))),
    "polars-int": lambda X: pl.DataFrame(dict(zip(COLUMNS, X.T.astype(np.int32), strict=True))),
    "tensor": lambda X: torch.tensor(X),
    "tensor-int": lambda X: torch.tensor(X.astype(np.int64)),
    "tensor-with-grad": lambda X: torch.tensor(X, requires_grad=True),
    "tensor-transposed": lambda X: torch.tensor(X.T.copy()).T,
}
_FLOAT32 = {
    "float32": lambda X: X.astype(np.float32),
    "float32-fortran": lambda X: np.asfortranarray(X, dtype=np.float32),
    "float16": lambda X: X.astype(np.float16),
    "pandas-float32": lambda X: pd.DataFrame(X.astype(np.float32), columns=COLUMNS),
    "polars-float32": lambda X: pl.DataFrame(dict(zip(COLUMNS, X.T.astype(np.float32), strict=True))),
    "tensor-float32": lambda X: torch.tensor(X, dtype=torch.float32),
    "tensor-bfloat16": lambda X: torch.tensor(X, dtype=torch.bfloat16),
}


@cache
def _of_an_array(name: str):
    """What the estimator of a row says of a plain array, learnt once for all containers."""
    row = next(row for row in KNOWN if row.name == name)
    return fitted_outputs(row, *samples(row, whole=True))


@for_each_row()
@pytest.mark.parametrize("container", _SAME_BITS)
def test_containers(row, container):
    X, y = samples(row, whole=True)
    assert_same_outputs(fitted_outputs(row, _SAME_BITS[container](X), y), _of_an_array(row.name), row.rounding)


@for_each_row()
@pytest.mark.parametrize("container", _FLOAT32)
def test_float32(row, container):
    X, y = samples(row, whole=True)
    assert_same_outputs(fitted_outputs(row, _FLOAT32[container](X), y), _of_an_array(row.name), row.rounding_float32)


@for_each_row()
@pytest.mark.parametrize("fitted_on", ["array", "tensor"])
def test_fit_and_predict_may_take_different_containers(row, fitted_on):
    X, y = samples(row, whole=True)
    estimator = row.make().fit(X if fitted_on == "array" else torch.tensor(X), y)
    expected = outputs(estimator, X)
    for other in (torch.tensor(X), X.tolist(), np.asfortranarray(X)):
        assert_same_outputs(outputs(estimator, other), expected, row.rounding)


@for_each_row()
@pytest.mark.parametrize("container", ["pandas", "polars"])
def test_a_frame_gives_its_column_names(row, container):
    X, y = samples(row, whole=True)
    estimator = row.make().fit(_SAME_BITS[container](X), y)
    np.testing.assert_array_equal(estimator.feature_names_in_, COLUMNS)
    assert estimator.n_features_in_ == len(COLUMNS)


@for_each_row(lambda row: row.tags.input_tags.sparse)
@pytest.mark.parametrize("make_sparse", [sp.csr_array, sp.csc_array, sp.coo_array, sp.csr_matrix])
def test_sparse_says_what_dense_says(row, make_sparse):
    X, y = samples(row, whole=True)
    X = X * (X - np.median(X) > 0)
    expected = fitted_outputs(row, X, y)
    assert_same_outputs(fitted_outputs(row, make_sparse(X), y), expected, row.rounding_float32)


@for_each_row(lambda row: row.kind == "regressor")
@pytest.mark.parametrize(
    "container",
    [np.ndarray.tolist, pd.Series, lambda y: pl.Series("target", y), torch.tensor, lambda y: y.astype(np.float32)],
    ids=["list", "pandas", "polars", "tensor", "float32"],
)
def test_targets_of_regression(row, container):
    X, y = samples(row, whole=True)
    y = np.round(4 * y) / 4  # the same in float32
    assert_same_outputs(fitted_outputs(row, X, container(y)), fitted_outputs(row, X, y), row.rounding_float32)


@for_each_row(lambda row: row.takes_weights)
@pytest.mark.parametrize(
    "container",
    [np.ndarray.tolist, pd.Series, lambda w: pl.Series("weight", w), torch.tensor, lambda w: w.astype(np.float32)],
    ids=["list", "pandas", "polars", "tensor", "float32"],
)
def test_containers_of_weights(row, container):
    X, y = samples(row, whole=True)
    weight = np.tile([1.0, 0.5, 2.0], 20)
    expected = fitted_outputs(row, X, y, sample_weight=weight)
    assert_same_outputs(fitted_outputs(row, X, y, sample_weight=container(weight)), expected, row.rounding)
