"""
A search as a family, and its plan
==================================

A grid search over networks fits every candidate on every fold. skdl's trains them side by side in one set of tensors;
``plan_`` says what was fitted together, and what one by one and why.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from skdl.model_selection import GridSearchCV
from skdl.neural import MLPClassifier

X, y = load_digits(return_X_y=True)
X, y = X[:800], y[:800]

# %%
network = make_pipeline(MinMaxScaler(), MLPClassifier((32,), max_epochs=15, random_state=0))
grid = {
    "mlpclassifier__lr": np.logspace(-4, -0.5, 6).tolist(),
    "mlpclassifier__weight_decay": [0.0, 1e-2, 1.0],
}
search = GridSearchCV(network, grid, cv=3, return_history=True).fit(X, y)
print(search.plan_)

# %%
# The same members, to the last bit, as if each had been fitted alone.
best = search.best_params_
again = GridSearchCV(network, {name: [value] for name, value in best.items()}, cv=3).fit(X, y)
print(best, search.best_score_ == again.best_score_)

# %%
scores = search.cv_results_["mean_test_score"].reshape(6, 3)
figure, axes = plt.subplots(1, 2, figsize=(10, 3.5), layout="constrained")
for column, decay in enumerate(grid["mlpclassifier__weight_decay"]):
    axes[0].plot(grid["mlpclassifier__lr"], scores[:, column], marker="o", label=f"weight_decay {decay}")
axes[0].set(xscale="log", xlabel="lr", ylabel="accuracy")
axes[0].legend()
for histories, lr in zip(search.history_[::3], grid["mlpclassifier__lr"], strict=True):
    axes[1].plot(np.mean([history["train_loss"] for history in histories], axis=0), label=f"lr {lr:.1e}")
axes[1].set(xlabel="epoch", ylabel="training loss", yscale="log")
axes[1].legend(fontsize=7)
plt.show()
