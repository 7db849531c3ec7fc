"""Hostile input: whatever comes in, a finite answer of the right shape comes out, or a helpful message.

Hypothesis draws data of all forms and values, parameters from each estimator's ``_constraints``, and orders of calls.
"""

import signal
import traceback
import warnings
from contextlib import contextmanager

import numpy as np
import pandas as pd
import polars as pl
import scipy.sparse as sp
import torch
from hypothesis import assume
from hypothesis import strategies as st
from sklearn.base import clone

from skdl.base import _SHARED_CONSTRAINTS
from skdl.utils import Interval, Options

SECONDS = 60
# Parameters that decide how long a fit takes and nothing else that matters here.
_QUICK = {
    **{"max_epochs": [1, 2], "max_iter": [1, 5, 100], "n_init": [1, 2], "n_estimators": [1, 3], "n_members": [2]},
    **{"n_samples": [1, 5], "n_clusters": [1, 2, 3, 7], "n_steps": [1, 5], "n_bags": [1, 3], "n_jobs": [None, 1, 2]},
    **{"batch_size": [1, 7, 64, 1000], "hidden_layer_sizes": [(), (1,), (8,), (4, 4), 5], "num_layers": [1, 2]},
    **{
        "hidden_size": [1, 6],
        "d_model": [4, 8],
        "dim_feedforward": [1, 8],
        "channels": [1, 4],
        "embedding_dim": [1, 4],
    },
    **{
        "num_heads": [1, 2, 3],
        "nhead": [1, 2, 3],
        "num_levels": [None, 1, 2],
        "kernel_size": [1, 2, 3],
        "verbose": [0],
    },
    **{"max_depth": [1, 3, None], "min_categories": [None, 1, 5], "max_bins": ["auto", 2, 30], "max_steps": [1, 5]},
    **{"min_frequency": [1, 2], "accelerate": [False], "compile": [False], "checkpoint": [None], "callbacks": [None]},
    **{"init_from": [None], "device": ["auto", "cpu"], "warm_start": [False, True], "n_constraints": [None, 5]},
    **{"mixed_precision": [False, "auto"], "freeze": [None], "n_iter": [1, 3], "n_iter_no_change": [1, 5]},
}
_HOPELESS = [-1, 0, 1.5, np.nan, "nonsense", None, object, [], {}, True, 10**6, -np.inf]
_TRACES_OF_TORCH = (
    *("mat1 and mat2", "Expected all tensors", "size mismatch for", "Sizes of tensors must match", "at::", "c10::"),
    *("not implemented for '", "INTERNAL ASSERT", "The size of tensor a", "invalid for input of size"),
)


class Loss(AssertionError):
    """Something that may not happen."""


class Hang(BaseException):
    """A call did not come back."""


@contextmanager
def _time_limit():
    def stop(*_):
        raise Hang

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


# Data.


@st.composite
def tables(draw, whole: bool = False):
    """X of shape (n, d), as an array of float64, in any state."""
    n = draw(st.sampled_from([*[30] * 8, 12, 12, 12, 2, 1, 0]))
    d = draw(st.sampled_from([*[4] * 8, 2, 2, 1, 1, 0]))
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    X = rng.normal(size=(n, d))
    if whole or draw(st.integers(0, 3)) == 0:
        X = np.abs(np.round(3 * X))
    scale = draw(st.sampled_from([*[1.0] * 10, 1e-300, 1e-30, 1e6, 1e30, 1e150, 1e300]))
    X = X * scale + draw(st.sampled_from([0.0, 0.0, 0.0, 1e3, 1e9]))
    if draw(st.integers(0, 3)) == 0:
        X = np.abs(X)
    spoil = draw(st.sampled_from([*[""] * 9, "constant", "constant", "copies", "nan", "inf", "all constant", "huge"]))
    if X.size and spoil:
        row, column = rng.integers(n), rng.integers(d)
        match spoil:
            case "constant":
                X[:, column] = X[0, column]
            case "all constant":
                X[:] = 1.0
            case "copies":
                X[:] = X[0]
            case "nan":
                X[row, column] = np.nan
            case "inf":
                X[row, column] = np.inf
            case "huge":
                X[row, column] = 1e308
    return X


_DTYPES = [*["float64"] * 12, *["float32"] * 3, "float16", "int64", "int8", "uint8", "bool", "object", "complex", "U"]
_FORMS = [
    *["array"] * 20,
    *("list", "frame", "frame", "category", "polars", "tensor", "sparse", "fortran", "strided", "read-only"),
    *("scalar", "vector", "cube", "None", "text", "masked", "dict", "ragged"),
]


def _typed(X: np.ndarray, dtype: str):
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return X.astype(dtype)


