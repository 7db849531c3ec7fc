"""What holds for the whole suite: GPU tests where there is a GPU, no window, no setting that leaks."""

import os

import pytest

os.environ.setdefault("MPLBACKEND", "Agg")

import torch

import skdl

# torch gives some warnings, that of a read-only array among them, once in a process: only the first test would see it.
torch.set_warn_always(True)

_deselected = pytest.StashKey[int]()


def pytest_collection_modifyitems(config, items):
    if torch.cuda.is_available():
        return
    on_gpu = [item for item in items if item.get_closest_marker("gpu")]
    if on_gpu:
        config.stash[_deselected] = len(on_gpu)
        config.hook.pytest_deselected(items=on_gpu)
        items[:] = [item for item in items if not item.get_closest_marker("gpu")]


def pytest_terminal_summary(terminalreporter, config):
    count = config.stash.get(_deselected, 0)
    if count:
        terminalreporter.write_line(
            f"{count} GPU tests were left out: torch sees no CUDA device here. Run `make test-gpu` where there is one."
        )


@pytest.fixture(autouse=True)
def _settings_as_they_were():
    before = skdl.get_config()
    yield
    skdl.set_config(**before)
