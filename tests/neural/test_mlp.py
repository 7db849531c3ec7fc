"""The multi-layer perceptrons: what they learn, how they go on, and what they refuse."""

import io
import pickle
import pickletools

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from scipy.special import expit
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skorch.callbacks import Callback, EpochScoring

from skdl.exceptions import DivergenceError, InterruptedFitWarning
from skdl.neural import MLPClassifier, MLPRegressor


@pytest.fixture(scope="module")
def iris():
    return load_iris(return_X_y=True)


@pytest.fixture(scope="module")
def diabetes():
    return load_diabetes(return_X_y=True)


def small(**changes):
    settings = {"hidden_layer_sizes": (16,), "dropout": 0.0, "lr": 1e-2, "max_epochs": 20, "schedule": None}
    return MLPClassifier(**(settings | {"random_state": 0} | changes))


# What they learn.


def test_a_regressor_without_hidden_layers_finds_least_squares(diabetes):
    X, y = diabetes
    settings = {"hidden_layer_sizes": (), "scaling": "standard", "weight_decay": 0.0, "optimizer": "adam"}
    model = MLPRegressor(**settings, batch_size=500, max_epochs=3000, lr=0.02, schedule="cosine", random_state=0)
    expected = LinearRegression().fit(X, y).predict(X)
    np.testing.assert_allclose(model.fit(X, y).predict(X), expected, atol=0.05)  # targets reach from 25 to 346


def test_a_classifier_without_hidden_layers_finds_the_logistic_optimum(iris):
    X, y = iris
    Z = StandardScaler().fit_transform(X)
    # Gradient steps with weight_decay minimise loss + decay/2 |w|^2 over weights and biases, which is scikit-learn's
    # objective with C = 1 / (n * decay) and the intercept as one more column.
    settings = {"hidden_layer_sizes": (), "scaling": None, "optimizer": "nesterov", "weight_decay": 0.01}
    model = MLPClassifier(**settings, batch_size=500, max_epochs=4000, lr=0.1, random_state=0).fit(Z, y)
    design = np.column_stack([Z, np.ones(len(Z))])
    reference = LogisticRegression(C=1 / (len(Z) * 0.01), fit_intercept=False, tol=1e-10, max_iter=1000).fit(design, y)
    found = np.column_stack([model.coefs_[0].T, model.intercepts_[0]])
    np.testing.assert_allclose(found, reference.coef_, atol=1e-4)


def test_classes_far_from_linear():
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, (600, 2))
    y = np.where(X[:, 0] * X[:, 1] > 0, "same", "other")
    assert LogisticRegression().fit(X, y).score(X, y) < 0.65
    assert MLPClassifier(random_state=0).fit(X[:400], y[:400]).score(X[400:], y[400:]) > 0.95


def test_accuracy_on_real_data_is_that_of_the_field():
    X, y = load_breast_cancer(return_X_y=True)
    assert cross_val_score(MLPClassifier(max_epochs=50, random_state=0), X, y).mean() > 0.965


def test_large_offsets_and_scales_cost_no_accuracy(diabetes):
    X, y = diabetes
    settings = {"hidden_layer_sizes": (16,), "max_epochs": 30, "random_state": 0}
    plain = MLPRegressor(**settings).fit(X, y).predict(X)
    moved = MLPRegressor(**settings).fit(X * 2.0**20 + 2.0**24, y * 2.0**12 + 2.0**40).predict(X * 2.0**20 + 2.0**24)
    np.testing.assert_allclose((moved - 2.0**40) / 2.0**12, plain, rtol=1e-3)


def test_constant_columns_do_no_harm(iris):
    X, y = iris
    constant = np.column_stack([X, np.full(len(X), 7.0)])
    model = small(max_epochs=60).fit(constant, y)
    assert model.score(constant, y) > 0.9
    constant[:, -1] = 1e6  # never seen, and without a scale to judge it by
    assert model.score(constant, y) > 0.9


def test_several_targets(diabetes):
    X, y = diabetes
    Y = np.column_stack([y, -2 * y + 5])
    model = MLPRegressor(hidden_layer_sizes=(16,), max_epochs=100, random_state=0).fit(X, Y)
    predicted = model.predict(X)
    assert predicted.shape == Y.shape
    assert model.n_outputs_ == 2
    assert np.corrcoef(predicted[:, 0], predicted[:, 1])[0, 1] < -0.97
    assert model.score(X, Y) > 0.5


