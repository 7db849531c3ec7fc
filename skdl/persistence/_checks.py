"""Checks of a model that was read, before anybody uses it: types, shapes, ranges, and that it predicts.

What is compiled (walks down trees, products of sparse matrices, generators) reads where its arrays tell it to; it would
read outside of them, or run for ever, if the arrays were forged. All that such code reads is checked here one by one.
The rest is Python, where a wrong attribute raises an exception: each estimator predicts two rows of zeros, so
that it does so now.
"""

import numbers
import warnings
from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder
from sklearn.utils.validation import check_is_fitted

from skdl.base import Estimator
from skdl.exceptions import InvalidFileError
from skdl.persistence._trees import check_multiway_tree, check_sklearn_tree, check_tree
from skdl.utils import DeviceCache, without_progress

_WIDEST_TRIAL = 100_000  # columns
_MOST_JOBS = 1024
_MOST_SAMPLES = 100_000
# Parameters that decide how many layers are built, and in what numbers.
_STRUCTURE = ("hidden_layer_sizes", "channels", "num_layers", "blocks", "n_blocks", "kernel_sizes", "stages")


def check_model(model, *, runs_foreign_code: bool) -> None:
    """Raise if anything in a model is not what it should be.

    Parameters
    ----------
    model : estimator
        As skops made it.
    runs_foreign_code : bool
        Whether the model may call functions that the caller trusts; it then does not predict here.
    """
    objects = list(_objects(model))
    for item in objects:
        _check_object(item)
    for item in objects:
        if isinstance(item, BaseEstimator) and not isinstance(item, type):
            _check_estimator(item)
    if not runs_foreign_code:
        for item in objects:
            if isinstance(item, BaseEstimator):
                _try(item)


def _objects(model) -> Iterator[Any]:
    """All that a model holds, each thing once."""
    seen: set[int] = set()
    waiting = [model]
    while waiting:
        item = waiting.pop()
        if id(item) in seen or item is None or isinstance(item, (str, bytes, numbers.Number, type)):
            continue
        seen.add(id(item))
        yield item
        if isinstance(item, dict):
            waiting += [*item.keys(), *item.values()]
        elif isinstance(item, (list, tuple, set)):
            waiting += list(item)
        elif isinstance(item, np.ndarray):
            waiting += item.ravel().tolist() if item.dtype.hasobject else []
        elif type(item).__name__ == "Tree" and type(item).__module__.startswith("sklearn."):
            continue
        else:
            waiting += list(getattr(item, "__dict__", {}).values())


def _check_object(item) -> None:
    if sp.issparse(item):
        if item.format not in ("csr", "csc"):
            raise InvalidFileError(f"it holds a sparse matrix of the format {item.format!r}")
        item.check_format(full_check=True)
    elif isinstance(item, np.random.RandomState):
        state: Any = item.get_state()
        position = state[2]  # where numpy reads next, unchecked
        if not 0 <= position <= 624:
            raise InvalidFileError("it holds a generator in an impossible state")
    elif not isinstance(item, (DeviceCache, np.ndarray)):
        for name in getattr(item, "__dict__", {}):
            known = getattr(type(item), name, None)
            if callable(known) or (isinstance(known, property) and known.fset is None):
                raise InvalidFileError(f"it puts something in the place of {type(item).__name__}.{name}")
    check = _OF_TYPE.get(type(item).__name__)
    if check is not None and type(item).__module__.startswith(("skdl.", "sklearn.tree.")):
        check(item)


def _tree(item) -> None:
    if type(item).__module__.startswith("skdl."):
        check_tree(item)
    else:
        check_sklearn_tree(item)


def _schema(item) -> None:
    mask = _array(item, "is_categorical", "b", 1)
    if not isinstance(item.categories, list) or len(item.categories) != len(mask):
        raise InvalidFileError("its table of categories is not as wide as its columns")
    for is_categorical, values in zip(mask, item.categories, strict=True):
        if is_categorical != (values is not None) or (is_categorical and getattr(values, "ndim", 0) != 1):
            raise InvalidFileError("its table of categories does not fit its columns")


def _scaling(item) -> None:
    if _array(item, "center", "f", 1).shape != _array(item, "factor", "f", 1).shape:
        raise InvalidFileError("its scales are not as many as its columns")


