"""Errors are ValueErrors, warnings are UserWarnings, and all can be pickled, as joblib's workers must."""

import pickle

import pytest

from skdl import exceptions


@pytest.mark.parametrize("name", exceptions.__all__)
def test_kind(name):
    kind = getattr(exceptions, name)
    assert issubclass(kind, UserWarning if name.endswith("Warning") else ValueError)


@pytest.mark.parametrize("name", exceptions.__all__)
def test_pickle(name):
    error = getattr(exceptions, name)("what, where, what to do")
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert str(again) == str(error)


def test_a_parameter_of_the_wrong_type_is_a_type_error_too():
    assert issubclass(exceptions.InvalidParameterError, TypeError)
