"""Frames with numbers, categories and missing values."""

import numpy as np
import pandas as pd
import polars as pl
import pytest

from skdl.base import fit_family, fit_one_by_one
from skdl.neighbors import KernelRegressor, KNeighborsClassifier, KNeighborsRegressor, NearestNeighbors
from tests.neighbors.oracles import assert_same_neighbors


def _frame(n=60, seed=0, gaps=True):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "age": rng.integers(18, 80, n).astype(float),
            "colour": pd.Categorical(rng.choice(["red", "green", "blue"], n)),
            "income": rng.lognormal(size=n),
            "city": pd.Categorical(rng.choice(["Rome", "Oslo"], n)),
            "constant": np.full(n, 3.0),
        }
    )
    if gaps:
        frame.loc[::7, "age"] = np.nan
        frame.loc[3::9, "colour"] = None
    return frame


def _oracle(queries, frame, metric):
    """Both definitions, cell by cell."""
    distances = np.empty((len(queries), len(frame)))
    numeric = {name: frame[name].max() - frame[name].min() for name in ("age", "income", "constant")}
    for i, (_, left) in enumerate(queries.iterrows()):
        for j, (_, right) in enumerate(frame.iterrows()):
            terms = []
            for name in frame.columns:
                if pd.isna(left[name]) or pd.isna(right[name]):
                    terms.append(None)
                elif name in numeric and numeric[name] > 0:
                    terms.append(abs(left[name] - right[name]) / numeric[name])
                else:
                    terms.append(float(left[name] != right[name]))
            if metric == "heom":
                distances[i, j] = np.sqrt(sum(1.0 if term is None else term**2 for term in terms))
            else:
                known = [term for term in terms if term is not None]
                distances[i, j] = np.mean(known)
    return distances


@pytest.mark.parametrize("metric", ["heom", "gower"])
def test_definitions(metric):
    frame, queries = _frame(), _frame(12, seed=1)
    queries["constant"] = [3.0, 4.0] * 6
    expected = _oracle(queries, frame, metric)
    search = NearestNeighbors(metric=metric).fit(frame)
    assert_same_neighbors(search.kneighbors(queries), expected, 5)
    indices = search.radius_neighbors(queries, radius=0.5, return_distance=False)
    for row in range(12):
        np.testing.assert_array_equal(indices[row], np.flatnonzero(expected[row] <= 0.5))


@pytest.mark.parametrize("metric", ["heom", "gower"])
def test_a_category_that_fit_did_not_see_is_unlike_all(metric):
    frame = _frame(gaps=False)
    queries = frame.iloc[:3].copy()
    queries["colour"] = pd.Categorical(["violet"] * 3)
    distances, indices = NearestNeighbors(n_neighbors=60, metric=metric).fit(frame).kneighbors(queries)
    unlike = 1.0 if metric == "heom" else 1 / 5
    for row in range(3):
        own = distances[row][indices[row] == row][0]
        np.testing.assert_allclose(own, unlike)


def test_columns_named_as_categories():
    frame = _frame(gaps=False)
    codes = frame.assign(colour=frame["colour"].cat.codes, city=frame["city"].cat.codes)
    expected = NearestNeighbors(metric="heom").fit(frame).kneighbors()
    for given in (["colour", "city"], [1, 3], [False, True, False, True, False]):
        search = NearestNeighbors(metric="heom", metric_params={"categorical_features": given}).fit(codes)
        np.testing.assert_array_equal(search.kneighbors()[1], expected[1])


def test_polars_frames():
    frame = _frame(gaps=False)
    expected = NearestNeighbors(metric="gower").fit(frame).kneighbors()
    found = NearestNeighbors(metric="gower").fit(pl.from_pandas(frame)).kneighbors()
    np.testing.assert_array_equal(found[1], expected[1])
    np.testing.assert_array_equal(found[0], expected[0])


def test_predictions_families_and_kernels():
    frame, queries = _frame(), _frame(20, seed=2)
    y = np.where(frame["city"] == "Rome", "south", "north")
    model = KNeighborsClassifier(3, metric="heom").fit(frame, y)
    assert model.score(frame, y) > 0.85
    target = frame["income"].to_numpy() + (frame["city"] == "Rome")
    expected = _oracle(queries, frame, "gower")
    kernel = KernelRegressor(bandwidth=0.2, metric="gower").fit(frame, target)
    weights = np.exp(-((expected / 0.2) ** 2) / 2)
    np.testing.assert_allclose(kernel.predict(queries), weights @ target / weights.sum(axis=1))
    options = {"candidates": [{"n_neighbors": 2}, {"n_neighbors": 6}], "splits": [np.arange(40)]}
    together = list(fit_family(KNeighborsRegressor(metric="heom"), frame, target, **options))
    alone = list(fit_one_by_one(KNeighborsRegressor(metric="heom"), frame, target, **options))
    for (_, _, mine), (_, _, other) in zip(together, alone, strict=True):
        np.testing.assert_array_equal(mine.predict(queries), other.predict(queries))


def test_a_column_of_gaps():
    frame = _frame().assign(empty=np.nan)
    expected = NearestNeighbors(metric="gower").fit(_frame()).kneighbors()
    found = NearestNeighbors(metric="gower").fit(frame).kneighbors()
    np.testing.assert_array_equal(found[1], expected[1])


def test_what_tables_must_not_hold():
    frame = _frame()
    text = frame.assign(name=["x"] * 60)
    with pytest.raises(ValueError, match=r"(?s)could not convert string.*column 'name'"):
        NearestNeighbors(metric="heom").fit(text)
    with pytest.raises(ValueError, match=r"Input X contains infinity"):
        NearestNeighbors(metric="heom").fit(frame.assign(income=np.inf))
    model = KNeighborsClassifier(metric="heom").fit(frame, np.arange(60) % 2)
    with pytest.raises(ValueError, match=r"feature names should match"):
        model.predict(frame.rename(columns={"age": "years"}))
    with pytest.raises(ValueError, match=r"(?s)y contains NaN"):
        KNeighborsRegressor(metric="heom").fit(frame, np.full(60, np.nan))
