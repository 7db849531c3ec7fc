"""What is drawn are the scores of cv_results_, along the parameters that were asked for."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import scipy.stats
from sklearn.datasets import load_iris
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import GridSearchCV as TheirGridSearchCV
from sklearn.model_selection import HalvingGridSearchCV as TheirHalvingGridSearchCV
from sklearn.model_selection import RandomizedSearchCV as TheirRandomizedSearchCV
from sklearn.naive_bayes import GaussianNB as TheirGaussianNB
from sklearn.neighbors import KNeighborsClassifier as TheirKNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from skdl.inspection import SearchDisplay
from skdl.inspection._drawing import is_geometric
from skdl.model_selection import GridSearchCV
from skdl.neighbors import KNeighborsClassifier

X, Y = load_iris(return_X_y=True)
POWERS = [1, 2, 4, 8, 16]


@pytest.fixture(scope="module", params=[GridSearchCV, TheirGridSearchCV])
def one(request):
    knn = KNeighborsClassifier() if request.param is GridSearchCV else TheirKNeighborsClassifier()
    return request.param(knn, {"n_neighbors": POWERS}, cv=4).fit(X, Y)


@pytest.fixture(scope="module")
def three():
    grid = {"C": [0.01, 0.1, 1.0], "gamma": [0.01, 0.1, 1.0, 10.0], "kernel": ["rbf", "sigmoid"]}
    return TheirGridSearchCV(SVC(), grid, cv=3).fit(X, Y)


def _folds(search, rows):
    results = search.cv_results_
    return np.column_stack([results[f"split{fold}_test_score"] for fold in range(search.n_splits_)])[rows]


def test_one_parameter_is_a_line_with_the_spread_of_the_folds(one):
    display = SearchDisplay.from_search(one)
    assert display.param_names == ("n_neighbors",)
    np.testing.assert_array_equal(display.line_.get_xdata(), POWERS)
    np.testing.assert_array_equal(display.line_.get_ydata(), one.cv_results_["mean_test_score"])
    spread = one.cv_results_["std_test_score"]
    band = display.fill_between_.get_paths()[0].vertices
    for place, power in enumerate(POWERS):
        heights = band[band[:, 0] == power, 1]
        mean = one.cv_results_["mean_test_score"][place]
        np.testing.assert_allclose([heights.min(), heights.max()], [mean - spread[place], mean + spread[place]])
    assert display.ax_.get_xscale() == "log"
    assert [label.get_text() for label in display.ax_.get_xticklabels()] == [str(power) for power in POWERS]
    best = display.best_marker_
    assert (best.get_xdata()[0], best.get_ydata()[0]) == (one.best_params_["n_neighbors"], one.best_score_)
    assert display.figure_ is display.ax_.figure


def test_two_parameters_are_a_map_with_the_best_one_framed(three):
    display = SearchDisplay.from_search(three, ("C", "gamma"))
    table = pd.DataFrame(three.cv_results_)
    held = table[table["param_kernel"] == three.best_params_["kernel"]]
    expected = held.pivot_table(index="param_gamma", columns="param_C", values="mean_test_score").to_numpy(float)
    np.testing.assert_allclose(display.image_.get_array().reshape(4, 3), expected)
    row, column = (
        [0.01, 0.1, 1.0, 10.0].index(three.best_params_["gamma"]),
        [0.01, 0.1, 1.0].index(three.best_params_["C"]),
    )
    assert display.best_marker_.get_xy() == (column, row)
    ticks = [label.get_text() for label in display.ax_.get_yticklabels()]
    assert ticks == ["0.01", "0.1", "1", "10"]
    texts = np.array([float(text.get_text()) for text in display.ax_.texts]).reshape(4, 3)
    np.testing.assert_allclose(texts, expected, atol=5e-4)
    assert f"gamma={three.best_params_['gamma']:g}" in display.ax_.get_title()
    bare = SearchDisplay.from_search(three, ("C", "gamma"), annotate=False)
    assert not bare.ax_.texts


@pytest.mark.parametrize("others", ["mean", "max"])
def test_other_parameters_may_be_summed_up(three, others):
    display = SearchDisplay.from_search(three, "C", others=others)
    table = pd.DataFrame(three.cv_results_)
    expected = table.groupby("param_C")["mean_test_score"].agg(others)
    np.testing.assert_array_equal(display.values[0].astype(float), expected.index.astype(float))
    np.testing.assert_allclose(display.line_.get_ydata(), expected)
    if others == "mean":
        np.testing.assert_allclose(display.fold_scores.mean(axis=1), expected)
    else:
        rows = table.groupby("param_C")["mean_test_score"].idxmax()
        np.testing.assert_array_equal(display.fold_scores, _folds(three, rows))


def test_other_parameters_are_held_at_the_best(three):
    display = SearchDisplay.from_search(three, "gamma", others="best")
    table = pd.DataFrame(three.cv_results_)
    held = table[
        (table["param_kernel"] == three.best_params_["kernel"]) & (table["param_C"] == three.best_params_["C"])
    ]
    np.testing.assert_array_equal(display.line_.get_ydata(), held["mean_test_score"])
    everything = SearchDisplay.from_search(three, "gamma", others="all")
    assert len(everything.points_.get_offsets()) == 24
    assert everything.line_ is None


def test_words_get_a_place_each(three):
    display = SearchDisplay.from_search(three, "kernel", others="max")
    assert [label.get_text() for label in display.ax_.get_xticklabels()] == ["rbf", "sigmoid"]
    means = [
        pd.DataFrame(three.cv_results_).query("param_kernel == @kernel")["mean_test_score"].max()
        for kernel in ("rbf", "sigmoid")
    ]
    np.testing.assert_allclose(display.errorbar_.lines[0].get_ydata(), means)
    assert display.line_ is None


def test_candidates_that_lie_on_no_grid_are_points():
    draws = {"C": scipy.stats.loguniform(1e-2, 1e2), "gamma": scipy.stats.loguniform(1e-3, 1e1)}
    search = TheirRandomizedSearchCV(SVC(), draws, n_iter=12, cv=3, random_state=0).fit(X, Y)
    display = SearchDisplay.from_search(search)
    assert display.image_ is None
    drawn = {
        tuple(point): score
        for point, score in zip(display.points_.get_offsets().data, display.points_.get_array(), strict=True)
    }
    expected = {
        (params["C"], params["gamma"]): score
        for params, score in zip(search.cv_results_["params"], search.cv_results_["mean_test_score"], strict=True)
    }
    assert drawn == expected
    assert (display.ax_.get_xscale(), display.ax_.get_yscale()) == ("log", "log")
    best = display.best_marker_
    assert (best.get_xdata()[0], best.get_ydata()[0]) == (search.best_params_["C"], search.best_params_["gamma"])
    alone = SearchDisplay.from_search(search, "C")
    assert alone.values[0][alone.best_] == search.best_params_["C"]


def test_one_of_several_metrics():
    scoring = ["accuracy", "neg_log_loss"]
    search = GridSearchCV(KNeighborsClassifier(), {"n_neighbors": POWERS}, scoring=scoring, refit="neg_log_loss", cv=3)
    search.fit(X, Y)
    by_refit = SearchDisplay.from_search(search)
    np.testing.assert_array_equal(by_refit.line_.get_ydata(), search.cv_results_["mean_test_neg_log_loss"])
    assert by_refit.ax_.get_ylabel() == "Neg log loss"
    negated = SearchDisplay.from_search(search, negate_score=True)
    np.testing.assert_array_equal(negated.line_.get_ydata(), -search.cv_results_["mean_test_neg_log_loss"])
    assert negated.ax_.get_ylabel() == "Log loss"
    assert negated.best_ == by_refit.best_ == search.best_index_
    named = SearchDisplay.from_search(search, metric="accuracy", score_name="Part that is right")
    np.testing.assert_array_equal(named.line_.get_ydata(), search.cv_results_["mean_test_accuracy"])
    assert named.ax_.get_ylabel() == "Part that is right"
    with pytest.raises(ValueError, match=r"no metric 'f1'; the search has \['accuracy', 'neg_log_loss'\]"):
        SearchDisplay.from_search(search, metric="f1")


def test_the_scoring_names_the_axis():
    search = GridSearchCV(KNeighborsClassifier(), {"n_neighbors": POWERS}, scoring="neg_log_loss", cv=3).fit(X, Y)
    assert SearchDisplay.from_search(search).ax_.get_ylabel() == "Neg log loss"
    assert SearchDisplay.from_search(search, negate_score=True).ax_.get_ylabel() == "Log loss"


def test_lists_of_grids_and_estimators_as_values():
    pipeline = make_pipeline(StandardScaler(), TheirKNeighborsClassifier())
    grids = [
        {"kneighborsclassifier__n_neighbors": [1, 5]},
        {"kneighborsclassifier": [TheirGaussianNB(), TheirKNeighborsClassifier(3)]},
    ]
    search = TheirGridSearchCV(pipeline, grids, cv=3).fit(X, Y)
    display = SearchDisplay.from_search(search, "kneighborsclassifier", others="all")
    assert len(display.scores) == 2  # the others do not set it
    assert [label.get_text() for label in display.ax_.get_xticklabels()] == ["GaussianNB", "KNeighborsClassifier"]
    np.testing.assert_array_equal(display.scores, search.cv_results_["mean_test_score"][2:])


def test_a_frame_will_do(one):
    display = SearchDisplay.from_cv_results(pd.DataFrame(one.cv_results_), "param_n_neighbors")
    np.testing.assert_array_equal(display.line_.get_ydata(), one.cv_results_["mean_test_score"])
    bare = pd.DataFrame(one.cv_results_)[["param_n_neighbors", "mean_test_score"]]
    assert SearchDisplay.from_cv_results(bare).fill_between_ is None


def test_a_halving_search_shows_the_last_round_of_each_candidate():
    search = TheirHalvingGridSearchCV(SVC(), {"C": [0.01, 0.1, 1.0, 10.0]}, cv=3, random_state=0, min_resources=30)
    search.fit(X, Y)
    table = pd.DataFrame(search.cv_results_)
    assert table["iter"].max() >= 1
    last = table.sort_values("iter").groupby("param_C")["mean_test_score"].last()
    display = SearchDisplay.from_search(search)
    np.testing.assert_array_equal(display.line_.get_ydata(), last)


def test_failed_candidates_are_left_out(one):
    results = pd.DataFrame(one.cv_results_)
    results.loc[1, "mean_test_score"] = np.nan
    display = SearchDisplay.from_cv_results(results)
    np.testing.assert_array_equal(display.line_.get_xdata(), [1, 4, 8, 16])
    results["mean_test_score"] = np.nan
    with pytest.raises(ValueError, match="All scores of 'score' are NaN: every fit failed"):
        SearchDisplay.from_cv_results(results)


def test_the_axes_that_are_given_are_drawn_on(one):
    _, ax = plt.subplots()
    display = SearchDisplay.from_search(one, ax=ax, color="red")
    assert display.ax_ is ax
    assert display.line_.get_color() == "red"


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1, 2, 4, 8], True),
        ([1e-4, 1e-2, 1.0], True),
        ([0.001, 0.01, 0.05, 0.1], True),
        (np.exp(np.random.default_rng(0).uniform(-9, 0, size=12)), True),
        (np.random.default_rng(0).uniform(size=12), False),
        ([1, 3, 5, 9], False),
        ([1, 2, 3, 4], False),
        ([0.1, 0.2, 0.3], False),
        ([0, 1, 10], False),
        ([-10, -1, 1], False),
        ([1, 100], False),
        ([3], False),
    ],
)
def test_which_grids_are_geometric(values, expected):
    assert is_geometric(values) is expected
    assert is_geometric(values[::-1]) is expected


def test_helpful_words(three, one):
    with pytest.raises(ValueError, match="not fitted yet"):
        SearchDisplay.from_search(TheirGridSearchCV(SVC(), {"C": [1]}))
    with pytest.raises(ValueError, match=r"differ in 3 parameters, \['C', 'gamma', 'kernel'\]: say by param"):
        SearchDisplay.from_search(three)
    with pytest.raises(ValueError, match=r"no parameter 'degree'; it has \['C', 'gamma', 'kernel'\]"):
        SearchDisplay.from_search(three, "degree")
    with pytest.raises(ValueError, match="param must be one parameter or a tuple of two"):
        SearchDisplay.from_search(three, ("C", "gamma", "kernel"))
    with pytest.raises(ValueError, match="others must be one of"):
        SearchDisplay.from_search(one, others="median")
    with pytest.raises(ValueError, match="do not differ in any parameter"):
        SearchDisplay.from_search(TheirGridSearchCV(SVC(), {"C": [1.0]}, cv=2).fit(X, Y))
    with pytest.raises(ValueError, match="There are no scores"):
        SearchDisplay.from_cv_results({"param_C": [1, 2]})
