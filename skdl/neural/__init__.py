"""Neural networks as scikit-learn estimators; each holds a skorch net."""

from skdl.neural._mlp import MLPClassifier, MLPRegressor
from skdl.neural._own import NeuralClassifier, NeuralRegressor

__all__ = ["MLPClassifier", "MLPRegressor", "NeuralClassifier", "NeuralRegressor"]
