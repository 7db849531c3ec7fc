"""Networks that take sequences: series of numbers, tokens or texts, of any lengths."""

from abc import abstractmethod
from typing import ClassVar

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from skdl.engine import TensorData, TrainingPlan, compute_outputs
from skdl.engine.data import bucket_length
from skdl.kernels.semantics import latent_semantics
from skdl.neural._augment import AugmentingEstimator
from skdl.neural._rows import even_choice
from skdl.neural._series import LAYOUTS, Padded, read_series
from skdl.neural._tasks import NeuralClassifierMixin
from skdl.neural._tokens import FIRST, PADDING, TOKENIZERS, Vocabulary, read_tokens
from skdl.nn import initialize
from skdl.nn.augmentation import FOR_UNEQUAL_LENGTHS
from skdl.nn.pooling import POOLINGS
from skdl.nn.sequences import SequenceNetwork
from skdl.utils import Interval, Options

# Rows whose steps are scaled at once.
_CHUNK = 1024

# How many texts tell what embeddings begin with: more take time and memory, and hardly tell more.
_TOLD_BY = 1 << 17
# What stays random of embeddings that begin with what texts tell, so that no two are the same.
_RANDOM_SHARE = 0.3


class SmoothingClassifierMixin(NeuralClassifierMixin):
    """Classification by a network that soon knows the few series that there mostly are by heart, unless held back."""

    _task_constraints: ClassVar[dict[str, list]] = {
        **NeuralClassifierMixin._task_constraints,
        "label_smoothing": [Options("auto"), *NeuralClassifierMixin._task_constraints["label_smoothing"]],
    }

    def _plan(self, device: torch.device, epochs: int | str) -> TrainingPlan:
        plan = super()._plan(device, epochs)
        if self.label_smoothing == "auto":
            plan.label_smoothing = 0.1 if self._vocabulary is None else 0.0
        return plan


