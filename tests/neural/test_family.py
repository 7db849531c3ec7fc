"""Members of a family against the same members fitted alone."""

import threading

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.datasets import load_diabetes, make_classification
from sklearn.model_selection import KFold, ShuffleSplit
from skorch.callbacks import EpochScoring

import skdl.engine.stacked
from skdl.base import family_notes, fit_family, fit_one_by_one
from skdl.neural import MLPClassifier, MLPRegressor
from skdl.neural import _family as family_module


@pytest.fixture(scope="module")
def data():
    return make_classification(330, 8, n_informative=5, n_classes=3, random_state=0)


@pytest.fixture(scope="module")
def splits(data):
    return [train for train, _ in KFold(3, shuffle=True, random_state=0).split(data[0])]


def small(**changes):
    settings = {"hidden_layer_sizes": (12, 7), "max_epochs": 5, "batch_size": 32, "lr": 1e-2, "random_state": 0}
    settings |= {"dropout": 0.0, "schedule": None}
    return MLPClassifier(**(settings | changes))


def assert_same_numbers(one, other):
    """Assert that two states hold the same bits."""
    assert set(one) == set(other)
    for key, value in one.items():
        if isinstance(value, dict):
            assert_same_numbers(value, other[key])
        else:
            np.testing.assert_array_equal(value, other[key], err_msg=str(key))


def compare(estimator, X, y, candidates, splits, sample_weight=None, method="predict_proba"):
    """Assert that family and single fits agree to the last bit, and return the family's members."""
    arguments = {"candidates": candidates, "splits": splits, "sample_weight": sample_weight}
    alone = {(i, j): member for i, j, member in fit_one_by_one(estimator, X, y, **arguments)}
    family = {(i, j): member for i, j, member in fit_family(estimator, X, y, **arguments)}
    assert set(family) == set(alone)
    for key, member in family.items():
        other = alone[key]
        assert member.get_params() == other.get_params()
        np.testing.assert_array_equal(getattr(member, method)(X), getattr(other, method)(X))
        assert_same_numbers(member._weights, other._weights)
        assert_same_numbers(member._optimizer_state["state"], other._optimizer_state["state"])
        assert member.n_iter_ == other.n_iter_
        assert set(vars(member)) == set(vars(other))
        columns = [column for column in other.history_ if column.endswith(("_loss", "_count", "epoch"))]
        np.testing.assert_array_equal(member.history_[columns], other.history_[columns])
        assert list(member.history_.columns) == list(other.history_.columns)
    return family


@pytest.fixture(autouse=True)
def one_thread():
    """Stacks as large as they go; how many threads train them is tested for itself."""
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(n_threads)


@pytest.fixture
def stacks(monkeypatch):
    """The sizes of the stacks that are trained."""
    sizes = []
    train = skdl.engine.stacked.train_stacked

    def watch(stack, plans, *rest):
        sizes.append(len(plans))
        return train(stack, plans, *rest)

    monkeypatch.setattr(family_module, "train_stacked", watch)
    return sizes


def test_rates_decays_clips_schedules_and_lengths_of_their_own(data, splits, stacks):
    candidates = [
        {},
        {"lr": 1e-3},
        {"weight_decay": 0.0},
        {"weight_decay": 0.3, "lr": 3e-3},
        {"gradient_clip": 0.1},
        {"schedule": "cosine"},
        {"schedule": "one_cycle", "max_epochs": 3},
        {"max_epochs": 2},
    ]
    compare(small(), *data, candidates, splits)
    assert sum(stacks) == 24


@pytest.mark.parametrize(
    "optimizer", ["sgd", "momentum", "nesterov", "adagrad", "adadelta", "rmsprop", "adam", "nadam"]
)
def test_every_optimizer(data, splits, optimizer, stacks):
    candidates = [{"lr": 1e-2}, {"lr": 1e-3, "weight_decay": 0.1}]
    compare(small(optimizer=optimizer, weight_decay=0.0), *data, candidates, splits)
    assert sum(stacks) == 6


