"""Naive Bayes beside scikit-learn: one run, interleaved medians, and the share of the machine's read bandwidth.

    python benchmarks/naive_bayes.py [--rounds 5] [--rows 1000000]

Ratios above one mean that skdl is faster. Contestants take turns, with a pause in between, since the threads of the one
before go on spinning for a while.
"""

import argparse
import time

import numpy as np
import scipy.sparse as sp
import sklearn.naive_bayes as reference
import torch

import skdl.naive_bayes as ours


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


def report(title: str, seconds: dict, n_bytes: int, bandwidth: float) -> None:
    mine, theirs = seconds["skdl"], seconds["scikit-learn"]
    share = n_bytes / mine / bandwidth
    print(f"{title:44s} {theirs:9.4f} s {mine:9.4f} s   ratio {theirs / mine:6.1f}   of the read limit {share:5.0%}")


def gaussian(args, bandwidth):
    rng = np.random.default_rng(0)
    y = rng.integers(0, 10, args.rows)
    for dtype in (np.float64, np.float32):
        X = (rng.normal(size=(args.rows, 50)) + y[:, None] * 0.2).astype(dtype)
        title = f"GaussianNB {{}} {args.rows} x 50, {np.dtype(dtype).name}"
        models = {"skdl": ours.GaussianNB(device="cpu"), "scikit-learn": reference.GaussianNB()}
        fits = {name: lambda model=model, X=X: model.fit(X, y) for name, model in models.items()}
        report(title.format("fit"), medians(fits, args.rounds), X.nbytes, bandwidth)
        predictions = {name: lambda model=model, X=X: model.predict(X) for name, model in models.items()}
        report(title.format("predict"), medians(predictions, args.rounds), X.nbytes, bandwidth)


def multinomial(args, bandwidth):
    rng = np.random.default_rng(0)
    n, d = 100_000, 20_000
    X = sp.random(n, d, density=0.005, format="csr", random_state=0, data_rvs=lambda k: rng.integers(1, 5, k))
    X = sp.csr_array(X.astype(np.float64))
    y = rng.integers(0, 10, n)
    n_bytes = X.data.nbytes + X.indices.nbytes
    models = {"skdl": ours.MultinomialNB(device="cpu"), "scikit-learn": reference.MultinomialNB()}
    fits = {name: lambda model=model: model.fit(X, y) for name, model in models.items()}
    report(f"MultinomialNB fit {n} x {d} sparse", medians(fits, args.rounds), n_bytes, bandwidth)
    predictions = {name: lambda model=model: model.predict(X) for name, model in models.items()}
    report(f"MultinomialNB predict {n} x {d} sparse", medians(predictions, args.rounds), n_bytes, bandwidth)


def family(args, bandwidth):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(100_000, 50)), rng.integers(0, 10, 100_000)
    candidates = [{"var_smoothing": value} for value in np.geomspace(1e-12, 1, 30)]
    splits = [np.flatnonzero(np.arange(100_000) % 10 != fold) for fold in range(10)]

    def together():
        for _ in ours.GaussianNB(device="cpu")._fit_family(X, y, candidates=candidates, splits=splits):
            pass

    def one_by_one():
        for rows in splits:
            for candidate in candidates:
                reference.GaussianNB(**candidate).fit(X[rows], y[rows])

    seconds = medians({"skdl": together, "scikit-learn": one_by_one}, min(args.rounds, 3))
    report("30 candidates x 10 folds, 100000 x 50, fits", seconds, 9 * X.nbytes, bandwidth)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rows", type=int, default=1_000_000)
    args = parser.parse_args()
    block = torch.ones(1 << 25, dtype=torch.float64)
    best = medians({"read": block.sum}, 5)["read"]
    bandwidth = block.numel() * 8 / best
    print(f"{torch.get_num_threads()} threads, reading {bandwidth / 1e9:.1f} GB/s (sum of 256 MB)")
    print(f"{'':44s} {'scikit-learn':>11s} {'skdl':>11s}")
    gaussian(args, bandwidth)
    multinomial(args, bandwidth)
    family(args, bandwidth)


if __name__ == "__main__":
    main()
