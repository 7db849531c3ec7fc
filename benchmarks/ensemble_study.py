"""Do votes help? Unlike models and ways to combine them: ``SKDL_DATA=... python benchmarks/ensemble_study.py``.

Each table is cut into 5 stratified folds. On the training part six members are fitted, and cross-validated in 5 inner
folds for the predictions from which weights, ranks, greedy ensembles and the choice of the single best member
are learned. All are then compared on the test part: accuracy and log-loss, mean over the folds. Tables of more than
2,000 rows are cut to 2,000 drawn at random. ``--write`` puts the result into benchmarks/results.
"""

import argparse
import os
import platform
import time
from pathlib import Path

import numpy as np
import pandas as pd
import sklearn
from scipy.stats import rankdata
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.impute import SimpleImputer
from sklearn.metrics import log_loss
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skdl.ensemble import VotingClassifier
from skdl.ensemble._combine import RankAverage, count_votes, normalize_rows, pool_logits
from skdl.ensemble._selection import greedy_weights
from skdl.ensemble._weights import optimal_weights, weights_from_scores
from skdl.linear_model import LogisticRegression
from skdl.naive_bayes import GaussianNB
from skdl.neighbors import KNeighborsClassifier
from skdl.neural import MLPClassifier
from skdl.tree import DecisionTreeClassifier

RESULT = Path(__file__).parent / "results" / "ensemble_study.md"
ROWS = 2000
# table -> (file, target, columns that would tell it)
TABLES = {
    "balance_scale": ("balance_scale.csv.gz", "class", ()),
    "bank_marketing": ("bank_additional.csv.gz", "y", ("duration",)),
    "breast_w": ("breast_w.csv.gz", "Class", ()),
    "car": ("car.csv.gz", "class", ()),
    "german_credit": ("german_credit.csv.gz", "class", ()),
    "glass": ("glass.csv.gz", "Type", ()),
    "heart_c": ("heart_c.csv.gz", "num", ()),
    "kr_vs_kp": ("kr_vs_kp.csv.gz", "class", ()),
    "letter": ("letter.csv.gz", "class", ()),
    "mammography": ("mammography.csv.gz", "y", ()),
    "phoneme": ("phoneme.csv.gz", "y", ()),
    "pima_diabetes": ("pima_diabetes.csv.gz", "class", ()),
    "segment": ("segment.csv.gz", "class", ()),
    "sonar": ("sonar.csv.gz", "Class", ()),
    "spambase": ("spambase.csv.gz", "class", ()),
    "tic_tac_toe": ("tic_tac_toe.csv.gz", "Class", ()),
    "titanic": ("titanic.csv.gz", "Survived", ("PassengerId", "Name", "Ticket", "Cabin")),
    "vehicle": ("vehicle.csv.gz", "Class", ()),
    "vowel": ("vowel.csv.gz", "Class", ("Train or Test", "Speaker Number", "Speaker")),
    "zoo": ("zoo.csv.gz", "type", ()),
}


def load(name: str) -> tuple[pd.DataFrame, np.ndarray]:
    """Read a table; numbers as numbers, all else as words, what is missing as NaN."""
    file, target, told = TABLES[name]
    frame = pd.read_csv(Path(os.environ["SKDL_DATA"]) / name / file, keep_default_na=False, na_values=["?", ""])
    y = frame[target].astype(str).to_numpy()
    X = frame.drop(columns=[target, *(column for column in told if column in frame)])
    rows = np.random.default_rng(0).permutation(len(X))[:ROWS]
    labels, counts = np.unique(y[rows], return_counts=True)
    rows = rows[np.isin(y[rows], labels[counts >= 10])]  # so that every fold has every class
    words = X.select_dtypes(exclude="number").columns
    X = X.astype(dict.fromkeys(words, object))
    for word in words:
        X[word] = X[word].map(lambda value: value if pd.isna(value) else str(value)).astype(object)
    return X.iloc[rows].reset_index(drop=True), y[rows]


