"""Families of trees: the table is read once, and what differs only in depth or pruning is cut from one grown tree.

No node of a tree depends on what lies beside or below it (ties and random draws included), so the tree of a smaller
``max_depth`` is the top of the deeper one, and every pruning starts from the same grown tree. Each split reads rows of
the one table; where every value counts, all splits are sorted from one ranking of it.
"""

import os
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numba import config
from sklearn import config_context, get_config
from sklearn.base import clone

from skdl.base import take_rows
from skdl.tree._training import Table
from skdl.tree._tree import SharedLeaves, Tree
from skdl.utils import check_parameters, draw_seed, fit_table

__all__: list[str] = []

# Parameters that decide what is cut off a tree and not how it grows.
_AFTERWARDS = ("max_depth", "ccp_alpha", "confidence_factor", "subtree_raising", "pruning")

# From so many values in a split on, a second thread is worth its start.
_WORTH_A_THREAD = 20_000


class _Group(NamedTuple):
    """Members of one split that are cut from one tree."""

    split: int
    rows: np.ndarray  # of the split
    candidates: list[int]
    grower: Any  # an estimator with the parameters of the growth
    seed: int


def fit_family_of_trees(estimator, X, y, candidates, splits, sample_weight=None, pairs=None):
    """Yield (candidate index, split index, fitted estimator) for every candidate and split, or for the given pairs."""
    own = estimator.get_params(deep=False)
    unfitted = [_with_parameters(estimator, own, parameters) for parameters in candidates]
    _check_parameters(unfitted, candidates)
    if pairs is None:
        pairs = [(candidate, split) for split in range(len(splits)) for candidate in range(len(candidates))]
    groups = _groups(estimator, own, candidates, splits, pairs)
    reader, table = _read_table(estimator, X, len(groups))

    def fit(group: _Group):
        part = np.arange(_n_rows(X))[group.rows]
        split_table, rows, learnt = table, part, reader
        if split_table is None or not len(part):
            schema, encoded = fit_table(
                group.grower, take_rows(X, part), group.grower.categorical_features, allow_nan=True
            )
            split_table, rows, learnt = Table(encoded, schema), np.arange(len(encoded)), None
        if learnt is not None:
            vars(group.grower).update({name: value for name, value in vars(learnt).items() if name.endswith("_")})
        targets, weight = take_rows(y, part), take_rows(sample_weight, part)
        training = group.grower._read_targets(split_table, rows, targets, weight, group.seed)
        grown = group.grower._grown(training.part())
        members = _cut_members(group, training, grown, unfitted)
        # Many small cuts that take turns with another thread would wait for it more than they work: the caller makes
        # them, one by one, while the next trees grow.
        return members if isinstance(grown, Tree) and len(group.candidates) > 1 else list(members)

    size = max((len(rows) for rows in splits), default=0) * (1 if table is None else table.X.shape[1])
    for members in _in_threads(fit, groups, n_threads_allowed() if size >= _WORTH_A_THREAD else 1):
        yield from members


def _with_parameters(estimator, own, parameters):
    """A shallow copy with other parameters; ``set_params`` would look up the signature for each candidate."""
    member = _twin(estimator)
    if not parameters.keys() <= own.keys():
        return member.set_params(**parameters)  # which says what is wrong
    vars(member).update(parameters)
    return member


def _twin(estimator):
    """A shallow copy; ``copy.copy`` would ask scikit-learn for a state with its version."""
    twin = object.__new__(type(estimator))
    vars(twin).update(vars(estimator))
    return twin


def _check_parameters(members, candidates) -> None:
    """Check all parameters of a member, but only those of its own where a sibling with as many has been checked."""
    checked = set()
    for member, parameters in zip(members, candidates, strict=True):
        if parameters.keys() <= member._constraints.keys() and frozenset(parameters) in checked:
            own = {name: member._constraints[name] for name in parameters}
            check_parameters(type(member).__name__, own, parameters)
        else:
            member._check_parameters()
            checked.add(frozenset(parameters))


