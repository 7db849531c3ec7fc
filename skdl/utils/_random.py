"""Counter-based random streams: a value depends on (seed, purpose, counters, position) and on nothing else.

A generator with a state gives a model other numbers as soon as a sibling draws first, or when the work moves to another
device. Here every value is a hash of where it stands: the finaliser of SplitMix64 (Steele, Lea & Flood 2014,
https://doi.org/10.1145/2660193.2660195) applied to a key plus a multiple of an odd constant. It needs only integer
multiplications, shifts and xors, which wrap alike in NumPy, in torch on a CPU and in torch on a GPU, so all three agree
to the last bit; a whole batch of members is drawn at once by giving one key for each.
"""

import numbers
import zlib

import numpy as np
from sklearn.utils import check_random_state

_GAMMA = 0x9E3779B97F4A7C15
_MULTIPLIER_1 = 0xBF58476D1CE4E5B9
_MULTIPLIER_2 = 0x94D049BB133111EB


def _signed(value: int) -> int:
    """The 64 bits of ``value`` as torch's int64 holds them."""
    return value - (1 << 64) if value >= 1 << 63 else value


def draw_seed(random_state) -> int:
    """Turn a ``random_state`` parameter into the one seed of a fit.

    Parameters
    ----------
    random_state : int, numpy.random.RandomState or None
        An int is the seed itself; a RandomState is advanced by one draw; None draws from NumPy's global state.

    Returns
    -------
    int
    """
    if isinstance(random_state, numbers.Integral):
        check_random_state(random_state)  # refuses what NumPy refuses
        return int(random_state)
    return int(check_random_state(random_state).randint(np.iinfo(np.int32).max))


def derive_keys(seeds, purpose: str, *counters) -> np.ndarray:
    """Derive the keys of streams from seeds.

    Parameters
    ----------
    seeds : int or array of int, shape (M,)
        A seed for each member.
    purpose : str
        What the stream is for; streams of different purposes are independent.
    *counters : int or array of int of shape (M,)
        Which epoch, step, layer, ... the stream belongs to.

    Returns
    -------
    ndarray of shape (M,), dtype int64
    """
    keys = np.atleast_1d(np.asarray(seeds)).astype(np.int64).view(np.uint64)
    keys = _mix_numpy(keys ^ np.uint64(zlib.crc32(purpose.encode())) * np.uint64(_MULTIPLIER_1 >> 32))
    for counter in counters:
        step = np.atleast_1d(np.asarray(counter)).astype(np.int64).view(np.uint64)
        keys = _mix_numpy(keys + (step + np.uint64(1)) * np.uint64(_GAMMA))
    return keys.view(np.int64)


def derive_seeds(seed: int, purpose: str, n: int) -> np.ndarray:
    """Derive ``n`` seeds that fit a scikit-learn ``random_state``.

    Parameters
    ----------
    seed : int
        The seed of the whole.
    purpose : str
        As in :func:`derive_keys`.
    n : int
        How many seeds.

    Returns
    -------
    ndarray of shape (n,), dtype int64
    """
    return (derive_keys(np.full(n, seed), purpose, np.arange(n)).view(np.uint64) >> np.uint64(33)).astype(np.int64)


def _mix_numpy(z: np.ndarray) -> np.ndarray:
    z = (z ^ (z >> np.uint64(30))) * np.uint64(_MULTIPLIER_1)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(_MULTIPLIER_2)
    return z ^ (z >> np.uint64(31))


def _shift_right(z, bits: int):
    # torch shifts int64 arithmetically; the mask clears the copies of the sign bit.
    return (z >> bits) & ((1 << (64 - bits)) - 1)


def random_bits(keys, n: int, device=None):
    """Draw 64 random bits for each position of each stream.

    Parameters
    ----------
    keys : ndarray or Tensor of shape (M,), dtype int64
        From :func:`derive_keys`.
    n : int
        How many positions.
    device : torch.device or None, default=None
        Where to compute; None keeps a tensor's device and takes the CPU for an array.

    Returns
    -------
    Tensor of shape (M, n), dtype int64
    """
    import torch

    if isinstance(keys, np.ndarray) and len(keys) == 1:
        # A number goes along with the call. An array would be copied to the device, which makes the host wait.
        offset = int(keys[0])
    else:
        keys = torch.as_tensor(keys, device=device)
        device, offset = keys.device, keys.unsqueeze(-1)  # (M, 1)
    z = torch.arange(1, n + 1, device=device, dtype=torch.int64) * _signed(_GAMMA)  # (n,)
    z = (z + offset).view(-1, n)  # (M, n)
    z = (z ^ _shift_right(z, 30)) * _signed(_MULTIPLIER_1)
    z = (z ^ _shift_right(z, 27)) * _signed(_MULTIPLIER_2)
    return z ^ _shift_right(z, 31)


def random_uniform(keys, n: int, device=None):
    """Draw float32 numbers uniformly from [0, 1).

    Parameters
    ----------
    keys, n, device : as in :func:`random_bits`

    Returns
    -------
    Tensor of shape (M, n), dtype float32
        Multiples of 2**-24, the same on every device.
    """
    return _shift_right(random_bits(keys, n, device), 40).float() * 2.0**-24


def random_normal(keys, n: int, device=None):
    """Draw float64 numbers from the standard normal distribution, by Box and Muller's method.

    Parameters
    ----------
    keys, n, device : as in :func:`random_bits`

    Returns
    -------
    Tensor of shape (M, n), dtype float64
        Logarithms and cosines may differ by a rounding between devices; draw on the CPU what has to agree.
    """
    import torch

    z = random_bits(keys, 2 * n, device)
    u = (_shift_right(z, 11).double() + 0.5) * 2.0**-53  # in (0, 1)
    radius = torch.sqrt(-2.0 * torch.log(u[..., :n]))
    return radius * torch.cos(2.0 * torch.pi * u[..., n:])


def random_permutation(keys, n: int, device=None):
    """Draw a permutation of ``range(n)`` for each stream.

    Parameters
    ----------
    keys, n, device : as in :func:`random_bits`

    Returns
    -------
    Tensor of shape (M, n), dtype int64
    """
    import torch

    bits = random_bits(keys, n, device)
    if bits.device.type != "cpu":
        return bits.argsort(dim=-1)
    # No two positions of a stream have the same bits, so that any sort comes to the same order: numpy's is vectorised.
    return torch.from_numpy(np.argsort(bits.numpy(), axis=-1))


def random_keep(keys, n: int, probability, device=None):
    """Draw a mask that is true with the given probability, as dropout needs it.

    Parameters
    ----------
    keys, n : as in :func:`random_bits`
    probability : float, or ndarray or Tensor of float64 of shape (M,)
        The share of true values, from 0 to 1, to the nearest multiple of 2**-16; an array gives each stream its own.
    device : as in :func:`random_bits`

    Returns
    -------
    Tensor of shape (M, n), dtype bool
        The same on every device. Each word of 64 bits serves four positions.
    """
    import torch

    quarters = random_bits(keys, -(-n // 4), device).view(torch.int16)[..., :n]  # (M, n), from -32768 to 32767
    if isinstance(probability, numbers.Real):
        bound = round(float(probability) * 2.0**16) - 32768
        # An int16 does not hold the 32768 that keeps everything.
        return torch.ones_like(quarters, dtype=torch.bool) if bound == 32768 else quarters < bound
    # The bound of a tensor takes part in the choice of a type: this one is compared in int32.
    shares = torch.as_tensor(probability, dtype=torch.float64, device=quarters.device)
    return quarters < (shares * 2.0**16).round().to(torch.int32).sub(32768).unsqueeze(-1)
