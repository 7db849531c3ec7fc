"""
A convolutional network on digits
=================================

Pictures may come as arrays of any usual layout, or as flat rows with ``image_shape``.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from sklearn.metrics import ConfusionMatrixDisplay
from sklearn.model_selection import train_test_split

from skdl.neural import CNNClassifier, MLPClassifier

pictures, y = load_digits().images, load_digits().target
train, test, y_train, y_test = train_test_split(pictures, y, train_size=900, stratify=y, random_state=0)
print(train.shape)

# %%
# The default architecture is small and good; ``"lenet"``, ``"resnet18"`` and others are there by name.
network = CNNClassifier(max_epochs=8, random_state=0).fit(train, y_train)
flat = MLPClassifier(max_epochs=30, random_state=0).fit(train.reshape(len(train), -1), y_train)
print(f"convolutions {network.score(test, y_test):.3f}")
print(f"perceptron   {flat.score(test.reshape(len(test), -1), y_test):.3f}")

# %%
# scikit-learn's displays take it like any classifier.
ConfusionMatrixDisplay.from_estimator(network, test, y_test)
plt.show()

# %%
# The pictures it is least sure of.
sure = network.predict_proba(test).max(axis=1)
figure, axes = plt.subplots(1, 8, figsize=(10, 1.6), layout="constrained")
for axis, row in zip(axes, sure.argsort(), strict=False):
    axis.imshow(test[row], cmap="gray_r")
    axis.set_title(f"{y_test[row]}, said {network.predict(test[[row]])[0]}", fontsize=8)
    axis.set_axis_off()
plt.show()
