"""
More rows than memory
=====================

Rows that lie in a file are read block by block while a network trains. What it learns is the same, to the last bit,
as if they had all been in memory.
"""

import tempfile
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits
from torch.utils.data import Dataset

from skdl.naive_bayes import GaussianNB
from skdl.neural import MLPClassifier

X, y = load_digits(return_X_y=True)

# %%
# A torch Dataset reads what it is asked for. A memory-mapped array above 256 MiB is streamed by itself; this one is
# small.
folder = tempfile.TemporaryDirectory()
path = Path(folder.name) / "X.npy"
np.save(path, X.astype(np.float32))


class Rows(Dataset):
    """Rows of a file, read one by one."""

    def __init__(self, path, y):
        self.data, self.y = np.load(path, mmap_mode="r"), y

    def __len__(self):
        return len(self.y)

    def __getitem__(self, row):
        return np.array(self.data[row]), self.y[row]


settings = {"hidden_layer_sizes": (64,), "max_epochs": 5, "scaling": "standard", "random_state": 0}
streamed = MLPClassifier(**settings).fit(Rows(path, y), None)
loaded = MLPClassifier(**settings).fit(np.load(path), y)
print("the same weights:", all(np.array_equal(a, b) for a, b in zip(streamed.coefs_, loaded.coefs_, strict=True)))

# %%
# Classical estimators that learn sums take blocks by ``partial_fit``.
rows = np.load(path, mmap_mode="r")
model = GaussianNB(var_smoothing=1e-2)
for start in range(0, len(rows), 500):
    model.partial_fit(rows[start : start + 500], y[start : start + 500], classes=np.unique(y))
print(f"naive Bayes by blocks: {model.score(X, y):.3f}")
folder.cleanup()
