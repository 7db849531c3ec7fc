"""What the functions of cross-validation share: checks of their arguments, and who gets which metadata."""

import numbers
from typing import Any

from sklearn import get_config
from sklearn.exceptions import UnsetMetadataPassedError
from sklearn.utils import Bunch
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping, process_routing

from skdl.exceptions import InvalidParameterError
from skdl.utils import Interval, Options, check_parameters

__all__ = ["check_arguments", "route"]

_CONSTRAINTS: dict[str, list] = {
    "n_jobs": [Interval("int", None, None), None],
    "verbose": [Interval("int", 0, None), bool],
    "params": [dict, None],
    "pre_dispatch": [Interval("int", 1, None), str, None],
    "return_train_score": [bool],
    "return_estimator": [bool],
    "return_indices": [bool],
    "return_times": [bool],
    "shuffle": [bool],
    "exploit_incremental_learning": [bool],
    "n_permutations": [Interval("int", 1, None)],
    "method": [Options("predict", "predict_proba", "predict_log_proba", "decision_function")],
    "param_name": [str],
}


def check_arguments(function: str, estimator, groups, *, error_score: Any = "raise", **arguments) -> None:
    """Raise if an argument is not what it may be.

    Parameters
    ----------
    function : str
        The name of the function, for the message.
    estimator : estimator
        Has to have ``fit``.
    groups : array-like or None
        Has to be None where metadata routing is on.
    error_score : "raise" or number, default="raise"
        What else it is, is refused.
    **arguments : dict of str to object
        The others, by name.

    Raises
    ------
    InvalidParameterError
        Names the argument, what it may be and what it was.
    """
    if not hasattr(estimator, "fit") or isinstance(estimator, type):
        raise InvalidParameterError(
            f"estimator of {function} must be an instance with a method fit; got {estimator!r}."
        )
    if error_score != "raise" and not isinstance(error_score, numbers.Real):
        raise InvalidParameterError(
            f"error_score of {function} must be the string 'raise' or a number; got {error_score!r}."
        )
    check_parameters(function, _CONSTRAINTS, arguments)
    if groups is not None and get_config()["enable_metadata_routing"]:
        raise ValueError(
            "`groups` can only be passed if metadata routing is not enabled via "
            "`sklearn.set_config(enable_metadata_routing=True)`. When routing is enabled, pass `groups` alongside "
            "other metadata via the `params` argument instead."
        )


def route(function: str, groups, params, *, estimator, cv, scorer=None, partial_fit: bool = False) -> Bunch:
    """Say who gets which metadata.

    Parameters
    ----------
    function : str
        The name of the function that has the metadata.
    groups : array-like or None
        What the splitter gets where metadata routing is off.
    params : dict or None
        Metadata: for ``fit``, or where metadata routing is on for whoever asked for it.
    estimator, cv, scorer : object
        Who may ask for it; scorer may be None.
    partial_fit : bool, default=False
        Whether ``partial_fit`` may be called.

    Returns
    -------
    Bunch
        ``estimator.fit``, ``estimator.partial_fit``, ``splitter.split`` and ``scorer.score``, each a dict.
    """
    params = {} if params is None else params
    if not get_config()["enable_metadata_routing"]:
        return Bunch(
            estimator=Bunch(fit=params, partial_fit=params),
            splitter=Bunch(split={"groups": groups}),
            scorer=Bunch(score={}),
        )
    fits = MethodMapping().add(caller="fit", callee="fit")
    if partial_fit:
        fits.add(caller="fit", callee="partial_fit")
    router = MetadataRouter(owner=function)
    router.add(splitter=cv, method_mapping=MethodMapping().add(caller="fit", callee="split"))
    router.add(estimator=estimator, method_mapping=fits)
    if scorer is not None:
        router.add(scorer=scorer, method_mapping=MethodMapping().add(caller="fit", callee="score"))
    try:
        routed = process_routing(router, "fit", **params)
    except UnsetMetadataPassedError as error:
        # It speaks of a method fit, which the caller of a function does not know.
        raise UnsetMetadataPassedError(
            message=str(error).replace(f"{function}.fit", function),
            unrequested_params=error.unrequested_params,
            routed_params=error.routed_params,
        ) from error
    if scorer is None:
        routed.scorer = Bunch(score={})
    return routed
