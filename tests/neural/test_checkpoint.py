"""Trainings that are killed and go on: the same bits as without the interruption."""

import json
import os
import signal
import subprocess
import sys
import zipfile

import numpy as np
import pytest
import torch
from sklearn.datasets import load_iris
from skorch.callbacks import Callback
from torch import nn

from skdl.exceptions import InterruptedFitWarning
from skdl.neural import MLPClassifier, NeuralClassifier


class Stop(Callback):
    """End the process, or the training, in the middle of an epoch."""

    def __init__(self, epoch, kill=False):
        self.epoch = epoch
        self.kill = kill

    def on_batch_begin(self, net, training=False, **kwargs):
        if len(net.history) == self.epoch and training:
            if self.kill:
                os.kill(os.getpid(), signal.SIGKILL)
            raise KeyboardInterrupt


def network(n_features, n_outputs):
    return nn.Sequential(
        nn.Linear(n_features, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.3), nn.Linear(8, n_outputs)
    )


# Everything that has a state: moments, schedules, averages, best weights, masks, torch's generators.
SETTINGS = {"max_epochs": 12, "batch_size": 16, "random_state": 0}
MODELS = {
    "plain": (MLPClassifier, {"hidden_layer_sizes": (8,)}),
    "everything": (
        MLPClassifier,
        {
            "hidden_layer_sizes": (8, 8),
            "dropout": 0.3,
            "schedule": "one_cycle",
            "warmup_epochs": 2,
            "ema_decay": 0.9,
            "early_stopping": True,
            "validation_fraction": 0.3,
            "layer_lr_decay": 0.7,
        },
    ),
    "plateau": (MLPClassifier, {"schedule": "plateau", "patience": 2, "optimizer": "nadam", "lr": 0.3}),
    "own": (NeuralClassifier, {"module": network, "optimizer": "adagrad", "early_stopping": True, "patience": 4}),
}


def make(name, **changes):
    cls, parameters = MODELS[name]
    return cls(**(SETTINGS | parameters | changes))


@pytest.fixture(scope="module")
def iris():
    return load_iris(return_X_y=True)


def files(directory):
    return sorted(path.name for path in directory.iterdir())


def assert_same_training(one, other):
    for name, value in one._weights.items():
        np.testing.assert_array_equal(value, other._weights[name], err_msg=name)
    columns = [name for name in one.history_ if name != "dur"]
    assert one.history_[columns].equals(other.history_[columns])
    for ours, theirs in zip(
        one.net_.optimizer_.state_dict()["state"].values(),
        other.net_.optimizer_.state_dict()["state"].values(),
        strict=True,
    ):
        for name, value in ours.items():
            assert torch.equal(torch.as_tensor(value), torch.as_tensor(theirs[name]))


