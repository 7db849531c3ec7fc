"""What the perceptrons make of a table: missing values, embeddings of numbers, normalisation, residual blocks."""

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_diabetes, load_iris, make_classification
from sklearn.model_selection import KFold
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import check_estimator

from skdl.base import fit_family, fit_one_by_one
from skdl.neural import MLPClassifier, MLPRegressor
from skdl.neural._scaling import bin_edges, fit_scaling


def small(**changes):
    settings = {"hidden_layer_sizes": (16,), "dropout": 0.0, "lr": 1e-2, "max_epochs": 20, "schedule": None}
    return MLPClassifier(**(settings | {"random_state": 0} | changes))


@pytest.fixture(scope="module")
def iris():
    return load_iris(return_X_y=True)


OPTIONS = [
    {"normalization": "batch"},
    {"normalization": "layer", "dropout": 0.1},
    {"residual": True, "hidden_layer_sizes": (16, 8)},
    {"residual": True, "normalization": "batch", "weight_init": "kaiming_normal"},
    {"numeric_embedding": "periodic"},
    {"numeric_embedding": "piecewise_linear"},
    {"weight_init": "orthogonal", "activation": "mish"},
]


@pytest.mark.parametrize("changes", OPTIONS, ids=str)
def test_every_option_learns_and_is_decided_by_the_seed(iris, changes):
    X, y = iris
    one, other = (small(max_epochs=60, batch_size=32, **changes).fit(X, y) for _ in range(2))
    assert one.score(X, y) > 0.95
    np.testing.assert_array_equal(one.predict_proba(X), other.predict_proba(X))
    assert not np.array_equal(one.predict_proba(X), small(max_epochs=60, batch_size=32).fit(X, y).predict_proba(X))


@pytest.mark.parametrize("estimator", [MLPClassifier, MLPRegressor])
def test_scikit_learns_checks_pass_with_options(estimator):
    settings = {"residual": True, "normalization": "batch", "numeric_embedding": "periodic"}
    settings |= {"hidden_layer_sizes": (8,), "lr": 0.02, "batch_size": 16, "max_epochs": 15, "random_state": 0}
    results = check_estimator(estimator(missing_values="indicator", **settings), on_fail=None, on_skip=None)
    assert not [item["check_name"] for item in results if item["status"] not in ("passed", "skipped")]


def test_coefficients_of_a_residual_network_come_in_the_order_of_its_layers(iris):
    model = small(residual=True, normalization="batch", hidden_layer_sizes=(6, 9), max_epochs=1).fit(*iris)
    assert [coef.shape for coef in model.coefs_] == [(4, 6), (6, 6), (6, 6), (6, 9), (9, 6), (6, 3)]
    assert [bias.shape for bias in model.intercepts_] == [(6,), (6,), (6,), (9,), (6,), (3,)]


# Batch normalisation.


def test_batch_statistics_are_those_of_the_training_rows_and_no_others(iris):
    X, y = iris
    X, y = X[:70], y[:70]
    model = small(normalization="batch", hidden_layer_sizes=(5,), max_epochs=1, batch_size=100, lr=1e-30).fit(X, y)
    norm = model.net_.module_.layers[1]
    rows = np.unique(np.column_stack([X, y]), axis=0)  # equal rows are one where a batch holds all
    hidden = model._scaling.apply(rows[:, :4]) @ model.coefs_[0] + model.intercepts_[0]
    np.testing.assert_allclose(norm.running_mean.numpy(), 0.1 * hidden.mean(axis=0), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(norm.running_var.numpy(), 0.9 + 0.1 * hidden.var(axis=0, ddof=1), rtol=1e-4)
    before = norm.running_mean.clone(), norm.num_batches_tracked.clone()
    one = model.predict_proba(X[:1])  # a block of 255 rows of filling besides
    np.testing.assert_array_equal(one, model.predict_proba(X)[:1])
    assert (norm.running_mean == before[0]).all()
    assert norm.num_batches_tracked == before[1]


@pytest.mark.parametrize("n", [33, 65])
def test_batch_normalisation_never_meets_a_single_row(n):
    X = np.random.default_rng(0).normal(size=(n, 3))
    model = small(normalization="batch", batch_size=32, max_epochs=2).fit(X, np.arange(n) % 2)
    assert np.isfinite(model.loss_)


def test_batch_normalisation_bears_a_training_set_of_one_distinct_row():
    X, y = np.ones((6, 2)), np.ones(6)
    model = MLPRegressor(normalization="batch", hidden_layer_sizes=(4,), max_epochs=200, lr=1e-2, random_state=0)
    np.testing.assert_allclose(model.fit(X, y).predict(X), 1.0, atol=0.01)


# Missing values.


@pytest.fixture(scope="module")
def holes():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(600, 3))
    y = (X[:, 0] > 0).astype(int)
    gone = rng.uniform(size=600) < 0.4
    X[gone, 0] = np.nan
    y[gone] = (X[gone, 1] > 0).astype(int)  # where the first column is missing, the second one tells
    return X, y


