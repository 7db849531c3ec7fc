"""Batches, outputs by blocks, and the state as NumPy."""

import numpy as np
import pytest
import torch
from torch import nn

from skdl.engine import Batches, TensorData, compute_outputs, state_from_numpy, state_to_numpy
from skdl.engine.data import _BATCHES_PER_BLOCK, bucket_length
from skdl.exceptions import DeviceMemoryWarning
from skdl.utils import _device


def rows_of(batches):
    return [inputs[0][:, 0].int().tolist() for inputs, _ in batches]


def flat(batches):
    return [row for rows in batches for row in rows]


def numbered(n):
    return TensorData((torch.arange(float(n))[:, None],), torch.arange(n))


@pytest.mark.parametrize("n", [1, 7, 8, 9, 8 * _BATCHES_PER_BLOCK + 3])
def test_every_row_comes_once_an_epoch(n):
    batches = Batches(numbered(n), 8, seed=0)
    epochs = [rows_of(batches) for _ in range(2)]
    for epoch in epochs:
        assert len(epoch) == len(batches)
        assert [len(rows) for rows in epoch[:-1]] == [8] * (len(epoch) - 1)
        assert sorted(flat(epoch)) == list(range(n))
    assert (epochs[0] == epochs[1]) == (n <= 8)


def test_order_depends_on_seed_and_epoch_alone():
    torch.manual_seed(0)
    first = rows_of(Batches(numbered(50), 8, seed=3, epoch=4))
    torch.manual_seed(1)
    later = Batches(numbered(50), 8, seed=3, epoch=3)
    rows_of(later)
    assert rows_of(later) == first
    assert rows_of(Batches(numbered(50), 8, seed=4, epoch=4)) != first
    assert flat(rows_of(Batches(numbered(50), 8))) == list(range(50))


def test_inputs_target_and_weight_stay_together():
    n = 40
    data = TensorData((torch.arange(n) * 1.0, torch.arange(n) * 2), torch.arange(n) * 3, torch.arange(n) * 4.0)
    for (one, two), (target, weight) in Batches(data, 7, seed=1):
        assert torch.equal(one * 2, two.float())
        assert torch.equal(one * 3, target.float())
        assert torch.equal(one * 4, weight)
    (one, two), (target, weight) = data[5]
    assert (one.item(), two.item(), target.item(), weight.item()) == (5, 10, 15, 20)
    assert TensorData((torch.ones(3),))[0][1] == (None, None)


def test_outputs_of_a_row_do_not_depend_on_its_neighbours():
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(37, 61), nn.ReLU(), nn.Linear(61, 5))
    X = torch.randn(700, 37)
    together = compute_outputs(module, (X,), torch.device("cpu"), 256)
    order = torch.randperm(700)
    shuffled = compute_outputs(module, (X[order],), torch.device("cpu"), 256)
    np.testing.assert_array_equal(shuffled, together[order.numpy()])
    alone = np.concatenate([compute_outputs(module, (X[i : i + 1],), torch.device("cpu"), 256) for i in range(50)])
    np.testing.assert_array_equal(alone, together[:50])
    with torch.no_grad():
        np.testing.assert_allclose(together, module(X).numpy(), rtol=1e-5, atol=1e-6)


def test_blocks_are_halved_when_memory_is_short(monkeypatch):
    monkeypatch.setattr(_device, "_memory_warning_given", False)
    seen = []

    class Small(nn.Module):
        def forward(self, x):
            seen.append(len(x))
            if len(x) > 40:
                raise torch.OutOfMemoryError("no room")
            return x * 2

    X = torch.arange(100.0)[:, None]
    with pytest.warns(DeviceMemoryWarning, match="out of memory"):
        outputs = compute_outputs(Small(), (X,), torch.device("cpu"), 128)
    np.testing.assert_array_equal(outputs[:, 0], np.arange(100) * 2.0)
    assert max(seen[2:]) <= 40


def test_state_survives_as_numpy():
    optimizer = torch.optim.Adam(nn.Linear(3, 2).parameters())
    state = {"a": torch.arange(3), "nested": [torch.ones(2, dtype=torch.bool), {"step": 4}], "text": "x"}
    back = state_from_numpy(state_to_numpy(state))
    assert torch.equal(back["a"], state["a"])
    assert torch.equal(back["nested"][0], state["nested"][0])
    assert back["nested"][1] == {"step": 4}
    assert back["text"] == "x"
    optimizer.load_state_dict(state_from_numpy(state_to_numpy(optimizer.state_dict())))
    array = np.ones(3)
    state_from_numpy(array)[0] = 5
    assert array[0] == 1  # a copy


