"""Convolutional networks: the layouts of X, what they learn, and what they refuse."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import cross_val_score
from torch import nn

from skdl.neural import CNNClassifier, CNNRegressor, MLPClassifier
from skdl.neural._images import channels_first


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return X.reshape(-1, 8, 8).astype(np.uint8), y


def small(architecture="lenet", **changes):
    return CNNClassifier(architecture, **({"max_epochs": 3, "random_state": 0} | changes))


def test_every_layout_of_the_same_images_gives_the_same_model(digits):
    X, y = digits[0][:300], digits[1][:300]
    expected = small().fit(X, y).predict_proba(X)
    for layout, settings in [
        (X[:, None], {}),
        (X[..., None], {}),
        (X[..., None], {"channels": "last"}),
        (X.reshape(300, 64), {"image_shape": (8, 8)}),
        (X.reshape(300, 64), {"image_shape": (1, 8, 8)}),
        (X.reshape(300, 64), {"image_shape": (8, 8, 1)}),
        (X.astype(np.float64), {}),
        (X.astype(np.int64).tolist(), {}),
        (torch.from_numpy(X), {}),
    ]:
        model = small(**settings).fit(layout, y)
        np.testing.assert_array_equal(model.predict_proba(layout), expected)


def test_colours_last_are_colours_first():
    rng = np.random.default_rng(0)
    X = rng.integers(0, 256, (120, 12, 10, 3), dtype=np.uint8)
    y = X[:, :, :, 1].mean(axis=(1, 2)) > 127.5
    one = small().fit(X, y)
    other = small().fit(np.moveaxis(X, -1, 1), y)
    np.testing.assert_array_equal(one.predict_proba(X), other.predict_proba(np.moveaxis(X, -1, 1)))
    assert one.net_.module_[1][0].in_channels == 3


@pytest.mark.parametrize(
    ("shape", "asked", "first"),
    [
        ((3, 32, 32), "auto", True),
        ((32, 32, 3), "auto", False),
        ((3, 32, 3), "auto", True),
        ((20, 32, 32), "auto", True),
        ((32, 32, 20), "last", False),
        ((32, 32, 3), "first", True),
    ],
)
def test_which_axis_holds_the_channels(shape, asked, first):
    assert channels_first(shape, asked) == first


def test_channels_are_standardised_inside():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 2, 6, 6)) * np.array([1e-3, 50])[:, None, None] + np.array([7, -300])[:, None, None]
    y = X[:, 1].mean(axis=(1, 2)) > -300
    model = small("auto").fit(X, y)
    layer = model.net_.module_[0]
    seen = layer(torch.tensor(X, dtype=torch.float32)).numpy()
    np.testing.assert_allclose(seen.mean(axis=(0, 2, 3)), 0, atol=1e-2)  # 7 + 1e-3 z in float32
    np.testing.assert_allclose(seen[:, 1].std(), 1, rtol=1e-5)
    np.testing.assert_allclose(model._mean, X.mean(axis=(0, 2, 3)), rtol=1e-6)


def test_bytes_stay_bytes_until_the_device(digits):
    X, y = digits
    model = small()
    train, _ = model._prepare(X, y, None)
    assert train.inputs[0].dtype == torch.uint8


@pytest.mark.parametrize(("architecture", "expected"), [("auto", 0.95), ("lenet", 0.9)])
def test_digits_are_read(digits, architecture, expected):
    X, y = digits
    model = small(architecture, max_epochs=20).fit(X[:1200], y[:1200])
    assert model.score(X[1200:], y[1200:]) > expected


def test_what_is_in_a_picture_counts_wherever_it_stands():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(600, 12, 12)) * 0.3, rng.integers(0, 2, 600)
    for picture, label, (row, column) in zip(X, y, rng.integers(0, 8, (600, 2)), strict=True):
        picture[row : row + 4, column : column + 4] += np.eye(4) * 2 if label else np.eye(4)[::-1] * 2
    shifted = CNNClassifier(max_epochs=10, random_state=0).fit(X[:400], y[:400])
    assert shifted.score(X[400:], y[400:]) > 0.95
    flat = MLPClassifier(max_epochs=60, random_state=0).fit(X[:400].reshape(400, -1), y[:400])
    assert flat.score(X[400:].reshape(200, -1), y[400:]) < 0.9


def test_series_go_through_kernels_of_one_dimension():
    rng = np.random.default_rng(0)
    phase = rng.uniform(0, 2 * np.pi, 200)
    y = rng.integers(0, 2, 200)
    X = np.sin(np.arange(60) * np.where(y, 0.5, 0.7)[:, None] + phase[:, None]) + rng.normal(size=(200, 60)) * 0.3
    model = CNNClassifier(max_epochs=12, random_state=0)
    assert cross_val_score(model, X, y, cv=2).mean() > 0.97
    assert any(
        isinstance(layer, nn.Conv1d) for layer in model.set_params(max_epochs=1).fit(X, y).net_.module_.modules()
    )


def test_a_number_is_read_off_a_picture(digits):
    X, _ = digits
    ink = X.sum(axis=(1, 2)).astype(float)
    model = CNNRegressor(max_epochs=20, random_state=0).fit(X[:1000], ink[:1000])
    assert model.score(X[1000:], ink[1000:]) > 0.9


def test_architecture_by_a_callable(digits):
    X, y = digits
    seen = []

    def build(in_channels, size, n_outputs):
        seen.append((in_channels, size, n_outputs))
        return nn.Sequential(nn.Conv2d(in_channels, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 6 * 6, n_outputs))

    model = small(build, max_epochs=10).fit(X[:1200], y[:1200])
    assert model.score(X[1200:], y[1200:]) > 0.9
    assert set(seen) == {(1, (8, 8), 10)}


@pytest.mark.parametrize("n", [65, 129, 64 * 65 + 1])
def test_no_batch_of_one_row_reaches_batch_normalisation(n):
    X = np.random.default_rng(0).normal(size=(n, 2))
    y = np.arange(n) % 2
    model = CNNClassifier("resnet18" if n < 200 else "auto", max_epochs=1, early_stopping=False, random_state=0)
    assert np.isfinite(model.fit(X, y).loss_)
    sizes = [len(batch[0][0]) for batch in model.net_.get_iterator(model._prepare(X, y, None)[0], training=True)]
    assert min(sizes) > 1
    assert sum(sizes) == n


@pytest.mark.parametrize(
    ("X", "settings", "message"),
    [
        (np.zeros((6, 64)), {"image_shape": (7, 9)}, r"image_shape=\(7, 9\) stands for 63 values, but .* has 64"),
        (np.zeros((6, 2, 2, 2, 2)), {}, r"Samples have the shape \(2, 2, 2, 2\), but CNNClassifier takes series"),
        (np.zeros((6, 8, 8)), {"architecture": "resnet"}, "architecture of CNNClassifier must be one of 'auto'"),
        (np.zeros((6, 8, 8)), {"channels": "middle"}, "channels of CNNClassifier must be one of 'auto', 'first'"),
        (np.full((6, 8, 8), np.nan), {}, "contains NaN"),
    ],
)
def test_bad_input(X, settings, message):
    with pytest.raises(ValueError, match=message):
        small(**settings).fit(X, [0, 1] * 3)


def test_images_of_another_size_are_refused(digits):
    X, y = digits
    model = small(max_epochs=1).fit(X[:100], y[:100])
    with pytest.raises(ValueError, match=r"samples of shape \(8, 7\), but CNNClassifier is expecting \(8, 8\)"):
        model.predict(X[:, :, :7])
