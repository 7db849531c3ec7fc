"""A search on the workers of a dask cluster: two processes here, machines elsewhere by the address of a scheduler."""

import joblib
from distributed import Client, LocalCluster
from sklearn.datasets import load_digits
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdl.model_selection import GridSearchCV
from skdl.neural import MLPClassifier


def main():
    X, y = load_digits(return_X_y=True)
    network = make_pipeline(StandardScaler(), MLPClassifier((32,), max_epochs=5, random_state=0))
    grid = {"mlpclassifier__lr": [1e-3, 1e-2], "mlpclassifier__dropout": [0.0, 0.3]}
    search = GridSearchCV(network, grid, cv=3, scoring="neg_log_loss")

    options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": ":0"}
    with LocalCluster(**options) as cluster, Client(cluster), joblib.parallel_config("dask"):
        there = search.fit(X, y).cv_results_["mean_test_score"]
    here = search.fit(X, y).cv_results_["mean_test_score"]
    print("the same scores on the cluster as here:", bool((there == here).all()))


if __name__ == "__main__":
    main()
