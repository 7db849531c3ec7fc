"""Nearest neighbors: exact search on CPU and GPU, classification and regression."""

from skdl.neighbors._classification import KNeighborsClassifier
from skdl.neighbors._kernel_regression import KernelRegressor
from skdl.neighbors._regression import KNeighborsRegressor
from skdl.neighbors._unsupervised import NearestNeighbors

__all__ = ["KNeighborsClassifier", "KNeighborsRegressor", "KernelRegressor", "NearestNeighbors"]
