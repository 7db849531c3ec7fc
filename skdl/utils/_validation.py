"""The one place that validates X, y and sample_weight.

scikit-learn's ``validate_data`` does the work, so that names, counts and messages are those that its users know. Added
here: tensors and polars frames are taken, and an error says in which row and column the trouble lies and what to do.
"""

import sys
from contextlib import contextmanager
from copy import copy

import numpy as np
import scipy.sparse as sp
from sklearn.utils import column_or_1d
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import validate_data

from skdl.config import get_config

FLOATS = (np.float64, np.float32)
# From so many whole-numbered labels on, counting them is quicker than sorting them.
_MANY_LABELS = 1000


def to_host(data):
    """Return tensors and polars series as NumPy arrays; give back anything else as it is.

    Parameters
    ----------
    data : object
        Samples, targets or weights of any kind; a tensor may lie on any device.

    Returns
    -------
    ndarray or object
        A tensor's or a polars series' values, or ``data`` itself.
    """
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(data, torch.Tensor):
        data = data.detach().cpu()
        return (data.float() if data.dtype == torch.bfloat16 else data).numpy()
    if type(data).__module__.partition(".")[0] == "polars" and not hasattr(data, "columns"):
        return data.to_numpy()
    return data


def float_dtypes():
    """Return the types that X may keep: float32 and float64, or the one that :func:`skdl.set_config` asks for.

    Returns
    -------
    tuple of types or dtype
        As scikit-learn's ``check_array`` takes it.
    """
    dtype = get_config()["dtype"]
    return FLOATS if dtype is None else np.dtype(dtype)


def validate_X(estimator, X, *, reset=False, dtype=None, **check_params):
    """Check X and turn it into a float array; record or compare the columns.

    Parameters
    ----------
    estimator : estimator instance
        Gets ``n_features_in_`` and ``feature_names_in_`` if ``reset``, is compared with them if not.
    X : array-like, frame, tensor or sparse matrix of shape (n, d)
        The samples.
    reset : bool, default=False
        True in ``fit``, False everywhere else.
    dtype : type, sequence of types or None, default=None
        As in :func:`sklearn.utils.check_array`; None keeps float32 and float64 and makes float64 of all else.
    **check_params
        As in :func:`sklearn.utils.check_array`: ``accept_sparse``, ``ensure_all_finite``, ``ensure_min_samples``, ...

    Returns
    -------
    ndarray or sparse matrix of shape (n, d)

    Raises
    ------
    ValueError, TypeError
        scikit-learn's message, followed by the row and column and what to do.
    """
    X = to_host(X)
    allow_nan = check_params.get("ensure_all_finite") == "allow-nan"
    usual = not reset and dtype is None and check_params.keys() <= {"ensure_all_finite"}
    if usual and _is_plain(estimator, X, allow_nan):
        return X
    with explained(estimator, X):
        return validate_data(
            estimator, X=X, reset=reset, dtype=float_dtypes() if dtype is None else dtype, **check_params
        )


def _is_plain(estimator, X, allow_nan: bool) -> bool:
    """Whether X is a finite float array of the right width, of which there is nothing to say and nothing to change.

    scikit-learn's validation comes to the same and takes longer than predicting one row.
    """
    if type(X) is not np.ndarray or X.ndim != 2 or X.dtype not in FLOATS or not len(X):
        return False
    if X.shape[1] != getattr(estimator, "n_features_in_", 0) or hasattr(estimator, "feature_names_in_"):
        return False
    if get_config()["dtype"] is not None:
        return False
    with np.errstate(over="ignore", invalid="ignore"):
        finite = bool(np.isfinite(X.sum()))
    return finite or (allow_nan and not np.isinf(X).any())


