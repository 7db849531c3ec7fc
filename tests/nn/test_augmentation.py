"""Augmentation against slicing, rotation by right angles, closed forms and counts; and its random streams."""

import numpy as np
import pytest
import torch
from scipy import stats

from skdl.nn import transforms
from skdl.nn.augmentation import FOR_IMAGES, FOR_SERIES, STRENGTHS, Augmentation, strengths

IMAGES = torch.randn(6, 3, 8, 8, generator=torch.Generator().manual_seed(0))
SERIES = torch.randn(6, 2, 20, generator=torch.Generator().manual_seed(1))
ALL = torch.ones(6, dtype=torch.bool)


@pytest.mark.parametrize("axis", [2, 3])
def test_a_flip_of_a_flip_is_what_was(axis):
    chosen = torch.tensor([True, False] * 3)
    flipped = transforms.flip(IMAGES, chosen, axis)
    assert torch.equal(flipped[::2], IMAGES[::2].flip(axis))
    assert torch.equal(flipped[1::2], IMAGES[1::2])
    assert torch.equal(transforms.flip(flipped, chosen, axis), IMAGES)


def test_shifted_crops_are_slices_of_padded_images():
    offsets = torch.tensor([[0, 0], [2, -3], [-8, 1], [3, 0], [-1, -1], [0, 9]])
    padded = torch.nn.functional.pad(IMAGES, (9, 9, 9, 9))
    moved = transforms.shift(IMAGES, offsets)
    for row, (down, right) in enumerate(offsets.tolist()):
        assert torch.equal(moved[row], padded[row, :, 9 - down : 17 - down, 9 - right : 17 - right])


def test_shifted_series_are_slices_too():
    moved = transforms.shift(SERIES, torch.tensor([[0], [3], [-3], [19], [-20], [1]]))
    assert torch.equal(moved[0], SERIES[0])
    assert torch.equal(moved[1, :, 3:], SERIES[1, :, :-3])
    assert not moved[1, :, :3].any()
    assert torch.equal(moved[2, :, :-3], SERIES[2, :, 3:])
    assert not moved[4].any()


@pytest.mark.parametrize("turns", [0, 1, 2, 3, -1])
def test_right_angles_are_rot90(turns):
    rotated = transforms.affine(IMAGES, torch.full((6,), 90.0 * turns), None)
    torch.testing.assert_close(rotated, torch.rot90(IMAGES, turns, (2, 3)), atol=2e-5, rtol=0)


def test_rotation_keeps_angles_in_images_that_are_no_squares():
    # A dot that lies 4 places right of the centre comes to lie 4 places above it, whatever the extents are.
    image = torch.zeros(1, 1, 11, 21)
    image[0, 0, 5, 14] = 1.0
    rotated = transforms.affine(image, torch.tensor([90.0]), None)
    assert rotated[0, 0, 1, 10].item() == pytest.approx(1.0, abs=1e-4)
    assert rotated.sum().item() == pytest.approx(1.0, abs=1e-3)


def test_each_sample_has_an_angle_of_its_own():
    degrees = torch.tensor([0.0, 90.0, 180.0, 17.0, -40.0, 90.0])
    together = transforms.affine(IMAGES, degrees, None)
    for row in range(6):
        alone = transforms.affine(IMAGES[row : row + 1], degrees[row : row + 1], None)
        torch.testing.assert_close(together[row : row + 1], alone)


def test_a_factor_of_two_shows_every_second_step_between():
    ramp = torch.arange(8.0).expand(1, 1, 8, 8)
    grown = transforms.affine(ramp, None, torch.tensor([2.0]))
    expected = 3.5 + (torch.arange(8.0) - 3.5) / 2
    torch.testing.assert_close(grown, expected.expand(1, 1, 8, 8))
    line = torch.arange(8.0).expand(1, 1, 8)
    torch.testing.assert_close(transforms.affine(line, None, torch.tensor([2.0])), expected.expand(1, 1, 8))


def test_colours_by_hand():
    x = IMAGES.double()
    brightness, contrast, saturation = (torch.rand(6).double() for _ in range(3))
    changed = transforms.color(x, brightness, contrast, saturation).numpy()
    for row in range(6):
        image = x[row].numpy()
        grey = image.mean(axis=0)
        image = grey + (image - grey) * saturation[row].item()
        image = image.mean() + (image - image.mean()) * contrast[row].item() + brightness[row].item()
        np.testing.assert_allclose(changed[row], image, atol=1e-12)
    same = transforms.color(x, torch.zeros(6), torch.ones(6), torch.ones(6))
    torch.testing.assert_close(same, x)


