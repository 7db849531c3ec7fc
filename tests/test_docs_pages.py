"""The documentation is true: the API page is whole, every block of code runs, every name and link leads somewhere."""

import doctest
import importlib
import inspect
import os
import re
import subprocess
import sys
import types
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import skdl
from skdl.neural import MLPClassifier

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
API = (DOCS / "api.rst").read_text().split()
ROOMS = [name for name in skdl._SUBPACKAGES if name not in ("base", "engine", "exceptions", "persistence", "utils")]
PAGES = [path for path in sorted(DOCS.rglob("*.md")) if not {"generated", "_build"} & set(path.parts)]
# A block of Python, and what it prints where the page says so in a block right behind it.
BLOCK = re.compile(r"^```python\n(.*?)^```\n(?:\n^```text\n(.*?)^```$)?", re.M | re.S)


@pytest.mark.parametrize("room", ROOMS)
def test_every_public_name_of_a_room_is_on_the_page(room):
    names = {f"skdl.{room}.{name}" for name in importlib.import_module(f"skdl.{room}").__all__}
    assert names == {entry for entry in API if entry.startswith(f"skdl.{room}.")}


def test_every_function_of_the_package_is_on_the_page():
    assert {f"skdl.{name}" for name in skdl._FUNCTIONS} <= set(API)


def _customers(n=160) -> pd.DataFrame:
    """A table such as people have: numbers, words, gaps, and a column to predict."""
    rng = np.random.default_rng(0)
    age, plan = rng.integers(18, 80, n), rng.choice(["basic", "plus", "team"], n)
    spent = rng.gamma(2.0, 30.0, n)
    left = (rng.random(n) < 1 / (1 + np.exp(0.05 * spent - 2 + (plan == "team")))).astype(int)
    table = pd.DataFrame({"age": age, "plan": plan, "spent": spent.round(2), "left": np.where(left, "yes", "no")})
    table.loc[rng.random(n) < 0.1, "spent"] = np.nan
    table.loc[rng.random(n) < 0.1, "plan"] = None
    return table


@pytest.mark.parametrize(
    "page", [page for page in PAGES if "```python" in page.read_text()], ids=lambda page: page.stem
)
def test_the_code_of_a_page_runs(page, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    _customers().to_csv("customers.csv", index=False)
    text = page.read_text()
    # A module, so that what a page defines can be pickled.
    module = types.ModuleType(f"page_{page.stem}")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    for block in BLOCK.finditer(text):
        code, expected = block.groups()
        line = text[: block.start(1)].count("\n")
        exec(compile("\n" * line + code, str(page), "exec"), vars(module))
        printed = capsys.readouterr().out
        if expected is not None:
            flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
            assert doctest.OutputChecker().check_output(expected, printed, flags), printed


def test_a_newcomer_needs_less_than_ten_lines():
    (first, *_) = BLOCK.findall((DOCS / "index.md").read_text())
    lines = [line for line in first[0].splitlines() if line.strip() and not line.startswith(("import ", "from ", "#"))]
    assert len(lines) < 10


def _named(text: str) -> set[str]:
    return set(re.findall(r"`((?:skdl|sklearn|torch|scipy|optuna)\.[\w.]+)", text))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_full_name_on_a_page_is_there(page):
    for name in _named(page.read_text()):
        parts = name.rstrip(".").split(".")
        for cut in range(len(parts), 0, -1):
            try:
                item = importlib.import_module(".".join(parts[:cut]))
            except ModuleNotFoundError:
                continue
            break
        for attribute in parts[cut:]:
            assert hasattr(item, attribute), f"{name} on {page.name}"
            item = getattr(item, attribute)


def _check_setting(owner: type, setting: str):
    """Raise an error where an estimator does not take ``name=value``."""
    name, value = setting.split("=", 1)
    parameters = inspect.signature(owner).parameters.values()
    known = {"estimator": MLPClassifier(), "estimators": [("network", MLPClassifier())]}
    needed = {p.name: known[p.name] for p in parameters if p.default is p.empty and p.kind is not p.VAR_KEYWORD}
    estimator = owner(**needed).set_params(**{name: eval(value)})
    estimator._check_parameters()


def test_the_table_of_concepts_is_true():
    """The second column of each table is a name, with a setting behind it where there is one."""
    rows = re.findall(r"^\| (?!---|concept)([^|]+) \| ([^|]+) \|", (DOCS / "concepts.md").read_text(), re.M)
    assert len(rows) >= 100
    checked = 0
    for concept, cell in rows:
        names = _named(cell)
        assert names, f"{concept}: no name in {cell!r}"
        for owner, setting in re.findall(r"`(skdl\.[\w.]+)\((\w+=[^`]+)\)`", cell):
            room, name = owner.removeprefix("skdl.").split(".")
            _check_setting(getattr(importlib.import_module(f"skdl.{room}"), name), setting)
            checked += 1
    assert checked >= 40


@pytest.mark.parametrize("name", ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"])
def test_links_of_a_file_lead_somewhere(name):
    for target in re.findall(r"\]\(([^)#\s]+)", (ROOT / name).read_text()):
        if not target.startswith(("http://", "https://", "mailto:")):
            assert (ROOT / target).exists(), target


def test_the_gallery_is_in_its_form():
    """The documentation runs the scripts; here is what makes them pages."""
    scripts = sorted((ROOT / "examples").glob("*/plot_*.py"))
    assert len(scripts) >= 25
    for script in scripts:
        assert (script.parent / "GALLERY_HEADER.rst").exists()
        title, line, *_ = script.read_text().removeprefix('"""\n').splitlines()
        assert len(title) == len(line), script
        assert set(line) == {"="}, script


@pytest.mark.parametrize(
    ("script", "start", "expected"),
    [
        ("search_on_dask.py", [], r"the same scores on the cluster as here: True"),
        (
            "network_in_processes.py",
            ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"],
            r"of 2 p.*",
        ),
    ],
)
def test_the_examples_of_scale(script, start, expected, tmp_path):
    command = [sys.executable, *start, str(ROOT / "examples" / "scale" / script)]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    run = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stderr
    assert re.search(expected, run.stdout), run.stdout
    losses = re.findall(r"\d\.\d{4}", run.stdout)
    assert len(set(losses)) <= 1, "processes that share a network learn what one does"
