"""How products are rounded here."""

import torch


def single_precision_is_kept(device) -> bool:
    """Whether a float32 product is computed in float32 here, as torch's settings stand, and not in TF32 or bfloat16."""
    if torch.get_float32_matmul_precision() != "highest":
        return False
    if device.type == "cuda":
        return not torch.backends.cuda.matmul.allow_tf32
    setting = getattr(torch.backends.mkldnn, "matmul", None)
    return getattr(setting, "fp32_precision", "none") in ("none", "ieee")
