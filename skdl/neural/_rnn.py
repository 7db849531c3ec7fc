"""Recurrent networks for sequences."""

from typing import ClassVar

from torch import nn

from skdl.neural._docs import share_documentation
from skdl.neural._sequences import SequenceEstimator, SmoothingClassifierMixin
from skdl.neural._tasks import NeuralRegressorMixin
from skdl.nn.recurrent import CELLS, Recurrent
from skdl.utils import Interval, Options

# Wider pieces have more weights than the few series that are that long can tell.
_LONGEST_FRAME = 256


class _RecurrentNetwork(SequenceEstimator):
    """What classifier and regressor share: recurrent layers are built."""

    _constraints: ClassVar[dict[str, list]] = {
        **SequenceEstimator._constraints,
        "cell": [Options(*CELLS)],
        "hidden_size": [Interval("int", 1, None)],
        "num_layers": [Interval("int", 1, None)],
        "bidirectional": [bool],
        "frame": [Options("auto"), Interval("int", 1, None)],
        "dropout": [Options("auto"), *SequenceEstimator._constraints["dropout"]],
    }

    def _build_body(self, width: int, seed: int) -> nn.Module:
        return Recurrent(
            width,
            self.hidden_size,
            cell=self.cell,
            num_layers=self.num_layers,
            bidirectional=bool(self.bidirectional),
            dropout=self._dropout_rate(),
            seed=seed,
        )

    @property
    def _runs_backwards(self) -> bool:
        return bool(self.bidirectional)

    # A single value says little, and what is learnt over hundreds of steps is soon forgotten and slow to compute.
    def _frame_length(self) -> int:
        if self.frame == "auto":
            return 1 if self._vocabulary is not None else min(max(1, round(self._mean_length / 3)), _LONGEST_FRAME)
        return self.frame


