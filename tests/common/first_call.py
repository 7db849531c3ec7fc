"""What a first fit costs more than a second: in processor time, which other work on the machine does not change."""

import json
import subprocess
import sys

CODE = """
import json, time
from sklearn.datasets import load_iris
from skdl.{room} import {name}
X, y = load_iris(return_X_y=True)
seconds = []
for _ in range(3):
    start = time.process_time()
    {name}().fit(X, y).predict(X)
    seconds.append(time.process_time() - start)
print(json.dumps(seconds))
"""


def extra_seconds(room: str, name: str) -> float:
    """The seconds that the first fit and prediction on iris take beyond a later one, in a fresh process."""
    done = subprocess.run(
        [sys.executable, "-c", CODE.format(room=room, name=name)], capture_output=True, text=True, check=True
    )
    first, *others = json.loads(done.stdout)
    return first - min(others)