def test_rates_and_seeds_of_dropout(data, splits, stacks):
    candidates = [{"dropout": 0.1}, {"dropout": 0.5}, {"dropout": 0.5, "random_state": 7}]
    family = compare(small(), *data, candidates, splits)
    assert sum(stacks) == 9
    assert not np.array_equal(family[1, 0].predict_proba(data[0]), family[2, 0].predict_proba(data[0]))


def test_early_stopping_of_its_own(data, splits, stacks):
    candidates = [{"lr": 0.1}, {"lr": 0.02}, {"lr": 1e-3}, {"lr": 0.1, "patience": 1}]
    family = compare(small(early_stopping=True, patience=3, max_epochs=12), *data, candidates, splits)
    assert sum(stacks) == 12  # strata round differently, so the splits' training rows differ in number
    assert len({member.n_iter_ for member in family.values()}) > 2


def test_shapes_and_numbers_of_batches_are_stacked_apart(data, stacks):
    X, y = data
    splits = [np.arange(200), np.arange(100, 300), np.arange(150)]
    compare(small(), X, y, [{}, {"hidden_layer_sizes": (4,)}, {"activation": "tanh"}, {"batch_size": 70}], splits)
    # With batches of 70 all splits have three; else the third one's members stand alone.
    assert sorted(stacks) == [1, 1, 1, 2, 2, 2, 3]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"dropout": 0.3},
        {"activation": "gelu"},  # which torch differentiates
        {"early_stopping": True},
        {"activation": "tanh", "optimizer": "momentum", "lr": 0.1},
        {"activation": "sigmoid"},
        {"activation": "identity"},
        {"batch_size": 400},
        {"hidden_layer_sizes": ()},
    ],
)
@pytest.mark.parametrize("weighted", [False, True])
def test_unequal_folds_share_a_stack(data, stacks, changes, weighted):
    X, y = data
    X = X[:257]
    # 200, 199, 192 and 223 rows: six full batches, or seven of which the last ones differ.
    splits = [np.arange(200), np.arange(57, 256), np.setdiff1d(np.arange(257), np.arange(0, 257, 4)), np.arange(223)]
    weight = np.random.default_rng(0).integers(1, 4, len(X)).astype(float) if weighted else None
    compare(small(**changes), X, y[:257], [{"lr": 1e-2}, {"weight_decay": 0.1}], splits, sample_weight=weight)
    # Of the splits that are one batch, those that are padded to one length.
    assert sorted(stacks) == ([2, 2, 4] if "batch_size" in changes else [2, 6])


