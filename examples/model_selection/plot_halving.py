"""
Successive halving
==================

Many candidates get a little, the best of them three times as much, and so on. The resource may be the number of rows,
or of epochs.
"""

import matplotlib.pyplot as plt
import pandas as pd
from scipy.stats import loguniform
from sklearn.datasets import load_digits

from skdl.model_selection import HalvingRandomSearchCV
from skdl.neural import MLPClassifier

X, y = load_digits(return_X_y=True)

# %%
search = HalvingRandomSearchCV(
    MLPClassifier((32,), random_state=0),
    {"lr": loguniform(1e-4, 1.0), "weight_decay": loguniform(1e-5, 1.0), "dropout": [0.0, 0.2, 0.5]},
    resource="max_epochs",
    n_candidates=27,
    min_resources=1,
    max_resources=27,
    cv=3,
    random_state=0,
).fit(X[:900], y[:900])
print(search.n_candidates_, "candidates with", search.n_resources_, "epochs")
print(search.best_params_)
print(f"accuracy on other rows {search.score(X[900:], y[900:]):.3f}")

# %%
results = pd.DataFrame(search.cv_results_)
figure, axis = plt.subplots(figsize=(6, 3.5), layout="constrained")
for iteration, rows in results.groupby("iter"):
    axis.scatter(
        rows["param_lr"],
        rows["mean_test_score"],
        s=12 * (iteration + 1) ** 2,
        label=f"{rows['n_resources'].iloc[0]} epochs",
    )
axis.set(xscale="log", xlabel="lr", ylabel="accuracy")
axis.legend()
plt.show()
