"""
Votes: by labels, probabilities, log-probabilities and ranks
============================================================

Ranks are for members whose probabilities are not on one scale, such as naive Bayes, which is nearly always sure.
Weights can be learned on out-of-fold predictions.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import load_breast_cancer
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdl.ensemble import VotingClassifier
from skdl.linear_model import LogisticRegression
from skdl.naive_bayes import GaussianNB
from skdl.neighbors import KNeighborsClassifier

X, y = load_breast_cancer(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.5, stratify=y, random_state=0)
members = [
    ("line", make_pipeline(StandardScaler(), LogisticRegression())),
    ("bayes", GaussianNB()),
    ("neighbours", make_pipeline(StandardScaler(), KNeighborsClassifier())),
]

# %%
for name, member in members:
    fitted = member.fit(X_train, y_train)
    loss = log_loss(y_test, fitted.predict_proba(X_test))
    print(f"{name:24} accuracy {fitted.score(X_test, y_test):.3f}, log-loss {loss:.3f}")

# %%
for voting in ("hard", "soft", "logit", "rank"):
    for weights in (None, "optimal"):
        vote = VotingClassifier(members, voting=voting, weights=weights).fit(X_train, y_train)
        name = f"{voting}, {'weights learned' if weights else 'equal weights'}"
        loss = "" if voting == "hard" else f", log-loss {log_loss(y_test, vote.predict_proba(X_test)):.3f}"
        print(f"{name:24} accuracy {vote.score(X_test, y_test):.3f}{loss}")

# %%
figure, axis = plt.subplots(figsize=(5, 3), layout="constrained")
for voting in ("soft", "rank"):
    vote = VotingClassifier(members, voting=voting).fit(X_train, y_train)
    axis.hist(vote.predict_proba(X_test)[:, 1], bins=30, alpha=0.5, label=voting)
axis.set(xlabel="probability of the second class", ylabel="test rows", yscale="log")
axis.legend()
plt.show()
