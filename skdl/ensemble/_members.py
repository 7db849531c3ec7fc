"""Members of an ensemble: fitting them together, asking them, and errors that name the one that failed."""

from collections.abc import Sequence
from contextlib import contextmanager, nullcontext, suppress
from typing import Any

import joblib
import numpy as np
from sklearn import get_config
from sklearn.base import clone
from sklearn.pipeline import Pipeline
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import has_fit_parameter

from skdl.base import Estimator, fit_family, take_rows
from skdl.utils import encode_classes, explained, progress, to_host

Member = tuple[str, Any]
# The rows of a fit; None for all of them.
Rows = np.ndarray | None


@contextmanager
def blame(owner, name: str, estimator, X=None, y=None):
    """Add to an error which member it came from, and to scikit-learn's errors the place and a remedy.

    Parameters
    ----------
    owner : estimator instance
        The ensemble.
    name : str
        The member's name.
    estimator : estimator instance
        The member.
    X, y : object, default=None
        What it was given, to look for the place.

    Yields
    ------
    None
    """
    speaks_for_itself = isinstance(estimator, (Estimator, Pipeline))
    try:
        with nullcontext() if speaks_for_itself else explained(owner, X, y):
            yield
    except Exception as error:
        place = f"(member {name!r} of {type(owner).__name__})"
        try:
            named = type(error)(f"{error}\n{place}")
        except Exception:  # an error that is not made from a text keeps its own
            error.add_note(place)
            raise error from None
        raise named from error


@contextmanager
def one_class_by_name(owner, classes):
    """Say by its label that there is one class alone, where a member, which knows its code, cannot be fitted to it.

    Parameters
    ----------
    owner : estimator instance
        The ensemble.
    classes : ndarray of shape (n_classes,) or None
        The labels.

    Yields
    ------
    None
    """
    try:
        yield
    except ValueError:
        if classes is not None and len(classes) == 1:
            try:
                encode_classes(classes, owner=type(owner).__name__, min_classes=2)
            except ValueError as error:
                raise ValueError(f"{error} Rows whose sample_weight is 0 do not count.") from None
        raise


def learn_columns(owner, fitted) -> None:
    """Let an ensemble take over what a fitted member knows of the data: columns and classes."""
    for name in ("n_features_in_", "feature_names_in_", "classes_"):
        owner.__dict__.pop(name, None)
        if hasattr(fitted, name):
            setattr(owner, name, getattr(fitted, name))


def some_samples(owner, X):
    """Bring samples to the host, and check that there are any; all else about them is checked by the members.

    Parameters
    ----------
    owner : estimator instance
        The ensemble.
    X : object
        Samples of any kind.

    Returns
    -------
    object
        As they came, tensors as arrays.
    """
    X = to_host(X)
    if not hasattr(X, "shape") and not hasattr(X, "__len__"):
        X = np.asarray(X)
    shape = X.shape if hasattr(X, "shape") else (len(X),)
    if not shape:
        raise ValueError(f"X of {type(owner).__name__} must be an array of samples; got {X.item()!r}.")
    with explained(owner, X):
        if not shape[0]:
            raise ValueError(
                f"Found array with 0 sample(s) (shape={shape}) while a minimum of 1 is required by "
                f"{type(owner).__name__}."
            )
    return X


