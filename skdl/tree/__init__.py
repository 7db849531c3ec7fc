"""Decision trees."""

from skdl.tree._classifier import DecisionTreeClassifier
from skdl.tree._regressor import DecisionTreeRegressor

__all__ = ["DecisionTreeClassifier", "DecisionTreeRegressor"]
