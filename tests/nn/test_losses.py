"""Losses against closed forms."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy.special import log_softmax

from skdl.nn import Loss

LOGITS = torch.tensor([[2.0, 0.0, -1.0], [0.5, 0.5, 0.5], [-3.0, 1.0, 4.0], [60.0, -60.0, 0.0]], dtype=torch.float64)
CODES = torch.tensor([0, 2, 1, 0])
WEIGHT = torch.tensor([0.5, 1.5, 0.2, 1.8], dtype=torch.float64)
OUTPUTS = torch.tensor([[1.0, -2.0], [3.0, 0.0], [0.0, 7.0], [5.0, 5.0]], dtype=torch.float64)
TARGETS = torch.tensor([[0.0, 0.0], [3.5, 4.0], [0.2, 1.0], [5.0, 4.9]], dtype=torch.float64)
LABELS = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0], [0.0, 0.0]], dtype=torch.float64)


def check(loss, output, target, expected):
    """Compare the loss of each sample, the mean and the weighted mean with what they should be."""
    np.testing.assert_allclose(loss.per_sample(output, target), expected, rtol=1e-12, atol=1e-12)
    assert loss(output, target).item() == pytest.approx(expected.mean(), rel=1e-12)
    assert loss(output, target, WEIGHT).item() == pytest.approx((expected * WEIGHT.numpy()).sum() / 4, rel=1e-12)


@pytest.mark.parametrize("smoothing", [0.0, 0.3])
@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
def test_focal_loss(gamma, smoothing):
    target = np.eye(3)[CODES.numpy()] * (1 - smoothing) + smoothing / 3
    log_p = log_softmax(LOGITS.numpy(), axis=1)
    expected = -(target * (-np.expm1(log_p)) ** gamma * log_p).sum(axis=1)
    check(Loss("focal", gamma=gamma, label_smoothing=smoothing), LOGITS, CODES, expected)
    probabilities = torch.from_numpy(np.eye(3)[CODES.numpy()])
    check(Loss("focal", gamma=gamma, label_smoothing=smoothing), LOGITS, probabilities, expected)


def test_focal_loss_without_gamma_is_cross_entropy():
    smoothed = {"label_smoothing": 0.1}
    torch.testing.assert_close(
        Loss("focal", gamma=0.0, **smoothed)(LOGITS, CODES), Loss("cross_entropy", **smoothed)(LOGITS, CODES)
    )
    torch.testing.assert_close(
        Loss("binary_focal", gamma=0.0, **smoothed)(OUTPUTS, LABELS),
        Loss("binary_cross_entropy", **smoothed)(OUTPUTS, LABELS),
    )


@pytest.mark.parametrize("kind", ["focal", "binary_focal"])
@pytest.mark.parametrize("gamma", [0.5, 2.0])
def test_the_gradient_of_a_sure_answer_is_finite(kind, gamma):
    logits = torch.tensor([[200.0, -200.0], [-200.0, 200.0]], requires_grad=True)
    target = torch.tensor([0, 0]) if kind == "focal" else torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    Loss(kind, gamma=gamma)(logits, target).backward()
    assert torch.isfinite(logits.grad).all()
    assert not logits.grad[0].any()
    assert logits.grad[1].any()


def test_binary_focal_loss():
    p = 1 / (1 + np.exp(-OUTPUTS.numpy()))
    y = LABELS.numpy()
    each = -y * (1 - p) ** 2 * np.log(p) - (1 - y) * p**2 * np.log1p(-p)
    check(Loss("binary_focal"), OUTPUTS, LABELS, each.mean(axis=1))


def test_label_smoothing_is_the_mixture_with_even_targets():
    log_p = log_softmax(LOGITS.numpy(), axis=1)
    target = np.eye(3)[CODES.numpy()] * 0.7 + 0.1
    check(Loss("cross_entropy", label_smoothing=0.3), LOGITS, CODES, -(target * log_p).sum(axis=1))
    smooth = F.binary_cross_entropy_with_logits(OUTPUTS, LABELS * 0.7 + 0.15, reduction="none").mean(dim=1)
    check(Loss("binary_cross_entropy", label_smoothing=0.3), OUTPUTS, LABELS, smooth.numpy())


def test_cross_entropy_takes_probabilities():
    soft = torch.tensor([[0.2, 0.3, 0.5], [1.0, 0.0, 0.0], [0.0, 0.5, 0.5], [0.9, 0.1, 0.0]], dtype=torch.float64)
    expected = -(soft.numpy() * log_softmax(LOGITS.numpy(), axis=1)).sum(axis=1)
    check(Loss("cross_entropy"), LOGITS, soft, expected)


@pytest.mark.parametrize(("share", "temperature"), [(0.0, 3.0), (0.3, 4.0), (1.0, 1.0)])
def test_distillation_is_a_mixture_of_labels_and_teacher(share, temperature):
    teacher = np.array([[0.2, 0.3, 0.5], [1.0, 0.0, 0.0], [0.0, 0.5, 0.5], [0.9, 0.1, 0.0]])
    target = torch.from_numpy(np.column_stack([CODES.numpy(), teacher]))
    hard = -log_softmax(LOGITS.numpy(), axis=1)[np.arange(4), CODES.numpy()]
    entropy = np.where(teacher > 0, teacher * np.log(np.where(teacher > 0, teacher, 1.0)), 0.0).sum(axis=1)
    divergence = entropy - (teacher * log_softmax(LOGITS.numpy() / temperature, axis=1)).sum(axis=1)
    expected = (1 - share) * hard + share * temperature**2 * divergence
    check(Loss("distillation", temperature=temperature, soft_share=share), LOGITS, target, expected)


def test_losses_for_numbers():
    r = TARGETS.numpy() - OUTPUTS.numpy()
    check(Loss("squared_error"), OUTPUTS, TARGETS, (r**2).mean(axis=1))
    check(Loss("absolute_error"), OUTPUTS, TARGETS, np.abs(r).mean(axis=1))
    huber = np.where(np.abs(r) <= 0.7, r**2 / 2, 0.7 * (np.abs(r) - 0.35))
    check(Loss("huber", delta=0.7), OUTPUTS, TARGETS, huber.mean(axis=1))
    check(Loss("quantile", quantile=0.9), OUTPUTS, TARGETS, np.where(r > 0, 0.9 * r, -0.1 * r).mean(axis=1))


def test_losses_are_stable_far_out():
    sure = torch.tensor([[1000.0, -1000.0]])
    assert Loss("focal")(sure, torch.tensor([1])).item() == pytest.approx(2000.0)
    assert Loss("binary_focal")(sure, torch.tensor([[0.0, 0.0]])).item() == pytest.approx(500.0)
    assert math.isfinite(Loss("distillation", temperature=0.1)(sure, torch.tensor([[1.0, 0.5, 0.5]])).item())
