"""Growing parts of one tree at the same time, and putting them together.

A part is a node and what comes below it, but for nodes that were left to later parts. What a part is depends on the
data alone, and nodes are numbered in the end as if one thread had grown them.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from skdl.kernels.tree._grow import Stack
from skdl.kernels.tree._nodes import LEFT, Nodes
from skdl.kernels.tree._turns import in_turns


class Part(NamedTuple):
    """A node whose growth has been put off."""

    start: int
    end: int
    depth: int
    lower: float
    upper: float
    key: int


def grow_in_parts(grow_part: Callable[[Part, bool], tuple[Nodes, Stack]], root: Part, whole: int, n_threads: int):
    """Grow a tree part by part.

    Parameters
    ----------
    grow_part : callable
        Grows a :class:`Part`, and puts off nodes if its second argument is true.
    root : Part
    whole : int
        Parts of up to so many records are grown in one piece.
    n_threads : int
    """
    parts, above = [root], [(-1, 0)]  # above: the part and the node where a part belongs
    grown: dict[int, Nodes] = {}
    waiting = [0]
    while waiting:
        large = [k for k in waiting if parts[k].end - parts[k].start > whole]
        # Small parts wait until there is nothing else to do; the largest of them begin.
        now = large or sorted(waiting, key=lambda k: parts[k].start - parts[k].end)
        waiting = [k for k in waiting if k not in now]
        pieces = in_turns(lambda k: grow_part(parts[k], bool(large)), now, n_threads)  # noqa: B023
        for k, (nodes, later) in zip(now, pieces, strict=True):
            grown[k] = nodes
            for j in range(int(later.top[0])):
                start, end, depth, node, _ = later.whole[j].tolist()
                lower, upper = later.bounds[j].tolist()
                waiting.append(len(parts))
                parts.append(Part(start, end, depth, lower, upper, later.key[j]))
                above.append((k, node))
    return _joined([grown[k] for k in range(len(parts))], above)


def _joined(pieces: list[Nodes], above: list[tuple[int, int]]) -> Nodes:
    """One tree of pieces; a piece comes after the one that it belongs to."""
    if len(pieces) == 1:
        return pieces[0]
    below: list[list[int]] = [[] for _ in pieces]
    for k in range(1, len(pieces)):
        below[above[k][0]].append(k)
    size = [int(piece.used[0]) for piece in pieces]
    for k in range(len(pieces) - 1, 0, -1):
        size[above[k][0]] += size[k] - 1
    n, n_stats = size[0], pieces[0].value.shape[1]
    whole, real, value = np.empty((n, 9), np.int64), np.empty((n, 5)), np.empty((n, n_stats))
    base = [0] * len(pieces)
    for k, piece in enumerate(pieces):
        m = int(piece.used[0])
        step = np.ones(m + 1, np.int64)
        for child in below[k]:
            step[above[child][1] + 1] += size[child] - 1
        place = base[k] + np.cumsum(step)[:m] - 1
        for child in below[k]:
            base[child] = int(place[above[child][1]])
        rows = piece.whole[:m].copy()
        for side in (LEFT, LEFT + 1):
            rows[:, side] = np.where(rows[:, side] >= 0, place[rows[:, side]], rows[:, side])
        whole[place], real[place], value[place] = rows, piece.real[:m], piece.value[:m]
    return Nodes(whole, real, value, pieces[0].key, pieces[0].sets, np.array([n, 0]))
