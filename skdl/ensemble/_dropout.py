"""Monte-Carlo dropout: one network, asked many times with other hidden values left out."""

import copy
from typing import ClassVar

from torch import Tensor, nn

from skdl.ensemble._members import ask, learn_columns
from skdl.ensemble._single import FromOne, ManyClassifiers, ManyRegressors
from skdl.nn.dropout import StreamDropout
from skdl.utils import Interval, derive_keys, draw_seed, random_keep

_WHOLE_CHANNELS = (nn.Dropout1d, nn.Dropout2d, nn.Dropout3d)
_DROPOUTS = (StreamDropout, nn.Dropout, *_WHOLE_CHANNELS)


class SharedDropout(nn.Module):
    """Dropout that goes on while predicting, with one mask for all rows.

    Rows share the mask, so that a pass is a function of each row alone: one thinned network.

    Parameters
    ----------
    p : float
        The probability of zeroing a value.
    seed : int
        The seed of the ensemble.
    layer : int
        Tells the layers of a network apart.
    whole_channels : bool
        Whether a channel is left out as a whole.
    """

    def __init__(self, p: float, seed: int, layer: int, whole_channels: bool):
        super().__init__()
        self.p = p
        self.seed = seed
        self.layer = layer
        self.whole_channels = whole_channels
        self.number = 0

    def forward(self, x: Tensor) -> Tensor:
        shape = x.shape[1:2] if self.whole_channels else x.shape[1:]
        key = derive_keys(self.seed, "monte carlo dropout", self.layer, self.number)
        keep = random_keep(key, shape.numel(), 1.0 - self.p, device=x.device).view(1, *shape)
        if self.whole_channels:
            keep = keep.view(1, -1, *[1] * (x.ndim - 2))
        return x * keep / (1.0 - self.p)


def keep_dropping(module: nn.Module, seed: int) -> list[SharedDropout]:
    """Replace every layer of dropout in a module.

    Parameters
    ----------
    module : torch.nn.Module
        Changed in place.
    seed : int
        The seed of the masks.

    Returns
    -------
    list of SharedDropout
        The new layers.
    """
    layers: list[SharedDropout] = []
    for parent in list(module.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, _DROPOUTS) and child.p > 0.0:
                layers.append(SharedDropout(child.p, seed, len(layers), isinstance(child, _WHOLE_CHANNELS)))
                setattr(parent, name, layers[-1])
    return layers


class _MonteCarloDropout(FromOne):
    """What classifier and regressor share."""

    _needs = ("max_epochs", "warm_start")
    _constraints: ClassVar[dict[str, list]] = {**FromOne._constraints, "n_samples": [Interval("int", 1, None)]}

    def fit(self, X, y, sample_weight=None):
        """Train the network.

        Parameters
        ----------
        X : array-like, frame or tensor of shape (n_samples, n_features)
            The training samples.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The targets.
        sample_weight : array-like of shape (n_samples,), default=None
            How much each sample counts.

        Returns
        -------
        self
            The fitted ensemble.
        """
        self._check_parameters()
        X, y, weight = self._data(X, y, sample_weight)
        net = self._fit_one(self._seeded(), X, y, weight)
        if not keep_dropping(copy.deepcopy(net.net_.module_), 0):
            raise ValueError(
                f"estimator of {type(self).__name__} has no layer of dropout in its network: set its parameter dropout "
                "to 0.1, say, or give its module such layers."
            )
        self._seed = draw_seed(self.random_state)
        self._several_labels = y.ndim == 2 and y.shape[1] > 1
        self.estimator_ = net
        learn_columns(self, net)
        return self

    def _answers(self, X, method: str) -> list:
        thinned = copy.deepcopy(self.estimator_)  # with a net of its own, which is changed
        layers = keep_dropping(thinned.net_.module_, self._seed)
        said = []
        for number in range(self.n_samples):
            for layer in layers:
                layer.number = number
            said.append(ask(self, "estimator", thinned, X, method))
        return said

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "estimator_")


