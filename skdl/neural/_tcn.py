"""Temporal convolutional networks for sequences."""

from typing import ClassVar

from torch import nn

from skdl.neural._docs import share_documentation
from skdl.neural._sequences import SequenceEstimator, SmoothingClassifierMixin
from skdl.neural._tasks import NeuralRegressorMixin
from skdl.nn.tcn import TemporalConvolutions, levels_to_cover
from skdl.utils import Interval, Options


class _TemporalNetwork(SequenceEstimator):
    """What classifier and regressor share: causal convolutions are built."""

    _constraints: ClassVar[dict[str, list]] = {
        **SequenceEstimator._constraints,
        "channels": [Options("auto"), Interval("int", 1, None)],
        "num_levels": [None, Interval("int", 1, None)],
        "kernel_size": [Interval("int", 2, None)],
        "dropout": [Options("auto"), *SequenceEstimator._constraints["dropout"]],
    }

    # A text is told by what its words say together, and there are far more words than texts: a flat, wide network that
    # is trained on half of the words at a time.
    def _build_body(self, width: int, seed: int) -> nn.Module:
        of_tokens = self._vocabulary is not None
        channels = (128 if of_tokens else 32) if self.channels == "auto" else self.channels
        num_levels = self.num_levels or (1 if of_tokens else levels_to_cover(self._longest, self.kernel_size))
        rate = self._dropout_rate()
        return TemporalConvolutions(width, channels, num_levels, kernel_size=self.kernel_size, dropout=rate, seed=seed)


@share_documentation
class TCNClassifier(SmoothingClassifierMixin, _TemporalNetwork):
    """A temporal convolutional network that classifies sequences: series, tokens or texts, of any lengths.

    Use it where the order of the steps matters, and shapes that may stand anywhere in a long series tell the classes;
    :class:`RNNClassifier` takes a tenth of the time on long series. Several classes, or several labels at once (a 0/1
    indicator matrix), are taken.

    Parameters
    ----------
    channels : int or "auto", default="auto"
        The number of channels of each level; "auto" is 32, and 128 for tokens.
    num_levels : int or None, default=None
        The number of levels; each holds two convolutions, and their dilation doubles from one to the next. None takes
        as many as the last step of the longest training series needs to see the first, and one for tokens.
    kernel_size : int, default=5
        The number of steps that a filter sees.
    pooling : {"last", "mean", "max", "attention"}, default="mean"
        What is read off the steps: the last one, their mean or largest values, or a mean with learnt weights. Padding
        has no part in it.
    dropout : float or "auto", default="auto"
        The probability of zeroing a value while training: behind each convolution and before the last layer, and that
        of leaving out a token. "auto" is 0, and 0.5 for tokens.
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
    TCNRegressor : The same for numbers.

    Notes
    -----
    <sequence inputs>

    Convolutions are causal: a step sees itself and earlier ones alone, ``1 + 2 (kernel_size - 1) (2**num_levels - 1)``
    in all, so that padding behind the end can't be seen.

    Cost: for each row and step one epoch takes about 6 operations for each weight. Memory for the padded float32 steps,
    and for the features of a batch at all levels.

    scikit-learn has no network for sequences. Filters are normalised as in the paper, and start from random directions
    of length sqrt(2) where it has small normal numbers. Ctrl-C ends training and leaves a model that predicts, with a
    warning.

    References
    ----------
    Bai, S., Kolter, J. Z. & Koltun, V. (2018). An empirical evaluation of generic convolutional and recurrent networks
    for sequence modeling. https://doi.org/10.48550/arXiv.1803.01271

    Examples
    --------
    >>> import numpy as np
    >>> from skdl.neural import TCNClassifier
    >>> rng = np.random.default_rng(0)
    >>> X = [rng.normal(size=length).cumsum() for length in rng.integers(5, 15, size=100)]
    >>> y = np.array([series[-1] > series[0] for series in X])
    >>> model = TCNClassifier(channels=16, lr=0.01, max_epochs=20, random_state=0).fit(X, y)
    >>> bool(model.score(X, y) > 0.9)
    True
    """

    def __init__(
        self,
        channels="auto",
        *,
        num_levels=None,
        kernel_size=5,
        pooling="mean",
        dropout="auto",
        layout="time_first",
        tokenizer=None,
        min_frequency=2,
        max_vocabulary=20_000,
        embedding_dim=64,
        embedding_init="lsa",
        augment="auto",
        optimizer="adamw",
        lr=3e-3,
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
        label_smoothing="auto",
        class_weight=None,
        device="auto",
        verbose=0,
        random_state=None,
    ):
        self._store(locals())


@share_documentation
class TCNRegressor(NeuralRegressorMixin, _TemporalNetwork):
    """A temporal convolutional network that predicts numbers from sequences: series, tokens or texts, of any lengths.

    Use it where the order of the steps matters, and shapes that may stand anywhere in a long series tell the targets;
    :class:`RNNRegressor` takes a tenth of the time on long series. Several targets at once are taken.

    Parameters
    ----------
    channels : int or "auto", default="auto"
        The number of channels of each level; "auto" is 32, and 128 for tokens.
    num_levels : int or None, default=None
        The number of levels; each holds two convolutions, and their dilation doubles from one to the next. None takes
        as many as the last step of the longest training series needs to see the first, and one for tokens.
    kernel_size : int, default=5
        The number of steps that a filter sees.
    pooling : {"last", "mean", "max", "attention"}, default="mean"
        What is read off the steps: the last one, their mean or largest values, or a mean with learnt weights. Padding
        has no part in it.
    dropout : float or "auto", default="auto"
        The probability of zeroing a value while training: behind each convolution and before the last layer, and that
        of leaving out a token. "auto" is 0, and 0.5 for tokens.
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
    TCNClassifier : The same for classes.

    Notes
    -----
    <sequence inputs>

    Convolutions are causal: a step sees itself and earlier ones alone, ``1 + 2 (kernel_size - 1) (2**num_levels - 1)``
    in all, so that padding behind the end can't be seen.

    Cost: for each row and step one epoch takes about 6 operations for each weight. Memory for the padded float32 steps,
    and for the features of a batch at all levels.

    scikit-learn has no network for sequences. Filters are normalised as in the paper, and start from random directions
    of length sqrt(2) where it has small normal numbers. Ctrl-C ends training and leaves a model that predicts, with a
    warning.

    References
    ----------
    Bai, S., Kolter, J. Z. & Koltun, V. (2018). An empirical evaluation of generic convolutional and recurrent networks
    for sequence modeling. https://doi.org/10.48550/arXiv.1803.01271

    Examples
    --------
    >>> import numpy as np
    >>> from skdl.neural import TCNRegressor
    >>> rng = np.random.default_rng(0)
    >>> X = [rng.normal(size=length) for length in rng.integers(5, 15, size=200)]
    >>> y = np.array([series.max() for series in X])
    >>> model = TCNRegressor(channels=16, pooling="max", lr=0.01, max_epochs=20, random_state=0).fit(X, y)
    >>> bool(model.score(X, y) > 0.9)
    True
    """

    def __init__(
        self,
        channels="auto",
        *,
        num_levels=None,
        kernel_size=5,
        pooling="mean",
        dropout="auto",
        layout="time_first",
        tokenizer=None,
        min_frequency=2,
        max_vocabulary=20_000,
        embedding_dim=64,
        embedding_init="lsa",
        augment="auto",
        optimizer="adamw",
        lr=3e-3,
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
