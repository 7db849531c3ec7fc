"""
Stacking on out-of-fold predictions
===================================

A last estimator learns how to combine the members, from predictions for rows that they did not see. All fits, those
of the folds too, are made together where members know how.
"""

from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdl.ensemble import StackingClassifier
from skdl.linear_model import LogisticRegression
from skdl.neighbors import KNeighborsClassifier
from skdl.neural import MLPClassifier
from skdl.tree import DecisionTreeClassifier

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, train_size=600, stratify=y, random_state=0)

# %%
members = [
    ("line", make_pipeline(StandardScaler(), LogisticRegression())),
    ("neighbours", KNeighborsClassifier(3)),
    ("tree", DecisionTreeClassifier(max_depth=8)),
    ("network", MLPClassifier((64,), max_epochs=20, random_state=0)),
]
stack = StackingClassifier(members, LogisticRegression(C=0.1), cv=5).fit(X_train, y_train)
for (name, _), fitted in zip(members, stack.estimators_, strict=True):
    print(f"{name:12} {fitted.score(X_test, y_test):.3f}")
print(f"{'stack':12} {stack.score(X_test, y_test):.3f}")