def test_several_labels(iris):
    X, y = iris
    Y = np.column_stack([y == 0, y >= 1, y == 2]).astype(int)
    model = small(max_epochs=200).fit(X, Y)
    np.testing.assert_array_equal(model.classes_, [0, 1, 2])
    assert model.score(X, Y) > 0.9
    np.testing.assert_allclose(model.predict_proba(X), np.exp(model.predict_log_proba(X)))
    np.testing.assert_array_equal(model.predict(X), model.predict_proba(X) > 0.5)
    outputs = model.net_.module_(*model._to_tensors(X)).detach().numpy()
    np.testing.assert_allclose(model.predict_proba(X), expit(outputs), rtol=1e-4, atol=1e-7)
    from scipy.sparse import csr_array

    np.testing.assert_array_equal(small(max_epochs=200).fit(X, csr_array(Y)).predict(X), model.predict(X))


# Categories.


@pytest.fixture(scope="module")
def cities():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "city": pd.Categorical(rng.choice(["Bonn", "Lyon", "Oslo", "Rome"], 400)),
            "size": rng.normal(size=400),
            "rank": pd.Categorical(rng.choice([3, 1, 2], 400), categories=[3, 1, 2], ordered=True),
        }
    )
    y = np.where(frame["city"].isin(["Bonn", "Rome"]) ^ (frame["rank"] == 1), "yes", "no")
    return frame, y


def test_categories_are_embedded(cities):
    frame, y = cities
    model = small(max_epochs=100).fit(frame, y)
    assert model.score(frame, y) > 0.98
    assert [embedding.num_embeddings for embedding in model.net_.module_.embeddings] == [5, 4]
    as_polars = pl.DataFrame(
        {
            "city": pl.Series(frame["city"].astype(str).tolist(), dtype=pl.Categorical),
            "size": frame["size"].to_numpy(),
            "rank": pl.Series(frame["rank"].astype(int).tolist()),
        }
    )
    np.testing.assert_array_equal(model.predict(as_polars), model.predict(frame))


def test_categories_by_name_position_and_mask_agree(cities):
    frame, y = cities
    plain = pd.DataFrame(
        {"city": frame["city"].astype(object), "size": frame["size"], "rank": frame["rank"].astype(int)}
    )
    fits = [
        small(categorical_features=asked).fit(plain, y).predict_proba(plain)
        for asked in (["city", "rank"], [0, 2], [True, False, True])
    ]
    np.testing.assert_array_equal(fits[0], fits[1])
    np.testing.assert_array_equal(fits[0], fits[2])
    rows = plain.to_numpy(dtype=object)
    np.testing.assert_array_equal(small(categorical_features=[0, 2]).fit(rows, y).predict_proba(rows), fits[0])


def test_an_unseen_category_counts_as_none(cities):
    frame, y = cities
    model = small(max_epochs=60).fit(frame, y)
    other = frame.head(3).astype({"city": object})
    other["city"] = ["Kyiv", "Kyiv", "Lima"]
    predicted = model.predict_proba(other)
    assert np.isfinite(predicted).all()
    assert not model.net_.module_.embeddings[0].weight[0].any()


def test_a_missing_category_is_refused(cities):
    frame, y = cities
    holes = frame.copy()
    holes.loc[4, "city"] = None
    with pytest.raises(ValueError, match="row 4 of the categorical column 'city' is missing"):
        small().fit(holes, y)


# Weights and rows.


def test_full_batches_make_weights_and_repetition_the_same_bits(iris):
    X, y = iris[0][::3], iris[1][::3]
    weight = np.random.default_rng(0).integers(0, 4, len(y))
    weighted = small().fit(X, y, sample_weight=weight)
    order = np.random.default_rng(1).permutation(weight.sum())
    repeated = small().fit(X.repeat(weight, axis=0)[order], y.repeat(weight)[order])
    np.testing.assert_array_equal(weighted.predict_proba(X), repeated.predict_proba(X))


