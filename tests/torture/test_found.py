"""What hostile input has found, one test for each defect."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted

from skdl.cluster import KMeans
from skdl.ensemble import VotingRegressor
from skdl.exceptions import DivergenceError
from skdl.linear_model import LinearRegression, LogisticRegression, Ridge
from skdl.metric_learning import ITML, LPP, MMC, NPE
from skdl.naive_bayes import GaussianNB, MultinomialNB
from skdl.neighbors import KernelRegressor, KNeighborsClassifier
from skdl.neural import MLPClassifier, MLPRegressor, TCNRegressor
from skdl.tree import DecisionTreeClassifier
from skdl.utils import encode_classes
from tests.common.tools import _samples

X, LABELS, TARGET = _samples(60, False)
NET = {"max_epochs": 1, "random_state": 0}


@pytest.mark.parametrize(
    "model",
    [
        *(DecisionTreeClassifier(), MLPClassifier(**NET), LogisticRegression(), ITML(max_iter=5), KMeans(2)),
        *(GaussianNB(), KNeighborsClassifier()),
    ],
)
def test_a_fit_that_fails_leaves_the_model_of_the_earlier_one(model):
    # A tree would walk rows of two columns by the splits of four.
    model.fit(X, LABELS)
    ask = model.transform if isinstance(model, ITML) else model.predict
    before = ask(X)
    bad = {"sample_weight": np.ones(3)} if isinstance(model, KMeans) else {"y": LABELS[:-1]}
    with pytest.raises(ValueError, match=r"sample_weight|inconsistent"):
        model.fit(X[:, :2], **bad)
    np.testing.assert_array_equal(ask(X), before)
    with pytest.raises(ValueError, match="X has 2 features"):
        ask(X[:, :2])
    fresh = clone(model)
    with pytest.raises(ValueError, match=r"sample_weight|inconsistent"):
        fresh.fit(X[:, :2], **bad)
    with pytest.raises(NotFittedError):
        check_is_fitted(fresh)


def test_a_training_that_diverges_leaves_the_network_as_it_was():
    model = MLPClassifier(**NET, warm_start=True, optimizer="sgd").fit(X, LABELS)
    before = model.predict_proba(X)
    with pytest.raises(DivergenceError):
        model.set_params(lr=1e30, max_epochs=5).fit(X, LABELS)
    np.testing.assert_array_equal(model.predict_proba(X), before)
    assert model.n_iter_ == 1
    model.set_params(lr=1e-3).fit(X, LABELS)
    assert model.n_iter_ == 6


def test_a_step_that_fails_leaves_the_model_as_it_was():
    model = MultinomialNB().partial_fit(X, LABELS, classes=[0, 1, 2])
    before = model.predict_proba(X)
    with pytest.raises(ValueError, match="do not exist in the initial classes"):
        model.partial_fit(X, LABELS + 1)
    np.testing.assert_array_equal(model.predict_proba(X), before)
    fresh = LogisticRegression()
    with pytest.raises(ValueError):  # noqa: PT011  any message serves
        fresh.partial_fit(X, LABELS[:-1], classes=[0, 1, 2])
    with pytest.raises(NotFittedError):
        fresh.predict(X)


@pytest.mark.parametrize(("rows", "message"), [([], r"Found array with 0 sample\(s\)"), ({"a": [1.0]}, "is a dict")])
def test_tables_that_are_none(rows, message):
    with pytest.raises(ValueError, match=message):
        DecisionTreeClassifier().fit(rows, [0])


@pytest.mark.parametrize("model", [GaussianNB(), KNeighborsClassifier(), MLPClassifier(**NET)])
@pytest.mark.parametrize(
    "labels",
    [
        pd.Series(["yes", "no", None, "no"] * 15),
        pd.Series(["yes", "no", None, "no"] * 15, dtype="category"),
        np.array(["yes", "no", np.nan, "no"] * 15, dtype=object),
        pd.Series([True, False, None, False] * 15, dtype="boolean"),
    ],
    ids=["strings", "categories", "objects", "bools"],
)
def test_labels_that_are_missing(model, labels):
    with pytest.raises(ValueError, match=r"contains NaN.*\n.*at y\[2\]: drop or fill the rows"):
        model.fit(X, labels)


def test_a_date_that_is_missing_is_no_label():
    days = pd.Series(["2020-01-01", "2020-01-02", None] * 20).astype("datetime64[s]")
    with pytest.raises(ValueError, match="y has no date at row 2"):
        encode_classes(days, owner="Someone")


@pytest.mark.parametrize("model", [GaussianNB(), MLPClassifier(**NET)])
@pytest.mark.parametrize("value", [pd.Timestamp("2020-01-01"), pd.Timestamp("2020", tz="UTC"), pd.Timedelta("1D")])
def test_dates_among_numbers(model, value):
    frame = pd.DataFrame(X, columns=list("abcd")).assign(when=value)
    with pytest.raises(TypeError, match=r"stands in row 0, column 'when' .* make a number of it"):
        model.fit(frame, LABELS)


def test_a_gap_in_a_table_names_the_parameter_that_takes_it():
    gap = X.copy()
    gap[5, 1] = np.nan
    with pytest.raises(ValueError, match=r"row 5, column 1 .* set missing_values='indicator', or drop the row"):
        MLPClassifier(**NET).fit(gap, LABELS)
    with pytest.raises(ValueError, match=r"row 5, column 1 .* before this estimator\) or drop the row"):
        GaussianNB().fit(gap, LABELS)


def test_no_label_at_all():
    with pytest.raises(ValueError, match="y is empty"):
        encode_classes(np.array([]), owner="Someone")


@pytest.mark.parametrize("rows", [3.0, None])
def test_samples_of_an_ensemble_that_are_none(rows):
    with pytest.raises(ValueError, match="must be an array of samples"):
        VotingRegressor([("a", Ridge()), ("b", LinearRegression())]).fit(rows, TARGET)


def test_least_squares_that_overflow():
    message = "LinearRegression cannot be fitted: squares of the values of X"
    with pytest.raises(ValueError, match=message), np.errstate(all="ignore"):
        LinearRegression(fit_intercept=False).fit(np.full((1, 4), 1e308), [1.0])


def test_products_that_overflow():
    learner = MMC(max_iter=2).fit(X, LABELS)
    learner.components_ = learner.components_ * 1e300
    with pytest.raises(ValueError, match="MMC cannot transform row 0 of X: its products overflow"):
        learner.transform(X * 1e10)


@pytest.mark.parametrize("learner", [NPE(), LPP()])
def test_neighbours_at_tiny_distances(learner):
    tiny = np.round(X[:12]) * 1e-300
    assert np.isfinite(learner.fit(tiny).transform(tiny)).all()


def test_sums_that_overflow():
    with pytest.raises(ValueError, match="The sums that MultinomialNB learns from overflow"):
        MultinomialNB().fit(np.full((60, 2), 1e307), LABELS)


@pytest.mark.parametrize("learner", [KMeans(3), KernelRegressor()])
def test_weights_that_overflow(learner):
    with pytest.raises(ValueError, match="Divide all weights by a constant"):
        learner.fit(X * 1e30, LABELS, sample_weight=np.full(60, 1e299))


@pytest.mark.parametrize("method", ["predict", "transform"])
def test_networks_that_overflow(method):
    model = TCNRegressor(channels=4, **NET).fit(X, TARGET)
    far = X.copy()
    far[7] = 1e300
    with pytest.raises(ValueError, match="TCNRegressor gives no number for row 7 of X"), np.errstate(all="ignore"):
        getattr(model, method)(far)


@pytest.mark.parametrize("scale", [1e-290, 1e290])
def test_networks_learn_targets_whose_squares_overflow_or_vanish(scale):
    y = X[:, 0] + X[:, 1]
    net = MLPRegressor((8,), max_epochs=5, random_state=0)
    plain = net.fit(X, y).predict(X)
    np.testing.assert_allclose(net.fit(X, y * scale).predict(X) / scale, plain, rtol=1e-4, atol=1e-5)
