"""Searches over families: the results of scikit-learn's searches, to the last bit."""

import warnings

import numpy as np
import pytest
from sklearn import model_selection as theirs
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.compose import ColumnTransformer
from sklearn.datasets import make_classification
from sklearn.decomposition import PCA
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.metrics import accuracy_score, make_scorer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import SVC
from sklearn.utils.estimator_checks import parametrize_with_checks

import skdl.model_selection as ours
from skdl.exceptions import DeviceMemoryWarning, InterruptedFitWarning, InvalidParameterError
from skdl.linear_model import LogisticRegression
from skdl.naive_bayes import GaussianNB
from skdl.neighbors import KNeighborsClassifier, KNeighborsRegressor
from skdl.tree import DecisionTreeClassifier
from tests.model_selection.tools import CountingScaler, FamilyOfStumps, assert_same_results, table


# NumPy says so where scikit-learn looks for whole numbers among targets that are infinite.
@pytest.mark.filterwarnings("ignore:invalid value encountered in cast:RuntimeWarning")
@parametrize_with_checks(
    [
        ours.GridSearchCV(LogisticRegression(), {"C": [0.1, 1.0]}, cv=2, error_score="raise"),
        ours.RandomizedSearchCV(
            GaussianNB(), {"var_smoothing": [1e-9, 1e-3]}, n_iter=2, cv=2, random_state=0, error_score="raise"
        ),
        ours.HalvingGridSearchCV(
            LogisticRegression(), {"C": [0.1, 1.0]}, cv=2, min_resources="smallest", random_state=0, error_score="raise"
        ),
        ours.OptunaSearchCV(
            LogisticRegression(), {"C": [0.1, 1.0]}, n_trials=2, cv=2, random_state=0, error_score="raise"
        ),
    ]
)
def test_checks_of_sklearn(estimator, check):
    check(estimator)


FAMILIES = {
    "neighbors": (KNeighborsClassifier(), {"n_neighbors": [1, 4, 9], "weights": ["uniform", "distance"], "p": [1, 2]}),
    "naive Bayes": (GaussianNB(), {"var_smoothing": [1e-9, 1e-3, 0.1, 10.0]}),
    "tree": (DecisionTreeClassifier(random_state=0), {"max_depth": [1, 3, None], "ccp_alpha": [0.0, 0.01]}),
    "list of grids": (
        KNeighborsClassifier(),
        [{"n_neighbors": [2, 3]}, {"weights": ["distance"], "metric": ["manhattan", "chebyshev"]}],
    ),
    "pipeline": (
        make_pipeline(StandardScaler(), PCA(random_state=0), KNeighborsClassifier()),
        {"pca__n_components": [2, 4], "kneighborsclassifier__n_neighbors": [1, 5]},
    ),
    "pipeline of several last steps": (
        Pipeline([("scale", StandardScaler()), ("model", GaussianNB())]),
        [
            {"model__var_smoothing": [1e-9, 0.1], "scale": [StandardScaler(), "passthrough"]},
            {"model": [KNeighborsClassifier(), SVC()]},
            {"model": [KNeighborsClassifier()], "model__n_neighbors": [1, 3]},
        ],
    ),
    "columns": (
        make_pipeline(
            ColumnTransformer([("scale", StandardScaler(), [0, 1]), ("keep", "passthrough", [2])]), GaussianNB()
        ),
        {"gaussiannb__var_smoothing": [1e-9, 0.1], "columntransformer__scale__with_mean": [True, False]},
    ),
    "foreign": (SVC(), {"C": [0.1, 1.0], "kernel": ["linear", "rbf"]}),
}


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("return_train_score", [False, True])
def test_grid_search_gives_the_bits_of_sklearn(name, return_train_score):
    estimator, grid = FAMILIES[name]
    X, y = table()
    options = {"cv": 4, "return_train_score": return_train_score}
    actual = ours.GridSearchCV(estimator, grid, **options).fit(X, y)
    expected = theirs.GridSearchCV(estimator, grid, **options).fit(X, y)
    assert_same_results(actual.cv_results_, expected.cv_results_)
    assert actual.best_index_ == expected.best_index_
    assert actual.best_score_ == expected.best_score_
    assert str(actual.best_params_) == str(expected.best_params_)
    np.testing.assert_array_equal(actual.predict(X), expected.predict(X))
    assert actual.score(X, y) == expected.score(X, y)