def members() -> list[tuple[str, Pipeline]]:
    """Six unlike models behind one and the same beginning, which is fitted once for all of them."""
    columns = ColumnTransformer(
        [
            (
                "numbers",
                make_pipeline(SimpleImputer(strategy="median"), StandardScaler()),
                make_column_selector(dtype_include="number"),
            ),
            (
                "words",
                make_pipeline(
                    SimpleImputer(strategy="constant", fill_value="missing"),
                    OneHotEncoder(handle_unknown="ignore", sparse_output=False),
                ),
                make_column_selector(dtype_exclude="number"),
            ),
        ]
    )
    models = {
        "logistic": LogisticRegression(max_iter=1000),
        "neighbours": KNeighborsClassifier(15, weights="distance"),
        "bayes": GaussianNB(var_smoothing=1e-3),
        "tree": DecisionTreeClassifier(min_samples_leaf=5),
        "forest": ExtraTreesClassifier(100, random_state=0),
        "net": MLPClassifier((64,), max_epochs=30, random_state=0, device="cpu"),
    }
    return [(name, Pipeline([("columns", columns), ("model", model)])) for name, model in models.items()]


def compare(X, y, train, test) -> dict[str, tuple[float, float]]:
    """Return (accuracy, log-loss) of every member and every way to combine them on one fold."""
    X_train, y_train, X_test, y_test = X.iloc[train], y[train], X.iloc[test], y[test]
    kept: dict = {}

    def keep(predictions, target):
        kept.update(said=predictions, target=target)
        return np.ones(len(predictions))

    library = VotingClassifier(members(), voting="soft", weights=keep).fit(X_train, y_train)
    classes, names = library.classes_, [name for name, _ in library.estimators]
    said, target = kept["said"], kept["target"]
    losses = [log_loss(target, part, labels=range(len(classes))) for part in said]
    accuracies = np.array([(part.argmax(axis=1) == target).mean() for part in said])
    found = {}

    def note(name, probability, labels=None):
        labels = classes[probability.argmax(axis=1)] if labels is None else labels
        loss = log_loss(y_test, normalize_rows(np.clip(probability, 1e-6, 1)), labels=classes)
        found[name] = ((labels == y_test).mean(), loss)

    asked = np.array([member.predict_proba(X_test) for member in library.estimators_])
    for name, part in zip(names, asked, strict=True):
        note(name, part)
    note("best by accuracy", asked[accuracies.argmax()])
    note("best by log-loss", asked[int(np.argmin(losses))])

    hard = count_votes(asked.argmax(axis=2), len(classes))
    note("vote hard", normalize_rows(hard + 1e-3), classes[hard.argmax(axis=1)])
    note("vote soft", asked.mean(axis=0))
    note("vote logit", pool_logits(asked))
    note("vote rank", normalize_rows(RankAverage(said)(asked) + 1e-9))
    for by_rank in (False, True):
        weights = weights_from_scores(accuracies, by_rank=by_rank)
        note(f"soft, weights={'rank' if by_rank else 'score'}", np.tensordot(weights, asked, 1))
    note("soft, weights=optimal", np.tensordot(optimal_weights(said, target, None, kind="probability"), asked, 1))
    note("logit, weights=optimal", pool_logits(asked, optimal_weights(said, target, None, kind="logit")))
    options = {"loss": "log_loss", "n_steps": 50, "n_init": 5, "n_bags": 1, "bag_fraction": 1.0}
    greedy = greedy_weights(said, target, generator=np.random.RandomState(0), **options)
    note("greedy", np.tensordot(greedy, asked, 1))
    return found


