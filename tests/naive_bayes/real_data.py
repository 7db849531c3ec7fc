"""Real sets for comparisons with scikit-learn: scikit-learn's own, and larger ones where SKDL_DATA says they lie."""

import os
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine
from sklearn.preprocessing import OrdinalEncoder

BUNDLED = {"breast_cancer": load_breast_cancer, "digits": load_digits, "iris": load_iris, "wine": load_wine}
# The set, its file, its target.
TABLES = {
    "abalone": ("abalone", "Class_Rings"),
    "balance_scale": ("balance_scale", "class"),
    "bank_marketing": ("bank_additional", "y"),
    "breast_w": ("breast_w", "Class"),
    "car": ("car", "class"),
    "covertype_10k": ("covertype_10k", "Cover_Type"),
    "german_credit": ("german_credit", "class"),
    "glass": ("glass", "Type"),
    "heart_c": ("heart_c", "num"),
    "kr_vs_kp": ("kr_vs_kp", "class"),
    "letter": ("letter", "class"),
    "mammography": ("mammography", "y"),
    "mushroom": ("mushroom", "class"),
    "nursery": ("nursery", "class"),
    "phoneme": ("phoneme", "y"),
    "pima_diabetes": ("pima_diabetes", "class"),
    "segment": ("segment", "class"),
    "sonar": ("sonar", "Class"),
    "spambase": ("spambase", "class"),
    "tic_tac_toe": ("tic_tac_toe", "Class"),
    "vehicle": ("vehicle", "Class"),
    "vowel": ("vowel", "Class"),
    "zoo": ("zoo", "type"),
}


@cache
def load_frame(name: str):
    """A frame as it lies on disk, its word columns of type category, and its labels."""
    folder = os.environ.get("SKDL_DATA")
    if not folder:
        pytest.skip("the larger real sets are read from the folder that the environment variable SKDL_DATA names")
    file, target = TABLES[name]
    path = Path(folder) / name / f"{file}.csv.gz"
    if not path.exists():
        pytest.skip(f"SKDL_DATA has no file {path}")
    frame = pd.read_csv(path, keep_default_na=False, na_values=["?"])
    labels = frame.pop(target).to_numpy()
    if labels.dtype.kind == "O":
        labels = labels.astype(str)
    for column in frame.columns[[not pd.api.types.is_numeric_dtype(kind) for kind in frame.dtypes]]:
        frame[column] = frame[column].astype("category")
    return frame, labels


@cache
def load_numbers(name: str):
    """A set as an array of float64 and labels: words as codes, missing values as the column's median."""
    if name in BUNDLED:
        return BUNDLED[name](return_X_y=True)
    frame, labels = load_frame(name)
    words = frame.select_dtypes("category").columns
    numbers = frame.copy()
    if len(words):
        coded = OrdinalEncoder(encoded_missing_value=-1).fit_transform(frame[words].astype(object))
        numbers = numbers.drop(columns=words).join(pd.DataFrame(coded + 1, columns=words))
    X = numbers.fillna(numbers.median()).to_numpy(np.float64)
    X.flags.writeable = False
    return X, labels


ALL_SETS = [*BUNDLED, *TABLES]
