"""Feature maps and attention are those of the network, which predicts afterwards what it predicted before."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

from skdl.inspection import AttentionDisplay, FeatureMapDisplay
from skdl.model_selection import GridSearchCV
from skdl.naive_bayes import GaussianNB
from skdl.neural import CNNClassifier, MLPClassifier, NeuralClassifier, TransformerRegressor
from skdl.nn.tracing import attention_weights, layer_output


def _convolve(image, kernels, bias, padding):
    """Correlation by hand: (c, h, w) with (k, c, a, b)."""
    padded = np.pad(image, ((0, 0), (padding, padding), (padding, padding)))
    size = kernels.shape[2]
    out = np.empty((len(kernels), padded.shape[1] - size + 1, padded.shape[2] - size + 1))
    for row, column in np.ndindex(out.shape[1:]):
        patch = padded[:, row : row + size, column : column + size]
        out[:, row, column] = (kernels * patch).sum(axis=(1, 2, 3)) + bias
    return out


def test_maps_of_the_first_layer_are_a_convolution_by_hand(lenet, digits):
    X, _ = digits
    before = lenet.predict_proba(X[300:310])
    display = FeatureMapDisplay.from_estimator(lenet, X[300])
    scaled = (X[300].reshape(1, 8, 8) - lenet._mean[0]) * lenet._factor[0]
    kernels, bias = (weight.detach().numpy() for weight in lenet.net_.module_[1][0].parameters())
    expected = _convolve(scaled, kernels, bias, 2)
    np.testing.assert_allclose(display.maps, expected, rtol=1e-4, atol=1e-5)
    assert (expected < 0).any()  # the rectifier behind writes over its input
    assert display.layer == "1.0"
    assert display.layer_names == ["1.0", "1.3"]
    np.testing.assert_array_equal(display.images_[0].get_array(), X[300].reshape(8, 8))
    for place, image in enumerate(display.images_[1:]):
        np.testing.assert_array_equal(image.get_array(), display.maps[place])
    assert len(display.axes_) == 7
    np.testing.assert_array_equal(lenet.predict_proba(X[300:310]), before)


def test_layers_by_place_and_by_path(lenet, digits):
    X, _ = digits
    last = FeatureMapDisplay.from_estimator(lenet, X[[0]], layer=-1)
    assert last.layer == "1.3"
    rectified = FeatureMapDisplay.from_estimator(lenet, X[[0]], layer="1.4")
    np.testing.assert_array_equal(rectified.maps, np.maximum(last.maps, 0))
    few = last.plot(max_maps=3, n_columns=2)
    assert len(few.axes_) == 4
    assert "the first 3 of 16 maps" in few.figure_.get_suptitle()
    _, ax = plt.subplots(1, 4)
    assert list(last.plot(ax=ax, max_maps=3).axes_) == list(ax)


def test_series_pipelines_and_colours():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(30, 20)), np.arange(30) % 2
    network = CNNClassifier(max_epochs=1, random_state=0)
    pipeline = make_pipeline(StandardScaler(), network).fit(X, y)
    display = FeatureMapDisplay.from_estimator(pipeline, X[[4]], layer=1)
    assert display.maps.ndim == 2
    np.testing.assert_allclose(display.image[0], pipeline[0].transform(X[[4]])[0], rtol=1e-6)
    np.testing.assert_array_equal(display.images_[1].get_ydata(), display.maps[0])
    search = GridSearchCV(pipeline, {"cnnclassifier__lr": [1e-3]}, cv=2).fit(X, y)
    assert FeatureMapDisplay.from_estimator(search, X[[4]]).layer == display.layer_names[0]
    pictures = rng.integers(0, 256, size=(20, 9, 9, 3)).astype(np.uint8)
    coloured = CNNClassifier("lenet", max_epochs=1, random_state=0).fit(pictures, y[:20])
    shown = FeatureMapDisplay.from_estimator(coloured, pictures[0]).images_[0].get_array()
    expected = pictures[0].astype(float)
    np.testing.assert_allclose(shown, (expected - expected.min()) / np.ptp(expected))


def test_a_layer_that_is_called_in_training_mode_is_left_in_it():
    module = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Dropout(0.5))
    module[1].train()
    module[0].eval()
    layer_output(module, (torch.zeros(1, 1, 4, 4),), "0")
    assert module[1].training
    assert not module[0].training
    assert not module[0]._forward_hooks
    with pytest.raises(ValueError, match="'1' is not called by the network"):
        layer_output(_FirstOnly(module), (torch.zeros(1, 1, 4, 4),), "1")


class _FirstOnly(nn.Sequential):
    def __init__(self, layers):
        super().__init__(*layers)

    def forward(self, x):
        return self[0](x)


def test_no_maps_where_there_are_none(lenet, digits):
    X, y = digits
    with pytest.raises(ValueError, match="not fitted yet"):
        FeatureMapDisplay.from_estimator(CNNClassifier(), X[0])
    with pytest.raises(ValueError, match=r"needs a neural estimator of skdl\.neural, .* got GaussianNB"):
        FeatureMapDisplay.from_estimator(GaussianNB().fit(X, y), X[0])
    with pytest.raises(ValueError, match="network of MLPClassifier has no convolutions"):
        FeatureMapDisplay.from_estimator(MLPClassifier(max_epochs=1).fit(X, y), X[0])
    with pytest.raises(ValueError, match=r"has 2 convolutions, none of which is layer=2: \['1.0', '1.3'\]"):
        FeatureMapDisplay.from_estimator(lenet, X[0], layer=2)
    with pytest.raises(ValueError, match=r"has no layer 'conv1'; its convolutions are \['1.0', '1.3'\]"):
        FeatureMapDisplay.from_estimator(lenet, X[0], layer="conv1")
    with pytest.raises(ValueError, match="gives 1 axes for a sample, which are no maps"):
        FeatureMapDisplay.from_estimator(lenet, X[0], layer="1.7")
    with pytest.raises(ValueError, match="draws one sample, but X holds 2"):
        FeatureMapDisplay.from_estimator(lenet, X[:2])


def test_attention_is_a_softmax_by_hand(transformer):
    text = "the story was surprisingly good"
    before = transformer.predict_proba([text, "bad"])
    display = AttentionDisplay.from_estimator(transformer, text)
    assert display.tokens == ["the", "story", "was", "[surprisingly]", "good"]
    np.testing.assert_allclose(display.attention.sum(axis=3), 1.0, rtol=1e-6)
    body = transformer.net_.module_.body
    codes, lengths = transformer._to_tensors(transformer._read_inputs([text], reset=False))
    with torch.no_grad():
        from skdl.nn.attention import positional_encoding

        steps = body.input(transformer.net_.module_.embedding(codes)) + positional_encoding(5, 16)
        normed = body.layers[0].attention_norm(steps)[0].numpy()
    weight, bias = (w.detach().numpy() for w in body.layers[0].attention.queries_keys_values.parameters())
    queries, keys, _ = np.split(normed @ weight.T + bias, 3, axis=1)
    for head in range(2):
        part = slice(8 * head, 8 * head + 8)
        scores = np.exp(queries[:, part] @ keys[:, part].T / np.sqrt(8))
        expected = scores / scores.sum(axis=1, keepdims=True)
        np.testing.assert_allclose(display.attention[0, head], expected, rtol=1e-4)
    np.testing.assert_array_equal(transformer.predict_proba([text, "bad"]), before)
    assert lengths.tolist() == [5]


def test_heads_layers_and_labels(transformer):
    display = AttentionDisplay.from_estimator(transformer, ["a good story"], layer=0)
    assert len(display.axes_) == 2
    for head, image in enumerate(display.images_):
        np.testing.assert_array_equal(image.get_array(), display.attention[0, head])
    labels = [label.get_text() for label in display.axes_[0].get_yticklabels()]
    assert labels == ["a", "good", "story"]
    mean = display.plot(layer=1, heads="mean")
    np.testing.assert_array_equal(mean.images_[0].get_array(), display.attention[1].mean(axis=0))
    one = display.plot(heads=1)
    np.testing.assert_array_equal(one.images_[0].get_array(), display.attention[-1, 1])
    assert one.axes_[0].get_title() == "head 1"
    named = AttentionDisplay.from_estimator(transformer, ["a good story"], tokens=["x", "y", "z"])
    assert named.tokens == ["x", "y", "z"]


def test_attention_of_series_has_numbered_steps():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(20, 50))
    model = TransformerRegressor(8, nhead=2, num_layers=1, max_epochs=1, random_state=0).fit(X, X[:, 0])
    display = AttentionDisplay.from_estimator(model, X[:1])
    assert display.tokens == [str(step) for step in range(50)]
    assert len(display.axes_[0].get_xticks()) == 25  # every second one


def test_padding_gets_no_attention(transformer):
    module = transformer.net_.module_
    steps, lengths = transformer._to_tensors(
        transformer._read_inputs(["a good story", "a bad story, and long"], reset=False)
    )
    found = attention_weights(module, (steps, lengths))
    assert list(found) == ["body.layers.0.attention", "body.layers.1.attention"]
    for weights in found.values():
        assert (weights[0, :, :, 3:] == 0).all()
        assert (weights[1, :, :6] > 0).all()


class _Torchs(nn.Module):
    """torch's own encoder."""

    def __init__(self, n_features, n_outputs):
        super().__init__()
        layer = nn.TransformerEncoderLayer(4, 2, 8, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(4, n_outputs)

    def forward(self, x):
        return self.head(self.encoder(x).mean(dim=1))


def test_torchs_own_attention_is_found_too():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(20, 6, 4)), np.arange(20) % 2
    model = NeuralClassifier(_Torchs, max_epochs=1, random_state=0).fit(X, y)
    before = model.predict_proba(X)
    display = AttentionDisplay.from_estimator(model, X[:1], layer=0)
    assert display.attention.shape == (2, 2, 6, 6)
    np.testing.assert_allclose(display.attention.sum(axis=3), 1.0, rtol=1e-6)
    module = model.net_.module_.eval()
    x = torch.from_numpy(X[:1]).float()
    with torch.no_grad():
        _, expected = module.encoder.layers[0].self_attn(x, x, x, average_attn_weights=False)
    np.testing.assert_allclose(display.attention[0], expected[0].numpy(), rtol=1e-5)
    np.testing.assert_array_equal(model.predict_proba(X), before)


def test_no_attention_where_there_is_none(transformer, lenet, digits):
    X, _ = digits
    with pytest.raises(ValueError, match="not fitted yet"):
        AttentionDisplay.from_estimator(TransformerRegressor(), X[:1])
    with pytest.raises(ValueError, match="network of CNNClassifier has no attention"):
        AttentionDisplay.from_estimator(lenet, X[:1])
    with pytest.raises(ValueError, match="draws one sequence, but X holds 2"):
        AttentionDisplay.from_estimator(transformer, ["a", "b"])
    with pytest.raises(ValueError, match="tokens holds 1 names, but the sequence has 2 steps"):
        AttentionDisplay.from_estimator(transformer, "good day", tokens=["good"])
    for layer in (2, -3):
        with pytest.raises(ValueError, match=f"no layer {layer}: the network has 2"):
            AttentionDisplay.from_estimator(transformer, "good", layer=layer)
    with pytest.raises(ValueError, match=r"no head \[0, 2\]: the layer has 2"):
        AttentionDisplay.from_estimator(transformer, "good", heads=[0, 2])
    with pytest.raises(ValueError, match="heads must be 'mean', numbers or None, got 'all'"):
        AttentionDisplay.from_estimator(transformer, "good", heads="all")
