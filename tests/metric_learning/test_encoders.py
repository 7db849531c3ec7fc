"""Deep encoders: what they learn from tables, images and sequences, and what they refuse."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits, load_iris
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.neighbors import KNeighborsClassifier as TheirNeighbors
from sklearn.pipeline import make_pipeline
from torch import nn

from skdl.metric_learning import ContrastiveEncoder, PrototypicalClassifier, SiameseEncoder, TripletEncoder
from skdl.model_selection import GridSearchCV as FamilySearchCV
from skdl.neighbors import KNeighborsClassifier
from skdl.neural import CNNClassifier, MLPClassifier, MLPRegressor, NeuralClassifier, RNNClassifier

SMALL = MLPClassifier((32,), dropout=0.0, lr=0.01, batch_size=64, max_epochs=15, schedule=None)
ENCODERS = {
    "siamese": SiameseEncoder(SMALL, random_state=0),
    "hard": TripletEncoder(SMALL, mining="hard", random_state=0),
    "semi_hard": TripletEncoder(SMALL, random_state=0),
    "distance_weighted": TripletEncoder(SMALL, mining="distance_weighted", random_state=0),
    "supervised": ContrastiveEncoder(SMALL, random_state=0),
    "n_pairs": ContrastiveEncoder(SMALL, loss="n_pairs", random_state=0),
    "self_supervised": ContrastiveEncoder(SMALL, loss="self_supervised", corruption=0.3, random_state=0),
}


def each(names=ENCODERS):
    return pytest.mark.parametrize("encoder", [clone(ENCODERS[name]) for name in names], ids=list(names))


def noisy_digits():
    """Digits beside as many columns of noise, in which neighbours are often of another digit."""
    X, y = load_digits(return_X_y=True)
    X, y = X[:600], y[:600]
    return np.hstack([X, np.random.default_rng(0).normal(scale=8.0, size=X.shape)]), y


@each([name for name in ENCODERS if name != "self_supervised"])
def test_the_loss_falls_and_neighbours_improve(encoder):
    X, y = noisy_digits()
    before = cross_val_score(TheirNeighbors(5), X, y, cv=3).mean()
    after = cross_val_score(make_pipeline(encoder, TheirNeighbors(5)), X, y, cv=3).mean()
    assert after > before + 0.03
    losses = encoder.fit(X, y).history_["train_loss"].to_numpy()
    assert losses[-1] < losses[0]
    assert encoder.loss_ == losses[-1]
    assert encoder.n_iter_ == len(losses) == 15


def test_views_of_a_sample_come_together_without_labels():
    X, y = load_digits(return_X_y=True)
    encoder = clone(ENCODERS["self_supervised"]).fit(X[:600])
    assert encoder.loss_ < 0.6 * encoder.history_["train_loss"][0]
    # Whatever y holds, nothing is read of it.
    same = clone(encoder).fit(X[:600], y[:600])
    np.testing.assert_array_equal(same.transform(X), encoder.transform(X))
    spoilt = X[600:].copy()
    spoilt[:, ::5] = X[:1197, ::5]
    near, far = encoder.pair_distance(X[600:], spoilt), encoder.pair_distance(X[600:], np.roll(X[600:], 1, axis=0))
    assert np.median(near) < 0.7 * np.median(far)


@each()
def test_embeddings_have_the_distance_that_is_learnt(encoder):
    X, y = load_iris(return_X_y=True)
    encoder.set_params(embedding_dim=3, backbone__max_epochs=3).fit(X, y)
    Z = encoder.transform(X)
    assert Z.shape == (150, 3)
    assert Z.dtype == np.float32
    if encoder.normalize:
        np.testing.assert_allclose(np.linalg.norm(Z, axis=1), 1.0, rtol=1e-6)
    expected = np.linalg.norm(Z[:50] - Z[100:], axis=1)
    np.testing.assert_allclose(encoder.pair_distance(X[:50], X[100:]), expected, rtol=1e-6)
    assert encoder.get_metric()(X[0], X[100]) == pytest.approx(expected[0], rel=1e-5)
    with pytest.raises(ValueError, match="X has 50 rows and Y 49"):
        encoder.pair_distance(X[:50], X[:49])
    again = clone(encoder).fit(X, y)
    np.testing.assert_array_equal(again.transform(X), Z)
    other = clone(encoder).set_params(random_state=1).fit(X, y)
    assert not np.allclose(other.transform(X), Z)


def test_a_network_learns_inside_nearest_neighbours():
    X, y = load_iris(return_X_y=True)
    encoder = TripletEncoder(SMALL, embedding_dim=4, random_state=0)
    inside = KNeighborsClassifier(3, metric=encoder).fit(X, y)
    outside = make_pipeline(encoder, TheirNeighbors(3)).fit(X, y)
    np.testing.assert_array_equal(inside.predict(X), outside.predict(X))
    assert inside.score(X, y) > 0.9


def test_a_search_over_the_backbone():
    X, y = load_iris(return_X_y=True)
    pipeline = make_pipeline(TripletEncoder(SMALL, random_state=0), TheirNeighbors(3))
    grid = {"tripletencoder__backbone__hidden_layer_sizes": [(4,), (16,)], "tripletencoder__embedding_dim": [2, 4]}
    search = GridSearchCV(pipeline, grid, cv=3, error_score="raise").fit(X, y)
    assert search.best_score_ > 0.85
    assert search.best_estimator_[0].backbone.hidden_layer_sizes in [(4,), (16,)]


def test_a_search_over_the_backbone_of_a_metric():
    X, y = load_iris(return_X_y=True)
    classifier = KNeighborsClassifier(metric=TripletEncoder(SMALL, random_state=0))
    grid = {"metric__backbone__hidden_layer_sizes": [(4,), (16,)], "n_neighbors": [1, 5]}
    ours = FamilySearchCV(classifier, grid, cv=3, error_score="raise").fit(X, y)
    theirs = GridSearchCV(classifier, grid, cv=3, error_score="raise").fit(X, y)
    np.testing.assert_array_equal(ours.cv_results_["mean_test_score"], theirs.cv_results_["mean_test_score"])


def test_images():
    X, y = load_digits(return_X_y=True)
    images = X[:500].reshape(-1, 8, 8)
    backbone = CNNClassifier("lenet", lr=0.01, batch_size=100, max_epochs=10)
    Z = SiameseEncoder(backbone, embedding_dim=8, random_state=0).fit(images, y[:500]).transform(images)
    assert TheirNeighbors(1).fit(Z[:400], y[:400]).score(Z[400:], y[400:500]) > 0.9
    with pytest.raises(ValueError, match=r"augment='auto' of the backbone of ContrastiveEncoder .* set it to"):
        ContrastiveEncoder(backbone, loss="self_supervised").fit(images)
    backbone.set_params(augment={"crop": 0.1, "rotation": 10.0})
    encoder = ContrastiveEncoder(backbone, loss="self_supervised", embedding_dim=8, random_state=0).fit(images)
    assert encoder.loss_ < encoder.history_["train_loss"][0]


def test_texts_of_unequal_lengths():
    rng = np.random.default_rng(0)
    words = np.array([["red", "rose", "leaf"], ["iron", "steel", "rust"], ["rain", "cloud", "wind"]])
    y = rng.integers(0, 3, 120)
    texts = [" ".join(rng.choice(words[label], rng.integers(2, 7))) for label in y]
    backbone = RNNClassifier(tokenizer="word", hidden_size=8, lr=0.02, max_epochs=10, batch_size=30)
    encoder = ContrastiveEncoder(backbone, embedding_dim=4, random_state=0).fit(texts[:90], y[:90])
    neighbours = TheirNeighbors(3).fit(encoder.transform(texts[:90]), y[:90])
    assert neighbours.score(encoder.transform(texts[90:]), y[90:]) == 1.0
    with pytest.raises(ValueError, match="dropout=0 of the backbone of ContrastiveEncoder"):
        encoder.set_params(loss="self_supervised", backbone__dropout=0.0).fit(texts)
    # Dropout draws anew for each of the two views.
    encoder.set_params(backbone__dropout=0.3).fit(texts)
    assert encoder.transform(texts).shape == (120, 4)


def test_a_module_of_ones_own():
    X, y = load_iris(return_X_y=True)

    def net(n_features, n_outputs, width=8):
        return nn.Sequential(nn.Linear(n_features, width), nn.ReLU(), nn.Linear(width, n_outputs))

    encoder = TripletEncoder(NeuralClassifier(net, module__width=16, max_epochs=20), embedding_dim=2, random_state=0)
    assert make_pipeline(encoder, TheirNeighbors(3)).fit(X, y).score(X, y) > 0.9
    assert encoder.net_.module_[0].out_features == 16


def test_the_backbone_is_not_changed_and_its_seed_stands_where_no_other_is_given():
    X, y = load_iris(return_X_y=True)
    backbone = clone(SMALL).set_params(random_state=5, warm_start=True)
    parameters = backbone.get_params()
    first = TripletEncoder(backbone).fit(X, y).transform(X)
    assert backbone.get_params() == parameters
    assert not hasattr(backbone, "n_features_in_")
    np.testing.assert_array_equal(TripletEncoder(SMALL, random_state=5).fit(X, y).transform(X), first)


@pytest.mark.parametrize(
    ("batch_size", "per_class", "expected"),
    [(16, 4, (4, 4)), (1000, 4, (10, 58)), (4, 4, (2, 4)), (30, 7, (4, 7)), (25, 2, (10, 2))],
)
def test_how_batches_are_filled(batch_size, per_class, expected):
    _, y = load_digits(return_X_y=True)
    codes = y[:560]
    assert np.bincount(codes).max() == 58
    encoder = TripletEncoder(clone(SMALL).set_params(batch_size=batch_size))
    sampling = encoder._balanced(encoder._new_network(), codes, per_class, repeats=False)
    assert (sampling.n_classes, sampling.n_samples) == expected
    assert sampling.n_batches == -(-560 // (expected[0] * expected[1]))


def test_early_stopping_goes_by_pairs_that_are_held_out():
    X, y = load_digits(return_X_y=True)
    backbone = clone(SMALL).set_params(early_stopping=True, validation_fraction=0.2, patience=2, max_epochs=60)
    encoder = SiameseEncoder(backbone, random_state=0).fit(X[:500], y[:500])
    losses = encoder.history_["valid_loss"].to_numpy()
    assert len(losses) < 60
    assert losses.argmin() == len(losses) - 3


def test_nothing_to_validate_with():
    X, y = load_iris(return_X_y=True)
    backbone = clone(SMALL).set_params(early_stopping=True, validation_fraction=0.02, max_epochs=2)
    with pytest.raises(ValueError, match=r"early_stopping=True of the backbone .* two rows of two classes .* Raise it"):
        TripletEncoder(backbone).fit(X, y)
    # "auto" would hold rows out of so many, but not of so many classes.
    rng = np.random.default_rng(0)
    wide = clone(backbone).set_params(early_stopping="auto", hidden_layer_sizes=(4,), max_epochs=1, batch_size=500)
    encoder = SiameseEncoder(wide, embedding_dim=2)
    encoder.fit(rng.normal(size=(10_000, 2)), np.repeat(np.arange(2500), 4))
    assert "valid_loss" not in encoder.history_


@pytest.mark.parametrize("estimator", [TripletEncoder, SiameseEncoder, ContrastiveEncoder, PrototypicalClassifier])
def test_what_is_no_backbone(estimator):
    X, y = load_iris(return_X_y=True)
    for backbone in (MLPRegressor(), TheirNeighbors(), MLPClassifier, "mlp"):
        with pytest.raises(
            ValueError, match=rf"backbone of {estimator.__name__} must be None or an instance of a clas"
        ):
            estimator(backbone).fit(X, y)
    with pytest.raises(ValueError, match="lr of MLPClassifier must be"):
        estimator(MLPClassifier(lr=-1.0)).fit(X, y)
    with pytest.raises(ValueError, match=rf"accelerate=True of the backbone of {estimator.__name__}"):
        estimator(MLPClassifier(accelerate=True)).fit(X, y)
    with pytest.raises(ValueError, match=rf"augment of the backbone of {estimator.__name__} mixes classes by 'mixup'"):
        estimator(CNNClassifier(augment=["crop", "mixup"])).fit(X, y)
    with pytest.raises(ValueError, match=rf"{estimator.__name__} requires y to be passed"):
        estimator().fit(X, None)


def test_errors_of_the_network_bear_the_name_of_the_encoder():
    X, y = load_iris(return_X_y=True)
    encoder = TripletEncoder(SMALL, random_state=0).fit(X, y)
    with pytest.raises(ValueError, match="X has 3 features, but TripletEncoder is expecting 4"):
        encoder.transform(X[:, :3])


def test_distance_weighted_mining_needs_a_sphere():
    X, y = load_iris(return_X_y=True)
    with pytest.raises(ValueError, match=r"mining='distance_weighted' of TripletEncoder .* set normalize=True"):
        TripletEncoder(mining="distance_weighted", normalize=False).fit(X, y)
