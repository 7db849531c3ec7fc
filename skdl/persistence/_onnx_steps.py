"""scikit-learn's fitted transformers as torch modules, which compute in float64."""

from collections.abc import Callable

import numpy as np
import torch
from sklearn.decomposition import PCA
from sklearn.feature_selection import SelectKBest, VarianceThreshold
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, Normalizer, RobustScaler, StandardScaler
from torch import Tensor, nn


class Affine(nn.Module):
    """Subtract, multiply, and clip if there are bounds."""

    center: Tensor
    factor: Tensor

    def __init__(self, center, factor, bounds: tuple[float, float] | None = None):
        super().__init__()
        self.register_buffer("center", torch.tensor(np.asarray(center, dtype=np.float64)))
        self.register_buffer("factor", torch.tensor(np.asarray(factor, dtype=np.float64)))
        self.bounds = bounds

    def forward(self, x: Tensor) -> Tensor:
        x = (x - self.center) * self.factor
        return x if self.bounds is None else x.clamp(*self.bounds)


class Project(nn.Module):
    """Subtract the mean and multiply with a matrix ``(d, k)``."""

    mean: Tensor
    matrix: Tensor

    def __init__(self, mean: np.ndarray, matrix: np.ndarray):
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean, dtype=torch.float64))
        self.register_buffer("matrix", torch.tensor(matrix, dtype=torch.float64))

    def forward(self, x: Tensor) -> Tensor:
        return (x - self.mean) @ self.matrix


class Select(nn.Module):
    """Keep some columns."""

    columns: Tensor

    def __init__(self, columns: np.ndarray):
        super().__init__()
        self.register_buffer("columns", torch.tensor(columns, dtype=torch.int64))

    def forward(self, x: Tensor) -> Tensor:
        return x[:, self.columns]


class Impute(nn.Module):
    """Fill what is missing, drop columns that had no value, and append marks of some columns."""

    statistics: Tensor
    kept: Tensor
    marked: Tensor

    def __init__(self, missing_value: float, statistics: np.ndarray, marked: np.ndarray):
        super().__init__()
        self.missing_value = missing_value
        kept = np.flatnonzero(~np.isnan(statistics))
        self.register_buffer("statistics", torch.tensor(statistics[kept], dtype=torch.float64))
        self.register_buffer("kept", torch.tensor(kept, dtype=torch.int64))
        self.register_buffer("marked", torch.tensor(marked, dtype=torch.int64))

    def forward(self, x: Tensor) -> Tensor:
        missing = torch.isnan(x) if np.isnan(self.missing_value) else x == self.missing_value  # (n, d)
        filled = torch.where(missing[:, self.kept], self.statistics, x[:, self.kept])
        return torch.cat([filled, missing[:, self.marked].double()], dim=1) if len(self.marked) else filled


class Normalize(nn.Module):
    """Divide each row by its norm; rows of zeros stay."""

    def __init__(self, norm: str):
        super().__init__()
        self.norm = norm

    def forward(self, x: Tensor) -> Tensor:
        sizes = {
            "l1": lambda: x.abs().sum(dim=1, keepdim=True),
            "l2": lambda: (x * x).sum(dim=1, keepdim=True).sqrt(),
            "max": lambda: x.abs().amax(dim=1, keepdim=True),
        }[self.norm]()
        return x / torch.where(sizes < 10 * torch.finfo(torch.float64).eps, 1.0, sizes)


def _centered(center, scale) -> Affine:
    return Affine(0.0 if center is None else center, 1.0 if scale is None else 1.0 / scale)


def _min_max(step) -> Affine:
    bounds = tuple(float(end) for end in step.feature_range) if step.clip else None
    # x * scale + min, written as a difference.
    return Affine(-step.min_ / step.scale_, step.scale_, bounds)  # type: ignore[arg-type]


def _max_abs(step) -> Affine:
    return Affine(0.0, 1.0 / step.scale_, (-1.0, 1.0) if getattr(step, "clip", False) else None)


def _pca(step) -> Project:
    matrix = step.components_.T.astype(np.float64)
    if step.whiten:
        width = np.sqrt(step.explained_variance_)
        matrix = matrix / np.maximum(width, np.finfo(width.dtype).eps)
    return Project(step.mean_, matrix)


def _imputer(step) -> Impute:
    try:
        statistics = step.statistics_.astype(np.float64)  # an array of objects where the fill value is a constant
        missing = float(step.missing_values)
    except (TypeError, ValueError):
        raise ValueError(
            "a SimpleImputer can that fills numbers, and whose missing_values is a number or NaN"
        ) from None
    marked = step.indicator_.features_ if step.add_indicator else np.empty(0)
    return Impute(missing, statistics, marked)


STEPS: dict[type, Callable[..., nn.Module]] = {
    StandardScaler: lambda step: _centered(
        step.mean_ if step.with_mean else None, step.scale_ if step.with_std else None
    ),
    MinMaxScaler: _min_max,
    MaxAbsScaler: _max_abs,
    RobustScaler: lambda step: _centered(
        step.center_ if step.with_centering else None, step.scale_ if step.with_scaling else None
    ),
    SimpleImputer: _imputer,
    Normalizer: lambda step: Normalize(step.norm),
    PCA: _pca,
    VarianceThreshold: lambda step: Select(step.get_support(indices=True)),
    SelectKBest: lambda step: Select(step.get_support(indices=True)),
}
