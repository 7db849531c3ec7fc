"""skorch nets whose training loop runs over tensors in memory.

skorch's loop copies every sample through a DataLoader, asks the device for the loss after each batch and calls every
callback twice a batch. For the models of this package that costs more than the training itself. The nets here keep
skorch's seams (``fit_loop``, ``run_single_epoch``, ``train_step``, ``infer``, ``get_loss``, callbacks) and change what
runs in them:

- batches are slices of tensors that lie on the device (:class:`skdl.engine.data.Batches`);
- losses stay on the device until the epoch ends, and are fetched once;
- a callback is called per batch only if it overrides ``on_batch_begin``, ``on_batch_end`` or ``on_grad_computed``; the
  history then keeps a record of each batch as well, as skorch's does.
"""

import math
import warnings
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import numpy as np
import torch
from skorch import NeuralNet, NeuralNetClassifier, NeuralNetRegressor
from skorch.callbacks import Callback, EpochTimer
from skorch.history import History
from skorch.utils import to_tensor
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.parallel import DistributedDataParallel

from skdl.engine.averaging import WeightAverage
from skdl.engine.callbacks import Resumable
from skdl.engine.checkpoints import Checkpoint, generators_state, set_generators_state
from skdl.engine.data import Batches, TensorData, mean_loss
from skdl.engine.sampling import ClassBalanced, SampledBatches, TwoViews
from skdl.exceptions import DivergenceError, InterruptedFitWarning
from skdl.nn import StreamDropout
from skdl.nn.augmentation import Augmentation, mixed_loss


