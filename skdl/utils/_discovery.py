"""Finding the public estimators."""

import importlib
import inspect
import pkgutil

# The rooms below the estimators, which have no public estimator in them.
_BELOW = ("config", "exceptions", "utils", "kernels", "nn", "engine", "base")
# The rooms above them. A search is whatever kind of estimator it searches, so that no class of it could be listed as a
# classifier or a regressor; scikit-learn's checks of searches are in tests/model_selection.
_NOT_ROOMS = (*_BELOW, "model_selection", "inspection", "persistence")


def all_estimators(type_filter: str | None = None) -> list[tuple[str, type]]:
    """List every public estimator of skdl.

    Parameters
    ----------
    type_filter : {"classifier", "regressor", "cluster", "transformer"} or None, default=None
        Keep only estimators of this type.

    Returns
    -------
    list of (str, type)
        Names and classes, sorted by name.

    Examples
    --------
    >>> from skdl.utils import all_estimators
    >>> "KNeighborsClassifier" in dict(all_estimators())
    True
    """
    from sklearn.base import BaseEstimator, ClassifierMixin, ClusterMixin, RegressorMixin, TransformerMixin

    import skdl

    mixins = {
        "classifier": ClassifierMixin,
        "regressor": RegressorMixin,
        "cluster": ClusterMixin,
        "transformer": TransformerMixin,
    }
    if type_filter is not None and type_filter not in mixins:
        raise ValueError(f"type_filter must be None or one of {list(mixins)}, got {type_filter!r}.")
    found = {}
    for module in pkgutil.iter_modules(skdl.__path__):
        if module.name in _NOT_ROOMS or module.name.startswith("_"):
            continue
        room = importlib.import_module(f"skdl.{module.name}")
        for name in getattr(room, "__all__", ()):
            item = getattr(room, name)
            wanted = BaseEstimator if type_filter is None else mixins[type_filter]
            if inspect.isclass(item) and issubclass(item, BaseEstimator) and issubclass(item, wanted):
                found[name] = item
    return sorted(found.items())