@pytest.mark.parametrize("kind", ["frame", "list", "float32", "strings", "torch"])
def test_kinds_of_input(kind):
    X, y = table()
    if kind == "frame":
        pd = pytest.importorskip("pandas")
        X, y = pd.DataFrame(X, columns=list("abcdef")), pd.Series(y)
    elif kind == "list":
        X, y = X.tolist(), y.tolist()
    elif kind == "float32":
        X = X.astype(np.float32)
    elif kind == "strings":
        y = np.array(["no", "maybe", "yes"])[y]
    elif kind == "torch":
        torch = pytest.importorskip("torch")
        X, y = torch.from_numpy(X), torch.from_numpy(y)
    grid = {"n_neighbors": [1, 5, 8]}
    actual = ours.GridSearchCV(KNeighborsClassifier(), grid, error_score="raise").fit(X, y)
    assert actual.plan_.n_stacked == 15
    alone = ours.GridSearchCV(make_pipeline(KNeighborsClassifier()), {"kneighborsclassifier__n_neighbors": [1, 5, 8]})
    alone.fit(X, y)
    assert alone.plan_.n_stacked == 0
    np.testing.assert_array_equal(actual.cv_results_["mean_test_score"], alone.cv_results_["mean_test_score"])


def test_randomized_and_halving_searches_give_the_bits_of_sklearn():
    X, y = table(n=300)
    grid = {"n_neighbors": list(range(1, 20)), "weights": ["uniform", "distance"]}
    for name, options in [
        ("RandomizedSearchCV", {"n_iter": 7, "random_state": 3}),
        ("HalvingRandomSearchCV", {"n_candidates": 9, "random_state": 3}),
        ("HalvingGridSearchCV", {"random_state": 3, "factor": 2}),
    ]:
        actual = getattr(ours, name)(KNeighborsClassifier(), grid, **options).fit(X, y)
        expected = (theirs.RandomizedSearchCV if name == "RandomizedSearchCV" else getattr(theirs, name))(
            KNeighborsClassifier(), grid, **options
        ).fit(X, y)
        assert_same_results(actual.cv_results_, expected.cv_results_)
        assert actual.best_index_ == expected.best_index_
        assert actual.plan_.n_stacked >= len(actual.cv_results_["params"]) * 5 - 2
        assert actual.plan_.n_candidates == len(actual.cv_results_["params"])


@pytest.mark.parametrize(
    "scoring",
    [
        "f1_macro",
        ["accuracy", "neg_log_loss"],
        {"acc": "accuracy", "own": make_scorer(accuracy_score)},
        lambda estimator, X, y: {"first": float(estimator.predict(X[:1])[0]), "score": estimator.score(X, y)},
    ],
    ids=["name", "names", "scorers", "callable"],
)
def test_scorers(scoring):
    X, y = table()
    pipeline = make_pipeline(StandardScaler(), GaussianNB())
    grid = {"gaussiannb__var_smoothing": [1e-9, 0.1, 1.0]}
    several = not isinstance(scoring, str)
    options = {"scoring": scoring, "refit": not several, "return_train_score": True}
    actual = ours.GridSearchCV(pipeline, grid, **options).fit(X, y)
    expected = theirs.GridSearchCV(pipeline, grid, **options).fit(X, y)
    assert_same_results(actual.cv_results_, expected.cv_results_)
    assert actual.plan_.n_stacked == 15


