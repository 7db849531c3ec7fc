"""From a fitted estimator and samples to its network and what that network reads."""

from typing import Any

from sklearn.utils.validation import check_is_fitted

from skdl.inspection._histories import last_step


def find_network(estimator, X, caller: str) -> tuple[Any, Any]:
    """Return the neural estimator that an estimator is or ends with, and the samples as they come to it.

    Parameters
    ----------
    estimator : estimator
        A fitted neural estimator, a pipeline that ends with one, or a search over either.
    X : samples
        What ``estimator.predict`` takes.
    caller : str
        Who asks, for messages.

    Returns
    -------
    network : NeuralEstimator
    X : samples
        After the earlier steps of a pipeline.
    """
    check_is_fitted(estimator)
    outer = getattr(estimator, "best_estimator_", estimator)
    network = last_step(outer)
    if not hasattr(type(network), "net_"):
        raise ValueError(
            f"{caller} needs a neural estimator of skdl.neural, or a pipeline that ends with one; got "
            f"{type(network).__name__}."
        )
    if network is not outer and len(outer.steps) > 1:
        X = outer[:-1].transform(X)
    return network, X


def network_inputs(network, X) -> tuple[Any, tuple]:
    """Return the module of a fitted network and what it is called with for some samples, on its device."""
    net = network.net_
    tensors = network._to_tensors(network._read_inputs(X, reset=False))
    return net.module_, tuple(tensor.to(net.device) for tensor in tensors)
