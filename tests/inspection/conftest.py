"""What the tests of displays share: figures are closed, networks are fitted once."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from sklearn.datasets import load_digits

from skdl.neural import CNNClassifier, MLPClassifier, TransformerClassifier


@pytest.fixture(autouse=True)
def _no_figure_stays_open():
    yield
    plt.close("all")


@pytest.fixture(scope="session")
def digits():
    return load_digits(return_X_y=True)


@pytest.fixture(scope="session")
def noisy_digits(digits):
    """Digits of which three in ten carry any label."""
    X, y = digits
    rng = np.random.default_rng(0)
    wrong = rng.random(len(y)) < 0.3
    y = y.copy()
    y[wrong] = rng.integers(0, 10, wrong.sum())
    return X, y


@pytest.fixture(scope="session")
def stopped_early(digits):
    settings = {"dropout": 0.0, "max_epochs": 40, "early_stopping": True, "schedule": None}
    return MLPClassifier((64,), **settings, random_state=0).fit(*digits)


@pytest.fixture(scope="session")
def lenet(digits):
    X, y = digits
    return CNNClassifier("lenet", image_shape=(8, 8), max_epochs=2, random_state=0).fit(X[:300], y[:300])


@pytest.fixture(scope="session")
def transformer():
    texts = ["the film was good", "the film was bad", "a good story", "a bad story, and long"] * 10
    return TransformerClassifier(16, nhead=2, tokenizer="word", min_frequency=2, max_epochs=3, random_state=0).fit(
        texts, [1, 0, 1, 0] * 10
    )
