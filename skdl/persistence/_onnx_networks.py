"""Fitted networks as torch modules from raw samples to predictions, in a form that torch exports."""

import numpy as np
import torch
from torch import Tensor, nn

from skdl.engine import state_from_numpy
from skdl.neural._base import NeuralEstimator
from skdl.neural._images import ImageNetwork, channels_first
from skdl.neural._own import NeuralClassifier, NeuralRegressor
from skdl.neural._sequences import SequenceEstimator
from skdl.neural._table import TableNetwork
from skdl.nn.pooling import step_mask
from skdl.nn.recurrent import Recurrent

# What stands for a category that was not seen, and for a missing one, where words come as codes.
UNSEEN, MISSING = -1, -2


def word_columns(network) -> list[int]:
    """Return the columns of a table that hold words, which the graph takes apart from numbers."""
    if not isinstance(network, TableNetwork):
        return []
    found = []
    for column, values in enumerate(network._schema.categories):
        if values is None or len(values) == 0:
            continue
        if all(isinstance(value, str) for value in values):
            found.append(column)
        elif not all(isinstance(value, (bool, int, float, np.bool_, np.number)) for value in values):
            raise ValueError(
                f"Column {column} of X holds categories that are neither all words nor all numbers, which cannot be "
                "exported to ONNX: make them words, X[column].astype(str), and fit again."
            )
    return found


class TableGraph(nn.Module):
    """From columns of numbers ``(n, k)``, and codes of words ``(n, c)``, to the outputs of an MLP."""

    center: Tensor
    factor: Tensor

    def __init__(self, network, module: nn.Module):
        super().__init__()
        self.module = module
        self.words = word_columns(network)
        columns = [column for column in range(len(network._schema.categories)) if column not in self.words]
        place = {column: position for position, column in enumerate(columns)}
        is_categorical = network._schema.is_categorical
        self.numeric = [place[column] for column in columns if not is_categorical[column]]
        self.marked = [
            place[column] for column in columns if not is_categorical[column] and network._had_missing[column]
        ]
        self.takes_missing, self.clip = network._takes_missing, network._scaling.clip
        self.register_buffer("center", torch.tensor(network._scaling.center))
        self.register_buffer("factor", torch.tensor(network._scaling.factor))
        # For each categorical column: where it is, its numbers (None for words), and the code of what is missing.
        self.categorical: list[tuple[int, Tensor | None, int]] = []
        for column in np.flatnonzero(is_categorical).tolist():
            values = network._schema.categories[column]
            missing = len(values) + 1 if network._had_missing[column] else 0
            if column in self.words:
                self.categorical.append((self.words.index(column), None, missing))
                continue
            numbers = torch.tensor(np.asarray(values).astype(np.float64))
            self.register_buffer(f"values_{column}", numbers)
            self.categorical.append((place[column], numbers, missing))

    def forward(self, x: Tensor, words: Tensor | None = None) -> Tensor:
        x = x.double()
        z = (x[:, self.numeric] - self.center) * self.factor
        if self.clip:
            z = z / torch.sqrt(1.0 + (z / 3.0) ** 2)
        if self.takes_missing:
            z = torch.where(torch.isnan(z), 0.0, z)
        z = z.float()
        if self.marked:
            z = torch.cat([z, torch.isnan(x[:, self.marked]).float()], dim=1)
        if not self.categorical:
            return self.module(z)
        codes = []
        for position, numbers, missing in self.categorical:
            if numbers is None:
                assert words is not None
                code = words[:, position]
                codes.append(torch.where(code == MISSING, missing, code + 1))
                continue
            value = x[:, position : position + 1]  # (n, 1)
            places = torch.arange(1, len(numbers) + 1)
            code = ((value == numbers) * places).sum(dim=1)  # categories differ: one is met, or none
            codes.append(torch.where(torch.isnan(value[:, 0]), missing, code))
        return self.module(z, torch.stack(codes, dim=1))


class ImageGraph(nn.Module):
    """From pictures as in X to the outputs of a convolutional network."""

    def __init__(self, network, module: nn.Module):
        super().__init__()
        self.module = module
        self.shape = tuple(int(extent) for extent in network._image_shape)
        n_axes = len(self.shape)
        self.adds_channel = n_axes == 1 or (n_axes == 2 and network.channels == "auto")
        first = (
            network.channels == "first" if n_axes == 2 else n_axes == 3 and channels_first(self.shape, network.channels)
        )
        self.moves_channels = not self.adds_channel and not first

    def forward(self, x: Tensor) -> Tensor:
        x = x.float().reshape(x.shape[0], *self.shape)
        if self.adds_channel:
            x = x.unsqueeze(1)
        return self.module(x.movedim(-1, 1) if self.moves_channels else x)


