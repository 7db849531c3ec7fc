"""Family fits of logistic regression: penalties along a path, splits side by side."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
import scipy.sparse as sp
import torch
from sklearn.base import clone

from skdl.base import take_rows
from skdl.kernels.threads import one_torch_thread, side_by_side
from skdl.linear_model._base import copy_columns
from skdl.utils import resolve_device

# From how many values in X on the splits of a family are worth a thread each.
_LARGE = 1 << 19


def fit_logistic_family(estimator, X, y, candidates: Sequence, splits: Sequence, sample_weight) -> Iterator[tuple]:
    """Fit candidates and splits together.

    Candidates that differ in ``C``, ``l1_ratio``, ``tol`` or ``max_iter`` share the samples on the device, their Gram
    matrix and the rest of the preparation, and are solved from the most to the least regularized, each beginning where
    the one before ended, moved by what the same change of ``C`` meant in the first split. The optimum is the same as
    that of a single fit, and so are the results up to the tolerance: objectives agree within ``tol ** 2`` of the loss
    of a model without columns. A model without a penalty, whose optimum may not be unique, begins from nothing like a
    single fit.

    The first split is solved by all threads and guides the others, which have a thread each where X is large: products
    gain little from threads that wait for each other after each of them. What a solver warns of is said by the thread
    that asks for the members.

    Parameters
    ----------
    estimator : LogisticRegression
        The prototype.
    X, y, candidates, splits, sample_weight : as in :func:`skdl.base.fit_family`
        The samples and the members.

    Yields
    ------
    candidate_index, split_index : int
    fitted : LogisticRegression
    """
    models = [clone(estimator).set_params(**clone(dict(candidate), safe=False)) for candidate in candidates]
    groups: dict[tuple, list[int]] = {}
    for index, model in enumerate(models):
        penalized = (model.solver == "liblinear", model.solver == "liblinear" and model.intercept_scaling)
        key = (model.fit_intercept, repr(model.class_weight), model.multi_class, str(model.device), *penalized)
        groups.setdefault(key, []).append(index)

    def solved(split_index: int, guide: dict[int, tuple], _=None) -> Iterator[tuple]:
        X_split, y_split = take_rows(X, splits[split_index]), take_rows(y, splits[split_index])
        weight = take_rows(sample_weight, splits[split_index])
        for members in groups.values():
            copies = [(index, clone(models[index])) for index in members]
            for index, model, classes, fit, leads in _solve_path(copies, X_split, y_split, weight, guide):
                yield index, split_index, model, classes, fit, leads

    ends: dict[int, tuple] = {}  # where the candidates ended on the first split
    for index, split_index, model, classes, fit, leads in solved(0, {}) if len(splits) else ():
        if leads:
            ends[index] = fit.start
        yield index, split_index, model._store(classes, fit)
    tasks = [partial(solved, split_index, ends) for split_index in range(1, len(splits))]
    n_threads = min(torch.get_num_threads(), len(tasks))
    threaded = n_threads > 1 and _is_large(X) and all(_is_quiet_on_cpu(model) for model in models)

    def rest() -> Iterator[tuple]:
        if threaded:
            with one_torch_thread():
                yield from side_by_side(tasks, n_threads)
        else:
            for task in tasks:
                yield from task()

    for index, split_index, model, classes, fit, _ in rest():
        yield index, split_index, model._store(classes, fit)


def _solve_path(members, X, y, weight, guide) -> Iterator[tuple]:
    """Solve members on one split, and tell whether others may begin where each ended; ``guide`` is from the first."""
    for _, model in members:
        model._check_parameters()
    settings = [(*model._resolved_penalty(), index, model) for index, model in members]
    settings.sort(key=lambda setting: (setting[1], setting[0]))
    first = members[0][1]
    problem = first._problem(X, y, weight)
    start: Any = None
    last = None
    for C, l1_ratio, index, model in settings:
        copy_columns(first, model)
        guided = l1_ratio == 0 and index in guide and guide[index][0].shape == problem.coef_shape
        if guided and start is None:
            start = guide[index]
        elif guided and last in guide:
            start = tuple(
                now + there - before for now, there, before in zip(start, guide[index], guide[last], strict=True)
            )
        fit = problem.solve(model, C, l1_ratio, start=None if np.isinf(C) else start)
        leads = not fit.interrupted and not np.isinf(C)
        if leads:
            start, last = fit.start, index
        yield index, model, problem.classes, fit, leads


def _is_large(X) -> bool:
    return not sp.issparse(X) and len(np.shape(X)) == 2 and np.prod(np.shape(X)) > _LARGE


def _is_quiet_on_cpu(model) -> bool:
    return not model.verbose and resolve_device(model.device).type == "cpu"