def test_a_scorer_of_ones_own_sees_the_whole_pipeline_and_the_samples_as_they_are():
    X, y = table()
    seen = []

    def scoring(estimator, X, y):
        seen.append((type(estimator), X.mean()))
        return estimator.score(X, y)

    pipeline = make_pipeline(StandardScaler(), GaussianNB())
    ours.GridSearchCV(pipeline, {"gaussiannb__var_smoothing": [1e-9, 0.1]}, scoring=scoring).fit(X + 100, y)
    assert {kind for kind, _ in seen} == {Pipeline}
    assert min(mean for _, mean in seen) > 90


def test_refit_by_name_and_by_callable():
    X, y = table()
    grid = {"n_neighbors": [1, 5, 40]}
    scoring = ["accuracy", "neg_log_loss"]
    by_name = ours.GridSearchCV(KNeighborsClassifier(), grid, scoring=scoring, refit="neg_log_loss").fit(X, y)
    assert by_name.best_index_ == by_name.cv_results_["mean_test_neg_log_loss"].argmax()
    assert by_name.score(X, y) < 0
    last = ours.GridSearchCV(KNeighborsClassifier(), grid, scoring=scoring, refit=lambda results: 2).fit(X, y)
    assert last.best_estimator_.n_neighbors == 40
    assert not hasattr(last, "best_score_")


def test_weights_and_groups_reach_the_members():
    X, y = table()
    weight = np.random.default_rng(0).integers(1, 5, len(y)).astype(float)
    groups = np.arange(len(y)) % 7
    cv = theirs.GroupKFold(3)
    grid = {"var_smoothing": [1e-9, 0.1, 1.0]}
    actual = ours.GridSearchCV(GaussianNB(), grid, cv=cv).fit(X, y, groups=groups, sample_weight=weight)
    expected = theirs.GridSearchCV(GaussianNB(), grid, cv=cv).fit(X, y, groups=groups, sample_weight=weight)
    assert_same_results(actual.cv_results_, expected.cv_results_)
    assert actual.plan_.n_stacked == 9
    without = ours.GridSearchCV(GaussianNB(), grid, cv=cv).fit(X, y, groups=groups)
    assert (without.cv_results_["mean_test_score"] != actual.cv_results_["mean_test_score"]).any()
    pipeline = make_pipeline(StandardScaler(), GaussianNB())
    grid = {"gaussiannb__var_smoothing": [1e-9, 0.1, 1.0]}
    params = {"gaussiannb__sample_weight": weight, "standardscaler__sample_weight": weight, "groups": groups}
    actual = ours.GridSearchCV(pipeline, grid, cv=cv).fit(X, y, **params)
    expected = theirs.GridSearchCV(pipeline, grid, cv=cv).fit(X, y, **params)
    assert_same_results(actual.cv_results_, expected.cv_results_)


@pytest.mark.parametrize("estimator", [KNeighborsClassifier(), GaussianNB(), DecisionTreeClassifier(random_state=0)])
def test_a_member_does_not_depend_on_its_siblings(estimator):
    name, values = {
        "KNeighborsClassifier": ("n_neighbors", [1, 2, 3, 5, 8, 13]),
        "GaussianNB": ("var_smoothing", [1e-9, 1e-6, 1e-3, 0.1, 1.0, 10.0]),
        "DecisionTreeClassifier": ("max_depth", [1, 2, 3, 5, 8, None]),
    }[type(estimator).__name__]
    X, y = table()
    rng = np.random.default_rng(0)
    splits = [(train, test) for train, test in theirs.StratifiedKFold(4).split(X, y)]
    everything = {}
    for draw in range(6):
        some = [values[i] for i in rng.choice(6, rng.integers(1, 7), replace=False)]
        folds = sorted(rng.choice(4, rng.integers(1, 5), replace=False)) if draw else [0, 1, 2, 3]
        some = values if draw == 0 else some
        search = ours.GridSearchCV(estimator, {name: some}, cv=[splits[fold] for fold in folds], refit=False)
        results = search.fit(X, y).cv_results_
        for row, value in enumerate(some):
            for column, fold in enumerate(folds):
                score = results[f"split{column}_test_score"][row]
                assert everything.setdefault((value, fold), score) == score
    assert len(everything) == 24