@share_documentation
class RNNClassifier(SmoothingClassifierMixin, _RecurrentNetwork):
    """A recurrent network that classifies sequences: series, tokens or texts, of any lengths.

    Use it where the order of the steps matters and lengths differ: sensor readings, speech, words. Several classes, or
    several labels at once (a 0/1 indicator matrix), are taken. Where it matters little when something
    happens in a long series, :class:`TCNClassifier` is more accurate, in ten times the time.

    Parameters
    ----------
    cell : {"rnn", "gru", "lstm"}, default="gru"
        The recurrent layer: Elman's with tanh, the gated recurrent unit, or long short-term memory, which is faster on
        a CPU and less accurate on small sets of series.
    hidden_size : int, default=64
        The width of the state of each layer and direction.
    num_layers : int, default=1
        The number of layers.
    bidirectional : bool, default=True
        Whether layers run in both directions, the backward one from a sequence's real end.
    frame : int or "auto", default="auto"
        How many steps are read at once, as one wide step: the recurrence goes on by a quarter of them, so that pieces
        overlap. "auto" is a third of the mean length of the training series, 256 at most, and 1 for tokens.
    pooling : {"last", "mean", "max", "attention"}, default="max"
        What is read off the states: the last one (that of the backward half at the first step), their mean or largest
        values, or a mean with learnt weights. Padding has no part in it.
    dropout : float or "auto", default="auto"
        The probability of zeroing a value between layers and before the last one, and of leaving out a token, while
        training. "auto" is 0, and 0.5 for tokens.
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
    RNNRegressor : The same for numbers.

    Notes
    -----
    <sequence inputs>

    Cost: for each row, step (piece of a series) and layer one epoch takes about 6 operations for each weight; steps
    come one after another, so that long sequences are slow on a GPU too with ``frame=1``. Memory for the padded float32
    steps, and for the pieces and states of a batch.

    scikit-learn has no network for sequences. The gradient is clipped by default, since that of a recurrent network
    may explode. Ctrl-C ends training and leaves a model that predicts, with a warning.

    References
    ----------
    Elman, J. L. (1990). Finding structure in time. Cognitive Science 14, 179-211.
    https://doi.org/10.1207/s15516709cog1402_1

    Hochreiter, S. & Schmidhuber, J. (1997). Long short-term memory. Neural Computation 9, 1735-1780.
    https://doi.org/10.1162/neco.1997.9.8.1735

    Cho, K. et al. (2014). Learning phrase representations using RNN encoder-decoder for statistical machine
    translation. EMNLP. https://doi.org/10.3115/v1/D14-1179

    Examples
    --------
    >>> import numpy as np
    >>> from skdl.neural import RNNClassifier
    >>> rng = np.random.default_rng(0)
    >>> X = [rng.normal(size=length).cumsum() for length in rng.integers(5, 15, size=100)]
    >>> y = np.array([series[-1] > series[0] for series in X])
    >>> model = RNNClassifier(hidden_size=16, lr=0.01, schedule=None, max_epochs=20, random_state=0).fit(X, y)
    >>> bool(model.score(X, y) > 0.9)
    True

    >>> texts = ["what a good day", "a good film", "good food", "a bad day", "what a bad film", "bad food"]
    >>> model = RNNClassifier(tokenizer="word", random_state=0).fit(texts, ["+", "+", "+", "-", "-", "-"])
    >>> model.predict(["good", "bad"])
    array(['+', '-'], dtype='<U1')
    """

    def __init__(
        self,
        cell="gru",
        *,
        hidden_size=64,
        num_layers=1,
        bidirectional=True,
        frame="auto",
        pooling="max",
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
class RNNRegressor(NeuralRegressorMixin, _RecurrentNetwork):
    """A recurrent network that predicts numbers from sequences: series, tokens or texts, of any lengths.

    Use it where the order of the steps matters and lengths differ: sensor readings, speech, words. Several targets at
    once are taken.

    Parameters
    ----------
    cell : {"rnn", "gru", "lstm"}, default="gru"
        The recurrent layer: Elman's with tanh, the gated recurrent unit, or long short-term memory, which is faster on
        a CPU and less accurate on small sets of series.
    hidden_size : int, default=64
        The width of the state of each layer and direction.
    num_layers : int, default=1
        The number of layers.
    bidirectional : bool, default=True
        Whether layers run in both directions, the backward one from a sequence's real end.
    frame : int or "auto", default="auto"
        How many steps are read at once, as one wide step: the recurrence goes on by a quarter of them, so that pieces
        overlap. "auto" is a third of the mean length of the training series, 256 at most, and 1 for tokens.
    pooling : {"last", "mean", "max", "attention"}, default="max"
        What is read off the states: the last one (that of the backward half at the first step), their mean or largest
        values, or a mean with learnt weights. Padding has no part in it.
    dropout : float or "auto", default="auto"
        The probability of zeroing a value between layers and before the last one, and of leaving out a token, while
        training. "auto" is 0, and 0.5 for tokens.
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
    RNNClassifier : The same for classes.

    Notes
    -----
    <sequence inputs>

    Cost: for each row, step (piece of a series) and layer one epoch takes about 6 operations for each weight; steps
    come one after another, so that long sequences are slow on a GPU too with ``frame=1``. Memory for the padded float32
    steps, and for the pieces and states of a batch.

    scikit-learn has no network for sequences. The gradient is clipped by default, since that of a recurrent network
    may explode. Ctrl-C ends training and leaves a model that predicts, with a warning.

    References
    ----------
    Elman, J. L. (1990). Finding structure in time. Cognitive Science 14, 179-211.
    https://doi.org/10.1207/s15516709cog1402_1

    Hochreiter, S. & Schmidhuber, J. (1997). Long short-term memory. Neural Computation 9, 1735-1780.
    https://doi.org/10.1162/neco.1997.9.8.1735

    Cho, K. et al. (2014). Learning phrase representations using RNN encoder-decoder for statistical machine
    translation. EMNLP. https://doi.org/10.3115/v1/D14-1179

    Examples
    --------
    >>> import numpy as np
    >>> from skdl.neural import RNNRegressor
    >>> rng = np.random.default_rng(0)
    >>> X = [rng.normal(size=length) for length in rng.integers(5, 15, size=200)]
    >>> y = np.array([series.max() for series in X])
    >>> model = RNNRegressor(hidden_size=16, lr=0.01, max_epochs=20, random_state=0).fit(X, y)
    >>> bool(model.score(X, y) > 0.9)
    True
    """

    def __init__(
        self,
        cell="gru",
        *,
        hidden_size=64,
        num_layers=1,
        bidirectional=True,
        frame="auto",
        pooling="max",
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