def _vocabulary(item) -> None:
    codes = _array(item, "codes", "iu", 1)
    size = len(item.tokens)
    if len(codes) != size + 2 or codes[0] != 0 or codes[1] != 1 or codes[2:].min(initial=1) < 1:
        raise InvalidFileError("its vocabulary has impossible codes")
    if codes.max() >= len(item.kept) + 2:
        raise InvalidFileError("its vocabulary has codes without a vector")


_OF_TYPE: dict[str, Callable] = {
    "Tree": _tree,
    "MultiwayTree": check_multiway_tree,
    "TableSchema": _schema,
    "Scaling": _scaling,
    "Vocabulary": _vocabulary,
}


def _array(item, name: str, kinds: str, ndim: int | None = None) -> np.ndarray:
    """An attribute that must be a finite array."""
    value = getattr(item, name, None)
    if not isinstance(value, np.ndarray) or value.dtype.kind not in kinds or (ndim is not None and value.ndim != ndim):
        raise InvalidFileError(f"{name} of its {type(item).__name__} is no array of the right kind")
    if value.dtype.kind == "f" and not np.isfinite(value).all():
        raise InvalidFileError(f"{name} of its {type(item).__name__} holds NaN or infinity")
    return value


def _check_estimator(item) -> None:
    own = type(item).__name__
    if isinstance(item, Estimator):
        item._check_parameters()
    if abs(_number(item, "n_jobs", 1)) > _MOST_JOBS or _number(item, "n_samples", 1) > _MOST_SAMPLES:
        raise InvalidFileError(f"its {own} asks for more than a computer has")
    if not hasattr(item, "__dict__"):
        return
    if isinstance(item, Pipeline):
        _check_steps(item)
    state = vars(item)
    if not isinstance(state.get("_device_cache", DeviceCache()), DeviceCache):
        raise InvalidFileError(f"_device_cache of its {own} is none")
    if "_weights" in state and type(item).__module__.startswith("skdl.neural."):
        _check_network(item)
    n_features = state.get("n_features_in_")
    if n_features is None:
        if any(name in state for name in ("tree_", "_fit_X", "cluster_centers_", "theta_", "coef_", "components_")):
            raise InvalidFileError(f"its {own} does not say how many features it has")
        return
    if isinstance(n_features, bool) or not isinstance(n_features, numbers.Integral) or n_features < 1:
        raise InvalidFileError(f"n_features_in_ of its {own} is {n_features!r}"[:200])
    d = int(n_features)
    names = state.get("feature_names_in_")
    if names is not None and np.shape(names) != (d,):
        raise InvalidFileError(f"its {own} has {np.shape(names)} names for {d} features")
    schema = state.get("_schema")
    if schema is not None and len(schema.is_categorical) != d:
        raise InvalidFileError(f"its {own} has {d} features, and a table of {len(schema.is_categorical)}")
    _check_widths(item, state, d)
    if "tree_" in state:
        _check_tree_estimator(item, state, d)
    if "_fit_X" in state:
        _check_neighbors(item, state, d)


def _check_steps(item: Pipeline) -> None:
    """scikit-learn looks at the steps when a pipeline is fitted, and no more when it predicts."""
    for step in item.steps:
        if not isinstance(step, (tuple, list)) or len(step) != 2:
            raise InvalidFileError("a step of its Pipeline is not a pair of a name and an estimator")
    for name, step in item.steps[:-1]:
        if step is not None and step != "passthrough" and not hasattr(step, "transform"):
            raise InvalidFileError(f"the step {name!r} of its Pipeline, which is not the last, cannot transform"[:200])


def _number(item, name: str, default: int) -> int:
    value = getattr(item, name, None)
    return int(value) if isinstance(value, numbers.Integral) else default


# Attributes whose last axis has an entry for each feature, in scikit-learn as in skdl.
_AS_WIDE_AS_X = ("cluster_centers_", "coef_", "mean_", "scale_", "centroids_", "idf_", "data_min_", "min_")


def _check_widths(item, state: dict, d: int) -> None:
    for name in _AS_WIDE_AS_X:
        value = state.get(name)
        if value is None or sp.issparse(value):
            continue
        value = _array(item, name, "fiu")
        if value.ndim not in (1, 2) or value.shape[-1] != d:
            raise InvalidFileError(f"{name} of its {type(item).__name__} is of shape {value.shape} with {d} features")
    if not type(item).__module__.startswith("skdl."):
        members = state.get("estimators_")
        if members is not None and "_forest" in type(item).__module__:
            for member in np.ravel(np.asarray(members, dtype=object)):
                if getattr(member, "n_features_in_", None) != d:
                    raise InvalidFileError(f"a tree of its {type(item).__name__} has other features")
        return
    classes = state.get("classes_")
    if isinstance(classes, np.ndarray) and (classes.ndim != 1 or not len(classes)):
        raise InvalidFileError(f"classes_ of its {type(item).__name__} is of shape {classes.shape}")
    if type(item).__module__.startswith("skdl.naive_bayes."):
        _check_naive_bayes(item, state, d)


