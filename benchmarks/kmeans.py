"""K-means beside scikit-learn, scikit-learn-intelex and faiss (where they are installed): one run, interleaved medians.

    python benchmarks/kmeans.py [--rounds 3]

All start from the same centres and take the same number of iterations. The last columns are the multiplications of a
plain iteration (n d k a step) done in a second, as a share of the machine's product of matrices of the same type.
"""

import argparse
import time
import warnings

import numpy as np
import sklearn.cluster as reference
import torch

from skdl.cluster import KMeans

CASES = [
    (200_000, 32, 100, np.float32),
    (200_000, 32, 100, np.float64),
    (1_000_000, 8, 8, np.float64),
    (60_000, 784, 10, np.float32),
]
ITERATIONS = 20


def medians(contestants: dict, rounds: int) -> dict:
    """Time functions in turn; return the median seconds of each, and leave out a first round."""
    seconds: dict = {name: [] for name in contestants}
    for turn in range(rounds + 1):
        for name, work in contestants.items():
            time.sleep(0.3)
            begin = time.perf_counter()
            work()
            if turn:
                seconds[name].append(time.perf_counter() - begin)
    return {name: float(np.median(values)) for name, values in seconds.items()}


def blobs(n, d, k, dtype, spread):
    rng = np.random.default_rng(0)
    centers = 2 * rng.normal(size=(k, d))
    return (centers[rng.integers(0, k, n)] + spread * rng.normal(size=(n, d))).astype(dtype)


def others(X, init, k) -> dict:
    """The peers that can be imported here."""
    options = {"init": init, "n_init": 1, "max_iter": ITERATIONS, "tol": 0}
    peers = {"scikit-learn": lambda: reference.KMeans(k, **options).fit(X)}
    try:
        from sklearnex.cluster import KMeans as IntelKMeans

        peers["sklearnex"] = lambda: IntelKMeans(k, **options).fit(X)
    except ImportError:
        pass
    try:
        import faiss
    except ImportError:
        return peers

    def by_faiss():
        trained = faiss.Kmeans(X.shape[1], k, niter=ITERATIONS, max_points_per_centroid=len(X))
        trained.train(X, init_centroids=init)

    if X.dtype == np.float32:
        peers["faiss"] = by_faiss
    return peers


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    warnings.simplefilter("ignore")
    peak = {}
    for dtype in (np.float32, np.float64):
        square = torch.rand(3000, 3000, dtype=torch.float32 if dtype == np.float32 else torch.float64)
        peak[dtype] = 3000**3 / medians({"mm": lambda square=square: square @ square}, 3)["mm"]
        print(
            f"product of {np.dtype(dtype).name}: {2 * peak[dtype] / 1e9:.0f} GFLOP/s, {torch.get_num_threads()} threads"
        )
    for n, d, k, dtype in CASES:
        for spread, kind in ((0.7, "apart"), (2.5, "overlapping")):
            X = blobs(n, d, k, dtype, spread)
            init = X[:k].copy()
            model = KMeans(k, init=init, max_iter=ITERATIONS, tol=0, device="cpu")
            seconds = medians({"skdl": lambda model=model, X=X: model.fit(X), **others(X, init, k)}, rounds)
            title = f"Lloyd {n} x {d}, k={k}, {np.dtype(dtype).name}, {kind}"
            work = n * d * k * model.n_iter_ / seconds["skdl"] / peak[dtype]
            show(title, seconds, f"of the product's peak {work:5.0%}")
        seeds = {
            "skdl": lambda X=X, k=k: KMeans(k, max_iter=1, random_state=0, device="cpu").fit(X),
            "scikit-learn": lambda X=X, k=k: reference.KMeans(k, n_init=1, max_iter=1, random_state=0).fit(X),
        }
        show(f"k-means++ and one step {n} x {d}, k={k}", medians(seeds, rounds), "")


def show(title, seconds, note):
    mine = seconds["skdl"]
    peers = "  ".join(
        f"{name} {value:.3f} s = {value / mine:.2f}x" for name, value in seconds.items() if name != "skdl"
    )
    print(f"{title:55s} skdl {mine:.3f} s  {peers}  {note}", flush=True)


if __name__ == "__main__":
    main()
