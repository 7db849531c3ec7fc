"""Transformers for sequences."""

from typing import ClassVar

from torch import nn

from skdl.neural._docs import share_documentation
from skdl.neural._sequences import SequenceEstimator
from skdl.neural._tasks import NeuralClassifierMixin, NeuralRegressorMixin
from skdl.nn.attention import TransformerEncoder
from skdl.utils import Interval


class _TransformerNetwork(SequenceEstimator):
    """What classifier and regressor share: layers of self-attention are built."""

    _constraints: ClassVar[dict[str, list]] = {
        **SequenceEstimator._constraints,
        "d_model": [Interval("int", 1, None)],
        "nhead": [Interval("int", 1, None)],
        "num_layers": [Interval("int", 1, None)],
        "dim_feedforward": [Interval("int", 1, None)],
    }

    def _check_parameters(self) -> None:
        super()._check_parameters()
        if self.d_model % self.nhead:
            raise ValueError(
                f"d_model of {type(self).__name__} must be a multiple of nhead, whose heads share it; got "
                f"d_model={self.d_model} and nhead={self.nhead}."
            )

    def _build_body(self, width: int, seed: int) -> nn.Module:
        return TransformerEncoder(
            width,
            self.d_model,
            self.nhead,
            self.num_layers,
            self.dim_feedforward,
            dropout=self.dropout,
            seed=seed,
        )


@share_documentation
class TransformerClassifier(NeuralClassifierMixin, _TransformerNetwork):
    """A transformer encoder that classifies sequences: series, tokens or texts, of any lengths.

    Use it where steps far apart belong together and there are many training sequences; on few, :class:`TCNClassifier`
    and :class:`RNNClassifier` know more beforehand. Several classes, or several labels at once (a 0/1 indicator
    matrix), are taken.

    Parameters
    ----------
    d_model : int, default=64
        The number of features that each step is mapped to; a multiple of ``nhead``.
    nhead : int, default=4
        The number of heads of the attention.
    num_layers : int, default=2
        The number of layers.
    dim_feedforward : int, default=128
        The width of the hidden layer of the network that each layer applies to each step.
    pooling : {"last", "mean", "max", "attention"}, default="max"
        What is read off the steps: the last one, their mean or largest values, or a mean with learnt weights. Padding
        has no part in it.
    dropout : float, default=0.1
        The probability of zeroing a value while training: of the steps that enter, in and behind the parts of each
        layer, and before the last layer; and that of leaving out a token.
    <sequence parameters>
    <training parameters>

    Attributes
    ----------
    <sequence attributes>
    <attributes>

    Raises
    ------
    <errors>

    See Also
    --------
    TransformerRegressor : The same for numbers.

    Notes
    -----
    <sequence inputs>

    Steps are told their places by sines and cosines, and see the real steps of their sequence alone. What goes into the
    parts of a layer is normalised, not what comes out of it.

    Cost: for each row and step one epoch takes about 6 operations for each weight and 12 ``d_model`` for each step that
    is looked at, so that time grows with the square of the length. Memory for the padded float32 steps, and for the
    features of a batch.

    scikit-learn has no network for sequences. Ctrl-C ends training and leaves a model that predicts, with a warning.

    References
    ----------
    Vaswani, A. et al. (2017). Attention is all you need. NeurIPS. https://doi.org/10.48550/arXiv.1706.03762

    Xiong, R. et al. (2020). On layer normalization in the transformer architecture. ICML.
    https://doi.org/10.48550/arXiv.2002.04745

    Examples
    --------
    >>> import numpy as np
    >>> from skdl.neural import TransformerClassifier
    >>> rng = np.random.default_rng(0)
    >>> X = [rng.normal(size=length).cumsum() for length in rng.integers(5, 15, size=100)]
    >>> y = np.array([series[-1] > series[0] for series in X])
    >>> model = TransformerClassifier(d_model=16, lr=0.01, max_epochs=40, random_state=0).fit(X, y)
    >>> bool(model.score(X, y) > 0.9)
    True
    """

    def __init__(
        self,
        d_model=64,
        *,
        nhead=4,
        num_layers=2,
        dim_feedforward=128,
        pooling="max",
        dropout=0.1,
        layout="time_first",
        tokenizer=None,
        min_frequency=2,
        max_vocabulary=20_000,
        embedding_dim=64,
        embedding_init="lsa",
        augment="auto",
        optimizer="adamw",
        lr=1e-3,
        layer_lr_decay=1.0,
        weight_decay=1e-2,
        l1=0.0,
        batch_size=16,
        max_epochs="auto",
        early_stopping="auto",
        validation_fraction=0.1,
        patience=10,
        schedule="cosine",
        warmup_epochs=0,
        gradient_clip=1.0,
        gradient_clip_value=None,
        ema_decay=None,
        init_from=None,
        freeze=None,
        checkpoint=None,
        checkpoint_every=1,
        compile=False,
        mixed_precision=False,
        accelerate=False,
        callbacks=None,
        warm_start=False,
        loss="auto",
        focal_gamma=2.0,
        label_smoothing=0.0,
        class_weight=None,
        device="auto",
        verbose=0,
        random_state=None,
    ):
        self._store(locals())


