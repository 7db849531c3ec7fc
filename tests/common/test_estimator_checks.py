"""scikit-learn's own checks, for the fast instance and for the default one, nothing expected to fail."""

import re
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
    # SciPy reads it once, on import: tests/test_array_api.py runs these checks in a process of its own.
    r"SCIPY_ARRAY_API is not set: not checking array_api input",
)

# These ask for a good score; what the others ask for does not hang on how long a network is trained.
_ASK_FOR_A_SCORE = {"check_classifiers_train", "check_regressors_train", "check_class_weight_classifiers"}
_ROWS = {row.cls: row for row in KNOWN}


def shortened(estimator, check):
    """Return the estimator as it goes through a check."""
    row = _ROWS[type(estimator)]
    # What the default of another parameter has inside is not there to be set.
    brief = {name: value for name, value in row.brief.items() if name in estimator.get_params()}
    if check.func.__name__ in _ASK_FOR_A_SCORE:
        # The same data from a read-only file are learnt well enough; as it comes, for the check as it comes.
        of_a_copy = check.keywords and estimator.get_params() == row.make_default().get_params()
        brief = {name: 20 * value for name, value in brief.items()} if of_a_copy else {}
    return clone(estimator).set_params(**brief)


# Some checks have fewer distinct rows than clusters, or labels that no hyperplane parts: to say so is right.
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@parametrize_with_checks([instance for row in KNOWN for instance in (row.make_trained(), row.make_default())])
def test_check(estimator, check):
    try:
        check(shortened(estimator, check))
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