def fit_members(
    owner,
    members: Sequence[Member],
    X,
    y,
    *,
    splits: Sequence[Rows],
    params: Sequence[dict],
    n_jobs=None,
    verbose: int = 0,
) -> dict[tuple[int, int], Any]:
    """Fit every member on every split, those together that know how.

    Members of one class with a family fit make one family, for all splits at once. Pipelines that begin with the same
    steps share the fit of these. All others are fitted one by one.

    Parameters
    ----------
    owner : estimator instance
        The ensemble.
    members : sequence of (str, estimator)
        Cloned, not changed.
    X, y : object
        All the samples and targets.
    splits : sequence of (ndarray of int or None)
        The training rows of each split; None for all of them, as they are.
    params : sequence of dict
        What ``fit`` of each member takes besides, one value for each sample.
    n_jobs : int or None, default=None
        How many groups are worked on at a time.
    verbose : int, default=0
        Shows a progress bar if positive.

    Returns
    -------
    dict of (int, int) to estimator
        By the positions of member and split.
    """
    jobs = _divide(members, params, n_splits=len(splits))
    work = (
        delayed(_fit_job)(
            owner, kind, [members[i] for i in chosen], X, y, [splits[s] for s in wanted], [params[i] for i in chosen]
        )
        for kind, chosen, wanted in jobs
    )
    fitted = {}
    results = Parallel(n_jobs=n_jobs)(progress(work, total=len(jobs), desc=type(owner).__name__, verbose=verbose))
    for (_, chosen, wanted), found in zip(jobs, results, strict=True):
        for (member, split), estimator in found.items():
            fitted[chosen[member], wanted[split]] = estimator
    return fitted


def _divide(members: Sequence[Member], params: Sequence[dict], n_splits: int) -> list[tuple[str, list, list]]:
    """Say what is fitted together: (kind, positions of members, positions of splits)."""
    shared: dict = {}
    for position, (_, member) in enumerate(members):
        key = _prefix_key(member, params[position])
        if key is not None:
            shared.setdefault(key, []).append(position)
    jobs = [("prefix", group, list(range(n_splits))) for group in shared.values() if len(group) > 1]
    placed = {position for _, group, _ in jobs for position in group}
    families: dict = {}
    for position, (_, member) in enumerate(members):
        if position in placed:
            continue
        if _is_family(member, params[position]):
            names = tuple(sorted(member.get_params(deep=False)))
            weight = id(params[position].get("sample_weight"))
            families.setdefault((type(member), names, weight), []).append(position)
        else:
            jobs += [("alone", [position], [split]) for split in range(n_splits)]
    return jobs + [("family", group, list(range(n_splits))) for group in families.values()]


def _is_family(member, params: dict) -> bool:
    if not hasattr(member, "_fit_family") or set(params) - {"sample_weight"}:
        return False
    return "sample_weight" not in params or has_fit_parameter(member, "sample_weight")


def _prefix_key(member, params: dict):
    """What pipelines that share their earlier steps have in common; None where there is nothing to share."""
    if not isinstance(member, Pipeline) or len(member.steps) < 2 or not hasattr(member.steps[-1][1], "fit"):
        return None
    routed = get_config()["enable_metadata_routing"] and params
    if routed or set(params) - {"sample_weight"} or getattr(member, "transform_input", None) is not None:
        return None
    try:
        return joblib.hash(member.steps[:-1]), str(member.memory), id(params.get("sample_weight"))
    except Exception:  # a step that cannot be pickled cannot be compared either
        return None


def _fit_job(owner, kind: str, members, X, y, splits, params) -> dict[tuple[int, int], Any]:
    if kind == "prefix":
        return _fit_with_one_prefix(owner, members, X, y, splits, params)
    if kind == "family":
        return _fit_as_family(owner, members, X, y, splits, params)
    name, member = members[0]
    return {(0, s): _fit_alone(owner, name, member, X, y, rows, params[0]) for s, rows in enumerate(splits)}


def _fit_as_family(owner, members, X, y, splits, params):
    prototype = members[0][1]
    candidates = [{}] if len(members) == 1 else [member.get_params(deep=False) for _, member in members]
    all_rows = np.arange(len(y))
    fitted = {}
    with suppress(Exception):  # whoever it was fails again below, alone and by name
        for candidate, split, estimator in fit_family(
            prototype,
            X,
            y,
            candidates=candidates,
            splits=[all_rows if rows is None else rows for rows in splits],
            sample_weight=params[0].get("sample_weight"),
        ):
            fitted[candidate, split] = estimator
    for candidate, (name, member) in enumerate(members):
        for split, rows in enumerate(splits):
            if (candidate, split) not in fitted:
                fitted[candidate, split] = _fit_alone(owner, name, member, X, y, rows, params[candidate])
    return fitted