class SequenceEstimator(AugmentingEstimator):
    """What classifiers and regressors share: sequences go in, a body over steps is built."""

    _constraints: ClassVar[dict[str, list]] = {
        **AugmentingEstimator._constraints,
        "pooling": [Options(*POOLINGS)],
        "layout": [Options(*LAYOUTS)],
        "tokenizer": [None, Options(*TOKENIZERS, "integer"), callable],
        "min_frequency": [Interval("int", 1, None)],
        "max_vocabulary": [None, Interval("int", 1, None)],
        "embedding_dim": [Interval("int", 1, None)],
        "embedding_init": [Options("lsa", "random")],
    }
    _may_stream = False
    _auto_rows = 60_000
    _input_attributes: ClassVar[tuple[str, ...]] = ("_vocabulary", "_mean", "_factor", "_longest", "_mean_length")

    # What a family supplies.

    @abstractmethod
    def _build_body(self, width: int, seed: int) -> nn.Module:
        """Build what maps steps ``(n, t, width)`` and lengths to steps ``(n, t, body.width)``."""

    @property
    def _runs_backwards(self) -> bool:
        """Whether the second half of the body's features runs backwards."""
        return False

    # There are far more words than texts: no text may hang on some of them.
    def _dropout_rate(self) -> float:
        return (0.0 if self._vocabulary is None else 0.5) if self.dropout == "auto" else self.dropout

    def _frame_length(self) -> int:
        """How many steps of a series the body gets as one."""
        return 1

    # From X to tensors.

    def _fit_inputs(self, X) -> np.ndarray:
        self._vocabulary = None
        if self.tokenizer is not None:
            self._refuse_changes((), "is for series, but X holds tokens.")
            sequences = self._tokens_of(X, reset=True, min_samples=2)
            self._vocabulary = Vocabulary.of(sequences)
            padded = self._vocabulary.encode(sequences)
        else:
            advice = f"is for samples of one size; series may be given {FOR_UNEQUAL_LENGTHS}."
            self._refuse_changes(FOR_UNEQUAL_LENGTHS, advice)
            padded = read_series(self, self._no_texts(X), reset=True, layout=self.layout, min_samples=2)
        self.n_channels_ = padded.values.shape[2]
        self._longest = padded.values.shape[1]
        return padded.flat()

    def _encode_inputs(self, X) -> np.ndarray:
        if self._vocabulary is not None:
            return self._vocabulary.encode(self._tokens_of(X, reset=False)).flat()
        padded = read_series(self, self._no_texts(X), reset=False, layout=self.layout)
        n_channels = padded.values.shape[2]
        if n_channels != self.n_channels_:
            raise ValueError(
                f"X holds series of {n_channels} channels, but {type(self).__name__} is expecting {self.n_channels_}. "
                f"With layout={self.layout!r} the {'last' if self.layout == 'time_first' else 'middle'} axis of an "
                "array with three holds the channels."
            )
        return padded.flat()

    def _tokens_of(self, X, *, reset: bool, min_samples: int = 1):
        return read_tokens(self, X, self.tokenizer, reset=reset, layout=self.layout, min_samples=min_samples)

    def _no_texts(self, X):
        """Refuse a list or column of strings, which a number may not be meant by."""
        column = X if isinstance(X, (list, tuple)) or getattr(X, "ndim", None) == 1 else ()
        if len(column) and isinstance(next(iter(column)), str):
            raise ValueError(
                f"X holds strings, but {type(self).__name__} takes numbers unless it is told how to cut texts: set "
                "tokenizer='word' or 'character'."
            )
        return X

    def _fit_preprocessing(self, X: np.ndarray, weight: np.ndarray | None) -> None:
        self._mean_length = round(float(np.average(X[:, 0].astype(np.float64), weights=weight)))
        if self._vocabulary is not None:
            self._vocabulary.keep_frequent(X[:, 1:], self.min_frequency, self.max_vocabulary)
            return
        # Every real step counts as much as its row.
        steps = X[:, 0] if weight is None else weight * X[:, 0]  # (n,)
        total = steps.sum(dtype=np.float64)

        def mean(of) -> np.ndarray:
            sums = np.concatenate([of(values, real).sum(axis=1) for values, real in self._chunks(X)])  # (n, c)
            return (sums if weight is None else sums * weight[:, None]).sum(axis=0) / total

        self._mean = mean(lambda values, real: values)
        width = np.sqrt(mean(lambda values, real: ((values - self._mean) * real) ** 2))
        self._factor = np.divide(1.0, width, out=np.zeros_like(width), where=width > 1e-12 * np.abs(self._mean))

    def _chunks(self, X: np.ndarray):
        """Yield values (m, t, c) in float64 and which of them are real (m, t, 1), some rows at a time."""
        for start in range(0, len(X), _CHUNK):
            padded = Padded.from_flat(X[start : start + _CHUNK], self.n_channels_)
            real = np.arange(padded.values.shape[1]) < padded.lengths[:, None]
            yield padded.values.astype(np.float64), real[:, :, None]

    def _to_tensors(self, X: np.ndarray) -> tuple[Tensor, ...]:
        lengths = torch.from_numpy(X[:, 0].astype(np.int64))
        if self._vocabulary is not None:
            return torch.from_numpy(self._vocabulary.codes[X[:, 1:]]), lengths
        steps = np.empty((len(X), (X.shape[1] - 1) // self.n_channels_, self.n_channels_), dtype=np.float32)
        for position, (values, real) in enumerate(self._chunks(X)):
            steps[position * _CHUNK : (position + 1) * _CHUNK] = (values - self._mean) * self._factor * real
        return torch.from_numpy(steps), lengths

    def _series_of(self, X: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
        if self._vocabulary is not None:
            return None
        steps, lengths = self._to_tensors(X)
        return steps.numpy(), lengths.numpy()

    def _tensor_data(self, X, target, weight, device: torch.device) -> TensorData:
        data = super()._tensor_data(X, target, weight, device)
        return TensorData(data.inputs, data.target, data.weight, lengths=X[:, 0].astype(np.int64))

    # The network.

    def _build_module(self, seed: int) -> nn.Module:
        embedding = None
        width = self.n_channels_
        if self._vocabulary is not None:
            width = self.embedding_dim
            embedding = nn.Embedding(2 + len(self._vocabulary.kept), width, padding_idx=PADDING)
        frame = self._frame_length()
        network = SequenceNetwork(
            self._build_body(frame * width, seed),
            self.n_outputs_,
            pooling=self.pooling,
            bidirectional=self._runs_backwards,
            embedding=embedding,
            frame=frame,
            augmentation=self._augmentation(seed),
            dropout=self._dropout_rate(),
            seed=seed,
        )
        return initialize(network, seed)

    def _begin_with(self, module: nn.Module, train: TensorData) -> None:
        if self._vocabulary is None or self.embedding_init == "random":
            return
        chosen = torch.from_numpy(even_choice(len(train), _TOLD_BY))
        weight = None if train.weight is None else train.weight.cpu()[chosen].numpy()
        codes = train.inputs[0].cpu()[chosen].numpy() - FIRST
        vectors = latent_semantics(codes, len(self._vocabulary.kept), self.embedding_dim, self._seed, weight)
        with torch.no_grad():
            module.get_parameter("embedding.weight")[FIRST:, : vectors.shape[1]].mul_(_RANDOM_SHARE).add_(vectors)

    def _compute(self, module: nn.Module, X: np.ndarray) -> np.ndarray:
        device = torch.device(self.net_.device)
        steps, lengths = self._to_tensors(X)
        buckets = np.array([bucket_length(int(length)) for length in lengths])
        parts, places = [], []
        # A row is padded to a length that is its own affair, so that it is computed alike whichever rows are beside it.
        for bucket in np.unique(buckets):
            rows = np.flatnonzero(buckets == bucket)
            chosen = steps[rows, :bucket]
            missing = chosen.new_zeros(len(rows), bucket - chosen.shape[1], *chosen.shape[2:])
            inputs = (torch.cat([chosen, missing], dim=1), lengths[rows])
            parts.append(compute_outputs(module, inputs, device, self._block_rows_of(int(bucket), device)))
            places.append(rows)
        return np.concatenate(parts)[np.argsort(np.concatenate(places))]

    def _block_rows_of(self, length: int, device: torch.device) -> int:
        """How many sequences are predicted at once: a fixed number of steps, in powers of two."""
        steps = 1 << (13 if device.type == "cpu" else 18)
        return 1 << min(6 if device.type == "cpu" else 12, max(2, (steps // length).bit_length() - 1))

    @property
    def vocabulary_(self) -> np.ndarray:
        """The tokens that have an embedding of their own."""
        check_is_fitted(self)
        return np.array([] if self._vocabulary is None else self._vocabulary.kept)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.input_tags.string = self.tokenizer not in (None, "integer")
        return tags
