"""Embeddings that begin with what the training texts tell."""

import numpy as np
import pytest
import torch

from skdl.kernels.semantics import latent_semantics
from skdl.neural import RNNClassifier, TCNRegressor, TransformerClassifier


def topics(n: int, seed: int, n_topics: int = 4, n_tokens: int = 60) -> np.ndarray:
    """Texts (n, 12) of a few topics with words of their own; short ones are filled up with -1."""
    rng = np.random.default_rng(seed)
    likely = rng.dirichlet(np.full(n_tokens, 0.1), size=n_topics)
    codes = np.stack([rng.choice(n_tokens, size=12, p=likely[topic]) for topic in rng.integers(n_topics, size=n)])
    codes[np.arange(12) >= rng.integers(4, 13, size=n)[:, None]] = -1
    return codes


def oracle(codes: np.ndarray, n_tokens: int, n_components: int) -> np.ndarray:
    table = np.zeros((len(codes), n_tokens))
    for row, code in zip(table, codes, strict=True):
        row[code[code >= 0]] = 1.0
    found = table.sum(axis=0)
    table *= np.log(len(codes) / np.where(found > 0, found, len(codes)))
    values, right = np.linalg.svd(table, full_matrices=False)[1:]
    known = min(n_components, int((values > 1e-6 * values[0]).sum()))
    vectors = right[:known].T * np.sqrt(values[:known])
    vectors /= np.sqrt((vectors**2).mean())
    return vectors * np.sign(vectors[np.abs(vectors).argmax(axis=0), range(vectors.shape[1])])


@pytest.mark.parametrize("n_components", [3, 50, 500])
def test_vectors_are_those_of_the_whole_factorization(n_components):
    codes = topics(200, 0)
    vectors = latent_semantics(codes, 60, n_components, seed=1).numpy()
    expected = oracle(codes, 60, n_components)
    if n_components == 3:  # some directions are left out, and the others approached
        np.testing.assert_allclose(vectors, expected, atol=1e-2 * np.abs(expected).max())
    else:
        np.testing.assert_allclose(vectors, expected, atol=1e-6)


def test_copies_are_weights_and_order_is_nothing():
    codes = topics(80, 2)
    weight = np.random.default_rng(0).integers(1, 4, size=80)
    weighted = latent_semantics(codes, 60, 5, seed=0, weight=weight / weight.mean())
    order = np.random.default_rng(1).permutation(weight.sum())
    copied = latent_semantics(np.repeat(codes, weight, axis=0)[order], 60, 5, seed=0)
    np.testing.assert_allclose(weighted, copied, atol=1e-9)
    shuffled = np.random.default_rng(2).permuted(codes, axis=1)
    assert torch.equal(latent_semantics(shuffled, 60, 5, seed=0, weight=weight / weight.mean()), weighted)


def test_few_texts_and_texts_that_tell_nothing():
    assert latent_semantics(np.array([[0, 1], [1, 2]]), 3, 8, seed=0).shape == (3, 2)
    assert latent_semantics(np.array([[0, 1, 0], [1, 0, -1]]), 2, 8, seed=0).shape == (2, 0)
    assert latent_semantics(np.array([[0], [-1]]), 4, 2, seed=0)[1:].abs().sum() == 0.0


TEXTS = [
    *("cats and dogs purr", "dogs and cats bark", "cats purr", "bonds and stocks fall", "stocks and bonds rise"),
    *("stocks fall again", "bonds", "dogs bark and bark and cats run"),
]


@pytest.mark.parametrize("Model", [RNNClassifier, TCNRegressor, TransformerClassifier])
def test_training_begins_with_them(Model):
    still = {"tokenizer": "word", "min_frequency": 1, "embedding_dim": 12, "max_epochs": 1, "lr": 1e-30}
    still["random_state"] = 0
    y = [0, 0, 0, 1, 1, 1, 1, 0]
    begun = Model(**still).fit(TEXTS, y)
    drawn = Model(**still, embedding_init="random").fit(TEXTS, y)
    words = begun.vocabulary_.tolist()
    weights, normal = (model.net_.module_.embedding.weight.detach() for model in (begun, drawn))
    assert torch.equal(weights[:2], normal[:2])  # padding and the unknown
    codes = np.full((len(TEXTS), 7), -1)
    for row, text in zip(codes, TEXTS, strict=True):
        row[: len(text.split())] = [words.index(word) for word in text.split()]
    vectors = latent_semantics(codes, len(words), 12, seed=begun._seed)
    known = vectors.shape[1]
    assert 4 < known < 12
    torch.testing.assert_close(weights[2:, :known], (0.3 * normal[2:, :known] + vectors).float(), atol=1e-5, rtol=0)
    torch.testing.assert_close(weights[2:, known:], normal[2:, known:], atol=1e-7, rtol=0)

    near = torch.nn.functional.cosine_similarity
    cats, dogs, stocks = (vectors[words.index(word)] for word in ("cats", "dogs", "stocks"))
    assert near(cats, dogs, dim=0) > 0.5 > 0.1 > near(cats, stocks, dim=0)


def test_of_very_many_texts_some_tell(monkeypatch):
    model = RNNClassifier(tokenizer="word", min_frequency=1, max_epochs=1, random_state=0)
    weight = np.arange(1.0, 9.0)
    train, _ = model._prepare(TEXTS, [0, 1] * 4, weight)
    told = []

    def spy(codes, n_tokens, n_components, seed, weight):
        told.extend([codes, weight])
        return latent_semantics(codes, n_tokens, n_components, seed, weight)

    monkeypatch.setattr("skdl.neural._sequences._TOLD_BY", 3)
    monkeypatch.setattr("skdl.neural._sequences.latent_semantics", spy)
    model.fit(TEXTS, [0, 1] * 4, sample_weight=weight)
    np.testing.assert_array_equal(told[0], train.inputs[0].numpy()[[0, 2, 5]] - 2)
    np.testing.assert_array_equal(told[1], train.weight.numpy()[[0, 2, 5]])


def test_a_body_that_is_taken_over_keeps_its_embeddings():
    y = [0, 0, 0, 1, 1, 1, 1, 0]
    settings = {"tokenizer": "word", "max_epochs": 1, "lr": 1e-30, "random_state": 0}
    source = RNNClassifier(**settings, embedding_init="random").fit(TEXTS, y)
    expected = source.net_.module_.embedding.weight.detach().clone()
    taken = RNNClassifier(**settings, init_from=source).fit(TEXTS, y)
    gone_on = source.set_params(warm_start=True, embedding_init="lsa").fit(TEXTS, y)
    for model in (taken, gone_on):
        torch.testing.assert_close(model.net_.module_.embedding.weight.detach(), expected, atol=1e-6, rtol=0)


def test_characters_that_all_texts_hold_differ():
    texts = ["abcabc", "bca", "cab", "aabbcc"] * 3
    model = RNNClassifier(tokenizer="character", max_epochs=1, lr=1e-30, random_state=0).fit(texts, [0, 1, 0, 1] * 3)
    drawn = RNNClassifier(tokenizer="character", max_epochs=1, lr=1e-30, random_state=0, embedding_init="random").fit(
        texts, [0, 1, 0, 1] * 3
    )
    assert torch.equal(*(m.net_.module_.embedding.weight.detach() for m in (model, drawn)))


def test_what_embeddings_may_begin_with():
    with pytest.raises(ValueError, match="embedding_init of RNNClassifier must be one of 'lsa', 'random'"):
        RNNClassifier(tokenizer="word", embedding_init="glove").fit(TEXTS, [0, 1] * 4)
