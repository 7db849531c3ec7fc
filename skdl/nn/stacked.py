"""Many networks of one shape as a single module, their weights stacked along a first axis."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from skdl.nn.dropout import StreamDropout
from skdl.nn.mlp import MLP
from skdl.utils import derive_keys, random_keep


class StackedMLP(nn.Module):
    """``M`` multi-layer perceptrons side by side; each keeps its own weights, dropout and seed.

    One batched product takes the place of ``M`` small ones, which is what makes a family of small networks cheap: their
    cost is in the number of calls, not in the arithmetic.

    Parameters
    ----------
    members : sequence of MLP
        Networks whose weights have the same shapes.
    """

    def __init__(self, members: Sequence[MLP]):
        super().__init__()
        first = members[0]
        self.names = [name for name, _ in first.named_parameters()]
        weights = zip(*(module.parameters() for module in members), strict=True)
        self.weights = nn.ParameterList(torch.stack([weight.detach() for weight in same]) for same in weights)
        self.n_embeddings = len(first.embeddings)
        # Layers without weights work on a stack as they do on a matrix; dropout needs the members' own rates and seeds.
        self.plain = [layer for layer in first.layers if not isinstance(layer, nn.Linear)]
        self.order = [isinstance(layer, nn.Linear) for layer in first.layers]
        dropouts = [[layer for layer in module.layers if isinstance(layer, StreamDropout)] for module in members]
        self.rates = np.array([[layer.p for layer in layers] for layers in dropouts])  # (M, n_dropouts)
        self.seeds = np.array([layers[0].seed if layers else 0 for layers in dropouts])  # (M,)
        self.step = 0

    @staticmethod
    def takes(module: nn.Module) -> bool:
        """Whether a network may be a member: linear layers, activations, dropout, and embeddings of categories."""
        return isinstance(module, MLP) and module.is_plain

    def forward(self, numeric: Tensor, codes: Tensor | None = None) -> Tensor:
        """Return the outputs ``(M, n, n_outputs)`` of columns ``(M, n, d)`` and codes ``(M, n, c)``."""
        weights = iter(self.weights)
        if codes is not None:
            member = torch.arange(len(codes), device=codes.device)[:, None]
            parts = [numeric]
            for column in range(self.n_embeddings):
                code = codes[:, :, column]  # (M, n)
                # Code 0 is an unknown category: its embedding is zero, and the factor keeps its gradient so.
                parts.append(next(weights)[member, code] * (code > 0).unsqueeze(-1))
            numeric = torch.cat(parts, dim=2)
        plain, dropout = iter(self.plain), 0
        for has_weights in self.order:
            if has_weights:
                weight, bias = next(weights), next(weights)  # (M, n_out, n_in), (M, n_out)
                numeric = torch.baddbmm(bias.unsqueeze(1), numeric, weight.transpose(1, 2))
                continue
            layer = next(plain)
            if isinstance(layer, StreamDropout):
                numeric = self._drop(numeric, layer.layer, dropout)
                dropout += 1
            else:
                numeric = layer(numeric)
        self.step += self.training
        return numeric

    def _drop(self, x: Tensor, layer: int, position: int) -> Tensor:
        if not self.training:
            return x
        keys = derive_keys(self.seeds, "dropout", layer, self.step)
        kept = torch.as_tensor(1.0 - self.rates[:, position], dtype=torch.float32, device=x.device)  # (M,)
        keep = random_keep(keys, x[0].numel(), 1.0 - self.rates[:, position], device=x.device).view(x.shape)
        return x * keep / kept.view(-1, 1, 1)

    def keep(self, rows: Tensor) -> None:
        """Forget all members but those in ``rows``.

        Parameters
        ----------
        rows : Tensor of int of shape (m,)
            Positions of the members that stay.
        """
        self.weights = nn.ParameterList(weight.detach()[rows] for weight in self.weights)
        chosen = rows.cpu().numpy()
        self.rates, self.seeds = self.rates[chosen], self.seeds[chosen]

    def member_state(self, row: int, weights: Sequence[Tensor] | None = None) -> dict:
        """Return the state dict that a member has as a network of its own.

        Parameters
        ----------
        row : int
            The member's position.
        weights : sequence of Tensor or None, default=None
            Stacked weights to read in place of the present ones.

        Returns
        -------
        dict
            What ``MLP.load_state_dict`` takes.
        """
        source = self.weights if weights is None else weights
        state: dict = {name: weight.detach()[row] for name, weight in zip(self.names, source, strict=True)}
        places = [place for place, has_weights in enumerate(self.order) if not has_weights]
        for place, layer in zip(places, self.plain, strict=True):
            if isinstance(layer, StreamDropout):
                state[f"layers.{place}._extra_state"] = torch.tensor(self.step)
        return state
