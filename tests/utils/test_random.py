"""Random streams: against a naive SplitMix64 on Python's ints, and against what chance would give."""

import zlib

import numpy as np
import pytest
import torch
from scipy import stats

from skdl.utils import (
    derive_keys,
    derive_seeds,
    draw_seed,
    random_bits,
    random_keep,
    random_normal,
    random_permutation,
    random_uniform,
)

_MASK = (1 << 64) - 1
_GAMMA = 0x9E3779B97F4A7C15


def _mix(z: int) -> int:
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
    return z ^ (z >> 31)


def _naive_key(seed: int, purpose: str, *counters: int) -> int:
    key = _mix((seed & _MASK) ^ (zlib.crc32(purpose.encode()) * (0xBF58476D1CE4E5B9 >> 32) & _MASK))
    for counter in counters:
        key = _mix((key + ((counter & _MASK) + 1) * _GAMMA) & _MASK)
    return key


def _naive_bits(key: int, n: int) -> list[int]:
    return [_mix((key + i * _GAMMA) & _MASK) for i in range(1, n + 1)]


def _unsigned(values) -> list[int]:
    return [int(value) & _MASK for value in np.asarray(values).ravel()]


_SEEDS = [0, 1, 2, 42, 2**31 - 1, 2**32 - 1, 2**40 + 7]


def test_the_generator_is_splitmix64():
    # The first outputs for seed 1234567 of the reference implementation, https://prng.di.unimi.it/splitmix64.c.
    reference = [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
        4593380528125082431,
        16408922859458223821,
    ]
    assert _unsigned(random_bits(np.array([1234567]), 5)) == reference
    assert _naive_bits(1234567, 5) == reference


@pytest.mark.parametrize("counters", [(), (0,), (3, 5), (2**33, 0, 7), (-1,)])
@pytest.mark.parametrize("purpose", ["weights", "dropout", ""])
def test_keys_are_those_of_pure_python(purpose, counters):
    keys = derive_keys(_SEEDS, purpose, *counters)
    assert keys.dtype == np.int64
    assert _unsigned(keys) == [_naive_key(seed, purpose, *counters) for seed in _SEEDS]


def test_bits_are_those_of_pure_python():
    keys = derive_keys(_SEEDS, "bits", 3)
    bits = random_bits(keys, 20)
    assert bits.dtype == torch.int64
    assert bits.shape == (len(_SEEDS), 20)
    assert _unsigned(bits) == [value for key in _unsigned(keys) for value in _naive_bits(key, 20)]


def test_numbers_are_made_of_the_high_bits():
    keys = derive_keys(_SEEDS, "numbers")
    bits = [value for key in _unsigned(keys) for value in _naive_bits(key, 10)]
    uniform = random_uniform(keys, 10)
    assert uniform.dtype == torch.float32
    assert uniform.ravel().tolist() == [(value >> 40) / 2**24 for value in bits]


