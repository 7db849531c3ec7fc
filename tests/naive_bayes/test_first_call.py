"""A first fit costs little more than a second: small tables load no compiled loops."""

import pytest

from tests.common.first_call import extra_seconds


@pytest.mark.parametrize(
    "name", ["GaussianNB", "MultinomialNB", "ComplementNB", "BernoulliNB", "CategoricalNB", "MixedNB"]
)
def test_first_call(name):
    assert any(extra_seconds("naive_bayes", name) < 0.5 for _ in range(3))
