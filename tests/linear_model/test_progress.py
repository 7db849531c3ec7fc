"""Long fits show how far they are when they are asked to."""

import pytest
from sklearn.datasets import load_iris

from skdl.linear_model import LogisticRegression, Perceptron


@pytest.mark.parametrize(("cls", "unit"), [(LogisticRegression, "iteration"), (Perceptron, "pass")])
def test_a_fit_shows_its_progress_where_it_is_asked_to(cls, unit, capsys):
    X, y = load_iris(return_X_y=True)
    cls().fit(X, y)
    assert capsys.readouterr().err == ""
    cls(verbose=1).fit(X, y)
    shown = capsys.readouterr().err
    assert f"{cls.__name__}:" in shown
    assert unit in shown
