"""A first fit costs little more than a second."""

import pytest

from tests.common.first_call import extra_seconds


@pytest.mark.parametrize("name", ["LogisticRegression", "LinearRegression", "Ridge", "Perceptron"])
def test_first_call(name):
    # In the best of three processes: the very first may have to compile what is then kept on disk.
    assert any(extra_seconds("linear_model", name) < 0.5 for _ in range(3))
