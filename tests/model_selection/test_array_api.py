"""scikit-learn's own tests of array API dispatch, in a process that has it."""

import os
import re
import subprocess
import sys


def test_sklearn_tests_of_array_api_dispatch():
    files = [f"tests/model_selection/test_sklearn_{name}.py" for name in ("search", "validation")]
    command = [sys.executable, "-m", "pytest", "-q", "-k", "array_api", *files]
    done = subprocess.run(
        command, env={**os.environ, "SCIPY_ARRAY_API": "1"}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
    # NumPy's arrays and torch's tensors of two types, in two searches and six functions.
    assert int(re.search(r"(\d+) passed", done.stdout)[1]) == 24
