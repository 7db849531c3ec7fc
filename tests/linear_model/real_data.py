"""Real tables for comparisons with scikit-learn, from the folder that the environment variable SKDL_DATA names."""

import os
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

# Folder, file and target of each set; what is None is the last column.
CLASSIFICATION = {
    "balance_scale": None,
    "glass": None,
    "vehicle": None,
    "sonar": None,
    "car": None,
    "nursery": None,
    "tic_tac_toe": None,
    "letter": None,
    "german_credit": None,
    "spambase": None,
    "kr_vs_kp": None,
    "vowel": None,
    "breast_w": None,
    "mushroom": None,
    "segment": None,
    "pima_diabetes": None,
    "heart_c": None,
    "zoo": None,
    "covertype_10k": "Cover_Type",
    "mammography": "y",
    "phoneme": "y",
    "bank_marketing/bank_additional": "y",
    "adult/adult_test": None,
    "horse_colic": "surgical_lesion",
}
REGRESSION = {"california_housing": None, "boston_housing": None, "abalone": None, "bodyfat": None, "kin8nm": None}


@cache
def load(name: str, target: str | None):
    """X of standardized and one-hot columns, and y; skips where the folder is not there."""
    root = os.environ.get("SKDL_DATA")
    if root is None:
        pytest.skip("the real tables are read from the folder that the environment variable SKDL_DATA names")
    folder, _, file = name.partition("/")
    frame = pd.read_csv(Path(root) / folder / f"{file or folder}.csv.gz", keep_default_na=False, na_values=["?", ""])
    y = frame.pop(target or frame.columns[-1]).to_numpy()
    frame = frame.astype(dict.fromkeys(frame.select_dtypes("bool"), int))
    words = make_pipeline(SimpleImputer(strategy="constant", fill_value="?"), OneHotEncoder(sparse_output=False))
    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    X = make_column_transformer(
        (numbers, make_column_selector(dtype_include="number")),
        (words, make_column_selector(dtype_exclude="number")),
    ).fit_transform(frame)
    rows = np.random.default_rng(0).permutation(len(X))[:6000]
    return X[rows].astype(np.float64), y[rows]