def test_cutout_is_a_box_of_zeros_and_nothing_else():
    start, stop = torch.tensor([[1, 2]] * 6), torch.tensor([[4, 7]] * 6)
    cut = transforms.cutout(IMAGES, start, stop)
    expected = IMAGES.clone()
    expected[:, :, 1:4, 2:7] = 0.0
    assert torch.equal(cut, expected)


def test_mixtures_by_their_closed_forms():
    partner, share = torch.tensor([1, 0, 3, 2, 5, 4]), torch.tensor([0.0, 1.0, 0.25, 0.75, 0.5, 0.5])
    mixed = transforms.mix(IMAGES, partner, share)
    assert torch.equal(mixed[0], IMAGES[1])
    assert torch.equal(mixed[1], IMAGES[1])
    torch.testing.assert_close(mixed[2], 0.25 * IMAGES[2] + 0.75 * IMAGES[3])
    patched = transforms.patch(IMAGES, partner, torch.tensor([[0, 3]] * 6), torch.tensor([[2, 8]] * 6))
    expected = IMAGES.clone()
    expected[:, :, 0:2, 3:8] = IMAGES[partner][:, :, 0:2, 3:8]
    assert torch.equal(patched, expected)


# The module.


@pytest.mark.parametrize("x", [IMAGES, SERIES], ids=["images", "series"])
@pytest.mark.parametrize("name", STRENGTHS)
def test_seed_step_and_nothing_else_decide(name, x):
    if name not in (FOR_SERIES if x is SERIES else FOR_IMAGES):
        return
    torch.manual_seed(0)
    one = Augmentation(name, seed=1)
    steps = [one(x) for _ in range(4)]
    torch.manual_seed(1)
    other = Augmentation({name: STRENGTHS[name]}, seed=1)
    assert all(torch.equal(other(x), step) for step in steps)
    assert any(not torch.equal(step, steps[0]) for step in steps[1:])
    assert any(not torch.equal(step, x) for step in steps)
    third = Augmentation(name, seed=2)
    assert any(not torch.equal(third(x), step) for step in steps)
    assert all(step.shape == x.shape and torch.isfinite(step).all() for step in steps)
    resumed = Augmentation(name, seed=1)
    resumed.load_state_dict(one.state_dict())
    assert torch.equal(resumed(x), one(x))


def test_nothing_happens_when_predicting():
    layer = Augmentation(FOR_IMAGES, seed=0)
    layer(IMAGES)
    assert layer.mixture is not None
    layer.eval()
    assert layer(IMAGES) is IMAGES
    assert layer.mixture is None


def test_what_one_change_draws_does_not_depend_on_the_others():
    noise = Augmentation("noise", seed=0)(IMAGES) - IMAGES
    both = Augmentation(["flip", "noise"], seed=0)(IMAGES) - Augmentation("flip", seed=0)(IMAGES)
    torch.testing.assert_close(both, noise)


def test_amounts_are_drawn_for_each_sample_within_the_strength():
    x = torch.arange(1.0, 33.0).repeat(20_000, 1, 1)
    flipped = Augmentation({"flip": 0.3}, seed=0)(x)[:, 0, 0] == 32.0
    assert flipped.float().mean().item() == pytest.approx(0.3, abs=0.017)  # five standard deviations
    first = Augmentation({"crop": 0.125}, seed=0)(x)
    moves = torch.where(first[:, 0, 0] > 0, 1 - first[:, 0, 0], (first == 0).sum(dim=(1, 2)))
    values, counts = moves.long().unique(return_counts=True)
    assert values.tolist() == list(range(-4, 5))
    assert stats.chisquare(counts.numpy()).pvalue > 1e-4
    noise = Augmentation({"noise": 0.2}, seed=0)(x) - x
    assert noise.std().item() == pytest.approx(0.2, rel=0.01)


def test_cutout_boxes_have_the_size_asked_for_where_they_are_not_cut_off():
    x = torch.ones(4000, 1, 20, 30)
    cut = Augmentation({"cutout": 0.2}, seed=0)(x) == 0
    sizes = cut.sum(dim=(1, 2, 3))
    assert sizes.max() == 4 * 6
    assert (sizes > 0).all()
    assert (sizes == 24).float().mean().item() == pytest.approx((17 / 20) * (25 / 30), abs=0.04)


def test_shares_follow_the_beta_distribution():
    layer = Augmentation({"mixup": 0.4}, seed=0)
    x = torch.zeros(2, 1, 2)
    shares = []
    for _ in range(1500):
        layer(x)
        partner, share = layer.mixture
        assert sorted(partner.tolist()) == [0, 1]
        assert share[0] == share[1]
        shares.append(share[0].item())
    assert stats.kstest(shares, stats.beta(0.4, 0.4).cdf).pvalue > 1e-3


