"""
An ensemble out of a search
===========================

A search throws all candidates but one away. Kept out-of-fold predictions let a greedy choice (Caruana et al. 2004)
make an ensemble of them; only what is chosen is fitted again.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split

from skdl.ensemble import GreedyEnsembleClassifier
from skdl.model_selection import GridSearchCV
from skdl.neural import MLPClassifier

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, train_size=600, stratify=y, random_state=0)

# %%
grid = {"lr": [1e-3, 3e-3, 1e-2], "dropout": [0.0, 0.3], "activation": ["relu", "tanh"]}
network = MLPClassifier((48,), max_epochs=20, random_state=0)
search = GridSearchCV(network, grid, scoring="neg_log_loss", cv=3, return_predictions="predict_proba")
search.fit(X_train, y_train)

# %%
chosen = GreedyEnsembleClassifier.from_search(search, random_state=0).fit(X_train, y_train)
for name, model in (("best candidate", search), ("chosen ensemble", chosen)):
    p = model.predict_proba(X_test)
    accuracy = (chosen.classes_[p.argmax(axis=1)] == y_test).mean()
    print(f"{name:16} accuracy {accuracy:.3f}, log-loss {log_loss(y_test, p):.4f}")

# %%
figure, axis = plt.subplots(figsize=(6, 3), layout="constrained")
axis.bar(range(len(chosen.losses_)), chosen.losses_, color="0.8")
axis.axhline(chosen.loss_, color="C1", label="the ensemble, out of fold")
axis.set(xlabel="candidate", ylabel="log-loss out of fold", ylim=(0.8 * chosen.loss_, None))
axis.legend()
plt.show()
