"""A saved model predicts the same on another device, whichever of the two it was fitted on."""

import os
import subprocess
import sys

import numpy as np
import pytest
import torch

import skdl
from tests.common.table import for_each_row
from tests.common.tools import assert_same_outputs, outputs, samples

pytestmark = pytest.mark.gpu

_ASK = """
import sys
import numpy as np
import skdl
from tests.common.tools import outputs
folder, device = sys.argv[1:]
estimator = skdl.load(folder + "/model.skops").set_params(device=device)
np.savez(folder + "/said.npz", **outputs(estimator, np.load(folder + "/X.npy")))
"""


@pytest.fixture(autouse=True)
def _whole_float32():
    """Let convolutions and recurrent layers multiply as a CPU does: by default torch lets them round to ten bits."""
    with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        yield


@for_each_row(lambda row: row.has_parameter("device"))
def test_a_model_saved_on_a_gpu_predicts_where_there_is_none(row, tmp_path):
    X, y = samples(row)
    estimator = row.make(device="cuda").fit(X, y)
    skdl.save(estimator, tmp_path / "model.skops")
    np.save(tmp_path / "X.npy", X)
    subprocess.run(
        [sys.executable, "-c", _ASK, str(tmp_path), "auto"], env={**os.environ, "CUDA_VISIBLE_DEVICES": ""}, check=True
    )
    with np.load(tmp_path / "said.npz") as said:
        assert_same_outputs(dict(said), outputs(estimator, X), row.rounding_float32)


@for_each_row(lambda row: row.has_parameter("device"))
def test_a_model_saved_on_a_cpu_predicts_on_a_gpu(row, tmp_path):
    X, y = samples(row)
    estimator = row.make(device="cpu").fit(X, y)
    skdl.save(estimator, tmp_path / "model.skops")
    twin = skdl.load(tmp_path / "model.skops")
    assert_same_outputs(outputs(twin, X), outputs(estimator, X))  # the same bits on the same device
    twin = skdl.load(tmp_path / "model.skops").set_params(device="cuda")
    assert_same_outputs(outputs(twin, X), outputs(estimator, X), row.rounding_float32)
