"""What learners share that descend from a start: parameters, starts, progress."""

import warnings
from typing import Any

import numpy as np
from sklearn.utils import check_array

from skdl.exceptions import InterruptedFitWarning
from skdl.kernels.metric.descent import descend, descend_in_rounds
from skdl.kernels.metric.eigen import leading_factor, ratio_directions, signed
from skdl.kernels.metric.graphs import group_scatter
from skdl.metric_learning._base import MetricLearner, SharedLearner
from skdl.utils import Interval, Options, derive_keys, draw_seed, progress, random_normal, resolve_device

DESCENT_CONSTRAINTS: dict[str, list] = {
    "max_iter": [Interval("int", 1, None)],
    "tol": [Interval("real", 0, None)],
    "verbose": [Interval("int", 0, None), bool],
}


def run(learner, function, start: np.ndarray, rounds: int | None = None):
    """Descend with a learner's settings, in rounds if asked; tell its callback, and warn where it was interrupted."""
    callback = getattr(learner, "callback", None)
    name = type(learner).__name__
    with progress(total=learner.max_iter, desc=name, unit="iteration", verbose=int(learner.verbose)) as bar:

        def each(flat, n_iter):
            bar.update()
            if callback is not None:
                callback(flat, n_iter)

        if rounds is None:
            found = descend(function, start, learner.max_iter, learner.tol, each)
        else:
            found = descend_in_rounds(function, start, learner.max_iter, learner.tol, each, rounds)
    if found.interrupted:
        warnings.warn(
            f"{name} was interrupted after {found.n_iter} iterations; it holds the best map until then.",
            InterruptedFitWarning,
            stacklevel=5,
        )
    return found


class Starting:
    """The map that ``init`` names."""

    _starts: tuple[str, ...] = ("auto", "pca", "lda", "identity", "random")
    n_components: int | None
    init: Any
    random_state: Any

    def _first_map(self, X: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return the map to begin with."""  # (n_components, d)
        n, d = X.shape
        if not isinstance(self.init, str):
            return self._given_start(d)
        h = self.n_components or d
        name = self.init
        if name == "auto":
            if "lda" in self._starts and h <= min(d, y.max()):
                name = "lda"
            else:
                name = "pca" if h < min(d, n) else "identity"
        if name == "random":
            keys = derive_keys(draw_seed(self.random_state), "metric_learning.start")
            return random_normal(keys, h * d).double().numpy().reshape(h, d)
        if name == "identity":
            return np.eye(h, d)
        total = group_scatter(X, np.zeros(n, dtype=np.int64))[0]
        if name == "pca":
            return signed(np.linalg.eigh(total)[1].T[::-1][:h])
        within = group_scatter(X, y)[0]
        if not within.any():
            return np.eye(h, d)
        directions = ratio_directions(total, within, total, largest=True, reg=1e-12)[1][:h]
        return directions * np.sqrt(n)

    def _given_start(self, d: int) -> np.ndarray:
        start = check_array(self.init, dtype=np.float64, input_name="init")
        h = self.n_components or len(start)
        if start.shape != (h, d) or h > d:
            raise ValueError(
                f"init of {type(self).__name__} has the shape {start.shape}; it must be (n_components, {d}) for this X"
                + (f", with n_components={self.n_components}." if self.n_components else f", with at most {d} rows.")
            )
        return start


class MapLearner(Starting, MetricLearner):
    """A learner that descends over L itself, from a start that ``init`` names."""

    _constraints = {
        **MetricLearner._constraints,
        **DESCENT_CONSTRAINTS,
        "init": [Options(*Starting._starts), np.ndarray, list],
        "warm_start": [bool],
        "callback": [callable, None],
    }

    def _device(self):
        return resolve_device(self.device)

    def _start(self, X: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return the map to begin with."""  # (n_components, d)
        d = X.shape[1]
        if self.warm_start and hasattr(self, "components_"):
            if self.components_.shape != (self.n_components or d, d):
                raise ValueError(
                    f"warm_start=True of {type(self).__name__} goes on from components_ of shape "
                    f"{self.components_.shape}, but X and n_components ask for {(self.n_components or d, d)}. Fit a "
                    "new one, or set warm_start=False."
                )
            return self.components_.astype(np.float64)
        return self._first_map(X, y)


class MatrixLearner(SharedLearner):
    """A learner of a whole matrix M, of which ``n_components`` keeps the leading directions."""

    _constraints = {
        **SharedLearner._constraints,
        **DESCENT_CONSTRAINTS,
        "init": [Options("identity", "covariance"), np.ndarray, list],
    }

    def _start_matrix(self, X: np.ndarray) -> np.ndarray:
        """Return the matrix to begin with."""  # (d, d)
        d = X.shape[1]
        if isinstance(self.init, str):
            if self.init == "identity":
                return np.eye(d)
            return np.linalg.pinv(np.atleast_2d(np.cov(X.T)), rcond=1e-10, hermitian=True)
        start = check_array(self.init, dtype=np.float64, input_name="init")
        if start.shape != (d, d) or not np.allclose(start, start.T):
            raise ValueError(
                f"init of {type(self).__name__} must be a symmetric matrix of shape {(d, d)} for this X; got shape "
                f"{start.shape}."
            )
        if np.linalg.eigvalsh(start)[0] < -1e-9 * np.abs(start).max():
            raise ValueError(f"init of {type(self).__name__} has a negative eigenvalue; a metric has none.")
        return start

    def _start_factor(self, X: np.ndarray) -> np.ndarray:
        return leading_factor(self._start_matrix(X))