@pytest.mark.parametrize("n_threads", [2, 3])
@pytest.mark.parametrize("kind", ["classes", "numbers", "one column"])
def test_threads_and_siblings_change_no_bit(data, splits, n_threads, stacks, kind):
    X, y = data
    X = X[:, :1] if kind == "one column" else X
    settings = {"hidden_layer_sizes": (12, 32), "max_epochs": 5, "batch_size": 32, "random_state": 0}
    net = MLPClassifier(**settings) if kind == "classes" else MLPRegressor(**settings)
    crowd = [{"lr": rate} for rate in np.geomspace(1e-4, 0.1, 6)]
    together = {(i, j): member for i, j, member in fit_family(net, X, y, candidates=crowd, splits=splits)}
    torch.set_num_threads(n_threads)
    in_threads = {(i, j): member for i, j, member in fit_family(net, X, y, candidates=crowd, splits=splits)}
    assert torch.get_num_threads() == n_threads
    few = {key[0]: member for *key, member in fit_family(net, X, y, candidates=crowd[4:], splits=splits[1:2])}
    assert stacks == [18, *[18 // n_threads] * n_threads, 2]  # two networks are not worth two threads
    assert set(in_threads) == set(together)
    for key, member in together.items():
        for name, weight in member._weights.items():
            np.testing.assert_array_equal(weight, in_threads[key]._weights[name])
            if key in ((4, 1), (5, 1)):
                np.testing.assert_array_equal(weight, few[key[0] - 4]._weights[name])


def test_a_family_that_is_left_halfway_stops_its_threads(data, splits):
    torch.set_num_threads(2)

    def workers():
        return {thread for thread in threading.enumerate() if "side_by_side" in thread.name}

    before = workers()
    family = fit_family(small(max_epochs=10_000), *data, candidates=[{}, {"max_epochs": 1}], splits=splits)
    next(family)
    assert workers() > before
    family.close()
    assert workers() == before
    assert torch.get_num_threads() == 2


def test_some_pairs_as_in_bagging(data, stacks):
    X, y = data
    rng = np.random.default_rng(0)
    splits = [rng.integers(0, len(X), 200) for _ in range(5)]
    candidates = [{"random_state": seed} for seed in range(5)]
    pairs = [(i, i) for i in range(5)]
    members = {(i, j): m for i, j, m in fit_family(small(), X, y, candidates=candidates, splits=splits, pairs=pairs)}
    assert set(members) == set(pairs)
    assert stacks == [5]
    for i in range(5):
        alone = small(random_state=i).fit(X[splits[i]], y[splits[i]])
        np.testing.assert_array_equal(members[i, i].predict_proba(X), alone.predict_proba(X))


def test_a_family_says_how_it_is_trained(data, splits):
    notes = []
    candidates = [{}, {"lr": 1e-3}, {"label_smoothing": 0.1}, {"hidden_layer_sizes": (3,), "batch_size": 10}]
    with family_notes(notes):
        list(fit_family(small(), *data, candidates=candidates, splits=splits[:1]))
    assert notes == [
        "MLPClassifier: 3 networks trained in 2 stacks (1 of 2, 1 of 1)",
        "MLPClassifier: 1 networks trained one by one, since a stack has no label_smoothing",
    ]


def test_scaling_and_weights_belong_to_the_split(data, splits):
    X, y = data
    weight = np.random.default_rng(0).integers(0, 3, len(y)).astype(float)
    names = np.array(["x", "y", "z"])[y]
    candidates = [
        {"scaling": "standard"},
        {"class_weight": {"x": 5.0}},
        {"class_weight": "balanced"},
        {"scaling": None},
    ]
    compare(small(), X, names, candidates, splits, sample_weight=weight)


def test_full_batches(data, stacks):
    X, y = data
    splits = [train for train, _ in ShuffleSplit(4, train_size=60, random_state=0).split(X)]
    compare(small(batch_size=64), X, y, [{"lr": 1e-2}, {"lr": 1e-3}], splits)
    assert sum(stacks) == 8


def test_several_labels_and_targets(data, splits):
    X, y = data
    compare(small(), X, np.column_stack([y == 0, y > 0, y == 2]).astype(int), [{"lr": 1e-3}, {"lr": 1e-2}], splits)
    X, y = load_diabetes(return_X_y=True)
    splits = [train for train, _ in KFold(4).split(X)]
    regressor = MLPRegressor(hidden_layer_sizes=(9,), max_epochs=5, batch_size=64, random_state=0)
    Y = np.column_stack([y, np.sqrt(y), X[:, 0]])
    for target in (y, Y):
        compare(regressor, X, target, [{"lr": 1e-3}, {"weight_decay": 0.2}], splits, method="predict")


def test_categories(splits, data):
    X, y = data
    frame = pd.DataFrame(X[:, :3], columns=list("abc"))
    rng = np.random.default_rng(0)
    frame["d"] = pd.Categorical(rng.choice(list("pqrs"), len(frame)))
    frame["e"] = pd.Categorical(rng.choice(list("uv"), len(frame)))
    family = compare(small(weight_decay=0.1), frame, y, [{"lr": 1e-2}, {"lr": 1e-3}], splits)
    assert all(not member._weights["embeddings.0.weight"][0].any() for member in family.values())


def test_a_member_does_not_depend_on_its_siblings(data, splits):
    X, y = data
    few = {key[1]: member for *key, member in fit_family(small(), X, y, candidates=[{}], splits=splits)}
    crowd = [{"lr": rate} for rate in np.geomspace(1e-4, 1.0, 20)] + [{}]
    for i, j, member in fit_family(small(), X, y, candidates=crowd, splits=splits):
        if i == 20:
            np.testing.assert_array_equal(member.predict_proba(X), few[j].predict_proba(X))


def test_a_member_that_diverges_is_left_out_and_harms_nobody(data, splits):
    X, y = data
    model = small(optimizer="sgd", weight_decay=0.0)
    candidates = [{"lr": 0.1}, {"lr": 1e30}, {"lr": 0.01}]
    members = {(i, j): member for i, j, member in fit_family(model, X, y, candidates=candidates, splits=splits)}
    assert sorted(members) == [(0, 0), (0, 1), (0, 2), (2, 0), (2, 1), (2, 2)]
    alone = fit_one_by_one(model, X, y, candidates=candidates[2:], splits=splits)
    for _, j, member in alone:
        np.testing.assert_array_equal(members[2, j].predict_proba(X), member.predict_proba(X))


def test_members_go_on_like_any_other_model(data, splits):
    X, y = data
    candidates = [{"lr": 1e-2, "dropout": 0.3}, {"lr": 1e-3, "dropout": 0.2}]
    alone = {(i, j): m for i, j, m in fit_one_by_one(small(), X, y, candidates=candidates, splits=splits)}
    for i, j, member in fit_family(small(), X, y, candidates=candidates, splits=splits):
        member.partial_fit(X, y)
        alone[i, j].partial_fit(X, y)
        assert member.n_iter_ == 6
        np.testing.assert_array_equal(member.predict_proba(X), alone[i, j].predict_proba(X))


def test_callbacks_are_fitted_alone(data, splits, stacks):
    scorer = EpochScoring("accuracy", lower_is_better=False, on_train=True, name="accuracy")
    family = list(fit_family(small(callbacks=[scorer]), *data, candidates=[{}, {"lr": 1e-3}], splits=splits))
    assert len(family) == 6
    assert stacks == []
    assert "accuracy" in family[0][2].history_


def test_without_a_seed_members_differ(data, splits, stacks):
    X, y = data
    members = [m for *_, m in fit_family(small(random_state=None), X, y, candidates=[{}, {}], splits=splits[:1])]
    assert sum(stacks) == 2
    assert not np.array_equal(members[0].predict_proba(X), members[1].predict_proba(X))


def test_large_families_are_cut_into_packs(data, splits, stacks, monkeypatch):
    monkeypatch.setattr(family_module, "_CPU_BYTES", 100_000)
    compare(small(), *data, [{"lr": rate} for rate in (1e-3, 2e-3, 4e-3, 8e-3)], splits)
    assert sum(stacks) <= 12
    assert 1 < max(stacks) < 12


def test_a_pack_is_halved_when_memory_is_short(data, splits, monkeypatch):
    X, y = data
    train = skdl.engine.stacked.train_stacked
    sizes = []

    def short_of_memory(stack, plans, *rest):
        sizes.append(len(plans))
        if len(plans) > 3:
            raise torch.OutOfMemoryError("no room")
        return train(stack, plans, *rest)

    monkeypatch.setattr(family_module, "train_stacked", short_of_memory)
    candidates = [{"lr": 1e-3}, {"lr": 1e-2}]
    alone = {(i, j): m for i, j, m in fit_one_by_one(small(), X, y, candidates=candidates, splits=splits)}
    for i, j, member in fit_family(small(), X, y, candidates=candidates, splits=splits):
        np.testing.assert_array_equal(member.predict_proba(X), alone[i, j].predict_proba(X))
    assert sizes == [6, 3, 3]


@pytest.mark.parametrize(
    "candidate",
    [
        {"loss": "focal"},
        {"label_smoothing": 0.1},
        {"l1": 0.01},
        {"schedule": "plateau"},
        {"warmup_epochs": 2},
        {"gradient_clip_value": 0.01},
        {"ema_decay": 0.9},
        {"layer_lr_decay": 0.5},
        {"freeze": "layers.0.*"},
        {"mixed_precision": "bfloat16"},
    ],
)
def test_what_a_stack_does_not_do_is_fitted_alone(data, splits, stacks, candidate):
    compare(small(), *data, [candidate, candidate | {"lr": 1e-3}], splits)
    assert stacks == []