def test_missing_numbers_are_marked_and_centred(holes):
    X, y = holes
    model = small(missing_values="indicator", max_epochs=80).fit(X, y)
    assert model.score(X, y) > 0.95
    (numeric,) = model._to_tensors(X)
    assert numeric.shape == (600, 4)  # one indicator: the other columns miss nothing
    np.testing.assert_array_equal(numeric[:, 3], np.isnan(X[:, 0]))
    np.testing.assert_array_equal(numeric[:, 0][np.isnan(X[:, 0])], 0.0)
    present = ~np.isnan(X[:, 0])
    expected = fit_scaling(X[present, :1], None, "robust").apply(X[present, :1])[:, 0]
    np.testing.assert_array_equal(numeric[:, 0][present], expected)


def test_numbers_that_are_missing_only_later_count_as_the_centre(holes):
    X, y = holes
    model = small(missing_values="indicator").fit(X, y)
    later = X[:5].copy()
    later[:, 2] = np.nan
    centred = later.copy()
    centred[:, 2] = np.median(np.sort(X[:, 2])[299])
    np.testing.assert_array_equal(model.predict_proba(later), model.predict_proba(centred))


@pytest.mark.parametrize("kind", ["robust", "standard", None])
def test_scales_are_those_of_the_values_that_are_there(kind):
    rng = np.random.default_rng(0)
    X, weight = rng.normal(size=(50, 3)), rng.uniform(1, 3, 50)
    full = X.copy()
    X[rng.uniform(size=50) < 0.3, 1] = np.nan
    X[:, 2] = np.nan
    scaling, reference = fit_scaling(X, weight, kind), fit_scaling(full, weight, kind)
    there = ~np.isnan(X[:, 1])
    part = fit_scaling(full[there, 1:2], weight[there], kind)
    assert scaling.center[0] == reference.center[0]
    assert scaling.factor[0] == reference.factor[0]
    assert (scaling.center[1], scaling.factor[1]) == (part.center[0], part.factor[0])
    assert scaling.factor[2] == 0.0


def test_a_missing_category_is_a_category_of_its_own():
    rng = np.random.default_rng(0)
    city = rng.choice(["Bonn", "Lyon", None], 400)
    frame = pd.DataFrame({"city": pd.Categorical(city), "size": rng.normal(size=400)})
    y = np.array([value is None for value in city])
    model = small(missing_values="indicator", max_epochs=40).fit(frame, y)
    assert model.score(frame, y) == 1.0
    assert model.net_.module_.embeddings[0].num_embeddings == 4  # unseen, Bonn, Lyon, missing
    _, codes = model._to_tensors(model._encode_inputs(frame))
    np.testing.assert_array_equal(codes[:, 0] == 3, y)


def test_a_category_that_is_missing_only_later_counts_as_unseen():
    frame = pd.DataFrame({"city": pd.Categorical(["Bonn", "Lyon"] * 30), "size": np.arange(60.0)})
    model = small(missing_values="indicator").fit(frame, [0, 1] * 30)
    gone, unseen = frame.head(2).astype({"city": object}), frame.head(2).astype({"city": object})
    gone["city"], unseen["city"] = None, "Rome"
    np.testing.assert_array_equal(model.predict_proba(gone), model.predict_proba(unseen))


def test_missing_values_are_refused_unless_asked_for(holes):
    X, y = holes
    assert not get_tags(small()).input_tags.allow_nan
    assert get_tags(small(missing_values="indicator")).input_tags.allow_nan
    with pytest.raises(ValueError, match="contains NaN"):
        small().fit(X, y)
    model = small().fit(np.nan_to_num(X), y)
    with pytest.raises(ValueError, match="contains NaN"):
        model.predict(X)
    with pytest.raises(ValueError, match="contains infinity"):
        small(missing_values="indicator").fit(np.where(np.isnan(X), np.inf, X), y)
    with pytest.raises(ValueError, match=r"missing_values of MLPClassifier must be one of 'error', 'indicator'"):
        small(missing_values="mean").fit(X, y)


def test_full_batches_of_rows_with_holes_make_weights_and_repetition_the_same_bits(holes):
    X, y = holes[0][:60].copy(), holes[1][:60]
    X[::4, 1] = np.nan
    weight = np.random.default_rng(0).integers(0, 4, 60)
    weighted = small(missing_values="indicator").fit(X, y, sample_weight=weight)
    order = np.random.default_rng(1).permutation(weight.sum())
    repeated = small(missing_values="indicator").fit(X.repeat(weight, axis=0)[order], y.repeat(weight)[order])
    np.testing.assert_array_equal(weighted.predict_proba(X), repeated.predict_proba(X))


