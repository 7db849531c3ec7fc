"""Neural networks as scikit-learn estimators; each holds a skorch net."""

from skdl.neural._cnn import CNNClassifier, CNNRegressor
from skdl.neural._mlp import MLPClassifier, MLPRegressor
from skdl.neural._own import NeuralClassifier, NeuralRegressor
from skdl.neural._rnn import RNNClassifier, RNNRegressor
from skdl.neural._tcn import TCNClassifier, TCNRegressor
from skdl.neural._transformer import TransformerClassifier, TransformerRegressor

__all__ = [
    "CNNClassifier",
    "CNNRegressor",
    "MLPClassifier",
    "MLPRegressor",
    "NeuralClassifier",
    "NeuralRegressor",
    "RNNClassifier",
    "RNNRegressor",
    "TCNClassifier",
    "TCNRegressor",
    "TransformerClassifier",
    "TransformerRegressor",
]
