"""Train many networks of one shape in one loop, each by its own plan.

Every member has its own learning rate, weight decay, clipping, schedule, seed, rows, number of epochs and early
stopping; members share the shape of the network, the number of batches, the batch size, the loss and the optimizer's
rule. A member that has finished leaves the stack.
"""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any, cast

import numpy as np
import torch
from torch import nn

from skdl.engine.callbacks import judge
from skdl.engine.data import TensorData, mean_loss
from skdl.engine.schedules import SCHEDULES
from skdl.engine.stacked_rows import StackedRows
from skdl.engine.stacked_steps import StackedSteps
from skdl.engine.stacked_width import SHARED, is_wide, threads_keep_bits
from skdl.engine.training import TASK_LOSSES, TrainingPlan
from skdl.nn import MLP, Loss, StackedMLP, StreamDropout
from skdl.nn.mlp import ACTIVATIONS
from skdl.utils import progress

# What a stack can do. A member with anything else, be it an option that is added to plans or modules later, is trained
# alone until it is added here, too.
_PLAN_FIELDS = frozenset(
    {
        "task",
        "seed",
        "device",
        "optimizer",
        "lr",
        "weight_decay",
        "batch_size",
        "max_epochs",
        "patience",
        "schedule",
        "gradient_clip",
        "verbose",
        "desc",
    }
)
_OPTIMIZERS = frozenset(
    {"sgd", "momentum", "nesterov", "adagrad", "adadelta", "rmsprop", "adam", "adamw", "nadam", "radam"}
)
_LAYERS = frozenset({nn.Linear, StreamDropout, *ACTIVATIONS.values()})


# What members of a stack cannot have, but the loop of a single net or its loss does around the steps of a stack.
_OF_LOOP = frozenset(
    {
        "l1",
        "warmup_epochs",
        "gradient_clip_value",
        "ema_decay",
        "init_from",
        "checkpoint",
        "checkpoint_every",
        "callbacks",
        "loss",
        "label_smoothing",
        "focal_gamma",
        "huber_delta",
        "quantile",
        "temperature",
        "soft_share",
    }
)


def why_alone(plan: TrainingPlan, module: nn.Module, data: TensorData) -> str:
    """Say what a member has that a stack cannot do.

    Parameters
    ----------
    plan : TrainingPlan
        How the member is to be trained.
    module : Module
        Its network.
    data : TensorData
        Its training rows.

    Returns
    -------
    str
        Empty if it can be stacked.
    """
    for field in fields(plan):
        if field.name in _OF_LOOP and _is_used(plan, field.name):
            return f"a stack has no {field.name}"
    if plan.schedule is not None and plan.schedule not in SCHEDULES:
        return f"a stack has no schedule {plan.schedule!r}"
    if type(data) is not TensorData or data.lengths is not None:
        return "its samples are read as they are needed, or have lengths of their own"
    why = why_not_stacked(plan, module)
    if not why and is_wide(plan, module, data) and not threads_keep_bits(plan, cast(MLP, module), data):
        return SHARED
    return why


def why_not_stacked(plan: TrainingPlan, module: nn.Module) -> str:
    """Say what a network has that the steps of a stack cannot do, be it one of several or alone.

    Parameters
    ----------
    plan : TrainingPlan
        How the network is to be trained.
    module : Module
        The network.

    Returns
    -------
    str
        Empty if they can.
    """
    for field in fields(plan):
        if field.name not in _PLAN_FIELDS | _OF_LOOP and _is_used(plan, field.name):
            return f"a stack has no {field.name}"
    if plan.task not in TASK_LOSSES:
        return f"a stack has no {plan.task}"
    if plan.optimizer not in _OPTIMIZERS:
        return f"a stack has no optimizer {plan.optimizer!r}"
    if type(module) is not MLP:
        return f"a stack is made of perceptrons, and this is {type(module).__name__}"
    strange = [type(layer).__name__ for layer in module.layers if type(layer) not in _LAYERS]
    if strange or not module.is_plain:
        return f"a stack has no {', '.join(dict.fromkeys(strange)) or 'such network'}"
    return ""


def _is_used(plan: TrainingPlan, option: str) -> bool:
    """Whether an option is set: an empty list, None and False say that it is not, whichever of them is the default."""
    value, default = getattr(plan, option), getattr(TrainingPlan, option)
    return value != default and bool(value or default)


@dataclass
class Trained:
    """What is left of a member when its training has ended.

    Attributes
    ----------
    position : int
        Which of the members it is.
    weights : dict
        The state dict of the network.
    optimizer : dict
        The state dict of an optimizer of its own.
    history : list of dict
        One row for each epoch.
    """

    position: int
    weights: dict
    optimizer: dict
    history: list[dict]


