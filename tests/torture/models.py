"""Small fitted models of different kinds, and what is asked of them."""

from functools import cache

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skdl.cluster import KMeans
from skdl.ensemble import VotingClassifier
from skdl.linear_model import LogisticRegression
from skdl.model_selection import GridSearchCV
from skdl.naive_bayes import GaussianNB, MixedNB
from skdl.neighbors import KNeighborsClassifier
from skdl.neural import MLPClassifier, RNNClassifier
from skdl.tree import C45Classifier, DecisionTreeClassifier, DecisionTreeRegressor
from tests.common.tools import _samples

_NETWORK = {"max_epochs": 2, "random_state": 0, "device": "cpu"}


@cache
def models() -> dict:
    """Pairs of a fitted model and the X that it predicts, by name."""
    X, labels, target = _samples(30, False)
    X = X.copy()
    names = np.array(["red", "green", "blue"])[labels]
    frame = pd.DataFrame({"a": X[:, 0], "b": X[:, 1], "colour": pd.Categorical(names)})
    flag = (X[:, 3] > 4).astype(int)
    texts = np.array(["the cat sat", "a dog ran away", "cat and dog", "one two"] * 3)
    encode = make_column_transformer((StandardScaler(), ["a", "b"]), (OneHotEncoder(), ["colour"]))
    search = GridSearchCV(KNeighborsClassifier(), {"n_neighbors": [1, 3]}, cv=2)
    forest = RandomForestClassifier(2, max_depth=3, random_state=0)
    return {
        "neighbours": (KNeighborsClassifier().fit(X, names), X),
        "sparse neighbours": (KNeighborsClassifier().fit(csr_matrix(X * (X > 4)), names), csr_matrix(X)),
        "tree": (DecisionTreeRegressor(max_depth=4).fit(X, target), X),
        "tree of categories": (DecisionTreeClassifier(max_depth=4).fit(frame, flag), frame),
        "multiway tree": (C45Classifier().fit(frame, flag), frame),
        "clusters": (KMeans(3, random_state=0).fit(X), X),
        "naive Bayes": (MixedNB().fit(frame, flag), frame),
        "pipeline": (make_pipeline(encode, LogisticRegression()).fit(frame, flag), frame),
        "network": (make_pipeline(StandardScaler(), MLPClassifier((4,), **_NETWORK)).fit(X, names), X),
        "recurrent network": (RNNClassifier(tokenizer="word", **_NETWORK).fit(texts, flag[:12]), texts),
        "search": (search.fit(X, names), X),
        "vote": (VotingClassifier([("bayes", GaussianNB()), ("forest", forest)], voting="soft").fit(X, names), X),
    }
