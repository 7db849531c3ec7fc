"""What metric learning does to a set: the embedding before and after, the neighbours of a query, a search over both.

    python examples/metric_learning.py

It takes some ten seconds on two cores and writes ``metric_learning.png``. The learners of skdl are transformers, so
that scikit-learn's PCA, Isomap and spectral embedding stand in the same place of a pipeline.
"""

import argparse
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.manifold import Isomap
from sklearn.model_selection import train_test_split

from skdl.cluster import KMeans
from skdl.metric_learning import LFDA, LMNN, LPP, MCML, NCA, RCA
from skdl.model_selection import GridSearchCV
from skdl.neighbors import KNeighborsClassifier

LEARNERS = {
    "PCA (scikit-learn)": PCA(2),
    "Isomap (scikit-learn)": Isomap(n_components=2),
    "LPP, without labels": LPP(2),
    "RCA": RCA(2),
    "LFDA": LFDA(2),
    "MCML": MCML(2, max_iter=30),
    "LMNN": LMNN(2),
    "NCA": NCA(2),
}


def draw_maps(axes, X_train, X_test, y_train, y_test):
    """Draw the test rows after each learner, with the accuracy of their neighbours."""
    for axis, (name, learner) in zip(axes, LEARNERS.items(), strict=True):
        there = learner.fit_transform(X_train, y_train)
        test = learner.transform(X_test)
        score = KNeighborsClassifier().fit(there, y_train).score(test, y_test)
        axis.scatter(*test.T, c=y_test, s=6, cmap="tab10")
        axis.set(title=f"{name}: {score:.2f}", xticks=[], yticks=[])
        print(f"{name:24} accuracy of 5 neighbours in two dimensions {score:.3f}")


def draw_neighbours(axes, X_train, X_test, y_train, y_test):
    """Draw a query that plain neighbours get wrong, with its neighbours before and after LMNN."""
    plain, learnt = KNeighborsClassifier().fit(X_train, y_train), KNeighborsClassifier(metric=LMNN())
    learnt.fit(X_train, y_train)
    mended = np.flatnonzero((plain.predict(X_test) != y_test) & (learnt.predict(X_test) == y_test))
    query = X_test[mended[:1]]
    for row, (name, model) in zip(axes, {"before": plain, "after": learnt}.items(), strict=True):
        indices = model.kneighbors(query, 7, return_distance=False)[0]
        for axis, image in zip(row, [query[0], *X_train[indices]], strict=True):
            axis.imshow(image.reshape(8, 8), cmap="gray_r")
            axis.set(xticks=[], yticks=[])
        row[0].set_ylabel(name)
    axes[0][0].set_title("query")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--figure", type=Path, default=Path("metric_learning.png"))
    options = parser.parse_args()
    X, y = load_digits(return_X_y=True)
    parts = train_test_split(X / 16, y, test_size=0.4, stratify=y, random_state=0)
    X_train, X_test, y_train, y_test = parts

    figure = plt.figure(figsize=(12, 9), layout="constrained")
    above, below = figure.subfigures(2, 1, height_ratios=[3, 1.4])
    draw_maps(above.subplots(2, 4).ravel(), *parts)
    draw_neighbours(below.subplots(2, 8), *parts)
    figure.savefig(options.figure, dpi=120)

    grid = {"metric__n_components": [5, 10, 20], "n_neighbors": [1, 3, 5]}
    search = GridSearchCV(KNeighborsClassifier(metric=LFDA()), grid, cv=3).fit(X_train, y_train)
    print("the best of a search over the metric inside the neighbours:", search.best_params_)
    print(f"its accuracy on the rest: {search.score(X_test, y_test):.3f}")

    clusters = NCA(10).fit(X_train, y_train)
    for name, Z in (("as they are", X_test), ("after NCA on other rows", clusters.transform(X_test))):
        labels = KMeans(10, n_init=5, random_state=0).fit_predict(Z)
        purity = sum(np.bincount(y_test[labels == k]).max() for k in range(10)) / len(y_test)
        print(f"purity of ten clusters of the rows {name}: {purity:.3f}")


if __name__ == "__main__":
    main()