@pytest.mark.parametrize("probability", [0.0, 2**-17, 0.3, 0.5, 1 - 2**-16, 1 - 1e-6, 1.0])
@pytest.mark.parametrize("n", [1, 3, 4, 41])
def test_a_mask_takes_sixteen_bits_for_each_position(probability, n):
    keys = derive_keys(_SEEDS, "numbers")
    keep = random_keep(keys, n, probability)
    assert keep.dtype == torch.bool
    assert keep.shape == (len(keys), n)
    for key, row in zip(_unsigned(keys), keep.tolist(), strict=True):
        quarters = [word >> place & 0xFFFF for word in _naive_bits(key, -(-n // 4)) for place in (0, 16, 32, 48)]
        assert row == [(quarter ^ 0x8000) < round(probability * 2**16) for quarter in quarters[:n]]


def test_permutations_sort_the_bits_as_signed_numbers():
    keys = derive_keys(_SEEDS, "order")
    for key, order in zip(_unsigned(keys), random_permutation(keys, 30).tolist(), strict=True):
        signed = [value - (1 << 64) if value >= 1 << 63 else value for value in _naive_bits(key, 30)]
        assert order == sorted(range(30), key=signed.__getitem__)


def test_normal_numbers_are_those_of_box_and_muller():
    keys = derive_keys([7], "normal")
    u = [((value >> 11) + 0.5) / 2**53 for value in _naive_bits(_unsigned(keys)[0], 12)]
    expected = np.sqrt(-2 * np.log(u[:6])) * np.cos(2 * np.pi * np.array(u[6:]))
    normal = random_normal(keys, 6)
    assert normal.dtype == torch.float64
    np.testing.assert_allclose(normal[0].numpy(), expected, rtol=1e-12, atol=1e-14)


_DRAWS = {
    "bits": random_bits,
    "uniform": random_uniform,
    "permutation": random_permutation,
    "keep": lambda keys, n, device=None: random_keep(keys, n, 0.4, device),
}


@pytest.mark.parametrize("draw", _DRAWS.values(), ids=_DRAWS)
def test_a_stream_does_not_know_its_siblings(draw):
    keys = derive_keys(np.arange(20), "siblings")
    together = draw(keys, 50)
    for member in (0, 7, 19):
        assert torch.equal(draw(keys[member : member + 1], 50)[0], together[member])


@pytest.mark.parametrize("draw", [random_bits, random_uniform])
def test_a_value_does_not_know_how_many_are_drawn(draw):
    keys = derive_keys([3, 4], "length")
    assert torch.equal(draw(keys, 100)[:, :30], draw(keys, 30))


@pytest.mark.parametrize("draw", _DRAWS.values(), ids=_DRAWS)
def test_keys_may_be_a_tensor(draw):
    keys = derive_keys([3, 4], "tensor")
    assert torch.equal(draw(torch.from_numpy(keys), 30), draw(keys, 30))


@pytest.mark.gpu
@pytest.mark.parametrize("draw", _DRAWS.values(), ids=_DRAWS)
def test_a_gpu_draws_the_same(draw):
    keys = derive_keys(np.arange(20), "gpu")
    on_gpu = draw(keys, 1000, "cuda")
    assert on_gpu.is_cuda
    assert torch.equal(on_gpu.cpu(), draw(keys, 1000))
    assert torch.equal(draw(torch.from_numpy(keys).cuda(), 1000).cpu(), on_gpu.cpu())


def test_keys_of_members_steps_and_purposes_all_differ():
    keys = [
        *derive_keys(np.arange(2000), "a"),
        *derive_keys(np.arange(2000), "b"),
        *derive_keys(5, "a", np.arange(2000)),
        *derive_keys(5, "a", 0, np.arange(2000)),
        *derive_keys(5, "a", np.arange(2000), 0),
    ]
    # (5, "a", 0, 0) stands in the last two lists.
    assert len(set(keys)) == len(keys) - 1


def test_counters_of_members():
    keys = derive_keys([1, 2, 3], "epoch", [10, 20, 30], 4)
    assert keys.tolist() == [int(derive_keys(s, "epoch", c, 4)[0]) for s, c in [(1, 10), (2, 20), (3, 30)]]


# The bounds below are those of a test at the level 1e-6; the seeds are fixed, so that they either hold or do not.
_LEVEL = 1e-6


@pytest.mark.parametrize("seed", [0, 1, 12345])
def test_uniform_numbers_are_uniform(seed):
    values = random_uniform(derive_keys([seed], "uniform"), 200_000)[0].double().numpy()
    assert values.min() >= 0
    assert values.max() < 1
    counts = np.bincount((values * 1000).astype(int), minlength=1000)
    assert stats.chisquare(counts).pvalue > _LEVEL
    assert stats.kstest(values, "uniform").pvalue > _LEVEL


@pytest.mark.parametrize("lag", [1, 2, 64])
def test_neighbours_in_a_stream_are_independent(lag):
    values = random_uniform(derive_keys([0], "lag"), 200_000)[0].double().numpy()
    cells = (values[:-lag] * 16).astype(int) * 16 + (values[lag:] * 16).astype(int)
    # Pairs that do not overlap, which the test of the chi square asks for.
    counts = np.bincount(cells[:: 2 * lag], minlength=256)
    assert stats.chisquare(counts).pvalue > _LEVEL


@pytest.mark.parametrize(
    "pair",
    [
        (derive_keys([0], "a"), derive_keys([1], "a")),
        (derive_keys([0], "a"), derive_keys([0], "b")),
        (derive_keys([0], "a", 0), derive_keys([0], "a", 1)),
        (derive_keys([0], "a", 0, 1), derive_keys([0], "a", 1, 0)),
    ],
    ids=["seeds", "purposes", "steps", "order-of-counters"],
)
def test_streams_are_independent(pair):
    first, second = (random_uniform(keys, 100_000)[0].double().numpy() for keys in pair)
    cells = (first * 16).astype(int) * 16 + (second * 16).astype(int)
    assert stats.chisquare(np.bincount(cells, minlength=256)).pvalue > _LEVEL
    assert abs(np.corrcoef(first, second)[0, 1]) < 5 / np.sqrt(100_000)


def test_every_bit_is_fair():
    bits = np.array(_unsigned(random_bits(derive_keys([9], "bits"), 50_000)), dtype=np.uint64)
    ones = [int(((bits >> np.uint64(place)) & np.uint64(1)).sum()) for place in range(64)]
    assert np.abs(np.array(ones) - 25_000).max() < 5.5 * np.sqrt(50_000) / 2


def test_the_first_values_of_neighbouring_seeds_are_uniform():
    values = random_uniform(derive_keys(np.arange(50_000), "first"), 1)[:, 0].double().numpy()
    assert stats.kstest(values, "uniform").pvalue > _LEVEL


def test_normal_numbers_are_normal():
    values = random_normal(derive_keys([3], "normal"), 200_000)[0].numpy()
    assert np.isfinite(values).all()
    assert stats.kstest(values, "norm").pvalue > _LEVEL


@pytest.mark.parametrize("probability", [0.0, 0.1, 0.5, 0.9, 1.0])
def test_masks_keep_the_share_that_was_asked_for(probability):
    n = 200_000
    kept = int(random_keep(derive_keys([1], "keep"), n, probability).sum())
    assert abs(kept - probability * n) <= 5 * np.sqrt(n * probability * (1 - probability))


def test_permutations_are_permutations_and_each_is_as_likely():
    orders = random_permutation(derive_keys(np.arange(60_000), "order"), 4).numpy()
    assert (np.sort(orders, axis=1) == np.arange(4)).all()
    _, counts = np.unique(orders @ np.array([64, 16, 4, 1]), return_counts=True)
    assert len(counts) == 24
    assert stats.chisquare(counts).pvalue > _LEVEL


def test_seeds_fit_scikit_learn():
    seeds = derive_seeds(5, "members", 10_000)
    assert seeds.dtype == np.int64
    assert seeds.min() >= 0
    assert seeds.max() < 2**31
    assert stats.kstest(seeds / 2**31, "uniform").pvalue > _LEVEL
    np.random.RandomState(seeds.max())
    np.testing.assert_array_equal(derive_seeds(5, "members", 3), seeds[:3])
    assert (derive_seeds(6, "members", 100) != seeds[:100]).all()
    assert (derive_seeds(5, "others", 100) != seeds[:100]).all()


@pytest.mark.parametrize("seed", [0, 7, np.int64(7), 2**32 - 1])
def test_a_seed_that_is_an_int_is_itself(seed):
    assert draw_seed(seed) == seed
    assert type(draw_seed(seed)) is int


def test_a_generator_gives_one_draw():
    generator, twin = np.random.RandomState(3), np.random.RandomState(3)
    first, second = draw_seed(generator), draw_seed(generator)
    assert first == twin.randint(2**31 - 1)
    assert second == twin.randint(2**31 - 1)
    assert first != second


def test_none_draws_from_the_global_generator_of_numpy():
    state = np.random.get_state()  # noqa: NPY002, it is what None means
    try:
        np.random.seed(3)  # noqa: NPY002
        assert draw_seed(None) == np.random.RandomState(3).randint(2**31 - 1)
    finally:
        np.random.set_state(state)  # noqa: NPY002


@pytest.mark.parametrize("seed", [-1, 2**32, "seed", 1.5, object()])
def test_what_is_no_seed(seed):
    with pytest.raises(ValueError, match=r"[Ss]eed"):
        draw_seed(seed)
