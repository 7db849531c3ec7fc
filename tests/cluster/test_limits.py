"""Memory beyond the data, and the time that a first fit takes in a fresh process."""

import subprocess
import sys

import pytest

_MEMORY = """
import resource
import numpy as np
from skdl.cluster import KMeans

KMeans(8, random_state=0, max_iter=2, device="cpu").fit(np.random.default_rng(0).normal(size=(50_000, 16)))
X = np.empty((10_000_000, 16))
generator = np.random.default_rng(0)
for start in range(0, len(X), 100_000):
    X[start : start + 100_000] = generator.normal(size=(100_000, 16))
    X[start : start + 100_000, 0] += 8 * generator.integers(0, 8, 100_000)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
model = KMeans(20, random_state=0, max_iter=8, device="cpu").fit(X)
model.predict(X)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024**2)
"""

_FIRST_FIT = """
import time
import numpy as np
import skdl.cluster, skdl.naive_bayes
from sklearn.datasets import load_digits

X, y = load_digits(return_X_y=True)
for model in (
    skdl.cluster.KMeans(10, random_state=0),
    skdl.cluster.MiniBatchKMeans(10, random_state=0),
    skdl.naive_bayes.GaussianNB(),
    skdl.naive_bayes.MultinomialNB(),
    skdl.naive_bayes.CategoricalNB(),
):
    seconds = []
    for _ in range(3):
        # Seconds of the processor: what else runs on the machine does not count, all threads of this process do.
        begin = time.process_time()
        model.fit(X, y)
        seconds.append(time.process_time() - begin)
    print(seconds[0] - min(seconds))
"""


def _said(script: str) -> list[float]:
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return [float(line) for line in done.stdout.split()]


@pytest.mark.slow
def test_ten_million_rows_need_less_than_a_gibibyte_beyond_themselves():
    (gibibytes,) = _said(_MEMORY)
    assert gibibytes < 1.0


def test_a_first_fit_takes_at_most_half_a_second_more_than_the_next():
    assert max(_said(_FIRST_FIT)) < 0.5
