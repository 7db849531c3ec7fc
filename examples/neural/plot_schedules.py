"""
Learning-rate schedules
=======================

``schedule=`` names how the learning rate falls, ``warmup_epochs`` how it rises first. Four networks that differ in
this alone are fitted by one search.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits

from skdl.engine.schedules import SCHEDULES
from skdl.model_selection import GridSearchCV
from skdl.neural import MLPClassifier

X, y = load_digits(return_X_y=True)

# %%
progress = np.linspace(0, 1, 200)
figure, axis = plt.subplots(figsize=(6, 3), layout="constrained")
for name, factor in SCHEDULES.items():
    axis.plot(progress, [factor(p) for p in progress], label=name)
axis.set(xlabel="part of the training", ylabel="factor of the learning rate")
axis.legend()
plt.show()

# %%
network = MLPClassifier((64,), optimizer="momentum", lr=0.2, max_epochs=15, random_state=0)
grid = {"schedule": [None, *SCHEDULES]}
search = GridSearchCV(network, grid, cv=3, scoring="neg_log_loss", return_history=True).fit(X, y)

figure, axis = plt.subplots(figsize=(6, 3.5), layout="constrained")
for parameters, histories in zip(search.cv_results_["params"], search.history_, strict=True):
    losses = np.mean([history["train_loss"] for history in histories], axis=0)
    axis.plot(range(1, 16), losses, label=parameters["schedule"] or "constant")
axis.set(xlabel="epoch", ylabel="training loss", yscale="log")
axis.legend()
plt.show()

# %%
for parameters, score in zip(search.cv_results_["params"], search.cv_results_["mean_test_score"], strict=True):
    print(f"{parameters['schedule'] or 'constant':10} log-loss {-score:.4f}")
