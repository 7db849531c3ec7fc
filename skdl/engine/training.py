"""Train a module, carry its state as NumPy, and compute its outputs: what the neural estimators ask of the engine."""

import copy
import fnmatch
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch
from skorch.callbacks import Callback
from skorch.helper import predefined_split
from torch import Tensor, nn

from skdl.engine.alignment import AlignedRows
from skdl.engine.callbacks import EarlyStopping, GradientClipping, GradientValueClipping, ProgressBar, Schedule
from skdl.engine.checkpoints import Checkpoint
from skdl.engine.data import TensorData
from skdl.engine.distributed import accelerated, make_accelerator
from skdl.engine.net import ClassifierNet, EmbeddingNet, MultilabelNet, RegressorNet
from skdl.engine.optimizers import optimizer_arguments
from skdl.engine.precision import autocast_type
from skdl.engine.sampling import ClassBalanced, TwoViews
from skdl.nn import Loss
from skdl.nn.anatomy import called_layers, heights
from skdl.nn.embedding_losses import EmbeddingLoss
from skdl.utils import fingerprint, for_each_chunk

# task -> name of a loss -> what it is called in skdl.nn; the first one is "auto"
_LOSSES: dict[str, dict[str, str]] = {
    "classification": {"cross_entropy": "cross_entropy", "focal": "focal", "distillation": "distillation"},
    "multilabel": {"cross_entropy": "binary_cross_entropy", "focal": "binary_focal"},
    "regression": {name: name for name in ("squared_error", "absolute_error", "huber", "quantile")},
}
TASK_LOSSES = {task: next(iter(losses.values())) for task, losses in _LOSSES.items()}

# task -> (net, what turns outputs into probabilities or predictions)
_TASK_NETS: dict[str, tuple[type, Any]] = {
    "classification": (ClassifierNet, lambda output: output.softmax(-1)),
    "multilabel": (MultilabelNet, torch.sigmoid),
    "regression": (RegressorNet, None),
    "embedding": (EmbeddingNet, None),
}


@dataclass
class TrainingPlan:
    """How a module is trained; the names are those of the estimators' parameters.

    Parameters
    ----------
    task : {"classification", "multilabel", "regression", "embedding"}
        Decides the net, the loss and what turns outputs into predictions.
    seed : int
        Decides the order of the batches.
    device : torch.device
        Where to train.
    optimizer : str, default="adamw"
        A key of ``OPTIMIZERS``.
    lr : float, default=1e-3
        The learning rate.
    layer_lr_decay : float, default=1.0
        What the learning rate is multiplied with for each layer between a weight and the output.
    weight_decay : float, default=0.0
        The factor of the penalty on squared weights.
    l1 : float, default=0.0
        The factor of the penalty on absolute weights.
    batch_size : int, default=128
        The number of rows of an update.
    max_epochs : int, default=100
        The number of passes over the training rows.
    patience : int or None, default=None
        After how many epochs without a better validation loss training stops; None never stops it.
    schedule : str or None, default=None
        A key of ``SCHEDULES`` or "plateau", which waits half of ``patience``.
    warmup_epochs : float, default=0
        The number of epochs over which the learning rate rises from zero.
    gradient_clip : float or None, default=None
        The largest norm of the gradient.
    gradient_clip_value : float or None, default=None
        The largest absolute value of an entry of the gradient, clipped before its norm is.
    ema_decay : float or None, default=None
        The decay of the moving average of the weights; None takes the weights as they are.
    init_from : estimator or None, default=None
        Whose weights training starts from; the caller puts them into the module.
    freeze : sequence of str or None, default=None
        Patterns of the names of weights that stay as they are.
    checkpoint : str, path-like or None, default=None
        A directory that takes the state of the training while it lasts.
    checkpoint_every : int, default=1
        After how many epochs the state is written.
    compile : bool, default=False
        Whether to train by what ``torch.compile`` makes of the module.
    mixed_precision : bool or str, default=False
        As in :func:`skdl.engine.precision.autocast_type`.
    accelerate : bool, default=False
        Whether the processes that were launched together share the batches.
    callbacks : sequence, default=()
        skorch callbacks, functions that make one, or pairs of a name and one of these; callbacks are copied.
    loss : str, default="auto"
        For classes "cross_entropy", "focal" and "distillation", for labels the first two, for numbers "squared_error",
        "absolute_error", "huber" and "quantile"; "auto" is the first one of a task. For embeddings a kind of
        :class:`skdl.nn.EmbeddingLoss`.
    label_smoothing : float, default=0.0
        The part of a target that is spread evenly over the classes.
    focal_gamma : float, default=2.0
        The exponent of the focal loss.
    huber_delta : float, default=1.0
        Where the Huber loss turns from a square into a line.
    quantile : float, default=0.5
        Which quantile the quantile loss finds.
    temperature : float, default=1.0
        What logits are divided by in distillation.
    soft_share : float, default=0.5
        How much the teacher counts in distillation.
    loss_settings : dict or None, default=None
        For embeddings: what :class:`skdl.nn.EmbeddingLoss` takes besides.
    sampling : ClassBalanced, TwoViews or None, default=None
        How batches are put together; None shuffles the rows.
    verbose : int, default=0
        Shows a progress bar if positive.
    desc : str, default=""
        What the progress bar calls it.
    """

    task: str
    seed: int
    device: torch.device
    optimizer: str = "adamw"
    lr: float = 1e-3
    layer_lr_decay: float = 1.0
    weight_decay: float = 0.0
    l1: float = 0.0
    batch_size: int = 128
    max_epochs: int = 100
    patience: int | None = None
    schedule: str | None = None
    warmup_epochs: float = 0
    gradient_clip: float | None = None
    gradient_clip_value: float | None = None
    ema_decay: float | None = None
    init_from: Any = None
    freeze: Sequence[str] | None = None
    checkpoint: Any = None
    checkpoint_every: int = 1
    compile: bool = False
    mixed_precision: bool | str = False
    accelerate: bool = False
    callbacks: Sequence = ()
    loss: str = "auto"
    label_smoothing: float = 0.0
    focal_gamma: float = 2.0
    huber_delta: float = 1.0
    quantile: float = 0.5
    temperature: float = 1.0
    soft_share: float = 0.5
    loss_settings: dict[str, Any] | None = None
    sampling: ClassBalanced | TwoViews | None = None
    verbose: int = 0
    desc: str = ""

    def make_loss(self) -> nn.Module:
        """Return the loss as a module."""
        if self.task == "embedding":
            return EmbeddingLoss(self.loss, **(self.loss_settings or {}))
        return Loss(
            TASK_LOSSES[self.task] if self.loss == "auto" else _LOSSES[self.task][self.loss],
            label_smoothing=self.label_smoothing,
            gamma=self.focal_gamma,
            delta=self.huber_delta,
            quantile=self.quantile,
            temperature=self.temperature,
            soft_share=self.soft_share,
        )


