"""Rows as integers of eight bits, whose products are exact, quick, and bound those of the rows.

A row x becomes ``s u``: integers u of at most 127 times a scale s of its own. What is left of it has a length e, and by
Cauchy and Schwarz ``|q.x - s_q s_x (u_q.u_x)| <= e_q |s_x u_x| + |q| e_x``. Processors multiply such integers about
four times as fast as numbers of single precision, and twice as fast as bfloat16, which errs about as much.
"""

import time
from functools import cache
from typing import NamedTuple

import torch

# Sums of more products might not fit into 32 bits.
MOST_FEATURES = 1 << 17
# What is added to an error, relative to the row's length, for bounds that are computed in single precision: some dozen
# roundings of 2**-24 each.
_ROUNDED = 4e-6


class Integers(NamedTuple):
    """Rows as scaled integers.

    Attributes
    ----------
    values : Tensor of shape (n, d), dtype int8
        From -127 to 127.
    scales : Tensor of shape (n,), dtype float32
        What the integers are multiplied by.
    errors : Tensor of shape (n,), dtype float32
        A little more than the lengths of what the integers leave out.
    sizes : Tensor of shape (n,), dtype float32
        A little more than the lengths of the scaled integers.
    """

    values: torch.Tensor
    scales: torch.Tensor
    errors: torch.Tensor
    sizes: torch.Tensor


def as_integers(rows: torch.Tensor, norms: torch.Tensor) -> Integers:
    """Round rows (m, d) of float64, whose norms (m,) are given, each by its own scale."""
    scales = (rows.abs().amax(dim=1) / 127).float()
    steps = torch.where(scales > 0, scales, torch.ones_like(scales)).double()[:, None]
    rounded = (rows / steps).round_().clamp_(-127, 127)
    values = rounded.to(torch.int8)
    rounded *= scales.double()[:, None]
    sizes = torch.linalg.vector_norm(rounded, dim=1)
    errors = torch.linalg.vector_norm(rounded.sub_(rows), dim=1)
    return Integers(values, scales, (errors + _ROUNDED * norms).float(), (sizes * (1 + _ROUNDED)).float())


def empty_integers(n: int, d: int) -> Integers:
    """Room for so many rows."""
    return Integers(torch.empty((n, d), dtype=torch.int8), torch.empty(n), torch.empty(n), torch.empty(n))


@cache
def integers_pay(d: int) -> bool:
    """Whether products of eight-bit integers with sums of length d are exact here, and much faster than float32."""
    if d > MOST_FEATURES or not hasattr(torch, "_int_mm"):
        return False
    # The extremes, which an instruction that saturates would get wrong.
    A = torch.full((512, d), -127, dtype=torch.int8)
    B = torch.full((1024, d), 127, dtype=torch.int8)
    B[::2] = -127
    floats, results = (A.float(), B.float()), torch.empty(512, 1024)
    integers = torch.empty(512, 1024, dtype=torch.int32)
    try:
        torch._int_mm(A, B.T, out=integers)
    except (RuntimeError, TypeError):
        return False
    if integers[:, ::2].ne(127 * 127 * d).any() or integers[:, 1::2].ne(-127 * 127 * d).any():
        return False
    seconds = []
    for work in (
        lambda: torch._int_mm(A, B.T, out=integers),
        lambda: torch.mm(floats[0], floats[1].T, out=results),
    ):
        times = []
        for _ in range(4):
            start = time.perf_counter()
            work()
            times.append(time.perf_counter() - start)
        seconds.append(min(times))
    return seconds[0] < 0.5 * seconds[1]
