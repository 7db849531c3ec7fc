"""Real data sets of many kinds: neighbours and votes are scikit-learn's. They lie where SKDL_DATA says."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import sklearn.neighbors

from skdl.neighbors import KNeighborsClassifier, KNeighborsRegressor, NearestNeighbors
from tests.neighbors.oracles import all_distances, nearest

TABLES = {
    "balance_scale": "balance_scale.csv.gz",
    "glass": "glass.csv.gz",
    "vehicle": "vehicle.csv.gz",
    "sonar": "sonar.csv.gz",
    "car": "car.csv.gz",
    "letter": "letter.csv.gz",
    "german_credit": "german_credit.csv.gz",
    "spambase": "spambase.csv.gz",
    "vowel": "vowel.csv.gz",
    "breast_w": "breast_w.csv.gz",
    "segment": "segment.csv.gz",
    "pima_diabetes": "pima_diabetes.csv.gz",
    "heart_c": "heart_c.csv.gz",
    "zoo": "zoo.csv.gz",
    "bank_marketing": "bank_additional.csv.gz",
    "covertype_10k": "covertype_10k.csv.gz",
    "mammography": "mammography.csv.gz",
    "phoneme": "phoneme.csv.gz",
    "california_housing": "california_housing.csv.gz",
    "boston_housing": "boston_housing.csv.gz",
    "abalone": "abalone.csv.gz",
    "kin8nm": "kin8nm.csv.gz",
    "bodyfat": "bodyfat.csv.gz",
    "bike_sharing": "bikeshare.csv.gz",
    "wine_quality": "wine_quality.csv.gz",
}

pytestmark = pytest.mark.skipif(
    not os.environ.get("SKDL_DATA"), reason="the real data sets are looked for in the folder that SKDL_DATA names"
)


def _load(name: str):
    """Numbers as they are, words as codes, gaps as the median; the last column is the target."""
    frame = pd.read_csv(Path(os.environ["SKDL_DATA"]) / name / TABLES[name], keep_default_na=False, na_values=["?"])
    columns = []
    for column in frame.columns:
        values = pd.to_numeric(frame[column], errors="coerce")
        if values.notna().mean() < 0.5:
            values = pd.Series(pd.factorize(frame[column].astype(str), sort=True)[0])
        columns.append(values.fillna(values.median()).to_numpy(dtype=np.float64))
    table = np.column_stack(columns)[:3000]
    return table[:, :-1], table[:, -1]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", TABLES)
def test_like_scikit_learn(name, dtype):
    X, y = _load(name)
    X = X.astype(dtype)
    split = (2 * len(X)) // 3
    X, queries = X[:split], X[split:][:300]
    found, indices = NearestNeighbors(n_neighbors=10).fit(X).kneighbors(queries)
    theirs = sklearn.neighbors.NearestNeighbors(n_neighbors=10, algorithm="kd_tree").fit(X).kneighbors(queries)
    np.testing.assert_allclose(found, theirs[0], rtol=1e-13)
    full = all_distances(queries, X)
    # Ties go by index; elsewhere the neighbours are those of scikit-learn's tree.
    exact = nearest(full, 10)
    decided = (np.diff(np.sort(full, axis=1)[:, :11], axis=1) > 1e-12 * exact[0].max()).all(axis=1)
    np.testing.assert_array_equal(indices[decided], theirs[1][decided])
    np.testing.assert_array_equal(indices[decided], exact[1][decided])
    order = np.lexsort((indices, found), axis=1)
    np.testing.assert_array_equal(order, np.broadcast_to(np.arange(10), order.shape))
    if decided.any():
        codes = np.unique(y[:split], return_inverse=True)[1]
        if codes.max() > 50:  # a regression: fifths of the target as classes
            codes = np.searchsorted(np.quantile(y[:split], [0.2, 0.4, 0.6, 0.8]), y[:split])
        for weights in ("uniform", "distance"):
            mine = KNeighborsClassifier(10, weights=weights).fit(X, codes).predict_proba(queries[decided])
            other = sklearn.neighbors.KNeighborsClassifier(10, weights=weights, algorithm="kd_tree").fit(X, codes)
            np.testing.assert_allclose(mine, other.predict_proba(queries[decided]), rtol=1e-9, atol=1e-12)
            mine = KNeighborsRegressor(10, weights=weights).fit(X, y[:split]).predict(queries[decided])
            other = sklearn.neighbors.KNeighborsRegressor(10, weights=weights, algorithm="kd_tree").fit(X, y[:split])
            np.testing.assert_allclose(mine, other.predict(queries[decided]), rtol=1e-9)
