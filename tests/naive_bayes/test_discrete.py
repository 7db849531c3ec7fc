"""The models of counts and categories beside scikit-learn's, sparse and dense, in pieces and merged."""

import numpy as np
import pytest
import scipy.sparse as sp
import sklearn.naive_bayes as reference
from numpy.testing import assert_allclose, assert_array_equal

import skdl.kernels.counts
import skdl.naive_bayes as ours

COUNT_MODELS = ["BernoulliNB", "ComplementNB", "MultinomialNB"]
MODELS = [*COUNT_MODELS, "CategoricalNB"]
OPTIONS = [
    {},
    {"alpha": 0.1},
    {"alpha": 10, "fit_prior": False},
    {"class_prior": [0.2, 0.5, 0.3]},
]


def _counts(n=300, d=12, n_classes=3, seed=0):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, n_classes, n)
    rates = rng.gamma(1.0, size=(n_classes, d))
    return rng.poisson(rates[y]).astype(float), y


def _assert_same_model(model, other, rtol=1e-10):
    assert_array_equal(model.classes_, other.classes_)
    for name in ("class_count_", "class_log_prior_", "feature_count_", "feature_all_"):
        if hasattr(other, name):
            assert_allclose(getattr(model, name), getattr(other, name), rtol=rtol, atol=1e-12, err_msg=name)
    for name in ("feature_log_prob_", "category_count_"):
        if hasattr(other, name):
            for mine, theirs in zip(getattr(model, name), getattr(other, name), strict=True):
                assert_allclose(mine, theirs, rtol=rtol, atol=1e-12, err_msg=name)


def _assert_same_predictions(model, other, X, rtol=1e-9):
    assert_allclose(model.predict_joint_log_proba(X), other.predict_joint_log_proba(X), rtol=rtol, atol=1e-9)
    assert_allclose(model.predict_log_proba(X), other.predict_log_proba(X), rtol=rtol, atol=1e-9)
    assert_allclose(model.predict_proba(X), other.predict_proba(X), rtol=1e-8, atol=1e-12)
    assert_array_equal(model.predict(X), other.predict(X))


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.filterwarnings("ignore:alpha too small")
def test_the_model_is_scikit_learns(name, options, weighted):
    X, y = _counts()
    weight = np.random.default_rng(1).random(len(y)) if weighted else None
    model = getattr(ours, name)(**options).fit(X, y, weight)
    other = getattr(reference, name)(**options).fit(X, y, weight)
    _assert_same_model(model, other)
    _assert_same_predictions(model, other, X)


@pytest.mark.parametrize("name", ["ComplementNB", "MultinomialNB"])
def test_an_alpha_for_each_column(name):
    X, y = _counts()
    alpha = np.linspace(0.1, 2, X.shape[1])
    model = getattr(ours, name)(alpha=alpha).fit(X, y)
    other = getattr(reference, name)(alpha=alpha).fit(X, y)
    _assert_same_model(model, other)
    _assert_same_predictions(model, other, X)


def test_bernoulli_with_an_alpha_for_each_column_has_the_smoothed_frequencies():
    # scikit-learn takes no array here, and loses digits of one minus a probability near one.
    X, y = _counts()
    alpha = np.geomspace(1e-10, 1, X.shape[1])
    model = ours.BernoulliNB(alpha=alpha).fit(X, y)
    expected = np.empty((len(X), 3))
    for c in range(3):
        present = ((X[y == c] > 0).sum(axis=0) + alpha) / ((y == c).sum() + 2 * alpha)
        absent = ((X[y == c] == 0).sum(axis=0) + alpha) / ((y == c).sum() + 2 * alpha)
        expected[:, c] = np.log(np.mean(y == c)) + np.log(np.where(X > 0, present, absent)).sum(axis=1)
    assert_allclose(model.predict_joint_log_proba(X), expected, rtol=1e-12)