def test_indicator_without_a_hole_changes_nothing(iris):
    X, y = iris
    one, other = small().fit(X, y), small(missing_values="indicator").fit(X, y)
    np.testing.assert_array_equal(one.predict_proba(X), other.predict_proba(X))


# Embeddings of numbers.


def test_bins_hold_equally_many_training_rows():
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.normal(size=320), rng.integers(0, 3, 320), np.full(320, 2.0)])
    edges = bin_edges(X, None, 32)
    counts = np.histogram(X[:, 0], edges[0])[0]
    np.testing.assert_allclose(counts, 10, atol=1)
    np.testing.assert_array_equal(edges[1], [0, 1, 2])
    np.testing.assert_array_equal(edges[2], [2])
    weight = rng.integers(1, 4, 320)
    for one, other in zip(bin_edges(X, weight.astype(float), 8), bin_edges(X.repeat(weight, 0), None, 8), strict=True):
        np.testing.assert_array_equal(one, other)


def test_bins_are_learnt_on_training_rows_alone():
    X = np.arange(200.0)[:, None]
    model = small(numeric_embedding="piecewise_linear", early_stopping=True, max_epochs=1, scaling=None)
    model.fit(X, np.arange(200) % 2)
    held_out = model._training_sets(X, np.arange(200) % 2, None, reset=False, may_split=True)[1][0]
    assert not np.isin(held_out, model._edges[0]).any()


@pytest.mark.parametrize("embedding", ["periodic", "piecewise_linear"])
def test_what_changes_fast_along_a_column_is_learnt(embedding):
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, (1500, 1))
    y = np.sin(12 * X[:, 0])
    settings = {"hidden_layer_sizes": (32,), "max_epochs": 15, "batch_size": 64, "lr": 3e-3, "random_state": 0}
    settings |= {"dropout": 0.0, "schedule": None}
    plain = MLPRegressor(**settings).fit(X[:1000], y[:1000]).score(X[1000:], y[1000:])
    model = MLPRegressor(**settings, numeric_embedding=embedding).fit(X[:1000], y[:1000])
    assert plain < 0.9 < 0.97 < model.score(X[1000:], y[1000:])


def test_embeddings_leave_indicators_and_categories_alone(holes):
    X, y = holes
    frame = pd.DataFrame(X, columns=list("abc")).assign(d=pd.Categorical(np.arange(600) % 3))
    model = small(numeric_embedding="periodic", missing_values="indicator").fit(frame, y)
    module = model.net_.module_
    assert module.layers[0].in_features == 3 * 12 + 1 + module.embeddings[0].embedding_dim


def test_a_table_of_categories_has_nothing_to_embed():
    frame = pd.DataFrame({"a": pd.Categorical([0, 1, 2] * 20), "b": pd.Categorical([0, 1] * 30)})
    plain = small().fit(frame, [0, 1] * 30)
    model = small(numeric_embedding="periodic").fit(frame, [0, 1] * 30)
    np.testing.assert_array_equal(model.predict_proba(frame), plain.predict_proba(frame))


# Families.


def test_families_with_options_are_single_fits():
    X, y = make_classification(240, 6, n_informative=4, n_classes=3, random_state=0)
    X[::7, 2] = np.nan
    candidates = [{}, {"lr": 1e-3}, *OPTIONS, {"missing_values": "indicator", "weight_init": "xavier_normal"}]
    model = small(missing_values="indicator", batch_size=32, max_epochs=4)
    arguments = {"candidates": candidates, "splits": [train for train, _ in KFold(2).split(X)]}
    alone = {(i, j): fitted for i, j, fitted in fit_one_by_one(model, X, y, **arguments)}
    family = {(i, j): fitted for i, j, fitted in fit_family(model, X, y, **arguments)}
    assert family.keys() == alone.keys()
    for key, member in family.items():
        np.testing.assert_allclose(member.predict_proba(X), alone[key].predict_proba(X), atol=2e-5)


def test_family_of_regressors_with_holes_is_single_fits():
    X, y = load_diabetes(return_X_y=True)
    X = np.where(np.random.default_rng(0).uniform(size=X.shape) < 0.1, np.nan, X)
    model = MLPRegressor(hidden_layer_sizes=(9,), max_epochs=4, missing_values="indicator", random_state=0)
    candidates = [{"lr": 1e-2}, {"lr": 1e-3}, {"numeric_embedding": "piecewise_linear"}]
    arguments = {"candidates": candidates, "splits": [train for train, _ in KFold(3).split(X)]}
    alone = {(i, j): fitted for i, j, fitted in fit_one_by_one(model, X, y, **arguments)}
    for i, j, member in fit_family(model, X, y, **arguments):
        np.testing.assert_allclose(member.predict(X), alone[i, j].predict(X), rtol=2e-5, atol=2e-3)
