"""
A module of one's own
=====================

Any ``nn.Module`` becomes an estimator. Arguments named ``n_features``, ``input_shape`` and ``n_outputs`` are given by
the data; all others are parameters, ``module__<name>``, that can be searched.
"""

import torch
from sklearn.datasets import load_wine
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

from skdl.model_selection import GridSearchCV
from skdl.neural import NeuralClassifier


class Gated(nn.Module):
    """A hidden layer whose values are let through by a second one."""

    def __init__(self, n_features, n_outputs, width=8):
        super().__init__()
        self.value = nn.Linear(n_features, width)
        self.gate = nn.Linear(n_features, width)
        self.head = nn.Linear(width, n_outputs)

    def forward(self, x):
        return self.head(self.value(x) * torch.sigmoid(self.gate(x)))


# %%
X, y = load_wine(return_X_y=True)
model = make_pipeline(StandardScaler(), NeuralClassifier(Gated, max_epochs=30, random_state=0))
grid = {"neuralclassifier__module__width": [2, 8], "neuralclassifier__lr": [0.003, 0.03]}
search = GridSearchCV(model, grid, cv=3).fit(X, y)
print(search.best_params_, f"{search.best_score_:.3f}")

# %%
print(search.best_estimator_[-1].net_.module_)
