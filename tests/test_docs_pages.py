"""The API page names everything that is public."""

import importlib
from pathlib import Path

import pytest

import skdl

PAGE = (Path(__file__).parent.parent / "docs" / "api.rst").read_text().split()
ROOMS = [name for name in skdl._SUBPACKAGES if name not in ("base", "engine", "exceptions", "utils")]


@pytest.mark.parametrize("room", ROOMS)
def test_every_public_name_of_a_room_is_on_the_page(room):
    names = {f"skdl.{room}.{name}" for name in importlib.import_module(f"skdl.{room}").__all__}
    assert names == {entry for entry in PAGE if entry.startswith(f"skdl.{room}.")}
