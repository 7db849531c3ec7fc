"""From the samples and targets that ``fit`` gets to the tensors that a network trains on.

A family (MLP, CNN, ...) supplies how its input is validated and turned into tensors and how its module is built; a task
(classifier, regressor) supplies how targets are encoded. The steps between are here.
"""

import os
from abc import abstractmethod
from typing import Any, ClassVar

import numpy as np
import torch
from sklearn.utils import check_consistent_length
from torch import Tensor, nn

from skdl.base import Estimator
from skdl.engine import StreamedData, StreamedRows, TensorData
from skdl.neural import _streams
from skdl.neural._rows import Rows, drop_weightless, merge_equal_rows, split_validation
from skdl.neural._streams import (
    check_dataset,
    is_dataset,
    samples_of,
    stream_array,
    stream_dataset,
    targets_of,
)
from skdl.utils import draw_seed, explained, is_left_in_file, resolve_device, validate_sample_weight

# max_epochs="auto" passes over each row between so few and so many times.
_AUTO_EPOCHS = (10, 100)
# From this many rows on, early_stopping="auto" stops early.
_AUTO_EARLY_STOPPING_ROWS = 10_000


class Preparation(Estimator):
    """What a neural estimator does before it trains."""

    # Whether samples may be read a block at a time, from a torch Dataset or a file.
    _may_stream = True
    # How many rows max_epochs="auto" passes over in all.
    _auto_rows: ClassVar[int] = 600_000
    # What a family learns of its inputs, and what a body that is taken over brings with it.
    _input_attributes: ClassVar[tuple[str, ...]] = ()

    # What a family supplies.

    @abstractmethod
    def _fit_inputs(self, X) -> np.ndarray:
        """Validate X, learn its layout, and return it as an array whose rows are samples."""

    @abstractmethod
    def _encode_inputs(self, X) -> np.ndarray:
        """Validate X against the layout of fit and return it as :meth:`_fit_inputs` does."""

    @abstractmethod
    def _fit_preprocessing(self, X: np.ndarray, weight: np.ndarray | None) -> None:
        """Learn what :meth:`_to_tensors` needs from the training rows."""

    @abstractmethod
    def _to_tensors(self, X: np.ndarray) -> tuple[Tensor, ...]:
        """Turn encoded rows into what the module's ``forward`` takes, on the CPU."""

    @abstractmethod
    def _build_module(self, seed: int) -> nn.Module:
        """Build the module with its initial weights, on the CPU."""

    def _block_rows(self, device: torch.device) -> int:
        """The number of rows that are predicted at once."""
        return 256 if device.type == "cpu" else 8192

    # What a task supplies.

    @property
    @abstractmethod
    def _task(self) -> str:
        """The engine's name of the task."""

    @abstractmethod
    def _fit_targets(self, y, classes=None) -> np.ndarray:
        """Validate y, learn its layout, and return it encoded."""

    @abstractmethod
    def _encode_targets(self, y) -> np.ndarray:
        """Validate y against the layout of the first fit and return it encoded."""

    @abstractmethod
    def _fit_target_scaling(self, target: np.ndarray, weight: np.ndarray | None) -> None:
        """Learn what :meth:`_target_tensor` needs from the training rows."""

    @abstractmethod
    def _target_tensor(self, target: np.ndarray) -> Tensor:
        """Turn encoded targets into what the loss takes."""

    def _task_weights(self, target: np.ndarray, weight: np.ndarray | None) -> np.ndarray | None:
        """Multiply class weights into the sample weights."""
        return weight

    def _validation_weights(self, target: np.ndarray) -> np.ndarray | None:
        """The weights of rows that are given to validate with: class weights are those of the training rows."""
        return None

    def _loss_settings(self) -> dict[str, Any]:
        """Fields of the plan that say what the loss is and that are no parameters."""
        return {}

    def _strata(self, target: np.ndarray) -> np.ndarray | None:
        """The groups that a validation split keeps in proportion."""
        return None

    @torch.inference_mode(False)  # tensors that a caller's inference mode makes cannot be trained with
    def _prepare(self, X, y, sample_weight, given=(None, None), *, reset=True, one_epoch=False, classes=None):
        """Validate the data, learn their layout and scales, and return the tensors to train on and to validate with.

        ``given`` are the samples and targets to validate with, or two times None.
        """
        device = self._training_device()
        if is_dataset(X) and y is None:
            y = targets_of(type(self).__name__, X)
        X = self._read_inputs(X, reset=reset)
        target = self._fit_targets(y, classes) if reset else self._encode_targets(y)
        with explained(self, X, y):
            check_consistent_length(X, target)
        weight = validate_sample_weight(sample_weight, len(X))
        if reset:
            self.__dict__.pop("_weights", None)  # a fit that fails leaves no model of an earlier one behind
            self._seed = draw_seed(self.random_state)
        train, valid = self._training_sets(X, target, weight, reset, not one_epoch, self._encode_given(*given))
        train_data = self._tensor_data(*train, device)
        valid_data = None if valid is None else self._tensor_data(*valid, device)
        self._input_like = [(tuple(tensor.shape[1:]), str(tensor.dtype)) for tensor in train_data.inputs]
        return train_data, valid_data

    def _check_sample_shape(self, X: np.ndarray, expected: tuple[int, ...]) -> None:
        """Refuse samples of another shape than ``fit`` saw."""
        if X.shape[1:] != expected:
            raise ValueError(
                f"X has samples of shape {X.shape[1:]}, but {type(self).__name__} is expecting {expected}."
            )

    def _read_inputs(self, X, *, reset: bool):
        """Validate X, and learn its layout where training begins anew; what is too large stays where it is."""
        adopts = reset and self.init_from is not None
        if is_dataset(X):
            check_dataset(type(self).__name__, X, self._may_stream)
            if reset:
                self._fit_inputs(samples_of(X, range(min(2, len(X)))))
            if adopts:
                self._adopt_inputs()
            return stream_dataset(X, self._encode_inputs)
        encoded = self._fit_inputs(X) if reset else self._encode_inputs(X)
        if adopts:
            self._adopt_inputs()
            encoded = self._encode_inputs(X)
        return stream_array(encoded) if self._may_stream and is_left_in_file(encoded) else encoded

    def _probe(self) -> tuple[Tensor, ...]:
        """Something like one sample, to call the module with."""
        return tuple(
            torch.ones(1, *shape, dtype=getattr(torch, dtype.removeprefix("torch.")))
            for shape, dtype in self._input_like
        )

    def _training_device(self) -> torch.device:
        device = resolve_device(self.device)
        if self.accelerate and device.type == "cuda" and device.index is None:
            return torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0)))  # the launcher's word
        return device

    def _encode_given(self, X, y) -> tuple[np.ndarray, np.ndarray] | None:
        """Validate the samples and targets to validate with."""
        if X is None and y is None:
            return None
        if X is None or y is None:
            raise ValueError(f"{'X_val' if X is None else 'y_val'} is missing: fit takes X_val and y_val together.")
        try:
            X, target = self._read_inputs(X, reset=False), self._encode_targets(y)
            check_consistent_length(X, target)
        except ValueError as error:
            raise ValueError(f"In X_val and y_val: {error}") from error
        return X, target

    def _training_sets(
        self, X, target, weight, reset: bool, may_split: bool, given: tuple[np.ndarray, np.ndarray] | None = None
    ) -> tuple[Rows, Rows | None]:
        """Choose, merge and learn from the rows to train on; return (X, target, weight) for training and validation."""
        weight = self._task_weights(target, weight)
        rows = drop_weightless(X, target, weight)
        stops = len(rows[0]) >= _AUTO_EARLY_STOPPING_ROWS if self.early_stopping == "auto" else self.early_stopping
        valid: Rows | None = None
        if given is not None:
            valid = drop_weightless(*given, self._validation_weights(given[1]))
        elif stops and may_split:
            rows, valid = split_validation(*rows, self.validation_fraction, self._strata(rows[1]), self._seed)
        X, target, weight = rows
        if not isinstance(X, StreamedRows):
            X, target, weight = merge_equal_rows(X, target, weight, self.batch_size)
        if reset:
            self._auto_epochs = int(np.clip(round(self._auto_rows / len(X)), *_AUTO_EPOCHS))
            self._fit_preprocessing(*self._preprocessing_rows(X, weight))
            if self.init_from is not None:
                self._adopt_inputs()
            self._fit_target_scaling(target, weight)
        return (X, target, weight), valid

    def _preprocessing_rows(self, X, weight: np.ndarray | None) -> tuple[np.ndarray, np.ndarray | None]:
        """The rows that scales are learnt from: of those that are streamed, a sample that fits into memory."""
        if not isinstance(X, StreamedRows):
            return X, weight
        chosen = X.sample(max(2, _streams.SAMPLED_BYTES // X[:1].nbytes))
        return X.take(chosen), None if weight is None else weight[chosen]

    def _tensor_data(self, X, target, weight, device: torch.device) -> TensorData:
        if weight is not None:
            weight = torch.as_tensor(weight / weight.mean(), dtype=torch.float32, device=device)
        targets = self._target_tensor(target).to(device)
        if isinstance(X, StreamedRows):
            return StreamedData(X, self._to_tensors, device, targets, weight)
        return TensorData(tuple(tensor.to(device) for tensor in self._to_tensors(X)), targets, weight)
