"""Neural networks as scikit-learn estimators; each holds a skorch net."""

from skdl.neural.mlp import MLPClassifier, MLPRegressor

__all__ = ["MLPClassifier", "MLPRegressor"]
