"""Train many networks of one shape in one loop, each by its own plan.

Every member has its own learning rate, weight decay, clipping, schedule, seed, rows, number of epochs and early
stopping; members share the shape of the network, the number of training rows, the batch size and the optimizer's rule.
A member that has finished leaves the stack.
"""

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
from torch import Tensor, nn

from skdl.engine.data import _BATCHES_PER_BLOCK, TensorData
from skdl.engine.optimizers import optimizer_arguments
from skdl.engine.schedules import SCHEDULES
from skdl.engine.training import TASK_LOSSES, TrainingPlan
from skdl.nn import MLP, Loss, StackedMLP, StreamDropout
from skdl.nn.mlp import ACTIVATIONS
from skdl.utils import derive_keys, progress, random_permutation

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
        value = getattr(plan, field.name)
        # An empty list, None and False say that an option is not used, whichever of them is the default.
        if field.name not in _PLAN_FIELDS and value != field.default and (value or field.default):
            return f"a stack has no {field.name}"
    if plan.optimizer not in _OPTIMIZERS:
        return f"a stack has no optimizer {plan.optimizer!r}"
    if plan.schedule is not None and plan.schedule not in SCHEDULES:
        return f"a stack has no schedule {plan.schedule!r}"
    if getattr(data, "lengths", None) is not None:
        return "its samples have lengths of their own"
    if type(module) is not MLP:
        return f"a stack is made of perceptrons, and this is {type(module).__name__}"
    strange = [type(layer).__name__ for layer in module.layers if type(layer) not in _LAYERS]
    if strange or not module.is_plain:
        return f"a stack has no {', '.join(dict.fromkeys(strange)) or 'such network'}"
    return ""


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


class _Rows:
    """The members' rows, stacked: one entry for each distinct (data, seed), and which entry each member reads."""

    def __init__(self, data: Sequence[TensorData], keys: Sequence[tuple], batch_size: int):
        distinct = list(dict.fromkeys(keys))
        self.entry = np.array([distinct.index(key) for key in keys])  # (M,)
        used = list(dict.fromkeys(index for index, _ in distinct))
        self.tensors = [
            torch.stack([data[index]._tensors()[part] for index in used]) for part in range(len(data[0]._tensors()))
        ]  # each (D, n, ...)
        self.source = torch.tensor([used.index(index) for index, _ in distinct], device=self.tensors[0].device)  # (E,)
        self.seeds = [seed for _, seed in distinct]
        self.template = data[0]
        self.batch_size = batch_size
        self.n = len(data[0])

    def batches(self, epoch: int | None) -> Iterator[tuple[int, tuple]]:
        """Yield (rows in the batch, tensors of shape (M, rows, ...)); without an epoch in the order of the rows."""
        device = self.source.device
        order = None
        if epoch is not None and self.n > self.batch_size:
            keys = np.concatenate([derive_keys(seed, "batches", epoch) for seed in self.seeds])
            order = random_permutation(keys, self.n, device=device)  # (E, n)
        entry = torch.as_tensor(self.entry, device=device)
        block = self.batch_size * _BATCHES_PER_BLOCK
        for start in range(0, self.n, block):
            stop = min(start + block, self.n)
            if order is None:
                parts = [tensor[:, start:stop][self.source] for tensor in self.tensors]
            else:
                parts = [tensor[self.source[:, None], order[:, start:stop]] for tensor in self.tensors]
            for tensors in zip(*(torch.split(part, self.batch_size, dim=1) for part in parts), strict=True):
                yield tensors[0].shape[1], tuple(tensor[entry] for tensor in tensors)


