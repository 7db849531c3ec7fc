"""Linear models: their fits are scikit-learn's optimum, reached by Newton's method and preconditioned L-BFGS."""

from skdl.linear_model._logistic import LogisticRegression

__all__ = ["LogisticRegression"]
