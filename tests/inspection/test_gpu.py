"""Maps and captions of networks that lie on a GPU."""

import numpy as np
import pytest
from sklearn.utils import estimator_html_repr

from skdl.inspection import AttentionDisplay, FeatureMapDisplay
from skdl.neural import CNNClassifier, TransformerClassifier

pytestmark = pytest.mark.gpu


def _on_both(model, display, X, **options):
    """What a display holds of a network fitted on the GPU, there and with its weights on the CPU."""
    there = display.from_estimator(model, X, **options)
    assert "; cuda" in estimator_html_repr(model)
    model.set_params(device="cpu")
    model._new_device_cache()
    assert "; cpu" in estimator_html_repr(model)
    return there, display.from_estimator(model, X, **options)


def test_feature_maps():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 12, 12)).astype(np.float32), np.arange(60) % 3
    model = CNNClassifier("lenet", max_epochs=1, random_state=0, device="cuda").fit(X, y)
    there, here = _on_both(model, FeatureMapDisplay, X[0], layer=-1)
    np.testing.assert_allclose(there.maps, here.maps, rtol=1e-2, atol=1e-2)  # TF32 convolutions
    np.testing.assert_array_equal(there.image, here.image)


def test_attention():
    texts = ["a good story", "a bad story, and long"] * 20
    model = TransformerClassifier(16, nhead=2, tokenizer="word", max_epochs=1, random_state=0, device="cuda")
    there, here = _on_both(model.fit(texts, [1, 0] * 20), AttentionDisplay, ["a good and long story"])
    np.testing.assert_allclose(there.attention, here.attention, rtol=1e-3, atol=1e-5)
    assert there.tokens == here.tokens
