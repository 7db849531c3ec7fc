"""
Text from raw strings
=====================

With ``tokenizer=`` a network takes a list of strings. Here sentences of scikit-learn's own descriptions of its data
sets are told apart.
"""

import re

from sklearn import datasets
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline

from skdl.naive_bayes import ComplementNB
from skdl.neural import RNNClassifier, TransformerClassifier

# %%
texts, about = [], []
for name in ("breast_cancer", "diabetes", "digits", "iris", "wine", "linnerud"):
    words = re.findall(r"[A-Za-z]+", getattr(datasets, f"load_{name}")()["DESCR"])
    pieces = [" ".join(words[start : start + 8]) for start in range(0, len(words), 8)]
    texts += pieces
    about += [name] * len(pieces)
print(len(texts), "pieces, as", repr(texts[5]))
train, test, y_train, y_test = train_test_split(texts, about, test_size=0.3, stratify=about, random_state=0)

# %%
models = {
    "naive Bayes on counts": make_pipeline(CountVectorizer(), ComplementNB()),
    "LSTM on words": RNNClassifier("lstm", tokenizer="word", hidden_size=32, max_epochs=15, random_state=0),
    "transformer on words": TransformerClassifier(d_model=32, tokenizer="word", max_epochs=15, random_state=0),
}
for name, model in models.items():
    print(f"{name:24} {model.fit(train, y_train).score(test, y_test):.3f}")

# %%
# On a few hundred short pieces, counting words is hard to beat. Words that ``fit`` saw less than twice, or not at all,
# share one vector.
print(models["LSTM on words"].predict(["petal width of a flower", "alcohol and colour intensity"]))