def test_the_options_of_single_models():
    X, y = _counts()
    for make in (
        lambda room: room.ComplementNB(norm=True),
        lambda room: room.BernoulliNB(binarize=2.0),
        lambda room: room.CategoricalNB(min_categories=30),
        lambda room: room.CategoricalNB(min_categories=np.arange(20, 32)),
    ):
        model, other = make(ours).fit(X, y), make(reference).fit(X, y)
        _assert_same_model(model, other)
        _assert_same_predictions(model, other, X)
    zeros_and_ones = (X > 1).astype(float)
    model = ours.BernoulliNB(binarize=None).fit(zeros_and_ones, y)
    _assert_same_predictions(model, reference.BernoulliNB(binarize=None).fit(zeros_and_ones, y), zeros_and_ones)


@pytest.mark.parametrize("name", COUNT_MODELS)
@pytest.mark.parametrize("container", [sp.csr_array, sp.csc_array, sp.coo_array, sp.csr_matrix])
@pytest.mark.parametrize("compiled_from", [0, 10**9], ids=["loops", "products"])
def test_sparse_rows_give_what_dense_rows_give(name, container, compiled_from, monkeypatch):
    monkeypatch.setattr(skdl.kernels.counts, "_COMPILED_VALUES", compiled_from)
    X, y = _counts()
    weight = np.random.default_rng(1).random(len(y))
    dense = getattr(ours, name)().fit(X, y, weight)
    sparse = getattr(ours, name)().fit(container(X), y, weight)
    _assert_same_model(sparse, dense, rtol=1e-12)
    _assert_same_predictions(sparse, dense, X, rtol=1e-12)
    assert_allclose(sparse.predict_proba(container(X)), dense.predict_proba(X), rtol=1e-10)


@pytest.mark.parametrize("name", MODELS)
def test_pieces_and_merged_models_are_one_fit(name):
    X, y = _counts()
    whole = getattr(ours, name)().fit(X, y)
    pieces = getattr(ours, name)()
    for rows in np.array_split(np.arange(len(y)), 9):
        pieces.partial_fit(X[rows], y[rows], classes=[0, 1, 2])
    first, second = y < 2, y > 0
    merged = getattr(ours, name)().fit(X[first], y[first]).merge(getattr(ours, name)().fit(X[second], y[second]))
    both = np.r_[np.flatnonzero(first), np.flatnonzero(second)]
    # Whole counts add up exactly, in any order.
    _assert_same_model(pieces, whole, rtol=0)
    _assert_same_model(merged, getattr(ours, name)().fit(X[both], y[both]), rtol=0)
    _assert_same_predictions(pieces, whole, X)


@pytest.mark.parametrize("name", MODELS)
def test_a_class_that_the_weights_leave_out_is_never_predicted(name):
    X, y = _counts()
    model = getattr(ours, name)().fit(X, y, sample_weight=(y != 1).astype(float))
    assert_array_equal(model.predict_proba(X)[:, 1], 0)


@pytest.mark.parametrize("name", ["MultinomialNB", "BernoulliNB"])
def test_without_smoothing_what_never_happened_rules_a_class_out(name):
    X = np.array([[1.0, 0.0, 1.0], [1.0, 0.0, 2.0], [0.0, 1.0, 1.0], [0.0, 2.0, 1.0]])
    model = getattr(ours, name)(alpha=0.0).fit(X, [0, 0, 1, 1])
    assert_array_equal(model.predict_proba(X), [[1, 0], [1, 0], [0, 1], [0, 1]])
    assert np.isfinite(model.predict_log_proba(X).max(axis=1)).all()


