"""
Reliability, embeddings, feature maps and attention
===================================================

Can the probabilities be trusted, where do the rows go, what does a layer see, and which words look at which?
"""

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits

from skdl.inspection import AttentionDisplay, EmbeddingDisplay, FeatureMapDisplay, ReliabilityDisplay
from skdl.metric_learning import LFDA
from skdl.naive_bayes import GaussianNB
from skdl.neural import CNNClassifier, TransformerClassifier

X, y = load_digits(return_X_y=True)

# %%
# Naive Bayes is nearly always sure, and often wrong.
ReliabilityDisplay.from_estimator(GaussianNB(var_smoothing=1e-3).fit(X[:900], y[:900]), X[900:], y[900:])
plt.show()

# %%
# Rows that the map has not seen, before and after.
EmbeddingDisplay.from_estimator(LFDA(n_components=2).fit(X[:900], y[:900]), X[900:], y[900:])
plt.show()

# %%
# A digit, as the first layer of a convolutional network sees it.
network = CNNClassifier("lenet", image_shape=(8, 8), max_epochs=5, random_state=0).fit(X[:900], y[:900])
FeatureMapDisplay.from_estimator(network, X[900], layer=0)
plt.show()

# %%
# Attention of a small transformer on a sentence.
texts = ["a good film", "a bad film", "what a good one", "not a bad one at all", "not a good film"] * 8
labels = ["+", "-", "+", "+", "-"] * 8
model = TransformerClassifier(16, tokenizer="word", max_epochs=15, random_state=0).fit(texts, labels)
AttentionDisplay.from_estimator(model, ["not a good film"])
plt.show()