class SeriesGraph(nn.Module):
    """From series ``(n, t)``, ``(n, t, c)`` or ``(n, c, t)``, NaN behind their ends, to the outputs of the network."""

    mean: Tensor
    factor: Tensor

    def __init__(self, network, module: nn.Module):
        super().__init__()
        self.module = module
        self.channel_first = network.layout == "channel_first"
        self.register_buffer("mean", torch.tensor(network._mean, dtype=torch.float64))
        self.register_buffer("factor", torch.tensor(network._factor, dtype=torch.float64))

    def forward(self, x: Tensor) -> Tensor:
        if x.ndim == 2:
            x = x.unsqueeze(2)
        elif self.channel_first:
            x = x.movedim(1, 2)
        x = x.double()
        n_steps = x.shape[1]
        real = (~torch.isnan(x)).sum(dim=2) > 0  # (n, t)
        lengths = (real * torch.arange(1, n_steps + 1)).amax(dim=1)
        steps = torch.where(step_mask(lengths, n_steps).unsqueeze(2), (x - self.mean) * self.factor, 0.0)
        return self.module(steps.float(), lengths)


class OwnGraph(nn.Module):
    """From samples as they are to the outputs of one's own module."""

    def __init__(self, network, module: nn.Module):
        super().__init__()
        self.module = module

    def forward(self, x: Tensor) -> Tensor:
        return self.module(x.float())


class RecurrentNode(nn.Module):
    """A recurrent layer as one node of ONNX, where torch would write each step of it."""

    W: Tensor
    R: Tensor
    B: Tensor

    # ONNX's order of the gates, in torch's.
    _ORDER = {"RNN": [0], "GRU": [1, 0, 2], "LSTM": [0, 3, 1, 2]}

    def __init__(self, layer: nn.RNNBase):
        super().__init__()
        self.kind, self.hidden_size = type(layer).__name__, layer.hidden_size

        def ordered(name: str) -> Tensor:
            gates = layer.get_parameter(name).detach().chunk(len(self._ORDER[self.kind]))
            return torch.cat([gates[gate] for gate in self._ORDER[self.kind]])

        self.register_buffer("W", ordered("weight_ih_l0")[None])
        self.register_buffer("R", ordered("weight_hh_l0")[None])
        self.register_buffer("B", torch.cat([ordered("bias_ih_l0"), ordered("bias_hh_l0")])[None])

    def forward(self, steps: Tensor) -> tuple[Tensor, None]:
        attributes: dict = {"hidden_size": self.hidden_size}
        if self.kind == "GRU":
            attributes["linear_before_reset"] = 1
        states = torch.onnx.ops.symbolic(
            self.kind,
            [steps.transpose(0, 1), self.W, self.R, self.B],
            attributes,
            dtype=torch.float32,
            shape=(steps.shape[1], 1, steps.shape[0], self.hidden_size),
        )
        return states.squeeze(1).transpose(0, 1), None  # (n, t, hidden_size)


class Outputs(nn.Module):
    """From what the network gives to what the estimator predicts."""

    scale: Tensor
    mean: Tensor

    def __init__(self, network):
        super().__init__()
        self.task = network._task
        if self.task == "regression":
            self.single = network._single_output
            self.register_buffer("scale", torch.tensor(network._target_scale, dtype=torch.float64))
            self.register_buffer("mean", torch.tensor(network._target_mean, dtype=torch.float64))

    @property
    def names(self) -> list[str]:
        return ["predictions"] if self.task == "regression" else ["probabilities", "label_index"]

    def forward(self, outputs: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        wide = outputs.double()
        if self.task == "regression":
            predicted = wide * self.scale + self.mean
            return predicted[:, 0] if self.single else predicted
        if self.task == "multilabel":
            return wide.sigmoid(), (outputs > 0).long()
        return wide.softmax(dim=1), outputs.argmax(dim=1)


_GRAPHS: dict[tuple[type, ...], type[nn.Module]] = {
    (TableNetwork,): TableGraph,
    (ImageNetwork,): ImageGraph,
    (SequenceEstimator,): SeriesGraph,
    (NeuralClassifier, NeuralRegressor): OwnGraph,
}


def network_graph(network: NeuralEstimator) -> nn.Module:
    """Return a module from raw samples to the outputs of a fitted network, on the CPU, in evaluation mode."""
    if getattr(network, "_vocabulary", None) is not None:
        raise ValueError(
            f"{type(network).__name__} takes texts or tokens, which cannot be exported to ONNX: "
            "networks of numbers can."
        )
    module = network._new_module()
    module.load_state_dict(state_from_numpy(network._weights))
    for part in list(module.modules()):
        if isinstance(part, Recurrent):
            for layers in (part.ahead, part.behind):
                for position, layer in enumerate(layers):
                    layers[position] = RecurrentNode(layer)  # type: ignore[arg-type]
    graph = next(graph for kinds, graph in _GRAPHS.items() if isinstance(network, kinds))
    return graph(network, module).eval()
