"""A model that was fitted on a GPU lives on without one, and says what the CPU says."""

import os
import pickle
import subprocess
import sys

import numpy as np
import pytest
import torch

from tests.common.table import for_each_row
from tests.common.tools import assert_same_outputs, outputs, samples

pytestmark = pytest.mark.gpu


@pytest.fixture(autouse=True)
def _whole_float32():
    """Let convolutions and recurrent layers multiply as a CPU does: by default torch lets them round to ten bits."""
    with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        yield


def _has_device(row):
    return row.has_parameter("device")


@for_each_row(_has_device)
def test_a_model_fitted_on_a_gpu_loads_where_there_is_none(row, tmp_path):
    X, y = samples(row)
    estimator = row.make(device="cuda").fit(X, y)
    expected = outputs(estimator, X)
    (tmp_path / "model.pickle").write_bytes(pickle.dumps(estimator))
    np.save(tmp_path / "X.npy", X)
    script = """
import pickle, sys
import numpy as np
from tests.common.tools import outputs
estimator = pickle.load(open(sys.argv[1] + "/model.pickle", "rb"))
estimator.set_params(device="auto")
np.savez(sys.argv[1] + "/said.npz", **outputs(estimator, np.load(sys.argv[1] + "/X.npy")))
"""
    subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], env={**os.environ, "CUDA_VISIBLE_DEVICES": ""}, check=True
    )
    with np.load(tmp_path / "said.npz") as said:
        assert_same_outputs(dict(said), expected, row.rounding_float32)


@for_each_row(_has_device)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_gpu_says_what_the_cpu_says(row, dtype):
    X, y = samples(row)
    X = X.astype(dtype)
    on_gpu = outputs(row.make(device="cuda").fit(X, y), X)
    on_cpu = outputs(row.make(device="cpu").fit(X, y), X)
    assert_same_outputs(on_gpu, on_cpu, row.rounding_float32)


@for_each_row(_has_device)
def test_tensors_on_the_gpu_are_taken(row):
    X, y = samples(row, whole=True)
    expected = outputs(row.make(device="cuda").fit(X, y), X)
    X_there = torch.tensor(X, device="cuda")
    y_there = None if y is None else torch.tensor(y, device="cuda")
    said = outputs(row.make(device="cuda").fit(X_there, y_there), X_there)
    assert_same_outputs(said, expected, row.rounding_float32)