def _fit_with_one_prefix(owner, members, X, y, splits, params):
    first = members[0][1]
    fitted = {}
    for split, rows in enumerate(splits):
        X_split, y_split = (X, y) if rows is None else (take_rows(X, rows), take_rows(y, rows))
        prefix = clone(first[:-1])
        with blame(owner, members[0][0], first, X_split, y_split):
            inner = prefix.fit_transform(X_split, y_split)
        lasts = [(name, member.steps[-1][1]) for name, member in members]
        inner_params = [_take_params(item, rows) for item in params]
        found = fit_members(owner, lasts, inner, y_split, splits=[None], params=inner_params)
        for position, (_, member) in enumerate(members):
            steps = [*prefix.steps, (member.steps[-1][0], found[position, 0])]
            # A pipeline of fitted steps, with the other parameters of the member.
            others = {name: value for name, value in member.get_params(deep=False).items() if name != "steps"}
            fitted[position, split] = type(member)(steps, **others)
    return fitted


def _take_params(params: dict, rows: Rows) -> dict:
    return params if rows is None else {name: take_rows(value, rows) for name, value in params.items()}


def _fit_alone(owner, name: str, member, X, y, rows: Rows, params: dict):
    if rows is None:
        return _fit_all(owner, name, member, X, y, params)
    some = take_rows(X, rows), take_rows(y, rows), _take_params(params, rows)
    try:
        return _fit_all(owner, name, member, *some)
    except Exception:
        # An error over all rows tells the place as the user counts rows; where there is none, that of the fold stands.
        _fit_all(owner, name, member, X, y, params)
        raise


def _fit_all(owner, name: str, member, X, y, params: dict):
    estimator = clone(member)
    if isinstance(estimator, Pipeline) and not get_config()["enable_metadata_routing"] and "sample_weight" in params:
        params = {f"{estimator.steps[-1][0]}__sample_weight": params["sample_weight"]}
    with blame(owner, name, member, X, y):
        try:
            return estimator.fit(X, y, **params)
        except TypeError as error:
            if "unexpected keyword argument 'sample_weight'" in str(error):
                raise TypeError(
                    f"Underlying estimator {type(member).__name__} does not support sample weights. "
                    "Leave sample_weight out, or the member."
                ) from error
            raise


def ask(owner, name: str, member, X, method: str, n_classes: int | None = None, labels=None):
    """Return what a fitted member says, with a column for every class.

    Parameters
    ----------
    owner : estimator instance
        The ensemble.
    name : str
        The member's name.
    member : fitted estimator
        The member.
    X : object
        Samples.
    method : str
        What to ask.
    n_classes : int or None, default=None
        The number of all classes; None where columns and predictions stand for none.
    labels : ndarray of shape (n_classes,) or None, default=None
        The labels that the member knows the classes by; None for their codes.

    Returns
    -------
    ndarray or list of ndarray
        Predicted classes as codes. A class that the member did not see has probability zero, or the smallest decision
        value.
    """
    with blame(owner, name, member, X):
        said = getattr(member, method)(X)
    if n_classes is None or isinstance(said, list):
        return said
    if method == "predict":
        return said if labels is None else np.searchsorted(labels, said)
    seen = np.asarray(getattr(member, "classes_", np.arange(n_classes) if labels is None else labels))
    if said.ndim != 2 or len(seen) == n_classes or said.shape[1] != len(seen):
        return said
    missing = 0 if method == "predict_proba" else np.finfo(said.dtype).min
    filled = np.full((len(said), n_classes), missing, dtype=said.dtype)
    filled[:, seen if labels is None else np.searchsorted(labels, seen)] = said
    return filled


def join(parts: Sequence, tests: Sequence[np.ndarray]):
    """Put predictions for test folds, which are a partition of the rows, in the order of the rows.

    Parameters
    ----------
    parts : sequence of (ndarray, or list of ndarray)
        Of each fold.
    tests : sequence of ndarray of int
        The rows of each fold.

    Returns
    -------
    ndarray or list of ndarray
    """
    if isinstance(parts[0], list):
        return [join([part[i] for part in parts], tests) for i in range(len(parts[0]))]
    return np.concatenate(parts)[np.argsort(np.concatenate(tests), kind="stable")]
