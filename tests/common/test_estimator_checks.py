"""scikit-learn's own checks, for the fast instance and for the default one, nothing expected to fail."""

import os
import re
import subprocess
import sys
import unittest

import pytest
from sklearn.base import clone
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import parametrize_with_checks

from tests.common.table import KNOWN, for_each_row

# scikit-learn raises SkipTest where a check cannot apply. Any skip but these is a failure: a package of the test
# extra is missing, or a tag of ours switches the check off.
_OWN_SKIPS = (
    r"\w+ does not have a (predict_proba|decision_function) method\.",
    # SciPy reads it once, on import: test_array_api_dispatch runs these checks in a process of its own.
    r"SCIPY_ARRAY_API is not set: not checking array_api input",
)

# These ask for a good score; what the others ask for does not hang on how long a network is trained.
_ASK_FOR_A_SCORE = {"check_classifiers_train", "check_regressors_train", "check_class_weight_classifiers"}
_BRIEF = {row.cls: row.brief for row in KNOWN if row.brief}
_DEFAULTS = {row.cls: row.make_default().get_params() for row in KNOWN if row.brief}


def shortened(cls, check):
    """The parameters with which a default instance that trains for long goes through a check."""
    if check.func.__name__ not in _ASK_FOR_A_SCORE:
        return _BRIEF[cls]
    if not check.keywords:  # as it comes, for the check as it comes
        return {}
    return {name: 20 * value for name, value in _BRIEF[cls].items()}  # the same data from a read-only file


# Some checks have fewer distinct rows than clusters, or labels that no hyperplane parts: to say so is right.
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@parametrize_with_checks([instance for row in KNOWN for instance in (row.make(), row.make_default())])
def test_check(estimator, check):
    if estimator.get_params() == _DEFAULTS.get(type(estimator)):
        estimator = clone(estimator).set_params(**shortened(type(estimator), check))
    try:
        check(estimator)
    except unittest.SkipTest as skip:
        if not any(re.fullmatch(own, str(skip)) for own in _OWN_SKIPS):
            pytest.fail(f"skipped: {skip}")


@for_each_row()
def test_no_tag_switches_checks_off(row):
    for estimator in (row.make(), row.make_default()):
        tags = get_tags(estimator)
        assert not tags._skip_test
        assert not tags.no_validation
        assert not tags.non_deterministic
        assert tags.requires_fit
        for kind in ("classifier_tags", "regressor_tags"):
            if getattr(tags, kind) is not None and getattr(tags, kind).poor_score:
                # Counts and categories are poor models of the blobs of the checks, in scikit-learn too.
                assert getattr(get_tags(row.reference), kind).poor_score
        assert tags.classifier_tags is None or tags.classifier_tags.multi_class


def test_array_api_dispatch():
    script = """
from sklearn.utils.estimator_checks import estimator_checks_generator
from tests.common.table import KNOWN
for row in KNOWN:
    for estimator, check in estimator_checks_generator(row.make()):
        if check.func.__name__.startswith("check_array_api"):
            check(estimator)
"""
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "SCIPY_ARRAY_API": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
