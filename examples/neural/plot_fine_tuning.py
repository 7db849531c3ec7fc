"""
Fine-tuning, freezing and features
==================================

A network that has learnt one task is where another one starts from: ``init_from`` takes its layers over, ``freeze``
keeps some as they are, and ``transform`` gives its features to any other estimator.
"""

import numpy as np
from sklearn.datasets import load_digits
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline

from skdl.linear_model import LogisticRegression
from skdl.neural import CNNClassifier

pictures, y = load_digits().images, load_digits().target

# %%
# A thousand digits to begin with. Then the pen changes: white on black, and one pixel to the right; of these, forty
# have labels.
body = CNNClassifier(max_epochs=12, random_state=0).fit(pictures[:1000], y[:1000])
others = np.roll(16 - pictures[1000:], 1, axis=2)
train, test, y_train, y_test = train_test_split(others, y[1000:], train_size=40, stratify=y[1000:], random_state=0)
print(f"as it is: {body.score(test, y_test):.3f}")

# %%
new = {"max_epochs": 30, "random_state": 0}
models = {
    "from nothing": CNNClassifier(**new),
    "from the other digits": CNNClassifier(init_from=body, **new),
    "with a lower rate": CNNClassifier(init_from=body, lr=1e-3, **new),
    "first layers learn slower": CNNClassifier(init_from=body, layer_lr_decay=0.7, **new),
    "first layer frozen": CNNClassifier(init_from=body, freeze="1.0.*", **new),
    "its features, a linear model": make_pipeline(FrozenEstimator(body), LogisticRegression()),
}
for name, model in models.items():
    print(f"{name:30} {model.fit(train, y_train).score(test, y_test):.3f}")

# %%
# Names to freeze by:
print([name for name, _ in body.net_.module_.named_parameters()][:8])
