"""The one place that validates X, y and sample_weight.

scikit-learn's ``validate_data`` does the work, so that names, counts and messages are those that its users know. Added
here: tensors and polars frames are taken, and errors are explained (``_explained.py``).
"""

import sys
from copy import copy

import numpy as np
from sklearn.utils import column_or_1d
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import validate_data

from skdl.config import get_config
from skdl.utils._explained import explained

FLOATS = (np.float64, np.float32)
# From so many values on, several threads are quicker at adding them up.
_MANY_VALUES = 1 << 20
# From so many whole-numbered labels on, counting them is quicker than sorting them.
_MANY_LABELS = 16


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
    usual = not reset and dtype is None and check_params.keys() <= {"ensure_all_finite", "accept_sparse", "order"}
    if usual and _is_plain(estimator, X, allow_nan, check_params.get("order")):
        return X
    check_params |= _already_checked(X, dtype, check_params)
    with explained(estimator, X):
        return validate_data(
            estimator, X=X, reset=reset, dtype=float_dtypes() if dtype is None else dtype, **check_params
        )


def _is_plain(estimator, X, allow_nan: bool, order: str | None) -> bool:
    """Whether X is a finite float array of the right width, of which there is nothing to say and nothing to change.

    scikit-learn's validation comes to the same and takes longer than predicting one row.
    """
    if type(X) is not np.ndarray or X.ndim != 2 or X.dtype not in FLOATS or not len(X):
        return False
    if X.shape[1] != getattr(estimator, "n_features_in_", 0) or hasattr(estimator, "feature_names_in_"):
        return False
    if get_config()["dtype"] is not None or order not in (None, "C" if X.flags.c_contiguous else "F"):
        return False
    return _has_finite_sum(X) or (allow_nan and not np.isinf(X).any())


def _has_finite_sum(X: np.ndarray) -> bool:
    """Whether the sum of X is finite, and so X is; by all of torch's threads where X is large."""
    torch = sys.modules.get("torch")
    # Tensors over arrays that can't be written to come with a warning.
    if torch is not None and X.size >= _MANY_VALUES and X.flags.c_contiguous and X.flags.writeable:
        return bool(torch.from_numpy(X).sum().isfinite())
    with np.errstate(over="ignore", invalid="ignore"):
        return bool(np.isfinite(X.sum()))


def _already_checked(X, dtype, check_params: dict) -> dict:
    """What scikit-learn need not do again for a large array that stays as it is and is seen to be finite."""
    if type(X) is not np.ndarray or X.size < _MANY_VALUES or X.dtype not in FLOATS:
        return {}
    kept = dtype is None and get_config()["dtype"] is None
    asked = check_params.get("ensure_all_finite", True) is True
    return {"ensure_all_finite": False} if kept and asked and _has_finite_sum(X) else {}


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
    check_params |= _already_checked(X, dtype, check_params)
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


# Sums of weights, and of weighted squares, are far from overflowing up to it.
_LARGEST_WEIGHT = 1e150


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
        If the shape is wrong, a weight is negative, NaN, infinite or beyond 1e150, or all are zero.
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
    if weight.max(initial=0.0) > _LARGEST_WEIGHT:
        row = int(weight.argmax())
        raise ValueError(
            f"sample_weight[{row}] is {weight[row]}, and sums of weights beyond {_LARGEST_WEIGHT} may overflow. "
            "Divide all weights by a constant."
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
                codes = places if len(found) == reach else (np.cumsum(present) - 1)[places]
                return found.astype(y.dtype) + y.dtype.type(low), codes
    if y.dtype.kind in "mM" and np.isnat(y).any():
        raise ValueError(f"y has no date at row {int(np.isnat(y).argmax())}: drop the rows without a label.")
    try:
        classes, codes = np.unique(y, return_inverse=True)
    except TypeError:
        kinds = sorted({type(label).__name__ for label in y})
        raise ValueError(
            f"y mixes labels of the types {kinds}, which have no common order. "
            "Use one type (y.astype(str), say), and drop rows without a label."
        ) from None
    check_classification_targets(y)
    if not len(classes):
        raise ValueError(f"{owner} needs a label for each row, but y is empty: check how the rows were cut.")
    if len(classes) < min_classes:
        raise ValueError(
            f"{owner} needs samples of at least {min_classes} classes in the data, but y contains only one class: "
            f"{classes[0]!r}. Add rows of another class, or check how the rows were split."
        )
    return classes, codes.astype(np.int64, copy=False)
