"""Importing skdl is cheap, and what it names is there."""

import importlib
import statistics
import subprocess
import sys

import pytest

import skdl


def _python(script: str) -> str:
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_importing_skdl_loads_neither_torch_nor_skorch():
    heavy = "{'torch', 'skorch', 'numba', 'matplotlib', 'sklearn'}"
    assert _python(f"import sys, skdl; print({heavy} & set(sys.modules))") == "set()"


def test_importing_the_utils_loads_neither_torch_nor_skorch():
    heavy = "{'torch', 'skorch', 'numba', 'matplotlib'}"
    assert _python(f"import sys, skdl.utils, skdl.base; print({heavy} & set(sys.modules))") == "set()"


def test_importing_skdl_takes_little_more_than_importing_scikit_learn():
    # In one process, after scikit-learn, and by the processor's time: how busy the machine is then matters little.
    script = "import time, sklearn; start = time.process_time(); import skdl; print(time.process_time() - start)"
    assert statistics.median(float(_python(script)) for _ in range(5)) <= 0.2


@pytest.mark.parametrize("name", skdl.__all__)
def test_every_lazy_name_resolves(name):
    assert getattr(skdl, name) is not None
    assert name in dir(skdl)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'skdl' has no attribute 'nothing'"):
        _ = skdl.nothing


@pytest.mark.parametrize("room", skdl._SUBPACKAGES)
def test_every_public_name_of_a_room_resolves(room):
    module = importlib.import_module(f"skdl.{room}")
    assert sorted(module.__all__) == sorted(set(module.__all__))
    for name in module.__all__:
        assert getattr(module, name) is not None
