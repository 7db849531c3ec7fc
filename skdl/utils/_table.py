"""Tables with categorical columns: what each column holds, and one float array in which categories are codes."""

import numbers
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.utils import check_array
from sklearn.utils.validation import validate_data

from skdl.utils._validation import explained, float_dtypes, to_host, validate_X

UNKNOWN = -1.0


@dataclass
class TableSchema:
    """What ``fit`` learnt of the columns.

    Attributes
    ----------
    is_categorical : ndarray of shape (d,), dtype bool
        Which columns hold categories.
    categories : list of (ndarray or None), length d
        The categories of each column in the order of their codes; None for a numeric column.
    """

    is_categorical: np.ndarray
    categories: list

    @property
    def n_categories(self) -> np.ndarray:
        """The number of categories of each categorical column, in column order."""
        return np.array([len(values) for values in self.categories if values is not None], dtype=np.int64)


def fit_table(estimator, X, categorical_features="from_dtype", *, allow_nan=False, **check_params):
    """Learn the columns of a table and encode it.

    Parameters
    ----------
    estimator : estimator instance
        Gets ``n_features_in_`` and ``feature_names_in_``.
    X : frame or array-like of shape (n, d)
        The samples.
    categorical_features : "from_dtype", None or array-like, default="from_dtype"
        - "from_dtype": the columns of a frame whose type is categorical (pandas ``category``, polars ``Categorical``
          and ``Enum``); none of an array;
        - None: no column;
        - array-like of bool, int or str: a mask, positions or names of columns.
    allow_nan : bool, default=False
        Whether a value may be missing.
    **check_params
        As in :func:`sklearn.utils.check_array`.

    Returns
    -------
    schema : TableSchema
    encoded : ndarray of shape (n, d), float32 or float64
        Numeric columns as they are; categorical ones as codes from 0, with NaN where a value is missing.

    Raises
    ------
    ValueError
        If a column that is named is not there, or a numeric column holds text.
    """
    X = to_host(X)
    with explained(estimator, X):
        if isinstance(X, (list, tuple)) and not X:
            raise ValueError("Found array with 0 sample(s) while a minimum of 1 is required.")
        if isinstance(X, dict) and not hasattr(X, "shape"):  # a sparse matrix by keys is a dict too
            raise ValueError(f"X of {type(estimator).__name__} is a dict: make a frame of it, pandas.DataFrame(X).")
        validate_data(estimator, X=X, reset=True, skip_check_array=True)
    if not _has_columns(X):
        X = _as_array(X)
    mask = _categorical_mask(X, categorical_features)
    if not mask.any():
        encoded = validate_X(estimator, X, reset=True, ensure_all_finite=_finite(allow_nan), **check_params)
        d = encoded.shape[1]
        return TableSchema(np.zeros(d, dtype=bool), [None] * d), encoded
    categories = [_categories_of(_column(X, j)) if mask[j] else None for j in range(len(mask))]
    schema = TableSchema(mask, categories)
    return schema, _encode(estimator, X, schema, allow_nan, check_params)


def encode_table(estimator, X, schema: TableSchema, *, allow_nan=False, **check_params) -> np.ndarray:
    """Encode a table by the columns that :func:`fit_table` saw.

    Parameters
    ----------
    estimator : estimator instance
        Its ``n_features_in_`` and ``feature_names_in_`` are compared with X.
    X : frame or array-like of shape (n, d)
        The samples.
    schema : TableSchema
        From :func:`fit_table`.
    allow_nan : bool, default=False
        Whether a value may be missing.
    **check_params
        As in :func:`sklearn.utils.check_array`.

    Returns
    -------
    ndarray of shape (n, d), float32 or float64
        A category that ``fit`` did not see is -1.
    """
    if not schema.is_categorical.any():
        return validate_X(estimator, X, reset=False, ensure_all_finite=_finite(allow_nan), **check_params)
    X = to_host(X)
    if not _has_columns(X):
        X = _as_array(X)
    with explained(estimator, X):
        validate_data(estimator, X=X, reset=False, skip_check_array=True)
    return _encode(estimator, X, schema, allow_nan, check_params)


def _finite(allow_nan: bool):
    return "allow-nan" if allow_nan else True


def _has_columns(X) -> bool:
    return hasattr(X, "columns") and hasattr(X, "shape")


def _as_array(X):
    """Rows of mixed values keep their types; NumPy would turn them all into strings."""
    if not isinstance(X, (list, tuple)):
        return X
    array = np.asarray(X, dtype=object)
    return array if array.ndim == 2 else X  # check_array says what is wrong with rows of unequal length


def _column(X, j: int):
    if hasattr(X, "iloc"):
        return X.iloc[:, j]
    if _has_columns(X):
        return X.to_series(j)
    return X[:, j]