def test_class_weight_multiplies_sample_weight(iris):
    X, y = iris
    names = np.array(["a", "b", "c"])[y]
    weight = np.random.default_rng(0).uniform(0.5, 2, len(y))
    one = small(class_weight={"a": 3.0, "c": 0.25}).fit(X, names, sample_weight=weight)
    other = small().fit(X, names, sample_weight=weight * np.array([3.0, 1.0, 0.25])[y])
    np.testing.assert_array_equal(one.predict_proba(X), other.predict_proba(X))
    balanced = small(class_weight="balanced").fit(X[:120], y[:120])
    factors = 120 / (3 * np.bincount(y[:120]))
    other = small().fit(X[:120], y[:120], sample_weight=factors[y[:120]])
    np.testing.assert_allclose(balanced.predict_proba(X), other.predict_proba(X), rtol=1e-5)


def test_rows_of_weight_zero_are_as_if_they_were_not_there(iris):
    X, y = iris
    weight = np.ones(len(y))
    weight[::5] = 0
    polluted = X.copy()
    polluted[::5] = 1e6
    model = small(early_stopping=True).fit(polluted, y, sample_weight=weight)
    clean = small(early_stopping=True).fit(X[weight > 0], y[weight > 0])
    np.testing.assert_array_equal(model.predict_proba(X), clean.predict_proba(X))


# Early stopping.


def test_early_stopping_holds_out_rows_of_the_training_set(iris):
    X, y = iris
    model = MLPClassifier(early_stopping=True, validation_fraction=0.2, patience=3, max_epochs=500, random_state=0)
    model.fit(X, y)
    history = model.history_
    assert 3 < model.n_iter_ == len(history) < 500
    assert history["valid_loss"].argmin() == len(history) - 1 - 3
    assert "valid_loss" not in small().fit(X, y).history_


def test_validation_rows_are_stratified_and_not_trained_on():
    # A class of ten rows out of 110: a tenth of each class is held out, and scales are those of the other rows.
    X = np.arange(110.0)[:, None]
    y = np.repeat([0, 1], [100, 10])
    model = small(early_stopping=True, scaling="standard", max_epochs=1).fit(X, y)
    held_out = model._training_sets(X, y, None, reset=False, may_split=True)[1]
    np.testing.assert_array_equal(np.bincount(held_out[1]), [10, 1])
    rest = np.setdiff1d(X, held_out[0])
    assert model._scaling.center[0] == pytest.approx(rest.mean())
    assert 1 / model._scaling.factor[0] == pytest.approx(rest.std())


def test_auto_early_stopping_begins_at_ten_thousand_rows():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(10_000, 2))
    y = X[:, 0] > 0
    settings = {"hidden_layer_sizes": (2,), "max_epochs": 1, "batch_size": 2000}
    assert "valid_loss" in small(**settings).fit(X, y).history_
    assert "valid_loss" not in small(**settings).fit(X[1:], y[1:]).history_


# Going on.


def test_partial_fit_is_an_epoch(iris):
    X, y = iris
    whole = small(max_epochs=3, batch_size=32).fit(X, y)
    parts = small(batch_size=32)
    for _ in range(3):
        parts.partial_fit(X, y)
    assert parts.n_iter_ == 3
    np.testing.assert_array_equal(parts.predict_proba(X), whole.predict_proba(X))
    again = pickle.loads(pickle.dumps(small(batch_size=32).partial_fit(X, y).partial_fit(X, y))).partial_fit(X, y)
    np.testing.assert_array_equal(again.predict_proba(X), whole.predict_proba(X))


def test_partial_fit_has_no_schedule(iris):
    # Nobody knows how many epochs will come: a schedule of one epoch each would end all of them at a rate of zero.
    X, y = iris
    whole = small(max_epochs=3, batch_size=32, schedule=None).fit(X, y)
    parts = small(batch_size=32, schedule="cosine", warmup_epochs=2)
    for _ in range(3):
        parts.partial_fit(X, y)
    np.testing.assert_array_equal(parts.predict_proba(X), whole.predict_proba(X))


def test_partial_fit_with_classes_that_come_later(iris):
    X, y = iris
    model = small(scaling=None).partial_fit(X[:60], y[:60], classes=[2, 1, 0])
    assert model.predict_proba(X).shape == (150, 3)
    for _ in range(200):
        model.partial_fit(X, y)
    assert model.score(X, y) > 0.9


