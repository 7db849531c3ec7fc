"""Short names for settings and data, equal where they are equal, in this process and in the next one."""

import hashlib
import inspect
from collections.abc import Mapping
from typing import Any

import joblib
import numpy as np
import scipy.sparse as sp
from sklearn.base import BaseEstimator

__all__ = ["fingerprint"]


def fingerprint(item: Any) -> str:
    """Return a hash of the contents of settings or data.

    Parameters
    ----------
    item : object
        Numbers, strings, arrays, frames, sparse matrices, estimators (class and parameters), functions (by name and
        byte code), and containers of them. Anything else is hashed by what a pickle of it would
        hold.

    Returns
    -------
    str
        32 hexadecimal digits.
    """
    digest = hashlib.blake2b(digest_size=16)
    _feed(digest, item)
    return digest.hexdigest()


def _feed(digest, item) -> None:
    def put(*parts):
        for part in parts:
            data = part if isinstance(part, (bytes, memoryview)) else str(part).encode()
            digest.update(f"{len(data)}:".encode())
            digest.update(data)

    if item is None or isinstance(item, (bool, int, float, complex, str, bytes, np.generic)):
        put(type(item).__name__, repr(item))
    elif isinstance(item, np.ndarray) and item.dtype != object:
        put("array", item.dtype.str, item.shape, np.ascontiguousarray(item).reshape(-1).view(np.uint8).data)
    elif isinstance(item, np.ndarray):
        put("objects", item.shape)
        _feed(digest, item.ravel().tolist())
    elif sp.issparse(item):
        item = item.tocsr()
        put("sparse", item.shape)
        _feed(digest, [item.data, item.indices, item.indptr])
    elif isinstance(item, BaseEstimator):
        put("estimator", type(item).__module__, type(item).__qualname__)
        _feed(digest, item.get_params(deep=False))
    elif isinstance(item, Mapping):
        put("mapping", len(item))
        for key in sorted(item, key=str):
            _feed(digest, key)
            _feed(digest, item[key])
    elif isinstance(item, (list, tuple, range)):
        put("sequence", len(item))
        for part in item:
            _feed(digest, part)
    elif hasattr(item, "columns") and hasattr(item, "dtypes"):
        put("frame", list(item.columns), [str(kind) for kind in np.asarray(item.dtypes, dtype=object)])
        for name in item.columns:
            _feed(digest, np.asarray(item[name]))
    elif hasattr(item, "detach") or hasattr(item, "to_numpy"):
        _feed(digest, item.detach().cpu().numpy() if hasattr(item, "detach") else item.to_numpy())
    elif inspect.isroutine(item) or inspect.isclass(item):
        put("code", getattr(item, "__module__", ""), getattr(item, "__qualname__", repr(item)))
        if inspect.isfunction(item):
            put(item.__code__.co_code, repr(item.__code__.co_names))
            _feed(digest, [constant for constant in item.__code__.co_consts if not inspect.iscode(constant)])
    else:
        put("object", type(item).__module__, type(item).__qualname__, joblib.hash(item))
