"""What the engine adds to skorch's callbacks."""

import math

import numpy as np
import torch
from skorch.callbacks import Callback, GradientNormClipping

from skdl.engine.schedules import PLATEAU, rate_factor
from skdl.utils import progress


def judge(loss, best_loss, epoch, best_epoch, patience):
    """Tell whether a loss is the best so far, and whether patience with it has come to an end.

    Parameters
    ----------
    loss : float or array of shape (M,)
        The loss of this epoch, of one model or of several.
    best_loss : float or array of shape (M,)
        The smallest loss of the epochs before.
    epoch, best_epoch : int or array of shape (M,)
        This epoch and the one of the smallest loss, counted alike.
    patience : int or array of shape (M,)
        How many epochs without a better loss are too many.

    Returns
    -------
    better, over : bool or array of bool of shape (M,)
    """
    better = loss < best_loss
    return better, np.logical_not(better) & (epoch - best_epoch >= patience)


class Resumable(Callback):
    """A callback whose attributes that end in ``_`` are all that it remembers."""

    def state_dict(self) -> dict:
        """What it remembers."""
        return {name: value for name, value in vars(self).items() if name.endswith("_")}

    def load_state_dict(self, state: dict) -> None:
        """Remember what another one did."""
        self.__dict__.update(state)


class EarlyStopping(Resumable):
    """Stop when the validation loss has not improved for a while, and go back to the best weights.

    Parameters
    ----------
    patience : int
        The number of epochs without improvement after which training stops.
    """

    def __init__(self, patience: int):
        self.patience = patience

    def on_train_begin(self, net, **kwargs):
        self.best_loss_ = math.inf
        self.best_epoch_ = 0
        self.best_weights_ = None

    def on_epoch_end(self, net, **kwargs):
        loss, epoch = net.history[-1, "valid_loss"], len(net.history)
        better, over = judge(loss, self.best_loss_, epoch, self.best_epoch_, self.patience)
        if better:
            self.best_loss_ = loss
            self.best_epoch_ = epoch
            self.best_weights_ = {
                name: value.clone() if isinstance(value, torch.Tensor) else value
                for name, value in net.bare_module().state_dict().items()
            }
        if over:
            net.stop_ = True

    def on_train_end(self, net, **kwargs):
        if self.best_weights_ is not None:
            net.bare_module().load_state_dict(self.best_weights_)


class Schedule(Resumable):
    """Set the learning rate before each batch.

    Parameters
    ----------
    name : str or None
        A key of ``SCHEDULES``, or "plateau": divide by ten whenever the validation loss, or the training loss where
        there is no other, has not improved for a number of epochs.
    n_steps : int
        The number of batches of the whole training.
    n_warmup : int, default=0
        The number of batches over which the rate rises from zero.
    patience : int, default=5
        That number of epochs.
    """

    def __init__(self, name: str | None, n_steps: int, n_warmup: int = 0, patience: int = 5):
        self.name = name
        self.n_steps = n_steps
        self.n_warmup = n_warmup
        self.patience = patience

    def on_train_begin(self, net, **kwargs):
        self.step_ = 0
        self.scale_ = 1.0
        self.best_loss_ = math.inf
        self.best_epoch_ = 0
        self.lrs_ = [group["lr"] for group in net.optimizer_.param_groups]

    def on_batch_begin(self, net, training=False, **kwargs):
        if training:
            factor = self.scale_ * rate_factor(self.name, self.step_, self.n_steps, self.n_warmup)
            for group, lr in zip(net.optimizer_.param_groups, self.lrs_, strict=True):
                group["lr"] = lr * factor
            self.step_ += 1

    def on_epoch_end(self, net, **kwargs):
        if self.name != PLATEAU:
            return
        row, epoch = net.history[-1], len(net.history)
        loss = row["valid_loss"] if "valid_loss" in row else row["train_loss"]
        better, over = judge(loss, self.best_loss_, epoch, self.best_epoch_, self.patience)
        if better:
            self.best_loss_ = loss
        if over:
            self.scale_ /= 10.0
        if better or over:
            self.best_epoch_ = epoch

    def on_train_end(self, net, **kwargs):
        for group, lr in zip(net.optimizer_.param_groups, self.lrs_, strict=True):
            group["lr"] = lr


class GradientClipping(GradientNormClipping):
    """Scale the gradient down to a norm, as a stack does where the net takes a stack's steps."""

    def on_grad_computed(self, net, named_parameters, **kwargs):
        if net.stack_ is None:
            super().on_grad_computed(net, named_parameters, **kwargs)
        else:
            net.stack_.clip()


class GradientValueClipping(Callback):
    """Clip each entry of the gradient.

    Parameters
    ----------
    limit : float
        The largest absolute value.
    """

    def __init__(self, limit: float):
        self.limit = limit

    def on_grad_computed(self, net, named_parameters, **kwargs):
        torch.nn.utils.clip_grad_value_([weight for _, weight in named_parameters], self.limit)


class ProgressBar(Callback):
    """Show the epochs and their losses as they go by.

    Parameters
    ----------
    verbose : int
        Nothing is shown unless this or the package-wide setting is positive.
    desc : str
        What is being trained.
    """

    def __init__(self, verbose: int, desc: str):
        self.verbose = verbose
        self.desc = desc

    def on_train_begin(self, net, **kwargs):
        self.bar_ = progress(total=net.max_epochs, desc=self.desc, unit="epoch", verbose=self.verbose)

    def on_epoch_end(self, net, **kwargs):
        epoch = net.history[-1]
        losses = [f"{name} {epoch[name]:.4g}" for name in ("train_loss", "valid_loss") if name in epoch]
        self.bar_.set_postfix_str(", ".join(losses), refresh=False)
        self.bar_.update()

    def on_train_end(self, net, **kwargs):
        self.bar_.close()
