"""Neighbours against scikit-learn, scikit-learn-intelex and faiss.

    python benchmarks/neighbors.py [--quick] [--rounds 3] [--only d64]

Fitting is not timed; the share of neighbours that all competitors have in common with ours stands beside each row. The
data are normal random numbers, except where Fashion-MNIST lies in the folder SKDL_DATA.
"""

import os
from pathlib import Path

import numpy as np
import torch
from _measure import Row, main
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier as TheirClassifier
from sklearn.neighbors import NearestNeighbors as TheirSearch

from skdl.base import fit_family
from skdl.neighbors import KNeighborsClassifier, NearestNeighbors

CASES = {
    # name: (rows, queries, features, dtype, mark)
    "d=784, float32": (60_000, 10_000, 784, "float32", 1.9),
    "d=64, float32": (50_000, 10_000, 64, "float32", 1.9),
    "d=64, float64": (50_000, 10_000, 64, "float64", 3.4),
    "d=8, float64": (200_000, 20_000, 8, "float64", 1.3),
    "d=8, float32": (200_000, 20_000, 8, "float32", 1.3),
    "d=3, float64": (200_000, 20_000, 3, "float64", None),
}
K = 10


def make_data(n, m, d, dtype):
    folder = os.environ.get("SKDL_DATA")
    path = None if folder is None else Path(folder) / "fashion_mnist" / "fashion_mnist.npz"
    if d == 784 and path is not None and path.exists():
        images = np.load(path)
        parts = images["X_train"][:n], images["X_test"][:m]
        return [part.reshape(len(part), -1).astype(dtype) / np.dtype(dtype).type(255) for part in parts]
    rng = np.random.default_rng(0)
    return rng.standard_normal((n, d)).astype(dtype), rng.standard_normal((m, d)).astype(dtype)


def competitors(X, n_threads):
    """Name and search function of each; fitting is not timed."""
    ours = NearestNeighbors(n_neighbors=K, n_jobs=n_threads, device="cpu").fit(X)
    theirs = TheirSearch(n_neighbors=K, n_jobs=n_threads).fit(X)
    found = {"skdl": lambda Q: ours.kneighbors(Q)[1], "scikit-learn": lambda Q: theirs.kneighbors(Q)[1]}
    try:
        from sklearnex.neighbors import NearestNeighbors as Accelerated
    except ImportError:
        pass
    else:
        accelerated = Accelerated(n_neighbors=K, n_jobs=n_threads).fit(X)
        found["sklearnex"] = lambda Q: accelerated.kneighbors(Q)[1]
    try:
        import faiss
    except ImportError:
        pass
    else:
        faiss.omp_set_num_threads(n_threads)
        flat = faiss.IndexFlatL2(X.shape[1])
        flat.add(np.ascontiguousarray(X, dtype=np.float32))
        found["faiss"] = lambda Q: flat.search(np.ascontiguousarray(Q, dtype=np.float32), K)[1]
    return found


def rows(options):
    """The rows of the table."""
    n_threads = torch.get_num_threads()
    for name, (n, m, d, dtype, mark) in CASES.items():
        n, m = (n // 10, m // 10) if options.quick else (n, m)
        X, Q = make_data(n, m, d, dtype)
        answers: dict = {}
        contestants = {
            who: lambda who=who, search=search, answers=answers, Q=Q: answers.__setitem__(who, search(Q))
            for who, search in competitors(X, n_threads).items()
        }

        def agreement(answers=answers):
            same = [float((answer == answers["skdl"]).mean()) for answer in answers.values()]
            return f"{min(same):.4f} of the neighbours the same for all"

        work = 2.0 * n * m * d
        yield Row(f"KNN k={K}, {n}/{m}, {name}", contestants, mark, work, X.nbytes + Q.nbytes, dtype, agreement)
    X = load_iris().data
    small = {"skdl": NearestNeighbors(n_neighbors=5), "scikit-learn": TheirSearch(n_neighbors=5)}
    times = {who: lambda model=model: many(lambda: model.fit(X).kneighbors(X), 50) for who, model in small.items()}
    yield Row("KNN fit and search, iris, 50 times", times)
    yield search(2_000 if options.quick else 20_000, n_threads)


def many(work, times):
    for _ in range(times):
        work()


def search(n, n_threads):
    """60 candidates, 5 folds: one family against scikit-learn's grid search."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 5, n)
    X = rng.standard_normal((n, 64)) + rng.standard_normal((5, 64))[y] * 0.4
    grid = {"n_neighbors": list(range(1, 60, 2)), "weights": ["uniform", "distance"]}
    candidates = [{"n_neighbors": k, "weights": w} for k in grid["n_neighbors"] for w in grid["weights"]]
    folds = np.array_split(rng.permutation(n), 5)
    splits = [(np.setdiff1d(np.arange(n), fold), fold) for fold in folds]
    found = {}

    def ours():
        scores = found["skdl"] = np.empty((len(candidates), 5))
        model = KNeighborsClassifier(n_jobs=n_threads, device="cpu")
        for i, j, fitted in fit_family(model, X, y, candidates=candidates, splits=[train for train, _ in splits]):
            scores[i, j] = fitted.score(X[splits[j][1]], y[splits[j][1]])

    def theirs():
        grid_search = GridSearchCV(TheirClassifier(n_jobs=n_threads), grid, cv=splits, refit=False).fit(X, y)
        found["scikit-learn"] = np.column_stack([grid_search.cv_results_[f"split{j}_test_score"] for j in range(5)])

    def agreement():
        return f"{int((found['skdl'] == found['scikit-learn']).sum())} of 300 scores the same"

    contestants = {"skdl": ours, "scikit-learn": theirs}
    return Row(f"KNN search, 60 candidates x 5 folds, {n} x 64", contestants, 50, note=agreement)


if __name__ == "__main__":
    main(__doc__.splitlines()[0], rows)
