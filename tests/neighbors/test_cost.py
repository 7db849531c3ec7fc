"""What a search may cost: memory beside the data, and the first call in a fresh process."""

import json
import subprocess
import sys
import textwrap

import pytest


def _in_fresh_process(code: str) -> dict:
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(code)], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout.splitlines()[-1])


@pytest.mark.parametrize("name", ["KNeighborsClassifier", "KNeighborsRegressor", "KernelRegressor"])
def test_the_first_fit_of_a_small_table_is_not_slow(name):
    seconds = _in_fresh_process(f"""
        import json, time
        import torch
        from sklearn.datasets import load_iris
        from skdl.neighbors import {name}
        X, y = load_iris(return_X_y=True)
        seconds = []
        for _ in range(2):
            start = time.perf_counter()
            {name}().fit(X, y).predict(X)
            seconds.append(time.perf_counter() - start)
        print(json.dumps(seconds))
    """)
    assert seconds[0] < seconds[1] + 0.5


def test_a_small_table_needs_no_compiler():
    loaded = _in_fresh_process("""
        import json, sys
        from sklearn.datasets import load_digits
        from skdl.neighbors import KNeighborsClassifier
        X, y = load_digits(return_X_y=True)
        KNeighborsClassifier().fit(X[::4], y[::4]).predict(X[::4])
        print(json.dumps({"numba": "numba" in sys.modules}))
    """)
    assert not loaded["numba"]


_PEAK = """
    import json, resource
    import numpy as np
    from skdl.neighbors import NearestNeighbors
    rng = np.random.default_rng(0)
    X = rng.standard_normal(({n}, {d}), dtype=np.float32)
    queries = rng.standard_normal(({m}, {d}), dtype=np.float32)
    # What libraries take is not counted: a small search of the same kind comes first.
    NearestNeighbors(n_neighbors=10).fit(X[:20000]).kneighbors(queries[:2000])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    distances, indices = NearestNeighbors(n_neighbors=10).fit(X).kneighbors(queries)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    rows = rng.integers(0, {m}, 20)
    right = True
    for row in rows:
        exact = ((X.astype(np.float64) - queries[row].astype(np.float64)) ** 2).sum(axis=1)
        right &= bool((np.argsort(exact, kind="stable")[:10] == indices[row]).all())
    print(json.dumps({{"mib": (after - before) / 1024, "right": right}}))
"""


def test_memory_of_a_search():
    found = _in_fresh_process(_PEAK.format(n=200_000, m=4_000, d=32))
    assert found["right"]
    # The centred copy in single precision takes 26 MiB, the answer and the tiles a little more.
    assert found["mib"] < 150


@pytest.mark.slow
def test_memory_of_a_large_search():
    # More queries take more room for their answer alone: 200,000 of them 27 MiB more, at 160 bytes each. They take
    # minutes, and are asked by `python -m tests.neighbors.test_cost`.
    found = _in_fresh_process(_PEAK.format(n=1_000_000, m=20_000, d=64))
    assert found["right"]
    assert found["mib"] < 1536 - 27


if __name__ == "__main__":
    print(_in_fresh_process(_PEAK.format(n=1_000_000, m=200_000, d=64)), "of 1536 MiB")