def train_stacked(
    stack: StackedMLP,
    plans: Sequence[TrainingPlan],
    train: Sequence[TensorData],
    valid: Sequence[TensorData] | None,
    data_of: Sequence[int],
    stop: Callable[[], bool] | None = None,
) -> Iterator[Trained]:
    """Train all members of a stack.

    Parameters
    ----------
    stack : StackedMLP
        The networks, on the device.
    plans : sequence of TrainingPlan, length M
        How each member is trained; task, loss, optimizer and batch size are the same for all.
    train : sequence of TensorData
        Training rows, the same number of batches in each.
    valid : sequence of TensorData or None
        Validation rows; they give the losses that early stopping goes by.
    data_of : sequence of int, length M
        Which of ``train`` and ``valid`` each member has.
    stop : callable or None, default=None
        Asked before each epoch, if there is one; if it says so, training ends, and the members that have not finished
        do not come.

    Yields
    ------
    Trained
        Each member once, as soon as it has finished. A member whose loss becomes NaN or infinite does not come; trained
        alone it raises the error that says why.
    """
    plans = list(plans)
    criterion: Any = plans[0].make_loss()
    keys = [(index, plan.seed) for index, plan in zip(data_of, plans, strict=True)]
    rows = StackedRows(train, keys, plans[0].batch_size)
    unordered = [(index, 0) for index in data_of]
    valid_rows = None if valid is None else StackedRows(valid, unordered, plans[0].batch_size, fixed=True)
    n_batches = int(rows.n_batches[0])
    steps = StackedSteps(stack, plans, n_batches)
    position = np.arange(len(plans))  # of the members that are still there
    history: list[list[dict]] = [[] for _ in plans]
    best_loss = np.full(len(plans), math.inf)
    best_epoch = np.zeros(len(plans), dtype=np.int64)
    best_weights = None if valid is None else stack.flat.detach().clone()
    n_epochs = max(plan.max_epochs for plan in plans)
    desc = f"{plans[0].desc} x {len(plans)}"
    with progress(total=n_epochs, desc=desc, unit="epoch", verbose=max(plan.verbose for plan in plans)) as bar:
        for epoch in range(n_epochs):
            if stop is not None and stop():
                return
            start = time.perf_counter()
            train_loss = _train_epoch(stack, steps, criterion, rows, epoch)
            losses = {"train": (train_loss, rows.n_batches)}
            if valid_rows is not None:
                losses["valid"] = (_validate(stack, criterion, valid_rows), valid_rows.n_batches)
            seconds = (time.perf_counter() - start) / len(position)
            for row, member in enumerate(position.tolist()):
                history[member].append(_record(history[member], losses, row, seconds))
            finite = np.all([np.isfinite(loss) for loss, _ in losses.values()], axis=0)
            done = np.array([plans[member].max_epochs == epoch + 1 for member in position])
            if best_weights is not None:
                patience = np.array([plans[member].patience or n_epochs for member in position])
                better, over = judge(losses["valid"][0], best_loss, epoch, best_epoch, patience)
                done |= over
                best_loss[better], best_epoch[better] = losses["valid"][0][better], epoch
                chosen = torch.from_numpy(np.flatnonzero(better)).to(stack.flat.device)
                for kept, weight in zip(stack.blocks(best_weights), stack.weights, strict=True):
                    kept[chosen] = weight.detach()[chosen]
            for row in np.flatnonzero(done & finite).tolist():
                step = None if best_weights is None else n_batches * (int(best_epoch[row]) + 1)
                weights = stack.member_state(row, best_weights, step)
                yield Trained(int(position[row]), weights, steps.member_state(row), history[position[row]])
            stays = finite & ~done
            bar.update()
            if not stays.any():
                return
            if not stays.all():
                chosen = torch.from_numpy(np.flatnonzero(stays)).to(stack.flat.device)
                position, best_loss, best_epoch = position[stays], best_loss[stays], best_epoch[stays]
                best_weights = None if best_weights is None else stack.chosen(best_weights, chosen)
                steps.keep(chosen)
                rows.keep(stays)
                if valid_rows is not None:
                    valid_rows.keep(stays)


def _train_epoch(stack: StackedMLP, steps: StackedSteps, criterion: Loss, rows: StackedRows, epoch: int) -> np.ndarray:
    """Take a step for each batch; return the members' mean losses ``(M,)``."""
    losses, sizes = [], []
    for number, (counts, inputs, target, scale) in enumerate(rows.batches(epoch)):
        losses.append(stack.differentiate(inputs, target, scale, criterion))
        steps.take(epoch * steps.n_batches + number)
        sizes.append(counts)
    return mean_loss(torch.stack(losses), sizes).numpy()


def _validate(stack: StackedMLP, criterion: Loss, rows: StackedRows) -> np.ndarray:
    losses, sizes = [], []
    for counts, inputs, target, scale in rows.batches(None):
        losses.append(stack.losses(inputs, target, scale, criterion))
        sizes.append(counts)
    return mean_loss(torch.stack(losses), sizes).numpy()


def _record(rows: list[dict], losses: dict, member: int, seconds: float) -> dict:
    """A row of the history as a net of its own would have written it."""
    record: dict = {"epoch": len(rows) + 1}
    for prefix, (loss, n_batches) in losses.items():
        value = float(loss[member])
        record[f"{prefix}_loss"] = value
        record[f"{prefix}_loss_best"] = value < min((row[f"{prefix}_loss"] for row in rows), default=math.inf)
        record[f"{prefix}_batch_count"] = int(n_batches[member])
    return record | {"dur": seconds}
