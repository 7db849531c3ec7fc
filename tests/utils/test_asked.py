"""Data that come again are known again, and changed data are not."""

import numpy as np
import pytest

from skdl.utils import Answers, Asked, freeze, is_frozen


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64, bool, "U3"])
def test_equal_data_are_the_same(dtype):
    data = np.arange(6).reshape(2, 3).astype(dtype)
    asked = Asked(data)
    assert asked.is_same(data)
    assert asked.is_same(data.copy(order="F"))
    assert not asked.is_same(data[:1])
    assert not asked.is_same(data.tolist())
    assert not asked.is_same(data.astype(object))
    data[1, 2] = data[0, 0]
    assert not asked.is_same(data)


def test_gaps_are_the_same_as_themselves():
    data = np.array([[np.nan, 1.0]])
    assert Asked(data).is_same(data.copy())
    assert not Asked(data).is_same(np.array([[1.0, np.nan]]))


def test_frozen_data_are_not_copied():
    data = np.arange(6.0)
    assert Asked(data).data is not data
    freeze(data)
    assert is_frozen(data)
    assert Asked(data).data is data
    with pytest.raises(ValueError, match="read-only"):
        data[0] = 1.0


def test_what_another_owns_is_not_frozen():
    data = np.arange(6.0)
    view = data[:3]
    freeze(view)
    view[0] = 7.0
    view.flags.writeable = False
    # The owner may still change it.
    assert not is_frozen(view)
    asked = Asked(view)
    data[1] = 8.0
    assert not asked.is_same(view)
    freeze([1, 2])


def test_the_last_two_answers_are_remembered():
    answers, questions = Answers(), [np.full(3, float(i)) for i in range(3)]
    assert answers.find(questions[0]) is None
    for number, data in enumerate(questions):
        assert answers.add(data, number) == number
    assert [answers.find(data.copy()) for data in questions] == [None, 1, 2]
    assert answers.find(questions[2], lambda answer: answer < 2) is None
    answers.add(None, "the fitted rows")
    assert answers.find(None) == "the fitted rows"
    assert not answers.has_seen(questions[2])  # it may have changed
    freeze(questions[0])
    answers.add(questions[0], 0)
    assert answers.has_seen(questions[0])