def _fresh(item):
    """A callback of this training's own."""
    if isinstance(item, tuple):
        name, callback = item
        return name, _fresh(callback)
    if not isinstance(item, Callback):
        return item()
    try:
        return copy.deepcopy(item)
    except TypeError:  # it holds what cannot be copied, an open file say, and has to share it
        return copy.copy(item)


def make_net(
    module: nn.Module,
    plan: TrainingPlan,
    *,
    n_rows: int | None = None,
    valid: TensorData | None = None,
    stops: bool = True,
    probe: tuple[Tensor, ...] | None = None,
    checkpoint: Checkpoint | None = None,
    stack: Callable | None = None,
):
    """Wrap a module in an initialized skorch net.

    Parameters
    ----------
    module : torch.nn.Module
        The network with its initial weights.
    plan : TrainingPlan
        How it is trained.
    n_rows : int or None, default=None
        The number of training rows, which a schedule needs; None for a net that only predicts.
    valid : TensorData or None, default=None
        The rows of the validation loss.
    stops : bool, default=True
        Whether that loss stops the training; it is recorded in any case.
    probe : tuple of Tensor or None, default=None
        Something to call the module with on the CPU, from which ``layer_lr_decay`` learns the order of its layers.
    checkpoint : Checkpoint or None, default=None
        From :func:`make_checkpoint`.
    stack : callable or None, default=None
        Makes a :class:`skdl.engine.stacked_alone.StackOfOne` from the net and the number of its training rows; None
        lets torch take the steps.

    Returns
    -------
    skorch.NeuralNet
    """
    net_class, nonlinearity = _TASK_NETS[plan.task]
    callbacks: list = [ProgressBar(plan.verbose, plan.desc)]
    if plan.patience is not None and valid is not None and stops:
        callbacks.append(("early_stopping", EarlyStopping(plan.patience)))
    if (plan.schedule is not None or plan.warmup_epochs) and n_rows is not None:
        n_batches = -(-n_rows // plan.batch_size) if plan.sampling is None else plan.sampling.n_batches
        n_warmup = round(plan.warmup_epochs * n_batches)
        waits = max(1, (plan.patience or 10) // 2)
        callbacks.append(("schedule", Schedule(plan.schedule, plan.max_epochs * n_batches, n_warmup, waits)))
    if plan.gradient_clip_value is not None:
        callbacks.append(("gradient_clip_value", GradientValueClipping(plan.gradient_clip_value)))
    if plan.gradient_clip is not None:
        callbacks.append(("gradient_clip", GradientClipping(plan.gradient_clip)))
    freeze(module, plan.freeze or ())
    factors = None
    if plan.layer_lr_decay != 1.0 and probe is not None:
        levels = heights(module, called_layers(module, probe))
        factors = {name: plan.layer_lr_decay**level for name, level in levels.items()}
    criterion: Any = plan.make_loss()
    special: dict[str, Any] = {}
    if n_rows is not None:  # what only a training needs
        special = {
            "precision": autocast_type(plan.mixed_precision, plan.device),
            "checkpoint": checkpoint,
            "stack": stack,
        }
        if plan.accelerate:
            net_class = accelerated(net_class)
            loss = criterion
            criterion = lambda: loss.forward  # noqa: E731 - a module would be wrapped as if it had weights to train
            special["accelerator"] = make_accelerator(plan.device)
            if not special["accelerator"].is_main_process:
                del callbacks[0]  # one progress bar is enough
    net = net_class(
        module,
        criterion=criterion,
        batch_size=plan.batch_size,
        max_epochs=plan.max_epochs,
        train_split=None if valid is None else predefined_split(valid),
        callbacks=[*callbacks, *(_fresh(item) for item in plan.callbacks)],
        predict_nonlinearity=nonlinearity,
        device=str(plan.device),
        verbose=0,
        seed=plan.seed,
        l1=plan.l1,
        ema_decay=plan.ema_decay,
        rate_factors=factors,
        sampling=plan.sampling,
        **special,
        **optimizer_arguments(plan.optimizer, plan.lr, plan.weight_decay, plan.device),
    )
    net.initialize()
    if plan.compile and n_rows is not None:
        net.use_compiled()
    return net


# What may differ between a training and the one that it goes on from.
_NO_MATTER = ("checkpoint", "checkpoint_every", "init_from", "callbacks", "verbose", "desc")


def make_checkpoint(plan: TrainingPlan, module: nn.Module, train: TensorData, valid: TensorData | None) -> Checkpoint:
    """Find the file that a training writes to, and that one which was killed has written to.

    Parameters
    ----------
    plan : TrainingPlan
        How the module is trained.
    module : torch.nn.Module
        With the weights that training starts from.
    train : TensorData
        The rows to train on.
    valid : TensorData or None
        The rows to validate with.

    Returns
    -------
    Checkpoint
        In the directory of the plan, under a name that comes from all the above: another training has another one.
    """
    settings = {field.name: getattr(plan, field.name) for field in fields(plan) if field.name not in _NO_MATTER}
    data = [None if part is None else part.identity() for part in (train, valid)]
    identity = fingerprint([settings | {"device": plan.device.type}, str(module), module.state_dict(), data])
    return Checkpoint(plan.checkpoint, identity, plan.checkpoint_every)


def freeze(module: nn.Module, patterns: Sequence[str]) -> None:
    """Keep some weights of a module from being trained.

    Parameters
    ----------
    module : torch.nn.Module
        Changed in place.
    patterns : sequence of str
        Patterns of the names of weights, in which ``*`` stands for anything.

    Raises
    ------
    ValueError
        If a pattern matches no weight, or no weight is left to train.
    """
    weights = dict(module.named_parameters())
    for pattern in patterns:
        chosen = fnmatch.filter(weights, pattern)
        if not chosen:
            raise ValueError(f"freeze={pattern!r} matches no weight; the weights are {list(weights)}.")
        for name in chosen:
            weights[name].requires_grad_(False)
    if patterns and not any(weight.requires_grad for weight in weights.values()):
        raise ValueError(f"freeze={list(patterns)} leaves no weight to train.")


@torch.inference_mode()
def compute_outputs(module: nn.Module, inputs: tuple[Tensor, ...], device: torch.device, block_rows: int) -> np.ndarray:
    """Compute a module's outputs for any number of rows.

    Matrix products of another shape round differently. So the module always sees blocks of one shape, the last one
    filled up with zeros, and rows that are aligned: the answer for a row is the same to the last bit, whichever rows
    are asked for beside it.

    Parameters
    ----------
    module : torch.nn.Module
        Put into evaluation mode.
    inputs : tuple of Tensor, each of shape (n, ...)
        On any device.
    device : torch.device
        Where the module lies.
    block_rows : int
        The number of rows of a block.

    Returns
    -------
    ndarray of shape (n, ...), float32
    """
    module.eval()
    pieces: list[np.ndarray] = []

    def work(rows: slice) -> None:
        nonlocal block_rows
        try:
            block = [tensor[rows].to(device) for tensor in inputs]
            missing = block_rows - len(block[0])
            if missing:
                block = [torch.cat([tensor, tensor.new_zeros(missing, *tensor.shape[1:])]) for tensor in block]
            with AlignedRows():
                pieces.append(module(*block)[: rows.stop - rows.start].float().cpu().numpy())
        except torch.OutOfMemoryError:
            block_rows = max(1, block_rows // 2)
            raise

    for_each_chunk(len(inputs[0]), block_rows, work)
    return np.concatenate(pieces)