def test_n_jobs_changes_nothing():
    X, y = table()
    for estimator, grid in (FAMILIES["neighbors"], FAMILIES["pipeline"], FAMILIES["foreign"]):
        one = ours.GridSearchCV(estimator, grid).fit(X, y)
        for backend in ("loky", "threading", "multiprocessing"):
            import joblib

            with joblib.parallel_config(backend):
                two = ours.GridSearchCV(estimator, grid, n_jobs=2).fit(X, y)
            assert_same_results(two.cv_results_, one.cv_results_)


def test_n_jobs_spreads_groups():
    X, y = table()
    search = ours.GridSearchCV(GaussianNB(), {"var_smoothing": [1e-9, 0.1, 1.0]}, n_jobs=2).fit(X, y)
    assert [(len(group.candidates), len(group.splits)) for group in search.plan_.groups] == [(3, 3), (3, 2)]


def test_earlier_steps_are_fitted_once_for_each_setting_and_fold(tmp_path):
    X, y = table()
    for memory in (None, str(tmp_path)):
        CountingScaler.fits.clear()
        pipeline = Pipeline([("scale", CountingScaler()), ("model", KNeighborsClassifier())], memory=memory)
        grid = {"scale__by": [1.0, 2.0], "model__n_neighbors": [1, 3, 5, 7]}
        search = ours.GridSearchCV(pipeline, grid, cv=3, refit=False).fit(X, y)
        assert len(CountingScaler.fits) == 2 * 3
        assert search.plan_.n_stacked == 24
        search.fit(X, y)
        assert len(CountingScaler.fits) == (6 if memory else 12)


def test_steps_that_overwrite_their_input_harm_nobody():
    X, y = table()
    pipeline = make_pipeline(StandardScaler(copy=False), FunctionTransformer(np.abs), SVC())
    grid = {"svc__C": [0.1, 1.0, 10.0]}
    before = X.copy()
    expected = theirs.GridSearchCV(pipeline, grid, refit=False).fit(X, y)
    np.testing.assert_array_equal(X, before)
    for scoring in (None, lambda estimator, X, y: estimator.score(X, y)):
        actual = ours.GridSearchCV(pipeline, grid, scoring=scoring, refit=False).fit(X, y)
        np.testing.assert_array_equal(X, before)
        assert_same_results(actual.cv_results_, expected.cv_results_)


def test_only_the_culprit_fails():
    X, y = table()
    grid = {"depth": [1, 2, -1, 3, 4]}
    search = ours.GridSearchCV(FamilyOfStumps(), grid, error_score=-5.0)
    with pytest.warns(theirs_fit_failed(), match=r"5 fits failed out of a total of 25(.|\n)*depth is negative"):
        search.fit(X, y)
    scores = search.cv_results_["mean_test_score"]
    assert scores[2] == -5.0
    assert (np.delete(scores, 2) > 0).all()
    good = ours.GridSearchCV(FamilyOfStumps(), {"depth": [1, 2, 3, 4]}).fit(X, y)
    np.testing.assert_array_equal(np.delete(scores, 2), good.cv_results_["mean_test_score"])
    assert any("halved: ValueError: a depth is negative" in note for note in search.plan_.notes)
    with pytest.raises(ValueError, match="depth is negative"):
        ours.GridSearchCV(FamilyOfStumps(), grid, error_score="raise").fit(X, y)


def theirs_fit_failed():
    from sklearn.exceptions import FitFailedWarning

    return FitFailedWarning


