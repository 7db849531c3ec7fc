"""The real tables of the tests and studies: files below SKDL_DATA, and scikit-learn's bundled sets."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn import datasets

CLASSIFICATION = {  # name: (file, target)
    "balance_scale": ("balance_scale/balance_scale.csv.gz", "class"),
    "glass": ("glass/glass.csv.gz", "Type"),
    "vehicle": ("vehicle/vehicle.csv.gz", "Class"),
    "sonar": ("sonar/sonar.csv.gz", "Class"),
    "car": ("car/car.csv.gz", "class"),
    "nursery": ("nursery/nursery.csv.gz", "class"),
    "tic_tac_toe": ("tic_tac_toe/tic_tac_toe.csv.gz", "Class"),
    "letter": ("letter/letter.csv.gz", "class"),
    "german_credit": ("german_credit/german_credit.csv.gz", "class"),
    "spambase": ("spambase/spambase.csv.gz", "class"),
    "kr_vs_kp": ("kr_vs_kp/kr_vs_kp.csv.gz", "class"),
    "vowel": ("vowel/vowel.csv.gz", "Class"),
    "breast_w": ("breast_w/breast_w.csv.gz", "Class"),
    "mushroom": ("mushroom/mushroom.csv.gz", "class"),
    "segment": ("segment/segment.csv.gz", "class"),
    "pima_diabetes": ("pima_diabetes/pima_diabetes.csv.gz", "class"),
    "heart_c": ("heart_c/heart_c.csv.gz", "num"),
    "zoo": ("zoo/zoo.csv.gz", "type"),
    "covertype_10k": ("covertype_10k/covertype_10k.csv.gz", "Cover_Type"),
    "mammography": ("mammography/mammography.csv.gz", "y"),
    "phoneme": ("phoneme/phoneme.csv.gz", "y"),
    "horse_colic": ("horse_colic/horse_colic.csv.gz", "surgical_lesion"),
    "play_tennis": ("play_tennis/weather_numeric.csv.gz", "play"),
    "contact_lenses": ("play_tennis/contact_lenses.csv.gz", "contact-lenses"),
}
REGRESSION = {
    "california_housing": ("california_housing/california_housing.csv.gz", "medianHouseValue"),
    "boston_housing": ("boston_housing/boston_housing.csv.gz", "class"),
    "abalone": ("abalone/abalone.csv.gz", "Class_Rings"),
    "kin8nm": ("kin8nm/kin8nm.csv.gz", "y"),
    "bodyfat": ("bodyfat/bodyfat.csv.gz", "class"),
    "bike_sharing": ("bike_sharing/bikeshare.csv.gz", "count"),
    "wine_quality": ("wine_quality/wine_quality.csv.gz", "quality"),
}
BUNDLED = {
    "iris": datasets.load_iris,
    "wine": datasets.load_wine,
    "breast_cancer": datasets.load_breast_cancer,
    "digits": datasets.load_digits,
}


def load_frame(name):
    """A table as a frame, words as categories, ``?`` as a missing value; and its target."""
    root = os.environ.get("SKDL_DATA")
    if not root:
        pytest.skip(f"the real table {name!r} is read from the folder that the environment variable SKDL_DATA names")
    file, target = {**CLASSIFICATION, **REGRESSION}[name]
    frame = pd.read_csv(Path(root) / file, keep_default_na=False, na_values=["?"])
    y = frame.pop(target).to_numpy()
    for column in frame.columns:
        if frame[column].dtype.kind not in "biuf":
            frame[column] = frame[column].astype("category")
    return frame, np.asarray(y.tolist())


def load_numbers(name):
    """The same as float32 numbers: categories as codes."""
    if name in BUNDLED:
        X, y = BUNDLED[name](return_X_y=True)
        return X.astype(np.float32), y
    frame, y = load_frame(name)
    for column in frame.columns:
        if isinstance(frame[column].dtype, pd.CategoricalDtype):
            frame[column] = frame[column].cat.codes.astype(float).where(frame[column].notna())
    return frame.to_numpy(dtype=np.float32), y


def play_tennis():
    """Quinlan's example of 1986: fourteen mornings, as Mitchell prints it."""
    rows = """sunny hot high weak no
    sunny hot high strong no
    overcast hot high weak yes
    rain mild high weak yes
    rain cool normal weak yes
    rain cool normal strong no
    overcast cool normal strong yes
    sunny mild high weak no
    sunny cool normal weak yes
    rain mild normal weak yes
    sunny mild normal strong yes
    overcast mild high strong yes
    overcast hot normal weak yes
    rain mild high strong no"""
    columns = ["outlook", "temperature", "humidity", "wind", "play"]
    frame = pd.DataFrame([row.split() for row in rows.splitlines()], columns=columns)
    return frame[columns[:-1]].astype("category"), frame["play"].to_numpy(dtype=str)