class _InMemoryLoop(NeuralNet):
    """The loop, to be mixed into skorch's nets.

    ``seed`` decides the order of the batches, ``l1`` is the factor of the penalty on absolute weights, and with an
    ``ema_decay`` moving averages of the weights are what is validated and what the training ends with.
    A ``sampling`` puts batches together in another way than shuffling rows.
    ``rate_factors`` are factors of the learning rate by the names of weights; a ``checkpoint`` is what the state is
    written to; ``precision`` is the type of :class:`torch.autocast` while training; a ``stack`` makes, from the net and
    the number of its training rows, what takes the steps in its place.
    """

    def __init__(
        self,
        *args,
        seed: int = 0,
        l1: float = 0.0,
        ema_decay: float | None = None,
        rate_factors: dict[str, float] | None = None,
        checkpoint: Checkpoint | None = None,
        precision: torch.dtype | None = None,
        sampling: ClassBalanced | TwoViews | None = None,
        stack: Callable | None = None,
        **kwargs,
    ):
        super().__init__(*args, **kwargs)
        self.precision = precision
        self.sampling = sampling
        self.stack = stack
        self.stack_: Any = None
        self._compiled: list = []
        self.checkpoint = checkpoint
        self.rate_factors = rate_factors
        self.seed = seed
        self.l1 = l1
        self.ema_decay = ema_decay

    @property
    def _default_callbacks(self):
        return [("epoch_timer", EpochTimer())]

    def check_data(self, X, y=None):
        if not isinstance(X, TensorData):
            super().check_data(X, y)

    def get_params_for_optimizer(self, prefix, named_parameters):
        args, kwargs = super().get_params_for_optimizer(prefix, named_parameters)
        if self.rate_factors is not None:
            groups: dict[float, list] = {}
            for name, weight in self.module_.named_parameters():
                groups.setdefault(self.rate_factors[name], []).append(weight)
            args = ([{"params": weights, "lr": self.lr * factor} for factor, weights in groups.items()],)
        return args, kwargs

    def _set_training(self, training=True):
        super()._set_training(training)
        for layer in self.module_.modules() if training else ():
            # The statistics of a normalisation belong to its weights: frozen together, they are used as they are.
            weights = list(layer.parameters(recurse=False))
            if isinstance(layer, _BatchNorm) and weights and not any(weight.requires_grad for weight in weights):
                layer.eval()

    def get_iterator(self, dataset, training=False):
        if not isinstance(dataset, TensorData):
            return super().get_iterator(dataset, training=training)
        if self.sampling is not None:
            return SampledBatches(dataset, self.sampling, self.seed, len(self.history) if training else None)
        if training:
            batch_size = self.batch_size
            if any(isinstance(layer, _BatchNorm) for layer in self.module_.modules()):
                # A batch of one row has no variance: where one would be left over, batches are a little larger.
                while len(dataset) > batch_size and len(dataset) % batch_size == 1:
                    batch_size += 1
            return Batches(dataset, batch_size, seed=self.seed, epoch=len(self.history))
        return Batches(dataset, self.batch_size)

    def bare_module(self):
        """The module, without what wraps it where several processes train."""
        wrapped = isinstance(self.module_, DistributedDataParallel)
        return self.module_.module if wrapped else self.module_

    def use_compiled(self) -> None:
        """Train by what :func:`torch.compile` makes of the module; predictions stay the module's own."""
        for layer in self.module_.modules():
            # They count their calls in Python, and would be compiled for each.
            if isinstance(layer, (StreamDropout, Augmentation)):
                layer.forward = torch.compiler.disable(layer.forward)  # type: ignore[method-assign]
        self._compiled = [torch.compile(self.module_)]
        self._compiled_works = False

    def _call_compiled(self, x: tuple):
        try:
            output = self._compiled[0](*x)
        except Exception as error:
            if self._compiled_works:
                raise
            self.module_(*x)  # where the module itself is at fault, this says so
            raise ValueError(
                f"compile=True: torch.compile cannot compile this network here ({type(error).__name__}: {error}). Set "
                "compile=False, or see to what is missing: a C++ compiler on a CPU, Triton on a GPU."
            ) from error
        self._compiled_works = True
        return output

    def infer(self, x, **fit_params):
        if isinstance(x, tuple):
            if self._compiled and self.module_.training:
                return self._call_compiled(x)
            return self.module_(*x, **fit_params)
        return self.module_(to_tensor(x, device=self.device).float(), **fit_params)

    def get_loss(self, y_pred, y_true, X=None, training=False):
        if isinstance(y_true, tuple):
            mixture = getattr(self.bare_module(), "mixture", None) if training else None
            if mixture is not None:
                target, weight = y_true
                return mixed_loss(self.criterion_, y_pred, target, weight, mixture)
            return self.criterion_(y_pred, *y_true)
        return self.criterion_(y_pred, to_tensor(y_true, device=self.device))

    def fit_loop(self, X, y=None, epochs=None, **fit_params):
        """Train for some epochs, or until a callback sets ``stop_`` or raises KeyboardInterrupt, or Ctrl-C."""
        self.check_data(X, y)
        self.stop_ = False
        train, valid = self.get_split_datasets(X, y)
        datasets = {"dataset_train": train, "dataset_valid": valid}
        weights = [weight for weight in self.module_.parameters() if weight.requires_grad]
        self.average_ = None if self.ema_decay is None else WeightAverage(weights, self.ema_decay)
        # Gradients in float16 vanish unless the loss is scaled up.
        self.scaler_ = torch.amp.GradScaler(torch.device(self.device).type) if self.precision is torch.float16 else None
        n_epochs = self.max_epochs if epochs is None else epochs
        first = self._resume()
        if self.stack is not None and isinstance(train, TensorData):
            self.stack_ = self.stack(self, len(train))
        train_batches = self.get_iterator(train, training=True)
        valid_batches = None if valid is None else self.get_iterator(valid, training=False)
        try:
            for epoch in range(first, n_epochs):
                self.notify("on_epoch_begin", **datasets)
                self.run_single_epoch(train_batches, True, "train", self.train_step)
                with nullcontext() if self.average_ is None else self.average_.in_place():
                    self.run_single_epoch(valid_batches, False, "valid", self.validation_step)
                    try:
                        self.notify("on_epoch_end", **datasets)
                    except KeyboardInterrupt:  # how skorch's own callbacks end a training
                        break
                if self.stop_:
                    break
                if self.checkpoint is not None and (epoch + 1) % self.checkpoint.every == 0 and epoch + 1 < n_epochs:
                    self.checkpoint.save(self._state(epoch + 1))
            if self.checkpoint is not None:
                self.checkpoint.remove()
        except KeyboardInterrupt:
            # An epoch that was cut short has no loss, which callbacks and readers of the history count on.
            complete = [row for row in self.history if "train_loss" in row]
            del self.history[len(complete) :]
            warnings.warn(
                f"Training was interrupted after {len(complete)} of {self.max_epochs} epochs; "
                "the model keeps the weights it had then.",
                InterruptedFitWarning,
                stacklevel=2,
            )
        finally:
            self._leave_stack()
        if self.average_ is not None:
            self.average_.swap()
        return self

    def _leave_stack(self) -> None:
        if self.stack_ is not None:
            self.stack_.end()
            self.stack_ = None

    def _state(self, epoch: int) -> dict:
        """All that the epochs to come depend on."""
        return {
            "epoch": epoch,
            "module": self.module_.state_dict(),
            "optimizer": self.optimizer_.state_dict(),
            "average": None if self.average_ is None else self.average_.state_dict(),
            "scaler": None if self.scaler_ is None else self.scaler_.state_dict(),
            "history": [{key: value for key, value in row.items() if key != "batches"} for row in self.history],
            "callbacks": {name: item.state_dict() for name, item in self.callbacks_ if isinstance(item, Resumable)},
            "generators": generators_state(torch.device(self.device)),
        }

    def _resume(self) -> int:
        """Go on from the checkpoint, where there is one; return the number of epochs that are done."""
        state = None if self.checkpoint is None else self.checkpoint.load()
        if state is None:
            return 0
        self.module_.load_state_dict(state["module"])
        self.optimizer_.load_state_dict(state["optimizer"])
        if self.average_ is not None:
            self.average_.load_state_dict(state["average"])
        if self.scaler_ is not None:
            self.scaler_.load_state_dict(state["scaler"])
        self.history_ = History(dict(row, batches=[]) for row in state["history"])
        for name, item in self.callbacks_:
            if isinstance(item, Resumable):
                item.load_state_dict(state["callbacks"][name])
        set_generators_state(state["generators"], torch.device(self.device))
        return state["epoch"]

    def run_single_epoch(self, iterator, training, prefix, step_fn, **fit_params):
        """Run over all batches once and record the mean loss."""
        if iterator is None:
            return
        self._set_training(training)
        begin, end = self._hooks("on_batch_begin"), self._hooks("on_batch_end")
        losses, sizes = [], []
        for batch in iterator:
            if begin or end:
                shown = _as_callbacks_see_it(batch)
                if end:
                    self.history.new_batch()
                for hook in begin:
                    hook(self, batch=shown, training=training)
            step = step_fn(batch)
            losses.append(step["loss"].detach())
            sizes.append(len(batch[0][0]) if isinstance(batch[0], tuple) else len(batch[0]))
            if end:
                self.history.record_batch(prefix + "_loss", step["loss"].item())
                self.history.record_batch(prefix + "_batch_size", sizes[-1])
                for hook in end:
                    hook(self, batch=shown, training=training, **step)
                self._set_training(training)  # a hook may have predicted
        loss = mean_loss(*self._batch_losses(torch.stack(losses), sizes, iterator)).item()
        best = min((row[prefix + "_loss"] for row in self.history[:-1] if prefix + "_loss" in row), default=math.inf)
        self.history.record(prefix + "_loss", loss)
        self.history.record(prefix + "_loss_best", loss < best)
        self.history.record(prefix + "_batch_count", len(losses))
        if not math.isfinite(loss):
            raise DivergenceError(
                f"The {'training' if training else 'validation'} loss became {loss} in epoch {len(self.history)} with "
                f"a learning rate of {self.optimizer_.param_groups[0]['lr']:g}. Lower lr, set gradient_clip, or look "
                "for extreme values in X and y."
            )

    def _batch_losses(self, losses, sizes, iterator):
        """The loss and the number of rows of each batch, whoever has computed them."""
        return losses, sizes

    def train_step(self, batch, **fit_params):
        """Take one step of the optimizer."""
        if self.stack_ is not None and not self.stack_.fits(self):
            self._leave_stack()
        if self.stack_ is not None:
            step = self.stack_.differentiate(batch)
            self._tell_gradient(batch)
            if self.l1:
                self._add_l1_gradient()
            self.stack_.move()
            if self.average_ is not None:
                self.average_.update()
            return step
        if isinstance(self.optimizer_, torch.optim.LBFGS):  # evaluates its loss several times a step
            return super().train_step(batch, **fit_params)
        self.optimizer_.zero_grad(set_to_none=True)
        step = self.train_step_single(batch, **fit_params)
        if self.scaler_ is not None:
            self.scaler_.unscale_(self.optimizer_)
        self._tell_gradient(batch)
        if self.l1:
            self._add_l1_gradient()
        if self.scaler_ is None:
            self.optimizer_.step()
        else:
            self.scaler_.step(self.optimizer_)
            self.scaler_.update()
        if self.average_ is not None:
            self.average_.update()
        return step

    def _tell_gradient(self, batch) -> None:
        for hook in self._hooks("on_grad_computed"):
            hook(self, named_parameters=list(self.get_all_learnable_params()), batch=batch, training=True)

    def validation_step(self, batch, **fit_params):
        """Compute the loss of a batch."""
        if self.stack_ is not None:
            return self.stack_.validate(batch)
        return super().validation_step(batch, **fit_params)

    @torch.no_grad()
    def _add_l1_gradient(self):
        for weight in self.module_.parameters():
            if weight.grad is not None:
                weight.grad.add_(weight.sign(), alpha=self.l1)

    def train_step_single(self, batch, **fit_params):
        inputs, target = batch
        if self.precision is None:
            output = self.infer(inputs, **fit_params)
        else:
            with torch.autocast(torch.device(self.device).type, self.precision):
                output = self.infer(inputs, **fit_params)
            output = output.float()
        loss = self.get_loss(output, target, X=inputs, training=True)
        (loss if self.scaler_ is None else self.scaler_.scale(loss)).backward()
        return {"loss": loss, "y_pred": output}

    def _hooks(self, name: str) -> list:
        """The methods of callbacks that override the one of skorch's base class."""
        return [
            getattr(callback, name)
            for _, callback in self.callbacks_
            if getattr(type(callback), name) is not getattr(Callback, name)
        ]


def _as_callbacks_see_it(batch):
    """A batch as skorch's callbacks expect it: inputs and target, without the weights."""
    inputs, target = batch
    inputs = inputs[0] if isinstance(inputs, tuple) and len(inputs) == 1 else inputs
    return inputs, target[0] if isinstance(target, tuple) else target


class ClassifierNet(_InMemoryLoop, NeuralNetClassifier):
    """A net for class codes; its ``predict`` gives codes."""

    def check_data(self, X, y=None):
        super().check_data(X, y)
        if isinstance(X, TensorData) and X.target is not None:
            # skorch reads the classes off y; scikit-learn's scorers ask for them.
            known = getattr(self, "classes_inferred_", ())
            self.classes_inferred_ = np.arange(max(len(known), int(X.target.max()) + 1))


class RegressorNet(_InMemoryLoop, NeuralNetRegressor):
    """A net for numbers."""


class EmbeddingNet(_InMemoryLoop):
    """A net whose outputs are embeddings; what counts is how they lie to each other."""


class MultilabelNet(_InMemoryLoop):
    """A net for indicators of labels; its ``predict`` gives 0 and 1."""

    def predict(self, X):
        return (self.predict_proba(X) > 0.5).astype("int64")
