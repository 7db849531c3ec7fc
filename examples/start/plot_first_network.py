"""
A network in a pipeline
=======================

A perceptron is cross-validated like any other classifier, and stands beside a linear model and nearest neighbours.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import load_breast_cancer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdl.linear_model import LogisticRegression
from skdl.model_selection import cross_val_score
from skdl.neighbors import KNeighborsClassifier
from skdl.neural import MLPClassifier

X, y = load_breast_cancer(return_X_y=True, as_frame=True)

# %%
# Networks scale their columns themselves; neighbours and linear models get a scaler before them.
models = {
    "neighbours": make_pipeline(StandardScaler(), KNeighborsClassifier()),
    "logistic regression": make_pipeline(StandardScaler(), LogisticRegression()),
    "network": MLPClassifier(max_epochs=30, random_state=0),
}
scores = {name: cross_val_score(model, X, y, cv=5) for name, model in models.items()}
for name, score in scores.items():
    print(f"{name:20} {score.mean():.3f} ± {score.std():.3f}")

# %%
# The spread over the folds is wider than the differences between the models: on 569 rows, none of them is the winner.
figure, axis = plt.subplots(figsize=(6, 3), layout="constrained")
axis.boxplot(list(scores.values()), orientation="horizontal", tick_labels=list(scores))
axis.set_xlabel("accuracy on the test folds")
plt.show()
