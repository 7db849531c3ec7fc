"""
Saved without pickle, checked when loaded
=========================================

:func:`skdl.save` writes a file in which there is no code; :func:`skdl.load` builds what it knows and checks it before
use.
"""

import tempfile
from pathlib import Path

import numpy as np
from sklearn.datasets import load_wine
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skdl
from skdl.exceptions import InvalidFileError
from skdl.model_selection import GridSearchCV
from skdl.neural import MLPClassifier

X, y = load_wine(return_X_y=True, as_frame=True)
folder = tempfile.TemporaryDirectory()
path = Path(folder.name) / "search.skops"

# %%
# A whole search goes into a file, and predicts the same to the last bit when it comes back.
network = make_pipeline(StandardScaler(), MLPClassifier((16,), max_epochs=20, random_state=0))
search = GridSearchCV(network, {"mlpclassifier__lr": [1e-3, 1e-2]}, cv=3).fit(X, y)
skdl.save(search, path)
loaded = skdl.load(path)
print(f"{path.stat().st_size} bytes; the same:", np.array_equal(loaded.predict_proba(X), search.predict_proba(X)))

# %%
# One bit is turned round, as a bad disk might, or a bad neighbour.
data = bytearray(path.read_bytes())
data[len(data) // 2] ^= 1
path.write_bytes(data)
try:
    skdl.load(path)
except InvalidFileError as error:
    print("refused:", str(error)[:100], "...")
folder.cleanup()
