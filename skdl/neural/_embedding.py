"""Networks whose outputs are embeddings: what a metric learner makes of a neural classifier."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from sklearn.base import clone

from skdl.engine import ClassBalanced, TwoViews
from skdl.neural._cnn import CNNClassifier
from skdl.neural._mlp import MLPClassifier
from skdl.neural._own import NeuralClassifier
from skdl.neural._rnn import RNNClassifier
from skdl.neural._tcn import TCNClassifier
from skdl.neural._transformer import TransformerClassifier


@dataclass(frozen=True)
class EmbeddingGoal:
    """What an embedding is trained for.

    Parameters
    ----------
    width : int
        The number of outputs.
    loss : str
        A kind of :class:`skdl.nn.EmbeddingLoss`.
    sampling : ClassBalanced or TwoViews
        How batches are put together.
    loss_settings : dict
        What the loss takes besides.
    """

    width: int
    loss: str
    sampling: ClassBalanced | TwoViews
    loss_settings: dict[str, Any] = field(default_factory=dict)


class EmbeddingTask:
    """The task beside the classifier's and the regressor's: targets are codes that only say which rows are alike.

    It stands before a classifier, whose parameters and whose treatment of X it inherits. Class weights and the
    parameters of the classifier's loss have no meaning.
    """

    _goal: EmbeddingGoal
    n_outputs_: int

    _may_stream = False  # rows are taken from all over the set

    @property
    def _task(self) -> str:
        return "embedding"

    def _fit_targets(self, y, classes=None) -> np.ndarray:
        self.n_outputs_ = self._goal.width
        return y

    def _fit_target_scaling(self, target, weight) -> None:
        """Codes need none."""

    def _target_tensor(self, target) -> torch.Tensor:
        return torch.from_numpy(target)

    def _task_weights(self, target, weight):
        return weight

    def _strata(self, target):
        return target if isinstance(self._goal.sampling, ClassBalanced) else None

    def _loss_settings(self) -> dict[str, Any]:
        goal = self._goal
        return {"loss": goal.loss, "loss_settings": goal.loss_settings, "sampling": goal.sampling}

    def _tensor_data(self, X, target, weight, device):
        # Rows that were merged because they are equal count once: a pair of them would teach nothing.
        return super()._tensor_data(X, target, None, device)  # type: ignore[misc]

    def _knows_no_classes(self):
        raise AttributeError(f"{type(self).__name__} embeds samples, and knows no classes.")

    predict = property(_knows_no_classes)
    predict_proba = property(_knows_no_classes)

    def train_to(self, goal: EmbeddingGoal, X, codes: np.ndarray):
        """Train for a goal.

        Parameters
        ----------
        goal : EmbeddingGoal
            What for.
        X : array-like, frame or tensor
            What the classifier takes.
        codes : ndarray of int of shape (n,)
            Which rows are alike.

        Returns
        -------
        self
        """
        self._goal = goal
        return self._fit(X, codes, None, reset=True)  # type: ignore[attr-defined]

    def embed(self, X) -> np.ndarray:
        """Return the outputs of the trained network.

        Parameters
        ----------
        X : array-like, frame or tensor
            What the classifier takes.

        Returns
        -------
        ndarray of shape (n, width), dtype float32
        """
        return self._outputs(X)  # type: ignore[attr-defined]


class MLPEmbedding(EmbeddingTask, MLPClassifier):
    """A perceptron that embeds."""


class CNNEmbedding(EmbeddingTask, CNNClassifier):
    """A convolutional network that embeds."""


class RNNEmbedding(EmbeddingTask, RNNClassifier):
    """A recurrent network that embeds."""


class TCNEmbedding(EmbeddingTask, TCNClassifier):
    """A temporal convolutional network that embeds."""


class TransformerEmbedding(EmbeddingTask, TransformerClassifier):
    """A transformer that embeds."""


class NeuralEmbedding(EmbeddingTask, NeuralClassifier):
    """A module of one's own that embeds."""


_EMBEDDINGS: tuple[tuple[type, type], ...] = (
    (MLPClassifier, MLPEmbedding),
    (CNNClassifier, CNNEmbedding),
    (RNNClassifier, RNNEmbedding),
    (TCNClassifier, TCNEmbedding),
    (TransformerClassifier, TransformerEmbedding),
    (NeuralClassifier, NeuralEmbedding),
)


def embedding_network(backbone):
    """Make a network that embeds out of a classifier.

    Parameters
    ----------
    backbone : classifier of skdl.neural
        Its parameters are copied; it is not changed.

    Returns
    -------
    EmbeddingTask or None
        Not yet trained; None if the classifier is none of this package's.
    """
    for known, embedding in _EMBEDDINGS:
        if isinstance(backbone, known):
            return embedding(**clone(backbone).get_params(deep=False))
    return None