def _check_naive_bayes(item, state: dict, d: int) -> None:
    """Variances that are positive and logarithms that are no more than finite: others would give NaN."""
    n_classes = len(item.classes_)
    # What says nothing of a categorical column is NaN there.
    numeric = slice(None) if state.get("_schema") is None else ~item._schema.is_categorical
    in_order = True
    for name in ("theta_", "var_"):
        if name in state:
            values = np.asarray(state[name])
            in_order &= values.shape == (n_classes, d) and np.isfinite(values[:, numeric]).all()
            in_order &= name == "theta_" or bool((values[:, numeric] > 0).all())
    for name in ("class_count_", "class_prior_"):
        if name in state:
            values = _array(item, name, "f", 1)
            in_order &= len(values) == n_classes and bool((values >= 0).all())
    for name in ("class_log_prior_", "feature_log_prob_"):
        value = state.get(name)
        tables = value if isinstance(value, list) else [value]
        in_order &= len(tables) in (1, d)
        # The weight of a feature that the other classes never have is infinite in ComplementNB alone.
        most = np.inf if type(item).__name__ == "ComplementNB" and name == "feature_log_prob_" else np.finfo(float).max
        for table in tables:
            in_order &= table is None or (np.shape(table)[:1] == (n_classes,) and bool(np.all(table <= most)))
    if not in_order:
        raise InvalidFileError(f"what its {type(item).__name__} has learnt does not fit its classes and features")


def _check_tree_estimator(item, state: dict, d: int) -> None:
    tree = state["tree_"]
    if type(tree).__name__ == "MultiwayTree":
        if len(tree.n_categories) != d or tree.class_weight_at.shape[1] != len(item.classes_):
            raise InvalidFileError(f"the tree of its {type(item).__name__} has other features or classes")
    elif getattr(tree, "n_features", None) != d or tree.n_outputs != item.n_outputs_:
        raise InvalidFileError(f"the tree of its {type(item).__name__} has other features or outputs")
    elif "classes_" in state:
        classes = [item.classes_] if tree.n_outputs == 1 and isinstance(item.classes_, np.ndarray) else item.classes_
        if [len(part) for part in classes] != np.ravel(tree.n_classes).tolist():
            raise InvalidFileError(f"the tree of its {type(item).__name__} has other classes")
    schema = state.get("_schema")
    if schema is not None:
        sizes = [0 if values is None else len(values) for values in schema.categories]
        if np.ravel(tree.n_categories).tolist() != sizes:
            raise InvalidFileError(f"the tree of its {type(item).__name__} has other categories")


def _check_neighbors(item, state: dict, d: int) -> None:
    own = type(item).__name__
    X = state["_fit_X"]
    if not sp.issparse(X):
        X = _array(item, "_fit_X", "fiub", 2) if state.get("_schema") is None and item.metric != "nan_euclidean" else X
    n = X.shape[0]
    if X.shape[1] != d or not n or state.get("n_samples_fit_") != n:
        raise InvalidFileError(f"its {own} has rows of shape {X.shape} with {d} features")
    for name in ("_y", "_row_weight", "_weight"):
        value = state.get(name)
        if value is not None and len(_array(item, name, "fiu")) != n:
            raise InvalidFileError(f"{name} of its {own} is not as long as its {n} rows")
    rows = state.get("_found_rows")
    if rows is not None:
        _array(item, "_found_rows", "iu", 1)
        if not len(rows) or rows.min() < 0 or rows.max() >= n or (np.diff(rows) <= 0).any():
            raise InvalidFileError(f"its {own} counts rows that are not there")
    if "classes_" in state and state.get("_y") is not None:
        classes = [item.classes_] if isinstance(item.classes_, np.ndarray) else item.classes_
        codes = _array(item, "_y", "iu").reshape(n, -1)
        if codes.shape[1] != len(classes) or codes.min() < 0 or (codes.max(axis=0) >= [len(c) for c in classes]).any():
            raise InvalidFileError(f"its {own} has labels that are none of its classes")


