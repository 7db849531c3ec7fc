"""The README is true: its example runs, and it lists the estimators that there are."""

import re
from pathlib import Path

import skdl
from skdl.utils import all_estimators

README = Path(__file__).parents[1].joinpath("README.md").read_text()


def test_the_example_runs(capsys):
    (example,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    exec(compile(example, "README.md", "exec"), {})
    scores = [float(line) for line in capsys.readouterr().out.split()]
    assert len(scores) == 2
    assert min(scores) > 0.9


def test_the_table_lists_every_estimator_in_its_room():
    listed = {
        room: set(re.findall(r"`([A-Z]\w+)`", rest))
        for room, rest in re.findall(r"^\| `skdl\.(\w+)` \|(.*)$", README, re.M)
    }
    actual: dict[str, set] = {room: set() for room in listed}
    for name, cls in all_estimators():
        actual.setdefault(cls.__module__.split(".")[1], set()).add(name)
    assert listed == actual
    assert set(listed) <= set(skdl.__all__)
