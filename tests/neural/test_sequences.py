"""All estimators over sequences: padding and neighbours change nothing, order matters, texts are read."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score

from skdl.neural import (
    RNNClassifier,
    RNNRegressor,
    TCNClassifier,
    TCNRegressor,
    TransformerClassifier,
    TransformerRegressor,
)
from skdl.neural._sequences import SequenceEstimator

CLASSIFIERS = {
    "rnn": (RNNClassifier, {"hidden_size": 16}),
    "tcn": (TCNClassifier, {"channels": 16}),
    "transformer": (TransformerClassifier, {"d_model": 16, "dim_feedforward": 32}),
}
REGRESSORS = {
    "rnn": (RNNRegressor, {"hidden_size": 16}),
    "tcn": (TCNRegressor, {"channels": 16}),
    "transformer": (TransformerRegressor, {"d_model": 16, "dim_feedforward": 32}),
}
EVERY = pytest.mark.parametrize("family", CLASSIFIERS)


def make(family, table=CLASSIFIERS, **changes):
    cls, small = table[family]
    return cls(**({"max_epochs": 2, "random_state": 0} | small | changes))


def ragged(n=120, longest=40, channels=2, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=(length, channels)) for length in rng.integers(1, longest + 1, n)]


def padded(series, width):
    out = np.full((len(series), width, series[0].shape[1]), np.nan)
    for row, item in enumerate(series):
        out[row, : len(item)] = item
    return out


@EVERY
@pytest.mark.parametrize("pooling", ["last", "mean", "max", "attention"])
def test_padding_and_neighbours_change_no_bit_of_a_prediction(family, pooling):
    X = ragged()
    model = make(family, pooling=pooling).fit(X, np.arange(120) % 3)
    expected = model.predict_proba(X)
    np.testing.assert_array_equal(model.predict_proba(padded(X, 40)), expected)
    np.testing.assert_array_equal(model.predict_proba(padded(X, 71)), expected)
    order = np.random.default_rng(1).permutation(120)
    np.testing.assert_array_equal(model.predict_proba([X[row] for row in order]), expected[order])
    for row in range(0, 120, 10):  # alone, beside a longer one, and beside shorter ones
        np.testing.assert_array_equal(model.predict_proba([X[row]]), expected[[row]])
        np.testing.assert_array_equal(model.predict_proba([np.ones((300, 2)), X[row]])[1], expected[row])
        np.testing.assert_array_equal(model.predict_proba([np.ones((1, 2))] * 70 + [X[row]])[-1], expected[row])


@EVERY
def test_padding_changes_no_bit_of_a_training(family):
    X, y = ragged(), np.arange(120) % 3
    expected = make(family, dropout=0.1).fit(X, y).predict_proba(X)
    for other in (padded(X, 40), padded(X, 77)):
        np.testing.assert_array_equal(make(family, dropout=0.1).fit(other, y).predict_proba(X), expected)
    channel_first = np.moveaxis(padded(X, 50), 1, 2)
    model = make(family, dropout=0.1, layout="channel_first").fit(channel_first, y)
    np.testing.assert_array_equal(model.predict_proba(channel_first), expected)


@EVERY
def test_a_batch_is_as_long_as_its_longest(family):
    X = ragged(longest=200)
    model = make(family, batch_size=8)
    data, _ = model._prepare(X, np.arange(120) % 2, None)
    model._train(model._new_module(), data, None)
    lengths = [inputs[0].shape[1] for inputs, _ in model.net_.get_iterator(data, training=True)]
    assert len(set(lengths)) > 5
    assert sum(lengths) < 0.75 * 200 * len(lengths)


@EVERY
def test_channels_are_standardised_by_the_real_steps_of_the_weighted_rows(family):
    X = [item * [1e-3, 50] + [7, -300] for item in ragged()]
    weight = np.arange(120) % 4
    model = make(family)
    data, _ = model._prepare(X, np.arange(120) % 3, weight)
    steps = np.concatenate([item for item, count in zip(X, weight, strict=True) for _ in range(count)])
    np.testing.assert_allclose(model._mean, steps.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(1 / model._factor, steps.std(axis=0), rtol=1e-9)
    one = next(i for i in range(120) if weight[i])
    np.testing.assert_allclose(
        data.inputs[0][0, : len(X[one])], (X[one] - steps.mean(axis=0)) / steps.std(axis=0), rtol=1e-4, atol=1e-5
    )
    assert not data.inputs[0][0, len(X[one]) :].any()


@EVERY
def test_a_constant_channel_has_no_effect(family):
    X = ragged()
    y = np.arange(120) % 3
    expected = make(family).fit([np.column_stack([x, np.zeros(len(x))]) for x in X], y)
    constant = make(family).fit([np.column_stack([x, np.full(len(x), 0.1)]) for x in X], y)
    wild = [np.column_stack([x, np.full(len(x), 1e6)]) for x in X]
    np.testing.assert_array_equal(constant.predict_proba(wild), expected.predict_proba(wild))


def which_comes_first(n, seed, longest=30):
    """Two pulses, one up and one down, at random places: the class is which comes first. Sums don't tell."""
    rng = np.random.default_rng(seed)
    X, y = [], rng.integers(0, 2, n)
    for label in y:
        length = rng.integers(12, longest + 1)
        x = rng.normal(size=length) * 0.1
        first, second = np.sort(rng.choice(length, 2, replace=False))
        x[first], x[second] = (3, -3) if label else (-3, 3)
        X.append(x)
    return X, y