@pytest.mark.parametrize("x", [torch.rand(40, 1, 24, 16), torch.rand(40, 1, 30)], ids=["images", "series"])
def test_a_patch_counts_as_much_as_it_covers(x):
    layer = Augmentation("cutmix", seed=0)
    for _ in range(5):
        mixed = layer(x)
        partner, share = layer.mixture
        kept = (mixed == x).flatten(1).float().mean(dim=1)
        other = (mixed == x[partner]).flatten(1).float().mean(dim=1)
        alone = partner == torch.arange(40)
        torch.testing.assert_close(kept[~alone], share[~alone])
        torch.testing.assert_close(other[~alone], 1 - share[~alone])


def test_mixtures_take_turns():
    layer = Augmentation(["cutmix", "mixup"], seed=0)
    x = torch.rand(8, 1, 6, 6)
    patched = []
    for _ in range(60):
        mixed = layer(x)
        patched.append(bool(((mixed == x) | (mixed == x[layer.mixture[0]])).all()))
    assert 15 < sum(patched) < 45


# How it is written.


def test_ways_to_write_it():
    assert strengths(None) == {}
    assert strengths("flip") == {"flip": 0.5}
    assert list(strengths(["mixup", "crop"])) == ["crop", "mixup"]
    assert strengths({"crop": 0.25, "flip": 1}) == {"flip": 1.0, "crop": 0.25}


@pytest.mark.parametrize(
    ("augment", "message"),
    [
        ("flips", "'flips' is none of the augmentations 'flip', 'vertical_flip'"),
        (["flip", "zoom"], "'zoom' is none of the augmentations"),
        ({"flip": 1.5}, r"strength of the augmentation 'flip' must lie in \(0, 1\]; got 1.5"),
        ({"noise": 0}, r"strength of the augmentation 'noise' must lie in \(0, inf\); got 0"),
        ({"mixup": float("inf")}, r"'mixup' must lie in \(0, inf\); got inf"),
    ],
)
def test_bad_augmentations(augment, message):
    with pytest.raises(ValueError, match=message):
        strengths(augment)


def test_time_runs_at_the_speeds_that_are_given():
    rng = np.random.default_rng(0)
    speeds = torch.from_numpy(np.exp(rng.normal(size=(4, 5))))
    lengths = torch.tensor([20, 11, 1, 2])
    times = transforms.warped_times(speeds, lengths, 20).numpy()
    for row, (speed, length) in enumerate(zip(speeds.numpy(), lengths.tolist(), strict=True)):
        clock = np.concatenate([[0.0], np.cumsum(speed)]) * (length - 1) / speed.sum()
        steps = np.minimum(np.arange(20), length - 1)
        np.testing.assert_allclose(times[row], np.interp(steps, np.linspace(0, length - 1, 6), clock), atol=1e-12)
    even = transforms.warped_times(torch.full((4, 5), 2.0, dtype=torch.float64), lengths, 20)
    torch.testing.assert_close(even[0], torch.arange(20.0, dtype=torch.float64))


def test_series_are_read_between_their_steps():
    times = torch.from_numpy(np.random.default_rng(1).uniform(0, 19, size=(6, 31)))
    times[:, 0], times[:, -1] = 0.0, 19.0
    read = transforms.read_at(SERIES, times)
    assert read.dtype == SERIES.dtype
    for row in range(6):
        for channel in range(2):
            expected = np.interp(times[row], np.arange(20), SERIES[row, channel])
            np.testing.assert_allclose(read[row, channel], expected, atol=1e-6)


@pytest.mark.parametrize("augment", ["crop", "time_warp", "noise", "cutout", ["time_warp", "noise", "crop", "cutout"]])
def test_padding_stays_zero_and_real_steps_change(augment):
    lengths = torch.tensor([20, 3, 1, 19, 10, 12])
    real = (torch.arange(20) < lengths[:, None])[:, None]
    changed = Augmentation(augment, 0)(SERIES * real, lengths)
    assert changed.shape == SERIES.shape
    assert not (changed * ~real).any()
    assert not torch.equal(changed[0], SERIES[0])


def test_a_warp_keeps_both_ends_and_knows_no_padding():
    lengths = torch.tensor([12] * 6)
    short = SERIES[:, :, :12]
    warped = Augmentation({"time_warp": 0.5}, 7)(short)
    torch.testing.assert_close(warped[:, :, [0, -1]], short[:, :, [0, -1]])
    assert not torch.equal(warped, short)
    padded = torch.nn.functional.pad(short, (0, 8))
    torch.testing.assert_close(Augmentation({"time_warp": 0.5}, 7)(padded, lengths)[:, :, :12], warped)
