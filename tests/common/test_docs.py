"""Docstrings are whole: every parameter, attribute, method and function documented, as numpydoc reads them."""

import dataclasses
import importlib
import inspect
import re

import numpy as np
import pandas as pd
import pytest
from numpydoc.docscrape import NumpyDocString

import skdl
from tests.common.table import for_each_row
from tests.common.tools import COLUMNS, samples


def _parsed(item) -> NumpyDocString:
    assert item.__doc__, f"{item!r} has no docstring"
    return NumpyDocString(inspect.cleandoc(item.__doc__))


def _entries(section) -> dict:
    """Name to (type, description) of a section; ``a, b : int`` documents both."""
    return {
        name.strip().lstrip("*"): (entry.type, " ".join(entry.desc))
        for entry in section
        for name in entry.name.split(",")
    }


def _parameters(function) -> list[inspect.Parameter]:
    return [p for p in inspect.signature(function).parameters.values() if p.name not in ("self", "cls")]


def _is_default(text: str, value) -> bool:
    """Whether a default as it is written, NumPy's names among it, is this value."""
    stated = eval(text, {"np": np, "nan": np.nan})
    if isinstance(value, float) and np.isnan(value):
        return isinstance(stated, float) and np.isnan(stated)
    return bool(np.all(stated == value)) and type(stated) is type(value)


def _assert_parameters(function, doc: NumpyDocString, where: str, section: str = "Parameters"):
    documented = _entries(doc[section])
    expected = _parameters(function)
    assert list(documented) == [parameter.name for parameter in expected], where
    for parameter in expected:
        kind, description = documented[parameter.name]
        if kind.startswith("as in :func:`"):
            continue
        assert description, f"{where}: {parameter.name} has no description"
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        assert kind, f"{where}: {parameter.name} has no type"
        stated = re.search(r"default=(.+)$", kind)
        if parameter.default is parameter.empty:
            assert stated is None, f"{where}: {parameter.name} has no default"
        else:
            assert stated is not None, f"{where}: {parameter.name} lacks 'default={parameter.default!r}' in its type"
            assert _is_default(stated.group(1), parameter.default), (
                f"{where}: the default of {parameter.name} is {parameter.default!r}"
            )


@for_each_row()
def test_sections_of_an_estimator(row):
    doc = _parsed(row.cls)
    assert "".join(doc["Summary"]).endswith("."), "the summary is one line that ends in a period"
    assert doc["Extended Summary"], "when to use it"
    _assert_parameters(row.cls.__init__, doc, row.name)
    for section in ("Attributes", "Notes", "References", "Examples"):
        assert doc[section], f"{row.name} has no section {section}"
    assert ">>> " in "\n".join(doc["Examples"])
    assert re.search(r"doi\.org/|https?://|ISBN", "\n".join(doc["References"]))


@for_each_row()
def test_attributes_of_an_estimator(row):
    X, y = samples(row)
    frame = pd.DataFrame(X, columns=COLUMNS)
    documented = _entries(_parsed(row.cls)["Attributes"])
    undescribed = [name for name, (kind, description) in documented.items() if not (kind and description)]
    assert not undescribed
    estimator = row.make().fit(frame, y)
    properties = {name for name, value in inspect.getmembers(row.cls) if isinstance(value, property)}
    fitted = {name for name in [*vars(estimator), *properties] if name.endswith("_") and not name.startswith("_")}
    assert fitted - documented.keys() == set(), "attributes without documentation"
    for name in documented:
        if name in row.conditional_attributes:
            assert hasattr(row.make(**row.conditional_attributes[name]).fit(frame, y), name), name
        else:
            assert hasattr(estimator, name), f"{name} is documented, but fit does not set it"


@for_each_row()
def test_methods_of_an_estimator(row):
    for name, method in inspect.getmembers(row.cls, inspect.isfunction):
        if name.startswith("_") or not method.__module__.startswith("skdl."):
            continue
        where = f"{row.name}.{name}"
        doc = _parsed(method)
        _assert_parameters(method, doc, where)
        assert doc["Returns"] or doc["Yields"], f"{where} says nothing about what it returns"


def _public_items():
    """Every public class and function that is no estimator."""
    modules = ["skdl.config", "skdl.exceptions", "skdl.base", "skdl.utils"]
    modules += [f"skdl.{name}" for name in skdl._SUBPACKAGES if f"skdl.{name}" not in modules]
    for name in modules:
        module = importlib.import_module(name)
        for public in module.__all__:
            item = getattr(module, public)
            if not (inspect.isclass(item) and hasattr(item, "get_params")) and callable(item):
                yield pytest.param(item, id=f"{name}.{public}")


@pytest.mark.parametrize("item", list(_public_items()))
def test_public_functions_and_classes(item):
    doc = _parsed(item)
    assert doc["Summary"]
    if inspect.isclass(item):
        if item.__init__ is not object.__init__ and not issubclass(item, Exception):
            # The fields of a dataclass are its attributes too, and are documented as one of both.
            is_record = dataclasses.is_dataclass(item) and not doc["Parameters"]
            _assert_parameters(item.__init__, doc, item.__name__, "Attributes" if is_record else "Parameters")
        return
    _assert_parameters(item, doc, item.__name__)
    returns_nothing = inspect.signature(item).return_annotation is None
    assert returns_nothing or doc["Returns"] or doc["Yields"], f"{item.__name__} says nothing about what it returns"


@pytest.mark.parametrize("name", skdl._FUNCTIONS)
def test_functions_of_the_package_have_an_example(name):
    assert ">>> " in "\n".join(_parsed(getattr(skdl, name))["Examples"])


@pytest.mark.parametrize("name", skdl._SUBPACKAGES)
def test_every_room_says_what_it_is(name):
    assert importlib.import_module(f"skdl.{name}").__doc__
