"""Many networks of one shape side by side, their weights in one flat tensor."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from skdl.nn import stacked_loops as loops
from skdl.nn.dropout import StreamDropout
from skdl.nn.losses import Loss
from skdl.nn.mlp import MLP
from skdl.utils import derive_keys, random_keep

# Activations whose derivative is known from their value: (in place, multiplies a gradient by the derivative).
_BY_HAND: dict[type, tuple[Callable | None, Callable | None]] = {
    nn.ReLU: (None, None),  # compiled, together with the bias
    nn.Identity: (None, None),
    nn.Tanh: (torch.tanh_, lambda gradient, value: gradient.mul_(1.0 - value * value)),
    nn.Sigmoid: (torch.sigmoid_, lambda gradient, value: gradient.mul_(value - value * value)),
}

# For how many steps the keys of dropout, and the rates of schedules, are made at once.
STEPS_AT_ONCE = 64
# As many numbers of four bytes have 16 bytes, at multiples of which a vector of a processor is aligned.
ALIGNED = 4


class StackedMLP:
    """``M`` multi-layer perceptrons side by side; each keeps its own weights, dropout and seed.

    One batched product takes the place of ``M`` small ones, which is what makes a family of small networks cheap: their
    cost is in the number of calls, not in the arithmetic. On a CPU the passes forward and back are written out over
    buffers that are used again at each step (memory that is new has to be mapped and misses the cache, which costs
    more than the arithmetic of small layers); on other devices, and where layers want it, torch differentiates.

    Parameters
    ----------
    members : sequence of MLP
        Networks whose weights have the same shapes.
    device : torch.device
        Where they are trained.

    Attributes
    ----------
    flat, gradient : Tensor of shape (M * P,)
        All weights and their gradient: for each of the networks' tensors a block with the members one after another.
    order : list of int
        Of the blocks in ``flat`` the positions of their tensors among those of a network.
    weights : list of Tensor, each of shape (M, ...)
        The blocks of ``flat``, in the order of a network's tensors.
    keeps_outputs : bool
        Whether ``outputs`` are kept.
    outputs : Tensor of shape (M, B, n_outputs) or None
        What the networks said of the last batch.
    """

    def __init__(self, members: Sequence[MLP], device: torch.device):
        first = members[0]
        self.names = [name for name, _ in first.named_parameters()]
        self.shapes = [tuple(weight.shape) for weight in first.parameters()]
        sizes = [int(np.prod(shape)) for shape in self.shapes]
        # Blocks of which each member's part is aligned come first, so that all of them are, however many members.
        self.order = sorted(range(len(sizes)), key=lambda block: sizes[block] % ALIGNED > 0)
        self.block_sizes = np.array(sizes)[self.order]
        self.size = len(members)
        weights = zip(*(module.parameters() for module in members), strict=True)
        self.flat = self.joined([torch.stack(same).detach() for same in weights]).to(device)
        self.n_embeddings = len(first.embeddings)
        self.layers = list(first.layers)
        dropouts = [[layer for layer in module.layers if isinstance(layer, StreamDropout)] for module in members]
        self.rates = np.array([[layer.p for layer in layers] for layers in dropouts])  # (M, n_dropouts)
        self.seeds = np.array([layers[0].seed if layers else 0 for layers in dropouts])  # (M,)
        self.step = 0
        self.keeps_outputs = False
        self.outputs: Tensor | None = None
        # Dropout hides the values that other activations' derivatives are computed from.
        known = {nn.Linear, StreamDropout, nn.ReLU, nn.Identity} if dropouts[0] else {nn.Linear, *_BY_HAND}
        self.by_hand = device.type == "cpu" and not self.n_embeddings and {type(x) for x in self.layers} <= known
        # Of each hidden layer the activation, and the place of the dropout after it, in the order of dropouts.
        self.hidden: list[tuple[type, int | None]] = []
        for layer in self.layers:
            if isinstance(layer, StreamDropout):
                place = sum(dropout is not None for _, dropout in self.hidden)
                self.hidden[-1] = (self.hidden[-1][0], place)
            elif not isinstance(layer, nn.Linear):
                self.hidden.append((type(layer), None))
        self._cut()

    def _cut(self) -> None:
        """Look at the flat tensors as blocks."""
        self.gradient = torch.zeros_like(self.flat)
        self.weights = self.blocks(self.flat)
        self.gradients = self.blocks(self.gradient)
        self.kept = torch.from_numpy(1.0 - self.rates).to(self.flat.device)  # (M, n_dropouts)
        self.factors = torch.from_numpy((1.0 / (1.0 - self.rates)).astype(np.float32)).to(self.flat.device)
        self.keys: dict[int, tuple[int, Tensor]] = {}  # of each dropout: a step, and those of it and the next ones
        if self.by_hand:
            self.biases = [block.numpy() for block in self.weights[1::2]]
            self.bias_gradients = [block.numpy() for block in self.gradients[1::2]]
            self.transposed = [block.transpose(1, 2) for block in self.weights[::2]]
            self.tapes: dict[int, _Tape] = {}
        else:
            for weight in self.weights:
                weight.requires_grad_()

    def blocks(self, flat: Tensor) -> list[Tensor]:
        """Return the blocks ``(M, ...)`` of a tensor that is arranged like ``flat``; they share its memory."""
        parts = torch.split(flat.detach(), (self.size * self.block_sizes).tolist())
        place = dict(zip(self.order, parts, strict=True))
        return [place[block].view(self.size, *shape) for block, shape in enumerate(self.shapes)]

    def joined(self, blocks: Sequence[Tensor]) -> Tensor:
        """Arrange blocks, of any number of members, like ``flat``."""
        return torch.cat([blocks[block].flatten() for block in self.order])

    def chosen(self, flat: Tensor, rows: Tensor) -> Tensor:
        """Return what some members have in a tensor that is arranged like ``flat``, in the same arrangement."""
        return self.joined([block[rows] for block in self.blocks(flat)])

    def keep(self, rows: Tensor) -> None:
        """Forget all members but those in ``rows``.

        Parameters
        ----------
        rows : Tensor of int of shape (m,)
            Positions of the members that stay.
        """
        self.flat = self.chosen(self.flat, rows)
        self.size = len(rows)
        chosen = rows.cpu().numpy()
        self.rates, self.seeds = self.rates[chosen], self.seeds[chosen]
        self._cut()

    def member_state(self, row: int, flat: Tensor | None = None, step: int | None = None) -> dict:
        """Return the state dict that a member has as a network of its own.

        Parameters
        ----------
        row : int
            The member's position.
        flat : Tensor or None, default=None
            Weights to read in place of the present ones.
        step : int or None, default=None
            After how many steps it had them; None means now.

        Returns
        -------
        dict
            What ``MLP.load_state_dict`` takes.
        """
        blocks = self.blocks(self.flat if flat is None else flat)
        state: dict = {name: block[row] for name, block in zip(self.names, blocks, strict=True)}
        for place, layer in enumerate(self.layers):
            if isinstance(layer, StreamDropout):
                state[f"layers.{place}._extra_state"] = torch.tensor(self.step if step is None else step)
        return state

    def differentiate(self, inputs: tuple[Tensor, ...], target: Tensor, scale: Tensor, criterion: Loss) -> Tensor:
        """Compute the members' losses on a batch, and leave their derivative in ``gradient``.

        Parameters
        ----------
        inputs : tuple of Tensor, each of shape (M, B, ...)
            What the networks take.
        target : Tensor of shape (M, B, ...)
            What the loss compares with.
        scale : Tensor of shape (M, B)
            The factor of each sample's loss in the sum that is a member's loss.
        criterion : Loss
            The loss.

        Returns
        -------
        Tensor of shape (M,)
        """
        if self.by_hand:
            tape = self._forward(inputs[0], training=True)
            if self.keeps_outputs:
                self.outputs = tape.values[-1] + self.weights[-1].unsqueeze(1)
            losses = self._losses_by_hand(tape, target, scale, criterion)
            self._back(tape, inputs[0])
        else:
            with torch.enable_grad():
                outputs = self._outputs(*inputs, training=True)
                losses = _sum(criterion, outputs, target, scale)
                slopes = torch.autograd.grad(losses, self.weights, torch.ones_like(losses))
            torch._foreach_copy_(self.gradients, slopes)
            if self.keeps_outputs:
                self.outputs = outputs.detach()
        self.step += 1
        return losses.detach()

    @torch.no_grad()
    def losses(self, inputs: tuple[Tensor, ...], target: Tensor, scale: Tensor, criterion: Loss) -> Tensor:
        """Compute the members' losses on a batch without dropout; see :meth:`differentiate`."""
        if self.by_hand:
            tape = self._forward(inputs[0], training=False)
            loops.add_bias(tape.arrays[-1], self.biases[-1])
            outputs = tape.values[-1]
        else:
            outputs = self._outputs(*inputs, training=False)
        if self.keeps_outputs:
            self.outputs = outputs.clone()
        return _sum(criterion, outputs, target, scale)

    # With torch's derivatives.

    def _outputs(self, numeric: Tensor, codes: Tensor | None = None, *, training: bool) -> Tensor:
        """Return the outputs ``(M, B, n_outputs)`` of columns ``(M, B, d)`` and codes ``(M, B, c)``."""
        weights = iter(self.weights)
        if codes is not None:
            member = torch.arange(len(codes), device=codes.device)[:, None]
            parts = [numeric]
            for column in range(self.n_embeddings):
                code = codes[:, :, column]  # (M, B)
                # Code 0 is an unknown category: its embedding is zero, and the factor keeps its gradient so.
                parts.append(next(weights)[member, code] * (code > 0).unsqueeze(-1))
            numeric = torch.cat(parts, dim=2)
        dropout = 0
        for layer in self.layers:
            if isinstance(layer, nn.Linear):
                weight, bias = next(weights), next(weights)  # (M, n_out, n_in), (M, n_out)
                if numeric.device.type == "cpu":
                    numeric = _Affine.apply(numeric, weight, bias)
                else:
                    numeric = torch.baddbmm(bias.unsqueeze(1), numeric, weight.transpose(1, 2))
            elif isinstance(layer, StreamDropout):
                if training:
                    numeric = numeric * self._mask(dropout, numeric.shape)
                dropout += 1
            else:
                numeric = layer(numeric)
        return numeric

    def _mask(self, position: int, shape: tuple) -> Tensor:
        """What dropout multiplies with: 0, or the inverse of the kept part."""
        keep = random_keep(self._keys(position), shape[1] * shape[2], self.kept[:, position]).view(shape)
        return keep * self.factors[:, position].view(-1, 1, 1)

    def _keys(self, position: int) -> Tensor:
        """The keys of the masks of this step, (M,); those of some steps go to the device at once."""
        first = self.step - self.step % STEPS_AT_ONCE
        if position not in self.keys or self.keys[position][0] != first:
            seeds = np.tile(self.seeds, STEPS_AT_ONCE)
            steps = np.arange(first, first + STEPS_AT_ONCE).repeat(self.size)
            keys = derive_keys(seeds, "dropout", position, steps).reshape(STEPS_AT_ONCE, self.size)
            self.keys[position] = first, torch.from_numpy(keys).to(self.flat.device)
        return self.keys[position][1][self.step - first]

    # By hand.

    def _tape(self, n_rows: int) -> "_Tape":
        if n_rows not in self.tapes:
            self.tapes[n_rows] = _Tape(self.size, n_rows, self.shapes[::2])
        return self.tapes[n_rows]

    def _forward(self, x: Tensor, *, training: bool) -> "_Tape":
        """Compute the values of all layers, the last one's without its bias."""
        tape = self._tape(x.shape[1])
        for depth, value in enumerate(tape.values):
            tape.forward[depth](x, self.transposed[depth], out=value)
            x = value
            if depth == len(self.hidden):
                break
            activation, dropout = self.hidden[depth]
            add = loops.add_bias_relu if activation is nn.ReLU else loops.add_bias
            add(tape.arrays[depth], self.biases[depth])
            in_place = _BY_HAND[activation][0]
            if in_place is not None:
                in_place(x)
            if dropout is not None and training:
                tape.masks[depth] = self._mask(dropout, x.shape)
                x.mul_(tape.masks[depth])
        return tape

    def _losses_by_hand(self, tape: "_Tape", target: Tensor, scale: Tensor, criterion: Loss) -> Tensor:
        """Turn the outputs into the derivative of the losses by them, in place, and add up the last bias's."""
        outputs, array = tape.values[-1], tape.arrays[-1]
        bias, bias_gradient = self.biases[-1], self.bias_gradients[-1]
        if criterion.kind != "cross_entropy" or criterion.label_smoothing or target.dtype.is_floating_point:
            loops.add_bias(array, bias)
            with torch.enable_grad():
                leaf = outputs.detach().clone().requires_grad_()
                losses = _sum(criterion, leaf, target, scale)
                (derivative,) = torch.autograd.grad(losses.sum(), leaf)
            outputs.copy_(derivative)
            loops.sum_rows(array, bias_gradient)
            return losses
        codes, losses = target.numpy(), torch.empty(self.size)
        loops.shift_logits(array, bias, codes, tape.chosen)
        torch.exp(outputs, out=outputs)
        loops.softmax_gradient(array, codes, scale.numpy(), tape.chosen, bias_gradient, losses.numpy())
        return losses

    def _back(self, tape: "_Tape", x: Tensor) -> None:
        for depth in range(len(self.hidden), 0, -1):
            value, array = tape.values[depth - 1], tape.arrays[depth - 1]
            tape.to_weights[depth](tape.slopes_transposed[depth], value, out=self.gradients[2 * depth])
            lower, lower_array = tape.slopes[depth - 1], tape.slope_arrays[depth - 1]
            tape.to_inputs[depth](tape.slopes[depth], self.weights[2 * depth], out=lower)
            activation, dropout = self.hidden[depth - 1]
            if dropout is not None:
                lower.mul_(tape.masks[depth - 1])
            if activation is nn.ReLU:
                loops.relu_gradient(lower_array, array, self.bias_gradients[depth - 1])
            else:
                derive = _BY_HAND[activation][1]
                if derive is not None:
                    derive(lower, value)
                loops.sum_rows(lower_array, self.bias_gradients[depth - 1])
        tape.to_weights[0](tape.slopes_transposed[0], x, out=self.gradients[0])


