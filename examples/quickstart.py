"""The main job in one sitting: pipelines, cross-validation, a search and a vote, on real data.

Every skdl estimator is a scikit-learn estimator, so this script is scikit-learn's way of working throughout; the models
and the search in it come from skdl, and each stands beside its scikit-learn counterpart. Run it with ``make
quickstart`` or

    python examples/quickstart.py

It takes about a minute on two cores and writes ``quickstart_learning_curves.png``.
"""

import argparse
import time
import warnings
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
from sklearn import cluster, linear_model, naive_bayes, neighbors, neural_network, tree
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_wine
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import KFold, StratifiedKFold, cross_validate, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdl.cluster import KMeans
from skdl.ensemble import VotingClassifier
from skdl.linear_model import LogisticRegression, Ridge
from skdl.model_selection import GridSearchCV
from skdl.naive_bayes import GaussianNB
from skdl.neighbors import KNeighborsClassifier, KNeighborsRegressor
from skdl.neural import MLPClassifier, MLPRegressor
from skdl.tree import DecisionTreeClassifier, DecisionTreeRegressor
from skdl.utils import progress

FOLDS = 5

# Name -> (skdl's estimator, scikit-learn's counterpart). Each goes behind a StandardScaler in a pipeline.
CLASSIFIERS = {
    "KNeighborsClassifier": (KNeighborsClassifier(), neighbors.KNeighborsClassifier()),
    "DecisionTreeClassifier": (
        DecisionTreeClassifier(max_depth=6, random_state=0),
        tree.DecisionTreeClassifier(max_depth=6, random_state=0),
    ),
    "GaussianNB": (GaussianNB(), naive_bayes.GaussianNB()),
    "LogisticRegression": (LogisticRegression(), linear_model.LogisticRegression()),
    # K-means as a step that turns samples into distances to centres, a classifier behind it.
    "KMeans + LogisticRegression": (
        make_pipeline(KMeans(n_clusters=30, n_init=3, random_state=0), LogisticRegression()),
        make_pipeline(cluster.KMeans(n_clusters=30, n_init=3, random_state=0), linear_model.LogisticRegression()),
    ),
    "MLPClassifier": (
        MLPClassifier(max_epochs=100, random_state=0),
        neural_network.MLPClassifier(hidden_layer_sizes=(128, 128), max_iter=100, random_state=0),
    ),
}
REGRESSORS = {
    "KNeighborsRegressor": (KNeighborsRegressor(), neighbors.KNeighborsRegressor()),
    "DecisionTreeRegressor": (
        DecisionTreeRegressor(max_depth=3, random_state=0),
        tree.DecisionTreeRegressor(max_depth=3, random_state=0),
    ),
    "Ridge": (Ridge(), linear_model.Ridge()),
    "MLPRegressor": (
        MLPRegressor(max_epochs=30, random_state=0),
        neural_network.MLPRegressor(hidden_layer_sizes=(128, 128), max_iter=100, random_state=0),
    ),
}


def compare_with_scikit_learn() -> pd.DataFrame:
    """Cross-validate every pipeline and its counterpart; return scores and seconds a fit."""
    jobs = [
        (data, name, pair)
        for data, models in (
            (load_breast_cancer, CLASSIFIERS),
            (load_wine, CLASSIFIERS),
            (load_digits, CLASSIFIERS),
            (load_diabetes, REGRESSORS),
        )
        for name, pair in models.items()
    ]
    rows = []
    for load, name, pair in progress(jobs, desc="cross-validation", unit="model", verbose=1):
        X, y = load(return_X_y=True, as_frame=True)
        splits = KFold if load is load_diabetes else StratifiedKFold
        row = {"data": load.__name__.removeprefix("load_"), "pipeline": f"StandardScaler + {name}"}
        for library, model in zip(("skdl", "scikit-learn"), pair, strict=True):
            result = cross_validate(
                make_pipeline(StandardScaler(), model), X, y, cv=splits(FOLDS, shuffle=True, random_state=0)
            )
            row[f"{library} score"] = f"{result['test_score'].mean():.3f} ± {result['test_score'].std():.3f}"
            row[f"{library} fit (s)"] = f"{result['fit_time'].mean():.3f}"
        rows.append(row)
    return pd.DataFrame(rows)


