"""What the products of this machine are worth: how they are rounded, and how fast they are."""

import time
from functools import cache

import torch


def single_precision_is_kept(device) -> bool:
    """Whether a float32 product is computed in float32 here, as torch's settings stand, and not in TF32 or bfloat16."""
    if torch.get_float32_matmul_precision() != "highest":
        return False
    if device.type == "cuda":
        return not torch.backends.cuda.matmul.allow_tf32
    setting = getattr(torch.backends.mkldnn, "matmul", None)
    return getattr(setting, "fp32_precision", "none") in ("none", "ieee")


@cache
def coarse_products_pay(d: int) -> bool:
    """Whether products of bfloat16 are summed in single precision here, and are much faster than those of float32.

    Parameters
    ----------
    d : int
        The length of the sums.

    Returns
    -------
    bool
    """
    generator = torch.Generator().manual_seed(0)
    # Sums of positive numbers, which a running sum in bfloat16 would get badly wrong.
    A = torch.rand(64, d, generator=generator).to(torch.bfloat16)
    B = torch.rand(1024, d, generator=generator).to(torch.bfloat16)
    exact = A.double() @ B.double().T
    if not bool((((A @ B.T).double() - exact).abs() <= 1.01 * (2.0**-8 + d * 2.0**-24) * exact).all()):
        return False
    seconds = []
    for dtype in (torch.bfloat16, torch.float32):
        left, right = A.to(dtype).repeat(8, 1), B.to(dtype)
        out = torch.empty(len(left), len(right), dtype=dtype)
        times = []
        for _ in range(6):
            start = time.perf_counter()
            torch.mm(left, right.T, out=out)
            times.append(time.perf_counter() - start)
        seconds.append(min(times))
    return seconds[0] < 0.4 * seconds[1]