def test_categorical_without_smoothing():
    model = ours.CategoricalNB(alpha=0.0).fit([[0, 1], [0, 0], [1, 1], [1, 0]], [0, 0, 1, 1])
    assert_array_equal(model.predict_proba([[0, 1], [1, 0]]), [[1, 0], [0, 1]])


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("name", ["MultinomialNB", "BernoulliNB", "ComplementNB", "CategoricalNB"])
def test_without_smoothing_what_every_class_rules_out_is_of_each_as_probably(name, sparse):
    X = np.array([[1, 0, 1], [1, 0, 2], [0, 1, 1], [0, 2, 1]])
    model = getattr(ours, name)(alpha=0.0).fit(X, [0, 0, 1, 1])
    both = np.array([[1, 1, 1]])
    asked = sp.csr_array(both) if sparse and name != "CategoricalNB" else both
    assert_array_equal(model.predict_proba(asked), [[0.5, 0.5]])
    assert_array_equal(model.predict_log_proba(asked), np.log([[0.5, 0.5]]))


@pytest.mark.parametrize("norm", [False, True])
def test_a_complement_without_smoothing(norm):
    X = np.array([[1, 0, 1], [1, 0, 2], [0, 1, 1], [0, 2, 1]])
    model = ours.ComplementNB(alpha=0.0, norm=norm).fit(X, [0, 0, 1, 1])
    near = ours.ComplementNB(alpha=1e-300, norm=norm).fit(X, [0, 0, 1, 1])
    # Only the first class has the first feature, only the second has the second: the weights grow without bound.
    rows = np.array([[9, 0, 1], [0, 9, 1]])
    assert_array_equal(model.predict(rows), near.predict(rows))
    assert np.isfinite(model.predict_proba(rows)).all()
    if norm:
        assert_allclose(model.feature_log_prob_, [[1, 0, 0], [0, 1, 0]], atol=0)
        assert_allclose(near.feature_log_prob_, model.feature_log_prob_, atol=2e-3)
    else:
        assert_array_equal(model.predict_proba(rows), [[1, 0], [0, 1]])


def test_a_category_that_fit_did_not_see_is_left_out():
    X, y = _counts(d=2)
    model = ours.CategoricalNB().fit(X, y)
    one = ours.CategoricalNB().fit(X[:, :1], y)
    strange = np.column_stack([X[:, 0], np.full(len(X), 99)])
    assert_allclose(model.predict_proba(strange), one.predict_proba(X[:, :1]), rtol=1e-12)


X, Y = _counts(n=30)


def _with(value):
    spoilt = X.copy()
    spoilt[4, 2] = value
    return spoilt


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize(
    ("X", "y", "message"),
    [
        (_with(np.nan), Y, r"(?s)contains NaN.*row 4, column 2.*SimpleImputer"),
        (_with(np.inf), Y, r"(?s)contains infinity.*row 4, column 2"),
        (X[:0], Y[:0], r"Found array with 0 sample\(s\).*minimum of 1 is required"),
        (X, np.zeros(30), r"needs samples of at least 2 classes.*only one class.*Add rows of another class"),
        (X[:1], Y[:1], r"only one class"),
        (X, Y[:-1], r"(?s)inconsistent numbers of samples: \[30, 29\].*one row for each sample"),
        (
            np.where(np.equal(X, X.max()), "red", X.astype(object)),
            Y,
            r"(?s)could not convert string to float.*OneHotEncoder",
        ),
    ],
    ids=["nan", "inf", "empty", "one-class", "one-row", "lengths", "object"],
)
def test_what_fit_says_of_bad_data(name, X, y, message):
    with pytest.raises(ValueError, match=message):
        getattr(ours, name)().fit(X, y)


@pytest.mark.parametrize("name", ["MultinomialNB", "ComplementNB", "CategoricalNB"])
def test_negative_values_are_refused_with_their_place(name):
    message = rf"Negative values in data passed to {name} \(input X\).*row 4, column 2 \(-3(\.0)?\)"
    with pytest.raises(ValueError, match=message):
        getattr(ours, name)().fit(_with(-3), Y)
    with pytest.raises(ValueError, match=message):
        getattr(ours, name)().fit(X, Y).predict(_with(-3))
    if name != "CategoricalNB":
        with pytest.raises(ValueError, match=message):
            getattr(ours, name)().fit(sp.csr_array(_with(-3)), Y)


