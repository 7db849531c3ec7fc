"""A search that an Optuna study leads."""

import sys

import numpy as np
import optuna
import pytest
from optuna.distributions import FloatDistribution, IntDistribution
from sklearn import model_selection as theirs

import skdl.model_selection as ours
from skdl.exceptions import InvalidParameterError
from skdl.naive_bayes import GaussianNB
from skdl.neighbors import KNeighborsClassifier
from tests.model_selection.tools import FamilyOfStumps, table

SMOOTHING = {"var_smoothing": FloatDistribution(1e-9, 1.0, log=True)}


def test_trials_are_the_candidates_and_their_scores_are_told():
    X, y = table()
    search = ours.OptunaSearchCV(GaussianNB(), SMOOTHING, n_trials=7, batch_size=3, random_state=0).fit(X, y)
    trials = search.study_.trials
    assert [trial.params for trial in trials] == search.cv_results_["params"]
    assert [trial.value for trial in trials] == search.cv_results_["mean_test_score"].tolist()
    assert list(search.cv_results_["trial_number"]) == list(range(7))
    assert search.study_.best_value == search.best_score_
    assert {state.name for state in {trial.state for trial in trials}} == {"COMPLETE"}
    for parameters, score in zip(search.cv_results_["params"], search.cv_results_["mean_test_score"], strict=True):
        assert theirs.cross_val_score(GaussianNB(**parameters), X, y).mean() == score
    assert [group.size for group in search.plan_.groups] == [15, 15, 5]  # each batch is a family
    assert search.plan_.n_stacked == 35


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")  # the sampler, before Optuna 4.2
def test_the_study_is_asked_as_if_by_hand():
    X, y = table()
    space = {"n_neighbors": IntDistribution(1, 40), "p": [1, 2]}
    search = ours.OptunaSearchCV(KNeighborsClassifier(), space, n_trials=24, batch_size=8, random_state=3).fit(X, y)
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=3, constant_liar=True))
    by_hand = {"n_neighbors": IntDistribution(1, 40), "p": optuna.distributions.CategoricalDistribution([1, 2])}
    for _ in range(3):
        trials = [study.ask(by_hand) for _ in range(8)]
        for trial in trials:
            study.tell(trial, theirs.cross_val_score(KNeighborsClassifier(**trial.params), X, y).mean())
    assert [trial.params for trial in study.trials] == search.cv_results_["params"]
    again = ours.OptunaSearchCV(KNeighborsClassifier(), space, n_trials=24, batch_size=8, random_state=3).fit(X, y)
    assert again.cv_results_["params"] == search.cv_results_["params"]


def test_a_study_is_gone_on_with():
    X, y = table()
    study = optuna.create_study(direction="maximize")
    search = ours.OptunaSearchCV(GaussianNB(), SMOOTHING, n_trials=3, study=study)
    assert search.fit(X, y).study_ is study
    assert list(search.fit(X, y).cv_results_["trial_number"]) == [3, 4, 5]
    assert len(study.trials) == 6


def test_spaces_by_a_function_and_values_of_any_kind():
    X, y = table()

    def space(trial):
        metric = trial.suggest_categorical("metric", ["minkowski", "chebyshev"])
        return {"metric": metric, **({"p": trial.suggest_int("p", 1, 3)} if metric == "minkowski" else {})}

    search = ours.OptunaSearchCV(KNeighborsClassifier(), space, n_trials=10, random_state=0).fit(X, y)
    assert {len(parameters) for parameters in search.cv_results_["params"]} == {1, 2}
    priors = [None, np.array([0.2, 0.3, 0.5]), [0.1, 0.1, 0.8]]
    search = ours.OptunaSearchCV(GaussianNB(), {"priors": priors}, n_trials=10, random_state=0).fit(X, y)
    assert all(any(parameters["priors"] is prior for prior in priors) for parameters in search.cv_results_["params"])
    assert {trial.params["priors"] for trial in search.study_.trials} <= {str(prior) for prior in priors}