class _Steps:
    """One optimizer for all members: torch's rule finds directions, each member goes along by its own rate."""

    def __init__(self, stack: StackedMLP, plans: Sequence[TrainingPlan], n_batches: int):
        self.stack = stack
        self.plans = list(plans)
        self.n_batches = n_batches
        # Every rule on offer is proportional to its learning rate, so a rate of one on a copy of zeros gives the
        # direction.
        arguments = optimizer_arguments(plans[0].optimizer, 1.0, 0.0, plans[0].device)
        self.options = {key.removeprefix("optimizer__"): value for key, value in arguments.items() if "__" in key}
        self.rule = arguments["optimizer"]
        self.decoupled = self.rule is torch.optim.AdamW
        self._renew([None] * len(stack.weights))

    def _renew(self, states: list) -> None:
        self.directions = [torch.zeros_like(weight) for weight in self.stack.weights]
        self.optimizer = self.rule(self.directions, lr=1.0, **self.options)
        for direction, state in zip(self.directions, states, strict=True):
            if state is not None:
                self.optimizer.state[direction] = state
        device = self.directions[0].device
        self.decay = self._column([plan.weight_decay for plan in self.plans])
        self.clip = self._column([plan.gradient_clip or math.inf for plan in self.plans])
        self.scheduled = any(plan.schedule for plan in self.plans)
        self.decays = any(plan.weight_decay for plan in self.plans)
        self.clips = any(plan.gradient_clip for plan in self.plans)
        self.rate = self._column([plan.lr for plan in self.plans]).to(device)

    def _column(self, values: list[float]) -> Tensor:
        return torch.tensor(values, dtype=torch.float32, device=self.directions[0].device)  # (M,)

    def take(self, step: int) -> None:
        """Move every member along its gradient."""
        if self.scheduled:
            self.rate = self._column([_rate(plan, step, self.n_batches) for plan in self.plans])
        weights = [weight.detach() for weight in self.stack.weights]
        gradients = [weight.grad for weight in self.stack.weights]
        if self.clips:
            squares = [gradient.flatten(1).square().sum(dim=1) for gradient in gradients]
            factor = (self.clip / (torch.stack(squares).sum(dim=0).sqrt() + 1e-6)).clamp(max=1.0)
            for gradient in gradients:
                gradient.mul_(_along(factor, gradient))
        for weight, direction, gradient in zip(weights, self.directions, gradients, strict=True):
            if self.decays and not self.decoupled:
                gradient.addcmul_(weight, _along(self.decay, weight))
            direction.zero_()
            direction.grad = gradient
        self.optimizer.step()
        for weight, direction in zip(weights, self.directions, strict=True):
            rate = _along(self.rate, weight)
            if self.decays and self.decoupled:
                weight.mul_(1.0 - rate * _along(self.decay, weight))
            weight.addcmul_(direction, rate)

    def _parts(self, state: dict, rows) -> dict:
        """The state of some members; counters that all share are copied."""
        like = len(self.plans)
        return {
            key: value[rows] if isinstance(value, Tensor) and value.ndim and len(value) == like else _copy(value)
            for key, value in state.items()
        }

    def keep(self, rows: Tensor) -> None:
        """Forget all members but those in ``rows``; the stack has forgotten them already."""
        states = [self._parts(self.optimizer.state[direction], rows) for direction in self.directions]
        self.plans = [self.plans[row] for row in rows.tolist()]
        self._renew(states)

    def member_state(self, row: int) -> dict:
        """The state dict that a member's own optimizer would have."""
        states = [self._parts(self.optimizer.state[direction], row) for direction in self.directions]
        group = dict(self.optimizer.state_dict()["param_groups"][0])
        group |= {"lr": self.plans[row].lr, "weight_decay": self.plans[row].weight_decay}
        return {"state": dict(enumerate(states)), "param_groups": [group]}


def _copy(value):
    return value.clone() if isinstance(value, Tensor) else value


def _along(values: Tensor, like: Tensor) -> Tensor:
    return values.view(-1, *[1] * (like.ndim - 1))


def _rate(plan: TrainingPlan, step: int, n_batches: int) -> float:
    if plan.schedule is None:
        return plan.lr
    return plan.lr * SCHEDULES[plan.schedule](min(1.0, step / (plan.max_epochs * n_batches)))


