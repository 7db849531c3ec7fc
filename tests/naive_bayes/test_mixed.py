"""MixedNB: its parts are GaussianNB and CategoricalNB, missing values are left out, frames are taken as they are."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skdl.naive_bayes import CategoricalNB, GaussianNB, MixedNB


def _frame(n=400, seed=0):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 3, n)
    frame = pd.DataFrame(
        {
            "size": rng.normal(size=n) + y,
            "hue": np.array(["blue", "green", "red"])[(y + rng.integers(0, 2, n)) % 3],
            "weight": rng.normal(size=n) * (1 + y),
            "shape": np.array(["round", "square"])[(rng.random(n) < 0.2 + 0.3 * y).astype(int)],
        }
    )
    return frame.astype({"hue": "category", "shape": "category"}), y


def _codes(frame):
    return np.column_stack([frame[name].cat.codes for name in ("hue", "shape")])


def test_numbers_alone_are_gaussian():
    frame, y = _frame()
    X = frame[["size", "weight"]]
    mixed, gaussian = MixedNB().fit(X, y), GaussianNB().fit(X, y)
    for name in ("theta_", "var_", "class_prior_", "epsilon_"):
        assert_array_equal(getattr(mixed, name), getattr(gaussian, name))
    assert_allclose(mixed.predict_proba(X), gaussian.predict_proba(X), rtol=1e-12)


@pytest.mark.parametrize("alpha", [1.0, 0.1])
def test_categories_alone_are_categorical(alpha):
    frame, y = _frame()
    mixed = MixedNB(alpha=alpha).fit(frame[["hue", "shape"]], y)
    categorical = CategoricalNB(alpha=alpha).fit(_codes(frame), y)
    for mine, theirs in zip(mixed.feature_log_prob_, categorical.feature_log_prob_, strict=True):
        assert_allclose(mine, theirs, rtol=1e-12)
    assert_allclose(mixed.predict_proba(frame[["hue", "shape"]]), categorical.predict_proba(_codes(frame)), rtol=1e-12)


def test_both_kinds_multiply():
    frame, y = _frame()
    mixed = MixedNB().fit(frame, y)
    numbers = frame[["size", "weight"]]
    gaussian, categorical = GaussianNB().fit(numbers, y), CategoricalNB().fit(_codes(frame), y)
    expected = gaussian.predict_joint_log_proba(numbers) + categorical.predict_joint_log_proba(_codes(frame))
    assert_allclose(mixed.predict_joint_log_proba(frame), expected - np.log(mixed.class_prior_), rtol=1e-10)
    assert_array_equal(mixed.is_categorical_, [False, True, False, True])
    assert mixed.categories_[1].tolist() == ["blue", "green", "red"]
    assert mixed.category_count_[0] is None
    assert np.isnan(mixed.theta_[:, 1]).all()


def test_missing_values_are_left_out():
    frame, y = _frame()
    rng = np.random.default_rng(1)
    holes = frame.mask(rng.random(frame.shape) < 0.3)
    model = MixedNB(var_smoothing=0).fit(holes, y)
    for c in range(3):
        seen = holes.loc[y == c, "size"].dropna()
        assert_allclose(model.theta_[c, 0], seen.mean(), rtol=1e-12)
        assert_allclose(model.var_[c, 0], seen.var(ddof=0), rtol=1e-12)
        reds = (holes.loc[y == c, "hue"] == "red").sum()
        assert_allclose(model.feature_log_prob_[1][c, 2], np.log((reds + 1) / (holes.loc[y == c, "hue"].count() + 3)))
    row = frame.iloc[:1].copy()
    row.loc[:, ["weight", "shape"]] = [[np.nan, None]]
    jll = np.log(model.class_prior_)
    jll -= 0.5 * (
        np.log(2 * np.pi * model.var_[:, 0]) + (row["size"].iloc[0] - model.theta_[:, 0]) ** 2 / model.var_[:, 0]
    )
    jll += model.feature_log_prob_[1][:, list(model.categories_[1]).index(row["hue"].iloc[0])]
    assert_allclose(model.predict_joint_log_proba(row)[0], jll, rtol=1e-12)


def test_a_row_of_nothing_but_missing_values_has_the_prior():
    frame, y = _frame()
    model = MixedNB().fit(frame, y)
    nothing = frame.iloc[:1].copy()
    nothing.loc[:] = [[np.nan, None, np.nan, None]]
    assert_allclose(model.predict_proba(nothing)[0], model.class_prior_, rtol=1e-12)


def test_a_class_without_a_value_of_a_column_takes_the_whole_columns():
    frame, y = _frame()
    holes = frame.copy()
    holes.loc[y == 1, "size"] = np.nan
    model = MixedNB(var_smoothing=0).fit(holes, y)
    assert_allclose(model.theta_[1, 0], holes["size"].mean(), rtol=1e-10)
    assert_allclose(model.var_[1, 0], holes["size"].var(ddof=0), rtol=1e-10)
    assert np.isfinite(model.predict_log_proba(frame)).all()


def test_a_category_that_fit_did_not_see_is_left_out():
    frame, y = _frame()
    model = MixedNB().fit(frame, y)
    strange = frame.assign(hue="violet")
    missing = frame.assign(hue=pd.Categorical([None] * len(frame), categories=["blue", "green", "red"]))
    assert_array_equal(model.predict_proba(strange), model.predict_proba(missing))


def test_columns_may_be_named_numbered_or_masked():
    frame, y = _frame()
    expected = MixedNB().fit(frame, y).predict_proba(frame)
    words = frame.astype({"hue": object, "shape": object})
    for named in (["hue", "shape"], [1, 3], [False, True, False, True]):
        assert_array_equal(MixedNB(categorical_features=named).fit(words, y).predict_proba(words), expected)
    coded = np.column_stack([frame["size"], frame["hue"].cat.codes, frame["weight"], frame["shape"].cat.codes])
    assert_array_equal(MixedNB(categorical_features=[1, 3]).fit(coded, y).predict_proba(coded), expected)


def test_polars_says_what_pandas_says():
    frame, y = _frame()
    other = pl.DataFrame(
        {
            name: frame[name].astype(str).tolist() if name in ("hue", "shape") else frame[name].to_numpy()
            for name in frame
        }
    ).with_columns(pl.col("hue", "shape").cast(pl.Categorical))
    assert_allclose(
        MixedNB().fit(other, y).predict_proba(other), MixedNB().fit(frame, y).predict_proba(frame), rtol=1e-12
    )


def test_weights_are_copies():
    frame, y = _frame()
    weight = np.random.default_rng(1).integers(0, 4, len(y))
    copies = np.repeat(np.arange(len(y)), weight)
    weighted = MixedNB().fit(frame, y, sample_weight=weight)
    repeated = MixedNB().fit(frame.iloc[copies], y[copies])
    assert_allclose(weighted.predict_proba(frame), repeated.predict_proba(frame), rtol=1e-9)


def test_pieces_are_one_fit():
    frame, y = _frame()
    holes = frame.mask(np.random.default_rng(1).random(frame.shape) < 0.2)
    whole, model = MixedNB().fit(holes, y), MixedNB()
    for rows in np.array_split(np.arange(len(y)), 7):
        model.partial_fit(holes.iloc[rows], y[rows], classes=[0, 1, 2])
    assert_allclose(model.var_, whole.var_, rtol=1e-10)
    assert_allclose(model.predict_log_proba(holes), whole.predict_log_proba(holes), rtol=1e-9, atol=1e-10)


def test_merging_unites_categories():
    frame, y = _frame()
    words = frame.astype({"hue": object, "shape": object})
    no_red = (frame["hue"] != "red").to_numpy()
    named = ["hue", "shape"]
    first = MixedNB(categorical_features=named).fit(words[no_red], y[no_red])
    second = MixedNB(categorical_features=named).fit(words[~no_red], y[~no_red])
    whole = MixedNB(categorical_features=named).fit(words, y)
    for merged in (first.merge(second), MixedNB(categorical_features=named).fit(words[~no_red], y[~no_red])):
        if merged is not first:
            merged.merge(MixedNB(categorical_features=named).fit(words[no_red], y[no_red]))
        assert set(merged.categories_[1]) == {"blue", "green", "red"}
        assert_allclose(merged.predict_log_proba(words), whole.predict_log_proba(words), rtol=1e-9, atol=1e-10)


def test_merging_refuses_other_kinds_of_columns():
    frame, y = _frame()
    coded = frame.assign(hue=frame["hue"].cat.codes, shape=frame["shape"].cat.codes)
    with pytest.raises(ValueError, match=r"same columns for categorical: this one has \[1 3\], the other \[\]"):
        MixedNB().fit(frame, y).merge(MixedNB().fit(coded, y))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (
            lambda frame: frame.assign(size=np.where(frame.index == 7, np.inf, 1.0)),
            r"(?s)infinity.*row 7, column 'size'",
        ),
        (
            lambda frame: frame.astype({"hue": object}),
            r"(?s)column 'hue'.*dtype 'category', or name it in categorical_f",
        ),
        (lambda frame: frame.iloc[:0], r"0 sample\(s\)"),
        (lambda frame: frame.iloc[:-1], r"(?s)inconsistent numbers of samples: \[399, 400\].*one row for each sample"),
    ],
)
def test_what_fit_says_of_bad_data(spoil, message):
    frame, y = _frame()
    with pytest.raises(ValueError, match=message):
        MixedNB().fit(spoil(frame), y)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"categorical_features": ["colour"]}, r"categorical_features names 'colour', which is no column of X"),
        ({"alpha": -1}, r"alpha of MixedNB must be a number in \[0, inf\); got -1"),
        ({"priors": [1.0]}, r"Number of priors must match number of classes"),
    ],
)
def test_what_fit_says_of_bad_parameters(parameters, message):
    frame, y = _frame()
    with pytest.raises(ValueError, match=message):
        MixedNB(**parameters).fit(frame, y)
