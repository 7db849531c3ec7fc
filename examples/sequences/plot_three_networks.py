"""
Recurrent, convolutional, attending: three networks for series
==============================================================

Each digit is read line by line, from the top: a series of eight steps with eight channels. All three networks take
arrays ``(n, steps, channels)``, lists of series of unequal lengths, and nested frames.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from skdl.neural import RNNClassifier, TCNClassifier, TransformerClassifier

series, y = load_digits().images, load_digits().target
train, test, y_train, y_test = train_test_split(series, y, train_size=600, stratify=y, random_state=0)

# %%
models = {
    "LSTM": RNNClassifier("lstm", hidden_size=32, max_epochs=15, random_state=0),
    "GRU": RNNClassifier(hidden_size=32, max_epochs=15, random_state=0),
    "TCN": TCNClassifier(channels=24, num_levels=2, max_epochs=15, random_state=0),
    "transformer": TransformerClassifier(d_model=32, lr=0.003, max_epochs=15, random_state=0),
}
figure, axis = plt.subplots(figsize=(6, 3.5), layout="constrained")
for name, model in models.items():
    model.fit(train, y_train)
    n_weights = sum(weight.numel() for weight in model.net_.module_.parameters())
    print(f"{name:12} accuracy {model.score(test, y_test):.3f}, {n_weights:6} weights")
    axis.plot(model.history_["epoch"], model.history_["train_loss"], label=name)
axis.set(xlabel="epoch", ylabel="training loss", yscale="log")
axis.legend()
plt.show()

# %%
# Half a digit is a shorter series. All take it; how well they do with what they were not trained on is another matter.
halves = [picture[:5] for picture in test]
for name, model in models.items():
    print(f"{name:12} from the upper five lines {model.score(halves, y_test):.3f}")
