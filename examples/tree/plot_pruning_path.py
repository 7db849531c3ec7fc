"""
The path of cost-complexity pruning, and a search along it
==========================================================

Every ``ccp_alpha`` is a pruning of the same tree, and every depth a truncation of it: a search grows one tree for
each fold.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer

from skdl.model_selection import GridSearchCV
from skdl.tree import DecisionTreeClassifier

X, y = load_breast_cancer(return_X_y=True)
path = DecisionTreeClassifier().cost_complexity_pruning_path(X, y)
alphas = np.unique(path.ccp_alphas.clip(0))[:-1]
print(f"{len(alphas)} prunings from the whole tree to the root")

# %%
grid = {"ccp_alpha": alphas, "max_depth": [2, 4, 6, None]}
search = GridSearchCV(DecisionTreeClassifier(), grid, cv=5, return_train_score=True).fit(X, y)
print(search.plan_)
print(search.best_params_)

# %%
results = search.cv_results_
whole = np.array([parameters["max_depth"] is None for parameters in results["params"]])
figure, axis = plt.subplots(figsize=(6, 3.5), layout="constrained")
for part in ("train", "test"):
    axis.plot(alphas, results[f"mean_{part}_score"][whole], drawstyle="steps-post", label=part)
axis.set(xlabel="ccp_alpha", ylabel="accuracy", xscale="symlog")
axis.set_xscale("symlog", linthresh=1e-3)
axis.legend()
plt.show()
