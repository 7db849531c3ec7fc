"""Series and token sequences in all the forms that people have them in, brought to one: padded arrays and lengths."""

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.utils import check_array

from skdl.utils import explained, to_host, validate_X

LAYOUTS = ("time_first", "channel_first")


@dataclass
class Padded:
    """Sequences side by side.

    Attributes
    ----------
    values : ndarray of shape (n, t, c)
        Zero behind the end of a sequence; t is the length of the longest.
    lengths : ndarray of int of shape (n,)
        Each at least 1.
    """

    values: np.ndarray
    lengths: np.ndarray

    def flat(self) -> np.ndarray:
        """Return rows of numbers ``(n, 1 + t * c)``, the length first, which may be chosen, compared and split."""
        rows = self.values.reshape(len(self.values), -1)
        return np.concatenate([self.lengths[:, None].astype(rows.dtype), rows], axis=1)

    @classmethod
    def from_flat(cls, rows: np.ndarray, n_channels: int) -> "Padded":
        """Undo :meth:`flat`, as views."""
        return cls(rows[:, 1:].reshape(len(rows), -1, n_channels), rows[:, 0].astype(np.int64))


def is_list_of_series(X) -> bool:
    """Whether X is a list, or a column, of arrays or of lists of unequal length; nested equal lists are a table."""
    if isinstance(X, np.ndarray):
        return X.ndim == 1 and X.dtype == object and len(X) > 0 and np.ndim(_host(X[0])) > 0
    if not isinstance(X, (list, tuple)) or not len(X):
        return False
    if any(isinstance(item, (np.ndarray, pd.Series)) or hasattr(item, "detach") for item in X):
        return True
    return all(isinstance(item, (list, tuple)) for item in X) and len({len(item) for item in X}) > 1


def _host(item):
    item = to_host(item)
    return item.to_numpy() if isinstance(item, pd.Series) else item


def _is_nested_frame(X) -> bool:
    """Whether X is a frame with a series in each cell, one column for each channel, as sktime has them."""
    if not isinstance(X, pd.DataFrame) or X.empty:
        return False
    return all(isinstance(cell, (pd.Series, np.ndarray, list)) for cell in X.iloc[0])


def read_series(estimator, X, *, reset: bool, layout: str = "time_first", min_samples: int = 1) -> Padded:
    """Validate series of numbers.

    Parameters
    ----------
    estimator : estimator instance
        Whose data it is; a table's columns are recorded if ``reset``, else compared.
    X : array-like of shape (n, t), (n, t, c) or (n, c, t), list of n arrays, or nested frame
        The series.
    reset : bool
        Whether this is the first sight of data.
    layout : {"time_first", "channel_first"}, default="time_first"
        Which axis of a series with several channels is time.
    min_samples : int, default=1
        How many series are needed.

    Returns
    -------
    Padded
        float32 where X is, else float64.
    """
    if isinstance(X, pd.Series) and X.dtype == object:
        X = X.to_numpy()
    if type(X).__module__.partition(".")[0] != "pandas":
        X = to_host(X)
    if _is_nested_frame(X):
        return _read_list(estimator, [_row_of_cells(X, row) for row in range(len(X))], "time_first", reset, min_samples)
    if is_list_of_series(X):
        return _read_list(estimator, list(X), layout, reset, min_samples)
    # Frames have two dimensions; lists tell theirs only as arrays, and what can't be one is validate_X's to refuse.
    if isinstance(X, (np.ndarray, list, tuple)) and _n_dimensions(X) == 3:
        return _read_cube(estimator, X, layout, reset, min_samples)
    values = validate_X(estimator, X, reset=reset, ensure_all_finite="allow-nan", ensure_min_samples=min_samples)
    padded = _without_padding(values[:, :, None])
    for row, step, _ in _first_nan(padded):
        names = getattr(estimator, "feature_names_in_", None)
        column = f"column {step}" if names is None else f"column {names[step]!r}"
        raise ValueError(
            f"Input X contains NaN.\nThe first one is in row {row}, {column} (nan). Fill it "
            "(sklearn.impute.SimpleImputer in a pipeline before this estimator) or drop the row; only behind the last "
            "step of a series NaN is taken, for padding."
        )
    return padded


def _n_dimensions(X) -> int:
    if isinstance(X, np.ndarray):
        return X.ndim
    depth, item = 0, X
    while isinstance(item, (list, tuple)) and len(item):
        depth, item = depth + 1, item[0]
    return depth


def _row_of_cells(frame: pd.DataFrame, row: int) -> np.ndarray:
    """The series of shape (t, c) whose channels are the cells of a row."""
    cells = [np.asarray(cell) for cell in frame.iloc[row]]
    if len({len(cell) for cell in cells}) > 1:
        raise ValueError(
            f"The channels of X.iloc[{row}] have {[len(cell) for cell in cells]} steps. All channels of a series need "
            "the same times: resample or cut them."
        )
    return np.stack(cells, axis=1)


