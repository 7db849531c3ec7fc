"""
The path of a logistic regression
=================================

How coefficients grow as the penalty falls. A search over ``C`` shares the curvature of each fold and starts every fit
where the last one ended.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.preprocessing import StandardScaler

from skdl.linear_model import LogisticRegression
from skdl.model_selection import GridSearchCV

X, y = load_breast_cancer(return_X_y=True)
X = StandardScaler().fit_transform(X)
strengths = np.logspace(-4, 3, 15)

# %%
search = GridSearchCV(LogisticRegression(), {"C": strengths}, scoring="neg_log_loss", cv=5).fit(X, y)
print(search.plan_)

# %%
paths = {
    "l2": [LogisticRegression(C=C).fit(X, y).coef_[0] for C in strengths],
    "l1": [LogisticRegression(C=C, l1_ratio=1.0).fit(X, y).coef_[0] for C in strengths[:12]],
}
figure, axes = plt.subplots(1, 3, figsize=(10, 3), layout="constrained")
axes[0].plot(strengths, -search.cv_results_["mean_test_score"])
axes[0].set(xscale="log", yscale="log", xlabel="C", ylabel="log-loss", title="cross-validated")
for axis, (penalty, path) in zip(axes[1:], paths.items(), strict=True):
    axis.plot(strengths[: len(path)], path, linewidth=0.8)
    axis.set(xscale="log", xlabel="C", title=f"coefficients, {penalty}")
plt.show()
