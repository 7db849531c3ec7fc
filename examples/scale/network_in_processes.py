"""One network that several processes train together; each takes its part of every batch.

torchrun --nproc-per-node 2 examples/scale/network_in_processes.py
"""

import os

from sklearn.datasets import load_digits

from skdl.neural import MLPClassifier


def main():
    X, y = load_digits(return_X_y=True)
    settings = {"hidden_layer_sizes": (32,), "dropout": 0.0, "max_epochs": 5, "device": "cpu", "random_state": 0}
    together = MLPClassifier(accelerate=True, **settings).fit(X, y)
    # Every process ends with the same network; one of them speaks.
    if os.environ.get("RANK", "0") == "0":
        alone = MLPClassifier(**settings).fit(X, y)
        processes = os.environ.get("WORLD_SIZE", "1")
        print(f"loss of {processes} processes {together.loss_:.4f}, of one {alone.loss_:.4f}")


if __name__ == "__main__":
    main()
