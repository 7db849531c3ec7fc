"""GaussianNB beside scikit-learn's, in pieces, merged, and on data that lose digits."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import sklearn.naive_bayes as reference
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine

from skdl.base import fit_family
from skdl.kernels import gaussian, moments
from skdl.naive_bayes import GaussianNB

LOADERS = [load_breast_cancer, load_digits, load_iris, load_wine]


def _overlapping(n=600, d=5, n_classes=3, seed=0):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, n_classes, n)
    return rng.normal(size=(n, d)) * (1 + y[:, None]) + y[:, None], y


def _assert_same_model(model, other, rtol=1e-10):
    assert_array_equal(model.classes_, other.classes_)
    for name in ("theta_", "var_", "class_count_", "class_prior_", "epsilon_"):
        assert_allclose(getattr(model, name), getattr(other, name), rtol=rtol, atol=1e-12, err_msg=name)


@pytest.mark.parametrize("load", LOADERS)
@pytest.mark.parametrize("options", [{}, {"var_smoothing": 1e-3}, {"var_smoothing": 0.1}])
def test_the_model_and_its_probabilities_are_scikit_learns(load, options):
    X, y = load(return_X_y=True)
    ours, theirs = GaussianNB(**options).fit(X, y), reference.GaussianNB(**options).fit(X, y)
    _assert_same_model(ours, theirs)
    assert_array_equal(ours.predict(X), theirs.predict(X))
    assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), rtol=1e-7, atol=1e-12)
    assert_allclose(ours.predict_log_proba(X), theirs.predict_log_proba(X), rtol=1e-9, atol=1e-9)
    assert_allclose(ours.predict_joint_log_proba(X), theirs.predict_joint_log_proba(X), rtol=1e-9)


def test_priors_are_scikit_learns():
    X, y = _overlapping()
    priors = [0.2, 0.7, 0.1]
    ours, theirs = GaussianNB(priors=priors).fit(X, y), reference.GaussianNB(priors=priors).fit(X, y)
    assert_array_equal(ours.class_prior_, priors)
    assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), rtol=1e-9)


def test_weights_are_scikit_learns_but_for_the_smoothing():
    X, y = _overlapping()
    weight = np.random.default_rng(1).random(len(y))
    ours = GaussianNB(var_smoothing=0).fit(X, y, sample_weight=weight)
    theirs = reference.GaussianNB(var_smoothing=0).fit(X, y, sample_weight=weight)
    _assert_same_model(ours, theirs)


def test_the_smoothing_is_a_part_of_the_largest_weighted_variance():
    X, y = _overlapping()
    weight = np.random.default_rng(1).random(len(y))
    mean = np.average(X, axis=0, weights=weight)
    largest = np.average((X - mean) ** 2, axis=0, weights=weight).max()
    assert_allclose(GaussianNB(var_smoothing=0.5).fit(X, y, weight).epsilon_, 0.5 * largest, rtol=1e-12)


@pytest.mark.parametrize("offset", [0.0, 1e4, -1e8])
def test_an_offset_loses_no_digits(offset):
    X, y = _overlapping(n=4000)
    X = np.round(X * 2**20) / 2**20  # an offset of 1e8 leaves these numbers as they are
    here, there = GaussianNB().fit(X, y), GaussianNB().fit(X + offset, y)
    assert_allclose(there.var_, here.var_, rtol=1e-12)
    # The mean itself is rounded to the digits that a float64 has at the offset.
    assert_allclose(there.theta_ - offset, here.theta_, rtol=1e-12, atol=np.spacing(abs(offset)))
    assert_allclose(there.predict_proba(X + offset), here.predict_proba(X), rtol=1e-6, atol=1e-7)
    assert_array_equal(there.predict(X + offset), here.predict(X))


def test_float32_at_an_offset_has_the_moments_of_its_numbers():
    X, y = _overlapping(n=4000)
    X = (X + 1e4).astype(np.float32)
    model = GaussianNB(var_smoothing=0).fit(X, y)
    for c in range(3):
        exact = X[y == c].astype(np.float64)
        assert_allclose(model.theta_[c], exact.mean(axis=0), rtol=1e-14)
        assert_allclose(model.var_[c], exact.var(axis=0), rtol=1e-10)
    assert model.predict_proba(X).dtype == np.float32


@pytest.mark.parametrize("scale", [1e-300, 1e-200, 1e-100, 1e100, 1e200, 1e300])
def test_scales_that_float64_cannot_square(scale):
    X, y = _overlapping()
    expected = GaussianNB().fit(X, y)
    model = GaussianNB().fit(X * scale, y)
    assert_allclose(model.theta_, expected.theta_ * scale, rtol=1e-12)
    assert_allclose(model.predict_proba(X * scale), expected.predict_proba(X), rtol=1e-9, atol=1e-12)


def test_a_trend_whose_first_row_is_far_from_the_mean():
    rng = np.random.default_rng(0)
    X = np.vstack([[[1e9, -1e9]], rng.normal(size=(5000, 2))])
    weight = np.r_[1e-9, np.ones(5000)]
    y = np.r_[0, rng.integers(0, 2, 5000)]
    model = GaussianNB(var_smoothing=0).fit(X, y, sample_weight=weight)
    mine = y == 0
    mean = np.average(X[mine], axis=0, weights=weight[mine])
    assert_allclose(model.var_[0], np.average((X[mine] - mean) ** 2, axis=0, weights=weight[mine]), rtol=1e-9)


def test_classes_far_apart_keep_the_likelihood_of_the_near_one():
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1], 500)
    X = rng.normal(size=(1000, 3)) + 1e8 * y[:, None]
    model = GaussianNB(var_smoothing=0).fit(X, y)
    for c in (0, 1):
        deviation = X[y == c] - model.theta_[c]
        exact = np.log(0.5) - 0.5 * (np.log(2 * np.pi * model.var_[c]) + deviation**2 / model.var_[c]).sum(axis=1)
        assert_allclose(model.predict_joint_log_proba(X[y == c])[:, c], exact, atol=1e-6)


def test_constant_columns():
    X, y = _overlapping()
    X = np.column_stack([X, np.full(len(X), 1e8), np.full(len(X), 0.1)])
    ours, theirs = GaussianNB().fit(X, y), reference.GaussianNB().fit(X, y)
    assert_allclose(ours.var_, theirs.var_, rtol=1e-9)
    assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), rtol=1e-6, atol=1e-9)


def test_nothing_but_constants_leaves_the_prior():
    model = GaussianNB().fit(np.full((5, 2), 3.0), [0, 1, 1, 1, 1])
    assert_allclose(model.predict_proba([[3.0, 3.0]]), [[0.2, 0.8]], rtol=1e-12)


def test_a_class_that_the_weights_leave_out_is_never_predicted():
    X, y = _overlapping()
    model = GaussianNB().fit(X, y, sample_weight=(y != 1).astype(float))
    assert_array_equal(model.class_count_[1], 0)
    assert_array_equal(model.predict_proba(X)[:, 1], 0)
    without = GaussianNB().fit(X[y != 1], y[y != 1])
    assert_array_equal(model.predict(X), without.predict(X))


@pytest.mark.parametrize("n_pieces", [2, 7, 100])
def test_pieces_give_the_model_of_one_fit(n_pieces):
    X, y = _overlapping()
    weight = np.random.default_rng(1).random(len(y))
    whole = GaussianNB(var_smoothing=1e-3).fit(X, y, weight)
    model = GaussianNB(var_smoothing=1e-3)
    for piece in np.array_split(np.arange(len(y)), n_pieces):
        model.partial_fit(X[piece], y[piece], classes=[0, 1, 2], sample_weight=weight[piece])
    _assert_same_model(model, whole)


def test_merged_models_are_the_model_of_all_the_samples():
    X, y = _overlapping()
    first, second = y < 2, y > 0
    merged = GaussianNB().fit(X[first], y[first]).merge(GaussianNB().fit(X[second], y[second]))
    both = np.r_[np.flatnonzero(first), np.flatnonzero(second)]
    _assert_same_model(merged, GaussianNB().fit(X[both], y[both]))
    assert_allclose(merged.predict_proba(X), GaussianNB().fit(X[both], y[both]).predict_proba(X), rtol=1e-9)


def test_merging_across_scales():
    X, y = _overlapping()
    merged = GaussianNB().fit(X[:300] * 1e-170, y[:300]).merge(GaussianNB().fit(X[300:] * 1e170, y[300:]))
    _assert_same_model(merged, GaussianNB().fit(np.vstack([X[:300] * 1e-170, X[300:] * 1e170]), y))


def test_merging_leaves_the_other_model_alone():
    X, y = _overlapping()
    other = GaussianNB().fit(X[:300], y[:300])
    before = other.predict_proba(X)
    GaussianNB().fit(X[300:], y[300:]).merge(other)
    assert_array_equal(other.predict_proba(X), before)


def test_merging_refuses_what_does_not_fit():
    X, y = _overlapping()
    model = GaussianNB().fit(X, y)
    with pytest.raises(ValueError, match=r"same columns: this one has 5, the other 4\. Fit both on the same columns"):
        model.merge(GaussianNB().fit(X[:, :4], y))
    with pytest.raises(ValueError, match="Only another GaussianNB can be merged, got GaussianNB"):
        model.merge(reference.GaussianNB().fit(X, y))


X, Y = _overlapping(n=30)


def _with(value, row=4, column=2):
    spoilt = X.copy()
    spoilt[row, column] = value
    return spoilt


@pytest.mark.parametrize(
    ("X", "y", "message"),
    [
        (_with(np.nan), Y, r"(?s)contains NaN.*row 4, column 2.*SimpleImputer"),
        (_with(np.inf), Y, r"(?s)contains infinity.*row 4, column 2"),
        (X[:0], Y[:0], r"Found array with 0 sample\(s\).*minimum of 1 is required"),
        (X, np.zeros(30), r"GaussianNB needs samples of at least 2 classes.*only one class.*Add rows of another class"),
        (X[:1], Y[:1], r"only one class"),
        (X, Y[:-1], r"(?s)inconsistent numbers of samples: \[30, 29\].*one row for each sample"),
        (pd.DataFrame(X).astype({1: object}).replace({1: {X[3, 1]: "red"}}), Y, r"(?s)row 3, column 1.*OneHotEncoder"),
        (sp.csr_array(X), Y, r"(?s)Sparse data was passed.*toarray"),
        (X, np.where(Y == 1, np.nan, Y), r"(?s)y contains NaN"),
        (X, Y + 0.5, r"Unknown label type: continuous"),
    ],
    ids=["nan", "inf", "empty", "one-class", "one-row", "lengths", "object", "sparse", "nan-in-y", "fractions"],
)
def test_what_fit_says_of_bad_data(X, y, message):
    with pytest.raises((ValueError, TypeError), match=message):
        GaussianNB().fit(X, y)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"var_smoothing": -1}, r"var_smoothing of GaussianNB must be a number in \[0, inf\); got -1"),
        ({"priors": [0.5, 0.5]}, r"Number of priors must match number of classes.*shape \(2,\) for 3 classes"),
        ({"priors": [0.5, 0.5, 0.5]}, r"The sum of the priors should be 1\., got 1\.5"),
        ({"priors": [-0.5, 1.0, 0.5]}, r"Priors must be non-negative, got -0\.5 for class 0"),
        ({"device": "cuda:99"}, r"device='cuda:99' was asked for, but torch .* sees \d+ CUDA devices"),
        ({"device": "abacus"}, r"device='abacus' is not a device; use 'auto', 'cpu'"),
    ],
)
def test_what_fit_says_of_bad_parameters(parameters, message):
    with pytest.raises(ValueError, match=message):
        GaussianNB(**parameters).fit(X, Y)


def test_what_predict_says_of_other_columns():
    frame = pd.DataFrame(X, columns=list("abcde"))
    model = GaussianNB().fit(frame, Y)
    with pytest.raises(ValueError, match=r"(?s)X has 4 features, but GaussianNB is expecting 5.*Pass the 5 columns"):
        GaussianNB().fit(X, Y).predict(X[:, :4])
    with pytest.raises(ValueError, match=r"(?s)feature names should match.*feature_names_in_"):
        model.predict(frame.rename(columns={"b": "z"}))


def test_what_partial_fit_says():
    with pytest.raises(ValueError, match=r"classes must be passed on the first call to partial_fit"):
        GaussianNB().partial_fit(X, Y)
    model = GaussianNB().partial_fit(X, Y, classes=[0, 1, 2])
    with pytest.raises(ValueError, match=r"label\(s\) \[7\] in y do not exist in the initial classes \[0 1 2\]"):
        model.partial_fit(X, np.where(Y == 0, 7, Y))
    with pytest.raises(ValueError, match="is not the same as on last call to partial_fit"):
        model.partial_fit(X, Y, classes=[0, 1])


@pytest.mark.gpu
def test_cuda_agrees_with_the_cpu():
    X, y = _overlapping(n=20000)
    here, there = GaussianNB(device="cpu").fit(X, y), GaussianNB(device="cuda").fit(X, y)
    _assert_same_model(there, here)
    assert_allclose(there.predict_log_proba(X), here.predict_log_proba(X), rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("row", [0, 12_345, 24_999])
@pytest.mark.parametrize("n_classes", [3, 24])  # 24 are so many that the loops are compiled
def test_a_gap_in_a_large_table_is_found(bad, row, n_classes):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(25_000, 40)), rng.integers(0, n_classes, 25_000)
    model = GaussianNB().fit(X, y)
    spoilt = X.copy()
    spoilt[row, 7] = bad
    kind = "NaN" if np.isnan(bad) else "infinity"
    with pytest.raises(ValueError, match=rf"(?s)contains {kind}.*row {row}, column 7"):
        GaussianNB().fit(spoilt, y)
    for predict in (model.predict, model.predict_proba, model.predict_log_proba):
        with pytest.raises(ValueError, match=rf"(?s)contains {kind}.*row {row}, column 7"):
            predict(spoilt)


def test_what_is_impossible_is_no_gap(monkeypatch):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(25_000, 40)), rng.integers(0, 3, 25_000)
    model = GaussianNB(priors=[0.5, 0.5, 0.0]).fit(X, y)
    for entries in (10**9, 0):
        monkeypatch.setattr(gaussian, "_COMPILED_ENTRIES", entries)
        assert set(model.predict(X)) <= {0, 1}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("n", "d", "n_classes"), [(1, 1, 2), (63, 3, 2), (64, 4, 3), (130, 1, 5), (3001, 9, 4)])
def test_compiled_likelihoods_are_those_of_products(n, d, n_classes, dtype, monkeypatch):
    rng = np.random.default_rng(0)
    centers = rng.normal(size=(n_classes, d))
    y = np.arange(max(n, 2 * n_classes)) % n_classes
    X = (centers[y] + 1e4 + rng.normal(size=(len(y), d))).astype(dtype)
    model = GaussianNB().fit(X, y)
    asked = X[:n]
    answers = {}
    for entries in (10**9, 0):
        monkeypatch.setattr(gaussian, "_COMPILED_ENTRIES", entries)
        answers[entries] = model.predict_joint_log_proba(asked.astype(np.float64)), model.predict(asked)
    assert_allclose(answers[0][0], answers[10**9][0], rtol=1e-10, atol=1e-10)
    assert_array_equal(answers[0][1], answers[10**9][1])
    assert_array_equal(answers[0][1], answers[0][0].argmax(axis=1))


def test_families_over_rows_that_are_compiled_are_single_fits(monkeypatch):
    # The rows of a split are not copied: the loop that reads rows where they lie has to do without them.
    monkeypatch.setattr(moments, "_COMPILED_VALUES", 0)
    monkeypatch.setattr(gaussian, "_COMPILED_ENTRIES", 0)
    X, y = _overlapping(n=20_000)
    splits = [np.arange(20_000) % 3 != fold for fold in range(3)]
    splits = [np.flatnonzero(chosen) for chosen in splits]
    candidates = [{"var_smoothing": 1e-9}, {"var_smoothing": 1e-2}]
    members = list(fit_family(GaussianNB(), X, y, candidates=candidates, splits=splits))
    assert len(members) == 6
    for candidate, split, member in members:
        alone = GaussianNB(**candidates[candidate]).fit(X[splits[split]], y[splits[split]])
        _assert_same_model(member, alone, rtol=1e-12)
        assert_array_equal(member.predict(X), alone.predict(X))