def test_warm_start_goes_on_from_the_weights(iris):
    X, y = iris
    model = small(warm_start=True, max_epochs=5).fit(X, y)
    first = model.loss_
    model.fit(X, y)
    assert model.n_iter_ == 10
    assert model.loss_ < first
    cold = small(max_epochs=5)
    np.testing.assert_array_equal(cold.fit(X, y).predict_proba(X), cold.fit(X, y).predict_proba(X))


def test_ctrl_c_leaves_a_model_that_predicts(iris):
    class PressCtrlC(Callback):
        def on_batch_begin(self, net, **kwargs):
            if len(net.history) == 8:
                raise KeyboardInterrupt

    X, y = iris
    with pytest.warns(InterruptedFitWarning, match="after 7 of 20 epochs"):
        model = small(callbacks=[PressCtrlC()]).fit(X, y)
    np.testing.assert_array_equal(model.predict_proba(X), small(max_epochs=7).fit(X, y).predict_proba(X))


# The net inside.


def test_the_net_is_skorchs_and_predicts_what_the_estimator_does(iris):
    X, y = iris
    scorer = EpochScoring("accuracy", lower_is_better=False, on_train=True, name="accuracy")
    model = small(callbacks=[("accuracy", scorer)]).fit(X, y)
    assert model.history_["accuracy"].iloc[-1] > 0.8
    assert not hasattr(scorer, "best_score_")  # the one that was handed in stays as it was
    tensors = model._to_tensors(X)
    np.testing.assert_allclose(
        model.net_.predict_proba(tensors[0].numpy()), model.predict_proba(X), rtol=1e-5, atol=1e-7
    )
    assert model.net_ is model.net_


def test_no_pickle_is_hidden_in_the_pickle(iris):
    model = small().fit(*iris)
    names = set()
    for opcode, argument, _ in pickletools.genops(pickle.dumps(model, protocol=2)):
        if opcode.name == "GLOBAL":
            names.add(argument.split()[0].partition(".")[0])
    assert names <= {"skdl", "numpy", "copyreg", "__builtin__", "_codecs"}
    assert not [key for key, value in vars(model).items() if isinstance(value, (bytes, io.IOBase))]
    assert "net" not in pickle.loads(pickle.dumps(model))._device_cache._items


def test_coefficients_are_those_of_the_network(iris):
    X, y = iris
    model = small(scaling=None).fit(X, y)
    hidden = np.maximum(X.astype(np.float32) @ model.coefs_[0] + model.intercepts_[0], 0)
    outputs = hidden @ model.coefs_[1] + model.intercepts_[1]
    np.testing.assert_array_equal(outputs.argmax(axis=1), model.predict(X))
    assert [coef.shape for coef in model.coefs_] == [(4, 16), (16, 3)]


def test_dropout_is_seeded_and_off_when_predicting(iris):
    X, y = iris
    one = small(dropout=0.5).fit(X, y)
    torch.manual_seed(1)
    other = small(dropout=0.5).fit(X, y)
    np.testing.assert_array_equal(one.predict_proba(X), other.predict_proba(X))
    np.testing.assert_array_equal(one.predict_proba(X), one.predict_proba(X))
    assert not np.array_equal(one.predict_proba(X), small().fit(X, y).predict_proba(X))


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adagrad", "adadelta", "rmsprop", "nadam", "radam"])
def test_every_optimizer_learns(iris, optimizer):
    X, y = iris
    lr = {"sgd": 0.5, "momentum": 0.05, "adagrad": 0.05, "adadelta": 1.0, "radam": 0.05}.get(optimizer, 1e-2)
    assert small(optimizer=optimizer, lr=lr, weight_decay=0.0, max_epochs=100).fit(X, y).score(X, y) > 0.94


@pytest.mark.parametrize("activation", ["gelu", "silu", "elu", "leaky_relu", "tanh", "sigmoid", "identity"])
def test_every_activation_learns(iris, activation):
    X, y = iris
    assert small(activation=activation, lr=1e-2, max_epochs=100).fit(X, y).score(X, y) > 0.94


