"""Samples that are read while training: the same bits as from memory, in bounded memory."""

import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from torch.utils.data import Dataset, IterableDataset

from skdl.engine import Batches, StreamedData, StreamedRows, TensorData, streaming
from skdl.exceptions import InterruptedFitWarning
from skdl.neural import CNNClassifier, MLPClassifier, MLPRegressor, NeuralClassifier, RNNClassifier, _streams
from skdl.utils import _mapped, is_left_in_file


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return X.reshape(-1, 8, 8).astype(np.uint8)[:600], np.array(list("abcdefghij"))[y[:600]]


@pytest.fixture
def streamed(monkeypatch):
    """Stream whatever is memory-mapped, in small pieces; return what was read."""
    reads = []
    take = StreamedRows.take

    def watch(self, positions):
        reads.append(len(positions))
        return take(self, positions)

    monkeypatch.setattr(_mapped, "LOADED_BYTES", 0)
    monkeypatch.setattr(streaming, "_BLOCK_BYTES", 10_000)
    monkeypatch.setattr(_streams, "SAMPLED_BYTES", 400_000)
    monkeypatch.setattr(StreamedRows, "take", watch)
    return reads


def in_file(X, directory):
    path = directory / "X.npy"
    np.save(path, X)
    return np.load(path, mmap_mode="r")


class Pairs(Dataset):
    """Samples and their targets, made one by one."""

    def __init__(self, X, y):
        self.X, self.y = X, y

    def __len__(self):
        return len(self.X)

    def __getitem__(self, row):
        assert isinstance(row, int)
        return torch.from_numpy(self.X[row].copy()), self.y[row]


class Samples(Pairs):
    def __getitem__(self, row):
        return self.X[row]


def models():
    settings = {"batch_size": 32, "max_epochs": 2, "random_state": 0}
    return {
        "own": (NeuralClassifier(early_stopping=True, class_weight="balanced", **settings), lambda X: X / 16),
        "cnn": (CNNClassifier("lenet", early_stopping=True, **settings), lambda X: X),
        "series": (CNNClassifier("auto", **settings), lambda X: X.reshape(len(X), -1).astype(np.float32)),
        "mlp": (MLPClassifier(hidden_layer_sizes=(8,), **settings), lambda X: X.reshape(len(X), -1) / 16),
    }


@pytest.mark.parametrize("name", ["own", "cnn", "series", "mlp"])
def test_a_file_gives_the_bits_that_memory_gives(name, digits, tmp_path, streamed):
    model, arrange = models()[name]
    X, y = arrange(digits[0]), digits[1]
    weight = np.random.default_rng(0).integers(0, 3, len(y)).astype(float)
    expected = models()[name][0].fit(X, y, sample_weight=weight)
    assert not streamed
    file = in_file(X, tmp_path)
    model.fit(file, y, sample_weight=weight)
    assert len(streamed) > 10
    assert np.median(streamed) <= 10_000 // 64
    for key, value in expected._weights.items():
        np.testing.assert_array_equal(model._weights[key], value, err_msg=key)
    np.testing.assert_array_equal(model.predict_proba(file), expected.predict_proba(X))
    np.testing.assert_array_equal(model.transform(file), expected.transform(X))


@pytest.mark.parametrize("name", ["own", "cnn", "mlp"])
def test_a_dataset_gives_the_bits_that_memory_gives(name, digits, streamed):
    X, y = models()[name][1](digits[0]), digits[1]
    expected = models()[name][0].fit(X, y).predict_proba(X)
    pairs = models()[name][0].fit(Pairs(X, y), None)
    np.testing.assert_array_equal(pairs.predict_proba(Pairs(X, y)), expected)
    samples = models()[name][0].fit(Samples(X, y), y)
    np.testing.assert_array_equal(samples.predict_proba(X), expected)
    np.testing.assert_array_equal(samples.predict(Samples(X[:9], y)), pairs.predict(X[:9]))


def test_numbers_and_validation_rows_are_streamed(digits, tmp_path, streamed):
    X = digits[0].reshape(600, -1) / 16
    y = X.sum(axis=1)
    file = in_file(X, tmp_path)
    settings = {"hidden_layer_sizes": (8,), "max_epochs": 3, "random_state": 0}
    expected = MLPRegressor(**settings).fit(X[:400], y[:400], X_val=X[400:], y_val=y[400:])
    model = MLPRegressor(**settings).fit(file[:400], y[:400], X_val=file[400:], y_val=y[400:])
    np.testing.assert_array_equal(model.predict(X), expected.predict(X))
    np.testing.assert_array_equal(model.history_["valid_loss"], expected.history_["valid_loss"])
    assert streamed


def test_scales_come_from_a_sample_where_there_are_many_rows(tmp_path, streamed, monkeypatch):
    monkeypatch.setattr(_streams, "SAMPLED_BYTES", 24_000)
    X = np.random.default_rng(0).normal(7.0, 2.0, size=(20_000, 3))
    model = MLPClassifier(scaling="standard", hidden_layer_sizes=(), max_epochs=1, early_stopping=False)
    model.fit(in_file(X, tmp_path), X[:, 0] > 7)
    np.testing.assert_allclose(model._scaling.center, 7.0, atol=0.3)
    np.testing.assert_allclose(1 / model._scaling.factor, 2.0, atol=0.2)
    assert max(streamed) <= 1000