class MonteCarloDropoutClassifier(ManyClassifiers, _MonteCarloDropout):
    """The mean of many thinned copies of one network that was trained with dropout.

    Use it to learn how sure a trained network is, at no cost in training: each pass leaves out other hidden
    values, as in training, and where the passes disagree the network does not know.

    Parameters
    ----------
    estimator : classifier of skdl.neural
        The network, with ``dropout`` above 0, or with a module of one's own that has layers of dropout.
    n_samples : int, default=50
        The number of passes.
    random_state : int, RandomState or None, default=None
        Draws the seed of the network and of the masks; None leaves the network its own.

    Attributes
    ----------
    estimator_ : classifier
        The fitted network.
    classes_ : ndarray of shape (n_classes,)
        The labels.
    n_features_in_ : int
        The number of features.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, where X was a frame with names.

    Raises
    ------
    ValueError
        For bad parameters and data.

    See Also
    --------
    DeepEnsembleClassifier : Members trained from different seeds, better and dearer.

    Notes
    -----
    *Cost.* Training is that of one network; predicting costs ``n_samples`` times as much.

    *Differences from the paper.* In a pass all rows share a mask, so that what is said of a row does not depend on the
    rows beside it, and the same seed gives the same bits. Dropout inside torch's recurrent layers stays off.

    References
    ----------
    Gal, Y. & Ghahramani, Z. (2016). Dropout as a Bayesian approximation: representing model uncertainty in deep
    learning. ICML. https://doi.org/10.48550/arXiv.1506.02142

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skdl.ensemble import MonteCarloDropoutClassifier
    >>> from skdl.neural import MLPClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> net = MLPClassifier(hidden_layer_sizes=(32,), dropout=0.2, lr=0.02)
    >>> unsure = MonteCarloDropoutClassifier(net, random_state=0).fit(X, y)
    >>> bool(unsure.score(X, y) > 0.9)
    True
    """

    def __init__(self, estimator, n_samples=50, *, random_state=None):
        self.estimator = estimator
        self.n_samples = n_samples
        self.random_state = random_state


class MonteCarloDropoutRegressor(ManyRegressors, _MonteCarloDropout):
    """The mean of many thinned copies of one network that was trained with dropout, with how far they are apart.

    Use it to learn how sure a trained network is, at no cost in training: each pass leaves out other hidden
    values, as in training, and where the passes disagree the network does not know.

    Parameters
    ----------
    estimator : regressor of skdl.neural
        The network, with ``dropout`` above 0, or with a module of one's own that has layers of dropout.
    n_samples : int, default=50
        The number of passes.
    random_state : int, RandomState or None, default=None
        Draws the seed of the network and of the masks; None leaves the network its own.

    Attributes
    ----------
    estimator_ : regressor
        The fitted network.
    n_features_in_ : int
        The number of features.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, where X was a frame with names.

    Raises
    ------
    ValueError
        For bad parameters and data.

    See Also
    --------
    DeepEnsembleRegressor : Members trained from different seeds, better and dearer.

    Notes
    -----
    *Cost* and *differences* are those of :class:`MonteCarloDropoutClassifier`.

    References
    ----------
    Gal, Y. & Ghahramani, Z. (2016). Dropout as a Bayesian approximation: representing model uncertainty in deep
    learning. ICML. https://doi.org/10.48550/arXiv.1506.02142

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from skdl.ensemble import MonteCarloDropoutRegressor
    >>> from skdl.neural import MLPRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> net = MLPRegressor(hidden_layer_sizes=(32,), dropout=0.1, max_epochs=30)
    >>> mean, std = MonteCarloDropoutRegressor(net, random_state=0).fit(X, y).predict(X, return_std=True)
    >>> bool((std > 0).all())
    True
    """

    def __init__(self, estimator, n_samples=50, *, random_state=None):
        self.estimator = estimator
        self.n_samples = n_samples
        self.random_state = random_state
