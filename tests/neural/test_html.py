"""What notebooks show of networks: layers, parameters and device, escaped, in pipelines too; plain text as ever."""

import re

import numpy as np
import pytest
import sklearn
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import estimator_html_repr
from torch import nn

from skdl.model_selection import GridSearchCV
from skdl.neural import CNNClassifier, MLPClassifier, NeuralClassifier, RNNRegressor, TransformerClassifier

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(40, 6)), np.arange(40) % 3
QUICK = {"max_epochs": 1, "random_state": 0, "device": "cpu"}


def _caption(html: str) -> str:
    (caption,) = re.findall(r'<div class="caption">(.*?)</div>', html)
    return caption


@pytest.fixture(scope="module")
def model():
    return MLPClassifier((5,), **QUICK).fit(X, Y)


def test_a_fitted_network_tells_what_it_is(model):
    n_parameters = 6 * 5 + 5 + 5 * 3 + 3
    html = estimator_html_repr(model)
    assert _caption(html) == f"Linear 6→5, Linear 5→3; {n_parameters} parameters; cpu"
    assert n_parameters == sum(weight.numel() for weight in model.net_.module_.parameters())


def test_a_notebook_gets_the_table_of_layers(model):
    shown = model._repr_mimebundle_()
    assert shown["text/plain"] == repr(model)
    for html in (shown["text/html"], model._repr_html_()):
        rows = re.findall(r"<tr><td>([^<]*)</td><td>([^<]*)</td><td>([^<]*)</td></tr>", html)
        assert [row[1:] for row in rows] == [("Linear 6→5", "35"), ("Linear 5→3", "18")]
        assert all(path in dict(model.net_.module_.named_modules()) for path, _, _ in rows)
        assert "<summary>Network: 53 parameters on cpu</summary>" in html
        assert html.index(_caption(html)) < html.index("<summary>Network")


def test_an_unfitted_network_has_nothing_to_tell():
    html = MLPClassifier((5,))._repr_mimebundle_()["text/html"]
    assert "caption" not in html.partition("</style>")[2]
    assert "Network:" not in html
    assert "MLPClassifier" in html


def test_plain_text_is_untouched(model):
    assert (
        " ".join(repr(model).split())
        == "MLPClassifier(device='cpu', hidden_layer_sizes=(5,), max_epochs=1, random_state=0)"
    )
    with sklearn.config_context(display="text"):
        assert not hasattr(model, "_repr_html_")
        assert model._repr_mimebundle_() == {"text/plain": repr(model)}
    assert hasattr(model, "_repr_html_")


def test_diagrams_of_pipelines_and_searches_show_it(model):
    pipeline = make_pipeline(StandardScaler(), MLPClassifier((5,), **QUICK)).fit(X, Y)
    html = estimator_html_repr(pipeline)
    assert _caption(html) == _caption(estimator_html_repr(model))
    assert "StandardScaler" in html
    unfitted = estimator_html_repr(make_pipeline(StandardScaler(), MLPClassifier((5,))))
    assert "parameters; cpu" not in unfitted
    search = GridSearchCV(pipeline, {"mlpclassifier__lr": [0.1, 0.01]}, cv=2).fit(X, Y)
    assert "53 parameters; cpu" in estimator_html_repr(search)


def test_many_layers_are_counted_by_kind():
    images = RNG.normal(size=(12, 1, 16, 16)).astype(np.float32)
    model = CNNClassifier("resnet18", **QUICK).fit(images, np.arange(12) % 3)
    caption = _caption(estimator_html_repr(model))
    weights = list(model.net_.module_.parameters())
    assert caption == (
        f"20 Conv2d, 20 BatchNorm2d, 1 Linear; {sum(weight.numel() for weight in weights):,} parameters; cpu"
    )
    table = model._repr_html_().partition("<summary>Network")[2]
    counts = [int(own.replace(",", "")) for own in re.findall(r"<td>([\d,]+)</td></tr>", table)]
    assert len(counts) == 41
    assert sum(counts) == sum(weight.numel() for weight in weights)


def test_other_families_name_their_layers():
    series = RNG.normal(size=(20, 8))
    recurrent = RNNRegressor(**QUICK).fit(series, series[:, 0])
    assert re.search(r"GRU 3→\d+", _caption(estimator_html_repr(recurrent)))
    texts = ["good day", "bad day", "good", "bad"] * 5
    reads = TransformerClassifier(8, nhead=2, num_layers=1, tokenizer="word", **QUICK).fit(texts, [1, 0, 1, 0] * 5)
    assert "Embedding 5→64" in reads._repr_html_()
    images = RNG.normal(size=(20, 8, 8)).astype(np.float32)
    lenet = CNNClassifier("lenet", **QUICK).fit(images, Y[:20])
    assert "Conv2d 1→6 (5x5)" in _caption(estimator_html_repr(lenet))


def test_names_from_outside_are_escaped():
    class Sneaky(nn.Linear):
        pass

    Sneaky.__name__ = "<script>alert(1)</script>"

    def net(n_features, n_outputs):
        own = _OneLayer()
        own.add_module("<i>layer</i>", Sneaky(n_features, n_outputs))
        return own

    model = NeuralClassifier(net, **QUICK).fit(X, Y)
    html = model._repr_mimebundle_()["text/html"]
    body = html.partition("</style>")[2]
    assert "<i>" not in body
    assert "<td>&lt;i&gt;layer&lt;/i&gt;</td>" in body
    assert "<script>alert" not in body


class _OneLayer(nn.Module):
    def forward(self, x):
        return next(iter(self.children()))(x)


def test_showing_changes_nothing(model):
    before = {name: id(value) for name, value in vars(model).items()}
    predicted = model.predict_proba(X)
    model._repr_mimebundle_()
    assert {name: id(value) for name, value in vars(model).items()} == before
    np.testing.assert_array_equal(model.predict_proba(X), predicted)
