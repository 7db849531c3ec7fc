"""Growing, walking and pruning decision trees, compiled by numba.

A column is sorted once; every node then owns the same stretch of all sorted columns, and a split partitions those stretches
in place (``_grow``). ``_problem`` says what goes in, ``_scan`` how one column is searched. Nothing here knows scikit-learn.
"""

from skdl.kernels.tree._fit import grow_tree
from skdl.kernels.tree._grow import Nodes
from skdl.kernels.tree._predict import apply_mixed, apply_numeric, paths
from skdl.kernels.tree._problem import CRITERIA, Limits, Samples
from skdl.kernels.tree._prune import kept_nodes, parents_and_depths, weakest_links

__all__ = [
    "CRITERIA",
    "Limits",
    "Nodes",
    "Samples",
    "apply_mixed",
    "apply_numeric",
    "grow_tree",
    "kept_nodes",
    "parents_and_depths",
    "paths",
    "weakest_links",
]
