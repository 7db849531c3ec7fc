"""Data and plain versions of formulas that the tests of this room share."""

import numpy as np
from sklearn.datasets import load_digits, load_iris, load_wine
from sklearn.preprocessing import StandardScaler


def wine():
    X, y = load_wine(return_X_y=True)
    return StandardScaler().fit_transform(X), y


def iris():
    X, y = load_iris(return_X_y=True)
    return StandardScaler().fit_transform(X), y


def digits(n=None):
    X, y = load_digits(return_X_y=True)
    return X[:n] / 16, y[:n]


def squares(X, L=None):
    """All squared distances, from the differences."""
    Z = X if L is None else X @ L.T
    return ((Z[:, None] - Z[None]) ** 2).sum(axis=-1)


def pair_scatter(X, W):
    """``sum_ij W_ij (x_i - x_j)(x_i - x_j)' / 2``, term by term."""
    away = X[:, None] - X[None]
    return np.einsum("ij,ijf,ijg->fg", W, away, away) / 2


def finite_differences(function, L, step=1e-6):
    gradient = np.zeros_like(L)
    for place in np.ndindex(L.shape):
        ahead, behind = L.copy(), L.copy()
        ahead[place] += step
        behind[place] -= step
        gradient[place] = (function(ahead) - function(behind)) / (2 * step)
    return gradient
