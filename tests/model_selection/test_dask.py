"""Searches on the workers of a cluster: two processes on this machine."""

import os
import signal
import threading
import time

import joblib
import numpy as np
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skdl.model_selection as ours
from skdl.naive_bayes import GaussianNB
from skdl.neighbors import KNeighborsClassifier
from skdl.neural import MLPClassifier
from skdl.tree import DecisionTreeClassifier
from tests.model_selection.tools import FamilyOfStumps, assert_same_results, table

distributed = pytest.importorskip("distributed")

# The tornado and asyncio loops of a cluster leave sockets to the garbage collector when they close.
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]


@pytest.fixture(scope="module")
def client():
    options = {"n_workers": 2, "threads_per_worker": 1, "processes": True, "dashboard_address": ":0"}
    with distributed.LocalCluster(**options) as cluster, distributed.Client(cluster) as client:
        yield client


SEARCHES = {
    "neighbors": ours.GridSearchCV(KNeighborsClassifier(), {"n_neighbors": [1, 3, 5]}, return_train_score=True),
    "trees": ours.GridSearchCV(DecisionTreeClassifier(random_state=0), {"max_depth": [2, 4], "ccp_alpha": [0.0, 0.01]}),
    "one candidate": ours.GridSearchCV(GaussianNB(), {"var_smoothing": [1e-9]}, cv=3),
    "pipeline": ours.GridSearchCV(
        make_pipeline(StandardScaler(), GaussianNB()), {"gaussiannb__var_smoothing": [1e-9, 0.1, 10.0]}
    ),
    "halving": ours.HalvingGridSearchCV(GaussianNB(), {"var_smoothing": np.logspace(-9, 0, 8)}, random_state=0),
    "networks": ours.GridSearchCV(
        MLPClassifier((8,), max_epochs=3, batch_size=32, random_state=0), {"lr": [1e-3, 1e-2]}, scoring="neg_log_loss"
    ),
}


@pytest.mark.parametrize("name", SEARCHES)
def test_the_same_results_as_here(name, client):
    X, y = table(n=300)
    here = SEARCHES[name].fit(X, y).cv_results_
    with joblib.parallel_config("dask"):
        there = SEARCHES[name].fit(X, y)
    assert_same_results(there.cv_results_, here)
    assert len(there.plan_.groups) >= 2


def test_each_worker_is_given_the_data_once(client, monkeypatch):
    X, y = table(n=300)
    given, names = [], []
    scatter = client.scatter

    def watch(data, **options):
        given.append((data, options))
        futures = scatter(data, **options)
        names.extend(future.key for future in futures)
        return futures

    monkeypatch.setattr(client, "scatter", watch)
    search = ours.GridSearchCV(FamilyOfStumps(), {"depth": [1, 2, 3]}, scoring="accuracy", cv=6)
    with joblib.parallel_config("dask"):
        search.fit(X, y)
        ((data, options),) = given
        assert data[0].value is X
        assert data[1].value is y
        assert options["broadcast"]
        # The same data once more are others to the cluster, which may drop the first ones late.
        search.fit(X, y)
    assert len(set(names)) == len(names) == 4


def test_a_worker_that_is_killed_loses_nothing(client, tmp_path):
    X, y = table(n=300)
    search = ours.GridSearchCV(
        FamilyOfStumps(seconds=0.3),
        {"depth": [1, 2, 3]},
        scoring="accuracy",
        cv=8,
        checkpoint=tmp_path / "search.jsonl",  # groups of one split, so that there are eight
    )
    pids = client.run(os.getpid)
    killed = []

    def kill():
        while not (tmp_path / "search.jsonl").exists() or b"members" not in (tmp_path / "search.jsonl").read_bytes():
            time.sleep(0.01)
        os.kill(next(iter(pids.values())), signal.SIGKILL)
        killed.append(True)

    killer = threading.Thread(target=kill)
    killer.start()
    with joblib.parallel_config("dask"):
        search.fit(X, y)
    killer.join()
    assert killed
    here = ours.GridSearchCV(FamilyOfStumps(), {"depth": [1, 2, 3]}, scoring="accuracy", cv=8).fit(X, y)
    assert_same_results(search.cv_results_, here.cv_results_)
    deadline = time.monotonic() + 60
    while len(client.run(os.getpid)) < 2:  # its nanny starts another
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert next(iter(pids.values())) not in client.run(os.getpid).values()
