"""Networks that take tables: numeric columns are scaled, categorical ones embedded, an MLP is built."""

from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from skdl.neural._base import NeuralEstimator
from skdl.neural._family import fit_networks
from skdl.neural._scaling import fit_scaling
from skdl.nn import MLP, initialize
from skdl.nn.mlp import ACTIVATIONS
from skdl.utils import Interval, Options, encode_table, fit_table


class TableNetwork(NeuralEstimator):
    """What classifier and regressor share: a table goes in, an :class:`skdl.nn.MLP` is built."""

    _constraints: ClassVar[dict[str, list]] = {
        **NeuralEstimator._constraints,
        "hidden_layer_sizes": [Interval("int", 1, None), list, tuple, np.ndarray],
        "categorical_features": [None, Options("from_dtype"), list, tuple, np.ndarray],
        "activation": [Options(*ACTIVATIONS)],
        "scaling": [None, Options("robust", "standard")],
    }

    def _check_parameters(self) -> None:
        super()._check_parameters()
        one_size = Interval("int", 1, None)
        if not all(one_size.accepts(size) for size in self._sizes()):
            raise ValueError(
                f"hidden_layer_sizes of {type(self).__name__} must be whole numbers of at least 1; "
                f"got {self.hidden_layer_sizes!r}."
            )

    def _sizes(self) -> list:
        sizes = self.hidden_layer_sizes
        return [sizes] if np.ndim(sizes) == 0 else list(sizes)

    def _fit_inputs(self, X) -> np.ndarray:
        self._schema, encoded = fit_table(self, X, self.categorical_features, ensure_min_samples=2)
        return encoded

    def _encode_inputs(self, X) -> np.ndarray:
        return encode_table(self, X, self._schema)

    def _fit_preprocessing(self, X: np.ndarray, weight: np.ndarray | None) -> None:
        self._scaling = fit_scaling(X[:, ~self._schema.is_categorical], weight, self.scaling)

    def _to_tensors(self, X: np.ndarray) -> tuple[Tensor, ...]:
        categorical = self._schema.is_categorical
        numeric = torch.from_numpy(self._scaling.apply(X[:, ~categorical]))  # (n, d)
        if not categorical.any():
            return (numeric,)
        codes = torch.from_numpy(X[:, categorical].astype(np.int64) + 1)  # (n, c); an unseen category becomes 0
        return numeric, codes

    def _build_module(self, seed: int) -> nn.Module:
        module = MLP(
            int((~self._schema.is_categorical).sum()),
            self._schema.n_categories.tolist(),
            self.n_outputs_,
            hidden_layer_sizes=self._sizes(),
            activation=self.activation,
            dropout=self.dropout,
            seed=seed,
        )
        return initialize(module, seed)

    def _fit_family(self, X, y=None, *, candidates, splits, sample_weight=None):
        yield from fit_networks(self, X, y, candidates=candidates, splits=splits, sample_weight=sample_weight)

    def _layer_arrays(self, kind: str) -> list[np.ndarray]:
        prefix = "layers."
        names = [name for name in self._weights if name.startswith(prefix) and name.endswith(f".{kind}")]
        return [self._weights[name] for name in names]

    @property
    def coefs_(self) -> list[np.ndarray]:
        """The weights of the layers, each of shape (n_in, n_out)."""
        return [weight.T for weight in self._layer_arrays("weight")]

    @property
    def intercepts_(self) -> list[np.ndarray]:
        """The biases of the layers, each of shape (n_out,)."""
        return self._layer_arrays("bias")
