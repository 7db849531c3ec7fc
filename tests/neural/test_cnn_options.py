"""Convolutional networks: augmentation in the training loop, modules of the user's, series of several channels."""

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_digits
from torch import nn

from skdl.engine import RegressorNet
from skdl.neural import CNNClassifier, CNNRegressor
from skdl.nn import Augmentation, Loss
from skdl.nn.augmentation import FOR_IMAGES, mixed_loss


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return X.reshape(-1, 8, 8).astype(np.uint8), y


def small(architecture="lenet", **changes):
    settings = {"max_epochs": 3, "batch_size": 64, "random_state": 0}
    return CNNClassifier(architecture, **(settings | changes))


# Augmentation.


@pytest.mark.parametrize("augment", [*FOR_IMAGES, list(FOR_IMAGES), {"flip": 0.2, "mixup": 1.0}], ids=str)
def test_augmented_training_is_decided_by_the_seed(digits, augment):
    X, y = digits[0][:200], digits[1][:200]
    torch.manual_seed(0)
    one = small(augment=augment).fit(X, y)
    torch.manual_seed(1)
    other = small(augment=augment).fit(X, y)
    np.testing.assert_array_equal(one.predict_proba(X), other.predict_proba(X))
    assert not np.array_equal(one.predict_proba(X), small().fit(X, y).predict_proba(X))


def test_what_is_predicted_is_never_changed(digits):
    X, y = digits[0][:200], digits[1][:200]
    model = small(augment=list(FOR_IMAGES)).fit(X, y)
    plain = model.net_.module_.eval()
    Z = (torch.from_numpy(X[:, None]) - plain[0].mean) * plain[0].factor
    expected = plain[1](Z).softmax(dim=1).detach().numpy()
    np.testing.assert_allclose(model.predict_proba(X), expected, rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(model.predict_proba(X), model.predict_proba(X))


def test_what_is_validated_is_never_changed(digits):
    X, y = digits[0][:200], digits[1][:200]
    # Nothing is learnt at such a rate: the validation loss is that of the first weights, whatever is augmented.
    settings = {"early_stopping": True, "lr": 1e-30, "max_epochs": 1}
    plain = small(**settings).fit(X, y).history_
    augmented = small(**settings, augment=["noise", "cutout", "mixup"]).fit(X, y).history_
    assert plain["valid_loss"][0] == augmented["valid_loss"][0]
    assert plain["train_loss"][0] != augmented["train_loss"][0]


def test_augmentation_helps_where_the_training_set_lacks_what_it_adds():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 300)
    X = rng.normal(size=(300, 12, 12)) * 0.3
    X[:, 2:6, 2:4] += 2.0 * y[:, None, None]
    mirrored = X[150:, :, ::-1]
    plain, flipped = (small("auto", max_epochs=15, augment=augment).fit(X[:150], y[:150]) for augment in (None, "flip"))
    assert flipped.score(mirrored, y[150:]) > 0.95
    assert plain.score(mirrored, y[150:]) < flipped.score(mirrored, y[150:])


@pytest.mark.parametrize("weighted", [False, True])
def test_mixed_losses_are_those_of_mixed_targets(weighted):
    torch.manual_seed(0)
    output, target = torch.randn(7, 4), torch.randint(0, 4, (7,))
    weight = torch.rand(7) if weighted else None
    partner, share = torch.randperm(7), torch.rand(7)
    found = mixed_loss(Loss("cross_entropy"), output, target, weight, (partner, share))
    one_hot = nn.functional.one_hot(target, 4)
    own = torch.ones(7) if weight is None else weight
    soft = (share * own)[:, None] * one_hot + ((1 - share) * own[partner])[:, None] * one_hot[partner]
    expected = -(soft * output.log_softmax(dim=1)).sum() / 7
    torch.testing.assert_close(found, expected)
    unmixed = mixed_loss(Loss("cross_entropy"), output, target, weight, (partner, torch.ones(7)))
    torch.testing.assert_close(unmixed, Loss("cross_entropy")(output, target, weight))