def _check_network(item) -> None:
    """Compare the weights with those of the network that the parameters build, on torch's device without memory."""
    import torch

    weights = item._weights
    if not isinstance(weights, dict) or not all(isinstance(value, np.ndarray) for value in weights.values()):
        raise InvalidFileError("the weights of its network are no arrays")
    for name, value in weights.items():
        if value.dtype.kind == "f" and not np.isfinite(value).all():
            raise InvalidFileError(f"the weights {name!r} of its network hold NaN or infinity")
    most = 2 * len(weights) + 8
    for name in _STRUCTURE:
        value = getattr(item, name, None)
        if isinstance(value, (list, tuple)) and len(value) > most:
            raise InvalidFileError(f"its network has more layers than weights: {name}")
    if _number(item, "num_layers", 1) > most:
        raise InvalidFileError("its network has more layers than weights: num_layers")
    for shape, kind in item._input_like:
        if (
            not all(isinstance(size, int) and 0 <= size <= 2**31 for size in shape)
            or np.prod(shape, dtype=float) > 2**31
        ):
            raise InvalidFileError("its network has inputs of an impossible shape")
        if kind not in ("torch.float32", "torch.int64", "torch.float64", "torch.uint8", "torch.bool"):
            raise InvalidFileError("its network has inputs of an impossible type")
    if getattr(item, "module", None) is not None:  # a network of one's own is not built before it is needed
        return
    with torch.device("meta"):
        built = {
            name: (tuple(value.shape), str(value.dtype).removeprefix("torch."))
            for name, value in item._new_module().state_dict().items()
            if isinstance(value, torch.Tensor)
        }
    saved = {name: (value.shape, str(value.dtype)) for name, value in weights.items()}
    if saved != built:
        odd = sorted(name for name in saved.keys() | built.keys() if saved.get(name) != built.get(name))
        raise InvalidFileError(f"the weights {odd[0]!r} of its network do not fit its parameters"[:300])


def _check_one_hot(item: OneHotEncoder) -> None:
    """Encode every category once: where columns are counted wrongly, SciPy writes outside of the array."""
    categories, d = item.categories_, _number(item, "n_features_in_", 0)
    fits = isinstance(categories, list) and len(categories) == d
    if not fits or not all(isinstance(known, np.ndarray) and known.ndim == 1 and len(known) for known in categories):
        raise InvalidFileError("the categories_ of its OneHotEncoder do not fit its columns")
    rows = np.empty((max(map(len, categories), default=0), d), dtype=object)
    for column, known in enumerate(categories):
        rows[: len(known), column] = known
        rows[len(known) :, column] = known[0]
    # A sparse result is made without a look at where its values lie, and a dense one of it by who trusts that.
    twin = deepcopy(item).set_output(transform="default").set_params(sparse_output=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        twin.transform(rows).check_format(full_check=True)


def _try(item) -> None:
    """Let an estimator predict once, for what no check above has asked for."""
    ours = type(item).__module__.startswith("skdl.")
    try:
        check_is_fitted(item)
    except (NotFittedError, TypeError):
        return
    d = _number(item, "n_features_in_", 0)
    if isinstance(item, OneHotEncoder):
        _check_one_hot(item)
    if getattr(item, "_vocabulary", None) is not None and item.tokenizer != "integer":
        rows = np.array(["a", "b a"])
    elif 1 <= d <= _WIDEST_TRIAL:
        rows = np.zeros((2, d))
    else:
        return
    with warnings.catch_warnings(), np.errstate(all="ignore"), without_progress():
        warnings.simplefilter("ignore")
        for method in ("predict_proba", "predict", "transform", "kneighbors"):
            predict = getattr(item, method, None)
            if predict is None:
                continue
            try:
                said = predict(rows)
            except ValueError:
                continue  # the message says why: zeros are nothing for this estimator, or its device is not there
            except TypeError:
                if ours:
                    raise
                continue
            if not ours:
                continue  # a logarithm of zero is its user's affair
            for part in said if isinstance(said, (tuple, list)) else [said]:
                values = part.data if sp.issparse(part) else np.asarray(part)
                if values.dtype.kind == "f" and not np.isfinite(values).all():
                    raise InvalidFileError(f"its {type(item).__name__} predicts NaN or infinity")
