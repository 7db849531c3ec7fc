"""Bad input: an error that says what is wrong, where, and what to do."""

import re

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import torch
from sklearn.exceptions import NotFittedError

from skdl.exceptions import DeviceError, InvalidParameterError
from tests.common.table import for_each_row
from tests.common.tools import COLUMNS, METHODS, outputs, samples


def _refused(call, *parts, error=ValueError):
    """Check that ``call`` raises and that its message holds each part, a regular expression, and ends in a sentence."""
    with pytest.raises(error) as caught:
        call()
    message = str(caught.value)
    for part in parts:
        assert re.search(part, message), f"no {part!r} in: {message}"
    return message


def _tried(call):
    """Return what ``call`` gives and no message, or None and the message of its ValueError."""
    try:
        return call(), ""
    except ValueError as error:
        return None, str(error)


def _methods(row):
    estimator = row.make()
    return [method for method in METHODS if hasattr(estimator, method)]


@for_each_row()
@pytest.mark.parametrize(("value", "what"), [(np.nan, "NaN"), (np.inf, "infinity"), (-np.inf, "infinity")])
@pytest.mark.parametrize("framed", [False, True], ids=["array", "frame"])
def test_a_value_that_is_not_finite(row, value, what, framed):
    X, y = samples(row)
    bad = X.copy()
    bad[13, 2] = value
    where = "row 13, column 'gamma'" if framed else "row 13, column 2"
    if framed:
        X, bad = pd.DataFrame(X, columns=COLUMNS), pd.DataFrame(bad, columns=COLUMNS)
    if what == "NaN" and row.tags.input_tags.allow_nan:
        for method, said in outputs(row.make().fit(bad, y), bad).items():
            assert not pd.isna(said).any(), method
        return
    told = ["Input X contains", what, where, "Fill it .*SimpleImputer.* or drop the row"]
    _refused(lambda: row.make().fit(bad, y), *told)
    fitted = row.make().fit(X, y)
    for method in _methods(row):
        _refused(lambda: getattr(fitted, method)(bad), *told)  # noqa: B023, called at once


@for_each_row()
def test_no_rows(row):
    X, y = samples(row)
    nothing = X[:0], None if y is None else y[:0]
    _refused(lambda: row.make().fit(*nothing), r"0 sample\(s\)", row.speaker, "filter|add|Add|check|Check")
    fitted = row.make().fit(X, y)
    for method in _methods(row):
        _refused(lambda: getattr(fitted, method)(X[:0]), r"0 sample\(s\)")  # noqa: B023


@for_each_row()
def test_no_columns(row):
    X, y = samples(row)
    _refused(lambda: row.make().fit(X[:, :0], y), r"0 feature\(s\)", "minimum of 1")


@for_each_row()
def test_one_row(row):
    X, y = samples(row)
    one = X[:1], None if y is None else y[:1]
    said, refusal = _tried(lambda: outputs(row.make().fit(*one), X[:1]))
    if said is None:
        assert re.search(r"\b(1|one|only one) (sample|class|row)|n_samples(_fit)? ?= ?1\b", refusal), refusal
    else:
        for value in said.values():
            assert np.isfinite(np.asarray(value, dtype=float)).all()


@for_each_row(lambda row: row.kind == "classifier")
def test_one_class(row):
    X, y = samples(row)
    y = np.full(len(X), "only")
    estimator, refusal = _tried(lambda: row.make().fit(X, y))
    if estimator is None:
        for part in (row.speaker, "one class", "'only'", "Add rows"):
            assert re.search(part, refusal), refusal
    else:
        assert (estimator.predict(X) == "only").all()
        if hasattr(estimator, "predict_proba"):
            np.testing.assert_array_equal(estimator.predict_proba(X), np.ones((len(X), 1)))


@for_each_row()
def test_one_dimension(row):
    X, y = samples(row)
    _refused(lambda: row.make().fit(X[:, 0], y), "2D array", "reshape")


@for_each_row()
@pytest.mark.parametrize("width", [3, 5])
def test_another_number_of_columns(row, width):
    X, y = samples(row)
    other = np.resize(X, (len(X), width))
    fitted = row.make().fit(X, y)
    framed = row.make().fit(pd.DataFrame(X, columns=COLUMNS), y)
    for method in _methods(row):
        told = (f"X has {width} features", row.speaker, "expecting 4 features", "4 columns that fit saw")
        _refused(lambda: getattr(fitted, method)(other), *told)  # noqa: B023
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        _refused(lambda: getattr(framed, _methods(row)[0])(other), *told, "alpha, beta, gamma, delta")


@for_each_row()
@pytest.mark.parametrize("spoil", [lambda X: X.rename(columns={"beta": "b"}), lambda X: X[COLUMNS[::-1]]])
def test_columns_renamed_or_in_another_order(row, spoil):
    X, y = samples(row)
    X = pd.DataFrame(X, columns=COLUMNS)
    fitted = row.make().fit(X, y)
    for method in _methods(row):
        told = ("feature names should match", r"X\[list\(estimator.feature_names_in_\)\]")
        _refused(lambda: getattr(fitted, method)(spoil(X)), *told)  # noqa: B023