@pytest.mark.filterwarnings("ignore:One or more of the test scores are non-finite")
def test_what_a_family_leaves_out_is_fitted_alone():
    X, y = table()
    with pytest.warns(theirs_fit_failed(), match="2 fits failed out of a total of 6"):
        search = ours.GridSearchCV(KNeighborsClassifier(), {"n_neighbors": [1, -3, 5]}, cv=2).fit(X, y)
    assert np.isnan(search.cv_results_["mean_test_score"]).tolist() == [False, True, False]


def test_out_of_memory_halves_the_family():
    X, y = table()
    grid = {"depth": [1, 2, 3, 4], "most_members": [6]}
    with pytest.warns(DeviceMemoryWarning, match="Out of memory with 4 candidates x 5 splits"):
        search = ours.GridSearchCV(FamilyOfStumps(), grid).fit(X, y)
    enough = ours.GridSearchCV(FamilyOfStumps(), {"depth": [1, 2, 3, 4], "most_members": [100]}).fit(X, y)
    np.testing.assert_array_equal(search.cv_results_["mean_test_score"], enough.cv_results_["mean_test_score"])


def test_times_add_up():
    X, y = table()
    search = ours.GridSearchCV(FamilyOfStumps(), {"depth": [1, 2, 3, 4], "seconds": [0.2]}, cv=5).fit(X, y)
    fit_seconds = search.cv_results_["mean_fit_time"] * 5
    assert 0.2 <= fit_seconds.sum() < 0.4
    assert np.ptp(fit_seconds) < 1e-9


class _Breaking(ClassifierMixin, BaseEstimator):
    """Ctrl-C is pressed in the fit number ``at``."""

    n_fits = 0

    def __init__(self, constant=0, at=7, how="key"):
        self.constant = constant
        self.at = at
        self.how = how

    def fit(self, X, y):
        type(self).n_fits += 1
        self.classes_ = np.unique(y)
        if type(self).n_fits == self.at:
            if self.how == "key":
                raise KeyboardInterrupt
            warnings.warn("cut short", InterruptedFitWarning, stacklevel=2)
        return self

    def predict(self, X):
        return np.full(len(X), self.constant)


@pytest.mark.parametrize("how", ["key", "warning"])
def test_ctrl_c_returns_complete_candidates(how):
    X, y = table()
    _Breaking.n_fits = 0
    search = ours.GridSearchCV(_Breaking(how=how), {"constant": [0, 1, 2, 3]}, cv=3)
    with pytest.warns(InterruptedFitWarning, match="2 candidates are complete"):
        search.fit(X, y)
    assert search.cv_results_["params"] == [{"constant": 0}, {"constant": 1}]
    assert search.best_params_["constant"] in (0, 1)
    assert len(search.predict(X)) == len(X)
    _Breaking.n_fits = 5
    with pytest.raises(KeyboardInterrupt):
        ours.GridSearchCV(_Breaking(how=how), {"constant": [0, 1, 2, 3]}, cv=3).fit(X, y)


def test_plan_says_what_is_done(capsys):
    X, y = table()
    search = ours.GridSearchCV(GaussianNB(), {"var_smoothing": [1e-9, 0.1, 1.0]}, verbose=1).fit(X, y)
    assert str(search.plan_) == "GaussianNB: 3 candidates x 5 splits = 15 fits\n  together: 3 candidates x 5 splits"
    printed = capsys.readouterr()
    assert str(search.plan_) in printed.out
    assert "15/15" in printed.err
    foreign = ours.GridSearchCV(SVC(), {"C": [0.1, 1.0]}).fit(X, y)
    assert foreign.plan_.fallbacks == {"SVC has no family fit": 10}
    assert "one by one: 10 fits, since SVC has no family fit" in str(foreign.plan_)
    precomputed = KNeighborsRegressor(metric="precomputed")
    distances = np.abs(X[:, :1] - X[:, 0])
    search = ours.GridSearchCV(precomputed, {"n_neighbors": [1, 3]}).fit(distances, y)
    assert search.plan_.fallbacks == {"X is a matrix between samples": 10}
    expected = theirs.GridSearchCV(precomputed, {"n_neighbors": [1, 3]}).fit(distances, y)
    assert_same_results(search.cv_results_, expected.cv_results_)