def test_small_files_are_loaded(digits, tmp_path):
    file = in_file(digits[0].reshape(600, -1) / 16, tmp_path)
    assert not is_left_in_file(file)
    model = MLPClassifier(max_epochs=1, batch_size=1000).fit(file, digits[1])  # one batch, rows merged
    assert model.loss_ > 0


def test_streams_and_their_checkpoints(digits, tmp_path, streamed):
    from skorch.callbacks import Callback

    class Stop(Callback):
        def on_batch_begin(self, net, **kwargs):
            if len(net.history) == 2:
                raise KeyboardInterrupt

    X, y = digits
    file = in_file(X, tmp_path)
    model = models()["cnn"][0].set_params(checkpoint=tmp_path / "state")
    with pytest.warns(InterruptedFitWarning):
        model.set_params(callbacks=[Stop()]).fit(file, y)
    resumed = model.set_params(callbacks=None).fit(file, y)
    np.testing.assert_array_equal(resumed.predict_proba(X), models()["cnn"][0].fit(X, y).predict_proba(X))
    assert not list((tmp_path / "state").iterdir())


@pytest.mark.parametrize("n", [1, 32, 100, 1000])
def test_blocks_of_a_stream_are_those_of_tensors(n, monkeypatch):
    monkeypatch.setattr(streaming, "_BLOCK_BYTES", 2000)
    X = np.random.default_rng(0).normal(size=(n, 3)).astype(np.float32)
    target, weight = torch.arange(n), torch.rand(n)
    read = []

    def some(rows):
        assert (np.diff(rows) >= 0).all()
        read.append(len(rows))
        return X[rows]

    stream = StreamedData(StreamedRows(some, n), lambda X: (torch.from_numpy(X),), torch.device("cpu"), target, weight)
    whole = TensorData((torch.from_numpy(X),), target, weight)
    for seed in (None, 3):
        for ours, theirs in zip(Batches(stream, 16, seed=seed), Batches(whole, 16, seed=seed), strict=True):
            assert torch.equal(ours[0][0], theirs[0][0])
            assert torch.equal(ours[1][0], theirs[1][0])
            assert torch.equal(ours[1][1], theirs[1][1])
    assert max(read) <= max(16, 2000 // 12)
    (x,), (row, _) = stream[n - 1]
    assert torch.equal(x, torch.from_numpy(X[n - 1]))
    assert row == n - 1


def test_rows_are_chosen_without_reading_them():
    rows = StreamedRows(lambda rows: rows * 10, 6)
    some = rows[np.array([5, 1, 3])]
    assert len(some) == 3
    np.testing.assert_array_equal(some[:], [50, 10, 30])
    np.testing.assert_array_equal(some[np.array([True, False, True])][:], [50, 30])
    np.testing.assert_array_equal(rows[2:4], [20, 30])
    np.testing.assert_array_equal(StreamedRows(None, 1000).sample(3), [0, 499, 999])
    np.testing.assert_array_equal(some.sample(3), [0, 1, 2])


SCRIPT = """
import re, resource, sys
import numpy as np, torch
from skdl.neural import CNNClassifier, NeuralClassifier

X = np.load(sys.argv[1], mmap_mode="r")
y = np.arange(len(X)) % 3
def model():
    return NeuralClassifier(batch_size=256, max_epochs=1, early_stopping=True, device="cpu", random_state=0)
model().fit(np.asarray(X[:600]), y[:600]).predict(np.asarray(X[:600]))  # what is loaded once is loaded now
used = 1024 * int(re.search(r"VmData:\\s+(\\d+)", open("/proc/self/status").read())[1])
resource.setrlimit(resource.RLIMIT_DATA, (used + X.nbytes // 3, -1))
try:
    np.array(X)
except MemoryError:
    print("too large")
print(model().fit(X, y).predict_proba(X).shape)
"""


def test_memory_is_bounded(tmp_path):
    X = np.lib.format.open_memmap(tmp_path / "X.npy", "w+", np.float32, (300_000, 256))  # 300 MB
    for start in range(0, len(X), 50_000):
        X[start : start + 50_000] = np.random.default_rng(start).random((50_000, 256), dtype=np.float32)
    X.flush()
    del X
    command = [sys.executable, "-c", SCRIPT, str(tmp_path / "X.npy")]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split("\n")[:2] == ["too large", "(300000, 3)"]


class Endless(IterableDataset):
    def __iter__(self):
        yield np.zeros(3)


@pytest.mark.parametrize(
    ("model", "X", "y", "message"),
    [
        (NeuralClassifier(), Endless(), [0, 1], "NeuralClassifier takes Datasets with a length .*; Endless has none"),
        (RNNClassifier(), Samples(np.zeros((4, 3)), None), [0, 1, 0, 1], "RNNClassifier takes no torch Dataset"),
        (NeuralClassifier(), Samples(np.zeros((4, 3)), None), None, r"y is None, and item 0 of the Samples is no pair"),
        (NeuralClassifier(), Samples(np.full((4, 3), np.nan), None), [0, 1, 0, 1], "Input X contains NaN"),
        (NeuralClassifier(), Samples(np.zeros((4, 3)), None), [0, 1, 0], "inconsistent numbers of samples"),
    ],
)
def test_what_cannot_be_streamed(model, X, y, message):
    with pytest.raises(ValueError, match=message):
        model.fit(X, y)
