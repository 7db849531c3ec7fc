"""A net whose steps are those of a stack without other members, so that it comes to the bits it has among siblings."""

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from skdl.engine.stacked_rows import rows_of_batch
from skdl.engine.stacked_steps import StackedSteps
from skdl.engine.training import TrainingPlan
from skdl.nn import StackedMLP, StreamDropout


class StackOfOne:
    """What takes the place of a net's own forward pass, derivatives and optimizer while it trains.

    The net's weights, their gradients and the state of its optimizer are views of what is computed with: callbacks see
    them, and may change them, as those of any other net.

    Parameters
    ----------
    plan : TrainingPlan
        How the net is trained; :func:`skdl.engine.stacked.why_not_stacked` has nothing against it.
    net : skorch.NeuralNet
        The net, initialized.
    n_rows : int
        The number of its training rows.
    """

    def __init__(self, plan: TrainingPlan, net, n_rows: int):
        self.optimizer, self.criterion = net.optimizer_, net.criterion_
        self.n_rows = rows_of_batch(n_rows, plan.batch_size)
        self.n_valid_rows = rows_of_batch(None, plan.batch_size)
        self.weights = list(net.module_.parameters())
        self.dropouts = [layer for layer in net.module_.layers if isinstance(layer, StreamDropout)]
        self.stack = StackedMLP([net.module_], plan.device)
        if self.dropouts:
            self.stack.step = int(self.dropouts[0].get_extra_state())
        self.stack.keeps_outputs = bool(net._hooks("on_batch_end"))
        self.slopes = [gradient[0] for gradient in self.stack.gradients]
        for weight, block in zip(self.weights, self.stack.weights, strict=True):
            weight.data = block.detach()[0]
        self.optimizer.zero_grad()
        self.optimizer.step()  # of no gradients: torch's schedules want to see one before they take their own
        self.group = self.optimizer.param_groups[0]
        self.lr = self.group["lr"]
        own = replace(plan, lr=self.lr, weight_decay=self.group["weight_decay"], schedule=None)
        self.steps = StackedSteps(self.stack, [own], 1, self._found_state())
        self.shared = False
        self.scales: dict[tuple[int, int], Tensor] = {}

    def fits(self, net) -> bool:
        """Whether a stack can still train the net: callbacks may freeze weights, or change the optimizer."""
        return net.optimizer_ is self.optimizer and all(weight.requires_grad for weight in self.weights)

    @torch.no_grad()
    def differentiate(self, batch) -> dict:
        """Compute the loss and the gradient; return what a step of a net returns."""
        inputs, target, scale = self._padded(batch, self.n_rows)
        loss = self.stack.differentiate(inputs, target, scale, self.criterion)
        for layer in self.dropouts:
            layer.set_extra_state(torch.tensor(self.stack.step))
        for weight, slopes in zip(self.weights, self.slopes, strict=True):
            if weight.grad is not slopes:
                weight.grad = slopes
        return self._step(loss, len(batch[1][0]))

    @torch.no_grad()
    def validate(self, batch) -> dict:
        """Compute the loss without dropout; return what a step of a net returns."""
        inputs, target, scale = self._padded(batch, self.n_valid_rows)
        return self._step(self.stack.losses(inputs, target, scale, self.criterion), len(batch[1][0]))

    @torch.no_grad()
    def clip(self) -> None:
        """Clip the gradient to the plan's norm."""
        self.steps.clip_gradients()

    @torch.no_grad()
    def move(self) -> None:
        """Take the step along the gradient."""
        for weight, slopes in zip(self.weights, self.slopes, strict=True):
            if weight.grad is not slopes:  # a callback has put another one there
                slopes.copy_(torch.zeros_like(slopes) if weight.grad is None else weight.grad)
        if self.group["lr"] != self.lr:
            self.lr = self.group["lr"]
            self.steps.set_rates(torch.tensor([self.lr]))
        self.steps.move()
        if not self.shared:
            self._share_state()

    def end(self) -> None:
        """Give the net memory of its own."""
        for weight in self.weights:
            weight.data, weight.grad = weight.data.clone(), None
            if self.shared:
                state = self.optimizer.state[weight]
                self.optimizer.state[weight] = {key: _copy(value) for key, value in state.items()}

    def _padded(self, batch, n_rows: int) -> tuple[tuple[Tensor, ...], Tensor, Tensor]:
        """The inputs ``(1, n_rows, ...)``, target and scale of a batch, with rows of scale zero where it has fewer."""
        inputs, (target, weight) = batch
        n = len(target)
        tensors = [tensor for tensor in (*inputs, target, weight) if tensor is not None]
        if n < n_rows:
            tensors = [torch.cat([tensor, tensor.new_zeros(n_rows - n, *tensor.shape[1:])]) for tensor in tensors]
        tensors = [tensor.contiguous()[None] for tensor in tensors]
        if (n, n_rows) not in self.scales:
            factors = (np.arange(n_rows) < n) / n
            self.scales[n, n_rows] = torch.as_tensor(factors[None], dtype=torch.float32, device=target.device)
        scale = self.scales[n, n_rows]
        if weight is not None:
            scale = tensors.pop() * scale
        return tuple(tensors[:-1]), tensors[-1], scale

    def _step(self, loss: Tensor, n: int) -> dict:
        outputs = self.stack.outputs
        return {"loss": loss[0], "y_pred": None if outputs is None else outputs[0, :n]}

    def _found_state(self) -> dict | None:
        """What the optimizer remembers of an earlier training, as a stack holds it."""
        states = [self.optimizer.state.get(weight) for weight in self.weights]
        if not states[0]:
            return None
        return {
            key: self.stack.joined([state[key] for state in states])
            if isinstance(value, Tensor) and value.shape == self.weights[0].shape
            else _copy(value)
            for key, value in states[0].items()
        }

    def _share_state(self) -> None:
        """Let the optimizer's state be views of that of the stack, which is there once a step was taken."""
        parts = self.steps.state_of(0)
        for weight, part in zip(self.weights, parts, strict=True):
            self.optimizer.state[weight] = part
        self.shared = True


def _copy(value):
    return value.clone() if isinstance(value, Tensor) else value
