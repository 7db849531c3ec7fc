"""Growing, walking and pruning decision trees, compiled by numba.

A column is sorted once; every node then owns the same stretch of all sorted columns, and a split partitions those
stretches in place (``_grow``). ``_problem`` says what goes in, ``_scan`` how one column is searched. Nothing here
knows scikit-learn.
"""

from skdl.kernels.tree._columns import rank_columns
from skdl.kernels.tree._fit import grow_tree
from skdl.kernels.tree._multiway import Multiway, Rules, Table, collapse_useless, grow_multiway
from skdl.kernels.tree._multiway_use import (
    SLACK,
    apply_multiway,
    extra_errors,
    held_out_errors,
    predict_shares,
    prune_by_errors,
    prune_pessimistic,
    tidied,
    truncate_multiway,
)
from skdl.kernels.tree._nodes import Nodes
from skdl.kernels.tree._predict import Walker, make_walker, paths, walk
from skdl.kernels.tree._problem import CRITERIA, Limits, Samples
from skdl.kernels.tree._prune import cut_nodes, no_worse_as_leaves, parents_and_depths, places_in_pruned, weakest_links

__all__ = [
    "CRITERIA",
    "SLACK",
    "Limits",
    "Multiway",
    "Nodes",
    "Rules",
    "Samples",
    "Table",
    "Walker",
    "apply_multiway",
    "collapse_useless",
    "cut_nodes",
    "extra_errors",
    "grow_multiway",
    "grow_tree",
    "held_out_errors",
    "make_walker",
    "no_worse_as_leaves",
    "parents_and_depths",
    "paths",
    "places_in_pruned",
    "predict_shares",
    "prune_by_errors",
    "prune_pessimistic",
    "rank_columns",
    "tidied",
    "truncate_multiway",
    "walk",
    "weakest_links",
]
