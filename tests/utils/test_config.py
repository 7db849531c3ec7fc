"""Settings: what is accepted, who sees them, when they end."""

import threading

import pytest

import skdl
from skdl import config_context, get_config, set_config


def _in_a_thread(function):
    seen = []
    thread = threading.Thread(target=lambda: seen.append(function()))
    thread.start()
    thread.join()
    return seen[0]


def test_the_settings_at_first():
    assert get_config() == {"device": "auto", "dtype": None, "verbose": 0}


def test_set_config_changes_what_is_named():
    set_config(dtype="float32", verbose=2)
    assert get_config() == {"device": "auto", "dtype": "float32", "verbose": 2}
    set_config(dtype=None)
    assert get_config() == {"device": "auto", "dtype": None, "verbose": 2}


def test_what_get_config_returns_is_a_copy():
    get_config()["device"] = "cuda"
    assert get_config()["device"] == "auto"


def test_contexts_nest_and_end():
    with config_context(device="cpu"):
        with config_context(dtype="float64"):
            assert get_config() == {"device": "cpu", "dtype": "float64", "verbose": 0}
        assert get_config() == {"device": "cpu", "dtype": None, "verbose": 0}
    assert get_config()["device"] == "auto"


def test_a_context_ends_with_an_error_too():
    with pytest.raises(KeyError), config_context(device="cpu"):
        raise KeyError
    assert get_config()["device"] == "auto"


def test_set_config_is_seen_by_other_threads():
    set_config(device="cpu")
    assert _in_a_thread(get_config)["device"] == "cpu"


def test_a_context_is_seen_by_its_own_thread_alone():
    with config_context(device="cpu"):
        assert _in_a_thread(get_config)["device"] == "auto"


def test_set_config_inside_a_context_ends_with_it():
    with config_context(device="cpu"):
        set_config(verbose=1)
        assert get_config() == {"device": "cpu", "dtype": None, "verbose": 1}
        assert _in_a_thread(get_config)["verbose"] == 0
    assert get_config()["verbose"] == 0


@pytest.mark.parametrize("change", [set_config, config_context])
def test_unknown_settings_are_refused(change):
    told = r"'devise' is not a setting of skdl; the settings are \['device', 'dtype'"
    with pytest.raises(ValueError, match=told), change(devise="cpu"):
        pass


@pytest.mark.parametrize("dtype", ["float16", "int64", float])
def test_unknown_dtypes_are_refused(dtype):
    with pytest.raises(ValueError, match="dtype must be None, 'float32' or 'float64', got"):
        set_config(dtype=dtype)
    assert get_config()["dtype"] is None


def test_the_names_of_the_package_are_those_of_the_module():
    assert skdl.set_config is skdl.config.set_config