def _groups(estimator, own, candidates, splits, pairs) -> list[_Group]:
    """What is grown: for each split the candidates that share a tree, with the seed that each would have drawn."""
    growths = [_growth(estimator, own, parameters) for parameters in candidates]
    together: dict[tuple[int, str], list[int]] = defaultdict(list)
    for candidate, split in pairs:
        together[split, growths[candidate]].append(candidate)
    groups = []
    for (split, _), members in together.items():
        grower = clone(estimator).set_params(**clone(dict(candidates[members[0]]), safe=False))
        depths = [{**own, **candidates[member]}["max_depth"] for member in members]
        grower.max_depth = None if any(depth is None for depth in depths) else max(depths)
        groups.append(_Group(split, splits[split], members, grower, draw_seed(grower.random_state)))
    return groups


def _growth(estimator, own, parameters) -> str:
    """What candidates that share a grown tree have in common."""
    setting = {**own, **parameters}
    growth = {name: value for name, value in setting.items() if name not in _AFTERWARDS}
    growth["held out"] = setting.get("pruning", getattr(estimator, "pruning", None)) == "reduced_error"
    if setting.get("max_leaf_nodes") is not None:
        growth["max_depth"] = setting["max_depth"]  # the depth decides where the leaves go
    return repr(sorted(growth.items(), key=lambda item: item[0]))


def _n_rows(X) -> int:
    return X.shape[0] if hasattr(X, "shape") else len(X)


def _read_table(estimator, X, n_groups: int) -> tuple[Any, Table | None]:
    """An estimator that knows the columns, and the table that every split reads rows of.

    None where a split may find other columns in its rows than the whole table has: categories that nobody declared, or
    values outside the splits that are no numbers.
    """
    reader = clone(estimator)
    try:
        schema, encoded = fit_table(reader, X, reader.categorical_features, allow_nan=True)
    except (ValueError, TypeError):
        return None, None
    for column in np.flatnonzero(schema.is_categorical).tolist():
        if not hasattr(X, "iloc") or not isinstance(X.dtypes.iloc[column], pd.CategoricalDtype):
            return None, None
    return reader, Table(encoded, schema, shared=n_groups > 1)


def n_threads_allowed() -> int:
    """How many threads this process may use: numba's number, and no more than OpenMP is allowed."""
    allowed = os.environ.get("OMP_NUM_THREADS", "")
    most = config.NUMBA_NUM_THREADS  # type: ignore[attr-defined]
    return min(most, int(allowed) if allowed.isdigit() and int(allowed) > 0 else 1 << 30)


def _in_threads(work, tasks: Iterable, n_threads: int) -> Iterator:
    """Results in the order of the tasks; only so many tasks are begun as there are threads.

    The settings of the caller's thread, ours and scikit-learn's, hold in the others too.
    """
    if n_threads == 1:
        yield from map(work, tasks)
        return
    settings = get_config()

    def work_as_here(task):
        with config_context(**settings):
            return work(task)

    waiting: deque[Future] = deque()
    with ThreadPoolExecutor(n_threads) as pool:
        try:
            for task in tasks:
                waiting.append(pool.submit(copy_context().run, work_as_here, task))
                if len(waiting) == n_threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def _cut_members(group: _Group, training, grown, unfitted) -> Iterator:
    """Cut each member's tree from the one that was grown to the greatest depth asked for."""
    grower = group.grower
    learnt = {name: value for name, value in vars(grower).items() if name.endswith("_") or name == "_schema"}
    shared = SharedLeaves(grown) if isinstance(grown, Tree) and len(group.candidates) > 1 else None
    shallow: dict[Any, Any] = {}  # by depth
    links: dict[Any, Any] = {}  # by depth
    finished: dict[Any, Any] = {}  # by all that is cut
    for candidate in group.candidates:
        member = _twin(unfitted[candidate])
        depth = member.max_depth
        vars(member).update(learnt)
        if depth not in shallow:
            shallow[depth] = grown if depth == grower.max_depth else grown.truncated(depth)
        setting = (depth, *(getattr(member, name, None) for name in _AFTERWARDS[1:]))
        if setting not in finished:
            tree = finished[setting] = _cut(member, shallow[depth], depth, training, links)
            if shared is not None:
                tree.cached("shared", lambda: shared)
        member._set_tree(finished[setting])
        yield candidate, group.split, member


def _cut(member, tree, depth, training, links):
    """Prune a tree as a member asks; the weakest links of each depth are looked for once."""
    from skdl.tree._base import links_of

    if isinstance(tree, Tree) and member.ccp_alpha > 0.0 and depth not in links:
        links[depth] = links_of(tree)
    return member._pruned(tree, training, links.get(depth))
