"""
Snapshots of one training
=========================

The learning rate falls and starts anew, several times; each time the network settles elsewhere. Their mean costs one
training. With ``combine="weights"`` one network is left, whose weights are the mean.
"""

from sklearn.datasets import load_digits
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split

from skdl.ensemble import SnapshotEnsembleClassifier
from skdl.neural import MLPClassifier

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, train_size=500, stratify=y, random_state=0)

# %%
network = MLPClassifier((64,), lr=0.01, max_epochs=50, random_state=0)
models = {
    "one network, cosine": MLPClassifier((64,), lr=0.01, max_epochs=50, schedule="cosine", random_state=0),
    "five snapshots": SnapshotEnsembleClassifier(network, n_members=5, random_state=0),
    "mean of weights": SnapshotEnsembleClassifier(network, n_members=5, combine="weights", random_state=0),
}
for name, model in models.items():
    model.fit(X_train, y_train)
    loss = log_loss(y_test, model.predict_proba(X_test))
    print(f"{name:20} accuracy {model.score(X_test, y_test):.3f}, log-loss {loss:.3f}")
print("epochs at which snapshots were taken:", [member.n_iter_ for member in models["five snapshots"].estimators_])
