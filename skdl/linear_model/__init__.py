"""Linear models: their fits are scikit-learn's optimum, reached by Newton steps and by refined direct solutions."""

from typing import TYPE_CHECKING

from skdl.linear_model._linear import LinearRegression
from skdl.linear_model._logistic import LogisticRegression
from skdl.linear_model._ridge import Ridge

if TYPE_CHECKING:
    from skdl.linear_model._perceptron import Perceptron

__all__ = ["LinearRegression", "LogisticRegression", "Perceptron", "Ridge"]


def __getattr__(name):
    # The perceptron alone is compiled by numba, which takes longer to import than all the rest.
    if name == "Perceptron":
        from skdl.linear_model._perceptron import Perceptron

        return Perceptron
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
