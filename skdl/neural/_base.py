"""What every neural estimator shares: from validated data to a trained network that is kept as NumPy.

A family (MLP, CNN, ...) supplies how its input is validated and turned into tensors and how its module is built; a task
(classifier, regressor) supplies how targets are encoded and outputs are read. The steps between are here.
"""

import copy
import os
from abc import abstractmethod
from contextlib import contextmanager
from dataclasses import fields
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import torch
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import check_consistent_length
from sklearn.utils.validation import check_is_fitted
from skorch.callbacks import Callback
from skorch.history import History
from torch import Tensor, nn

from skdl.base import Estimator
from skdl.engine import (
    OPTIMIZERS,
    PLATEAU,
    SCHEDULES,
    StreamedData,
    StreamedRows,
    TensorData,
    TrainingPlan,
    compute_outputs,
    make_checkpoint,
    make_net,
    state_from_numpy,
    state_to_numpy,
)
from skdl.engine.precision import MIXED_PRECISIONS
from skdl.neural._finetuning import adopt_body
from skdl.neural._rows import Rows, drop_weightless, merge_equal_rows, split_validation
from skdl.neural._streams import (
    check_dataset,
    is_dataset,
    is_streamed,
    samples_of,
    stream_array,
    stream_dataset,
    targets_of,
)
from skdl.nn.anatomy import Body, called_layers
from skdl.utils import (
    Interval,
    Options,
    check_parameters,
    derive_keys,
    draw_seed,
    explained,
    resolve_device,
    validate_sample_weight,
)

# From this many rows on, early_stopping="auto" stops early.
_AUTO_EARLY_STOPPING_ROWS = 10_000

# How much of X is turned into tensors at once where X is large.
_SAMPLED_BYTES = 1 << 25

# The parameters that mean to the estimator what they mean to the plan.
_PLANNED = tuple(field.name for field in fields(TrainingPlan))


