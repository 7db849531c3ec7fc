"""Networks that learn from each other: a body to start from, and features for whatever comes after."""

import copy
from typing import Any

import numpy as np
import torch
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from skdl.engine import state_from_numpy
from skdl.neural._preparation import Preparation
from skdl.nn.anatomy import Body, called_layers


def adopt_body(module: nn.Module, source: Any, probe: tuple[Tensor, ...]) -> None:
    """Copy the weights of a fitted estimator's network.

    Parameters
    ----------
    module : torch.nn.Module
        The new network; changed in place.
    source : NeuralEstimator
        Fitted.
    probe : tuple of Tensor
        Something to call the new network with.

    Raises
    ------
    ValueError
        If the networks differ anywhere but in the shape of their heads.
    """
    head = called_layers(module, probe)[-1]
    theirs, ours = _tensors(state_from_numpy(source._weights)), _tensors(module.state_dict())
    if len(theirs) == len(ours) and theirs.keys() != ours.keys():
        # Dropout, which has no weights, shifts the names of the layers behind it, but not their order.
        theirs = dict(zip(ours, theirs.values(), strict=True))
    head_names = {name for name in ours if name.rpartition(".")[0] == head}
    same_head = all(name in theirs and theirs[name].shape == ours[name].shape for name in head_names)
    taken = {name: value for name, value in ours.items() if same_head or name not in head_names}
    strange = [
        f"{name} {tuple(value.shape)}"
        for name, value in taken.items()
        if name not in theirs or theirs[name].shape != value.shape
    ]
    if strange:
        raise ValueError(
            f"init_from brings no weights for {', '.join(strange[:5])}{', ...' if len(strange) > 5 else ''} of the new "
            f"network. Its {type(source).__name__} must have the same layers; the last one alone may differ."
        )
    with torch.no_grad():
        for name, value in taken.items():
            value.copy_(theirs[name])


def _tensors(state: dict) -> dict[str, Tensor]:
    """What of a state dict can be taken over: how often a layer was called is the affair of each training."""
    return {
        name: value for name, value in state.items() if isinstance(value, Tensor) and not name.endswith("_extra_state")
    }


class Transferable(ClassNamePrefixFeaturesOutMixin, TransformerMixin, Preparation):
    """What a neural estimator takes from another one, and what it gives to the next step of a pipeline."""

    def _source(self) -> "Transferable":
        """The estimator that ``init_from`` names."""
        source = getattr(self.init_from, "estimator", self.init_from)  # it may be frozen
        if not isinstance(source, Transferable):
            raise ValueError(
                f"init_from of {type(self).__name__} must be a fitted neural estimator of skdl, or one in a "
                f"sklearn.frozen.FrozenEstimator; got {type(source).__name__}."
            )
        if not source.__sklearn_is_fitted__():
            raise ValueError(
                f"init_from of {type(self).__name__} is not fitted. scikit-learn's clone, and so every search and "
                "cross-validation, forgets what an estimator has learnt unless it is wrapped: "
                "init_from=sklearn.frozen.FrozenEstimator(fitted)."
            )
        return source

    def _adopt_inputs(self) -> None:
        """Take over what the source has learnt of its inputs, without which its weights would read something else."""
        source = self._source()
        for name in self._input_attributes:
            if hasattr(source, name):
                setattr(self, name, copy.deepcopy(getattr(source, name)))

    def transform(self, X) -> np.ndarray:
        """Compute what the last layer reads: the activations of the layer before.

        Parameters
        ----------
        X : array-like, frame or tensor of shape (n, d)
            The samples.

        Returns
        -------
        ndarray of shape (n, n_features_out), dtype float32
            Averaged over places where the last layer works on several. Without a hidden layer they are the inputs, as
            the network gets them.
        """
        check_is_fitted(self)
        body = Body(self.net_.module_, self._head())
        return self._without_overflow(self._compute(body, self._read_inputs(X, reset=False)))

    def _without_overflow(self, outputs: np.ndarray) -> np.ndarray:
        """What the network gives ``(n, ...)``, which must be numbers."""
        finite = np.isfinite(outputs).reshape(len(outputs), -1).all(axis=1)
        if not finite.all():
            raise ValueError(
                f"{type(self).__name__} gives no number for row {int(np.argmin(finite))} of X: so far from what it was "
                "trained on, its products overflow. Check that row, or clip X."
            )
        return outputs

    def _head(self) -> str:
        """The path of the last layer of the network."""
        # A module of its own is looked at, since looking changes its mode for as long as it takes.
        return self._device_cache.get("head", lambda: called_layers(self._new_module(), self._probe())[-1])

    @property
    def _n_features_out(self) -> int:
        probe = tuple(tensor.to(self.net_.device) for tensor in self._probe())
        with torch.no_grad():
            return Body(self.net_.module_.eval(), self._head())(*probe).shape[1]
