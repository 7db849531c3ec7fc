"""Which changes series get while a network trains on them, and that they are for training alone."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone

from skdl.metric_learning import ContrastiveEncoder
from skdl.neural import CNNClassifier, RNNClassifier, RNNRegressor, TCNClassifier, TransformerClassifier
from tests.neural.test_warping import waves

FAMILIES = [RNNClassifier, TCNClassifier, TransformerClassifier, CNNClassifier]
CHOSEN = {"time_warp": 0.3, "noise": 0.3}


def small(cls=RNNClassifier, **changes):
    return cls(**({"max_epochs": 2, "random_state": 0} | changes))


def as_fitted(X: np.ndarray, cls: type) -> np.ndarray:
    return X[:, :, 0] if cls is CNNClassifier else X


@pytest.mark.parametrize("cls", FAMILIES)
def test_series_that_differ_by_timing_are_warped_and_others_are_not(cls):
    X, y = waves(30, 60, moves=True)
    model = small(cls, augment="auto").fit(as_fitted(X, cls), y)
    assert model.augment_ == CHOSEN
    same = small(cls, augment=dict(CHOSEN)).fit(as_fitted(X, cls), y)
    np.testing.assert_array_equal(model.predict_proba(as_fitted(X, cls)), same.predict_proba(as_fitted(X, cls)))
    plain = small(cls, augment=None).fit(as_fitted(X, cls), y)
    assert plain.augment_ == {}
    assert not np.array_equal(model.predict_proba(as_fitted(X, cls)), plain.predict_proba(as_fitted(X, cls)))
    still, y = waves(30, 60, moves=False)
    assert small(cls, augment="auto").fit(as_fitted(still, cls), y).augment_ == {}


@pytest.mark.parametrize("cls", FAMILIES[:3])
def test_what_is_predicted_and_validated_is_never_changed(cls):
    X, y = waves(60, 60, moves=True)
    # Nothing is learnt at such a rate.
    settings = {"early_stopping": True, "lr": 1e-30, "max_epochs": 1}
    plain = small(cls, augment=None, **settings).fit(X, y)
    warped = small(cls, **settings).fit(X, y)
    assert warped.augment_ == CHOSEN
    np.testing.assert_array_equal(warped.predict_proba(X), plain.predict_proba(X))
    assert warped.history_["valid_loss"][0] == plain.history_["valid_loss"][0]
    assert warped.history_["train_loss"][0] != plain.history_["train_loss"][0]


def test_few_series_are_learnt_better():
    # Cylinder and funnel (Saito 1994): a plateau or a fall, which begins and ends anywhere.
    rng = np.random.default_rng(1)
    y = np.arange(620) % 2
    time, begin = np.arange(128), rng.integers(16, 33, size=(620, 1))
    passed = (time - begin) / rng.integers(32, 97, size=(620, 1))
    shape = np.where(y[:, None] == 1, 1.0 - passed, 1.0) * ((passed >= 0) & (passed <= 1))
    X = (6.0 + rng.normal(size=(620, 1))) * shape + rng.normal(size=shape.shape)
    plain, warped = (RNNClassifier(augment=augment, random_state=0).fit(X[:20], y[:20]) for augment in (None, "auto"))
    assert warped.augment_ == CHOSEN
    assert warped.score(X[20:], y[20:]) > plain.score(X[20:], y[20:]) + 0.03


def test_padding_changes_nothing_in_what_is_learnt():
    X, y = waves(30, 60, moves=True)
    lengths = np.random.default_rng(0).integers(54, 61, size=30)
    lengths[0] = 60
    series = [row[:length] for row, length in zip(X, lengths, strict=True)]
    padded = np.where(np.arange(60)[None, :, None] < lengths[:, None, None], X, np.nan)
    wider = np.concatenate([padded, np.full((30, 9, 1), np.nan)], axis=1)
    models = [small().fit(form, y) for form in (series, padded, wider)]
    assert models[0].augment_ == CHOSEN
    for model in models[1:]:
        np.testing.assert_array_equal(model.predict_proba(X), models[0].predict_proba(X))


def test_classes_of_other_kinds_numbers_and_tokens_are_left_alone():
    X, y = waves(30, 60, moves=True)
    assert small(RNNRegressor).fit(X, y).augment_ == {}
    assert small().fit(X, np.column_stack([y, 1 - y, np.ones_like(y)])).augment_ == {}
    assert small(tokenizer="integer").fit((X[:, :, 0] > 0).astype(int), y).augment_ == {}
    assert small(RNNRegressor, augment="noise").fit(X, y).augment_ == {"noise": 0.1}


def test_later_fits_of_a_model_go_on_with_what_the_first_chose():
    X, y = waves(30, 60, moves=True)
    still, _ = waves(30, 60, moves=False)
    model = small(warm_start=True).fit(X, y)
    assert model.fit(still, y).augment_ == CHOSEN
    parts = small().partial_fit(X, y, classes=[0, 1]).partial_fit(still, y)
    assert parts.augment_ == CHOSEN
    again = pickle.loads(pickle.dumps(parts))
    np.testing.assert_array_equal(again.predict_proba(X), parts.predict_proba(X))
    assert not hasattr(clone(model), "augment_")
    assert model.set_params(warm_start=False).fit(still, y).augment_ == {}


def test_views_of_series_may_differ_by_their_changes():
    X, _ = waves(60, 60, moves=True)
    backbone = RNNClassifier(augment=["time_warp", "crop"], max_epochs=2, random_state=0)
    assert ContrastiveEncoder(backbone, loss="self_supervised").fit_transform(X).shape[0] == 60
    with pytest.raises(ValueError, match="two views differ by what is dropped, or by augment"):
        ContrastiveEncoder(clone(backbone).set_params(augment="auto", dropout=0.0), loss="self_supervised").fit(X)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"augment": "zoom"}, "augment of RNNClassifier is 'zoom': 'zoom' is none of the augmentations 'flip'"),
        ({"augment": {"time_warp": -1}}, r"'time_warp' must lie in \(0, inf\); got -1"),
        ({"augment": 3}, "augment of RNNClassifier must be .* got 3"),
        ({"augment": ["noise", "mixup"]}, r"'mixup' is for samples of one size; series may be given \('crop', 'time_w"),
        ({"augment": "noise", "tokenizer": "integer"}, "'noise' is for series, but X holds tokens"),
    ],
)
def test_bad_changes_are_refused(settings, message):
    X, y = waves(20, 30, moves=False)
    with pytest.raises(ValueError, match=message):
        small(**settings).fit(X, y)
