"""What must change nothing: the order of rows and columns, weights for copies, threads, other people's draws."""

import random

import numpy as np
import pytest
import torch

from tests.common.table import for_each_row
from tests.common.tools import assert_same_outputs, fitted_outputs, outputs, samples


@for_each_row(lambda row: "rows" in row.holds)
def test_order_of_rows(row):
    X, y = samples(row)
    order = np.random.default_rng(0).permutation(len(X))
    expected = fitted_outputs(row, X, y, settled=True)
    permuted = fitted_outputs(row, X[order], None if y is None else y[order], X, settled=True)
    if "kneighbors[1]" in permuted:  # row numbers of the training set
        permuted["kneighbors[1]"] = order[permuted["kneighbors[1]"]]
    assert_same_outputs(permuted, expected, row.rounding)


@for_each_row()
def test_order_of_rows_to_predict(row):
    X, y = samples(row)
    order = np.random.default_rng(0).permutation(len(X))
    estimator = row.make().fit(X, y)
    expected = {method: value[order] for method, value in outputs(estimator, X).items()}
    assert_same_outputs(outputs(estimator, X[order]), expected, row.rounding)


@for_each_row()
def test_one_row_is_predicted_as_among_others(row):
    X, y = samples(row)
    estimator = row.make().fit(X, y)
    alone = outputs(estimator, X[7:8])
    assert_same_outputs(alone, {method: value[7:8] for method, value in outputs(estimator, X).items()}, row.rounding)


@for_each_row(lambda row: "columns" in row.holds)
def test_order_of_columns(row):
    X, y = samples(row)
    order = [2, 0, 3, 1]
    expected = fitted_outputs(row, X, y, settled=True)
    permuted = fitted_outputs(row, X[:, order], y, settled=True)
    assert_same_outputs(permuted, expected, row.rounding)


def _subset(y, rows):
    return None if y is None else y[rows]


def _predictions(said):
    """All but the neighbours themselves, which are rows of the training set: copies are more rows."""
    return {method: value for method, value in said.items() if "kneighbors" not in method}


@for_each_row(lambda row: row.takes_weights and "weights" in row.holds)
@pytest.mark.parametrize("scale", [1, 2.5], ids=["copies", "scaled-weights"])
def test_a_weight_is_a_number_of_copies(row, scale):
    X, y = samples(row)
    weight = np.random.default_rng(1).integers(0, 4, len(X))
    copies = np.repeat(np.arange(len(X)), weight)
    one_each = np.full(len(copies), float(scale))
    repeated = fitted_outputs(row, X[copies], _subset(y, copies), X, settled=True, sample_weight=one_each)
    weighted = fitted_outputs(row, X, y, settled=True, sample_weight=weight * float(scale))
    assert_same_outputs(_predictions(weighted), _predictions(repeated), row.rounding)


@for_each_row(lambda row: row.takes_weights)
def test_a_weight_of_zero_leaves_the_sample_out(row):
    X, y = samples(row)
    rows = np.arange(len(X)) % 3 != 0
    # Wild values, but none that a start between the extremes would see.
    spoilt = np.where(rows[:, None], X, np.clip(X[::-1] * 50, X[rows].min(axis=0), X[rows].max(axis=0)))
    left_out = fitted_outputs(row, spoilt, y, X, settled=True, sample_weight=rows.astype(float))
    without = fitted_outputs(row, X[rows], _subset(y, rows), X, settled=True)
    assert_same_outputs(_predictions(left_out), _predictions(without), row.rounding)


@for_each_row(lambda row: row.takes_weights)
def test_weights_of_one_are_no_weights(row):
    X, y = samples(row)
    expected = fitted_outputs(row, X, y)
    for ones in (np.ones(len(X)), np.ones(len(X), dtype=int), 1.0):
        assert_same_outputs(fitted_outputs(row, X, y, sample_weight=ones), expected, row.rounding)


@for_each_row(lambda row: row.takes_weights)
def test_weights_matter(row):
    X, y = samples(row)
    weight = np.where(X[:, 0] > np.median(X[:, 0]), 20.0, 0.05)
    weighted = fitted_outputs(row, X, y, sample_weight=weight)
    plain = fitted_outputs(row, X, y)
    assert any(not np.array_equal(weighted[method], plain[method]) for method in plain)


@for_each_row()
def test_the_same_seed_gives_the_same_bits_whatever_else_draws(row):
    X, y = samples(row)
    first = fitted_outputs(row, X, y)
    np.random.seed(4)  # noqa: NPY002, what others may do
    np.random.rand(17)  # noqa: NPY002
    torch.manual_seed(4)
    torch.rand(17)
    random.seed(4)
    assert_same_outputs(fitted_outputs(row, X, y), first)


def _numpy_state() -> str:
    name, keys, *rest = np.random.get_state()  # noqa: NPY002, the global generator is what is watched
    return repr((name, keys.tolist(), rest))


@for_each_row()
def test_no_global_generator_is_touched(row):
    X, y = samples(row)
    in_numpy, in_torch, in_python = _numpy_state(), torch.get_rng_state(), random.getstate()
    fitted_outputs(row, X, y)
    assert _numpy_state() == in_numpy
    assert torch.equal(torch.get_rng_state(), in_torch)
    assert random.getstate() == in_python


@for_each_row(lambda row: row.has_parameter("random_state") and row.draws)
def test_a_generator_is_a_seed_that_moves_on(row):
    X, y = samples(row)

    def said(generator):
        return outputs(row.make(random_state=generator).fit(X, y), X)

    assert_same_outputs(said(np.random.RandomState(5)), said(np.random.RandomState(5)))
    generator = np.random.RandomState(5)
    state = generator.get_state()[2]
    said(generator)
    assert generator.get_state()[2] != state


@pytest.fixture
def other_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(1 if before > 1 else 2)
    yield
    torch.set_num_threads(before)


@for_each_row()
def test_number_of_threads(row, request):
    X, y = samples(row, 200)
    expected = fitted_outputs(row, X, y)
    request.getfixturevalue("other_threads")
    assert_same_outputs(fitted_outputs(row, X, y), expected, 0.0 if "threads" in row.holds else row.rounding)


def _torch_settings() -> tuple:
    return (
        torch.get_default_dtype(),
        torch.get_default_device(),
        torch.get_float32_matmul_precision(),
        getattr(getattr(torch.backends.mkldnn, "matmul", None), "fp32_precision", None),  # since torch 2.9
        torch.are_deterministic_algorithms_enabled(),
        torch.is_grad_enabled(),
        torch.is_inference_mode_enabled(),
        torch.get_num_threads(),
    )


@for_each_row()
def test_settings_of_torch_are_left_alone(row):
    X, y = samples(row)
    before = _torch_settings()
    fitted_outputs(row, X, y)
    assert _torch_settings() == before


@for_each_row()
def test_no_grad_and_inference_mode_around_a_fit_change_nothing(row):
    X, y = samples(row)
    expected = fitted_outputs(row, X, y)
    for mode in (torch.no_grad, torch.inference_mode):
        with mode():
            said = fitted_outputs(row, X, y)
        assert_same_outputs(said, expected)
