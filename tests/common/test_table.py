"""The table and `all_estimators` list the same estimators."""

import pytest

import skdl
from skdl.utils import all_estimators
from tests.common.table import ESTIMATORS, KNOWN, ROWS, for_each_row


def test_every_public_estimator_has_one_row():
    assert sorted(row.name for row in ROWS) == sorted(ESTIMATORS)


@for_each_row()
def test_an_estimator_is_reached_from_its_room_under_its_name(row):
    room_name = row.cls.__module__.split(".")[1]
    assert room_name in skdl.__all__
    room = getattr(skdl, room_name)
    assert row.name in room.__all__
    assert getattr(room, row.name) is row.cls


@pytest.mark.parametrize("kind", ["classifier", "regressor", "clusterer", "unsupervised"])
def test_the_filter_of_all_estimators_agrees_with_the_kind(kind):
    of_kind = {row.name for row in KNOWN if row.kind == kind}
    if kind == "unsupervised":
        supervised = {name for kind in ("classifier", "regressor", "cluster") for name, _ in all_estimators(kind)}
        assert of_kind == set(ESTIMATORS) - supervised
    else:
        assert of_kind == {name for name, _ in all_estimators(kind.replace("clusterer", "cluster"))}
