"""
Early stopping, and the best weights
====================================

A network that is large enough learns its data by heart, wrong labels too. Early stopping watches rows that are held
out, or rows of one's own, and goes back to the weights that were best on them.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from skdl.neural import MLPClassifier

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, train_size=800, stratify=y, random_state=0)

# %%
# A quarter of the training labels is drawn anew: whoever learns them by heart learns what is wrong.
rng = np.random.default_rng(0)
wrong = rng.random(len(y_train)) < 0.25
y_train = np.where(wrong, rng.integers(0, 10, len(y_train)), y_train)

# %%
settings = {"hidden_layer_sizes": (256, 256), "max_epochs": 60, "random_state": 0}
on = MLPClassifier(**settings).fit(X_train, y_train, X_val=X_test[:300], y_val=y_test[:300])
heart = MLPClassifier(**settings, early_stopping=False).fit(X_train, y_train, X_val=X_test[:300], y_val=y_test[:300])
for name, model in (("stopped early", on), ("to the end", heart)):
    print(f"{name}: {model.n_iter_} epochs, accuracy on other rows {model.score(X_test[300:], y_test[300:]):.3f}")

# %%
figure, axis = plt.subplots(figsize=(6, 3.5), layout="constrained")
axis.plot(heart.history_["epoch"], heart.history_["train_loss"], label="training")
axis.plot(heart.history_["epoch"], heart.history_["valid_loss"], label="validation")
axis.axvline(on.n_iter_, color="0.7", label="stopped here")
axis.set(xlabel="epoch", ylabel="cross-entropy", yscale="log")
axis.legend()
plt.show()