def _is_category_dtype(column) -> bool:
    dtype = getattr(column, "dtype", None)
    return (
        isinstance(dtype, pd.CategoricalDtype)
        or type(dtype).__name__ in ("Categorical", "Enum")
        or str(dtype)
        in (
            "Categorical",
            "Enum",
        )
    )


def _categorical_mask(X, categorical_features) -> np.ndarray:
    if len(getattr(X, "shape", ())) != 2:
        return np.zeros(0, dtype=bool)  # check_array says what is wrong with it
    d = X.shape[1]
    if categorical_features is None:
        return np.zeros(d, dtype=bool)
    if isinstance(categorical_features, str):
        if categorical_features != "from_dtype":
            raise ValueError(
                f"categorical_features must be 'from_dtype', None or an array-like, got {categorical_features!r}."
            )
        if not _has_columns(X):
            return np.zeros(d, dtype=bool)
        return np.array([_is_category_dtype(_column(X, j)) for j in range(d)], dtype=bool)
    asked = list(categorical_features)
    mask = np.zeros(d, dtype=bool)
    if all(isinstance(item, (bool, np.bool_)) for item in asked) and asked:
        if len(asked) != d:
            raise ValueError(f"categorical_features is a mask of {len(asked)} columns, but X has {d}.")
        return np.array(asked, dtype=bool)
    names = list(X.columns) if _has_columns(X) else []
    for item in asked:
        if isinstance(item, numbers.Integral):
            item = int(item)
            if not -d <= item < d:
                raise ValueError(f"categorical_features names column {item}, but X has {d} columns.")
            mask[item] = True
        elif item in names:
            mask[names.index(item)] = True
        else:
            raise ValueError(f"categorical_features names {item!r}, which is no column of X; the columns are {names}.")
    return mask


def _values(column) -> pd.Series:
    """A column as a pandas Series of plain objects, missing values as NaN."""
    if not isinstance(column, pd.Series):
        column = pd.Series(column.to_numpy() if hasattr(column, "to_numpy") else column)
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype(column.cat.categories.dtype if column.cat.categories.dtype != int else object)
    return column


def _codes(column, categories: pd.Index) -> tuple[np.ndarray, np.ndarray]:
    """The place of each value among the categories (-1 where it is none of them), and which values are missing."""
    if isinstance(column, pd.Series) and isinstance(column.dtype, pd.CategoricalDtype) and len(column.cat.categories):
        # Each category is looked up once, not each row.
        place = categories.get_indexer(_values(pd.Series(column.cat.categories.astype(column.dtype))))
        own = column.cat.codes.to_numpy()
        return place[own], own < 0
    values = _values(column)
    return categories.get_indexer(values), values.isna().to_numpy()


def _categories_of(column) -> np.ndarray:
    declared = getattr(getattr(column, "cat", None), "categories", None)  # pandas keeps the order that was declared
    if declared is not None:
        return np.asarray(declared)
    present = _values(column).dropna().unique()
    try:
        return np.sort(np.asarray(present))
    except TypeError:  # values of several types have no common order
        return np.asarray(sorted(present, key=lambda value: (type(value).__name__, str(value))), dtype=object)


def _encode(estimator, X, schema: TableSchema, allow_nan: bool, check_params: dict) -> np.ndarray:
    numeric = np.flatnonzero(~schema.is_categorical)
    n = X.shape[0]
    if len(numeric):
        part = _numeric_part(X, numeric)
        with explained(estimator, part):
            block = check_array(
                part,
                dtype=float_dtypes(),
                ensure_all_finite=_finite(allow_nan),
                estimator=estimator,
                input_name="X",
                **check_params,
            )
        dtype = block.dtype
    else:
        block, dtype = None, np.dtype(np.float64)
        if n < check_params.get("ensure_min_samples", 1):
            raise ValueError(f"Found array with {n} sample(s) while a minimum of 1 is required.")
    encoded = np.empty((n, len(schema.categories)), dtype=dtype)
    if block is not None:
        encoded[:, numeric] = block
    for j in np.flatnonzero(schema.is_categorical).tolist():
        codes, missing = _codes(_column(X, j), pd.Index(schema.categories[j]))
        codes = np.where(missing, np.nan, codes).astype(dtype)
        if missing.any() and not allow_nan:
            row = int(missing.argmax())
            name = X.columns[j] if _has_columns(X) else j
            raise ValueError(
                f"Input X contains NaN: row {row} of the categorical column {name!r} is missing. Fill it, or give "
                "missing values a category of their own."
            )
        encoded[:, j] = codes
    return encoded


def _numeric_part(X, columns: np.ndarray):
    """The numeric columns, under the names or positions that they have in X, for messages."""
    if hasattr(X, "iloc"):
        return X.iloc[:, columns]
    if _has_columns(X):
        return X[:, columns.tolist()]
    return pd.DataFrame(X[:, columns], columns=columns)