def in_form(X: np.ndarray, dtype: str, form: str):
    """The table in another container."""
    X = _typed(X, dtype)
    names = [f"c{j}" for j in range(X.shape[1])]
    numeric = X.dtype.kind in "fiub"
    match form:
        case "list":
            return X.tolist()
        case "frame":
            return pd.DataFrame(X, columns=names)
        case "category" if numeric and X.shape[1]:
            frame = pd.DataFrame(X, columns=names)
            frame["c0"] = pd.Categorical(np.round(X[:, 0].astype(float)))
            return frame
        case "polars" if numeric:
            return pl.DataFrame(X.astype(float), schema=names)
        case "tensor" if numeric:
            return torch.from_numpy(np.ascontiguousarray(X))
        case "sparse" if numeric and dtype != "float16":
            return sp.csr_matrix(X)
        case "fortran":
            return np.asfortranarray(X)
        case "strided":
            return np.repeat(X, 2, axis=0)[::2]
        case "read-only":
            X = X.copy()
            X.flags.writeable = False
            return X
        case "scalar":
            return 3.0
        case "vector":
            return X.ravel()
        case "cube":
            return np.stack([X, X], axis=-1)
        case "None":
            return None
        case "text":
            return ["some text"] * len(X)
        case "masked" if numeric:
            return np.ma.masked_array(X, X.max(initial=0) == X)
        case "dict":
            return {name: X[:, j] for j, name in enumerate(names)}
        case "ragged":
            return [row[: 1 + i % 3] for i, row in enumerate(X.tolist())]
    return X


@st.composite
def targets(draw, n: int, kind: str):
    """y for n rows, most often of the kind that is asked for."""
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    asked = ["codes", "texts", "bools", "numbers", "several"] if kind == "classifier" else ["reals"] * 3 + ["codes"]
    form = draw(
        st.sampled_from(
            asked * 9 + ["one class", "reals", "nan", "short", "None", "objects", "two columns", "huge", "inf"]
        )
    )
    codes = rng.integers(3, size=n)
    match form:
        case "codes" | "several":
            return codes
        case "texts":
            return np.array(["red", "green", "blue"])[codes]
        case "bools":
            return codes > 0
        case "numbers":
            return codes * 2.5
        case "one class":
            return np.zeros(n, dtype=int)
        case "nan":
            return np.where(codes == 0, np.nan, codes.astype(float))
        case "inf":
            return np.where(codes == 0, np.inf, codes.astype(float))
        case "short":
            return codes[:-1]
        case "None":
            return None
        case "objects":
            return np.array([None, "a", 1], dtype=object)[codes]
        case "two columns":
            return np.c_[codes, codes]
        case "huge":
            return rng.normal(size=n) * 1e300
    return rng.normal(size=n)


@st.composite
def weights(draw, n: int):
    """sample_weight, most often None."""
    form = draw(st.sampled_from(["None"] * 6 + ["ones", "random", "zeros", "negative", "nan", "short", "tiny", "huge"]))
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    match form:
        case "ones":
            return np.ones(n)
        case "random":
            return rng.random(n)
        case "zeros":
            return np.zeros(n)
        case "negative":
            return rng.normal(size=n)
        case "nan":
            return np.full(n, np.nan)
        case "short":
            return np.ones(max(0, n - 1))
        case "tiny":
            return rng.random(n) * 1e-300
        case "huge":
            return rng.random(n) * 1e300
    return None


@st.composite
def parameters(draw, estimator):
    """A few parameters, each most often within its constraints."""
    constraints = {**_SHARED_CONSTRAINTS, **estimator._constraints, **getattr(estimator, "_task_constraints", {})}
    names = sorted(name for name in estimator.get_params(deep=False) if name in constraints)
    chosen = draw(st.lists(st.sampled_from(names), max_size=3, unique=True)) if names else []
    values = {}
    for name in chosen:
        if draw(st.integers(0, 9)) == 0:
            values[name] = draw(st.sampled_from(_HOPELESS))
            if name in _QUICK and values[name] in (10**6, None):
                values[name] = -1
        elif name in _QUICK:
            values[name] = draw(st.sampled_from(_QUICK[name]))
        else:
            value = draw(_within(draw(st.sampled_from(constraints[name]))))
            if value is not _within:
                values[name] = value
    return values


def _within(constraint):
    """Values that a constraint takes; the function itself stands for none."""
    if constraint is None:
        return st.none()
    if isinstance(constraint, Options):
        return st.sampled_from(constraint.values)
    if isinstance(constraint, Interval):
        low, high = constraint.low, constraint.high
        if constraint.kind == "int":
            low, high = -3 if low is None else int(low), 20 if high is None else int(high)
            return st.integers(low, max(low, min(high, low + 20))).filter(constraint.accepts)
        ends = [value for value in (low, high) if value is not None]
        near = [*ends, 1e-9, 1e-3, 0.1, 0.5, 0.9, 1.0, 2.0, 10.0, 1e6]
        return st.sampled_from([value for value in near if constraint.accepts(value)] or [low or 0.0])
    if constraint is bool:
        return st.booleans()
    return st.just(_within)


# Cases.

_METHODS = (
    "predict",
    "predict_proba",
    "predict_log_proba",
    "decision_function",
    "transform",
    "score_samples",
    "kneighbors",
)