class NeuralEstimator(ClassNamePrefixFeaturesOutMixin, TransformerMixin, Estimator):
    """Base class of the neural estimators."""

    _constraints: ClassVar[dict[str, list]] = {
        "optimizer": [Options(*OPTIMIZERS)],
        "lr": [Interval("real", 0, None, closed="neither")],
        "layer_lr_decay": [Interval("real", 0, 1, closed="right")],
        "weight_decay": [Interval("real", 0, None)],
        "l1": [Interval("real", 0, None)],
        "batch_size": [Interval("int", 1, None)],
        "max_epochs": [Interval("int", 1, None)],
        "early_stopping": [bool, Options("auto")],
        "validation_fraction": [Interval("real", 0, 1, closed="neither")],
        "patience": [Interval("int", 1, None)],
        "dropout": [Interval("real", 0, 1, closed="left")],
        "schedule": [None, Options(*SCHEDULES, PLATEAU)],
        "warmup_epochs": [Interval("real", 0, None)],
        "gradient_clip": [None, Interval("real", 0, None, closed="neither")],
        "gradient_clip_value": [None, Interval("real", 0, None, closed="neither")],
        "ema_decay": [None, Interval("real", 0, 1, closed="neither")],
        "init_from": [None, BaseEstimator],
        "freeze": [None, str, list, tuple],
        "checkpoint": [None, str, os.PathLike],
        "checkpoint_every": [Interval("int", 1, None)],
        "compile": [bool],
        "mixed_precision": [bool, Options(*MIXED_PRECISIONS)],
        "accelerate": [bool],
        "callbacks": [None, list, tuple],
        "warm_start": [bool],
        "verbose": [bool, Interval("int", 0, None)],
    }

    _task_constraints: ClassVar[dict[str, list]] = {}

    # Whether samples may be read a block at a time, from a torch Dataset or a file.
    _streams = True
    # What a family learns of its inputs, and what a body that is taken over brings with it.
    _input_attributes: ClassVar[tuple[str, ...]] = ()

    # Whether layers draw from torch's generators while training; ours have streams of their own.
    _layers_draw = False

    def _store(self, arguments: dict) -> None:
        """Set the attributes that a constructor is to set: it calls ``self._store(locals())`` and does nothing else."""
        for name, value in arguments.items():
            if name != "self":
                setattr(self, name, value)

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

    # Training.

    def fit(self, X, y, sample_weight=None, X_val=None, y_val=None):
        """Train the network.

        Parameters
        ----------
        X : array-like, frame, tensor or torch Dataset of shape (n, d)
            The training samples. A memory-mapped array of more than 256 MiB, and a Dataset, are not loaded but read
            block by block in each epoch; a Dataset's items are samples, or pairs of a sample and its target.
        y : array-like of shape (n,) or (n, n_outputs)
            The targets. None takes those in the items of a Dataset, which are then all read once before.
        sample_weight : array-like of shape (n,), default=None
            How much each sample counts in the loss.
        X_val : array-like, frame or tensor of shape (m, d), default=None
            Samples to validate with after each epoch, which early stopping goes by in place of held-out rows of X. In
            a pipeline the steps before must transform them too: ``Pipeline(steps, transform_input=["X_val"])`` does,
            under ``sklearn.set_config(enable_metadata_routing=True)`` and after
            ``set_fit_request(X_val=True, y_val=True)``.
        y_val : array-like of shape (m,) or (m, n_outputs), default=None
            Their targets.

        Returns
        -------
        self
            The fitted estimator.
        """
        self._check_parameters()
        go_on = self.warm_start and self.__sklearn_is_fitted__()
        return self._fit(X, y, sample_weight, (X_val, y_val), reset=not go_on)

    def _fit(self, X, y, sample_weight, given=(None, None), *, reset: bool, one_epoch: bool = False, classes=None):
        """Train from new weights (``reset``) or from those at hand.

        A ``partial_fit`` is ``one_epoch`` on all rows, and goes on with the optimizer's state.
        """
        train, valid = self._prepare(X, y, sample_weight, given, reset=reset, one_epoch=one_epoch, classes=classes)
        with torch.inference_mode(False), torch.enable_grad():
            module = self._new_module()
            if reset and self.init_from is not None:
                adopt_body(module, self._source(), self._probe())
        return self._train(module, train, valid, reset=reset, one_epoch=one_epoch)

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

    def _read_inputs(self, X, *, reset: bool):
        """Validate X, and learn its layout where training begins anew; what is too large stays where it is."""
        adopts = reset and self.init_from is not None
        if is_dataset(X):
            check_dataset(type(self).__name__, X, self._streams)
            if reset:
                self._fit_inputs(samples_of(X, range(min(2, len(X)))))
            if adopts:
                self._adopt_inputs()
            return stream_dataset(X, self._encode_inputs)
        encoded = self._fit_inputs(X) if reset else self._encode_inputs(X)
        if adopts:
            self._adopt_inputs()
            encoded = self._encode_inputs(X)
        return stream_array(encoded) if self._streams and is_streamed(encoded) else encoded

    def _probe(self) -> tuple[Tensor, ...]:
        """Something like one sample, to call the module with."""
        return tuple(
            torch.ones(1, *shape, dtype=getattr(torch, dtype.removeprefix("torch.")))
            for shape, dtype in self._input_like
        )

    def _source(self) -> "NeuralEstimator":
        """The estimator that ``init_from`` names."""
        source = getattr(self.init_from, "estimator", self.init_from)  # it may be frozen
        if not isinstance(source, NeuralEstimator):
            raise ValueError(
                f"init_from of {type(self).__name__} must be a fitted neural estimator of skdl, or one in a "
                f"sklearn.frozen.FrozenEstimator; got {type(source).__name__}."
            )
        if not source.__sklearn_is_fitted__():
            raise ValueError(
                f"init_from of {type(self).__name__} is not fitted. scikit-learn's clone, and so every search and "
                "cross-validation, forgets what an estimator has learnt unless it is wrapped: "
                "init_from=sklearn.frozen.FrozenEstimator(fitted)."
            )
        return source

    def _adopt_inputs(self) -> None:
        """Take over what the source has learnt of its inputs, without which its weights would read something else."""
        source = self._source()
        for name in self._input_attributes:
            if hasattr(source, name):
                setattr(self, name, copy.deepcopy(getattr(source, name)))

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

    def _train(self, module: nn.Module, train: TensorData, valid: TensorData | None, *, reset=True, one_epoch=False):
        plan = self._plan(self._training_device(), 1 if one_epoch else self.max_epochs)
        # Training needs gradients, also where the caller has switched them off.
        with torch.inference_mode(False), torch.enable_grad(), self._own_generators(plan.device):
            if not reset:
                module.load_state_dict(state_from_numpy(self._weights))
            net = make_net(
                module,
                plan,
                n_rows=len(train),
                valid=valid,
                stops=self.early_stopping is not False,
                probe=self._probe(),
                checkpoint=self._checkpoint(plan, module, train, valid) if self.checkpoint and not one_epoch else None,
            )
            if not reset:
                self._load_state(net, with_optimizer=one_epoch)
            net.partial_fit(train, None)
        self._store_state(net.module_.state_dict(), net.optimizer_.state_dict(), list(net.history))
        if not self.accelerate:  # a net that belongs to a group of processes does not predict alone
            self._device_cache.get("net", lambda: net)
        return self

    def _checkpoint(self, plan: TrainingPlan, module: nn.Module, train: TensorData, valid: TensorData | None):
        if self.random_state is None:
            raise ValueError(
                f"checkpoint of {type(self).__name__} needs a random_state, an int: without one, a fit that is started "
                "again trains another network, and finds nothing to go on from."
            )
        return make_checkpoint(plan, module, train, valid)

    @contextmanager
    def _own_generators(self, device: torch.device):
        """Seed torch's generators for a training whose layers draw from them, and leave them as they were."""
        if not self._layers_draw and not self.checkpoint:  # which sets their state when it goes on
            yield
            return
        with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            torch.manual_seed(int(derive_keys(self._seed, "layers", getattr(self, "n_iter_", 0))[0]))
            yield

    def _new_module(self) -> nn.Module:
        # torch's layers draw weights of their own before they get ours; its generator is the user's to move.
        with torch.random.fork_rng(devices=[]):
            return self._build_module(self._seed)

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
            self._fit_preprocessing(*self._preprocessing_rows(X, weight))
            if self.init_from is not None:
                self._adopt_inputs()
            self._fit_target_scaling(target, weight)
        return (X, target, weight), valid

    def _preprocessing_rows(self, X, weight: np.ndarray | None) -> tuple[np.ndarray, np.ndarray | None]:
        """The rows that scales are learnt from: of those that are streamed, a sample that fits into memory."""
        if not isinstance(X, StreamedRows):
            return X, weight
        chosen = X.sample(max(2, _SAMPLED_BYTES // X[:1].nbytes))
        return X.take(chosen), None if weight is None else weight[chosen]

    def _tensor_data(self, X, target, weight, device: torch.device) -> TensorData:
        if weight is not None:
            weight = torch.as_tensor(weight / weight.mean(), dtype=torch.float32, device=device)
        targets = self._target_tensor(target).to(device)
        if isinstance(X, StreamedRows):
            return StreamedData(X, self._to_tensors, device, targets, weight)
        return TensorData(tuple(tensor.to(device) for tensor in self._to_tensors(X)), targets, weight)

    def _plan(self, device: torch.device, epochs: int) -> TrainingPlan:
        parameters = self.get_params(deep=False)
        parameters |= {
            "device": device,
            "max_epochs": epochs,
            "freeze": [self.freeze] if isinstance(self.freeze, str) else self.freeze,
            "callbacks": self.callbacks or (),
            "verbose": int(self.verbose),
        }
        planned = {name: parameters[name] for name in _PLANNED if name in parameters} | self._loss_settings()
        return TrainingPlan(task=self._task, seed=self._seed, desc=type(self).__name__, **planned)

    # The network as NumPy, and back.

    def _store_state(self, weights: dict, optimizer_state: dict, history: list[dict]) -> None:
        self._weights = state_to_numpy(weights)
        self._optimizer_state = state_to_numpy(optimizer_state)
        self._history = [{key: value for key, value in row.items() if key != "batches"} for row in history]
        self.n_iter_ = len(self._history)
        self.loss_ = self._history[-1]["train_loss"] if self._history else np.nan
        self._new_device_cache()

    def _load_state(self, net, *, with_optimizer: bool) -> None:
        net.module_.load_state_dict(state_from_numpy(self._weights))
        if with_optimizer:
            net.optimizer_.load_state_dict(state_from_numpy(self._optimizer_state))
        net.history_ = History(dict(row, batches=[]) for row in self._history)

    def _rebuild(self):
        plan = self._plan(resolve_device(self.device), self.max_epochs)
        net = make_net(self._new_module(), plan, probe=self._probe())
        self._load_state(net, with_optimizer=True)
        return net

    @property
    def net_(self):
        """The skorch net that holds the network, on its device."""
        check_is_fitted(self)
        return self._device_cache.get("net", self._rebuild)

    @property
    def history_(self) -> pd.DataFrame:
        """One row for each epoch, with its losses and its duration in seconds."""
        check_is_fitted(self)
        return pd.DataFrame(self._history)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_weights")

    def _outputs(self, X) -> np.ndarray:
        """The network's outputs for the rows of X, ``(n, n_outputs)`` in float32."""
        check_is_fitted(self)
        return self._compute(self.net_.module_, self._read_inputs(X, reset=False))

    def _compute(self, module: nn.Module, X) -> np.ndarray:
        """What a module, the network or its body, gives for encoded rows: ``(n, width)`` in float32."""
        device = torch.device(self.net_.device)
        block = self._block_rows(device)
        rows = block * max(1, _SAMPLED_BYTES // (block * max(1, X[:1].nbytes)))  # as many as are in memory at once
        parts = [
            compute_outputs(module, self._to_tensors(X[start : start + rows]), device, block)
            for start in range(0, len(X), rows)
        ]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def transform(self, X) -> np.ndarray:
        """Compute what the last layer reads: the activations of the layer before.

        Parameters
        ----------
        X : array-like, frame or tensor of shape (n, d)
            The samples.

        Returns
        -------
        ndarray of shape (n, n_features_out), dtype float32
            Averaged over places where the last layer works on several. Without a hidden layer they are the inputs, as
            the network gets them.
        """
        check_is_fitted(self)
        return self._compute(Body(self.net_.module_, self._head()), self._read_inputs(X, reset=False))

    def _head(self) -> str:
        """The path of the last layer of the network."""
        module = self.net_.module_
        probe = tuple(tensor.to(self.net_.device) for tensor in self._probe())
        return self._device_cache.get("head", lambda: called_layers(module, probe)[-1])

    @property
    def _n_features_out(self) -> int:
        probe = tuple(tensor.to(self.net_.device) for tensor in self._probe())
        with torch.no_grad():
            return Body(self.net_.module_.eval(), self._head())(*probe).shape[1]

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags

    def _check_parameters(self) -> None:
        super()._check_parameters()
        check_parameters(type(self).__name__, self._task_constraints, self.get_params(deep=False))
        callbacks: Any = self.callbacks or ()
        for item in callbacks:
            callback = item[1] if isinstance(item, tuple) and len(item) == 2 else item
            if not (isinstance(callback, Callback) or callable(callback)):
                raise ValueError(
                    f"callbacks of {type(self).__name__} must be a list of skorch callbacks, functions that make one, "
                    f"or (name, callback) pairs; it holds {item!r}."
                )