def study() -> tuple[pd.DataFrame, pd.DataFrame, float]:
    """Return accuracies in percent and log-losses, a row for each table, and the seconds that it took."""
    started = time.process_time()
    accuracy, loss = {}, {}
    for name in TABLES:
        X, y = load(name)
        folds = StratifiedKFold(5, shuffle=True, random_state=0).split(X, y)
        found = [compare(X, y, train, test) for train, test in folds]
        ways = found[0]
        accuracy[f"{name} ({len(X)} x {X.shape[1]}, {len(np.unique(y))})"] = {
            way: 100 * np.mean([fold[way][0] for fold in found]) for way in ways
        }
        loss[name] = {way: np.mean([fold[way][1] for fold in found]) for way in ways}
        print(name, f"{time.process_time() - started:.0f} s", flush=True)
    return pd.DataFrame(accuracy).T, pd.DataFrame(loss).T, time.process_time() - started


def markdown(table: pd.DataFrame, digits: int) -> str:
    """Write a frame as a table; the best of each row is bold."""
    best = table.max(axis=1) if digits == 1 else table.min(axis=1)
    lines = ["| table | " + " | ".join(table.columns) + " |", "| --- |" + " ---: |" * table.shape[1]]
    for name, row in table.iterrows():
        cells = [f"**{v:.{digits}f}**" if np.isclose(v, best[name], atol=1e-9) else f"{v:.{digits}f}" for v in row]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def ranks(table: pd.DataFrame, sign: int) -> pd.Series:
    """Return the mean rank of each way over the tables, 1 is best, equal values share the mean of their ranks."""
    return pd.Series(rankdata(sign * table.round(6), axis=1).mean(axis=0), table.columns)


def report() -> str:
    """Run the study and return it as Markdown."""
    accuracy, loss, seconds = study()
    ways = [way for way in accuracy if way not in dict(members())]
    singles = [way for way in accuracy if way in dict(members())]
    summary = pd.DataFrame(
        {
            "mean accuracy": accuracy.mean(),
            "mean rank by accuracy": ranks(accuracy, -1),
            "mean log-loss": loss.mean(),
            "mean rank by log-loss": ranks(loss, 1),
            "tables better than 'best by accuracy'": (accuracy.gt(accuracy["best by accuracy"] + 1e-9, axis=0)).sum(),
            "tables worse": (accuracy.lt(accuracy["best by accuracy"] - 1e-9, axis=0)).sum(),
        }
    )
    lines = [
        "# Ways to combine six unlike models",
        "",
        __doc__.split("\n\n")[1].replace("\n", " "),
        "",
        f"The first {len(singles)} columns are the members; 'best by ...' is the member that does best in the inner "
        "cross-validation, which a user would take. Means over 5 folds; bold is the best of a row.",
        "",
        f"{platform.machine()}, Python {platform.python_version()}, scikit-learn {sklearn.__version__}, NumPy "
        f"{np.__version__}; {seconds:.0f} s of one core. `SKDL_DATA=... python benchmarks/ensemble_study.py --write`",
        "",
        f"## Over {len(accuracy)} tables",
        "",
        "| | " + " | ".join(summary.columns) + " |",
        "| --- |" + " ---: |" * summary.shape[1],
    ]
    for way, row in summary.iterrows():
        values = [f"{row.iloc[0]:.2f}", f"{row.iloc[1]:.2f}", f"{row.iloc[2]:.3f}", f"{row.iloc[3]:.2f}"]
        lines.append(f"| {way} | " + " | ".join([*values, f"{row.iloc[4]:.0f}", f"{row.iloc[5]:.0f}"]) + " |")
    lines += ["", "## Accuracy of the members in percent", "", markdown(accuracy[singles], 1)]
    lines += ["", "## Accuracy of the combinations in percent", "", markdown(accuracy[ways], 1)]
    lines += ["", "## Log-loss of the members", "", markdown(loss[singles], 3)]
    lines += ["", "## Log-loss of the combinations", "", markdown(loss[ways], 3)]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--write", action="store_true")
    write = parser.parse_args().write
    text = report()
    print(text)
    if write:
        RESULT.write_text(text)
