"""
Trees on a frame with categories and missing values
===================================================

Columns of a categorical dtype are split as sets of categories, and missing values go to the side that serves them
best: no encoder and no imputer stands before the tree.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from skdl.model_selection import cross_val_score
from skdl.tree import DecisionTreeClassifier, export_text, plot_tree

# %%
# Orders of a shop. What is sent back depends on the category of the goods and, of shoes, on whether the size is known.
rng = np.random.default_rng(0)
n = 600
goods = rng.choice(["shoes", "books", "toys", "coats", "games"], n)
size = np.where(rng.random(n) < 0.3, np.nan, rng.integers(36, 46, n))
frame = pd.DataFrame({"goods": pd.Categorical(goods), "size": size, "price": rng.gamma(3, 20, n).round(2)})
chance = np.where(goods == "shoes", np.where(np.isnan(size), 0.8, 0.3), np.where(goods == "coats", 0.5, 0.05))
sent_back = np.where(rng.random(n) < chance, "back", "kept")
print(frame.head(), "\n")

# %%
tree = DecisionTreeClassifier(max_depth=3, min_samples_leaf=20).fit(frame, sent_back)
print(export_text(tree))

# %%
# That a value is missing tells something here, which an imputer would wipe out.
filled = frame.fillna({"size": frame["size"].median()})
grown = DecisionTreeClassifier(max_depth=4, min_samples_leaf=20)
for name, table in (("missing as it is", frame), ("median filled in", filled)):
    print(f"{name}: log-loss {-cross_val_score(grown, table, sent_back, cv=5, scoring='neg_log_loss').mean():.3f}")

# %%
figure, axis = plt.subplots(figsize=(9, 4), layout="constrained")
plot_tree(tree, ax=axis)
plt.show()