@EVERY
def test_order_is_learnt(family):
    X, y = which_comes_first(400, 0)
    X_test, y_test = which_comes_first(300, 1)
    slower = {"max_epochs": 40, "lr": 0.005, "batch_size": 32, "dropout": 0.0} if family == "transformer" else {}
    model = make(family, **({"max_epochs": 25, "lr": 0.01} | slower)).fit(X, y)
    assert model.score(X_test, y_test) > 0.95

    def bag(series):
        return np.array([[x.sum(), (x**2).sum(), x.max(), x.min(), np.median(x), len(x)] for x in series])

    assert LogisticRegression().fit(bag(X), y).score(bag(X_test), y_test) < 0.6


def adding_problem(n, seed, steps=20):
    """Hochreiter & Schmidhuber's: the sum of the two values that a second channel marks."""
    rng = np.random.default_rng(seed)
    X = np.zeros((n, steps, 2))
    X[:, :, 0] = rng.uniform(size=(n, steps))
    marked = np.array([rng.choice(steps, 2, replace=False) for _ in range(n)])
    X[np.arange(n)[:, None], marked, 1] = 1
    return X, X[np.arange(n)[:, None], marked, 0].sum(axis=1)


@EVERY
def test_adding_problem(family):
    X, y = adding_problem(1500, 0)
    X_test, y_test = adding_problem(300, 1)
    model = make(family, REGRESSORS, max_epochs=25, lr=0.01).fit(X, y)
    assert model.score(X_test, y_test) > 0.9


@EVERY
def test_several_targets_and_labels(family):
    X, y = adding_problem(200, 0, steps=8)
    model = make(family, REGRESSORS).fit(X, np.column_stack([y, -y]))
    assert model.predict(X[:5]).shape == (5, 2)
    labels = make(family).fit(X, np.column_stack([y > 1, y < 0.5]).astype(int))
    assert labels.predict(X[:5]).shape == (5, 2)


