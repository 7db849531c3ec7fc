"""scikit-learn's checks of array API dispatch for every estimator, in a process that has it.

They stand here and not beside the other checks so that they run late: what they need is compiled by then.
"""

import os
import subprocess
import sys


def test_checks_of_array_api_dispatch():
    script = """
from sklearn.utils.estimator_checks import estimator_checks_generator
from tests.common.table import KNOWN
for row in KNOWN:
    for estimator, check in estimator_checks_generator(row.make()):
        if check.func.__name__.startswith("check_array_api"):
            check(estimator)
"""
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "SCIPY_ARRAY_API": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
