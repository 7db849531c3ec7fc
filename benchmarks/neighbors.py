"""Neighbours against scikit-learn, scikit-learn-intelex and faiss: interleaved medians of one run.

    python benchmarks/neighbors.py [--quick] [--repeats 3] [--only d64] [--data FOLDER]

All competitors search in one process with the same number of threads and take turns, one search each per round, so that
a disturbance hits all alike; scikit-learn-intelex and faiss where they are installed. Printed are the median seconds,
how many times ours the others took, how many of their neighbours are ours, and for ours the share that the products (or
the reads) of a full comparison would be of the machine's peak, which is measured in the same run. A share above 1 means
that most of the comparison was avoided, or done in bfloat16.

The data are normal random numbers, except where Fashion-MNIST lies in the folder SKDL_DATA (or --data).
"""

import argparse
import os
import statistics
import time
from pathlib import Path

import numpy as np
import torch
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier as TheirClassifier
from sklearn.neighbors import NearestNeighbors as TheirSearch

from skdl.base import fit_family
from skdl.neighbors import KNeighborsClassifier, NearestNeighbors

CASES = {
    # name: (rows, queries, features, dtype)
    "d784 float32 60k/10k": (60_000, 10_000, 784, "float32"),
    "d64 float32 50k/10k": (50_000, 10_000, 64, "float32"),
    "d64 float64 50k/10k": (50_000, 10_000, 64, "float64"),
    "d8 float64 200k/20k": (200_000, 20_000, 8, "float64"),
    "d8 float32 200k/20k": (200_000, 20_000, 8, "float32"),
    "d3 float64 200k/20k": (200_000, 20_000, 3, "float64"),
}
K = 10


def make_data(n, m, d, dtype, folder):
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
        print("  (scikit-learn-intelex is not installed)")
    else:
        accelerated = Accelerated(n_neighbors=K, n_jobs=n_threads).fit(X)
        found["scikit-learn-intelex"] = lambda Q: accelerated.kneighbors(Q)[1]
    try:
        import faiss
    except ImportError:
        print("  (faiss is not installed)")
    else:
        faiss.omp_set_num_threads(n_threads)
        flat = faiss.IndexFlatL2(X.shape[1])
        flat.add(np.ascontiguousarray(X, dtype=np.float32))
        found["faiss"] = lambda Q: flat.search(np.ascontiguousarray(Q, dtype=np.float32), K)[1]
    return found


def peaks(n_threads):
    """Float32 products in GFLOP/s and reads in GB/s, the best of some."""
    torch.set_num_threads(n_threads)
    A, B = torch.randn(2048, 1024), torch.randn(1024, 2048)
    big = torch.ones(64 << 20)
    best = [0.0, 0.0]
    for _ in range(8):
        start = time.perf_counter()
        torch.mm(A, B)
        best[0] = max(best[0], 2 * 2048 * 1024 * 2048 / (time.perf_counter() - start) / 1e9)
        start = time.perf_counter()
        big.sum()
        best[1] = max(best[1], big.numel() * 4 / (time.perf_counter() - start) / 1e9)
    return best


def run_case(name, case, repeats, folder, n_threads):
    n, m, d, dtype = case
    X, Q = make_data(n, m, d, dtype, folder)
    products, reads = peaks(n_threads)
    print(f"{name}, k={K}  [products {products:.0f} GFLOP/s, reads {reads:.1f} GB/s]", flush=True)
    searches = competitors(X, n_threads)
    for search in searches.values():
        search(Q)
    seconds, answers = {who: [] for who in searches}, {}
    for _ in range(repeats):
        for who, search in searches.items():
            start = time.perf_counter()
            answers[who] = search(Q)
            seconds[who].append(time.perf_counter() - start)
    ours = statistics.median(seconds["skdl"])
    for who, times in seconds.items():
        median = statistics.median(times)
        same = float((answers[who] == answers["skdl"]).mean())
        print(f"  {who:22s} {median:8.3f} s   {median / ours:6.2f} x ours   same neighbours {same:.5f}")
    print(
        f"  full comparison at this speed: {2e-9 * n * m * d / ours / products:.2f} of the peak of float32 products, "
        f"{1e-9 * (X.nbytes + Q.nbytes) / ours / reads:.3f} of the read speed for one pass"
    )


def run_search(repeats, n_threads, n):
    """60 candidates, 5 folds: one family against scikit-learn's grid search."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 5, n)
    X = rng.standard_normal((n, 64)) + rng.standard_normal((5, 64))[y] * 0.4
    grid = {"n_neighbors": list(range(1, 60, 2)), "weights": ["uniform", "distance"]}
    candidates = [{"n_neighbors": k, "weights": w} for k in grid["n_neighbors"] for w in grid["weights"]]
    folds = np.array_split(rng.permutation(n), 5)
    splits = [(np.setdiff1d(np.arange(n), fold), fold) for fold in folds]

    def ours():
        scores = np.empty((len(candidates), 5))
        model = KNeighborsClassifier(n_jobs=n_threads, device="cpu")
        for i, j, fitted in fit_family(model, X, y, candidates=candidates, splits=[train for train, _ in splits]):
            scores[i, j] = fitted.score(X[splits[j][1]], y[splits[j][1]])
        return scores

    def theirs():
        search = GridSearchCV(TheirClassifier(n_jobs=n_threads), grid, cv=splits, refit=False).fit(X, y)
        return np.column_stack([search.cv_results_[f"split{j}_test_score"] for j in range(5)])

    ours()
    mine, other = [], []
    for _ in range(repeats):
        start = time.perf_counter()
        a = ours()
        mine.append(time.perf_counter() - start)
        start = time.perf_counter()
        b = theirs()
        other.append(time.perf_counter() - start)
    print(f"search of 60 candidates x 5 folds, {n} x 64")
    seconds, others = statistics.median(mine), statistics.median(other)
    print(f"  skdl {seconds:.3f} s, scikit-learn {others:.3f} s: {others / seconds:.1f} x ours")
    print(f"  equal scores: {int((a == b).sum())} of 300")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a tenth of the rows and queries")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", default="", help="run the cases whose name contains this ('search' for the search)")
    parser.add_argument("--data", default=os.environ.get("SKDL_DATA"))
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    options = parser.parse_args()
    for name, (n, m, d, dtype) in CASES.items():
        if options.only in name:
            case = (n // 10, m // 10, d, dtype) if options.quick else (n, m, d, dtype)
            run_case(name, case, options.repeats, options.data, options.threads)
    if options.only in "search":
        run_search(options.repeats, options.threads, 2_000 if options.quick else 20_000)


if __name__ == "__main__":
    main()