def test_the_loop_takes_the_mixture_of_its_batch(digits, monkeypatch):
    seen = []
    loss = RegressorNet.get_loss

    def watch(self, y_pred, y_true, X=None, training=False):
        found = loss(self, y_pred, y_true, X=X, training=training)
        if training:
            partner, share = self.module_.mixture
            squared = (y_pred - y_true[0]).square()[:, 0], (y_pred - y_true[0][partner]).square()[:, 0]
            seen.append((found.item(), (share * squared[0] + (1 - share) * squared[1]).mean().item()))
        else:
            assert self.module_.mixture is None
        return found

    monkeypatch.setattr(RegressorNet, "get_loss", watch)
    X = digits[0][:200]
    model = CNNRegressor("lenet", augment="mixup", max_epochs=2, early_stopping=True, random_state=0)
    model.fit(X, X.sum(axis=(1, 2)).astype(float))
    assert len(seen) > 4
    np.testing.assert_allclose(*np.transpose(seen), rtol=1e-5)


def test_partial_fit_goes_on_with_the_next_draws(digits):
    X, y = digits[0][:150], digits[1][:150]
    whole = small(augment=["crop", "cutmix"], schedule=None).fit(X, y)
    parts = small(augment=["crop", "cutmix"])
    for _ in range(3):
        parts.partial_fit(X, y)
    np.testing.assert_array_equal(parts.predict_proba(X), whole.predict_proba(X))


def test_an_own_module_may_use_it(digits):
    # What the estimator does, anyone can: the layer stands before the network and is silent in evaluation.
    X = torch.from_numpy(digits[0][:10, None]).float()
    module = nn.Sequential(Augmentation("cutout", seed=0), nn.Flatten(), nn.Linear(64, 2))
    assert not torch.equal(module(X), module(X))
    module.eval()
    assert torch.equal(module(X), module(X))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"augment": "zoom"}, "augment of CNNClassifier is 'zoom': 'zoom' is none of the augmentations 'flip'"),
        ({"augment": {"crop": 2}}, r"augment of CNNClassifier is .*'crop' must lie in \(0, 1\]; got 2"),
        ({"augment": 3}, "augment of CNNClassifier must be .* got 3"),
        ({"max_epochs": "all"}, "max_epochs of CNNClassifier must be .* got 'all'"),
    ],
)
def test_bad_parameters(digits, settings, message):
    with pytest.raises(ValueError, match=message):
        small(**settings).fit(digits[0][:50], digits[1][:50])


def test_changes_for_images_are_refused_for_series():
    X, y = np.random.default_rng(0).normal(size=(20, 30)), np.arange(20) % 2
    with pytest.raises(ValueError, match="'rotation' is for images, but the samples of X are series"):
        small("auto", augment=["noise", "rotation"]).fit(X, y)
    model = small("auto", augment=["noise", "flip", "crop", "scaling", "time_warp", "mixup"], max_epochs=1).fit(X, y)
    assert list(model.augment_) == ["flip", "crop", "scaling", "time_warp", "noise", "mixup"]
    with pytest.raises(ValueError, match="'time_warp' is for series, but the samples of X are images"):
        small("auto", augment="time_warp").fit(X.reshape(20, 5, 6), y)


# Modules of the user's.


class _Block(nn.Module):
    """In the manner of timm's models: a stem, normalised blocks, a pooled head with dropout."""

    def __init__(self, in_chans=3, num_classes=1000):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(in_chans, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.SiLU())
        self.body = nn.Sequential(nn.Conv2d(16, 32, 3, 2, 1, bias=False), nn.BatchNorm2d(32), nn.SiLU())
        self.pool = nn.AdaptiveAvgPool2d(2)
        self.drop = nn.Dropout(0.2)
        self.head = nn.Linear(128, num_classes)

    def forward(self, x):
        return self.head(self.drop(self.pool(self.body(self.stem(x))).flatten(1)))


def _create(in_channels, size, n_outputs):
    return _Block(in_chans=in_channels, num_classes=n_outputs)


def test_a_model_with_normalisation_and_dropout_plugs_in(digits):
    X, y = digits
    models = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        models.append(small(_create, max_epochs=15, lr=1e-2).fit(X[:1001], y[:1001]))
    assert models[0].score(X[1001:], y[1001:]) > 0.9
    np.testing.assert_array_equal(models[0].predict_proba(X), models[1].predict_proba(X))
    again = clone(models[0]).set_params(random_state=1).fit(X[:1001], y[:1001])
    assert not np.array_equal(again.predict_proba(X), models[0].predict_proba(X))
    assert models[0].net_.module_[1].stem[1].num_batches_tracked > 0


