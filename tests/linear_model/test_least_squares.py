import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.datasets import load_diabetes, load_linnerud, make_regression
from sklearn.linear_model import LinearRegression as LinearReference
from sklearn.linear_model import Ridge as RidgeReference
from sklearn.model_selection import LeaveOneOut, cross_val_predict
from sklearn.utils.estimator_checks import parametrize_with_checks

from skdl.base import fit_family, fit_one_by_one
from skdl.linear_model import LinearRegression, Ridge


# tests/common checks the defaults.
@parametrize_with_checks([Ridge(positive=True), LinearRegression(positive=True)])
def test_scikit_learn_checks(estimator, check):
    check(estimator)


def data(name):
    rng = np.random.default_rng(0)
    if name == "diabetes":
        return load_diabetes(return_X_y=True, scaled=False)
    if name == "linnerud":
        return load_linnerud(return_X_y=True)
    if name == "wide":
        X = rng.normal(size=(40, 90))
        return X, X[:, :3] @ rng.normal(size=(3, 2)) + rng.normal(size=(40, 2))
    return make_regression(300, 20, noise=5.0, random_state=0)


NAMES = ["diabetes", "linnerud", "wide", "made"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("alpha", [1e-3, 1.0, 100.0])
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("weighted", [True, False])
def test_ridge_is_scikit_learns(name, alpha, fit_intercept, weighted):
    X, y = data(name)
    weight = np.random.default_rng(0).uniform(0.1, 3.0, len(X)) if weighted else None
    ours = Ridge(alpha, fit_intercept=fit_intercept).fit(X, y, weight)
    theirs = RidgeReference(alpha, fit_intercept=fit_intercept, solver="svd").fit(X, y, weight)
    assert ours.coef_.shape == theirs.coef_.shape
    np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=1e-8, atol=1e-9 * np.abs(theirs.coef_).max())
    np.testing.assert_allclose(ours.intercept_, theirs.intercept_, rtol=1e-8, atol=1e-9)
    np.testing.assert_allclose(ours.predict(X), theirs.predict(X), rtol=1e-8)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("weighted", [True, False])
def test_linear_regression_is_scikit_learns(name, fit_intercept, weighted):
    X, y = data(name)
    weight = np.random.default_rng(0).uniform(0.1, 3.0, len(X)) if weighted else None
    ours = LinearRegression(fit_intercept=fit_intercept).fit(X, y, weight)
    theirs = LinearReference(fit_intercept=fit_intercept).fit(X, y, weight)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=1e-7, atol=1e-9 * np.abs(theirs.coef_).max())
    np.testing.assert_allclose(ours.intercept_, theirs.intercept_, rtol=1e-7)
    assert ours.rank_ == theirs.rank_
    np.testing.assert_allclose(ours.singular_, theirs.singular_, rtol=1e-7, atol=1e-9 * theirs.singular_.max())


def test_dependent_columns_get_the_solution_of_least_norm():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 5))
    X = np.hstack([X, X[:, :2], np.ones((60, 1))])
    y = rng.normal(size=60)
    ours, theirs = LinearRegression().fit(X, y), LinearReference().fit(X, y)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-12)
    assert ours.rank_ == theirs.rank_ == 5


def test_hilbert_columns_keep_their_digits():
    # The condition number of 7 such columns is 5e8: its square, which a Gram matrix has, is beyond float64.
    X = 1.0 / (np.arange(30)[:, None] + np.arange(7) + 1.0)
    truth = np.arange(1.0, 8.0)
    model = LinearRegression(fit_intercept=False, tol=1e-14).fit(X, X @ truth)
    np.testing.assert_allclose(model.coef_, truth, rtol=1e-6)