class _Tape:
    """The buffers of a pass forward and back over batches of one size, and the products that fill them.

    Parameters
    ----------
    n_members, n_rows : int
        How many there are of each.
    shapes : list of tuple of int
        The weights of the layers, (n_out, n_in).
    """

    def __init__(self, n_members: int, n_rows: int, shapes: list[tuple[int, ...]]):
        widths = [n_out for n_out, _ in shapes]
        self.values = [torch.empty(n_members, n_rows, width) for width in widths]
        # The last layer's slopes take the place of its values.
        self.slopes = [torch.empty(n_members, n_rows, width) for width in widths[:-1]] + self.values[-1:]
        self.slopes_transposed = [slopes.transpose(1, 2) for slopes in self.slopes]
        self.arrays = [value.numpy() for value in self.values]
        self.slope_arrays = [slopes.numpy() for slopes in self.slopes]
        self.masks: dict[int, Tensor] = {}
        self.chosen = np.empty((n_members, n_rows), dtype=np.float32)
        # Of each layer: its values from those below, and from its slopes those of its weights, and of what is below.
        self.forward = [_product(n_members, n_rows, n_out) for n_out, _ in shapes]
        self.to_weights = [_product(n_members, n_out, n_in) for n_out, n_in in shapes]
        self.to_inputs = [_product(n_members, n_rows, n_in) for _, n_in in shapes]


