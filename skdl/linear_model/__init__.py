"""Linear models: their fits are scikit-learn's optimum, reached by Newton steps and by refined direct solutions."""

from skdl.linear_model._linear import LinearRegression
from skdl.linear_model._logistic import LogisticRegression
from skdl.linear_model._perceptron import Perceptron
from skdl.linear_model._ridge import Ridge

__all__ = ["LinearRegression", "LogisticRegression", "Perceptron", "Ridge"]
