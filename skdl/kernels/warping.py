"""Whether the series of a class differ by when things happen in them, told by nearest neighbours."""

import math

import numpy as np

# Series that are compared, steps of each, and values that two steps of all channels are compared by for a pair of
# series: pairs and alignments grow with the squares of the first two.
SERIES, _STEPS, _COMPARED = 128, 128, 8 * 128**2


def differ_by_timing(steps: np.ndarray, lengths: np.ndarray, codes: np.ndarray) -> bool:
    """Whether time warping helps a nearest neighbour to tell classes.

    Each series is classified by its nearest other one, step by step and by dynamic time warping (Sakoe & Chiba 1978,
    https://doi.org/10.1109/TASSP.1978.1163055). Of the series that only one of the two gets right, warping must win by
    more than the root of their number, which is the standard deviation of that difference where both are as good.

    Parameters
    ----------
    steps : ndarray of shape (m, t, c)
        Series of comparable channels, not many more than ``SERIES``. Long ones are shortened, and those of many
        channels more, so that it takes some seconds at most.
    lengths : ndarray of int of shape (m,)
        The number of real steps of each.
    codes : ndarray of int of shape (m,)
        The classes.

    Returns
    -------
    bool
    """
    from skdl.kernels._warping_loops import nearest_others

    if len(steps) < 2:
        return False
    n_steps = min(int(lengths.max()), _STEPS, max(2, math.isqrt(_COMPARED // steps.shape[2])))
    resampled = np.empty((len(steps), n_steps, steps.shape[2]))
    for series, values, length in zip(resampled, steps, lengths, strict=True):
        times = np.linspace(0.0, length - 1.0, n_steps)
        for channel in range(values.shape[1]):
            series[:, channel] = np.interp(times, np.arange(length), values[:length, channel])
    plain, warped = (codes[nearest_others(resampled, aligned)] == codes for aligned in (False, True))
    won, lost = int((warped & ~plain).sum()), int((plain & ~warped).sum())
    return won - lost > np.sqrt(won + lost)
