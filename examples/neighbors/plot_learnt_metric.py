"""
Neighbours under a learnt metric
================================

``metric=`` takes a metric learner. It is fitted inside the classifier, so that a search may look over its parameters,
and cross-validation never leaks a test row into the metric.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import load_wine
from sklearn.model_selection import train_test_split

from skdl.metric_learning import LFDA, NCA
from skdl.model_selection import GridSearchCV, cross_val_score
from skdl.neighbors import KNeighborsClassifier

X, y = load_wine(return_X_y=True)

# %%
# The columns of wine have very different units: plain distances see one column, proline, alone.
plain = cross_val_score(KNeighborsClassifier(), X, y, cv=5).mean()
learnt = cross_val_score(KNeighborsClassifier(metric=LFDA()), X, y, cv=5).mean()
print(f"Euclidean {plain:.3f}, under LFDA {learnt:.3f}")

# %%
# A search over the learner's dimension and the number of neighbours. One solution serves every ``n_components``.
grid = {"metric__n_components": [1, 2, 5, 13], "n_neighbors": [1, 3, 9]}
search = GridSearchCV(KNeighborsClassifier(metric=LFDA()), grid, cv=5).fit(X, y)
print(search.best_params_, f"{search.best_score_:.3f}")

# %%
# A learner is also a transformer: two dimensions to look at, learnt on one half and drawn for the other.
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.5, stratify=y, random_state=0)
figure, axes = plt.subplots(1, 2, figsize=(8, 3.5), layout="constrained")
for axis, learner in zip(axes, (LFDA(2), NCA(2, max_iter=50)), strict=True):
    there = learner.fit(X_train, y_train).transform(X_test)
    axis.scatter(*there.T, c=y_test, cmap="viridis", s=15)
    axis.set_title(f"{type(learner).__name__}, rows it has not seen")
plt.show()
