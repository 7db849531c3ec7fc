"""Decision trees."""

from skdl.tree._classifier import DecisionTreeClassifier
from skdl.tree._regressor import DecisionTreeRegressor
from skdl.tree._textbook import C45Classifier, CARTClassifier, ID3Classifier

__all__ = ["C45Classifier", "CARTClassifier", "DecisionTreeClassifier", "DecisionTreeRegressor", "ID3Classifier"]
