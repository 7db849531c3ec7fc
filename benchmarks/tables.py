"""Accuracy on tables: ``MLPClassifier`` and ``MLPRegressor`` beside scikit-learn's and its gradient-boosted trees.

Run it with ``SKDL_DATA=<folder> python benchmarks/tables.py``. All models have their default parameters. Every table of
the data's README is taken: five folds of all rows (``StratifiedKFold`` or ``KFold``, shuffled, random_state 0, the seed
of a model is the number of its fold), adult's official split with three seeds. Words are categories; what is missing
goes to skdl as indicators, to scikit-learn's perceptrons as medians and as a word of its own, to the trees as it is.
scikit-learn's perceptrons get standardised numbers and one-hot categories.

Each finished fit is a line of benchmarks/results/tables.jsonl, and is not done again: a run that is cut short goes on
where it was. ``--tables`` and ``--models`` choose some; ``--report`` only writes benchmarks/results/tables.md.
``--forget skdl`` drops what one model has written, before its defaults change. ``--jobs 8`` fits in eight processes of
one thread each, ``--minutes 5`` begins no fit after five minutes.
"""

import argparse
import os
import platform
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import sklearn
import torch
from _cells import RESULTS, Cells, Watch, add_run_options
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.impute import SimpleImputer
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.neural_network import MLPClassifier as ReferenceClassifier
from sklearn.neural_network import MLPRegressor as ReferenceRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skdl.neural import MLPClassifier, MLPRegressor

MODELS = ("skdl", "scikit-learn", "gradient boosting")
CELLS = Cells("tables", key=("table", "model", "seed"))

# Table: (file, target, columns that are left out).
CLASSIFICATION = {
    "balance_scale": ("balance_scale", "class", ()),
    "glass": ("glass", "Type", ()),
    "vehicle": ("vehicle", "Class", ()),
    "sonar": ("sonar", "Class", ()),
    "car": ("car", "class", ()),
    "nursery": ("nursery", "class", ()),
    "tic_tac_toe": ("tic_tac_toe", "Class", ()),
    "letter": ("letter", "class", ()),
    "german_credit": ("german_credit", "class", ()),
    "spambase": ("spambase", "class", ()),
    "kr_vs_kp": ("kr_vs_kp", "class", ()),
    "vowel": ("vowel", "Class", ()),
    "breast_w": ("breast_w", "Class", ()),
    "mushroom": ("mushroom", "class", ()),
    "segment": ("segment", "class", ()),
    "pima_diabetes": ("pima_diabetes", "class", ()),
    "heart_c": ("heart_c", "num", ()),
    "zoo": ("zoo", "type", ()),
    "play_tennis/contact_lenses": ("contact_lenses", "contact-lenses", ()),
    "play_tennis/weather_nominal": ("weather_nominal", "play", ()),
    "play_tennis/weather_numeric": ("weather_numeric", "play", ()),
    "adult": ("adult_train", "income", ()),
    "titanic": ("titanic", "Survived", ("PassengerId", "Name", "Ticket", "Cabin")),
    "bank_marketing": ("bank_additional", "y", ("duration",)),
    "covertype_10k": ("covertype_10k", "Cover_Type", ()),
    "mammography": ("mammography", "y", ()),
    "phoneme": ("phoneme", "y", ()),
    "horse_colic": (
        "horse_colic",
        "surgical_lesion",
        ("hospital_number", "lesion1", "lesion2", "lesion3", "cp_data", "outcome"),
    ),
}
REGRESSION = {
    "california_housing": ("california_housing", "medianHouseValue", ()),
    "boston_housing": ("boston_housing", "class", ()),
    "abalone": ("abalone", "Class_Rings", ()),
    "kin8nm": ("kin8nm", "y", ()),
    "bodyfat": ("bodyfat", "class", ("Density",)),
    "bike_sharing": ("bikeshare", "count", ("casual", "registered", "datetime")),
    "wine_quality": ("wine_quality", "quality", ()),
}
TABLES = CLASSIFICATION | REGRESSION


def read(folder: Path, table: str, file: str, target: str, without) -> tuple[pd.DataFrame, np.ndarray]:
    """Read a table: numbers as floats, words as categories, both with NaN where something is missing."""
    frame = pd.read_csv(folder / table.split("/")[0] / f"{file}.csv.gz", keep_default_na=False)
    if "datetime" in frame:
        moment = pd.to_datetime(frame["datetime"])
        frame["hour"], frame["month"], frame["year"] = moment.dt.hour, moment.dt.month, moment.dt.year
    y = frame.pop(target).to_numpy()
    frame = frame.drop(columns=list(without))
    for name in frame:
        column = frame[name].astype(object).where(~frame[name].isin(["?", "", "NA"]), None)
        numbers = pd.to_numeric(column, errors="coerce").astype(float)
        frame[name] = numbers if (numbers.isna() == column.isna()).all() else column.astype("category")
    return frame, y


def split(folder: Path, table: str, X: pd.DataFrame, y: np.ndarray, seed: int):
    """Return X_train, y_train, X_test, y_test."""
    if table == "adult":
        X_test, y_test = read(folder, table, "adult_test", *CLASSIFICATION[table][1:])
        for name in X.select_dtypes("category"):
            X_test[name] = X_test[name].astype(X[name].dtype)
        return X, y, X_test, y_test
    kind = StratifiedKFold if table in CLASSIFICATION else KFold
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # classes of fewer than five rows
        train, test = list(kind(5, shuffle=True, random_state=0).split(X, y))[seed]
    return X.iloc[train], y[train], X.iloc[test], y[test]


