"""
Moving over by changing an import
=================================

The classical estimators take scikit-learn's parameters and give scikit-learn's predictions. Where they differ, their
documentation says so.
"""

import numpy as np
from sklearn import linear_model, naive_bayes, neighbors, tree
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import skdl

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X / 16, y, random_state=0)

# %%
# The class of the same name from both libraries, with the same parameters.
pairs = {
    "KNeighborsClassifier": (neighbors, skdl.neighbors, {"n_neighbors": 3, "weights": "distance"}),
    "GaussianNB": (naive_bayes, skdl.naive_bayes, {"var_smoothing": 1e-3}),
    "LogisticRegression": (linear_model, skdl.linear_model, {"C": 1.0, "tol": 1e-6, "max_iter": 1000}),
    "DecisionTreeClassifier": (tree, skdl.tree, {"max_depth": 4}),
}
for name, (theirs, ours, parameters) in pairs.items():
    one = getattr(theirs, name)(**parameters).fit(X_train, y_train).predict(X_test)
    other = getattr(ours, name)(**parameters).fit(X_train, y_train).predict(X_test)
    print(f"{name:24} same predictions {np.mean(one == other):7.2%}   accuracy {np.mean(other == y_test):.3f}")

# %%
# Trees may differ in a few rows: scikit-learn breaks ties between equally good splits at random, skdl by position.
