"""skorch's callbacks in the estimators, TensorBoard among them."""

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.model_selection import cross_val_score
from skorch.callbacks import (
    Callback,
    Checkpoint,
    EarlyStopping,
    EpochScoring,
    Freezer,
    GradientNormClipping,
    LRScheduler,
    ParamMapper,
    PassthroughScoring,
    TensorBoard,
    TrainEndCheckpoint,
)
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch.utils.tensorboard import SummaryWriter

from skdl.neural import MLPClassifier, MLPRegressor


@pytest.fixture(scope="module")
def iris():
    return load_iris(return_X_y=True)


def small(*callbacks, **changes):
    settings = {"hidden_layer_sizes": (16,), "lr": 1e-2, "max_epochs": 8, "batch_size": 32, "random_state": 0}
    settings |= {"dropout": 0.0, "schedule": None}
    return MLPClassifier(callbacks=list(callbacks), **(settings | changes))


def logged(directory, tag):
    events = EventAccumulator(str(directory))
    events.Reload()
    return [event.value for event in events.Scalars(tag)]


def test_tensorboard_gets_the_losses(iris, tmp_path):
    with SummaryWriter(str(tmp_path)) as writer:
        model = small(TensorBoard(writer, close_after_train=False), early_stopping=True).fit(*iris)
    for name, tag in (("train_loss", "Loss/train_loss"), ("valid_loss", "Loss/valid_loss")):
        np.testing.assert_allclose(logged(tmp_path, tag), model.history_[name], rtol=1e-5)


def test_tensorboard_by_a_function_goes_through_cross_validation(iris, tmp_path):
    runs = []

    def make_tensorboard():
        runs.append(tmp_path / str(len(runs)))
        return TensorBoard(SummaryWriter(str(runs[-1])))

    cross_val_score(small(("board", make_tensorboard)), *iris, cv=3)
    assert len(runs) == 3
    assert all(len(logged(run, "Loss/train_loss")) == 8 for run in runs)


def test_scores_of_epochs_are_in_the_history(iris):
    X, y = iris
    model = small(
        EpochScoring("accuracy", lower_is_better=False, name="valid_accuracy"),
        EpochScoring("accuracy", lower_is_better=False, on_train=True, name="train_accuracy"),
        early_stopping=False,
    ).fit(X[::2], y[::2], X_val=X[1::2], y_val=y[1::2])
    history = model.history_
    assert history["valid_accuracy"].iloc[-1] == pytest.approx(model.score(X[1::2], y[1::2]))
    assert history["train_accuracy"].iloc[-1] > 0.8
    assert list(history["epoch"]) == list(range(1, 9))


def test_schedules_of_torch(iris):
    rates = []

    class Watch(Callback):
        def on_epoch_begin(self, net, **kwargs):
            rates.append(net.optimizer_.param_groups[0]["lr"])

    small(LRScheduler("StepLR", step_size=2, gamma=0.1), Watch()).fit(*iris)
    np.testing.assert_allclose(rates, 1e-2 * 0.1 ** (np.arange(8) // 2))


def test_freezers_and_clippers(iris):
    still = small(optimizer="sgd", lr=1e-30, weight_decay=0.0).fit(*iris)
    model = small(Freezer("layers.0.*"), GradientNormClipping(0.5)).fit(*iris)
    np.testing.assert_array_equal(model.coefs_[0], still.coefs_[0])
    assert not np.array_equal(model.coefs_[1], still.coefs_[1])
    thawed = small(Freezer("layers.0.*"), ParamMapper("layers.0.*", lambda p: p.requires_grad_(True), at=5)).fit(*iris)
    assert not np.array_equal(thawed.coefs_[0], still.coefs_[0])


def test_stopping_and_saving(iris, tmp_path):
    model = small(
        ("score", EpochScoring("accuracy", lower_is_better=False, name="accuracy")),
        ("stop", EarlyStopping(monitor="accuracy", lower_is_better=False, patience=3, load_best=True)),
        ("best", Checkpoint(dirname=str(tmp_path / "best"), monitor="accuracy_best", f_pickle=None)),
        ("end", TrainEndCheckpoint(dirname=str(tmp_path / "end"))),
        ("batch", PassthroughScoring("train_batch_size", on_train=True)),
        early_stopping=True,
        validation_fraction=0.3,
        max_epochs=100,
        lr=0.05,
    ).fit(*iris)
    assert model.n_iter_ < 100
    assert (tmp_path / "best" / "params.pt").exists()
    assert (tmp_path / "end" / "train_end_params.pt").exists()
    assert "batches" not in model.history_
    assert model.history_["accuracy"].max() > 0.9


def test_callbacks_work_for_numbers(iris):
    X, _ = iris
    scorer = EpochScoring("r2", lower_is_better=False, on_train=True, name="r2")
    model = MLPRegressor(callbacks=[scorer], max_epochs=30, random_state=0).fit(X[:, :3], X[:, 3])
    assert model.history_["r2"].iloc[-1] > 0.8


def test_a_callback_that_cannot_be_copied_is_shared_and_others_are_not(iris, tmp_path):
    class Count(Callback):
        def __init__(self):
            self.epochs = []

        def on_epoch_end(self, net, **kwargs):
            self.epochs.append(len(net.history))

    count, shared = Count(), Count()
    with open(tmp_path / "log", "w") as file:
        shared.file = file
        small(count, ("shared", shared)).fit(*iris)
    assert count.epochs == []
    assert shared.epochs == list(range(1, 9))


def test_what_is_no_callback(iris):
    with pytest.raises(ValueError, match=r"must be a list of skorch callbacks, functions that make one, .* holds 3"):
        small(3).fit(*iris)
