"""A first fit costs little more than a second: in processor time, which other work on the machine does not change."""

import json
import subprocess
import sys

import pytest

CODE = """
import json, time
from sklearn.datasets import load_iris
from skdl.linear_model import {name}
X, y = load_iris(return_X_y=True)
seconds = []
for _ in range(3):
    start = time.process_time()
    {name}().fit(X, y).predict(X)
    seconds.append(time.process_time() - start)
print(json.dumps(seconds))
"""


@pytest.mark.parametrize("name", ["LogisticRegression", "LinearRegression", "Ridge", "Perceptron"])
def test_first_call(name):
    def extra():
        done = subprocess.run(
            [sys.executable, "-c", CODE.format(name=name)], capture_output=True, text=True, check=True
        )
        first, *others = json.loads(done.stdout)
        return first - min(others)

    # In the best of three processes: the very first may have to compile what is then kept on disk.
    assert any(extra() < 0.5 for _ in range(3))