@pytest.mark.parametrize("architecture", ["auto", "lenet", "resnet18", "dilated", "multiscale", _create])
def test_odd_sizes_and_colours(architecture):
    rng = np.random.default_rng(0)
    y = np.arange(24) % 3
    X = rng.integers(0, 200, (24, 13, 7, 3), dtype=np.uint8)
    X[np.arange(24), :, :, y] += 55
    flat = X.reshape(24, -1)
    one = small(architecture, max_epochs=2).fit(X, y)
    other = small(architecture, max_epochs=2, image_shape=(13, 7, 3)).fit(flat, y)
    np.testing.assert_array_equal(one.predict_proba(X), other.predict_proba(flat))
    assert one.predict_proba(X).shape == (24, 3)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (
            lambda c, size, k: nn.Sequential(nn.Conv2d(c, 4, 11), nn.Flatten(), nn.Linear(4, k)),
            r"does not take samples of shape \(1, 8, 8\): .*\n.*Enlarge the images before",
        ),
        (
            lambda c, size, k: nn.Sequential(nn.Flatten(), nn.Linear(64, 1000)),
            r"output for 2 samples is \(2, 1000\), but a tensor of shape \(2, 10\) is needed: .* n_outputs=10",
        ),
        (lambda c, size, k: "resnet", r"architecture of CNNClassifier must return a torch.nn.Module; .* 'resnet'"),
    ],
)
def test_modules_that_do_not_fit_are_told_so(digits, build, message):
    with pytest.raises(ValueError, match=message):
        small(build).fit(digits[0][:50], digits[1][:50])


# Series.


def test_series_of_several_channels():
    rng = np.random.default_rng(0)
    y = np.arange(90) % 2
    X = rng.normal(size=(90, 3, 40))
    X[:, 1] += 2 * np.sin(np.arange(40) * np.where(y, 0.4, 0.9)[:, None] + rng.uniform(0, 6, 90)[:, None])
    first = small("auto", channels="first", max_epochs=8, batch_size=16).fit(X[:60], y[:60])
    assert first.score(X[60:], y[60:]) > 0.9
    last = small("auto", channels="last", max_epochs=8, batch_size=16).fit(X[:60].transpose(0, 2, 1), y[:60])
    np.testing.assert_array_equal(last.predict_proba(X.transpose(0, 2, 1)), first.predict_proba(X))
    flat = small("auto", channels="first", image_shape=(3, 40), max_epochs=8, batch_size=16)
    flat.fit(X[:60].reshape(60, -1), y[:60])
    np.testing.assert_array_equal(flat.predict_proba(X.reshape(90, -1)), first.predict_proba(X))
    convolutions = [layer for layer in first.net_.module_.modules() if isinstance(layer, nn.Conv1d)]
    assert convolutions[0].in_channels == 3
    assert not any(isinstance(layer, nn.Conv2d) for layer in first.net_.module_.modules())


def test_samples_with_two_axes_are_images_unless_channels_are_named():
    X, y = np.random.default_rng(0).normal(size=(20, 8, 9)), np.arange(20) % 2
    model = small("auto", max_epochs=1).fit(X, y)
    assert any(isinstance(layer, nn.Conv2d) for layer in model.net_.module_.modules())


# How long it trains.


@pytest.mark.parametrize(("n", "epochs"), [(40, 100), (8000, 75), (100_000, 10)])
def test_auto_epochs_pass_over_six_hundred_thousand_rows(n, epochs):
    X = np.arange(n)[:, None]
    model = CNNClassifier(lambda c, size, k: nn.Sequential(nn.Flatten(), nn.Linear(1, k)), random_state=0)
    model._prepare(X, X[:, 0] % 2, None)
    assert model._auto_epochs == epochs


def test_auto_epochs_are_what_training_takes_and_rebuilding_knows(digits):
    import pickle

    X, y = digits[0][:100], digits[1][:100]
    model = CNNClassifier("lenet", random_state=0).fit(X, y)
    assert model.n_iter_ == model.net_.max_epochs == 100
    again = pickle.loads(pickle.dumps(model))
    assert again.net_.max_epochs == 100
    np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))
