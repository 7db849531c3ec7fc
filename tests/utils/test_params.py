"""Constraints of parameters."""

import re

import numpy as np
import pytest

from skdl.exceptions import InvalidParameterError
from skdl.utils import Interval, Options, check_parameters


@pytest.mark.parametrize(
    ("closed", "at_low", "at_high"),
    [("both", True, True), ("left", True, False), ("right", False, True), ("neither", False, False)],
)
def test_ends_of_an_interval(closed, at_low, at_high):
    interval = Interval("real", 0, 1, closed=closed)
    assert interval.accepts(0) is at_low
    assert interval.accepts(0.0) is at_low
    assert interval.accepts(1) is at_high
    assert interval.accepts(0.5)
    assert not interval.accepts(-1e-9)
    assert not interval.accepts(1.000001)


@pytest.mark.parametrize("value", [3, np.int64(3), np.uint8(3)])
def test_ints_are_ints_and_reals(value):
    assert Interval("int", 1, None).accepts(value)
    assert Interval("real", 1, None).accepts(value)


@pytest.mark.parametrize("value", [3.0, 2.5, np.float32(3)])
def test_floats_are_reals_alone(value):
    assert not Interval("int", 1, None).accepts(value)
    assert Interval("real", 1, None).accepts(value)


@pytest.mark.parametrize("value", [True, False, np.True_, "3", None, 3j, [3], np.array([3]), float("nan"), np.nan])
@pytest.mark.parametrize("kind", ["int", "real"])
def test_what_is_no_number_is_in_no_interval(kind, value):
    assert not Interval(kind, None, None).accepts(value)


def test_open_intervals_hold_infinity():
    assert Interval("real", 0, None).accepts(np.inf)
    assert not Interval("real", 0, None, closed="neither").accepts(-np.inf)
    assert Interval("real", None, 0).accepts(-np.inf)
    assert Interval("int", None, None).accepts(-(10**30))


@pytest.mark.parametrize(
    ("interval", "text"),
    [
        (Interval("int", 1, None), "an int in [1, inf)"),
        (Interval("real", 0, 1, closed="neither"), "a number in (0, 1)"),
        (Interval("real", None, 2, closed="left"), "a number in (-inf, 2)"),
        (Interval("int", -1, 2, closed="right"), "an int in (-1, 2]"),
    ],
)
def test_an_interval_in_words(interval, text):
    assert str(interval) == text


def test_options_compare_type_and_value():
    options = Options("auto", 1, True)
    for value in ("auto", 1, True):
        assert options.accepts(value)
    for value in ("AUTO", 1.0, np.True_, False, None, np.array(["auto"]), ["auto"]):
        assert not options.accepts(value)
    assert not Options(1).accepts(True)
    assert not Options(True).accepts(1)
    assert str(options) == "one of 'auto', 1, True"


@pytest.mark.parametrize(
    ("constraint", "good", "bad"),
    [
        (None, [None], [0, "None", False]),
        (callable, [len, int], [3, "len", None]),
        (bool, [True, False, np.True_], [0, 1, None, "True"]),
        (dict, [{}, {"a": 1}], [[], None]),
        (str, ["", "a"], [b"a", None]),
        (np.ndarray, [np.ones(2)], [[1, 2]]),
        (Interval("int", 0, 1), [0, 1], [2, True]),
        (Options("a"), ["a"], ["b"]),
    ],
)
def test_each_kind_of_constraint(constraint, good, bad):
    for value in good:
        check_parameters("Thing", {"size": [constraint]}, {"size": value})
    for value in bad:
        with pytest.raises(InvalidParameterError):
            check_parameters("Thing", {"size": [constraint]}, {"size": value})


def test_the_message_names_the_parameter_its_owner_its_choices_and_the_value():
    constraints = {"size": [None, callable, dict, Interval("int", 1, None), Options("auto", "all")]}
    expected = (
        "size of Thing must be None or a callable or an instance of dict or an int in [1, inf) "
        "or one of 'auto', 'all'; got -1."
    )
    with pytest.raises(InvalidParameterError, match=re.escape(expected)):
        check_parameters("Thing", constraints, {"size": -1})


def test_parameters_without_constraint_or_value_are_not_checked():
    check_parameters("Thing", {"absent": [None]}, {"free": object()})
