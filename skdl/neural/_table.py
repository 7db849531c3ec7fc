"""Networks that take tables: numeric columns are scaled, categorical ones embedded, an MLP is built."""

from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from skdl.neural._base import NeuralEstimator
from skdl.neural._family import fit_networks
from skdl.neural._scaling import bin_edges, fit_column_scaling
from skdl.nn import MLP, PeriodicEmbedding, PiecewiseLinearEncoding, initialize
from skdl.nn.init import WEIGHT_RULES
from skdl.nn.mlp import ACTIVATIONS, NORMALIZATIONS
from skdl.utils import Interval, Options, encode_table, fit_table

# The largest number of bins of a column that is embedded piecewise linearly.
_N_BINS = 32


class TableNetwork(NeuralEstimator):
    """What classifier and regressor share: a table goes in, an :class:`skdl.nn.MLP` is built."""

    _constraints: ClassVar[dict[str, list]] = {
        **NeuralEstimator._constraints,
        "hidden_layer_sizes": [Interval("int", 1, None), list, tuple, np.ndarray],
        "categorical_features": [None, Options("from_dtype"), list, tuple, np.ndarray],
        "activation": [Options(*ACTIVATIONS)],
        "scaling": [None, Options("robust", "standard")],
        "normalization": [None, Options(*NORMALIZATIONS)],
        "residual": [bool],
        "weight_init": [Options(*WEIGHT_RULES)],
        "numeric_embedding": [None, Options("periodic", "piecewise_linear")],
        "missing_values": [Options("error", "indicator")],
    }
    _input_attributes: ClassVar[tuple[str, ...]] = ("_schema", "_scaling", "_had_missing", "_edges")

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

    @property
    def _takes_missing(self) -> bool:
        return self.missing_values == "indicator"

    def _fit_inputs(self, X) -> np.ndarray:
        self._schema, encoded = fit_table(
            self, X, self.categorical_features, allow_nan=self._takes_missing, ensure_min_samples=2
        )
        return encoded

    def _encode_inputs(self, X) -> np.ndarray:
        return encode_table(self, X, self._schema, allow_nan=self._takes_missing)

    def _adopt_inputs(self) -> None:
        source = self._source()
        if source.n_features_in_ != self.n_features_in_:
            raise ValueError(
                f"X has {self.n_features_in_} features, but the {type(source).__name__} of init_from was fitted to "
                f"{source.n_features_in_}."
            )
        super()._adopt_inputs()

    def _fit_preprocessing(self, X: np.ndarray, weight: np.ndarray | None) -> None:
        numeric = np.flatnonzero(~self._schema.is_categorical)
        self._scaling = fit_column_scaling(X, numeric, weight, self.scaling)
        self._had_missing = np.isnan(X).any(axis=0)  # (d,)
        if self.numeric_embedding == "piecewise_linear":
            self._edges = bin_edges(self._scaled(X[:, numeric]), weight, _N_BINS)

    def _scaled(self, numeric: np.ndarray) -> np.ndarray:
        """Scaled numeric columns, float32; what is missing becomes the centre."""
        scaled = self._scaling.apply(numeric)
        return np.nan_to_num(scaled, copy=False, nan=0.0) if self._takes_missing else scaled

    def _to_tensors(self, X: np.ndarray) -> tuple[Tensor, ...]:
        categorical = self._schema.is_categorical
        numeric = torch.from_numpy(self._scaled(X[:, ~categorical]))  # (n, d)
        marked = self._had_missing & ~categorical
        if marked.any():
            numeric = torch.cat([numeric, torch.from_numpy(np.isnan(X[:, marked])).float()], dim=1)
        if not categorical.any():
            return (numeric,)
        codes = X[:, categorical] + 1  # an unseen category becomes 0
        # Missing is a category behind the others, or like an unseen one where fit saw none missing.
        missing = np.where(self._had_missing[categorical], self._schema.n_categories + 1, 0)
        return numeric, torch.from_numpy(np.where(np.isnan(codes), missing, codes).astype(np.int64))  # (n, c)

    def _build_module(self, seed: int) -> nn.Module:
        categorical = self._schema.is_categorical
        n_numeric = int((~categorical).sum())
        embedding: PeriodicEmbedding | PiecewiseLinearEncoding | None = None
        if self.numeric_embedding is not None and n_numeric:
            periodic = self.numeric_embedding == "periodic"
            embedding = PeriodicEmbedding(n_numeric) if periodic else PiecewiseLinearEncoding(self._edges)
        module = MLP(
            n_numeric + int((self._had_missing & ~categorical).sum()),
            (self._schema.n_categories + self._had_missing[categorical]).tolist(),
            self.n_outputs_,
            hidden_layer_sizes=self._sizes(),
            activation=self.activation,
            dropout=self.dropout,
            normalization=self.normalization,
            residual=self.residual,
            numeric_embedding=embedding,
            n_embedded=n_numeric,
            seed=seed,
        )
        return initialize(module, seed, self.weight_init)

    # Members of one stack may have data of their own, so that it pays to fit those of several data sets together.
    _family_joins_splits = True

    def _fit_family(self, X, y=None, *, candidates, splits, sample_weight=None, pairs=None):
        yield from fit_networks(
            self, X, y, candidates=candidates, splits=splits, sample_weight=sample_weight, pairs=pairs
        )

    def _layer_arrays(self, kind: str) -> list[np.ndarray]:
        # Normalisations have vectors for weights.
        layers = [
            name.removesuffix("weight")
            for name, value in self._weights.items()
            if name.startswith("layers.") and name.endswith(".weight") and value.ndim == 2
        ]
        return [self._weights[layer + kind] for layer in layers]

    @property
    def coefs_(self) -> list[np.ndarray]:
        """The weights of the layers, each of shape (n_in, n_out)."""
        return [weight.T for weight in self._layer_arrays("weight")]

    @property
    def intercepts_(self) -> list[np.ndarray]:
        """The biases of the layers, each of shape (n_out,)."""
        return self._layer_arrays("bias")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = self._takes_missing
        return tags