def train_stacked(
    stack: StackedMLP,
    plans: Sequence[TrainingPlan],
    train: Sequence[TensorData],
    valid: Sequence[TensorData] | None,
    data_of: Sequence[int],
) -> Iterator[Trained]:
    """Train all members of a stack.

    Parameters
    ----------
    stack : StackedMLP
        The networks, on the device.
    plans : sequence of TrainingPlan, length M
        How each member is trained; task, optimizer and batch size are the same for all.
    train : sequence of TensorData
        Training rows, the same number in each.
    valid : sequence of TensorData or None
        Validation rows, the same number in each; they give the losses that early stopping goes by.
    data_of : sequence of int, length M
        Which of ``train`` and ``valid`` each member has.

    Yields
    ------
    Trained
        Each member once, as soon as it has finished. A member whose loss becomes NaN or infinite does not come; trained
        alone it raises the error that says why.
    """
    plans = list(plans)
    criterion = Loss(TASK_LOSSES[plans[0].task])
    keys = [(index, plan.seed) for index, plan in zip(data_of, plans, strict=True)]
    rows = _Rows(train, keys, plans[0].batch_size)
    valid_rows = None if valid is None else _Rows(valid, [(index, 0) for index in data_of], plans[0].batch_size)
    n_batches = -(-rows.n // rows.batch_size)
    steps = _Steps(stack, plans, n_batches)
    position = np.arange(len(plans))  # of the members that are still there
    history: list[list[dict]] = [[] for _ in plans]
    best_loss = np.full(len(plans), math.inf)
    best_epoch = np.zeros(len(plans), dtype=np.int64)
    best_weights = None if valid is None else [weight.detach().clone() for weight in stack.weights]
    n_epochs = max(plan.max_epochs for plan in plans)
    desc = f"{plans[0].desc} x {len(plans)}"
    with progress(total=n_epochs, desc=desc, unit="epoch", verbose=max(plan.verbose for plan in plans)) as bar:
        for epoch in range(n_epochs):
            start = time.perf_counter()
            train_loss = _train_epoch(stack, steps, criterion, rows, epoch)
            losses = {"train": (train_loss, n_batches)}
            if valid_rows is not None:
                losses["valid"] = _mean_loss(stack, criterion, valid_rows)
            seconds = (time.perf_counter() - start) / len(position)
            for row, member in enumerate(position.tolist()):
                history[member].append(_record(history[member], losses, row, seconds))
            finite = np.all([np.isfinite(loss) for loss, _ in losses.values()], axis=0)
            done = np.array([plans[member].max_epochs == epoch + 1 for member in position])
            if best_weights is not None:
                better = losses["valid"][0] < best_loss
                best_loss[better], best_epoch[better] = losses["valid"][0][better], epoch
                for kept, weight in zip(best_weights, stack.weights, strict=True):
                    kept[better] = weight.detach()[better]
                patience = np.array([plans[member].patience or n_epochs for member in position])
                done |= ~better & (epoch - best_epoch >= patience)
            for row in np.flatnonzero(done & finite).tolist():
                weights = stack.member_state(row, best_weights)
                yield Trained(int(position[row]), weights, steps.member_state(row), history[position[row]])
            stays = finite & ~done
            bar.update()
            if not stays.any():
                return
            if not stays.all():
                chosen = torch.from_numpy(np.flatnonzero(stays)).to(rows.source.device)
                position, best_loss, best_epoch = position[stays], best_loss[stays], best_epoch[stays]
                best_weights = None if best_weights is None else [kept[chosen] for kept in best_weights]
                stack.keep(chosen)
                steps.keep(chosen)
                rows.entry = rows.entry[stays]
                if valid_rows is not None:
                    valid_rows.entry = valid_rows.entry[stays]


def _train_epoch(stack: StackedMLP, steps: _Steps, criterion: Loss, rows: _Rows, epoch: int) -> np.ndarray:
    """Take a step for each batch; return the members' mean losses ``(M,)``."""
    stack.train()
    losses, sizes = [], []
    for number, (size, tensors) in enumerate(rows.batches(epoch)):
        for weight in stack.weights:
            weight.grad = None
        loss = _losses(stack, criterion, rows.template, tensors)  # (M,)
        loss.sum().backward()
        steps.take(epoch * steps.n_batches + number)
        losses.append(loss.detach())
        sizes.append(size)
    return _mean(losses, sizes)


@torch.no_grad()
def _mean_loss(stack: StackedMLP, criterion: Loss, rows: _Rows) -> tuple[np.ndarray, int]:
    stack.eval()
    pairs = [(_losses(stack, criterion, rows.template, tensors), size) for size, tensors in rows.batches(None)]
    return _mean([loss for loss, _ in pairs], [size for _, size in pairs]), len(pairs)


def _losses(stack: StackedMLP, criterion: Loss, template: TensorData, tensors: tuple) -> Tensor:
    inputs, (target, weight) = template.batch(tensors)
    output = stack(*inputs)  # (M, n, n_outputs)
    loss = criterion.per_sample(output.flatten(0, 1), target.flatten(0, 1)).view(output.shape[:2])  # (M, n)
    return (loss if weight is None else loss * weight).mean(dim=1)


def _mean(losses: list[Tensor], sizes: list[int]) -> np.ndarray:
    counts = torch.tensor(sizes, dtype=torch.float64)
    return (torch.stack(losses, dim=1).double().cpu() @ counts / counts.sum()).numpy()


def _record(rows: list[dict], losses: dict, member: int, seconds: float) -> dict:
    """A row of the history as a net of its own would have written it."""
    record: dict = {"epoch": len(rows) + 1}
    for prefix, (loss, n_batches) in losses.items():
        value = float(loss[member])
        record[f"{prefix}_loss"] = value
        record[f"{prefix}_loss_best"] = value < min((row[f"{prefix}_loss"] for row in rows), default=math.inf)
        record[f"{prefix}_batch_count"] = n_batches
    return record | {"dur": seconds}
