"""Embeddings learnt from pairs."""

from typing import ClassVar

from skdl.metric_learning._encoders_base import LabelLearner, share_documentation
from skdl.utils import Interval


@share_documentation
class SiameseEncoder(LabelLearner):
    """A network after which pairs of one class lie close together, and pairs of two a margin apart.

    Use it where the question is whether two samples are the same thing: signatures, faces, records of one person. The
    margin gives distances an absolute meaning, so that one threshold serves all classes. Tables, images and
    sequences are taken, whichever ``backbone`` is given.

    Parameters
    ----------
    <backbone>
    margin : float, default=1.0
        How far apart samples of two classes are pushed; beyond it they no longer count. Embeddings of length one are
        1.41 apart at right angles.
    <samples_per_class>
    normalize : bool, default=True
        Whether embeddings are brought to length one, as in most uses since; False leaves them as in the paper.
    <running>

    Attributes
    ----------
    <attributes>

    Raises
    ------
    <errors>

    See Also
    --------
    TripletEncoder : Compares distances with each other, and leaves their scale free.
    MMC : The linear map from such pairs.

    Notes
    -----
    *Cost.* That of training the backbone, and for a batch of n rows the distances of all its pairs; memory for a few
    matrices of ``n * n`` numbers.

    <validation>

    All pairs of a class-balanced batch are used, each row going through the network once, which is what two networks
    with shared weights compute. The mean over pairs of one class and that over pairs of two count alike, as if there
    were as many of each. Equal rows count once where a batch of the backbone could hold all that differ.

    References
    ----------
    Hadsell, R., Chopra, S. & LeCun, Y. (2006). Dimensionality reduction by learning an invariant mapping. CVPR.
    https://doi.org/10.1109/CVPR.2006.100

    Bromley, J., Guyon, I., LeCun, Y., Saeckinger, E. & Shah, R. (1993). Signature verification using a "siamese" time
    delay neural network. NIPS. https://doi.org/10.1142/S0218001493000339

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skdl.metric_learning import SiameseEncoder
    >>> from skdl.neural import MLPClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> encoder = SiameseEncoder(MLPClassifier((32,), max_epochs=30), embedding_dim=2, random_state=0).fit(X, y)
    >>> alike, unlike = encoder.pair_distance(X[[0, 0]], X[[1, 100]])
    >>> bool(alike < unlike)
    True
    """

    _constraints: ClassVar[dict[str, list]] = {
        **LabelLearner._constraints,
        "margin": [Interval("real", 0, None, closed="neither")],
    }

    def __init__(
        self,
        backbone=None,
        *,
        embedding_dim=64,
        margin=1.0,
        samples_per_class=4,
        normalize=True,
        device="auto",
        verbose=0,
        random_state=None,
    ):
        self.backbone = backbone
        self.embedding_dim = embedding_dim
        self.margin = margin
        self.samples_per_class = samples_per_class
        self.normalize = normalize
        self.device = device
        self.verbose = verbose
        self.random_state = random_state

    def _loss(self):
        return "contrastive", {"margin": self.margin}
