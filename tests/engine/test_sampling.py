"""Batches for losses of pairs: who is in them, how often, and that a seed decides it."""

import numpy as np
import pytest
import torch

from skdl.engine import ClassBalanced, SampledBatches, TensorData, TwoViews

TARGET = np.repeat([7, 3, 5, 9], [10, 6, 3, 8])


def batches(sampling, seed=0, epoch=0, n_batches=None):
    return sampling.rows(TARGET, seed, epoch, sampling.n_batches if n_batches is None else n_batches)


def test_each_batch_has_as_many_rows_of_as_many_classes():
    for rows in batches(ClassBalanced(3, 4, 20)):
        labels = TARGET[rows].reshape(3, 4)
        assert (labels == labels[:, :1]).all()
        assert len(np.unique(labels)) == 3
        for label, of_class in zip(labels[:, 0], rows.reshape(3, 4), strict=True):
            assert len(np.unique(of_class)) == min(4, (label == TARGET).sum())


def test_classes_with_few_rows_may_give_what_they_have():
    for rows in batches(ClassBalanced(4, 5, 5, repeats=False)):
        assert len(np.unique(rows)) == len(rows) == 5 + 5 + 3 + 5


def test_all_rows_of_a_class_come_before_one_comes_again():
    rows = np.concatenate(batches(ClassBalanced(4, 2, 5)))
    counts = np.bincount(rows, minlength=len(TARGET))
    np.testing.assert_array_equal(counts[TARGET == 7], 1)  # 10 rows in 5 batches of 2
    for label in (3, 5, 9):
        assert np.ptp(counts[label == TARGET]) <= 1


def test_classes_take_turns():
    chosen = np.concatenate([TARGET[rows[::2]] for rows in batches(ClassBalanced(2, 2, 400))])
    _, counts = np.unique(chosen, return_counts=True)
    assert counts.sum() == 800
    assert (np.abs(counts - 200) < 50).all()  # a deviation is 10


@pytest.mark.parametrize("sampling", [ClassBalanced(3, 4, 6), TwoViews(5, 5)], ids=["classes", "views"])
def test_seed_and_epoch_decide(sampling):
    first = np.concatenate(batches(sampling))
    np.testing.assert_array_equal(first, np.concatenate(batches(sampling)))
    for other in (batches(sampling, seed=1), batches(sampling, epoch=1)):
        assert (np.concatenate(other) != first).any()


def test_two_views_hold_each_row_twice():
    rows = batches(TwoViews(5, 5))
    assert [len(of_batch) for of_batch in rows] == [10] * 5
    for of_batch in rows:
        np.testing.assert_array_equal(of_batch[:5], of_batch[5:])
    assert len(np.unique(np.concatenate(rows))) == 25


def data(lengths=None):
    n = len(TARGET)
    inputs = torch.arange(n * 4, dtype=torch.float32).view(n, 4)
    others = () if lengths is None else (torch.from_numpy(lengths),)
    return TensorData((inputs, *others), torch.from_numpy(TARGET), lengths=lengths)


def test_batches_of_tensors_follow_the_rows_and_epochs():
    sampling = ClassBalanced(2, 3, 4)
    found = SampledBatches(data(), sampling, seed=3)
    first = [(inputs[0], target[0]) for inputs, target in found]
    second = [inputs[0] for inputs, _ in found]
    assert len(found) == len(first) == 4
    for inputs, target in first:
        np.testing.assert_array_equal(TARGET[(inputs[:, 0] / 4).long().numpy()], target.numpy())
    assert any((one[0] != two).any() for one, two in zip(first, second, strict=True))
    resumed = SampledBatches(data(), sampling, seed=3, epoch=1)
    for again, two in zip(resumed, second, strict=True):
        np.testing.assert_array_equal(again[0][0], two)


def test_batches_to_validate_with_stay_the_same():
    found = SampledBatches(data(), ClassBalanced(2, 3, 100), seed=3, epoch=None)
    first, second = ([inputs[0] for inputs, _ in found] for _ in range(2))
    assert len(found) == len(first) == 10
    for one, two in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, two)


def test_sequences_are_cut_to_the_longest_of_a_batch():
    lengths = np.where(TARGET == 7, 4, 2)
    for (steps, real), (target, _) in SampledBatches(data(lengths), ClassBalanced(2, 2, 20), seed=0):
        assert steps.shape[1] == real.max() == (4 if 7 in target else 2)


def test_corruption_takes_values_of_the_same_place():
    found = SampledBatches(data(), TwoViews(13, 2, corruption=0.5), seed=0)
    changed = []
    for inputs, _ in found:
        kept, view = inputs[0].chunk(2)
        assert (view.long() % 4 == torch.arange(4)).all()  # of the same column
        changed.append((kept != view).float())
    share = torch.cat(changed).mean().item()
    assert share == pytest.approx(0.5, abs=0.15)  # 104 entries, a deviation is 0.05
    whole = SampledBatches(data(), TwoViews(13, 2), seed=0)
    for inputs, _ in whole:
        kept, view = inputs[0].chunk(2)
        assert (kept == view).all()
