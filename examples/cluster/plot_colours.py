"""
The colours of a picture by k-means
===================================

All 273,280 pixels of a photograph are clustered by colour, and each is drawn in the colour of its centre.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_sample_image

from skdl.cluster import KMeans, MiniBatchKMeans

picture = load_sample_image("china.jpg")
pixels = (picture.reshape(-1, 3) / 255).astype(np.float32)

# %%
figure, axes = plt.subplots(1, 3, figsize=(10, 3), layout="constrained")
axes[0].imshow(picture)
axes[0].set_title("as it is")
for axis, model in zip(
    axes[1:], (KMeans(6, random_state=0), MiniBatchKMeans(6, random_state=0, n_init=3)), strict=True
):
    labels = model.fit_predict(pixels)
    axis.imshow(model.cluster_centers_[labels].reshape(picture.shape))
    axis.set_title(f"{type(model).__name__}: inertia {model.inertia_:.0f}")
for axis in axes:
    axis.set_axis_off()
plt.show()

# %%
# How many colours? Inertia always falls; the bend is a matter of taste.
for n_colours in (2, 4, 8, 16):
    print(n_colours, round(KMeans(n_colours, n_init=1, random_state=0).fit(pixels[::20]).inertia_, 1))
