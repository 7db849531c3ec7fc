"""What holds for all displays: documented throughout, matplotlib only when something is drawn."""

import inspect
import subprocess
import sys

import numpy as np
import pytest

import skdl.inspection
from skdl.inspection import ReliabilityDisplay
from tests.common.test_docs import _assert_parameters, _entries, _parsed

DISPLAYS = [getattr(skdl.inspection, name) for name in skdl.inspection.__all__ if name.endswith("Display")]


def _methods(display):
    for name, member in vars(display).items():
        method = member.__func__ if isinstance(member, classmethod) else member
        if not name.startswith("_") and inspect.isfunction(method):
            yield name, method


@pytest.mark.parametrize("display", DISPLAYS)
def test_every_method_is_documented(display):
    methods = dict(_methods(display))
    assert "plot" in methods
    assert any(name.startswith("from_") for name in methods)
    for name, method in methods.items():
        doc = _parsed(method)
        _assert_parameters(method, doc, f"{display.__name__}.{name}")
        assert doc["Returns"]
    doc = _parsed(display)
    for section in ("Attributes", "Notes", "References", "Examples", "See Also"):
        assert doc[section], f"{display.__name__} has no section {section}"
    assert {name for name, member in vars(display).items() if isinstance(member, property)} <= set(
        _entries(doc["Attributes"])
    )


@pytest.mark.parametrize("display", DISPLAYS)
def test_the_constructor_stores_and_does_nothing_else(display):
    names = list(inspect.signature(display).parameters)
    items = {name: object() for name in names}
    assert vars(display(**items)) == items


def test_the_room_is_light():
    script = "import sys, skdl.inspection; print({'torch', 'skorch', 'numba', 'matplotlib'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_without_matplotlib_one_is_told_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r"ReliabilityDisplay.plot draws with matplotlib: pip install 'skdl\[plot\]'"):
        ReliabilityDisplay.from_predictions([0, 1], np.array([0.2, 0.9]))
