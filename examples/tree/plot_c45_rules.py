"""
Rules from C4.5
===============

Quinlan's C4.5 splits by gain ratio and prunes by a pessimistic estimate of the error. Its leaves read as rules.
"""

from sklearn.datasets import load_iris

from skdl.model_selection import cross_val_score
from skdl.tree import C45Classifier, ID3Classifier, to_rules

X, y = load_iris(return_X_y=True, as_frame=True)
labels = y.map(dict(enumerate(load_iris().target_names)))

# %%
# Each rule tells how many of the training rows it covers, and how many of these it gets wrong.
model = C45Classifier().fit(X, labels)
for rule in to_rules(model):
    print(rule)

# %%
# Pruning makes smaller trees. ``confidence_factor`` says how hard: the smaller, the harder.
for factor in (0.5, 0.25, 0.01):
    model = C45Classifier(confidence_factor=factor)
    score = cross_val_score(model, X, labels, cv=10).mean()
    print(f"confidence {factor:4}: {model.fit(X, labels).get_n_leaves()} leaves, accuracy {score:.3f}")
whole = C45Classifier(pruning=None)
print(f"without pruning: {whole.fit(X, labels).get_n_leaves()} leaves")

# %%
# ID3, its predecessor, knows categories alone: numbers are cut into words first.
words = X.apply(lambda column: column.round().astype(int).astype(str)).astype("category")
print(f"ID3 on rounded values: {cross_val_score(ID3Classifier(), words, labels, cv=10).mean():.3f}")
