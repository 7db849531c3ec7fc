"""Two processes that train one network together, against one that trains it alone."""

import os
import pickle
import socket
import subprocess
import sys

import numpy as np
import pytest
import torch
from sklearn.datasets import make_classification
from torch import nn

from skdl.engine import Batches, TensorData
from skdl.engine.distributed import Share
from skdl.neural import MLPClassifier, MLPRegressor, NeuralClassifier

SCRIPT = """
import atexit, pickle, sys
from pathlib import Path
from tests.neural.test_accelerate import fit

def say_what_listens():  # runs last; a thread of the group that is left then may abort the process
    names = {file.read_text().strip() for file in Path("/proc/self/task").glob("*/comm")}
    print("left:", sorted(name for name in names if "gloo" in name))

atexit.register(say_what_listens)
model = fit(sys.argv[1], accelerate=True)
with open(sys.argv[2], "wb") as file:
    pickle.dump(model, file)
"""


def deep(n_features, n_outputs):
    return nn.Sequential(nn.Linear(n_features, 8), nn.Tanh(), nn.Linear(8, n_outputs))


# 33 rows to a batch, which two processes cannot halve; the last batch has one row.
CASES = {
    "weights": (MLPClassifier, {"optimizer": "momentum", "gradient_clip": 0.5, "schedule": "cosine"}, True),
    "stopping": (MLPClassifier, {"early_stopping": True, "patience": 2, "lr": 0.03, "ema_decay": 0.8}, False),
    "numbers": (MLPRegressor, {"loss": "huber", "l1": 1e-3}, False),
    "own": (NeuralClassifier, {"module": deep, "optimizer": "adam", "freeze": "0.bias", "verbose": 1}, False),
}


def fit(case, **changes):
    cls, parameters, weighted = CASES[case]
    X, y = make_classification(199, 6, n_informative=4, n_classes=3, random_state=0)
    weight = np.random.default_rng(0).uniform(0.5, 2.0, 199) if weighted else None
    settings = {"batch_size": 33, "max_epochs": 12, "lr": 0.01, "device": "cpu", "random_state": 0}
    if cls is not NeuralClassifier:
        # Masks are those of the rows that a process has.
        settings |= {"hidden_layer_sizes": (12,), "dropout": 0.0, "schedule": None}
    return cls(**(settings | parameters | changes)).fit(X, y, sample_weight=weight)


def launch(case, directory):
    """Fit in two processes that find each other as torchrun's do; return both models."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    workers = []
    for rank in range(2):
        environment = {
            "RANK": str(rank),
            "LOCAL_RANK": str(rank),
            "WORLD_SIZE": "2",
            "MASTER_ADDR": "127.0.0.1",
            "MASTER_PORT": str(port),
            "OMP_NUM_THREADS": "1",
        }
        command = [sys.executable, "-c", SCRIPT, case, str(directory / f"{rank}.pkl")]
        workers.append(
            subprocess.Popen(command, env=os.environ | environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        )
    said = [worker.communicate(timeout=120)[0].decode() for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0], said
    assert ["left: []" in text for text in said] == [True, True], said
    assert ["epoch" in text for text in said] == [CASES[case][1].get("verbose", 0) > 0, False]  # the progress bar
    return [pickle.loads((directory / f"{rank}.pkl").read_bytes()) for rank in range(2)]


@pytest.mark.parametrize("case", CASES)
def test_two_processes_train_what_one_does(case, tmp_path):
    alone = fit(case)
    together = launch(case, tmp_path)
    for name, value in alone._weights.items():
        np.testing.assert_array_equal(together[0]._weights[name], together[1]._weights[name])
        np.testing.assert_allclose(together[0]._weights[name], value, rtol=1e-4, atol=1e-5, err_msg=name)
    losses = [column for column in alone.history_ if column.endswith("_loss")]
    for model in together:
        assert model.n_iter_ == alone.n_iter_
        np.testing.assert_allclose(model.history_[losses], alone.history_[losses], rtol=1e-4)
    if case == "stopping":
        assert alone.n_iter_ < 12


def test_one_process_alone_is_the_plain_fit():
    plain = fit("weights")
    accelerated = fit("weights", accelerate=True)
    for name, value in plain._weights.items():
        np.testing.assert_allclose(accelerated._weights[name], value, rtol=1e-5, atol=1e-6)
    X = np.random.default_rng(0).normal(size=(5, 6))
    assert accelerated.predict_proba(X).shape == (5, 3)
    again = accelerated.partial_fit(X, [0, 1, 2, 0, 1])
    assert again.n_iter_ == 13


@pytest.mark.parametrize("n", [1, 2, 7, 16])
@pytest.mark.parametrize("n_processes", [1, 2, 3])
def test_shares_add_up_to_the_batch(n, n_processes):
    values, weight = torch.arange(1.0, n + 1), torch.linspace(0.5, 1.5, n)
    data = TensorData((values[:, None],), values, weight)
    shares = [Share(Batches(data, 5), rank, n_processes) for rank in range(n_processes)]
    for parts in zip(Batches(data, 5), *shares, strict=True):
        (_, (target, weights)), *parts = parts
        means = [(share * part).mean() for _, (part, share) in parts]
        torch.testing.assert_close(torch.stack(means).mean(), (target * weights).mean())
    assert all(sum(share.sizes) == n for share in shares)
    assert len(shares[0]) == -(-n // 5)


def test_mixed_precision_goes_with_it():
    plain = fit("own", mixed_precision="bfloat16")
    accelerated = fit("own", mixed_precision="bfloat16", accelerate=True)
    for name, value in plain._weights.items():
        np.testing.assert_allclose(accelerated._weights[name], value, rtol=1e-2, atol=1e-3)
    assert not np.array_equal(accelerated._weights["0.weight"], fit("own", accelerate=True)._weights["0.weight"])


def test_without_the_package_an_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "accelerate", None)
    with pytest.raises(ImportError, match=r"accelerate=True needs the package accelerate: pip install 'skdl\[accel"):
        fit("own", accelerate=True)
