"""Threads, forks, kills and memory, each for a short while; `make torture` takes longer."""

import os

import pytest

from tests.common.table import KNOWN, for_each_row
from tests.torture import processes
from tests.torture.processes import (
    ALLOWED,
    torture_fork,
    torture_kills,
    torture_memory,
    torture_spawn,
    torture_threads,
)


@for_each_row()
def test_threads_that_ask_at_once_are_told_what_one_is(row):
    assert not torture_threads(row, rounds=1)


@for_each_row(
    lambda row: (
        row.name in ("KNeighborsClassifier", "KMeans", "DecisionTreeClassifier", "MLPClassifier", "RNNRegressor")
    )
)
def test_a_forked_child_predicts_the_same(row):
    assert not torture_fork(row)


def test_a_spawned_process_predicts_the_same(monkeypatch):
    few = [row for row in KNOWN if row.name in ("KNeighborsClassifier", "DecisionTreeClassifier", "MLPClassifier")]
    monkeypatch.setattr(processes, "KNOWN", few)
    assert torture_spawn() == (3, [])


@pytest.mark.parametrize("what", ["checkpoint", "save"])
def test_a_kill_leaves_a_whole_file(what):
    assert not torture_kills(what, 8)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rows")
    yield str(folder)
    os.remove(folder / "rows")


@pytest.mark.slow
@pytest.mark.parametrize("name", list(ALLOWED))
def test_data_of_ten_times_the_memory(name, folder):
    assert not torture_memory(name, folder)
