"""Families of trees: what differs only in depth or pruning is cut from one grown tree.

No node of a tree depends on what lies beside or below it (ties and random draws included), so the tree of a smaller
``max_depth`` is the top of the deeper one, and every pruning starts from the same grown tree.
"""

import copy
from collections import defaultdict
from typing import Any

from sklearn.base import clone

from skdl.base import take_rows

__all__: list[str] = []

# Parameters that decide what is cut off a tree and not how it grows.
_AFTERWARDS = ("max_depth", "ccp_alpha", "confidence_factor", "subtree_raising", "pruning")


def fit_family_of_trees(estimator, X, y, candidates, splits, sample_weight=None):
    """Yield (candidate index, split index, fitted estimator) for every candidate and split."""
    own = estimator.get_params(deep=False)
    groups = _groups(estimator, own, candidates)
    unfitted = [_with_parameters(estimator, own, parameters) for parameters in candidates]
    for member in unfitted:
        member._check_parameters()
    for split_index, rows in enumerate(splits):
        X_split, y_split = take_rows(X, rows), take_rows(y, rows)
        weight = take_rows(sample_weight, rows)
        for members in groups:
            yield from _fit_group(estimator, X_split, y_split, weight, members, unfitted, split_index)


def _with_parameters(estimator, own, parameters):
    """A shallow copy with other parameters; ``set_params`` would look up the signature for each candidate."""
    member = copy.copy(estimator)
    if not parameters.keys() <= own.keys():
        return member.set_params(**parameters)  # which says what is wrong
    vars(member).update(parameters)
    return member


def _groups(estimator, own, candidates):
    """Lists of (index, parameters) that share a grown tree."""
    groups = defaultdict(list)
    for index, parameters in enumerate(candidates):
        setting = {**own, **parameters}
        growth = {name: value for name, value in setting.items() if name not in _AFTERWARDS}
        growth["held out"] = setting.get("pruning", getattr(estimator, "pruning", None)) == "reduced_error"
        if setting.get("max_leaf_nodes") is not None:
            growth["max_depth"] = setting["max_depth"]  # the depth decides where the leaves go
        groups[repr(sorted(growth.items(), key=lambda item: item[0]))].append((index, parameters))
    return list(groups.values())


def _fit_group(estimator, X, y, weight, members, unfitted, split_index):
    """Grow one tree to the greatest depth asked for and cut each member's tree from it."""
    fitted = [copy.copy(unfitted[index]) for index, _ in members]
    depths = [member.max_depth for member in fitted]
    grower = clone(estimator).set_params(**clone(dict(members[0][1]), safe=False))
    grower.max_depth = None if any(depth is None for depth in depths) else max(depths)
    training = grower._read(X, y, weight)
    grown = grower._grown(training.part())
    learnt = {name: value for name, value in vars(grower).items() if name.endswith("_") or name == "_schema"}
    shallow: dict[Any, Any] = {}  # by depth
    links: dict[Any, Any] = {}  # by depth
    finished: dict[Any, Any] = {}  # by all that is cut
    for (index, _), member, depth in zip(members, fitted, depths, strict=True):
        vars(member).update(learnt)
        if depth not in shallow:
            shallow[depth] = grown if depth == grower.max_depth else grown.truncated(depth)
        setting = (depth, *(getattr(member, name, None) for name in _AFTERWARDS[1:]))
        if setting not in finished:
            finished[setting] = _cut(member, shallow[depth], depth, training, links)
        member._set_tree(finished[setting])
        yield index, split_index, member


def _cut(member, tree, depth, training, links):
    """Prune a tree as a member asks; the weakest links of each depth are looked for once."""
    from skdl.tree._base import links_of
    from skdl.tree._tree import Tree

    if isinstance(tree, Tree) and member.ccp_alpha > 0.0 and depth not in links:
        links[depth] = links_of(tree)
    return member._pruned(tree, training, links.get(depth))