@for_each_row()
def test_words_among_the_numbers(row):
    X, y = samples(row)
    X = pd.DataFrame(X, columns=COLUMNS)
    words = X.astype({"delta": object})
    words.loc[5, "delta"] = "many"
    told = ["'many'", "row 5, column 'delta'", row.speaker, "OneHotEncoder|category"]
    _refused(lambda: row.make().fit(words, y), *told)
    fitted = row.make().fit(X, y)
    for method in _methods(row):
        _refused(lambda: getattr(fitted, method)(words), *told[:3])  # noqa: B023


@for_each_row(lambda row: not row.tags.input_tags.sparse)
def test_sparse_where_it_is_not_taken(row):
    X, y = samples(row)
    told = ("[Ss]parse", row.speaker, r"X\.toarray\(\)")
    _refused(lambda: row.make().fit(sp.csr_array(X), y), *told, error=TypeError)
    fitted = row.make().fit(X, y)
    for method in _methods(row):
        _refused(lambda: getattr(fitted, method)(sp.csr_array(X)), *told, error=TypeError)  # noqa: B023


@for_each_row(lambda row: row.supervised)
def test_a_target_of_another_length(row):
    X, y = samples(row)
    told = ("inconsistent numbers of samples", "60.*57", "one row for each sample")
    _refused(lambda: row.make().fit(X, y[:-3]), *told)
    _refused(lambda: row.make().fit(pd.DataFrame(X, columns=COLUMNS), pd.Series(y[:-3])), *told)


@for_each_row(lambda row: row.supervised)
def test_no_target(row):
    X, _ = samples(row)
    _refused(lambda: row.make().fit(X, None), row.speaker, "requires y to be passed")


@for_each_row(lambda row: row.kind == "regressor")
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_target_that_is_not_finite(row, value):
    X, y = samples(row)
    y = np.where(np.arange(len(X)) == 21, value, y)
    _refused(lambda: row.make().fit(X, y), "Input y contains", r"y\[21\]", "drop or fill")


@for_each_row(lambda row: row.kind == "classifier")
def test_labels_that_are_missing_mixed_or_measured(row):
    X, y = samples(row)
    _refused(lambda: row.make().fit(X, np.where(np.arange(len(X)) == 21, np.nan, y)), "NaN", r"y\[21\]", "drop")
    mixed = np.array(["a", 1, 2.5], dtype=object)[y]
    _refused(lambda: row.make().fit(X, mixed), "label|type", "astype|str")
    _refused(lambda: row.make().fit(X, y + 0.37), "[Uu]nknown label type: continuous", "classif|regress")


@for_each_row(lambda row: row.takes_weights)
@pytest.mark.parametrize(
    ("weight", "told"),
    [
        (np.r_[np.ones(40), -2.0, np.ones(19)], (r"sample_weight\[40\] is -2.0", "Use 0")),
        (np.r_[np.ones(40), np.nan, np.ones(19)], (r"sample_weight\[40\] is nan", "finite")),
        (np.ones(59), (r"\(59,\)", r"\(60,\)", "one weight for each row")),
        (np.ones((60, 2)), ("1D array or scalar", r"\(60, 2\)")),
        (np.zeros(60), ("at least one non-zero",)),
    ],
    ids=["negative", "nan", "short", "wide", "zero"],
)
def test_weights(row, weight, told):
    X, y = samples(row)
    _refused(lambda: row.make().fit(X, y, sample_weight=weight), *told)


@for_each_row(lambda row: row.negative is not None)
def test_a_negative_size(row):
    X, y = samples(row)
    _refused(
        lambda: row.make(**{row.negative: -1}).fit(X, y),
        rf"{row.negative} of {row.name} must be .* in \[\d",
        "got -1",
        error=InvalidParameterError,
    )


@for_each_row()
def test_every_parameter_refuses_what_has_no_meaning(row):
    X, y = samples(row)
    for name in row.make().get_params(deep=False):
        _refused(lambda: row.make_trained(**{name: object()}).fit(X, y), rf"\b{name}\b", "<object object")  # noqa: B023


@for_each_row(lambda row: row.has_parameter("device"))
@pytest.mark.parametrize(
    ("device", "told"),
    [
        ("gpu", ("device='gpu'", "'cuda'")),
        ("cuda:99", ("device='cuda:99'", r"sees \d+ CUDA devices", "device='auto'")),
        ("meta", ("device='meta'", "not supported", "'cpu'")),
        (torch.device("cuda:99"), ("cuda", "99", r"sees \d+ CUDA devices")),
    ],
    ids=str,
)
def test_an_unknown_device(row, device, told):
    X, y = samples(row)
    _refused(lambda: row.make(device=device).fit(X, y), *told, error=DeviceError)


@for_each_row()
def test_not_fitted(row):
    X, _ = samples(row)
    for method in _methods(row):
        _refused(lambda: getattr(row.make(), method)(X), row.name, "fit", error=NotFittedError)  # noqa: B023


@for_each_row()
def test_a_failed_first_fit_leaves_the_estimator_unfitted(row):
    X, y = samples(row)
    estimator = row.make()
    with pytest.raises(ValueError, match=r"inconsistent|2D array"):
        estimator.fit(X[:, 0] if y is None else X[:-1], y)
    with pytest.raises(NotFittedError):
        getattr(estimator, _methods(row)[0])(X)
