"""In which type a training computes."""

import torch

MIXED_PRECISIONS = ("bfloat16", "float16")


def autocast_type(asked: bool | str, device: torch.device) -> torch.dtype | None:
    """Turn the parameter ``mixed_precision`` into a type for :class:`torch.autocast`.

    Parameters
    ----------
    asked : bool, "bfloat16" or "float16"
        True takes what the GPU is fast in: bfloat16, or float16 where that is not there.
    device : torch.device
        Where to compute.

    Returns
    -------
    torch.dtype or None
        None for float32 throughout.

    Raises
    ------
    ValueError
        If the device does not gain from it or cannot do it.
    """
    if asked is False:
        return None
    if device.type == "cuda":
        if asked is True:
            return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
        return getattr(torch, str(asked))
    if asked == "bfloat16" and device.type == "cpu":
        return torch.bfloat16
    raise ValueError(
        f"mixed_precision={asked!r} needs a CUDA device, but training runs on {str(device)!r}. Use False, or "
        '"bfloat16", which a CPU can do too, though not every CPU is the faster for it.'
    )