def validate_X_y(estimator, X, y, *, reset=True, dtype=None, multi_output=False, y_numeric=False, **check_params):
    """Check X and y together.

    Parameters
    ----------
    estimator, X : as in :func:`validate_X`
    y : array-like of shape (n,) or (n, n_outputs)
        The targets.
    reset : bool, default=True
        As in :func:`validate_X`.
    dtype : type, sequence of types or None, default=None
        As in :func:`validate_X`.
    multi_output : bool, default=False
        Whether y may have two dimensions.
    y_numeric : bool, default=False
        Whether y must be a number (regression).
    **check_params
        As in :func:`validate_X`.

    Returns
    -------
    X : ndarray or sparse matrix of shape (n, d)
    y : ndarray of shape (n,) or (n, n_outputs)
    """
    X, y = to_host(X), to_host(y)
    with explained(estimator, X, y):
        return validate_data(
            estimator,
            X=X,
            y=y,
            reset=reset,
            dtype=float_dtypes() if dtype is None else dtype,
            multi_output=multi_output,
            y_numeric=y_numeric,
            **check_params,
        )


def validate_y(estimator, y, *, multi_output=False, y_numeric=False) -> np.ndarray:
    """Check the targets by themselves, where X needs a treatment of its own.

    Parameters
    ----------
    estimator, y, multi_output, y_numeric : as in :func:`validate_X_y`

    Returns
    -------
    ndarray of shape (n,) or (n, n_outputs)
    """
    y = to_host(y)
    with explained(estimator, None, y):
        # scikit-learn forgets the feature names of an estimator that is given no X: let it forget those of a copy.
        return validate_data(copy(estimator), X="no_validation", y=y, multi_output=multi_output, y_numeric=y_numeric)


def class_weights(class_weight, classes: np.ndarray, codes: np.ndarray, sample_weight=None) -> np.ndarray:
    """Return the weight of each class.

    Parameters
    ----------
    class_weight : None, "balanced" or dict
        None weighs every class 1; "balanced" weighs a class inversely to the (weighted) number of its samples; a dict
        gives weights by label, 1 where it names none.
    classes : ndarray of shape (n_classes,)
        The labels.
    codes : ndarray of shape (n,), dtype int64
        The position of each sample's label in ``classes``.
    sample_weight : ndarray of shape (n,) or None, default=None
        Weights of the samples.

    Returns
    -------
    ndarray of shape (n_classes,), dtype float64

    Raises
    ------
    ValueError
        If the dict names a label that is not there, or a weight is negative or not finite.
    """
    if class_weight is None:
        return np.ones(len(classes))
    if isinstance(class_weight, str):
        if class_weight != "balanced":
            raise ValueError(f"class_weight must be None, 'balanced' or a dict, got {class_weight!r}.")
        counts = np.bincount(codes, weights=sample_weight, minlength=len(classes))
        return np.divide(counts.sum(), len(classes) * counts, out=np.zeros(len(classes)), where=counts > 0)
    labels = classes.tolist()
    unknown = [label for label in class_weight if label not in labels]
    if unknown:
        raise ValueError(f"class_weight names the classes {unknown}, which y does not hold; its classes are {labels}.")
    weights = np.array([class_weight.get(label, 1.0) for label in labels], dtype=np.float64)
    if not np.isfinite(weights).all() or (weights < 0).any():
        raise ValueError(f"class_weight must hold finite weights that are not negative, got {class_weight!r}.")
    return weights


def validate_sample_weight(sample_weight, n_samples: int) -> np.ndarray | None:
    """Check sample weights.

    Parameters
    ----------
    sample_weight : None, number or array-like of shape (n_samples,)
        None means that every sample counts once.
    n_samples : int
        The length it must have.

    Returns
    -------
    None or ndarray of shape (n_samples,), dtype float64

    Raises
    ------
    ValueError
        If the shape is wrong, a weight is negative, NaN or infinite, or all are zero.
    """
    if sample_weight is None:
        return None
    weight = np.require(to_host(sample_weight), dtype=np.float64, requirements="W")
    if weight.ndim == 0:
        weight = np.full(n_samples, float(weight))
    if weight.ndim != 1:
        raise ValueError(
            f"Sample weights must be 1D array or scalar, got {weight.ndim}D array of shape {weight.shape}."
        )
    if len(weight) != n_samples:
        raise ValueError(
            f"sample_weight.shape == {weight.shape}, expected {(n_samples,)}: one weight for each row of X."
        )
    bad = ~np.isfinite(weight) | (weight < 0)
    if bad.any():
        row = int(bad.argmax())
        raise ValueError(
            f"sample_weight[{row}] is {weight[row]} ({int(bad.sum())} such weights in all); "
            "weights must be finite and not negative. Use 0 to leave a sample out."
        )
    if not weight.any():
        raise ValueError("Sample weights must contain at least one non-zero number.")
    return weight