def test_categorical_refuses_sparse_rows():
    with pytest.raises(TypeError, match=r"(?s)Sparse data was passed.*toarray"):
        ours.CategoricalNB().fit(sp.csr_array(X), Y)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ours.MultinomialNB(alpha=-1), r"alpha of MultinomialNB must be a number in \[0, inf\).*got -1"),
        (lambda: ours.MultinomialNB(alpha=[1.0, 2.0]), r"alpha is an array.*`n_features` numbers.*\(2,\) for 12"),
        (
            lambda: ours.BernoulliNB(alpha=[-1.0] * 12),
            r"All values in alpha must be non-negative, got -1\.0 for column 0",
        ),
        (lambda: ours.BernoulliNB(binarize=-1.0), r"binarize of BernoulliNB must be None or a number in \[0, inf\)"),
        (
            lambda: ours.BernoulliNB(class_prior=[0.5, 0.5]),
            r"Number of priors must match number of classes.*\(2,\) for 3",
        ),
        (lambda: ours.BernoulliNB(class_prior=[-0.5, 1, 0.5]), r"class_prior of BernoulliNB must be non-negative"),
        (lambda: ours.CategoricalNB(min_categories=0), r"min_categories of CategoricalNB must be .*got 0"),
        (lambda: ours.CategoricalNB(min_categories=[2, 3]), r"'min_categories' should have shape \(12,\)"),
        (lambda: ours.CategoricalNB(min_categories=[2.5] * 12), r"'min_categories' should have integral type"),
        (lambda: ours.ComplementNB(norm="yes"), r"norm of ComplementNB must be an instance of bool; got 'yes'"),
        (lambda: ours.MultinomialNB(device="cuda:99"), r"device='cuda:99' was asked for, but torch .* CUDA devices"),
    ],
)
def test_what_fit_says_of_bad_parameters(make, message):
    with pytest.raises(ValueError, match=message):
        make().fit(X, Y)


def test_a_tiny_alpha_is_raised_with_a_warning_unless_it_is_forced():
    with pytest.warns(UserWarning, match="alpha too small will result in numeric errors, setting alpha = 1.0e-10"):
        model = ours.MultinomialNB(alpha=0, force_alpha=False).fit(X, Y)
    assert np.isfinite(model.feature_log_prob_).all()


@pytest.mark.gpu
@pytest.mark.parametrize("name", COUNT_MODELS)
def test_cuda_agrees_with_the_cpu(name):
    here, there = (getattr(ours, name)(device=device).fit(X, Y) for device in ("cpu", "cuda"))
    _assert_same_model(there, here)
    _assert_same_predictions(there, here, X)


@pytest.mark.parametrize("name", ["MultinomialNB", "ComplementNB", "BernoulliNB"])
@pytest.mark.parametrize(
    ("value", "message"),
    [(np.nan, "NaN.*row 41999, column 7"), (np.inf, "infinity.*row 41999, column 7"), (-1.0, "-1.0")],
)
def test_what_large_sparse_data_must_not_hold_is_found(name, value, message):
    # So many values are looked at by what comes of them.
    rng = np.random.default_rng(0)
    X = sp.csr_array(rng.integers(1, 5, size=(42_000, 25)).astype(np.float64))
    y = np.arange(42_000) % 3
    assert X.nnz > 1_000_000
    model = getattr(ours, name)().fit(X, y)
    bad = X.copy()
    bad[41_999, 7] = value
    if name == "BernoulliNB" and value == -1.0:  # which only asks whether numbers are larger than another
        assert_array_equal(model.predict(bad)[:-1], model.predict(X)[:-1])
        return
    for method in (model.predict, model.predict_proba, lambda X: getattr(ours, name)().fit(X, y)):
        with pytest.raises(ValueError, match=f"(?s){message}"):
            method(bad)
    assert_array_equal(model.predict(X), getattr(ours, name)().fit(X.toarray(), y).predict(X.toarray()))