def padded_rows(n, longest=60, seed=0):
    lengths = np.random.default_rng(seed).integers(1, longest + 1, n)
    lengths[n // 2] = longest
    steps = torch.arange(longest).expand(n, longest) < torch.from_numpy(lengths)[:, None]
    return TensorData((steps.float(), torch.arange(n)), torch.arange(n), lengths=lengths)


@pytest.mark.parametrize("n", [1, 7, 8, 9, 100, 8 * _BATCHES_PER_BLOCK + 3])
@pytest.mark.parametrize("seed", [None, 0])
def test_padded_rows_come_once_an_epoch_and_whole(n, seed):
    data = padded_rows(n)
    lengths = data.inputs[0].sum(dim=1).int().numpy()
    batches = Batches(data, 8, seed=seed)
    epochs = []
    for _ in range(2):
        rows = []
        for (steps, numbers), (target, _) in batches:
            assert torch.equal(numbers, target)
            assert len(numbers) <= 8
            np.testing.assert_array_equal(steps.sum(dim=1), lengths[numbers])
            assert steps.shape[1] == min(60, bucket_length(int(lengths[numbers].max())))
            rows.append(numbers.tolist())
        assert len(rows) == len(batches)
        assert sorted(flat(rows)) == list(range(n))
        epochs.append(rows)
    assert (epochs[0] == epochs[1]) == (seed is None or n <= 8)
    assert seed is not None or flat(epochs[0]) == list(range(n))


@pytest.mark.parametrize("n", [50, 1000, 5000])
def test_padding_is_bounded(n):
    data = padded_rows(n)
    batches = Batches(data, 8, seed=3)
    groups = -(-len(batches) // min(_BATCHES_PER_BLOCK, max(1, len(batches) // 4)))
    lengths = [data.lengths[batch] for batch in batches._alike(data.lengths)]
    waste = sum(len(rows) * rows.max() - rows.sum() for rows in lengths)
    assert waste <= groups * 8 * 59  # in each group one batch of the longest, less the shortest
    computed = sum(inputs[0].numel() for inputs, _ in batches)
    assert computed <= 1.125 * (data.lengths.sum() + groups * 8 * 59)
    at_random = np.sort(np.random.default_rng(0).permutation(data.lengths)[: n // 8 * 8].reshape(-1, 8), axis=1)
    assert n < 1000 or waste < 0.4 * (at_random[:, -1:] - at_random).sum()


def test_rows_of_like_lengths_meet_others_in_every_epoch():
    data = padded_rows(400)
    batches = Batches(data, 8, seed=0)
    partners = [{tuple(sorted(batch.tolist())) for batch in batches._alike(data.lengths)} for batches.epoch in range(3)]
    assert not partners[0] & partners[1] & partners[2]
    torch.manual_seed(5)
    again = Batches(data, 8, seed=0, epoch=2)
    assert {tuple(sorted(batch.tolist())) for batch in again._alike(data.lengths)} == partners[2]


def test_equal_lengths_need_no_gathering():
    data = TensorData((torch.ones(20, 5),), lengths=np.full(20, 5))
    assert data.lengths is None


@pytest.mark.parametrize("length", [*range(1, 200), 1000, 4097])
def test_buckets_are_few_and_near(length):
    bucket = bucket_length(length)
    assert length <= bucket <= max(length, 1.125 * length)
    assert bucket_length(bucket) == bucket
    assert length > 16 or bucket == length
    assert len({bucket_length(i) for i in range(65, 129)}) == 8


@pytest.mark.parametrize(("n_in", "n_out"), [(3, 3), (9, 3), (30, 7), (37, 5), (61, 8), (64, 10), (134, 2), (81, 1)])
def test_equal_rows_have_equal_outputs_wherever_they_lie(n_in, n_out):
    # Libraries may round a row of a narrow product by the address at which it begins.
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(n_in, n_out), nn.Tanh(), nn.Linear(n_out, n_out))
    outputs = compute_outputs(module, (torch.randn(1, n_in).expand(300, n_in),), torch.device("cpu"), 256)
    assert len(np.unique(outputs, axis=0)) == 1
    steps = torch.randn(1, 1, n_in).expand(300, 6, n_in)
    assert len(np.unique(compute_outputs(module, (steps,), torch.device("cpu"), 256).reshape(-1, n_out), axis=0)) == 1
