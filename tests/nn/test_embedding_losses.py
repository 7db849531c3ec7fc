"""Losses of embeddings: closed forms on points by hand, loops over pairs and triplets, finite differences."""

import itertools
import math

import numpy as np
import pytest
import torch
from scipy.special import log_softmax, logsumexp

from skdl.nn import EmbeddingLoss
from skdl.nn.embedding_losses import (
    MINING,
    contrastive_loss,
    n_pairs_loss,
    prototypical_loss,
    supervised_contrastive_loss,
    triplet_loss,
)

# On a line: two of class 0 at 0 and 1, two of class 1 at 1.5 and 4.
LINE = torch.tensor([[0.0], [1.0], [1.5], [4.0]], dtype=torch.float64)
HALVES = torch.tensor([0, 0, 1, 1])


def drawn(n=24, d=5, n_classes=4, seed=0, unit=False):
    rng = np.random.default_rng(seed)
    z = torch.from_numpy(rng.normal(size=(n, d)))
    return torch.nn.functional.normalize(z, dim=1) if unit else z, torch.from_numpy(rng.integers(0, n_classes, n))


def pairs_and_triplets(z, label):
    """Squared distances, and for each anchor its positives and its negatives, by loops."""
    z, label = z.numpy(), label.numpy()
    squared = np.array([[np.square(a - b).sum() for b in z] for a in z])
    rows = range(len(z))
    positives = [[p for p in rows if p != a and label[p] == label[a]] for a in rows]
    negatives = [[n for n in rows if label[n] != label[a]] for a in rows]
    return squared, positives, negatives


def test_contrastive_loss_by_hand():
    # Alike: distances 1 and 2.5. Unlike: 1.5, 4, 0.5, 3, of which 1.5 and 0.5 lie within the margin of 2.
    expected = ((1 + 2.5**2) / 2 / 2 + (0.5**2 + 0 + 1.5**2 + 0) / 4 / 2) / 2
    assert contrastive_loss(LINE, HALVES, margin=2.0).item() == pytest.approx(expected)


def test_contrastive_loss_of_random_points():
    z, label = drawn()
    squared, positives, negatives = pairs_and_triplets(z, label)
    alike = [squared[a, p] / 2 for a in range(len(z)) for p in positives[a]]
    unlike = [max(0, 2 - math.sqrt(squared[a, n])) ** 2 / 2 for a in range(len(z)) for n in negatives[a]]
    expected = (np.mean(alike) + np.mean(unlike)) / 2
    assert contrastive_loss(z, label, margin=2.0).item() == pytest.approx(expected)


def test_triplets_by_hand():
    # Squared distances to the positive, to the negatives: 1 | 2.25, 16; 1 | 0.25, 9; 6.25 | 2.25, 0.25; 6.25 | 16, 9.
    hard = [1 + 3 - 2.25, 1 + 3 - 0.25, 6.25 + 3 - 0.25, 6.25 + 3 - 9]
    # The nearest beyond the positive, or the farthest where none is beyond.
    semi = [1 + 3 - 2.25, 0, 6.25 + 3 - 2.25, 6.25 + 3 - 9]
    assert triplet_loss(LINE, HALVES, 3.0, "hard").item() == pytest.approx(np.mean(hard))
    assert triplet_loss(LINE, HALVES, 3.0, "semi_hard").item() == pytest.approx(np.mean(semi))


@pytest.mark.parametrize("mining", MINING)
def test_triplets_of_random_points(mining):
    d = 5
    z, label = drawn(d=d, unit=True)
    squared, positives, negatives = pairs_and_triplets(z, label)
    margin = 0.4
    terms = []
    for anchor in range(len(z)):
        others = squared[anchor, negatives[anchor]]
        own = squared[anchor, positives[anchor]]
        if mining == "hard":
            terms.append(max(0, margin + own.max() - others.min()))
            continue
        for positive in own:
            if mining == "semi_hard":
                beyond = others[others > positive]
                terms.append(max(0, margin + positive - (beyond.min() if len(beyond) else others.max())))
            else:
                distance = np.clip(np.sqrt(others), 0.5, math.sqrt(2))
                density = distance ** (d - 2) * (1 - distance**2 / 4) ** ((d - 3) / 2)
                weight = 1 / density / (1 / density).sum()
                terms.append(weight @ np.maximum(0, margin + positive - others))
    assert triplet_loss(z, label, margin, mining).item() == pytest.approx(np.mean(terms))


def test_supervised_contrastive_loss_of_random_points():
    z, label = drawn(unit=True)
    _, positives, _ = pairs_and_triplets(z, label)
    similarity = z.numpy() @ z.numpy().T / 0.2
    terms = []
    for anchor, own in enumerate(positives):
        others = [a for a in range(len(z)) if a != anchor]
        terms.append(np.mean([logsumexp(similarity[anchor, others]) - similarity[anchor, p] for p in own]))
    assert supervised_contrastive_loss(z, label, 0.2).item() == pytest.approx(np.mean(terms))