@st.composite
def cases(draw, row):
    """Everything that is done to one estimator: parameters, data, and calls in an order."""
    estimator = row.make()
    settings = draw(parameters(estimator))
    X = draw(tables(whole=row.whole))
    kind = row.learns_from or row.kind
    y = draw(targets(len(X), kind)) if kind in ("classifier", "regressor") else None
    weight = draw(weights(len(X))) if row.takes_weights else None
    dtype, form = draw(st.sampled_from(_DTYPES)), draw(st.sampled_from(_FORMS))
    others = draw(tables(whole=row.whole))
    if draw(st.integers(0, 3)):
        others = others[:, : X.shape[1]] if others.shape[1] >= X.shape[1] else X
    queries = in_form(others, draw(st.sampled_from(_DTYPES)), draw(st.sampled_from(_FORMS)))
    calls = draw(
        st.lists(
            st.sampled_from(["fit", "predict X", "predict other", "partial_fit", "clone", "fit other", "set"]),
            min_size=1,
            max_size=4,
        )
    )
    return settings, in_form(X, dtype, form), y, weight, queries, ["fit", "predict X", *calls]


def run_case(row, case) -> list[str]:
    """Do what a case says; raises :class:`Loss` where the estimator fails its caller.

    Returns
    -------
    list of str
        What came of each call: "answer" or "message".
    """
    settings, X, y, weight, queries, calls = case
    estimator = row.make()
    done = []

    def attempt(what, call):
        try:
            with _time_limit(), warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                result = call()
        except Hang:
            raise Loss(f"{what} did not come back within {SECONDS} s") from None
        except (ValueError, TypeError) as error:
            _check_message(what, error)
            done.append("message")
            return None
        except Exception as error:
            raise Loss(f"{what} raised {type(error).__name__}: {error}\n{_place(error)}") from error
        done.append("answer")
        return result

    fit_params = {} if weight is None else {"sample_weight": weight}
    attempt("set_params", lambda: estimator.set_params(**settings))
    fitted_to = None
    for call in calls:
        match call:
            case "fit" | "fit other":
                data = X if call == "fit" else queries
                target = () if y is None and not row.supervised and row.learns_from is None else (y,)
                if (
                    attempt("fit", lambda data=data, target=target: estimator.fit(data, *target, **fit_params))
                    is not None
                ):
                    fitted_to = data
            case "partial_fit" if hasattr(estimator, "partial_fit"):
                attempt("partial_fit", lambda: estimator.partial_fit(X, *(() if y is None else (y,))))
            case "clone":
                copy = attempt("clone", lambda: clone(estimator))
                assume(copy is not None)
                attempt("predict unfitted", lambda copy=copy: getattr(copy, _first_method(copy))(X))
            case "set":
                attempt("set_params", lambda: estimator.set_params(**settings))
            case "predict X" | "predict other":
                data = (X if fitted_to is None else fitted_to) if call == "predict X" else queries
                for method in _METHODS:
                    if hasattr(estimator, method):
                        said = attempt(method, lambda method=method, data=data: getattr(estimator, method)(data))
                        if said is not None:
                            _check_answer(method, said, data)
    return done


def _first_method(estimator) -> str:
    return next(method for method in _METHODS if hasattr(estimator, method))


def _check_message(what: str, error: Exception) -> None:
    text = str(error)
    if len(text) < 12:
        raise Loss(f"{what} raised {type(error).__name__} with the text {text!r}\n{_place(error)}") from error
    frames = traceback.extract_tb(error.__traceback__)
    if any(trace in text for trace in _TRACES_OF_TORCH) or "/torch/" in frames[-1].filename:
        raise Loss(f"{what} lets torch speak: {type(error).__name__}: {text}\n{_place(error)}") from error


def _place(error: Exception) -> str:
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "/skdl/" in frame.filename]
    return "".join(f"  {frame.filename}:{frame.lineno} {frame.line}\n" for frame in frames[-3:])


def _check_answer(method: str, said, data) -> None:
    for part in said if isinstance(said, (tuple, list)) else [said]:
        values = part.data if sp.issparse(part) else np.asarray(part)
        if values.dtype.kind == "f" and np.isnan(values).any():
            raise Loss(f"{method} gives NaN")
        # A logarithm of a probability of zero is what it is, and so is a distance beyond the largest number.
        if method in ("predict", "predict_proba", "transform") and values.dtype.kind == "f" and np.isinf(values).any():
            raise Loss(f"{method} gives infinity")
        if data is None:
            continue  # the fitted rows
        rows = data.shape[0] if hasattr(data, "shape") and len(data.shape) else len(data)
        if part.shape[0] != rows:
            raise Loss(f"{method} gives {part.shape[0]} rows for {rows}")
    is_table = method == "predict_proba" and isinstance(said, np.ndarray) and said.ndim == 2 and said.size
    if is_table and (said.min() < 0 or said.max() > 1 + 1e-6):
        raise Loss("predict_proba gives what is no probability")
