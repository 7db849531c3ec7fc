"""Compiled networks and mixed precision."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_iris
from torch import nn

from skdl.neural import MLPClassifier, NeuralClassifier


@pytest.fixture(scope="module")
def iris():
    return load_iris(return_X_y=True)


def small(**changes):
    settings = {"hidden_layer_sizes": (16,), "lr": 1e-2, "max_epochs": 8, "batch_size": 32, "device": "cpu"}
    settings |= {"dropout": 0.0, "schedule": None}
    return MLPClassifier(random_state=0, **(settings | changes))


class Watch(nn.Module):
    """A linear layer that keeps the types it computed in."""

    types: set = set()

    def __init__(self, n_features, n_outputs):
        super().__init__()
        self.layer = nn.Linear(n_features, n_outputs)

    def forward(self, x):
        output = self.layer(x)
        Watch.types.add((self.training, output.dtype))
        return output


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning:torch")  # torch.compile's own imports
def test_a_compiled_network_learns_the_same(iris):
    X, y = iris
    plain = small(dropout=0.2).fit(X, y)
    compiled = small(dropout=0.2, compile=True).fit(X, y)
    assert compiled.net_._compiled
    np.testing.assert_allclose(compiled.predict_proba(X), plain.predict_proba(X), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(compiled.history_["train_loss"], plain.history_["train_loss"], rtol=1e-4)
    assert set(compiled._weights) == set(plain._weights)


def test_a_compiled_network_is_what_trains_and_the_plain_one_predicts(iris, monkeypatch):
    X, y = iris
    calls = []

    def compile(module):
        def forward(*inputs):
            calls.append(module.training)
            return module(*inputs)

        return forward

    monkeypatch.setattr(torch, "compile", compile)
    settings = {"normalization": "layer", "max_epochs": 3}  # a plain network would take the steps of a stack
    model = small(compile=True, early_stopping=False, **settings).fit(X, y, X_val=X, y_val=y)
    assert calls == [True] * 3 * 5
    np.testing.assert_array_equal(model.predict_proba(X), small(**settings).fit(X, y).predict_proba(X))
    assert len(calls) == 15


def test_what_cannot_be_compiled_is_an_error(iris, monkeypatch):
    def compile(module):
        def forward(*inputs):
            raise RuntimeError("no C++ compiler found")

        return forward

    monkeypatch.setattr(torch, "compile", compile)
    with pytest.raises(
        ValueError, match=r"compile=True: .* \(RuntimeError: no C\+\+ compiler found\). Set compile=False"
    ):
        small(compile=True).fit(*iris)


def test_mixed_precision_is_for_training_alone(iris):
    X, y = iris
    for asked, expected in ((False, torch.float32), ("bfloat16", torch.bfloat16)):
        Watch.types.clear()
        model = NeuralClassifier(
            Watch, mixed_precision=asked, early_stopping=False, max_epochs=20, device="cpu", random_state=0
        ).fit(X, y, X_val=X, y_val=y)
        model.predict(X)
        assert Watch.types == {(True, expected), (False, torch.float32)}
        assert all(value.dtype == np.float32 for value in model._weights.values())
    plain = small(max_epochs=30).fit(X, y)
    mixed = small(max_epochs=30, mixed_precision="bfloat16").fit(X, y)
    assert mixed.score(X, y) > 0.94
    assert not np.array_equal(mixed.predict_proba(X), plain.predict_proba(X))
    np.testing.assert_allclose(mixed.predict_proba(X), plain.predict_proba(X), atol=0.05)


@pytest.mark.parametrize("asked", [True, "float16"])
def test_mixed_precision_that_a_cpu_cannot_use_is_an_error(iris, asked):
    with pytest.raises(ValueError, match=rf"mixed_precision={asked!r} needs a CUDA device, but .* 'cpu'"):
        small(mixed_precision=asked).fit(*iris)


@pytest.mark.gpu
@pytest.mark.parametrize("asked", [True, "bfloat16", "float16"])
def test_mixed_precision_on_a_gpu(iris, asked):
    X, y = iris
    settings = {"device": "cuda", "max_epochs": 60, "gradient_clip": 1.0}
    plain = small(**settings).fit(X, y)
    mixed = small(mixed_precision=asked, **settings).fit(X, y)
    assert mixed.score(X, y) > 0.94
    assert not np.array_equal(mixed.predict_proba(X), plain.predict_proba(X))
    np.testing.assert_allclose(mixed.predict_proba(X), plain.predict_proba(X), atol=0.1)


@pytest.mark.gpu
def test_float16_goes_on_from_a_checkpoint(iris, tmp_path):
    from skorch.callbacks import Callback

    from skdl.exceptions import InterruptedFitWarning

    class Stop(Callback):
        def on_batch_begin(self, net, training=False, **kwargs):
            if len(net.history) == 5:
                raise KeyboardInterrupt

    settings = {"device": "cuda", "mixed_precision": "float16", "dropout": 0.2}
    with pytest.warns(InterruptedFitWarning):
        small(checkpoint=tmp_path, callbacks=[Stop()], **settings).fit(*iris)
    resumed = small(checkpoint=tmp_path, **settings).fit(*iris)
    whole = small(**settings).fit(*iris)
    for name, value in whole._weights.items():
        np.testing.assert_array_equal(resumed._weights[name], value)