def killed(name, directory, epoch, **changes):
    """Fit in another process until it kills itself."""
    script = f"""
from sklearn.datasets import load_iris
from tests.neural.test_checkpoint import Stop, make
changes = {changes!r}
model = make({name!r}, checkpoint={str(directory)!r}, callbacks=[Stop({epoch}, kill=True)], **changes)
model.fit(*load_iris(return_X_y=True))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr


@pytest.mark.parametrize("name", MODELS)
def test_a_killed_fit_ends_with_the_same_bits(name, iris, tmp_path):
    killed(name, tmp_path, epoch=6)
    (file,) = files(tmp_path)
    assert file.endswith(".npz")
    epochs = []

    class Count(Callback):
        def on_epoch_begin(self, net, **kwargs):
            epochs.append(len(net.history))

    state = torch.get_rng_state()
    resumed = make(name, checkpoint=tmp_path, callbacks=[Count()]).fit(*iris)
    assert torch.equal(torch.get_rng_state(), state)
    whole = make(name).fit(*iris)
    assert epochs == list(range(6, whole.n_iter_ + 1))  # five epochs were done when the process died in the sixth
    assert_same_training(resumed, whole)
    assert files(tmp_path) == []


def test_the_file_holds_no_pickle_and_is_whole_at_any_moment(iris, tmp_path, monkeypatch):
    seen = []
    replace = os.replace

    def watch(draft, path):
        assert os.path.dirname(draft) == os.path.dirname(path)
        with np.load(draft, allow_pickle=False) as file:
            seen.append(json.loads(str(file["record"]))["n_arrays"])
        replace(draft, path)

    monkeypatch.setattr(os, "replace", watch)
    with pytest.warns(InterruptedFitWarning):
        make("everything", checkpoint=tmp_path, callbacks=[Stop(9)]).fit(*iris)
    assert len(seen) == 8
    (path,) = tmp_path.iterdir()
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            assert b"\x80\x04" not in archive.read(name)[:100]  # how a pickle begins
            assert archive.read(name).startswith(b"\x93NUMPY")


def test_every_so_many_epochs(iris, tmp_path):
    with pytest.warns(InterruptedFitWarning):
        make("plain", checkpoint=tmp_path, checkpoint_every=4, callbacks=[Stop(8)]).fit(*iris)
    (path,) = tmp_path.iterdir()
    with np.load(path) as file:
        state = json.loads(str(file["record"]))["state"]["dict"]
    assert ["epoch", 4] in state


def test_other_fits_have_other_files(iris, tmp_path):
    X, y = iris
    changes = [
        {},
        {"lr": 1e-2},
        {"random_state": 1},
        {"hidden_layer_sizes": (9,)},
        {"max_epochs": 13},
        {"dropout": 0.3},
    ]
    for change in changes:
        with pytest.warns(InterruptedFitWarning):
            make("plain", checkpoint=tmp_path, callbacks=[Stop(3)], **change).fit(X, y)
    assert len(files(tmp_path)) == len(changes)
    for other in ((X**2, y), (X, (y + 1) % 3), (X[:-1], y[:-1])):
        with pytest.warns(InterruptedFitWarning):
            make("plain", checkpoint=tmp_path, callbacks=[Stop(3)]).fit(*other)
    assert len(files(tmp_path)) == len(changes) + 3
    weight = np.linspace(1, 2, 150)
    with pytest.warns(InterruptedFitWarning):
        make("plain", checkpoint=tmp_path, callbacks=[Stop(3)]).fit(X, y, sample_weight=weight)
    with pytest.warns(InterruptedFitWarning):
        make("plain", checkpoint=tmp_path, callbacks=[Stop(3)]).fit(X, y, X_val=X[:9], y_val=y[:9])
    assert len(files(tmp_path)) == len(changes) + 5
    # What decides nothing does not tell fits apart.
    model = make("plain", checkpoint=tmp_path, checkpoint_every=5, verbose=0).fit(X, y)
    assert_same_training(model, make("plain").fit(X, y))
    assert len(files(tmp_path)) == len(changes) + 4


def test_after_ctrl_c_a_fit_goes_on(iris, tmp_path):
    with pytest.warns(InterruptedFitWarning, match="after 6 of 12 epochs"):
        make("everything", checkpoint=tmp_path, callbacks=[Stop(7)]).fit(*iris)
    assert_same_training(make("everything", checkpoint=tmp_path).fit(*iris), make("everything").fit(*iris))


def test_a_warm_start_has_a_checkpoint_of_its_own(iris, tmp_path):
    model = make("plain", checkpoint=tmp_path, warm_start=True).fit(*iris)
    with pytest.warns(InterruptedFitWarning):
        model.set_params(callbacks=[Stop(18)]).fit(*iris)
    assert len(files(tmp_path)) == 1
    other = make("plain", warm_start=True).fit(*iris).fit(*iris)
    model = make("plain", checkpoint=tmp_path, warm_start=True).fit(*iris).fit(*iris)
    assert_same_training(model, other)
    assert model.n_iter_ == 24


def test_what_cannot_be_used(iris, tmp_path):
    with pytest.raises(ValueError, match="checkpoint of MLPClassifier needs a random_state, an int"):
        make("plain", checkpoint=tmp_path, random_state=None).fit(*iris)
    with pytest.raises(ValueError, match="checkpoint of MLPClassifier must be None or an instance of str or"):
        make("plain", checkpoint=True).fit(*iris)
    with pytest.warns(InterruptedFitWarning):
        make("plain", checkpoint=tmp_path, callbacks=[Stop(3)]).fit(*iris)
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(ValueError, match=r"The checkpoint .* cannot be used: .*Remove it, or give another directory"):
        make("plain", checkpoint=tmp_path).fit(*iris)
