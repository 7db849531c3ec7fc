"""Prototypical networks: classes that are told apart by a few samples of each."""

import copy
from typing import Any, ClassVar

import numpy as np
from scipy.special import log_softmax, softmax
from sklearn.base import ClassifierMixin, clone
from sklearn.utils.validation import check_consistent_length, check_is_fitted

from skdl.engine import ClassBalanced
from skdl.metric_learning._encoders_base import Embedder, share_documentation
from skdl.neural._embedding import EmbeddingGoal
from skdl.utils import Interval, explained


@share_documentation
class PrototypicalClassifier(ClassifierMixin, Embedder):
    """A prototypical network: the class of a sample is that of the nearest mean of embedded samples.

    Use it where classes are many and samples of each few, and above all where new classes come after training:
    :meth:`fit_support` makes a classifier of them out of a few samples of each, without training. Tables, images and
    sequences are taken, whichever ``backbone`` is given.

    Parameters
    ----------
    <backbone>
    n_way : int, default=5
        The number of classes in an episode of training; all of them where there are fewer. More than there will be
        later makes training harder and the embedding better.
    n_shot : int, default=5
        How many samples of each class an episode shows; best as many as there will be later.
    n_query : int, default=5
        How many samples of each class an episode asks about. A class with fewer than ``n_shot + n_query`` rows gives
        some of them twice.
    n_episodes : int, default=1000
        The number of episodes, each an update of the weights. They are shared out equally among the backbone's
        ``max_epochs`` (100 where that is "auto"), after which its schedule and its early stopping count; its
        ``batch_size`` is not used.
    encoder : transformer or None, default=None
        What embeds in place of a network that is trained by episodes: a metric learner, a deep encoder, or, in a
        :class:`sklearn.frozen.FrozenEstimator`, one that is fitted already. It is cloned and fitted before prototypes
        are taken; all parameters above have no meaning then.
    <running>

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels.
    prototypes_ : ndarray of shape (n_classes, embedding_dim)
        The mean embedding of the samples of each class.
    encoder_ : transformer
        The fitted encoder, where one was given.
    net_ : skorch.NeuralNet
        The net that holds the network ``net_.module_``, on its device; where no encoder was given.
    history_ : pandas.DataFrame
        One row for each epoch of episodes, with its losses and its duration; where no encoder was given.
    n_iter_ : int
        The number of epochs of episodes; 0 with an encoder.
    loss_ : float
        The training loss of the last epoch; 0.0 with an encoder.
    n_features_in_ : int
        The size of the second axis of X.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        The names of the columns, where X was a frame with names.

    Raises
    ------
    <errors>

    See Also
    --------
    TripletEncoder : An embedding for nearest neighbours.
    few_shot_score : Evaluates on episodes of new classes.

    Notes
    -----
    *Cost.* An episode costs what a batch of ``n_way * (n_shot + n_query)`` rows costs the backbone; a prediction what
    the backbone's does, and the distances to the prototypes.

    <validation>

    Probabilities are the softmax of negative squared distances to the prototypes. After training, prototypes are
    means over all training rows of a class, not over ``n_shot`` of them.

    References
    ----------
    Snell, J., Swersky, K. & Zemel, R. (2017). Prototypical networks for few-shot learning. NeurIPS.
    https://doi.org/10.48550/arXiv.1703.05175

    Examples
    --------
    Forty classes of twenty samples, told apart by 6 columns of 26; thirty of them are known in advance.

    >>> import numpy as np
    >>> from skdl.metric_learning import PrototypicalClassifier
    >>> from skdl.neural import MLPClassifier
    >>> rng = np.random.default_rng(0)
    >>> y = np.repeat(np.arange(40), 20)
    >>> X = np.hstack([rng.normal(size=(40, 6))[y] + 0.2 * rng.normal(size=(800, 6)), 2 * rng.normal(size=(800, 20))])
    >>> known = y < 30
    >>> model = PrototypicalClassifier(MLPClassifier((64,)), n_way=10, n_episodes=400, random_state=0)
    >>> model.fit(X[known], y[known]).score(X[known], y[known])
    1.0

    Of two classes that it has never seen it is shown five samples each:

    >>> new, shown = (y == 35) | (y == 38), np.r_[0:5, 20:25]
    >>> later = model.fit_support(X[new][shown], y[new][shown])
    >>> later.classes_
    array([35, 38])
    >>> bool(later.score(X[new], y[new]) > 0.9)
    True
    """

    _constraints: ClassVar[dict[str, list]] = {
        **Embedder._constraints,
        "n_way": [Interval("int", 2, None)],
        "n_shot": [Interval("int", 1, None)],
        "n_query": [Interval("int", 1, None)],
        "n_episodes": [Interval("int", 1, None)],
    }

    def __init__(
        self,
        backbone=None,
        *,
        embedding_dim=64,
        n_way=5,
        n_shot=5,
        n_query=5,
        n_episodes=1000,
        encoder=None,
        device="auto",
        verbose=0,
        random_state=None,
    ):
        self.backbone = backbone
        self.embedding_dim = embedding_dim
        self.n_way = n_way
        self.n_shot = n_shot
        self.n_query = n_query
        self.n_episodes = n_episodes
        self.encoder = encoder
        self.device = device
        self.verbose = verbose
        self.random_state = random_state

    def _check_parameters(self) -> None:
        super()._check_parameters()
        encoder = self.encoder
        if encoder is not None and (isinstance(encoder, type) or not hasattr(encoder, "transform")):
            raise ValueError(
                f"encoder of {type(self).__name__} must be None or an instance of a transformer; got {encoder!r}."
            )

    def fit(self, X, y):
        """Train the network by episodes, and take the prototypes of the classes.

        Parameters
        ----------
        X : array-like, frame or tensor of shape (n_samples, n_features)
            The samples, or what else the backbone takes: images, sequences.
        y : array-like of shape (n_samples,)
            Their classes.

        Returns
        -------
        self
            The fitted estimator.
        """
        self._check_parameters()
        network = self._new_network()  # what the backbone is, is checked in any case
        for name in ("_network", "encoder_", "prototypes_"):
            self.__dict__.pop(name, None)
        classes, codes = self._labels(y, min_classes=2)
        if self.encoder is None:
            self._train_by_episodes(network, X, codes)
        else:
            self._fit_encoder(X, y, codes)
        return self._take_prototypes(X, classes, codes)

    def _train_by_episodes(self, network, X, codes: np.ndarray) -> None:
        self._settle_validation(network, codes)
        epochs = min(100 if network.max_epochs == "auto" else network.max_epochs, self.n_episodes)
        network.set_params(max_epochs=epochs)
        n_samples = self.n_shot + self.n_query
        n_way = min(self.n_way, max(1, len(np.unique(codes))))
        sampling = ClassBalanced(n_way, n_samples, -(-self.n_episodes // epochs))
        settings = {"n_samples": n_samples, "n_shot": self.n_shot}
        self._train(network, EmbeddingGoal(self.embedding_dim, "prototypical", sampling, settings), X, codes)

    def _fit_encoder(self, X, y, codes: np.ndarray) -> None:
        with explained(self, X, y):
            check_consistent_length(X, codes)
        encoder: Any = clone(self.encoder)
        if self.random_state is not None and "random_state" in encoder.get_params(deep=False):
            encoder.set_params(random_state=self.random_state)
        self.encoder_ = encoder.fit(X, y)
        self.__dict__.pop("feature_names_in_", None)
        for name in ("n_features_in_", "feature_names_in_"):
            if hasattr(encoder, name):
                setattr(self, name, getattr(encoder, name))
        self.n_iter_, self.loss_ = 0, 0.0

    def _take_prototypes(self, X, classes: np.ndarray, codes: np.ndarray):
        embedded = self._embed(X).astype(np.float64)
        sums = np.zeros((len(classes), embedded.shape[1]))
        np.add.at(sums, codes, embedded)
        self.prototypes_ = sums / np.bincount(codes)[:, None]
        self.classes_ = classes
        return self

    def fit_support(self, X, y):
        """Make a classifier of other classes from some samples of each, without training.

        Parameters
        ----------
        X : array-like, frame or tensor of shape (n_samples, n_features)
            A few samples of each of the new classes.
        y : array-like of shape (n_samples,)
            Their classes; at least two, which need not be among those of ``fit``.

        Returns
        -------
        PrototypicalClassifier
            A fitted copy that knows these classes alone; it shares the network with this one, which stays as it is.
        """
        check_is_fitted(self)
        classes, codes = self._labels(y, min_classes=2)
        with explained(self, X, y):
            check_consistent_length(X, codes)
        return copy.copy(self)._take_prototypes(X, classes, codes)

    def _embed(self, X) -> np.ndarray:
        if not hasattr(self, "encoder_"):
            return super()._embed(X)
        return np.asarray(self.encoder_.transform(X))

    def _logits(self, X) -> np.ndarray:
        """Negative squared distances to the prototypes, ``(n, n_classes)``."""
        check_is_fitted(self)
        embedded = self._embed(X).astype(np.float64)
        logits = np.empty((len(embedded), len(self.classes_)))
        for place, prototype in enumerate(self.prototypes_):
            logits[:, place] = -np.square(embedded - prototype).sum(axis=1)
        return logits

    def predict(self, X) -> np.ndarray:
        """Predict the class with the nearest prototype.

        Parameters
        ----------
        X : array-like, frame or tensor of shape (n_samples, n_features)
            The samples.

        Returns
        -------
        ndarray of shape (n_samples,)
            Labels.
        """
        nearest = self._logits(X).argmax(axis=1)
        return self.classes_[nearest]

    def predict_proba(self, X) -> np.ndarray:
        """Predict the probability of each class.

        Parameters
        ----------
        X : array-like, frame or tensor of shape (n_samples, n_features)
            The samples.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            In the order of ``classes_``.
        """
        return softmax(self._logits(X), axis=1)

    def predict_log_proba(self, X) -> np.ndarray:
        """Predict the logarithm of the probability of each class.

        Parameters
        ----------
        X : array-like, frame or tensor of shape (n_samples, n_features)
            The samples.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Finite also where ``predict_proba`` rounds to zero.
        """
        return log_softmax(self._logits(X), axis=1)

    @property
    def _n_features_out(self) -> int:
        return self.prototypes_.shape[1]

    def _reader(self):
        return self.backbone if self.encoder is None else self.encoder

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_network") or hasattr(self, "encoder_")
