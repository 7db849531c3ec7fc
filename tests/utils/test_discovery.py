"""`all_estimators` finds what the rooms say is public."""

import inspect

import pytest
from sklearn.base import BaseEstimator, ClassifierMixin, ClusterMixin, RegressorMixin, TransformerMixin

from skdl.utils import all_estimators


def test_names_are_sorted_and_classes_are_estimators():
    found = all_estimators()
    names = [name for name, _ in found]
    assert names == sorted(set(names))
    for name, cls in found:
        assert cls.__name__ == name
        assert issubclass(cls, BaseEstimator)
        assert not inspect.isabstract(cls)
        assert not name.startswith("_")


@pytest.mark.parametrize(
    ("kind", "mixin"),
    [
        ("classifier", ClassifierMixin),
        ("regressor", RegressorMixin),
        ("cluster", ClusterMixin),
        ("transformer", TransformerMixin),
    ],
)
def test_a_filter_keeps_a_kind(kind, mixin):
    kept = all_estimators(kind)
    assert kept
    assert kept == [(name, cls) for name, cls in all_estimators() if issubclass(cls, mixin)]


def test_an_unknown_kind_is_refused():
    with pytest.raises(ValueError, match=r"type_filter must be None or one of \['classifier', .*, got 'tree'"):
        all_estimators("tree")
