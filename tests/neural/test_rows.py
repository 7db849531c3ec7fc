"""Rows to train on: merged, split, left out."""

import numpy as np
import pytest

from skdl.neural._rows import drop_weightless, merge_equal_rows, split_validation


def test_equal_rows_are_merged_and_sorted():
    X = np.array([[2.0, 1.0], [1.0, 5.0], [2.0, 1.0], [2.0, 1.0]])
    y = np.array([1, 0, 1, 0])
    merged_X, merged_y, weight = merge_equal_rows(X, y, np.array([1.0, 2.0, 3.0, 4.0]), batch_size=8)
    np.testing.assert_array_equal(merged_X, [[1, 5], [2, 1], [2, 1]])
    np.testing.assert_array_equal(merged_y, [0, 0, 1])
    np.testing.assert_array_equal(weight, [2, 4, 4])


def test_rows_that_differ_keep_no_weights():
    X = np.array([[3.0], [1.0], [2.0]])
    merged_X, _, weight = merge_equal_rows(X, np.array([0, 1, 0]), None, batch_size=3)
    np.testing.assert_array_equal(merged_X[:, 0], [1, 2, 3])
    assert weight is None


@pytest.mark.parametrize("n", [9, 100])
def test_more_than_a_batch_comes_back_as_it_is(n):
    X = np.arange(float(n))[::-1, None]
    out = merge_equal_rows(X, np.zeros(n), None, batch_size=8)
    assert out[0] is X


def test_few_distinct_rows_at_the_head_do_not_hide_the_rest():
    X = np.concatenate([np.zeros(100), np.arange(100.0)])[:, None]
    out = merge_equal_rows(X, np.zeros(200), None, batch_size=8)
    assert out[0] is X


def test_validation_split_is_stratified_seeded_and_disjoint():
    X = np.arange(60.0)[:, None]
    y = np.repeat([0, 1, 2], [40, 15, 5])
    train, valid = split_validation(X, y, None, 0.2, y, seed=3)
    np.testing.assert_array_equal(np.bincount(valid[1]), [8, 3, 1])
    np.testing.assert_array_equal(np.sort(np.concatenate([train[0], valid[0]]), axis=0), X)
    np.testing.assert_array_equal(split_validation(X, y, None, 0.2, y, seed=3)[1][0], valid[0])
    assert not np.array_equal(split_validation(X, y, None, 0.2, y, seed=4)[1][0], valid[0])


def test_a_class_of_one_row_stays_in_training():
    y = np.array([0] * 20 + [1])
    train, valid = split_validation(np.arange(21.0)[:, None], y, np.ones(21), 0.9, y, seed=0)
    assert 1 in train[1]
    assert 1 not in valid[1]
    assert 0 in train[1]


def test_rows_without_weight_are_dropped():
    X, y, weight = drop_weightless(np.arange(3.0)[:, None], np.arange(3), np.array([1.0, 0.0, 2.0]))
    np.testing.assert_array_equal(y, [0, 2])
    np.testing.assert_array_equal(weight, [1, 2])
    with pytest.raises(ValueError, match="no row is left"):
        drop_weightless(X, y, np.zeros(2))