def make(model: str, X: pd.DataFrame, classifies: bool, seed: int):
    """Return a model with its defaults, behind what it needs to take the table."""
    if model == "skdl":
        kind = MLPClassifier if classifies else MLPRegressor
        missing = {"missing_values": "indicator"} if X.isna().any(axis=None) else {}
        return kind(**missing, device="cpu", random_state=seed)
    if model == "gradient boosting":
        kind = HistGradientBoostingClassifier if classifies else HistGradientBoostingRegressor
        return kind(categorical_features="from_dtype", random_state=seed)
    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    words = make_pipeline(
        SimpleImputer(strategy="constant", fill_value="?", missing_values=np.nan),
        OneHotEncoder(handle_unknown="ignore", sparse_output=False),
    )
    columns = make_column_transformer(
        (numbers, make_column_selector(dtype_include="number")), (words, make_column_selector(dtype_include="object"))
    )
    kind = ReferenceClassifier if classifies else ReferenceRegressor
    return make_pipeline(columns, kind(random_state=seed))


def as_taken(model: str, X: pd.DataFrame) -> pd.DataFrame:
    """Categories as plain words for scikit-learn's imputer and encoder."""
    if model != "scikit-learn":
        return X
    words = X.select_dtypes("category").columns
    return X.astype(dict.fromkeys(words, object))


def cells(folder: Path, tables, models):
    """Yield what is to be fitted, large files first."""
    files = {table: columns[0] for table, columns in TABLES.items() if table in tables}

    def size(table: str) -> int:
        return (folder / table.split("/")[0] / f"{files[table]}.csv.gz").stat().st_size

    for table in sorted(files, key=size, reverse=True):
        for seed in range(3 if table == "adult" else 5):
            for model in models:
                yield {"table": table, "model": model, "seed": seed}


def fit(table: str, model: str, seed: int) -> dict:
    folder = Path(os.environ["SKDL_DATA"])
    X, y = read(folder, table, *TABLES[table])
    X_train, y_train, X_test, y_test = split(folder, table, X, y, seed)
    estimator, watch = make(model, X, table in CLASSIFICATION, seed), Watch()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # sets on which scikit-learn's perceptron does not converge
        estimator.fit(as_taken(model, X_train), y_train)
        score = estimator.score(as_taken(model, X_test), y_test)
    return {"score": round(float(score), 5), "rows": len(X), **watch.read()}


def report(page: Path) -> None:
    frame = pd.DataFrame(CELLS.read())
    lines = ["# Accuracy on tables", "", *(__doc__ or "").splitlines()[2:7], ""]
    for title, tables, score in (
        ("Classification, accuracy", CLASSIFICATION, "accuracy"),
        ("Regression, R2", REGRESSION, "R2"),
    ):
        part = frame[frame["table"].isin(tables)]
        table = part.groupby(["table", "model"])["score"].agg(["mean", "count"]).unstack("model")
        means = table["mean"].reindex(index=[name for name in tables if name in table.index], columns=list(MODELS))
        counts = table["count"].reindex(index=means.index, columns=means.columns)
        rows = part.groupby("table")["rows"].first()
        lines += [f"## {title}", "", f"| table | rows | {' | '.join(MODELS)} |", "|" + " --- |" * (2 + len(MODELS))]
        for name, own in means.iterrows():
            written = [
                f"{own[model]:.4f} ({counts.loc[name, model]:.0f})" if own[model] == own[model] else "-"
                for model in MODELS
            ]
            lines.append(f"| {name} | {rows[name]} | {' | '.join(written)} |")
        whole = means.dropna()
        ranks = whole.rank(axis=1, ascending=False).mean()
        lines.append(f"| **mean rank, {len(whole)} tables** | | {' | '.join(f'**{ranks[m]:.2f}**' for m in MODELS)} |")
        lines.append("")
        lines.append(f"In brackets: how many fits the mean {score} is of.")
        missing = [name for name in tables if name not in whole.index]
        lines += ["", f"Not yet finished: {', '.join(missing)}." if missing else "All tables are finished.", ""]
    versions = f"scikit-learn {sklearn.__version__}, torch {torch.__version__}, NumPy {np.__version__}"
    lines.append(f"{platform.machine()}, {os.cpu_count()} cores, {versions}. `python benchmarks/tables.py`")
    page.write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tables", nargs="*", default=list(TABLES), choices=list(TABLES))
    parser.add_argument("--models", nargs="*", default=list(MODELS), choices=MODELS)
    parser.add_argument("--report", action="store_true", help="write the page from what is there")
    parser.add_argument("--forget", choices=MODELS, help="drop this model's cells first")
    add_run_options(parser)
    arguments = parser.parse_args()
    if arguments.forget:
        CELLS.forget("model", arguments.forget)
    if not arguments.report:
        todo = cells(Path(os.environ["SKDL_DATA"]), arguments.tables, arguments.models)
        CELLS.run(todo, fit, arguments.jobs, arguments.minutes)
    report(RESULTS / "tables.md")


if __name__ == "__main__":
    main()
