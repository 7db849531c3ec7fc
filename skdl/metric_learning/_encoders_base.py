"""What deep learners share: a neural network of the neural room, trained to embed, in place of a linear map."""

from contextlib import contextmanager
from functools import partial
from typing import Any, ClassVar

import numpy as np
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import get_tags
from sklearn.utils.validation import check_is_fitted

from skdl.base import Estimator
from skdl.engine import ClassBalanced
from skdl.metric_learning._base import row_distances
from skdl.neural import MLPClassifier
from skdl.neural._embedding import EmbeddingGoal, EmbeddingTask, embedding_network
from skdl.utils import Interval, encode_classes, fill_documentation, validate_y

# What the length of an embedding is at least taken for.
_SMALLEST = np.finfo(np.float32).tiny

_PARTS = {
    "backbone": """\
backbone : classifier of skdl.neural or None, default=None
    The network, as an unfitted instance: it says how X is read and how long and how training goes; its last layer gets
    ``embedding_dim`` outputs. Its loss, class weights and warm start are not used. None takes an
    :class:`skdl.neural.MLPClassifier` with its defaults, for tables.
embedding_dim : int, default=64
    The number of columns after ``transform``.""",
    "samples_per_class": """\
samples_per_class : int, default=4
    The least number of rows of a class in a batch. A batch of the backbone's ``batch_size`` takes as many classes as
    fit, at least two; where all of them fit, more rows of each.""",
    "running": """\
device : str or torch.device, default="auto"
    Where to compute; "auto" leaves it to the backbone.
verbose : int, default=0
    Shows a progress bar if positive, as the backbone's does.
random_state : int, RandomState or None, default=None
    Decides initial weights, batches and what layers draw; None leaves it to the backbone's.""",
    "attributes": """\
net_ : skorch.NeuralNet
    The net that holds the network ``net_.module_``, on its device.
history_ : pandas.DataFrame
    One row for each epoch: epoch, duration in seconds, train_loss, and valid_loss where there are rows to validate
    with.
n_iter_ : int
    The number of epochs.
loss_ : float
    The training loss of the last epoch.
n_features_in_ : int
    The size of the second axis of X.
feature_names_in_ : ndarray of shape (n_features_in_,)
    The names of the columns, where X was a frame with names.""",
    "errors": """\
ValueError
    For bad parameters and data; the text names parameter, row and column, and what to do.
skdl.exceptions.DivergenceError
    If the loss becomes NaN or infinite.""",
    "validation": """\
Early stopping, where the backbone asks for it, holds out rows of each class and goes by the loss of batches of them
that are the same in every epoch. Where they would not be two rows of two classes, "auto" trains without.""",
}


def share_documentation(cls):
    """Put the common parts in place of their names in a class's docstring."""
    fill_documentation(cls, _PARTS)
    return cls


