"""The optimizer of a stack: every member moves by its own rates."""

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from skdl.engine.optimizers import optimizer_arguments
from skdl.engine.schedules import SCHEDULES
from skdl.engine.training import TrainingPlan
from skdl.nn import StackedMLP
from skdl.nn.stacked import STEPS_AT_ONCE
from skdl.nn.stacked_loops import adam, sum_squares


class StackedSteps:
    """One optimizer for all members: torch's rule finds directions, each member goes along by its own rate."""

    def __init__(self, stack: StackedMLP, plans: Sequence[TrainingPlan], n_batches: int, state: dict | None = None):
        self.stack = stack
        self.plans = list(plans)
        self.n_batches = n_batches
        # Every rule on offer is proportional to its learning rate, so a rate of one on a copy of zeros gives the
        # direction.
        arguments = optimizer_arguments(plans[0].optimizer, 1.0, 0.0, plans[0].device)
        if plans[0].device.type == "cpu" and "optimizer__fused" in arguments:
            arguments["optimizer__fused"] = False  # its last few numbers are rounded in another way, whosever they are
        self.options = {key.removeprefix("optimizer__"): value for key, value in arguments.items() if "__" in key}
        self.rule = arguments["optimizer"]
        self.decoupled = self.rule is torch.optim.AdamW
        # On a CPU, where torch's calls cost more than small networks' arithmetic, Adam is one compiled pass.
        self.by_hand = self.rule in (torch.optim.Adam, torch.optim.AdamW) and plans[0].device.type == "cpu"
        self._renew(state)

    def _renew(self, state: dict | None) -> None:
        self.direction = torch.zeros_like(self.stack.flat)
        self.direction.grad = self.stack.gradient
        self.optimizer = self.rule([self.direction], lr=1.0, **self.options)
        if state is None and self.by_hand:
            moments = {name: torch.zeros_like(self.direction) for name in ("exp_avg", "exp_avg_sq")}
            state = {"step": torch.tensor(0.0), **moments}
        if state is not None:
            self.optimizer.state[self.direction] = state
        if state is not None and self.by_hand:
            flats = self.stack.flat.detach(), self.stack.gradient, state["exp_avg"], state["exp_avg_sq"]
            self.arrays = [flat.numpy() for flat in flats]
            self.count = state["step"].numpy()  # of the steps that were taken, which it shares with the state
        self.decay = self._column([plan.weight_decay for plan in self.plans])
        self.clip = self._column([plan.gradient_clip or math.inf for plan in self.plans])
        self.scheduled = any(plan.schedule for plan in self.plans)
        self.decays = any(plan.weight_decay for plan in self.plans)
        self.clips = any(plan.gradient_clip for plan in self.plans)
        self.rates: tuple[int, Tensor] | None = None  # a step, and those of it and the next ones, (n, M)
        if not self.by_hand:
            # One number for each weight: a pass over flat memory is cheaper than a call for each layer.
            self.flat_rate, self.flat_decay = torch.empty_like(self.direction), torch.empty_like(self.direction)
            members = torch.arange(len(self.plans), device=self.direction.device)
            self.member_of = torch.cat([members.repeat_interleave(size) for size in self.stack.block_sizes.tolist()])
            self._spread(self.decay, self.flat_decay)
        self.set_rates(self._column([plan.lr for plan in self.plans]))

    def _column(self, values: list) -> Tensor:
        return torch.tensor(values, dtype=torch.float32, device=self.direction.device)  # (M,)

    def _spread(self, column: Tensor, flat: Tensor) -> None:
        torch.index_select(column, 0, self.member_of, out=flat)

    def set_rates(self, rate: Tensor) -> None:
        """Let every member go on by a learning rate, ``(M,)``."""
        if self.by_hand:
            none = torch.zeros_like(rate)
            apart, within = (self.decay, none) if self.decoupled else (none, self.decay)
            self.factors = rate.numpy(), (1.0 - rate * apart).numpy(), within.numpy()
            return
        self._spread(rate, self.flat_rate)
        if self.decays and self.decoupled:
            self._spread(1.0 - rate * self.decay, self.flat_decay)

    def take(self, step: int) -> None:
        """Move every member along its gradient."""
        if self.scheduled:
            self.set_rates(self._scheduled(step))
        if self.clips:
            self.clip_gradients()
        self.move()

    def _scheduled(self, step: int) -> Tensor:
        """The rates at a step, (M,). Those of some steps go to the device at once, which need not be waited for."""
        first = step - step % STEPS_AT_ONCE
        if self.rates is None or self.rates[0] != first:
            steps = range(first, first + STEPS_AT_ONCE)
            rates = [[_rate(plan, one, self.n_batches) for plan in self.plans] for one in steps]
            self.rates = first, self._column(rates)
        return self.rates[1][step - first]

    def clip_gradients(self) -> None:
        """Scale the gradients of members down whose norm is larger than they want."""
        if self.direction.device.type == "cpu":  # where torch's sums depend on how many members there are
            squares = torch.zeros(len(self.plans))
            sum_squares(self.stack.gradient.numpy(), self.stack.block_sizes, squares.numpy())
        else:
            parts = [gradient.flatten(1).square().sum(dim=1) for gradient in self.stack.gradients]
            squares = torch.stack(parts).sum(dim=0)
        factor = (self.clip / (squares.sqrt() + 1e-6)).clamp(max=1.0)
        for gradient in self.stack.gradients:
            gradient.mul_(_along(factor, gradient))

    def move(self) -> None:
        """Take the step from gradients and rates that are set."""
        if self.by_hand:
            self._take_adam()
            return
        stack = self.stack
        weights = stack.flat.detach()
        if self.decays and not self.decoupled:
            stack.gradient.addcmul_(weights, self.flat_decay)
        self.direction.zero_()
        self.optimizer.step()
        if self.decays and self.decoupled:
            weights.mul_(self.flat_decay)
        weights.addcmul_(self.direction, self.flat_rate)

    def _take_adam(self) -> None:
        group = self.optimizer.param_groups[0]
        self.count += 1
        n_steps = int(self.count)
        beta_1, beta_2 = group["betas"]
        # (a correction of the first moment, and of the root of the second, since both began at zero)
        corrections = 1.0 / (1.0 - beta_1**n_steps), 1.0 / math.sqrt(1.0 - beta_2**n_steps)
        numbers = (1.0 - beta_1, 1.0 - beta_2, *corrections, group["eps"])
        arguments = (*self.arrays, self.stack.block_sizes, *self.factors, *(np.float32(number) for number in numbers))
        adam(*arguments)

    def keep(self, rows: Tensor) -> None:
        """Forget all members but those in ``rows``, and let the stack forget them."""
        state = self.optimizer.state[self.direction]
        kept = {
            key: self.stack.chosen(value, rows)
            if isinstance(value, Tensor) and value.shape == self.direction.shape
            else value
            for key, value in state.items()
        }
        self.plans = [self.plans[row] for row in rows.tolist()]
        self.stack.keep(rows)
        self._renew(kept)

    def state_of(self, row: int) -> list[dict]:
        """What an optimizer of a member's own would remember of each weight, as views."""
        states: list[dict] = [{} for _ in self.stack.shapes]
        for key, value in self.optimizer.state[self.direction].items():
            of_weights = isinstance(value, Tensor) and value.shape == self.direction.shape
            parts = [block[row] for block in self.stack.blocks(value)] if of_weights else [value] * len(states)
            for state, part in zip(states, parts, strict=True):
                state[key] = part
        return states

    def member_state(self, row: int) -> dict:
        """The state dict that a member's own optimizer would have; its tensors are views."""
        states = self.state_of(row)
        group = dict(self.optimizer.state_dict()["param_groups"][0])
        group |= {"lr": self.plans[row].lr, "weight_decay": self.plans[row].weight_decay}
        group["params"] = list(range(len(states)))
        return {"state": dict(enumerate(states)), "param_groups": [group]}


def _along(values: Tensor, like: Tensor) -> Tensor:
    return values.view(-1, *[1] * (like.ndim - 1))


def _rate(plan: TrainingPlan, step: int, n_batches: int) -> float:
    if plan.schedule is None:
        return plan.lr
    return plan.lr * SCHEDULES[plan.schedule](min(1.0, step / (plan.max_epochs * n_batches)))