@EVERY
def test_cross_validation_and_search_over_a_list_of_series(family):
    X, y = which_comes_first(60, 0)
    assert len(cross_val_score(make(family), X, y, cv=3, error_score="raise")) == 3
    search = GridSearchCV(make(family), {"pooling": ["mean", "last"]}, cv=2, error_score="raise").fit(X, y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


@EVERY
def test_training_goes_on_with_series_of_other_lengths(family):
    X, y = which_comes_first(60, 0)
    model = make(family).partial_fit(X, y).partial_fit([x[:5] for x in X], y).partial_fit(np.ones((60, 77)), y)
    assert model.n_iter_ == 3
    model = make(family, warm_start=True, max_epochs=1).fit(X, y).fit([np.tile(x, 3) for x in X], y)
    assert model.n_iter_ == 2


@EVERY
def test_early_stopping_reads_the_validation_rows_in_their_order(family):
    X, y = which_comes_first(100, 0)
    model = make(family, early_stopping=True, validation_fraction=0.3, batch_size=8, max_epochs=3).fit(X, y)
    assert list(model.history_["valid_batch_count"]) == [4, 4, 4]


@EVERY
def test_auto_epochs_pass_over_sixty_thousand_rows(family):
    for n, epochs in ((20, 100), (2400, 25)):
        model = make(family, max_epochs="auto")
        model._prepare(np.arange(4 * n).reshape(n, 4), np.arange(n) % 2, None)
        assert model._plan(torch.device("cpu"), model.max_epochs).max_epochs == epochs


# Texts and tokens.

WORDS = ["good", "fine", "bad", "poor", "film", "food", "day", "the", "a", "was"]


def reviews(n, seed):
    rng = np.random.default_rng(seed)
    texts = [" ".join(rng.choice(WORDS[4:], rng.integers(2, 9))) for _ in range(n)]
    y = rng.integers(0, 2, n)
    for row, label in enumerate(y):
        texts[row] += " " + rng.choice(WORDS[:2] if label else WORDS[2:4]) + rng.choice([".", "!", ""])
    return texts, np.where(y, "+", "-")


@EVERY
@pytest.mark.parametrize("tokenizer", ["word", "character", str.split])
def test_texts_are_read(family, tokenizer):
    texts, y = reviews(300, 0)
    model = make(family, tokenizer=tokenizer, max_epochs=25, lr=0.01).fit(texts, y)
    new, y_new = reviews(100, 1)
    assert model.score(new, y_new) > (0.85 if tokenizer == "character" else 0.95)
    kind = {"word": "film", "character": "f"}.get(tokenizer, "film")
    assert kind in model.vocabulary_
    assert ("!" in model.vocabulary_) == (tokenizer != str.split)


def test_convolutions_are_flat_and_wide_over_tokens():
    texts = ["a good day", "a good film", "a bad day", "a bad film"]
    y = [1, 1, 0, 0]
    series = np.random.default_rng(0).normal(size=(4, 30))
    settings = {"max_epochs": 1, "random_state": 0}

    def built(X, **changes):
        network = TCNClassifier(**settings, **changes).fit(X, y).net_.module_
        body = network.body
        return (
            len(body.blocks),
            body.width,
            network.dropout.p,
            network.embedding_dropout.p,
            body.blocks[0].first_dropout.p,
        )

    assert built(texts, tokenizer="word") == (1, 128, 0.5, 0.5, 0.5)
    assert built(series) == (3, 32, 0.0, 0.0, 0.0)
    own = {"channels": 8, "num_levels": 2, "dropout": 0.25}
    assert built(texts, tokenizer="word", **own) == built(series, **own) == (2, 8, 0.25, 0.25, 0.25)
    with pytest.raises(ValueError, match="dropout"):
        TCNClassifier(dropout="some").fit(series, y)


def test_recurrent_networks_are_trained_on_half_of_the_words():
    texts, y = ["a good day", "a bad day"] * 3, [0, 1] * 3

    def rates(X, **changes):
        network = make("rnn", max_epochs=1, num_layers=2, **changes).fit(X, y).net_.module_
        return {network.dropout.p, network.embedding_dropout.p, network.body.dropouts[0].p}

    assert rates(texts, tokenizer="word") == {0.5}
    assert rates(np.ones((6, 4))) == {0.0}
    assert rates(texts, tokenizer="word", dropout=0.25) == {0.25}


def test_recurrent_networks_read_a_third_of_a_series_at_once_and_token_by_token():
    X = [np.arange(length) for length in (6, 12, 36)] * 2
    y = [0, 1] * 3

    def frame_of(X, **changes):
        frames = make("rnn", max_epochs=1, **changes).fit(X, y).net_.module_.frames
        return 1 if frames is None else frames.length

    assert frame_of(X) == 6
    assert frame_of(X, frame=20) == 20
    assert frame_of(np.arange(6 * 900.0).reshape(6, 900) % 7) == 256
    assert frame_of(X, frame=1) == frame_of(np.ones((6, 2)) * np.arange(6)[:, None]) == 1
    assert frame_of(["a good day", "a bad day"] * 3, tokenizer="word") == 1
    weight = np.array([1, 0, 0] * 2)
    model = make("rnn", max_epochs=1).fit(X, y, sample_weight=weight)
    assert model.net_.module_.frames.length == 2


@pytest.mark.parametrize("family", ["rnn", "tcn"])
def test_targets_are_smoothed_by_a_tenth_over_series_alone(family):
    series, texts, y = np.random.default_rng(0).normal(size=(6, 9)), ["a good day", "a bad day"] * 3, [0, 1] * 3

    def smoothing_of(X, **changes):
        model = make(family, max_epochs=1, **changes).fit(X, y)
        return model._plan(torch.device("cpu"), 1).label_smoothing

    assert smoothing_of(series) == 0.1
    assert smoothing_of(series, label_smoothing=0.0) == 0.0
    assert smoothing_of(texts, tokenizer="word") == 0.0
    assert smoothing_of(texts, tokenizer="word", label_smoothing=0.2) == 0.2
    for wrong in ("some", 1.0):
        with pytest.raises(ValueError, match="label_smoothing of"):
            make(family, label_smoothing=wrong).fit(series, y)
    assert np.isfinite(make(family, loss="focal").fit(series, np.eye(6, 3, dtype=int)).loss_)


@EVERY
def test_all_forms_of_texts_are_one(family):
    texts, y = reviews(40, 0)
    expected = make(family, tokenizer="word").fit(texts, y).predict_proba(texts)
    for form in (
        tuple(texts),
        np.array(texts),
        np.array(texts, dtype=object),
        np.array(texts)[:, None],
        pd.Series(texts, index=range(7, 47)),
        pd.DataFrame({"text": texts}),
        pl.Series("text", texts),
        pl.DataFrame({"text": texts}),
    ):
        model = make(family, tokenizer="word").fit(form, y)
        np.testing.assert_array_equal(model.predict_proba(form), expected)
        assert not hasattr(model, "n_features_in_")


@EVERY
def test_integer_tokens(family):
    texts, y = reviews(300, 0)
    ids = {word: 100 - 7 * i for i, word in enumerate([*WORDS, ".", "!"])}
    codes = [[ids[word] for word in text.replace(".", " .").replace("!", " !").split()] for text in texts]
    words = make(family, tokenizer="word", max_epochs=3).fit(texts, y)
    numbers = make(family, tokenizer="integer", max_epochs=3).fit(codes, y)
    assert set(numbers.vocabulary_) == {ids[word] for word in words.vocabulary_}
    assert numbers.vocabulary_.dtype == np.int64
    matrix = np.full((300, 12), np.nan)
    for row, code in enumerate(codes):
        matrix[row, : len(code)] = code
    same = make(family, tokenizer="integer", max_epochs=3).fit(matrix, y)
    np.testing.assert_array_equal(same.predict_proba(matrix), numbers.predict_proba(codes))
    assert np.isfinite(numbers.predict_proba([np.array([12345, 100])])).all()


@EVERY
def test_rare_and_new_tokens_are_unknown(family):
    texts = ["a b c", "a b d", "a b e", "a b"]
    model = make(family, tokenizer="word").fit(texts, [0, 1, 0, 1])
    assert model.vocabulary_.tolist() == ["a", "b"]
    new = model.predict_proba(["a c", "a zzz", "a e"])
    np.testing.assert_array_equal(new[0], new[1])
    np.testing.assert_array_equal(new[0], new[2])
    unknown = model.predict_proba(["", "zzz"])
    np.testing.assert_array_equal(unknown[0], unknown[1])
    assert make(family, tokenizer="word", min_frequency=1).fit(texts, [0, 1, 0, 1]).vocabulary_.tolist() == list(
        "abcde"
    )
    most = make(family, tokenizer="word", min_frequency=1, max_vocabulary=3).fit(["b a", "b c", "c d d d"], [0, 1, 0])
    assert most.vocabulary_.tolist() == ["b", "c", "d"]


@EVERY
def test_the_vocabulary_is_that_of_the_training_rows(family):
    texts = ["a b"] * 30 + ["a only only"] * 10
    weight = np.r_[np.ones(30), np.zeros(10)]
    model = make(family, tokenizer="word").fit(texts, [0, 1] * 20, sample_weight=weight)
    assert "only" not in model.vocabulary_


@pytest.mark.parametrize(
    ("X", "settings", "message"),
    [
        (["a", None, "b", "c"], {"tokenizer": "word"}, r"X\[1\] is None, of type NoneType, but tokenizer='word' takes"),
        (np.ones((4, 2)), {"tokenizer": "word"}, "X has 2 columns, but tokenizer='word' takes one text for each"),
        ("text", {"tokenizer": "word"}, "X is one string; RNNClassifier takes a list"),
        (["a"], {"tokenizer": "word"}, r"1 sample\(s\) while a minimum of 2 is required by RNNClassifier"),
        (["a", "b", "c", "d"], {"tokenizer": "word"}, "No token occurs min_frequency=2 times"),
        (["a b", "b", "c", "d"], {"tokenizer": lambda text: [1, 2]}, r"tokenizer made the token 1 of X\[0\]"),
        (np.full((4, 2), 0.5), {"tokenizer": "integer"}, r"X\[0\] holds 0.5 at step 0, .* takes whole numbers"),
        (np.ones((4, 2, 2)), {"tokenizer": "integer"}, "X has 2 channels, but tokenizer='integer' takes one token"),
        (["a"] * 4, {"tokenizer": "integer"}, "could not convert|dtype"),
        (["a"] * 4, {"tokenizer": "sentence"}, "tokenizer of RNNClassifier must be None or one of 'word'"),
        (["a"] * 4, {"tokenizer": "word", "embedding_dim": 0}, r"embedding_dim of RNNClassifier must be an int in \[1"),
    ],
)
def test_bad_texts(X, settings, message):
    with pytest.raises(ValueError, match=message):
        RNNClassifier(**settings).fit(X, [0, 1, 0, 1][: len(X)])


@EVERY
def test_the_unknown_learns_and_padding_stays_zero(family):
    model = make(family, tokenizer="word").fit(["a b c", "a b d", "a b e", "a b"], [0, 1, 0, 1])
    embedding = model.net_.module_.embedding
    assert embedding.weight.shape == (4, 64)
    assert not embedding.weight[0].any()
    assert isinstance(model, SequenceEstimator)
    fresh = model._new_module().embedding.weight
    assert not torch.equal(fresh[1], embedding.weight[1].detach())