def test_two_views_give_nt_xent():
    # Two samples, their views equal, the samples at right angles: one positive against two at zero.
    z = torch.eye(2, dtype=torch.float64).repeat(2, 1)
    expected = -math.log(math.exp(2.0) / (math.exp(2.0) + 2))
    assert supervised_contrastive_loss(z, torch.tensor([0, 1, 0, 1]), 0.5).item() == pytest.approx(expected)


def test_n_pairs_loss_is_sohns():
    z, _ = drawn(n=12)
    anchor, positive = z[:6], z[6:]
    terms = [
        math.log(1 + sum(math.exp(f @ g - f @ positive[i]) for j, g in enumerate(positive) if j != i))
        for i, f in enumerate(anchor)
    ]
    assert n_pairs_loss(anchor, positive).item() == pytest.approx(np.mean(terms))
    both = torch.stack([anchor, 2 * anchor]), torch.stack([positive, positive])
    assert n_pairs_loss(*both).item() == pytest.approx(
        (n_pairs_loss(anchor, positive) + n_pairs_loss(2 * anchor, positive)).item() / 2
    )


def test_prototypical_loss_of_random_points():
    z, _ = drawn(n=3 * 6)
    rows = z.view(3, 6, -1)
    prototypes = rows[:, :2].mean(dim=1).numpy()
    terms = [
        -log_softmax([-np.square(query - prototype).sum() for prototype in prototypes])[way]
        for way in range(3)
        for query in rows[way, 2:].numpy()
    ]
    assert prototypical_loss(rows[:, :2], rows[:, 2:]).item() == pytest.approx(np.mean(terms))


def test_the_module_arranges_batches_for_the_functions():
    z, _ = drawn(n=12)
    label = torch.arange(3).repeat_interleave(4)
    rows = z.view(3, 4, -1)
    found = EmbeddingLoss("prototypical", n_samples=4, n_shot=1)(z, label)
    torch.testing.assert_close(found, prototypical_loss(rows[:, :1], rows[:, 1:]))
    pairs = [n_pairs_loss(rows[:, first], rows[:, first + 1], 0.5) for first in (0, 2)]
    found = EmbeddingLoss("n_pairs", n_samples=4, temperature=0.5)(z, label)
    torch.testing.assert_close(found, torch.stack(pairs).mean())
    unit = torch.nn.functional.normalize(z, dim=1)
    found = EmbeddingLoss("triplet", normalize=True, margin=0.3, mining="hard")(z, label)
    torch.testing.assert_close(found, triplet_loss(unit, label, 0.3, "hard"))
    assert repr(EmbeddingLoss("contrastive")) == "EmbeddingLoss('contrastive')"


LOSSES = {
    "contrastive": lambda z, label: contrastive_loss(z, label, 2.0),
    **{mining: lambda z, label, m=mining: triplet_loss(z, label, 0.5, m) for mining in MINING},
    "supervised": lambda z, label: supervised_contrastive_loss(z, label, 0.3),
    "n_pairs": lambda z, _: n_pairs_loss(z[:6], z[6:12]),
    "prototypical": lambda z, _: prototypical_loss(z[:12].view(3, 4, -1)[:, :2], z[:12].view(3, 4, -1)[:, 2:]),
}


@pytest.mark.parametrize("name", [name for name in LOSSES if name != "distance_weighted"])
def test_finite_differences(name):
    z, label = drawn(unit=True)
    assert torch.autograd.gradcheck(lambda z: LOSSES[name](z, label), z.requires_grad_(), eps=1e-7, atol=1e-5)


def test_finite_differences_of_distance_weighted_triplets():
    # The weights of negatives are constants to the gradient, as the odds of drawing them are in the paper.
    z, label = drawn(unit=True)
    squared, positives, negatives = pairs_and_triplets(z, label)
    z.requires_grad_()
    triplet_loss(z, label, 0.5, "distance_weighted").backward()
    expected = torch.zeros_like(z)
    usable = sum(map(len, positives))
    for a in range(len(z)):
        distance = np.clip(np.sqrt(squared[a, negatives[a]]), 0.5, math.sqrt(2))
        density = distance**3 * (1 - distance**2 / 4)
        weight = 1 / density / (1 / density).sum()
        for p, (n, share) in itertools.product(positives[a], zip(negatives[a], weight, strict=True)):
            if 0.5 + squared[a, p] - squared[a, n] > 0:
                with torch.no_grad():
                    expected[a] += share * 2 * (z[n] - z[p]) / usable
                    expected[p] += share * 2 * (z[p] - z[a]) / usable
                    expected[n] += share * 2 * (z[a] - z[n]) / usable
    torch.testing.assert_close(z.grad, expected)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("label", [[0] * 12, list(range(12))], ids=["one class", "no pairs"])
def test_equal_points_and_batches_without_pairs_have_finite_gradients(name, label):
    z = torch.ones(12, 4, requires_grad=True)
    LOSSES[name](z, torch.tensor(label)).backward()
    assert torch.isfinite(z.grad).all()
