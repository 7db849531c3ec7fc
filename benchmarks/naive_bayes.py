"""Naive Bayes beside scikit-learn.

python benchmarks/naive_bayes.py [--rounds 5]
"""

import numpy as np
import scipy.sparse as sp
import sklearn.naive_bayes as reference
from _measure import Row, main

import skdl.naive_bayes as ours


def both(call, models: dict) -> dict:
    return {name: lambda model=model: call(model) for name, model in models.items()}


def rows(options):
    """The rows of the table."""
    yield from gaussian(100_000 if options.quick else 1_000_000)
    yield from multinomial(10_000 if options.quick else 100_000)
    yield family(10_000 if options.quick else 100_000)


def gaussian(n):
    rng = np.random.default_rng(0)
    y = rng.integers(0, 10, n)
    for dtype in (np.float64, np.float32):
        X = (rng.normal(size=(n, 50)) + y[:, None] * 0.2).astype(dtype)
        name = np.dtype(dtype).name
        models = {"skdl": ours.GaussianNB(device="cpu"), "scikit-learn": reference.GaussianNB()}
        yield Row(f"GaussianNB fit {n} x 50, {name}", both(lambda m, X=X: m.fit(X, y), models), 20, 0, X.nbytes, name)
        predictions = both(lambda m, X=X: m.predict(X), models)
        # The products are of float64 whatever the type of the rows.
        yield Row(f"GaussianNB predict {n} x 50, {name}", predictions, 20, 4.0 * X.size * 10, X.nbytes, "float64")


def multinomial(n, d=20_000):
    rng = np.random.default_rng(0)
    X = sp.random(n, d, density=0.005, format="csr", random_state=0, data_rvs=lambda k: rng.integers(1, 5, k))
    X = sp.csr_array(X.astype(np.float64))
    y = rng.integers(0, 10, n)
    n_bytes = X.data.nbytes + X.indices.nbytes
    for name, marks in (("MultinomialNB", (5, 2)), ("ComplementNB", (None, None)), ("BernoulliNB", (None, None))):
        models = {"skdl": getattr(ours, name)(device="cpu"), "scikit-learn": getattr(reference, name)()}
        yield Row(f"{name} fit {n} x {d} sparse", both(lambda m: m.fit(X, y), models), marks[0], 0, n_bytes)
        yield Row(f"{name} predict {n} x {d} sparse", both(lambda m: m.predict(X), models), marks[1], 0, n_bytes)


def family(n):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(n, 50)), rng.integers(0, 10, n)
    candidates = [{"var_smoothing": value} for value in np.geomspace(1e-12, 1, 30)]
    splits = [np.flatnonzero(np.arange(n) % 10 != fold) for fold in range(10)]

    def together():
        for _ in ours.GaussianNB(device="cpu")._fit_family(X, y, candidates=candidates, splits=splits):
            pass

    def one_by_one():
        for chosen in splits:
            for candidate in candidates:
                reference.GaussianNB(**candidate).fit(X[chosen], y[chosen])

    return Row(f"GaussianNB 30 candidates x 10 folds, {n} x 50, fits", {"skdl": together, "scikit-learn": one_by_one})


if __name__ == "__main__":
    main(__doc__.splitlines()[0], rows)
