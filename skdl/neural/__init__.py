"""Neural networks as scikit-learn estimators; each holds a skorch net."""

from skdl.neural._mlp import MLPClassifier, MLPRegressor

__all__ = ["MLPClassifier", "MLPRegressor"]
