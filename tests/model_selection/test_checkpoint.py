"""A search that is killed goes on where it was, and ends with the same results."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import time

import numpy as np
import pandas as pd
import pytest
from scipy.stats import loguniform
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

import skdl.model_selection as ours
from skdl.naive_bayes import GaussianNB
from skdl.neighbors import KNeighborsClassifier
from skdl.utils import fingerprint
from tests.model_selection.tools import FamilyOfStumps, assert_same_results, table

SEARCHES = {
    "family": ours.GridSearchCV(KNeighborsClassifier(), {"n_neighbors": [1, 3, 5]}, return_train_score=True),
    "several metrics": ours.GridSearchCV(
        GaussianNB(), {"var_smoothing": [1e-9, 0.1]}, scoring=["accuracy", "neg_log_loss"], refit="accuracy"
    ),
    "one by one": ours.GridSearchCV(SVC(), {"C": [0.1, 1.0], "kernel": ["linear", "rbf"]}),
    "pipeline": ours.GridSearchCV(
        make_pipeline(StandardScaler(), KNeighborsClassifier()),
        {"standardscaler__with_mean": [True, False], "kneighborsclassifier__n_neighbors": [1, 3]},
    ),
    "randomized": ours.RandomizedSearchCV(GaussianNB(), {"var_smoothing": loguniform(1e-9, 1)}, random_state=0),
    "halving": ours.HalvingGridSearchCV(
        GaussianNB(), {"var_smoothing": np.logspace(-9, 0, 8)}, random_state=0, factor=2
    ),
    "extras": ours.GridSearchCV(
        FamilyOfStumps(), {"depth": [1, 2, 3]}, return_history=True, return_predictions=True, scoring="accuracy"
    ),
}


@pytest.mark.parametrize("name", SEARCHES)
def test_a_search_that_is_cut_off_ends_with_the_same_results(name, tmp_path):
    X, y = table(n=300)
    whole = SEARCHES[name].fit(X, y)
    path = tmp_path / "search.jsonl"
    SEARCHES[name].__class__(**{**SEARCHES[name].get_params(deep=False), "checkpoint": path}).fit(X, y)
    lines = path.read_bytes().splitlines(keepends=True)
    assert len(lines) > 6
    # Cut in the middle of a line, as a process that is killed while it writes.
    path.write_bytes(b"".join(lines[:4]) + lines[4][: len(lines[4]) // 2])
    resumed = SEARCHES[name].__class__(**{**SEARCHES[name].get_params(deep=False), "checkpoint": path}).fit(X, y)
    assert any("come from the checkpoint" in note for note in resumed.plan_.notes)
    assert_same_results(resumed.cv_results_, whole.cv_results_)
    assert resumed.best_params_ == whole.best_params_
    assert [json.loads(line) for line in path.read_bytes().splitlines()]
    if name == "extras":
        assert resumed.history_ == whole.history_
        for actual, expected in zip(resumed.oof_predictions_, whole.oof_predictions_, strict=True):
            np.testing.assert_array_equal(actual, expected)


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_a_killed_search_goes_on(tmp_path, n_jobs):
    path = tmp_path / "search.jsonl"
    script = textwrap.dedent(
        f"""
        import time
        from sklearn.svm import SVC
        from skdl.model_selection import GridSearchCV
        from tests.model_selection.tools import table

        class Slow(SVC):
            def fit(self, X, y):
                time.sleep(0.05)
                return super().fit(X, y)

        X, y = table()
        grid = {{"C": [0.01, 0.1, 1.0, 10.0]}}
        search = GridSearchCV(Slow(), grid, checkpoint={str(path)!r}, n_jobs={n_jobs})
        """
    )
    command = [sys.executable, "-c", script + "search.fit(X, y)"]
    killed = subprocess.Popen(command, start_new_session=True)
    deadline = time.monotonic() + 60
    while not (path.exists() and path.read_bytes().count(b'"members"') >= 4):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.wait()
    n_done = path.read_bytes().count(b'"members"')
    assert n_done < 20
    ends = script + "search.fit(X, y)\nprint(search.plan_.notes, search.cv_results_['mean_test_score'].tolist())"
    done = subprocess.run([sys.executable, "-c", ends], capture_output=True, text=True, check=True)
    X, y = table()
    whole = ours.GridSearchCV(SVC(), {"C": [0.01, 0.1, 1.0, 10.0]}).fit(X, y)
    assert str(whole.cv_results_["mean_test_score"].tolist()) in done.stdout
    assert "fits come from the checkpoint" in done.stdout


def test_a_checkpoint_of_another_search_is_refused(tmp_path):
    X, y = table()
    path = tmp_path / "search.jsonl"
    grid = {"n_neighbors": [1, 3]}
    ours.GridSearchCV(KNeighborsClassifier(), grid, checkpoint=path).fit(X, y)
    for estimator, other_grid, data, options, message in [
        (KNeighborsClassifier(weights="distance"), grid, X, {}, "in which the estimator was another"),
        (KNeighborsClassifier(), {"n_neighbors": [1, 4]}, X, {}, "its candidates are others"),
        (KNeighborsClassifier(), grid, X + 1, {}, "in which X was another"),
        (KNeighborsClassifier(), grid, X, {"scoring": "f1_macro"}, "the parameters of the search"),
        (KNeighborsClassifier(), grid, X, {"cv": 4}, "the parameters of the search"),
    ]:
        search = ours.GridSearchCV(estimator, other_grid, checkpoint=path, **options)
        with pytest.raises(ValueError, match=f"cannot be used: .*{message}.*Remove the file or give another path"):
            search.fit(data, y)
    # What decides no score may be another.
    again = ours.GridSearchCV(KNeighborsClassifier(), grid, checkpoint=path, verbose=0, n_jobs=2, refit=False)
    assert again.fit(X, y).plan_.notes == ["10 fits come from the checkpoint"]


def test_candidates_that_are_drawn_anew_are_refused(tmp_path):
    X, y = table()
    search = ours.RandomizedSearchCV(
        GaussianNB(), {"var_smoothing": loguniform(1e-9, 1)}, n_iter=3, checkpoint=tmp_path / "search.jsonl"
    )
    search.fit(X, y)
    with pytest.raises(ValueError, match="its candidates are others; where they are drawn at random, set random_state"):
        search.fit(X, y)


def test_a_file_that_is_no_checkpoint_is_refused_and_left_alone(tmp_path):
    X, y = table()
    path = tmp_path / "thesis.txt"
    for text in ("All my work\nof years\n", '{"a": 1}\n'):
        path.write_text(text)
        with pytest.raises(ValueError, match="it is no checkpoint of a search"):
            ours.GridSearchCV(GaussianNB(), {"var_smoothing": [0.1]}, checkpoint=path).fit(X, y)
        assert path.read_text() == text


def test_fingerprints_follow_contents():
    X = np.arange(6.0).reshape(2, 3)
    assert fingerprint(X) == fingerprint(X.copy(order="F"))
    assert fingerprint(pd.DataFrame(X)) == fingerprint(pd.DataFrame(X.copy()))
    different = [
        X,
        X.astype(np.float32),
        X.reshape(3, 2),
        X.tolist(),
        pd.DataFrame(X),
        pd.DataFrame(X, columns=list("abc")),
        None,
        1,
        1.0,
        True,
        "1",
        {"a": 1},
        {"a": 2},
        ["a", 1],
        KNeighborsClassifier(),
        KNeighborsClassifier(3),
        lambda x: x + 1,
        lambda x: x + 2,
        np.array(["a", "b"], dtype=object),
        np.array(["a", "c"], dtype=object),
    ]
    assert len({fingerprint(item) for item in different}) == len(different)


def test_fingerprints_are_the_same_in_another_process():
    script = """
import numpy as np, pandas as pd
from skdl.utils import fingerprint
from skdl.neighbors import KNeighborsClassifier
frame = pd.DataFrame({"a": [1.0, 2.0], "b": ["x", "y"]})
objects = np.array(["q", None], dtype=object)
print(fingerprint([frame, KNeighborsClassifier(), {"s": {"one", "two"}}, objects, np.mean]))
"""
    said = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(said) == 1
