"""What Ridge and LinearRegression share: validation, centring, and coefficients in the user's columns."""

import numpy as np
import scipy.sparse as sp
import torch
from sklearn.base import MultiOutputMixin, RegressorMixin

from skdl.kernels.design import Design, make_design, wide_dtype
from skdl.linear_model._base import LinearPredictor
from skdl.utils import resolve_device, validate_sample_weight, validate_X_y

# Up to this many columns a sparse X gets a dense Gram matrix.
GRAM_COLUMNS = 2000


class LeastSquaresProblem:
    """The samples and centred targets of one fit on their device."""

    def __init__(self, X, y, weight, *, fit_intercept: bool, device: torch.device):
        self.dtype = X.dtype
        self.one_target = y.ndim == 1
        if sp.issparse(X) and X.shape[1] <= GRAM_COLUMNS and X.shape[0] * X.shape[1] <= 2**26:
            X = X.toarray()
        self.design: Design = make_design(X, weight, center=fit_intercept, device=device)
        Y = y.astype(np.float64).reshape(len(y), -1)
        self.fit_intercept = fit_intercept
        self.y_mean = np.average(Y, axis=0, weights=weight) if fit_intercept else np.zeros(Y.shape[1])
        self.y = Y - self.y_mean  # (n, t)
        self.Y = torch.from_numpy(self.y).to(device=device, dtype=wide_dtype(device))

    @property
    def sparse(self) -> bool:
        return self.design.transposed is not None

    def coefficients(self, W) -> tuple[np.ndarray, np.ndarray | float]:
        """``coef_`` and ``intercept_`` from W (d, t) of the design's columns."""
        design = self.design
        values = W.cpu().double().numpy() if isinstance(W, torch.Tensor) else W
        coef = values / design.scale[:, None]
        intercept = self.y_mean.copy()
        if self.fit_intercept:
            center = design.mean.cpu().double().numpy() + design.shift / design.scale
            intercept -= center @ values
        with np.errstate(over="ignore", under="ignore"):
            coef, intercept = coef.T.astype(self.dtype), intercept.astype(self.dtype)
        if self.one_target:
            return coef[0], intercept[0] if self.fit_intercept else 0.0
        return coef, intercept if self.fit_intercept else 0.0


class LeastSquares(MultiOutputMixin, RegressorMixin, LinearPredictor):
    """A linear regressor of one or several targets."""

    def _problem(self, X, y, sample_weight) -> LeastSquaresProblem:
        X, y = validate_X_y(
            self, X, y, accept_sparse=False if self.positive else "csr", multi_output=True, y_numeric=True
        )
        weight = validate_sample_weight(sample_weight, len(y))
        device = resolve_device(self.device)
        return LeastSquaresProblem(X, y, weight, fit_intercept=self.fit_intercept, device=device)

    def predict(self, X) -> np.ndarray:
        """Predict the targets.

        Parameters
        ----------
        X : array-like, frame, tensor or sparse matrix of shape (n, d)
            The samples.

        Returns
        -------
        ndarray of shape (n,) or (n, n_targets)
        """
        return self._linear_output(X)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = not self.positive
        return tags