def test_several_metrics():
    X, y = table()
    several = {"scoring": ["accuracy", "neg_log_loss"], "n_trials": 3, "random_state": 0}
    search = ours.OptunaSearchCV(GaussianNB(), SMOOTHING, refit="neg_log_loss", **several).fit(X, y)
    assert [trial.value for trial in search.study_.trials] == search.cv_results_["mean_test_neg_log_loss"].tolist()
    with pytest.raises(ValueError, match="which of them the study is told: set refit to the name of one"):
        ours.OptunaSearchCV(GaussianNB(), SMOOTHING, refit=False, **several).fit(X, y)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.FitFailedWarning")
@pytest.mark.filterwarnings("ignore:One or more of the test scores are non-finite:UserWarning")
def test_failures_are_told():
    X, y = table()
    search = ours.OptunaSearchCV(
        FamilyOfStumps(), {"depth": [-1, 1, 2]}, scoring="accuracy", n_trials=12, random_state=0
    )
    states = {trial.params["depth"]: trial.state.name for trial in search.fit(X, y).study_.trials}
    assert states == {-1: "FAIL", 1: "COMPLETE", 2: "COMPLETE"}


def test_a_search_that_breaks_off_leaves_no_trial_running():
    X, y = table()
    search = ours.OptunaSearchCV(FamilyOfStumps(), {"depth": [-1]}, n_trials=2, error_score="raise")
    with pytest.raises(ValueError, match="a depth is negative"):
        search.fit(X, y)
    assert [trial.state.name for trial in search.study_.trials] == ["FAIL", "FAIL"]


def test_no_batch_begins_after_the_timeout():
    X, y = table()
    search = ours.OptunaSearchCV(
        FamilyOfStumps(seconds=0.05), {"depth": [1, 2]}, scoring="accuracy", n_trials=50, batch_size=2, timeout=0.01
    )
    assert len(search.fit(X, y).study_.trials) == 2


def test_a_checkpoint_is_gone_on_with(tmp_path):
    X, y = table()
    path = tmp_path / "search.jsonl"
    options = {"n_trials": 6, "batch_size": 2, "random_state": 0, "checkpoint": path}
    whole = ours.OptunaSearchCV(GaussianNB(), SMOOTHING, **options).fit(X, y)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[: len(lines) // 2]))
    resumed = ours.OptunaSearchCV(GaussianNB(), SMOOTHING, **options).fit(X, y)
    assert any("come from the checkpoint" in note for note in resumed.plan_.notes)
    assert resumed.cv_results_["params"] == whole.cv_results_["params"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"param_distributions": {}}, "must be a dict of Optuna's distributions or lists"),
        (
            {"param_distributions": {"var_smoothing": 3}},
            r"param_distributions\['var_smoothing'\] of OptunaSearchCV must",
        ),
        ({"study": "minimize"}, "study of OptunaSearchCV must maximize one value"),
    ],
)
def test_bad_input(changes, message):
    X, y = table()
    if "study" in changes:
        changes = {"study": optuna.create_study(direction="minimize")}
    options = {"param_distributions": SMOOTHING} | changes
    with pytest.raises(ValueError, match=message):
        ours.OptunaSearchCV(GaussianNB(), **options).fit(X, y)


@pytest.mark.parametrize("name", ["n_trials", "batch_size", "timeout"])
def test_bad_numbers(name):
    X, y = table()
    with pytest.raises(InvalidParameterError, match=f"{name} of OptunaSearchCV must be"):
        ours.OptunaSearchCV(GaussianNB(), SMOOTHING, **{name: 0}).fit(X, y)


def test_without_optuna(monkeypatch):
    X, y = table()
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(ImportError, match=r"OptunaSearchCV needs Optuna. Install it by: pip install 'skdl\[optuna\]'"):
        ours.OptunaSearchCV(GaussianNB(), SMOOTHING).fit(X, y)
