"""scikit-learn's test_search.py, run on ours."""

import pytest

from tests.model_selection.sklearn_suite import our_results_of, pytestmark

__all__ = ["pytestmark"]

globals().update(our_results_of("test_search"))


@pytest.fixture
def global_random_seed():
    """Stand in for the fixture of scikit-learn's that its tests draw a seed from."""
    return 42