class Embedder(ClassNamePrefixFeaturesOutMixin, TransformerMixin, Estimator):
    """Trains a network whose outputs are embeddings, and lets it embed."""

    _constraints: ClassVar[dict[str, list]] = {
        "embedding_dim": [Interval("int", 1, None)],
        "verbose": [bool, Interval("int", 0, None)],
    }
    _network: EmbeddingTask

    @property
    def _normalizes(self) -> bool:
        """Whether embeddings have length one."""
        return False

    # From the backbone to a trained network.

    def _new_network(self):
        """The untrained network, with what this estimator says in place of what the backbone says."""
        network: Any = embedding_network(MLPClassifier() if self.backbone is None else self.backbone)
        if network is None or isinstance(self.backbone, type):
            raise ValueError(
                f"backbone of {type(self).__name__} must be None or an instance of a classifier of skdl.neural; "
                f"got {self.backbone!r}."
            )
        if self.backbone is not None:
            self.backbone._check_parameters()  # whose name its messages should bear
        network.set_params(verbose=max(int(network.verbose), int(self.verbose)), warm_start=False)
        if self.random_state is not None:
            network.set_params(random_state=self.random_state)
        if not isinstance(self.device, str) or self.device != "auto":
            network.set_params(device=self.device)
        if network.accelerate:
            raise ValueError(
                f"accelerate=True of the backbone of {type(self).__name__}: pairs cannot be shared among processes."
            )
        mixing = [name for name in getattr(network, "_asked_changes", dict)() if name in ("mixup", "cutmix")]
        if mixing:
            raise ValueError(
                f"augment of the backbone of {type(self).__name__} mixes classes by {mixing[0]!r}, but a pair is "
                "either alike or not: drop it."
            )
        return network

    def _train(self, network, goal: EmbeddingGoal, X, codes: np.ndarray):
        with self._speaking():
            network.train_to(goal, X, codes)
        self.__dict__.pop("feature_names_in_", None)
        for name in ("n_features_in_", "feature_names_in_", "n_iter_", "loss_"):
            if hasattr(network, name):
                setattr(self, name, getattr(network, name))
        self._network = network
        return self

    def _balanced(self, network, codes: np.ndarray, per_class: int, repeats: bool) -> ClassBalanced:
        """As many classes as fit into a batch, and as many rows of each as then fit."""
        counts = np.unique(codes, return_counts=True)[1]
        n_classes = max(1, min(len(counts), max(2, network.batch_size // per_class)))
        n_samples = max(per_class, min(network.batch_size // n_classes, int(counts.max(initial=0))))
        n_batches = -(-len(codes) // (n_classes * n_samples))
        return ClassBalanced(n_classes, n_samples, n_batches, repeats)

    def _settle_validation(self, network, codes: np.ndarray) -> None:
        """Switch "auto" off where the rows to be held out would hold no pairs, and refuse to be told otherwise."""
        held_out = np.floor(network.validation_fraction * np.unique(codes, return_counts=True)[1] + 0.5)
        if network.early_stopping is False or (held_out >= 2).sum() >= 2:
            return
        if network.early_stopping is True:
            raise ValueError(
                f"early_stopping=True of the backbone of {type(self).__name__}: validation_fraction="
                f"{network.validation_fraction} of each class does not leave two rows of two classes to validate with. "
                "Raise it, or set early_stopping=False."
            )
        network.set_params(early_stopping=False)

    def _labels(self, y, min_classes: int = 1) -> tuple[np.ndarray, np.ndarray]:
        """Classes and codes."""
        if y is None:
            raise ValueError(
                f"{type(self).__name__} requires y to be passed, but the target y is None: it learns from labels."
            )
        y = validate_y(self, y)
        if not len(y):  # what is said of X is what helps
            return y, np.empty(0, dtype=np.int64)
        return encode_classes(y, owner=type(self).__name__, min_classes=min_classes)

    @contextmanager
    def _speaking(self):
        """Let errors of the network inside bear the name of this estimator."""
        try:
            yield
        except (ValueError, TypeError) as error:
            inside = [f"{kind}Embedding" for kind in ("MLP", "CNN", "RNN", "TCN", "Transformer", "Neural")]
            message = str(error)
            for name in inside:
                message = message.replace(name, type(self).__name__)
            if message == str(error) or len(error.args) != 1:
                raise
            raise type(error)(message) from error

    # What the network is asked for.

    def _embed(self, X) -> np.ndarray:
        check_is_fitted(self)
        with self._speaking():
            embedded = self._network.embed(X)
        if self._normalizes:
            embedded = embedded / np.maximum(np.linalg.norm(embedded, axis=1, keepdims=True), _SMALLEST)
        return embedded

    def transform(self, X):
        """Embed samples.

        Parameters
        ----------
        X : array-like, frame or tensor of shape (n_samples, n_features)
            The samples, or what else the backbone takes: images, sequences.

        Returns
        -------
        ndarray of shape (n_samples, embedding_dim), dtype float32
        """
        return self._embed(X)

    def pair_distance(self, X, Y):
        """Compute the distance of each embedded row of X to the same row of Y.

        Parameters
        ----------
        X, Y : array-like, frame or tensor of shape (n_pairs, n_features)
            The first and the second samples of the pairs.

        Returns
        -------
        ndarray of shape (n_pairs,)
        """
        return row_distances(self._embed(X), self._embed(Y))

    def get_metric(self):
        """Return the learnt distance as a function of two samples.

        Returns
        -------
        callable
            Takes two rows of ``n_features`` numbers and returns the distance of their embeddings; fit for the
            ``metric`` of scikit-learn's estimators, though embedding all samples once by ``transform`` is far faster.
        """
        check_is_fitted(self)
        return partial(_distance, self)

    @property
    def net_(self):
        """The skorch net that holds the network, on its device."""
        check_is_fitted(self)
        return self._network.net_  # type: ignore[attr-defined]

    @property
    def history_(self):
        """One row for each epoch, with its losses and its duration in seconds."""
        check_is_fitted(self)
        return self._network.history_  # type: ignore[attr-defined]

    @property
    def _n_features_out(self) -> int:
        return self._network.n_outputs_

    def _reader(self):
        """Who decides what X may be."""
        return self.backbone

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_network")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        reader = self._reader()
        if hasattr(reader, "fit") and not isinstance(reader, type):
            inner = get_tags(reader).input_tags
            for name in ("allow_nan", "three_d_array", "string"):
                setattr(tags.input_tags, name, getattr(inner, name))
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags


class LabelLearner(Embedder):
    """An embedder that learns from which rows are of one class, by a loss over class-balanced batches."""

    _constraints: ClassVar[dict[str, list]] = {
        **Embedder._constraints,
        "samples_per_class": [Interval("int", 2, None)],
        "normalize": [bool],
    }

    def _loss(self) -> tuple[str, dict[str, Any]]:
        """The kind of the loss and what it takes besides ``normalize``."""
        raise AssertionError("a learner says it")  # pragma: no cover

    @property
    def _normalizes(self) -> bool:
        return self.normalize

    def fit(self, X, y=None):
        """Train the network.

        Parameters
        ----------
        X : array-like, frame or tensor of shape (n_samples, n_features)
            The samples, or what else the backbone takes: images, sequences.
        y : array-like of shape (n_samples,), default=None
            Their classes.

        Returns
        -------
        self
            The fitted estimator.
        """
        self._check_parameters()
        network = self._new_network()
        self.__dict__.pop("_network", None)
        _, codes = self._labels(y)
        return self._learn(network, X, codes)

    def _learn(self, network, X, codes: np.ndarray):
        self._settle_validation(network, codes)
        kind, settings = self._loss()
        sampling = self._balanced(network, codes, self.samples_per_class, repeats=kind == "n_pairs")
        settings = {"normalize": self.normalize, "n_samples": sampling.n_samples, **settings}
        return self._train(network, EmbeddingGoal(self.embedding_dim, kind, sampling, settings), X, codes)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags


def _distance(embedder: Embedder, first, second) -> float:
    embedded = embedder._embed(np.asarray([first, second]))
    return float(np.linalg.norm(embedded[0] - embedded[1]))
