"""Networks of one's own: any torch module as a scikit-learn estimator."""

import inspect
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from skdl.exceptions import InvalidParameterError
from skdl.neural._base import NeuralEstimator
from skdl.neural._docs import share_documentation
from skdl.neural._tasks import NeuralClassifierMixin, NeuralRegressorMixin
from skdl.utils import derive_seeds, validate_X

_PREFIX = "module__"


class _OwnNetwork(NeuralEstimator):
    """What classifier and regressor share: arrays go in as they are, the user's module is built."""

    _constraints: ClassVar[dict[str, list]] = {**NeuralEstimator._constraints, "module": [None, callable]}
    _layers_draw = True

    # Parameters of the module are attributes named ``module__...``, as in a skorch net.

    def _store(self, arguments: dict) -> None:
        self._set_module_parameters(arguments.pop("module_parameters"))
        super()._store(arguments)

    def get_params(self, deep=True):
        """Return the parameters, those of the module among them.

        Parameters
        ----------
        deep : bool, default=True
            Whether parameters of parameters are wanted too.

        Returns
        -------
        dict
            Values by name.
        """
        own = {name: value for name, value in vars(self).items() if name.startswith(_PREFIX)}
        return super().get_params(deep=deep) | own

    def set_params(self, **params):
        """Set parameters.

        Parameters
        ----------
        **params : dict
            Values by name; ``module__...`` may name any argument of ``module``.

        Returns
        -------
        self
            The estimator.
        """
        # scikit-learn's checks take the name behind ** for a parameter too; fit refuses it.
        own = {name: value for name, value in params.items() if name.startswith((_PREFIX, "module_parameters"))}
        self._set_module_parameters(own)
        return super().set_params(**{name: value for name, value in params.items() if name not in own})

    def _set_module_parameters(self, parameters: dict) -> None:
        for name, value in parameters.items():
            if not name.startswith(_PREFIX):
                self._unknown_parameter = name  # scikit-learn wants constructors that never raise: fit will
            setattr(self, name, value)

    def _check_parameters(self) -> None:
        super()._check_parameters()
        if hasattr(self, "_unknown_parameter"):
            raise InvalidParameterError(
                f"{type(self).__name__} has no parameter {self._unknown_parameter!r}; arguments of the module begin "
                f"with {_PREFIX!r}."
            )
        if isinstance(self.module, nn.Module):
            raise ValueError(
                f"module of {type(self).__name__} must be a class or a function that makes a module, so that every fit "
                f"starts anew; got an instance of {type(self.module).__name__}. Hand over the class, and its arguments "
                f"as {_PREFIX}..."
            )

    def _fit_inputs(self, X) -> np.ndarray:
        X = validate_X(self, X, reset=True, allow_nd=True, ensure_min_samples=2)
        self._input_shape = X.shape[1:]
        return X

    def _encode_inputs(self, X) -> np.ndarray:
        X = validate_X(self, X, reset=False, allow_nd=True)
        self._check_sample_shape(X, self._input_shape)
        return X

    def _fit_preprocessing(self, X: np.ndarray, weight: np.ndarray | None) -> None:
        """The module takes what there is."""

    def _to_tensors(self, X: np.ndarray) -> tuple[Tensor, ...]:
        return (torch.from_numpy(np.array(X, dtype=np.float32, order="C")),)

    def _build_module(self, seed: int) -> nn.Module:
        arguments = {
            name.removeprefix(_PREFIX): value
            for name, value in self.get_params(deep=False).items()
            if name.startswith(_PREFIX)
        }
        known = {
            "n_features": self._input_shape[0],
            "input_shape": tuple(self._input_shape),
            "n_outputs": self.n_outputs_,
        }
        torch.manual_seed(int(derive_seeds(seed, "module", 1)[0]))
        if self.module is None:
            return nn.Sequential(nn.Flatten(), nn.Linear(int(np.prod(self._input_shape)), self.n_outputs_))
        takes = inspect.signature(self.module).parameters
        arguments = {name: value for name, value in known.items() if name in takes} | arguments
        try:
            module = self.module(**arguments)
        except TypeError as error:
            raise ValueError(
                f"module of {type(self).__name__} could not be built with the arguments {sorted(arguments)}: {error}. "
                f"Set what is missing as {_PREFIX}<argument>; n_features, input_shape and n_outputs are given where "
                "the module takes arguments of these names."
            ) from error
        self._check_output(module)
        return module

    def _check_output(self, module: nn.Module) -> None:
        """Fail before training where the module does not give one number for each output."""
        probe = torch.zeros((2, *self._input_shape))
        with torch.no_grad():
            output = module.eval()(probe)
        module.train()
        if tuple(output.shape) != (2, self.n_outputs_):
            raise ValueError(
                f"module of {type(self).__name__} gives an output of shape {tuple(output.shape)} for 2 samples, but "
                f"(2, {self.n_outputs_}) is needed: {self._meaning_of_outputs()}."
            )

    def _meaning_of_outputs(self) -> str:
        outputs = {"classification": "a logit for each class", "multilabel": "a logit for each label"}
        return outputs.get(self._task, "a number for each target")