@pytest.mark.parametrize("offset", [0.0, 1e4, 1e8])
@pytest.mark.parametrize("cls", [Ridge, LinearRegression])
def test_offsets_and_units_cost_no_digits(cls, offset):
    rng = np.random.default_rng(0)
    X = rng.integers(-8, 8, size=(200, 4)).astype(float)
    y = X @ [1.0, -2.0, 0.5, 3.0] + rng.integers(-3, 3, size=200)
    plain = cls().fit(X, y)
    units = np.array([2.0**-300, 1.0, 2.0**100, 2.0**300]) if cls is LinearRegression else np.ones(4)
    moved = cls().fit((X + offset) * units, y)
    np.testing.assert_allclose(moved.coef_ * units, plain.coef_, rtol=1e-9)
    np.testing.assert_allclose(moved.predict((X + offset) * units), plain.predict(X), rtol=1e-6)


@pytest.mark.parametrize("cls", [Ridge, LinearRegression])
@pytest.mark.parametrize("name", ["diabetes", "linnerud", "made"])
def test_positive_coefficients(cls, name):
    X, y = data(name)
    ours = cls(positive=True).fit(X, y)
    reference = RidgeReference(positive=True, tol=1e-12, max_iter=100_000) if cls is Ridge else LinearReference(
        positive=True
    )  # fmt: skip
    theirs = reference.fit(X, y)
    assert (ours.coef_ >= 0).all()
    assert (ours.coef_ == 0).any()

    def loss(model):
        penalty = (model.coef_**2).sum() if cls is Ridge else 0.0
        return ((y - model.predict(X)) ** 2).sum() + penalty

    assert loss(ours) <= loss(theirs) * (1 + 1e-12)
    assert loss(ours) == pytest.approx(loss(theirs), rel=1e-5)


def test_one_penalty_for_each_target():
    X, y = data("linnerud")
    alphas = [0.1, 1.0, 10.0]
    together = Ridge(alphas).fit(X, y)
    for t, alpha in enumerate(alphas):
        np.testing.assert_allclose(together.coef_[t], Ridge(alpha).fit(X, y[:, t]).coef_, rtol=1e-12)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_leave_one_out_is_leaving_one_out(name, fit_intercept):
    X, y = data(name)
    X, y = X[:60], y[:60]
    errors = Ridge(fit_intercept=fit_intercept).leave_one_out(X, y, alphas=[0.5, 5.0])
    assert errors.shape == (2, *y.shape)
    for i, alpha in enumerate([0.5, 5.0]):
        predicted = cross_val_predict(RidgeReference(alpha, fit_intercept=fit_intercept), X, y, cv=LeaveOneOut())
        np.testing.assert_allclose(errors[i], y - predicted, rtol=1e-6, atol=1e-8 * np.abs(y).max())


def test_leave_one_out_with_weights():
    X, y = data("made")
    X, y = X[:50], y[:50]
    weight = np.random.default_rng(0).uniform(0.1, 3.0, 50)
    errors = Ridge().leave_one_out(X, y, [2.0], weight)[0]
    for i in (0, 17, 49):
        rest = np.arange(50) != i
        model = RidgeReference(2.0).fit(X[rest], y[rest], weight[rest])
        assert errors[i] == pytest.approx(y[i] - model.predict(X[i : i + 1])[0], rel=1e-8)


def test_leave_one_out_says_where_there_is_no_answer():
    X = np.array([[1.0, 0.0], [1.0, 0.0], [2.0, 0.0], [1.0, 5.0]])
    errors = Ridge(fit_intercept=False).leave_one_out(X, [1.0, 1.0, 2.0, 3.0], [0.0])[0]
    assert np.isnan(errors[3])
    assert np.isfinite(errors[:3]).all()


def test_a_family_shares_the_gram_matrix_and_gives_the_same_bits():
    X, y = data("diabetes")
    candidates = [{"alpha": a, "fit_intercept": b} for a in (0.01, 1.0, 100.0) for b in (True, False)]
    splits = [np.arange(300), np.arange(100, 442)]
    single = {(i, j): m for i, j, m in fit_one_by_one(Ridge(), X, y, candidates=candidates, splits=splits)}
    members = list(fit_family(Ridge(), X, y, candidates=candidates, splits=splits))
    assert len(members) == 12
    for i, j, member in members:
        np.testing.assert_array_equal(member.coef_, single[i, j].coef_)
        assert member.get_params() == single[i, j].get_params()


