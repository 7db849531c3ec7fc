"""K-means beside scikit-learn, scikit-learn-intelex and faiss.

    python benchmarks/kmeans.py [--rounds 3]

From the same centres all take the same number of iterations; seeding is k-means++ and one iteration.
"""

import numpy as np
import sklearn.cluster as reference
from _measure import Row, main
from sklearn.datasets import load_digits, load_iris

from skdl.cluster import KMeans

CASES = [
    # rows, columns, clusters, type, marks of Lloyd's algorithm and of the seeding
    (200_000, 32, 100, np.float32, 3.0, 1.0),
    (200_000, 32, 100, np.float64, 3.0, None),
    (1_000_000, 8, 8, np.float64, 3.0, 1.0),
    (60_000, 784, 10, np.float32, 1.7, 1.0),
]
ITERATIONS = 20


def blobs(n, d, k, dtype, spread):
    rng = np.random.default_rng(0)
    centers = 2 * rng.normal(size=(k, d))
    return (centers[rng.integers(0, k, n)] + spread * rng.normal(size=(n, d))).astype(dtype)


def classes() -> dict:
    """K-means of each peer that can be imported here."""
    found = {"skdl": KMeans, "scikit-learn": reference.KMeans}
    try:
        from sklearnex.cluster import KMeans as IntelKMeans

        found["sklearnex"] = IntelKMeans
    except ImportError:
        pass
    return found


def by_faiss(X, init, k):
    import faiss

    trained = faiss.Kmeans(X.shape[1], k, niter=ITERATIONS, max_points_per_centroid=len(X))
    trained.train(X, init_centroids=init)


def lloyd(X, init, k) -> dict:
    """A fit from the same centres for each peer."""
    options = {"n_clusters": k, "init": init, "n_init": 1, "max_iter": ITERATIONS, "tol": 0}
    fits = {name: lambda cls=cls: cls(**options).fit(X) for name, cls in classes().items()}
    try:
        import faiss  # noqa: F401
    except ImportError:
        return fits
    if X.dtype == np.float32:
        fits["faiss"] = lambda: by_faiss(X, init, k)
    return fits


def rows(options):
    """The rows of the table."""
    for n, d, k, dtype, mark, seeding_mark in CASES:
        n = n // 10 if options.quick else n
        name = np.dtype(dtype).name
        for spread, kind in ((0.7, "apart"), (2.5, "overlapping")):
            X = blobs(n, d, k, dtype, spread)
            init = X[:k].copy()
            taken = KMeans(k, init=init, max_iter=ITERATIONS, tol=0).fit(X).n_iter_
            title = f"K-means {n} x {d}, k={k}, {name}, {kind}"
            yield Row(title, lloyd(X, init, k), mark, 2.0 * n * d * k * taken, X.nbytes * taken, name)
        seeds = {
            who: lambda cls=cls, X=X, k=k: cls(n_clusters=k, n_init=1, max_iter=1, random_state=0).fit(X)
            for who, cls in classes().items()
        }
        yield Row(f"k-means++ and one iteration {n} x {d}, k={k}, {name}", seeds, seeding_mark, 0.0, X.nbytes, name)
    for title, X in (("iris", load_iris().data), ("digits", load_digits().data)):
        for n_init in (1, 10):
            fits = {
                who: lambda cls=cls, X=X, n_init=n_init: cls(n_clusters=8, n_init=n_init, random_state=0).fit(X)
                for who, cls in classes().items()
            }
            yield Row(f"K-means {title}, k=8, {n_init} starts", fits, None)


if __name__ == "__main__":
    main(__doc__.splitlines()[0], rows)
