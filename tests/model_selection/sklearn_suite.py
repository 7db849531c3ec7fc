"""scikit-learn's own tests of its searches and cross-validation, with ours in the place of theirs."""

import importlib
import os
from collections.abc import Iterator
from unittest import mock

import pytest
import sklearn.experimental.enable_halving_search_cv
import sklearn.model_selection
from sklearn.model_selection import _search

import skdl.model_selection
from skdl.model_selection._base import FamilySearch


class BaseSearchCV(FamilySearch, _search.BaseSearchCV):
    """What scikit-learn's tests derive searches of their own from."""


_OF_THEIRS = "calls a private function of scikit-learn's, which ours does not, so that it says nothing about ours"
LEFT_OUT: dict[str, dict[str, str]] = {
    "test_search": {
        "test_parameter_grid": "of ParameterGrid, which is scikit-learn's",
        "test_param_sampler": "of ParameterSampler, which is scikit-learn's",
        "test_parameters_sampler_replacement": "of ParameterSampler, which is scikit-learn's",
        "test_validate_parameter_input": "of ParameterGrid and ParameterSampler, which are scikit-learn's",
        "test_yield_masked_array_for_each_param": _OF_THEIRS,
        "test_yield_masked_array_no_runtime_warning": _OF_THEIRS,
    },
    "test_successive_halving": {
        "test_top_k": _OF_THEIRS,
        "test_subsample_splitter_shapes": _OF_THEIRS,
        "test_subsample_splitter_determinism": _OF_THEIRS,
    },
    "test_validation": {
        "test_check_is_permutation": _OF_THEIRS,
        "test_fit_and_score_failing": _OF_THEIRS,
        "test_fit_and_score_working": _OF_THEIRS,
        "test_fit_and_score_verbosity": _OF_THEIRS,
        "test_score": _OF_THEIRS,
    },
}


_SHARED = [item for item in skdl.model_selection.__all__ if hasattr(sklearn.model_selection, item)]


def our_results_of(name: str) -> dict:
    """Import a module of scikit-learn's tests with our names in it; return its tests.

    The module looks the names up while it is imported, so they are put back after that.
    """
    with (
        mock.patch.multiple(
            sklearn.model_selection,
            **{item: getattr(skdl.model_selection, item) for item in _SHARED},
        ),
        mock.patch.object(_search, "BaseSearchCV", BaseSearchCV),
    ):
        module = importlib.reload(importlib.import_module(f"sklearn.model_selection.tests.{name}"))
    found = {key: value for key, value in vars(module).items() if key.startswith("test_")}
    unknown = set(LEFT_OUT[name]) - set(found)
    assert not unknown, f"scikit-learn has no such tests in {name}: {sorted(unknown)}"
    for test in found.values():
        _list_parameters(test)
    left_out = set(LEFT_OUT[name])
    if not os.environ.get("SCIPY_ARRAY_API"):
        # It has to be set before SciPy is imported; test_array_api.py runs them in a process of their own.
        left_out |= {key for key in found if "array_api" in key}
    return {key: value for key, value in found.items() if key not in left_out}


def _list_parameters(test) -> None:
    """Turn generators of parameters into lists, as newer versions of pytest want them."""
    for place, mark in enumerate(getattr(test, "pytestmark", [])):
        if mark.name == "parametrize" and isinstance(mark.args[1], Iterator):
            names, values, *others = mark.args
            test.pytestmark[place] = pytest.mark.parametrize(names, list(values), *others, **mark.kwargs).mark


# As scikit-learn runs its tests: warnings of its own estimators on tiny data are none of our business.
pytestmark = [
    pytest.mark.filterwarnings("default"),
    pytest.mark.filterwarnings("error::FutureWarning"),
    pytest.mark.filterwarnings("error::DeprecationWarning"),
]
