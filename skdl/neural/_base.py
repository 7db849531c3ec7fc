"""What every neural estimator shares: from prepared tensors to a trained network that is kept as NumPy.

What comes before is in ``_preparation.py``, what networks learn from each other in ``_finetuning.py``.
"""

import os
from contextlib import contextmanager, nullcontext
from dataclasses import fields
from functools import partial
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import torch
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted
from skorch.callbacks import Callback
from skorch.history import History
from torch import nn

from skdl.engine import (
    OPTIMIZERS,
    PLATEAU,
    SCHEDULES,
    TensorData,
    TrainingPlan,
    compute_outputs,
    make_checkpoint,
    make_net,
    state_from_numpy,
    state_to_numpy,
)
from skdl.engine.precision import MIXED_PRECISIONS
from skdl.engine.stacked import why_not_stacked
from skdl.engine.stacked_alone import StackOfOne
from skdl.engine.stacked_width import is_wide
from skdl.kernels.threads import one_torch_thread
from skdl.neural import _streams
from skdl.neural._finetuning import Transferable, adopt_body
from skdl.neural._html import ShownNetwork
from skdl.utils import Interval, Options, check_parameters, derive_keys, resolve_device

# The parameters that mean to the estimator what they mean to the plan.
_PLANNED = tuple(field.name for field in fields(TrainingPlan))


class NeuralEstimator(ShownNetwork, Transferable):
    """Base class of the neural estimators."""

    _constraints: ClassVar[dict[str, list]] = {
        "optimizer": [Options(*OPTIMIZERS)],
        "lr": [Interval("real", 0, None, closed="neither")],
        "layer_lr_decay": [Interval("real", 0, 1, closed="right")],
        "weight_decay": [Interval("real", 0, None)],
        "l1": [Interval("real", 0, None)],
        "batch_size": [Interval("int", 1, None)],
        "max_epochs": [Options("auto"), Interval("int", 1, None)],
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

    # Whether layers draw from torch's generators while training; ours have streams of their own.
    _layers_draw = False

    def _store(self, arguments: dict) -> None:
        """Set the attributes that a constructor is to set: it calls ``self._store(locals())`` and does nothing else."""
        for name, value in arguments.items():
            if name != "self":
                setattr(self, name, value)

    # Training.

    def fit(self, X, y, sample_weight=None, X_val=None, y_val=None):
        """Train the network.

        Parameters
        ----------
        X : array-like, frame, tensor or torch Dataset of shape (n, d)
            The training samples. A memory-mapped array of more than 256 MiB, and a Dataset, are not loaded but read
            block by block in each epoch; a Dataset's items are samples, or pairs of a sample and its target. Beside the
            targets, the network and the C library's gaps this takes a sample of 16 MiB, from which scales are learnt,
            and then some eight times 4 MiB, or eight batches where these are larger.
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
            elif reset:
                self._begin_with(module, train)
        return self._train(module, train, valid, reset=reset, one_epoch=one_epoch)

    def _train(self, module: nn.Module, train: TensorData, valid: TensorData | None, *, reset=True, one_epoch=False):
        plan = self._plan(self._training_device(), 1 if one_epoch else self.max_epochs)
        if one_epoch:  # of nobody knows how many: the rate can't follow how far they have come
            plan.schedule, plan.warmup_epochs = None, 0
        # The steps of a stack give the same bits alone as among siblings, whatever torch's number of threads.
        stacked = plan.device.type == "cpu" and not why_not_stacked(plan, module)
        threads = one_torch_thread() if stacked and not is_wide(plan, module, train) else nullcontext()
        # Training needs gradients, also where the caller has switched them off.
        with torch.inference_mode(False), torch.enable_grad(), self._own_generators(plan.device), threads:
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
                stack=partial(StackOfOne, plan) if stacked else None,
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

    def _begin_with(self, module: nn.Module, train: TensorData) -> None:
        """Take from the training data what initial weights of a family's module depend on."""

    def _plan(self, device: torch.device, epochs: int | str) -> TrainingPlan:
        parameters = self.get_params(deep=False)
        parameters |= {
            "device": device,
            "max_epochs": self._auto_epochs if epochs == "auto" else epochs,
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
        # A member of a family brings its module along: a net for each would cost more than small networks' predictions.
        module = self._device_cache.get("module", lambda: self.net_.module_)
        return self._without_overflow(self._compute(module, self._read_inputs(X, reset=False)))

    def _compute(self, module: nn.Module, X) -> np.ndarray:
        """What a module, the network or its body, gives for encoded rows: ``(n, width)`` in float32."""
        device = next((weight.device for weight in module.parameters()), torch.device("cpu"))
        block = self._block_rows(device)
        # As many as are in memory at once.
        rows = block * max(1, _streams.COMPUTED_BYTES // (block * max(1, X[:1].nbytes)))
        parts = [
            compute_outputs(module, self._to_tensors(X[start : start + rows]), device, block)
            for start in range(0, len(X), rows)
        ]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

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
