"""What the engine adds to skorch's callbacks."""

import math

import torch
from skorch.callbacks import Callback

from skdl.engine.schedules import SCHEDULES
from skdl.utils import progress


class EarlyStopping(Callback):
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
        loss = net.history[-1, "valid_loss"]
        if loss < self.best_loss_:
            self.best_loss_ = loss
            self.best_epoch_ = len(net.history)
            self.best_weights_ = {
                name: value.clone() if isinstance(value, torch.Tensor) else value
                for name, value in net.module_.state_dict().items()
            }
        elif len(net.history) - self.best_epoch_ >= self.patience:
            net.stop_ = True

    def on_train_end(self, net, **kwargs):
        if self.best_weights_ is not None:
            net.module_.load_state_dict(self.best_weights_)


class Schedule(Callback):
    """Set the learning rate before each batch.

    Parameters
    ----------
    name : str
        A key of ``SCHEDULES``.
    n_steps : int
        The number of batches of the whole training.
    """

    def __init__(self, name: str, n_steps: int):
        self.name = name
        self.n_steps = n_steps

    def on_train_begin(self, net, **kwargs):
        self.step_ = 0
        self.lrs_ = [group["lr"] for group in net.optimizer_.param_groups]

    def on_batch_begin(self, net, training=False, **kwargs):
        if training:
            factor = SCHEDULES[self.name](min(1.0, self.step_ / self.n_steps))
            for group, lr in zip(net.optimizer_.param_groups, self.lrs_, strict=True):
                group["lr"] = lr * factor
            self.step_ += 1

    def on_train_end(self, net, **kwargs):
        for group, lr in zip(net.optimizer_.param_groups, self.lrs_, strict=True):
            group["lr"] = lr


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