def _product(n_members: int, n_rows: int, n_columns: int) -> Callable:
    """What multiplies matrices pair by pair, with bits that do not depend on how many pairs there are.

    A library may have other kernels for results of ``(n_rows, n_columns)`` that do not begin at an aligned address.
    """
    if n_rows * n_columns % ALIGNED:
        return _multiply_apart
    return _multiply_vector if n_members == 1 and 1 in (n_rows, n_columns) else torch.bmm


def _multiply_apart(left: Tensor, right: Tensor, *, out: Tensor) -> None:
    for pair, result in zip(zip(left, right, strict=True), out, strict=True):
        result.copy_(torch.mm(*pair))


def _multiply_vector(left: Tensor, right: Tensor, *, out: Tensor) -> None:
    # Of one pair with a vector in it torch makes a product of another kind, which rounds differently.
    out.copy_(torch.bmm(left.expand(2, -1, -1), right.expand(2, -1, -1))[:1])


class _Affine(torch.autograd.Function):
    """A layer's product and bias, with :func:`_product` in it."""

    @staticmethod
    def forward(ctx, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        return _multiplied(x, weight.transpose(1, 2)).add_(bias.unsqueeze(1))

    @staticmethod
    def backward(ctx, slopes: Tensor) -> tuple[Tensor | None, Tensor, Tensor]:
        x, weight = ctx.saved_tensors
        lower = _multiplied(slopes, weight) if ctx.needs_input_grad[0] else None
        return lower, _multiplied(slopes.transpose(1, 2), x), slopes.sum(dim=1)


def _multiplied(left: Tensor, right: Tensor) -> Tensor:
    out = left.new_empty(len(left), left.shape[1], right.shape[2])
    _product(*out.shape)(left, right, out=out)
    return out


def _sum(criterion: Loss, outputs: Tensor, target: Tensor, scale: Tensor) -> Tensor:
    loss = criterion.per_sample(outputs.flatten(0, 1), target.flatten(0, 1))
    return (loss.view(scale.shape) * scale).sum(dim=1)
