"""What a first fit costs more than a second one, in processor time.

Other work on a machine slows a core, too, by its caches and its clock: where a loop of known length takes more than an
eighth of a second, seconds are those of a core that does it in that time. A faster core's are its own: what it does
sooner in that loop, it does not do as much sooner in imports.
"""

import json
import subprocess
import sys

CODE = """
import json, time
from sklearn.datasets import load_iris
from skdl.{room} import {name}
X, y = load_iris(return_X_y=True)

def known():
    start = time.process_time()
    sum(i * i for i in range(2_000_000))
    return time.process_time() - start

before, seconds = known(), []
for _ in range(3):
    start = time.process_time()
    {name}().fit(X, y).predict(X)
    seconds.append(time.process_time() - start)
unit = max(1.0, (before + known()) / 2 / 0.125)
print(json.dumps([value / unit for value in seconds]))
"""


def extra_seconds(room: str, name: str) -> float:
    """The seconds that the first fit and prediction on iris take beyond a later one, in a fresh process."""
    done = subprocess.run(
        [sys.executable, "-c", CODE.format(room=room, name=name)], capture_output=True, text=True, check=True
    )
    first, *others = json.loads(done.stdout)
    return first - min(others)
