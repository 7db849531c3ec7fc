"""Embeddings learnt from triplets."""

from typing import ClassVar

from skdl.metric_learning._encoders_base import LabelLearner, share_documentation
from skdl.nn.embedding_losses import MINING
from skdl.utils import Interval, Options


@share_documentation
class TripletEncoder(LabelLearner):
    """A network after which samples of one class are nearer to each other than to others, by a margin.

    Use it before nearest neighbours, clustering or a search for similar items, where a linear map is too stiff and
    classes may be many or new ones come later: faces, products, characters. Tables, images and sequences are taken,
    whichever ``backbone`` is given.

    Parameters
    ----------
    <backbone>
    margin : float, default=0.2
        By how much squared distances to other classes should be larger.
    mining : {"hard", "semi_hard", "distance_weighted"}, default="semi_hard"
        Which triplets of a batch count. "hard" takes for each anchor the farthest sample of its class and the nearest
        of another: quick to learn, and quick to collapse where labels are noisy. "semi_hard" takes for each pair of a
        class the nearest other that is farther than the pair. "distance_weighted" weighs all others by how rare their
        distance is on a sphere, so that near, middling and far ones count; it needs ``normalize``.
    <samples_per_class>
    normalize : bool, default=True
        Whether embeddings are brought to length one.
    <running>

    Attributes
    ----------
    <attributes>

    Raises
    ------
    <errors>

    See Also
    --------
    SiameseEncoder : Learns from pairs.
    ContrastiveEncoder : Learns from whole batches.
    LMNN : The linear map with such a margin.

    Notes
    -----
    *Cost.* That of training the backbone, and for a batch of n rows the distances of all its pairs and a sort of each
    row of them; memory for a few matrices of ``n * n`` numbers.

    <validation>

    A collapse, in which everything is mapped to one point, shows as a ``train_loss`` that stays at ``margin``: lower
    the learning rate, or take "semi_hard".

    Differences from the papers: "distance_weighted" takes the expectation over the negatives that Wu et al. draw, and
    squared distances as Schroff et al.; equal rows count once where a batch of the backbone could hold all that differ.

    References
    ----------
    Schroff, F., Kalenichenko, D. & Philbin, J. (2015). FaceNet: a unified embedding for face recognition and
    clustering. CVPR. https://doi.org/10.1109/CVPR.2015.7298682

    Hermans, A., Beyer, L. & Leibe, B. (2017). In defense of the triplet loss for person re-identification.
    https://doi.org/10.48550/arXiv.1703.07737

    Wu, C.-Y., Manmatha, R., Smola, A. J. & Kraehenbuehl, P. (2017). Sampling matters in deep embedding learning. ICCV.
    https://doi.org/10.1109/ICCV.2017.309

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.neighbors import KNeighborsClassifier
    >>> from sklearn.pipeline import make_pipeline
    >>> from skdl.metric_learning import TripletEncoder
    >>> from skdl.neural import MLPClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> encoder = TripletEncoder(MLPClassifier((32,), max_epochs=30), embedding_dim=2, random_state=0)
    >>> model = make_pipeline(encoder, KNeighborsClassifier()).fit(X, y)
    >>> bool(model.score(X, y) > 0.9)
    True
    """

    _constraints: ClassVar[dict[str, list]] = {
        **LabelLearner._constraints,
        "margin": [Interval("real", 0, None, closed="neither")],
        "mining": [Options(*MINING)],
    }

    def __init__(
        self,
        backbone=None,
        *,
        embedding_dim=64,
        margin=0.2,
        mining="semi_hard",
        samples_per_class=4,
        normalize=True,
        device="auto",
        verbose=0,
        random_state=None,
    ):
        self.backbone = backbone
        self.embedding_dim = embedding_dim
        self.margin = margin
        self.mining = mining
        self.samples_per_class = samples_per_class
        self.normalize = normalize
        self.device = device
        self.verbose = verbose
        self.random_state = random_state

    def _check_parameters(self) -> None:
        super()._check_parameters()
        if self.mining == "distance_weighted" and not self.normalize:
            raise ValueError(
                f"mining='distance_weighted' of {type(self).__name__} goes by distances on the unit sphere: set "
                "normalize=True, or choose another mining."
            )

    def _loss(self):
        return "triplet", {"margin": self.margin, "mining": self.mining}