def search() -> None:
    """Search over a network and over nearest neighbours; candidates and folds are fitted together, as families."""
    X, y = load_wine(return_X_y=True, as_frame=True)
    grids = {
        "MLPClassifier": (
            MLPClassifier(max_epochs=60, random_state=0),
            {"mlpclassifier__hidden_layer_sizes": [(16,), (64,), (64, 64)], "mlpclassifier__lr": [1e-3, 1e-2]},
        ),
        "KNeighborsClassifier": (
            KNeighborsClassifier(),
            {
                "kneighborsclassifier__n_neighbors": [1, 3, 5, 10, 20, 30],
                "kneighborsclassifier__weights": ["uniform", "distance"],
            },
        ),
    }
    for name, (model, grid) in grids.items():
        start = time.perf_counter()
        found = GridSearchCV(
            make_pipeline(StandardScaler(), model), grid, cv=StratifiedKFold(FOLDS, shuffle=True, random_state=0)
        ).fit(X, y)
        best = {key.split("__")[1]: value for key, value in found.best_params_.items()}
        n_fits = len(found.cv_results_["params"]) * FOLDS
        print(
            f"  {name:21} {n_fits:3} fits in {time.perf_counter() - start:4.1f} s: best score {found.best_score_:.3f} "
            f"with {best}"
        )


def vote() -> None:
    """Let three unlike models vote, and compare the votes with the members on rows that none of them saw."""
    X, y = load_digits(return_X_y=True, as_frame=True)
    X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.5, stratify=y, random_state=0)
    members = {
        "nearest neighbours": make_pipeline(StandardScaler(), KNeighborsClassifier(n_neighbors=3)),
        "logistic regression": make_pipeline(StandardScaler(), LogisticRegression()),
        "network": MLPClassifier(max_epochs=100, random_state=0),
    }
    scores = {name: model.fit(X_train, y_train).score(X_test, y_test) for name, model in members.items()}
    best = max(scores.values())
    votes = {
        "soft vote": VotingClassifier(list(members.items()), voting="soft"),
        "hard vote": VotingClassifier(list(members.items()), voting="hard"),
        "vote by ranks": VotingClassifier(list(members.items()), voting="rank"),
        "soft vote, weights learned": VotingClassifier(list(members.items()), voting="soft", weights="optimal"),
    }
    scores |= {name: ensemble.fit(X_train, y_train).score(X_test, y_test) for name, ensemble in votes.items()}
    for name, score in scores.items():
        difference = f"{score - best:+.4f} against the best member" if "vote" in name else ""
        print(f"  {name:26} {score:.4f}  {difference}")


def draw_learning_curves(path: Path) -> None:
    """Draw the losses of a network, fold by fold. Each fold stops early on rows held out of its training part."""
    X, y = load_digits(return_X_y=True, as_frame=True)
    network = MLPClassifier(max_epochs=100, early_stopping=True, dropout=0.2, random_state=0)
    result = cross_validate(
        make_pipeline(StandardScaler(), network),
        X,
        y,
        cv=StratifiedKFold(FOLDS, shuffle=True, random_state=0),
        return_estimator=True,
    )
    figure, axes = plt.subplots(1, FOLDS, figsize=(3 * FOLDS, 3), sharey=True, layout="constrained")
    for fold, (axis, pipeline) in enumerate(zip(axes, result["estimator"], strict=True)):
        history = pipeline[-1].history_
        axis.plot(history["epoch"], history["train_loss"], label="training")
        axis.plot(history["epoch"], history["valid_loss"], label="validation")
        axis.set(title=f"fold {fold + 1}: accuracy {result['test_score'][fold]:.3f}", xlabel="epoch", yscale="log")
    axes[0].set_ylabel("cross-entropy")
    axes[0].legend()
    figure.savefig(path, dpi=100)
    print(f"  {path} ({', '.join(str(pipeline[-1].n_iter_) for pipeline in result['estimator'])} epochs)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--figure", type=Path, default=Path("quickstart_learning_curves.png"))
    figure = parser.parse_args().figure
    # scikit-learn's network warns that it has not converged after the same number of epochs as ours.
    warnings.simplefilter("ignore", ConvergenceWarning)

    start = time.perf_counter()
    print(f"1. {FOLDS}-fold cross-validation: accuracy, or R2 for diabetes, and seconds a fit")
    print(compare_with_scikit_learn().to_string(index=False))
    print("\n2. Grid searches on wine")
    search()
    print("\n3. Votes on digits: accuracy on the half that was held out")
    vote()
    print("\n4. Learning curves of a network on digits, fold by fold")
    draw_learning_curves(figure)
    print(f"\nDone in {time.perf_counter() - start:.0f} s.")


if __name__ == "__main__":
    main()