# What they refuse.


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"hidden_layer_sizes": (8, 0)}, r"hidden_layer_sizes of MLPClassifier must be whole numbers of at least 1"),
        ({"hidden_layer_sizes": -3}, r"hidden_layer_sizes .* got -3"),
        ({"lr": 0}, r"lr of MLPClassifier must be a number in \(0, inf\); got 0"),
        ({"optimizer": "lion"}, r"optimizer of MLPClassifier must be one of 'sgd', .* got 'lion'"),
        ({"activation": "swish"}, r"activation .* got 'swish'"),
        ({"batch_size": 0}, r"batch_size .* an int in \[1, inf\); got 0"),
        ({"max_epochs": 2.5}, r"max_epochs .* an int"),
        ({"dropout": 1.0}, r"dropout .* \[0, 1\); got 1.0"),
        ({"scaling": "minmax"}, r"scaling .* None or one of 'robust', 'standard'; got 'minmax'"),
        ({"early_stopping": "yes"}, r"early_stopping .* got 'yes'"),
        ({"class_weight": "even"}, r"class_weight .* got 'even'"),
        ({"class_weight": {9: 1.0}}, r"class_weight names the classes \[9\], which y does not hold"),
        (
            {"callbacks": ["early"]},
            r"callbacks of MLPClassifier must be a list of skorch callbacks, .* it holds 'early'",
        ),
        ({"device": "gpu"}, r"device='gpu' is not a device; use 'auto', 'cpu', 'cuda'"),
        ({"early_stopping": True, "validation_fraction": 0.001}, r"validation_fraction=0.001 of 150 samples leaves no"),
        ({"categorical_features": ["colour"]}, r"categorical_features names 'colour', which is no column"),
    ],
)
def test_bad_parameters(iris, changes, message):
    with pytest.raises(ValueError, match=message):
        small(**changes).fit(*iris)


def test_bad_targets(iris):
    X, y = iris
    with pytest.raises(ValueError, match=r"needs samples of at least 2 classes .* only one class: .*'a'"):
        small().fit(X, np.full(len(y), "a"))
    with pytest.raises(ValueError, match=r"y has 2 columns of several classes each.*MultiOutputClassifier"):
        small().fit(X, np.column_stack([y, y]))
    with pytest.raises(ValueError, match="class_weight has no meaning for a multi-label y"):
        small(class_weight="balanced").fit(X, np.column_stack([y == 0, y == 1]).astype(int))
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        small().fit(X, y[:-1])
    with pytest.raises(ValueError, match="weights are zero, sample_weight times class_weight"):
        small(class_weight={0: 0.0, 1: 0.0, 2: 0.0}).fit(X, y)


def test_bad_continuations(iris):
    X, y = iris
    model = small().partial_fit(X, y)
    with pytest.raises(ValueError, match=r"y\[3\] is 7, which is none of the classes \[0, 1, 2\]"):
        model.partial_fit(X[:4], [0, 1, 2, 7])
    with pytest.raises(ValueError, match=r"classes is \[0, 1\], but training began with \[0, 1, 2\]"):
        model.partial_fit(X, y, classes=[0, 1])
    with pytest.raises(ValueError, match="training began with one column of classes"):
        model.partial_fit(X, np.column_stack([y == 0, y == 1]).astype(int))
    with pytest.raises(ValueError, match="y has 2 columns, but training began with 1"):
        MLPRegressor(max_epochs=1).partial_fit(X, y).partial_fit(X, np.column_stack([y, y]))


def test_divergence_leaves_no_model(iris):
    X, y = iris
    model = small(optimizer="sgd", lr=1e30, weight_decay=0.0)
    with pytest.raises(DivergenceError, match=r"loss became .* with a learning rate of 1e\+30"):
        model.fit(X, y)
    with pytest.raises(NotFittedError):
        model.predict(X)
    for name in ("net_", "history_"):
        assert not hasattr(model, name)


def test_in_a_pipeline_the_search_reaches_every_parameter(iris):
    X, y = iris
    pipeline = make_pipeline(StandardScaler(), small())
    pipeline.set_params(mlpclassifier__lr=1e-2, mlpclassifier__hidden_layer_sizes=(4, 4)).fit(X, y)
    assert pipeline[-1].coefs_[1].shape == (4, 4)
