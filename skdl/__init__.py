"""skdl: from nearest neighbours to transformers, every model a real scikit-learn estimator.

Importing skdl is cheap: sub-packages and functions are loaded on first use, and torch with the first
estimator that computes with it.
"""

import importlib

__version__ = "0.1.0"

_SUBPACKAGES = (
    "base",
    "cluster",
    "engine",
    "ensemble",
    "exceptions",
    "inspection",
    "linear_model",
    "metric_learning",
    "model_selection",
    "naive_bayes",
    "neighbors",
    "neural",
    "persistence",
    "tree",
    "utils",
)
_FUNCTIONS = {
    "set_config": "skdl.config",
    "get_config": "skdl.config",
    "config_context": "skdl.config",
    "save": "skdl.persistence",
    "load": "skdl.persistence",
    "to_onnx": "skdl.persistence",
}

__all__ = [*_SUBPACKAGES, *_FUNCTIONS]


def __getattr__(name):
    if name in _SUBPACKAGES:
        return importlib.import_module(f"skdl.{name}")
    if name in _FUNCTIONS:
        return getattr(importlib.import_module(_FUNCTIONS[name]), name)
    raise AttributeError(f"module 'skdl' has no attribute {name!r}")


def __dir__():
    return sorted([*globals(), *__all__])
