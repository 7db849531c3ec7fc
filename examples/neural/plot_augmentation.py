"""
Augmentation
============

Training pictures are changed at random, differently in each epoch, on the device that trains. Few pictures go
further.
"""

import matplotlib.pyplot as plt
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from skdl.neural import CNNClassifier
from skdl.nn import Augmentation

pictures, y = load_digits().images, load_digits().target
train, test, y_train, y_test = train_test_split(pictures, y, train_size=150, stratify=y, random_state=0)

# %%
# What it does to one picture.
layer = Augmentation({"crop": 0.15, "rotation": 15.0, "noise": 0.05}, seed=0).train()
figure, axes = plt.subplots(2, 8, figsize=(9, 2.5), layout="constrained")
batch = torch.as_tensor(train[:1], dtype=torch.float32)[:, None] / 16
for axis in axes.flat:
    axis.imshow(layer(batch)[0, 0].numpy(), cmap="gray_r")
    axis.set_axis_off()
plt.show()

# %%
# 150 pictures to learn from, with and without. Flips would be wrong here: a mirrored 2 is no 2.
for augment in (None, {"crop": 0.1}, {"crop": 0.1, "rotation": 10.0}):
    network = CNNClassifier(augment=augment, max_epochs=40, random_state=0).fit(train, y_train)
    print(f"{network.score(test, y_test):.3f}  {augment}")
