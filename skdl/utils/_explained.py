"""What scikit-learn's validation says, with the row and column of the trouble and what to do."""

from contextlib import contextmanager

import numpy as np
import pandas as pd
import scipy.sparse as sp

# How scikit-learn, NumPy and Python say that a value is no number.
_NO_NUMBERS = (
    *("could not convert string to float", "cannot be converted to float", "could not be promoted"),
    "float() argument must be",
)


@contextmanager
def explained(estimator, X, y=None):
    """Add the place and a remedy to what scikit-learn's validation says.

    Parameters
    ----------
    estimator : estimator instance
        Whose data is checked.
    X : object
        The samples, to look for the place.
    y : object, default=None
        The targets.

    Yields
    ------
    None
    """
    try:
        with np.errstate(over="ignore", invalid="ignore"):  # values around 1e308 are summed up to see if all are finite
            yield
    except (ValueError, TypeError) as error:
        hint = _hint(estimator, X, y, str(error))
        if hint is None:
            raise
        raise type(error)(f"{error}\n{hint}") from None


def _hint(estimator, X, y, message: str) -> str | None:
    if "contains NaN" in message or "contains infinity" in message:
        # Of labels that are objects scikit-learn does not say whose they are.
        in_y = y is not None and "Input X" not in message
        where = _find(y if in_y else X, pd.isna if "contains NaN" in message else _is_too_large("float32" in message))
        if where is None:
            return None
        if in_y:
            return f"The first one is at y[{where[0]}]: drop or fill the rows without a usable target."
        own = ", set missing_values='indicator'," if "missing_values" in estimator.get_params(deep=False) else ""
        return (
            f"The first one is in {where}. Fill it (sklearn.impute.SimpleImputer in a pipeline before this estimator)"
            f"{own} or drop the row."
        )
    if any(text in message for text in _NO_NUMBERS):
        where = _find(X, _not_numeric)
        if where is None:
            return None
        if not isinstance(where[2], str):
            return (
                f"It stands in {where}: {type(estimator).__name__} takes numbers here; make a number of it (of a date "
                "the year, or the days since another), or drop the column."
            )
        remedy = (
            "turn the column into dtype 'category', or name it in categorical_features"
            if "categorical_features" in estimator.get_params(deep=False)
            else "encode the column (sklearn.preprocessing.OneHotEncoder or OrdinalEncoder in a ColumnTransformer)"
        )
        return f"It stands in {where}: {type(estimator).__name__} takes numbers here; {remedy}, or drop it."
    if "expecting" in message and "features as input" in message:
        names = getattr(estimator, "feature_names_in_", None)
        listed = "" if names is None else f" ({', '.join(map(str, names[:10]))}{', ...' if len(names) > 10 else ''})"
        return f"Pass the {estimator.n_features_in_} columns that fit saw{listed}, in their order."
    if "feature names should match" in message:
        return "Select the columns by name in the order of fit: X[list(estimator.feature_names_in_)]."
    if "Found array with 0 sample(s)" in message:
        return "There must be a row at least: check how X was read, cut or filtered."
    if "inconsistent numbers of samples" in message:
        return "X and y must have one row for each sample: check how they were cut or filtered."
    if "Sparse data was passed" in message or ("sparse" in message.lower() and sp.issparse(X)):
        return f"{type(estimator).__name__} takes dense data only: X.toarray() makes it dense where memory allows."
    return None


class _Place(tuple):
    """A (row, column) that prints as a person would say it."""

    def __str__(self):
        row, column, value = self
        column = f"position {column}" if isinstance(column, tuple) else f"column {column!r}"
        return f"row {row}, {column} ({value!r})"


def _columns(data):
    """Yield (name or position, values) for each column of a frame, an array or a list of rows.

    Where samples have several axes, as images have, the position is a tuple.
    """
    if hasattr(data, "columns"):
        for position, name in enumerate(data.columns):
            column = data.iloc[:, position] if hasattr(data, "iloc") else data[:, position]
            yield name, np.asarray(column)
    elif sp.issparse(data):
        dense_rows = data.tocoo()
        for position in np.unique(dense_rows.col):
            yield int(position), np.asarray(data.tocsc()[:, [position]].toarray()).ravel()
    else:
        array = np.asarray(data)
        if not array.ndim:
            return
        for position, values in enumerate(array.reshape(len(array), -1).T):
            place = np.unravel_index(position, array.shape[1:] or (1,))
            yield tuple(map(int, place)) if array.ndim > 2 else position, values


def _find(data, is_bad) -> _Place | None:
    """The first bad value, by column and then row."""
    for name, values in _columns(data):
        try:
            bad = is_bad(values)
        except (TypeError, ValueError):
            continue
        if bad.any():
            row = int(bad.argmax())
            value = values[row]
            return _Place((row, name, value.item() if isinstance(value, np.generic) else value))
    return None


def _is_too_large(single: bool):
    """What finds infinities, and numbers that become infinite in single precision."""

    def too_large(values: np.ndarray) -> np.ndarray:
        with np.errstate(over="ignore"):
            return np.isinf(values.astype(np.float32 if single else np.float64))

    return too_large


def _not_numeric(values: np.ndarray) -> np.ndarray:
    def fails(value):
        try:
            float(value)
        except (TypeError, ValueError):
            return True
        return False

    if values.dtype.kind in "biuf":
        return np.zeros(len(values), dtype=bool)
    return np.fromiter((fails(value) for value in values), dtype=bool, count=len(values))