@share_documentation
class TransformerRegressor(NeuralRegressorMixin, _TransformerNetwork):
    """A transformer encoder that predicts numbers from sequences: series, tokens or texts, of any lengths.

    Use it where steps far apart belong together and there are many training sequences; on few, :class:`TCNRegressor`
    and :class:`RNNRegressor` know more beforehand. Several targets at once are taken.

    Parameters
    ----------
    d_model : int, default=64
        The number of features that each step is mapped to; a multiple of ``nhead``.
    nhead : int, default=4
        The number of heads of the attention.
    num_layers : int, default=2
        The number of layers.
    dim_feedforward : int, default=128
        The width of the hidden layer of the network that each layer applies to each step.
    pooling : {"last", "mean", "max", "attention"}, default="max"
        What is read off the steps: the last one, their mean or largest values, or a mean with learnt weights. Padding
        has no part in it.
    dropout : float, default=0.1
        The probability of zeroing a value while training: of the steps that enter, in and behind the parts of each
        layer, and before the last layer; and that of leaving out a token.
    <sequence parameters>
    <training parameters>

    Attributes
    ----------
    <sequence attributes>
    <attributes>

    Raises
    ------
    <errors>

    See Also
    --------
    TransformerClassifier : The same for classes.

    Notes
    -----
    <sequence inputs>

    Steps are told their places by sines and cosines, and see the real steps of their sequence alone. What goes into the
    parts of a layer is normalised, not what comes out of it.

    Cost: for each row and step one epoch takes about 6 operations for each weight and 12 ``d_model`` for each step that
    is looked at, so that time grows with the square of the length. Memory for the padded float32 steps, and for the
    features of a batch.

    scikit-learn has no network for sequences. Ctrl-C ends training and leaves a model that predicts, with a warning.

    References
    ----------
    Vaswani, A. et al. (2017). Attention is all you need. NeurIPS. https://doi.org/10.48550/arXiv.1706.03762

    Xiong, R. et al. (2020). On layer normalization in the transformer architecture. ICML.
    https://doi.org/10.48550/arXiv.2002.04745

    Examples
    --------
    >>> import numpy as np
    >>> from skdl.neural import TransformerRegressor
    >>> rng = np.random.default_rng(0)
    >>> X = [rng.normal(size=length) for length in rng.integers(5, 15, size=200)]
    >>> y = np.array([series.max() for series in X])
    >>> model = TransformerRegressor(d_model=16, pooling="max", lr=0.01, max_epochs=20, random_state=0).fit(X, y)
    >>> bool(model.score(X, y) > 0.9)
    True
    """

    def __init__(
        self,
        d_model=64,
        *,
        nhead=4,
        num_layers=2,
        dim_feedforward=128,
        pooling="max",
        dropout=0.1,
        layout="time_first",
        tokenizer=None,
        min_frequency=2,
        max_vocabulary=20_000,
        embedding_dim=64,
        embedding_init="lsa",
        augment="auto",
        optimizer="adamw",
        lr=1e-3,
        layer_lr_decay=1.0,
        weight_decay=1e-2,
        l1=0.0,
        batch_size=16,
        max_epochs="auto",
        early_stopping="auto",
        validation_fraction=0.1,
        patience=10,
        schedule="cosine",
        warmup_epochs=0,
        gradient_clip=1.0,
        gradient_clip_value=None,
        ema_decay=None,
        init_from=None,
        freeze=None,
        checkpoint=None,
        checkpoint_every=1,
        compile=False,
        mixed_precision=False,
        accelerate=False,
        callbacks=None,
        warm_start=False,
        loss="auto",
        huber_delta=1.0,
        quantile=0.5,
        device="auto",
        verbose=0,
        random_state=None,
    ):
        self._store(locals())