@pytest.mark.parametrize("method", [True, "predict_proba"])
@pytest.mark.parametrize("piped", [False, True])
def test_out_of_fold_predictions(method, piped):
    X, y = table()
    labels = np.array(["c", "a", "b"])[y]
    estimator = make_pipeline(StandardScaler(), GaussianNB()) if piped else GaussianNB()
    name = "gaussiannb__var_smoothing" if piped else "var_smoothing"
    search = ours.GridSearchCV(estimator, {name: [1e-9, 0.1]}, return_predictions=method).fit(X, labels)
    assert search.oof_method_ == ("predict" if method is True else method)
    for value, predictions in zip([1e-9, 0.1], search.oof_predictions_, strict=True):
        alone = clone(estimator).set_params(**{name: value})
        expected = theirs.cross_val_predict(alone, X, labels, method="predict" if method is True else method)
        np.testing.assert_array_equal(predictions, expected)


def test_out_of_fold_predictions_of_part_of_the_samples():
    X, y = table()
    cv = [(np.arange(60, 180), np.arange(30))]
    search = ours.GridSearchCV(GaussianNB(), {"var_smoothing": [0.1]}, cv=cv, return_predictions="predict_proba")
    predictions = search.fit(X, y).oof_predictions_[0]
    assert not np.isnan(predictions[:30]).any()
    assert np.isnan(predictions[30:]).all()
    twice = theirs.RepeatedKFold(n_splits=2, n_repeats=2, random_state=0)
    with pytest.raises(ValueError, match="return_predictions needs a cv that tests each sample once at most"):
        ours.GridSearchCV(GaussianNB(), {"var_smoothing": [0.1]}, cv=twice, return_predictions=True).fit(X, y)


def test_histories():
    X, y = table()
    search = ours.GridSearchCV(FamilyOfStumps(), {"depth": [1, 2, 3]}, cv=2, return_history=True).fit(X, y)
    assert search.history_ == [[[{"depth": depth}]] * 2 for depth in (1, 2, 3)]
    without = ours.GridSearchCV(GaussianNB(), {"var_smoothing": [0.1]}, cv=2, return_history=True).fit(X, y)
    assert without.history_ == [[None, None]]
    assert not hasattr(ours.GridSearchCV(GaussianNB(), {"var_smoothing": [0.1]}).fit(X, y), "history_")


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"return_history": "yes"}, "return_history of GridSearchCV must be"),
        ({"return_predictions": "transform"}, "return_predictions of GridSearchCV must be"),
        ({"checkpoint": 3}, "checkpoint of GridSearchCV must be"),
    ],
)
def test_bad_parameters(parameters, message):
    X, y = table()
    with pytest.raises(InvalidParameterError, match=message):
        ours.GridSearchCV(GaussianNB(), {"var_smoothing": [0.1]}, **parameters).fit(X, y)


def test_memory_stays_under_the_stated_bound():
    import tracemalloc

    X, y = make_classification(20_000, 50, random_state=0)
    n_bytes = X.nbytes
    grid = {"var_smoothing": np.logspace(-9, 0, 20).tolist()}
    cv = theirs.ShuffleSplit(30, test_size=0.3, random_state=0)
    search = ours.GridSearchCV(GaussianNB(), grid, cv=cv, refit=False)
    search.fit(X[:100], y[:100])
    tracemalloc.start()
    search.fit(X, y)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # Copies of 4 times the rows for scoring, one training fold in the family, the indices of 30 splits, and scoring.
    assert peak < (4 + 1.5) * n_bytes + 30 * len(X) * 8 * 2
