"""Ensembles: a vote with learned weights, candidates of a search, networks in one stack, their student."""

from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdl.ensemble import (
    DeepEnsembleClassifier,
    DistilledClassifier,
    GreedyEnsembleClassifier,
    VotingClassifier,
    calibration_report,
    diversity_report,
)
from skdl.linear_model import LogisticRegression
from skdl.model_selection import GridSearchCV
from skdl.naive_bayes import GaussianNB
from skdl.neighbors import KNeighborsClassifier
from skdl.neural import MLPClassifier

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.5, random_state=0, stratify=y)

# The first step is fitted once for both pipelines; weights are learned on out-of-fold predictions.
members = [
    ("line", make_pipeline(StandardScaler(), LogisticRegression())),
    ("bayes", make_pipeline(StandardScaler(), GaussianNB(var_smoothing=1e-2))),
    ("neighbours", KNeighborsClassifier()),
]
for voting in ("soft", "rank", "logit"):
    vote = VotingClassifier(members, voting=voting, weights="optimal").fit(X_train, y_train)
    print(f"vote by {voting:5} {vote.score(X_test, y_test):.3f}  weights {vote.weights_.round(2)}")

# A search has made the predictions that an ensemble is chosen by: only what is chosen is fitted again.
grid = {"n_neighbors": [1, 3, 9, 27], "weights": ["uniform", "distance"]}
search = GridSearchCV(KNeighborsClassifier(), grid, return_predictions="predict_proba").fit(X_train, y_train)
chosen = GreedyEnsembleClassifier.from_search(search, random_state=0).fit(X_train, y_train)
print(f"best candidate {search.score(X_test, y_test):.3f}, chosen ensemble {chosen.score(X_test, y_test):.3f}")

# Five networks trained as one stack: how much they differ, and whether their probabilities can be trusted.
net = MLPClassifier(hidden_layer_sizes=(64,), max_epochs=30)
deep = DeepEnsembleClassifier(net, n_members=5, random_state=0).fit(X_train, y_train)
for name, value in diversity_report(deep, X_test, y_test).items():
    print(f"{name:>18} {value:.3f}")
for name, value in calibration_report(y_test, deep.predict_proba(X_test)).items():
    print(f"{name:>18} {value:.3f}")

# A small network that learns what they say.
student = MLPClassifier(hidden_layer_sizes=(16,), max_epochs=60, random_state=0)
small = DistilledClassifier(deep, student, prefit=True).fit(X_train, y_train)
print(f"five networks {deep.score(X_test, y_test):.3f}, their student {small.score(X_test, y_test):.3f}")