def _forget_columns(estimator, reset: bool) -> None:
    """What is no table has no columns to be recorded or compared."""
    if reset:
        for name in ("n_features_in_", "feature_names_in_"):
            estimator.__dict__.pop(name, None)


def _read_cube(estimator, X, layout: str, reset: bool, min_samples: int) -> Padded:
    """Read arrays of shape (n, t, c) or (n, c, t), of any t."""
    # A copy of the estimator takes the note of the second axis, which is no table's columns.
    values = validate_X(
        copy(estimator), X, reset=True, allow_nd=True, ensure_all_finite=False, ensure_min_samples=min_samples
    )
    if layout == "channel_first":
        values = np.moveaxis(values, 1, 2)
    _forget_columns(estimator, reset)
    padded = _without_padding(values)
    _refuse_gaps(padded)
    return padded


def _read_list(estimator, items: Sequence, layout: str, reset: bool, min_samples: int) -> Padded:
    """Read a list of arrays of shape (t,), or (t, c) or (c, t), of unequal lengths."""
    if len(items) < min_samples:
        raise ValueError(
            f"Found array with {len(items)} sample(s) while a minimum of {min_samples} is required by "
            f"{type(estimator).__name__}."
        )
    series: list[np.ndarray] = []
    for row, item in enumerate(items):
        with _placed(f"X[{row}]"), explained(estimator, item):
            item = check_array(
                _host(item), dtype=(np.float64, np.float32), ensure_2d=False, allow_nd=True, ensure_all_finite=False
            )
        if item.ndim > 2:
            raise ValueError(f"X[{row}] has the shape {item.shape}; a series has one axis, or two: time and channels.")
        if item.ndim < 2:
            item = item.reshape(-1, 1)
        elif layout == "channel_first":
            item = item.T
        if series and item.shape[1] != series[0].shape[1]:
            raise ValueError(
                f"X[{row}] has {item.shape[1]} channels, but X[0] has {series[0].shape[1]}. Every series needs the "
                f"same channels; with layout={layout!r} the {'second' if layout == 'time_first' else 'first'} axis of "
                "an array holds them."
            )
        series.append(item)
    _forget_columns(estimator, reset)
    longest = max(len(item) for item in series)
    dtype = np.result_type(*{item.dtype for item in series})
    values = np.full((len(series), longest, series[0].shape[1]), np.nan, dtype=dtype)
    for row, item in enumerate(series):
        values[row, : len(item)] = item
    padded = _without_padding(values)
    _refuse_gaps(padded)
    return padded


class _placed:
    """Put a place before the message of an error."""

    def __init__(self, place: str):
        self.place = place

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if isinstance(error, (ValueError, TypeError)):
            raise type(error)(f"{self.place} is no series of numbers: {error}") from None


def _without_padding(values: np.ndarray) -> Padded:
    """Find where each series ends, NaN in all channels from there on, and cut to the longest.

    Parameters
    ----------
    values : ndarray of shape (n, t, c)

    Returns
    -------
    Padded
        NaN between real values stays.
    """
    if not values.size:
        raise ValueError(f"X has the shape {values.shape}: there must be a series, a step and a channel at least.")
    real = ~np.isnan(values).all(axis=2)  # (n, t)
    lengths = values.shape[1] - real[:, ::-1].argmax(axis=1)
    empty = ~real.any(axis=1)
    if empty.any():
        row = int(empty.argmax())
        raise ValueError(f"Input X contains NaN.\nX[{row}] holds no step at all, only NaN: drop the row.")
    if real.all():
        return Padded(values, lengths)
    values = values[:, : lengths.max()].copy()
    values[np.arange(values.shape[1]) >= lengths[:, None]] = 0.0
    return Padded(values, lengths)


def _first_nan(padded: Padded):
    """Yield the place (row, step, channel) of the first NaN, if there is one."""
    bad = np.isnan(padded.values)
    if bad.any():
        yield tuple(int(place) for place in np.unravel_index(bad.argmax(), bad.shape))


def _refuse_gaps(padded: Padded) -> None:
    bad = ~np.isfinite(padded.values)
    if bad.any():
        row, step, channel = (int(place) for place in np.unravel_index(bad.argmax(), bad.shape))
        value = padded.values[row, step, channel]
        raise ValueError(
            f"Input X contains {'NaN' if np.isnan(value) else 'infinity'}.\nThe first one is in X[{row}], step {step}, "
            f"channel {channel}. Fill it or drop the series; only behind the last step, in all channels, NaN is taken, "
            "for padding."
        )
