"""Embeddings learnt by contrast with all the rest of a batch, with labels or without."""

from typing import ClassVar

import numpy as np

from skdl.engine import TwoViews
from skdl.metric_learning._encoders_base import LabelLearner, share_documentation
from skdl.neural._embedding import CNNEmbedding, EmbeddingGoal, MLPEmbedding, NeuralEmbedding
from skdl.utils import Interval, Options, to_host

_SELF_SUPERVISED = "self_supervised"


@share_documentation
class ContrastiveEncoder(LabelLearner):
    """A network after which each sample is told from all others of a batch by what it resembles.

    Use it as a first choice among the deep encoders, since every pair of a batch counts and nothing is mined, and
    with ``loss="self_supervised"`` where there are many samples and few labels or none: two views of one sample,
    changed at random, should lie together. Tables, images and sequences are taken, whichever ``backbone`` is given.

    Parameters
    ----------
    <backbone>
    loss : {"supervised", "n_pairs", "self_supervised"}, default="supervised"
        "supervised" pulls together all rows of a class (supervised contrastive loss); "n_pairs" tells one partner from
        those of other classes; "self_supervised" needs no labels (SimCLR), and the views come from the ``augment`` of
        an image backbone, from ``corruption`` on tables, and from ``dropout`` and ``augment`` of one for sequences.
    temperature : float, default=0.1
        What similarities are divided by: the smaller, the more the nearest samples count. With ``normalize=False`` take
        about 1.
    corruption : float, default=0.6
        For "self_supervised" on tables and with a module of one's own: the part of the values of a sample that its
        second view takes from other samples, column by column. Backbones for images and sequences do not use it.
    <samples_per_class>
    normalize : bool, default=True
        Whether embeddings are brought to length one; similarities are then cosines.
    <running>

    Attributes
    ----------
    <attributes>

    Raises
    ------
    <errors>

    See Also
    --------
    TripletEncoder : Compares two distances at a time.

    Notes
    -----
    *Cost.* That of training the backbone, and for a batch of n rows the products of all its pairs; memory for a few
    matrices of ``n * n`` numbers. "self_supervised" has half of ``batch_size`` different rows in a batch, each twice.

    <validation>
    "self_supervised" trains without, since rows that are held out would not be changed.

    Differences from the papers: there is no projection head that is thrown away afterwards, the embedding is what the
    loss sees; "n_pairs" has no penalty on lengths, and uses as many sets of pairs as a class-balanced batch holds.
    Equal rows count once where a batch of the backbone could hold all that differ.

    References
    ----------
    Khosla, P. et al. (2020). Supervised contrastive learning. NeurIPS. https://doi.org/10.48550/arXiv.2004.11362

    Sohn, K. (2016). Improved deep metric learning with multi-class N-pair loss objective. NIPS.
    https://papers.nips.cc/paper/6200-improved-deep-metric-learning-with-multi-class-n-pair-loss-objective

    Chen, T., Kornblith, S., Norouzi, M. & Hinton, G. (2020). A simple framework for contrastive learning of visual
    representations. ICML. https://doi.org/10.48550/arXiv.2002.05709

    Bahri, D., Jiang, H., Tay, Y. & Metzler, D. (2022). SCARF: self-supervised contrastive learning using random feature
    corruption. ICLR. https://doi.org/10.48550/arXiv.2106.15147

    Gao, T., Yao, X. & Chen, D. (2021). SimCSE: simple contrastive learning of sentence embeddings. EMNLP.
    https://doi.org/10.18653/v1/2021.emnlp-main.552

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.neighbors import KNeighborsClassifier
    >>> from sklearn.pipeline import make_pipeline
    >>> from skdl.metric_learning import ContrastiveEncoder
    >>> from skdl.neural import MLPClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> encoder = ContrastiveEncoder(MLPClassifier((32,), max_epochs=30), embedding_dim=2, random_state=0)
    >>> model = make_pipeline(encoder, KNeighborsClassifier()).fit(X, y)
    >>> bool(model.score(X, y) > 0.9)
    True
    """

    _constraints: ClassVar[dict[str, list]] = {
        **LabelLearner._constraints,
        "loss": [Options("supervised", "n_pairs", _SELF_SUPERVISED)],
        "temperature": [Interval("real", 0, None, closed="neither")],
        "corruption": [Interval("real", 0, 1, closed="left")],
    }

    def __init__(
        self,
        backbone=None,
        *,
        embedding_dim=64,
        loss="supervised",
        temperature=0.1,
        corruption=0.6,
        samples_per_class=4,
        normalize=True,
        device="auto",
        verbose=0,
        random_state=None,
    ):
        self.backbone = backbone
        self.embedding_dim = embedding_dim
        self.loss = loss
        self.temperature = temperature
        self.corruption = corruption
        self.samples_per_class = samples_per_class
        self.normalize = normalize
        self.device = device
        self.verbose = verbose
        self.random_state = random_state

    def fit(self, X, y=None):
        """Train the network.

        Parameters
        ----------
        X : array-like, frame or tensor of shape (n_samples, n_features)
            The samples, or what else the backbone takes: images, sequences.
        y : array-like of shape (n_samples,), default=None
            Their classes. Ignored where ``loss`` is "self_supervised".

        Returns
        -------
        self
            The fitted estimator.
        """
        if self.loss != _SELF_SUPERVISED:
            return super().fit(X, y)
        self._check_parameters()
        network = self._new_network()
        self.__dict__.pop("_network", None)
        X = to_host(X)
        n = X.shape[0] if hasattr(X, "shape") else len(X)
        return self._learn_views(network, X, np.arange(n))

    def _loss(self):
        return {"supervised": "supervised_contrastive", "n_pairs": "n_pairs"}[self.loss], {
            "temperature": self.temperature
        }

    def _learn_views(self, network, X, codes: np.ndarray):
        network.set_params(early_stopping=False)
        corruption = 0.0
        if isinstance(network, CNNEmbedding):
            if not network._asked_changes():
                advice = "set it to what should not matter: ['flip', 'crop', 'color'], say"
                self._refuse(f"augment={network.augment!r}", advice)
        elif isinstance(network, (MLPEmbedding, NeuralEmbedding)):
            corruption = self.corruption
        elif not network.dropout and not network._asked_changes():
            self._refuse("dropout=0", "set it to 0.1, say: two views differ by what is dropped, or by augment")
        n_rows = min(max(2, network.batch_size // 2), len(codes))
        sampling = TwoViews(n_rows, max(1, len(codes) // max(1, n_rows)), corruption)
        settings = {"normalize": self.normalize, "temperature": self.temperature}
        goal = EmbeddingGoal(self.embedding_dim, "supervised_contrastive", sampling, settings)
        return self._train(network, goal, X, codes)

    def _refuse(self, what: str, remedy: str) -> None:
        raise ValueError(
            f"{what} of the backbone of {type(self).__name__} makes the two views of a sample equal, from which "
            f"loss='self_supervised' learns nothing: {remedy}."
        )

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.required = self.loss != _SELF_SUPERVISED
        return tags