def encode_classes(y, *, owner: str, min_classes: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Turn labels of any kind into codes.

    Parameters
    ----------
    y : array-like of shape (n,)
        Labels: strings, bools, ints or whole floats.
    owner : str
        The estimator's name, for messages.
    min_classes : int, default=1
        How many classes are needed.

    Returns
    -------
    classes : ndarray of shape (n_classes,)
        The distinct labels, sorted.
    codes : ndarray of shape (n,), dtype int64
        The position of each label in ``classes``.

    Raises
    ------
    ValueError
        If y holds numbers with a fraction, mixes types, or has too few classes.
    """
    y = column_or_1d(y, warn=True)
    if y.dtype.kind in "iu" and len(y) >= _MANY_LABELS:
        # Whole numbers that lie close together are counted, which takes a few passes and no sorting.
        low = int(y.min())
        reach = int(y.max()) - low + 1
        if reach <= len(y) // 4:
            places = y.astype(np.int64) - low if y.dtype.kind == "i" else (y - y.dtype.type(low)).astype(np.int64)
            present = np.bincount(places, minlength=reach) > 0
            found = np.flatnonzero(present)
            if len(found) >= min_classes:
                return found.astype(y.dtype) + y.dtype.type(low), (np.cumsum(present) - 1)[places]
    try:
        classes, codes = np.unique(y, return_inverse=True)
    except TypeError:
        kinds = sorted({type(label).__name__ for label in y})
        raise ValueError(
            f"y mixes labels of the types {kinds}, which have no common order. "
            "Use one type (y.astype(str), say), and drop rows without a label."
        ) from None
    check_classification_targets(y)
    if len(classes) < min_classes:
        raise ValueError(
            f"{owner} needs samples of at least {min_classes} classes in the data, but y contains only one class: "
            f"{classes[0]!r}. Add rows of another class, or check how the rows were split."
        )
    return classes, codes.astype(np.int64, copy=False)


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
        yield
    except (ValueError, TypeError) as error:
        hint = _hint(estimator, X, y, str(error))
        if hint is None:
            raise
        raise type(error)(f"{error}\n{hint}") from None


def _hint(estimator, X, y, message: str) -> str | None:
    if "contains NaN" in message or "contains infinity" in message:
        name, data = ("y", y) if "Input y" in message else ("X", X)
        where = _find(data, np.isnan if "contains NaN" in message else _is_too_large("float32" in message))
        if where is None:
            return None
        if name == "y":
            return f"The first one is at y[{where[0]}]: drop or fill the rows without a usable target."
        return (
            f"The first one is in {where}. Fill it (sklearn.impute.SimpleImputer in a pipeline before this estimator) "
            "or drop the row."
        )
    if "could not convert string to float" in message or "cannot be converted to float" in message:
        where = _find(X, _not_numeric)
        if where is None:
            return None
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
        column = f"column {column!r}" if isinstance(column, str) else f"column {column}"
        return f"row {row}, {column} ({value!r})"


def _columns(data):
    """Yield (name or position, values) for each column of a frame, an array or a list of rows."""
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
        if array.ndim == 1:
            array = array[:, None]
        for position in range(array.shape[1]):
            yield position, array[:, position]


def _find(data, is_bad) -> _Place | None:
    """The first bad value, by column and then row."""
    for name, values in _columns(data):
        try:
            bad = is_bad(values if is_bad is _not_numeric else values.astype(np.float64))
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
            return np.isinf(values.astype(np.float32) if single else values)

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
