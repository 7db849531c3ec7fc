"""Neural networks as scikit-learn estimators; each holds a skorch net."""

from skdl.neural._cnn import CNNClassifier, CNNRegressor
from skdl.neural._mlp import MLPClassifier, MLPRegressor
from skdl.neural._own import NeuralClassifier, NeuralRegressor
from skdl.neural._rnn import RNNClassifier, RNNRegressor

__all__ = [
    "CNNClassifier",
    "CNNRegressor",
    "MLPClassifier",
    "MLPRegressor",
    "NeuralClassifier",
    "NeuralRegressor",
    "RNNClassifier",
    "RNNRegressor",
]