@pytest.mark.parametrize("cls", [Ridge, LinearRegression])
@pytest.mark.parametrize("n_columns", [50, 2500])
@pytest.mark.parametrize("weighted", [True, False])
def test_sparse(cls, n_columns, weighted):
    X = sp.random(4000 if n_columns == 50 else 300, n_columns, density=0.02, rng=0, format="csr")
    rng = np.random.default_rng(0)
    y = X @ rng.normal(size=n_columns) + 0.1 * rng.normal(size=X.shape[0]) + 7.0
    weight = rng.uniform(0.5, 2.0, len(y)) if weighted else None
    parameters = {"tol": 1e-6} if cls is Ridge else {"tol": 1e-12}
    sparse = cls(**parameters).fit(X, y, weight)
    dense = cls(**parameters).fit(X.toarray(), y, weight)
    np.testing.assert_allclose(sparse.predict(X), dense.predict(X.toarray()), rtol=1e-6)
    np.testing.assert_allclose(sparse.intercept_, dense.intercept_, rtol=1e-6)


def test_large_float32_is_as_good_as_float64():
    rng = np.random.default_rng(0)
    X = (rng.normal(size=(60_000, 40)) + 3.0).astype(np.float32)
    y = X.astype(np.float64) @ rng.normal(size=40) + rng.normal(size=60_000)
    for cls in (Ridge, LinearRegression):
        single, double = cls().fit(X, y), cls().fit(X.astype(np.float64), y)
        assert single.coef_.dtype == np.float32
        np.testing.assert_allclose(single.coef_, double.coef_, rtol=3e-6)


class TestBadInput:
    @pytest.mark.parametrize(
        ("model", "message"),
        [
            (Ridge(-1.0), r"alpha of Ridge must be a number in \[0, inf\) or one for each target; got -1.0"),
            (Ridge("big"), "alpha of Ridge must be a number"),
            (Ridge([1.0, 2.0]), "alpha has 2 values, but y has 3 targets: give one value, or one for each"),
            (Ridge(tol=-1.0), "tol of Ridge must be"),
            (Ridge(solver="qr"), "solver of Ridge must be one of"),
            (LinearRegression(tol=-1.0), "tol of LinearRegression must be"),
            (LinearRegression(device="gpu"), "device='gpu' is not a device"),
        ],
    )
    def test_parameters(self, model, message):
        with pytest.raises(ValueError, match=message):
            model.fit(*data("linnerud"))

    @pytest.mark.parametrize("cls", [Ridge, LinearRegression])
    def test_values(self, cls):
        X, y = data("diabetes")
        with pytest.raises(ValueError, match=r"contains NaN[\s\S]*y\[3\]: drop or fill the rows"):
            cls().fit(X, np.where(np.arange(len(y)) == 3, np.nan, y))
        X[5, 2] = np.inf
        with pytest.raises(ValueError, match=r"contains infinity[\s\S]*row 5, column 2 \(inf\)"):
            cls().fit(X, y)
        with pytest.raises(ValueError, match="inconsistent numbers of samples"):
            cls().fit(X[:, :2], y[1:])

    @pytest.mark.parametrize("cls", [Ridge, LinearRegression])
    def test_sparse_and_positive(self, cls):
        with pytest.raises(TypeError, match="takes dense data only"):
            cls(positive=True).fit(sp.eye(4, format="csr"), np.arange(4))

    def test_leave_one_out(self):
        X, y = data("diabetes")
        with pytest.raises(ValueError, match="no closed form of leave-one-out with positive=True"):
            Ridge(positive=True).leave_one_out(X, y, [1.0])
        with pytest.raises(ValueError, match="takes dense X"):
            Ridge().leave_one_out(sp.random(300, 2500, density=0.01, format="csr", rng=0), np.arange(300.0), [1.0])