@share_documentation
class NeuralClassifier(NeuralClassifierMixin, _OwnNetwork):
    """A classifier with a torch module of one's own.

    Use it where no ready-made network fits: write an ``nn.Module``, and cross-validate, search and vote with it as with
    any scikit-learn classifier. For tables start from :class:`MLPClassifier`, which scales and embeds columns.

    Parameters
    ----------
    module : callable or None, default=None
        A class or function that makes the module. Its arguments are set as ``module__<name>``; arguments named
        ``n_features``, ``input_shape`` and ``n_outputs`` are given by the data where the module takes them. The module
        maps float32 samples ``(n, ...)``, shaped as in X, to logits ``(n, n_outputs)``. None makes one linear layer:
        softmax regression.
    <training parameters>
    **module_parameters : dict
        Arguments of the module, each named ``module__<name>``.

    Attributes
    ----------
    <attributes>

    Raises
    ------
    <errors>

    See Also
    --------
    MLPClassifier : A ready-made network for tables.

    Notes
    -----
    Cost: that of the module, forward and backward, for each row and epoch; memory for the float32 samples, the weights
    and twice the weights for the optimizer.

    X is handed over as it is, unscaled: put a scaler before it in a pipeline. It may have more than two dimensions.
    Random numbers that layers draw while building and training (dropout, say) come from torch's generators, which are
    seeded by ``random_state`` for the fit and left as they were.

    References
    ----------
    Paszke, A. et al. (2019). PyTorch: an imperative style, high-performance deep learning library. NeurIPS.
    https://doi.org/10.48550/arXiv.1912.01703

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from torch import nn
    >>> from skdl.neural import NeuralClassifier
    >>> def net(n_features, n_outputs, width=8):
    ...     return nn.Sequential(nn.Linear(n_features, width), nn.ReLU(), nn.Linear(width, n_outputs))
    >>> X, y = load_iris(return_X_y=True)
    >>> model = NeuralClassifier(net, module__width=16, lr=0.01, max_epochs=50, random_state=0).fit(X, y)
    >>> bool(model.score(X, y) > 0.9)
    True
    """

    def __init__(
        self,
        module=None,
        *,
        optimizer="adamw",
        lr=1e-2,
        layer_lr_decay=1.0,
        weight_decay=1e-2,
        l1=0.0,
        batch_size=128,
        max_epochs=100,
        early_stopping="auto",
        validation_fraction=0.1,
        patience=10,
        schedule=None,
        warmup_epochs=0,
        gradient_clip=None,
        gradient_clip_value=None,
        ema_decay=None,
        init_from=None,
        freeze=None,
        checkpoint=None,
        checkpoint_every=1,
        compile=False,
        mixed_precision=False,
        accelerate=False,
        callbacks=None,
        warm_start=False,
        loss="auto",
        focal_gamma=2.0,
        label_smoothing=0.0,
        class_weight=None,
        device="auto",
        verbose=0,
        random_state=None,
        **module_parameters,
    ):
        self._store(locals())


@share_documentation
class NeuralRegressor(NeuralRegressorMixin, _OwnNetwork):
    """A regressor with a torch module of one's own.

    Use it where no ready-made network fits: write an ``nn.Module``, and cross-validate, search and average with it as
    with any scikit-learn regressor. For tables start from :class:`MLPRegressor`, which scales and embeds columns.

    Parameters
    ----------
    module : callable or None, default=None
        A class or function that makes the module. Its arguments are set as ``module__<name>``; arguments named
        ``n_features``, ``input_shape`` and ``n_outputs`` are given by the data where the module takes them. The module
        maps float32 samples ``(n, ...)``, shaped as in X, to numbers ``(n, n_outputs)``; it learns targets of mean 0
        and variance 1. None makes one linear layer: least squares.
    <training parameters>
    **module_parameters : dict
        Arguments of the module, each named ``module__<name>``.

    Attributes
    ----------
    <attributes>

    Raises
    ------
    <errors>

    See Also
    --------
    MLPRegressor : A ready-made network for tables.

    Notes
    -----
    Cost: that of the module, forward and backward, for each row and epoch; memory for the float32 samples, the weights
    and twice the weights for the optimizer.

    X is handed over as it is, unscaled: put a scaler before it in a pipeline. It may have more than two dimensions.
    Random numbers that layers draw while building and training (dropout, say) come from torch's generators, which are
    seeded by ``random_state`` for the fit and left as they were.

    References
    ----------
    Paszke, A. et al. (2019). PyTorch: an imperative style, high-performance deep learning library. NeurIPS.
    https://doi.org/10.48550/arXiv.1912.01703

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from torch import nn
    >>> from skdl.neural import NeuralRegressor
    >>> def net(n_features, n_outputs, width=8):
    ...     return nn.Sequential(nn.Linear(n_features, width), nn.ReLU(), nn.Linear(width, n_outputs))
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = NeuralRegressor(net, module__width=16, lr=0.01, max_epochs=50, random_state=0).fit(10 * X, y)
    >>> bool(model.score(10 * X, y) > 0.4)
    True
    """

    def __init__(
        self,
        module=None,
        *,
        optimizer="adamw",
        lr=1e-2,
        layer_lr_decay=1.0,
        weight_decay=1e-2,
        l1=0.0,
        batch_size=128,
        max_epochs=100,
        early_stopping="auto",
        validation_fraction=0.1,
        patience=10,
        schedule=None,
        warmup_epochs=0,
        gradient_clip=None,
        gradient_clip_value=None,
        ema_decay=None,
        init_from=None,
        freeze=None,
        checkpoint=None,
        checkpoint_every=1,
        compile=False,
        mixed_precision=False,
        accelerate=False,
        callbacks=None,
        warm_start=False,
        loss="auto",
        huber_delta=1.0,
        quantile=0.5,
        device="auto",
        verbose=0,
        random_state=None,
        **module_parameters,
    ):
        self._store(locals())
