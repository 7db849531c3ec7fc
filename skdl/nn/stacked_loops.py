"""Compiled loops of a stack of perceptrons: what lies between its batched products, each in one pass over the cache.

Arrays are C-contiguous; the first axis is that of the members. A NaN stays a NaN, so that a member that diverges is
seen to. Sums may be taken in another order than torch's, hence differ from it by rounding.
"""

import numpy as np
from numba import njit

_MATHS = {"contract", "reassoc", "nsz"}


@njit(cache=True, nogil=True)
def gather(source, data_of, order, entry, start, counts, out):
    """Copy rows of a batch to each member; rows past a member's count are zeroed.

    Parameters
    ----------
    source : ndarray of shape (D, n, k)
        The rows of each data set.
    data_of, entry : ndarray of int of shape (M,)
        Which data set, and which order, each member has.
    order : ndarray of int of shape (E, n)
        Orders of the rows.
    start : int
        Where in the order the batch begins.
    counts : ndarray of int of shape (M,)
        How many rows each member has in the batch.
    out : ndarray of shape (M, B, k)
        Where to.
    """
    for m in range(out.shape[0]):
        rows = source[data_of[m]]
        for r in range(counts[m]):
            row = order[entry[m], start + r]
            for j in range(out.shape[2]):
                out[m, r, j] = rows[row, j]
        for r in range(counts[m], out.shape[1]):
            for j in range(out.shape[2]):
                out[m, r, j] = 0


@njit(cache=True, nogil=True, fastmath=_MATHS, error_model="numpy")
def add_bias(z, bias):
    """Add ``bias`` (M, k) to ``z`` (M, B, k)."""
    for m in range(z.shape[0]):
        for r in range(z.shape[1]):
            for j in range(z.shape[2]):
                z[m, r, j] += bias[m, j]


@njit(cache=True, nogil=True, fastmath=_MATHS, error_model="numpy")
def add_bias_relu(z, bias):
    """Add ``bias`` (M, k) to ``z`` (M, B, k) and zero what is negative."""
    zero = z.dtype.type(0)
    for m in range(z.shape[0]):
        for r in range(z.shape[1]):
            for j in range(z.shape[2]):
                value = z[m, r, j] + bias[m, j]
                z[m, r, j] = zero if value <= zero else value


@njit(cache=True, nogil=True, fastmath=_MATHS, error_model="numpy")
def relu_gradient(gradient, activation, bias_gradient):
    """Zero ``gradient`` (M, B, k) where ``activation`` is zero, and sum it over the rows into (M, k)."""
    zero = gradient.dtype.type(0)
    for m in range(gradient.shape[0]):
        for j in range(gradient.shape[2]):
            bias_gradient[m, j] = zero
        for r in range(gradient.shape[1]):
            for j in range(gradient.shape[2]):
                value = zero if activation[m, r, j] <= zero else gradient[m, r, j]
                gradient[m, r, j] = value
                bias_gradient[m, j] += value


@njit(cache=True, nogil=True, fastmath=_MATHS, error_model="numpy")
def sum_rows(gradient, bias_gradient):
    """Sum ``gradient`` (M, B, k) over the rows into (M, k)."""
    for m in range(gradient.shape[0]):
        for j in range(gradient.shape[2]):
            bias_gradient[m, j] = 0
        for r in range(gradient.shape[1]):
            for j in range(gradient.shape[2]):
                bias_gradient[m, j] += gradient[m, r, j]


@njit(cache=True, nogil=True)
def shift_logits(logits, bias, target, chosen):
    """Add the bias to ``logits`` (M, B, K), take each row's largest from it, and note the target's logit in (M, B)."""
    for m in range(logits.shape[0]):
        for r in range(logits.shape[1]):
            largest = logits[m, r, 0] + bias[m, 0]
            for j in range(logits.shape[2]):
                logits[m, r, j] += bias[m, j]
                largest = max(largest, logits[m, r, j])
            for j in range(logits.shape[2]):
                logits[m, r, j] -= largest
            chosen[m, r] = logits[m, r, target[m, r]]


@njit(cache=True, nogil=True, fastmath=_MATHS, error_model="numpy")
def softmax_gradient(powers, target, scale, chosen, bias_gradient, losses):
    """Turn powers of e (M, B, K) into the gradient of the scaled cross-entropy, and sum the latter up into (M,)."""
    for m in range(powers.shape[0]):
        loss = 0.0
        for j in range(powers.shape[2]):
            bias_gradient[m, j] = 0
        for r in range(powers.shape[1]):
            total = powers[m, r, 0]
            for j in range(1, powers.shape[2]):
                total += powers[m, r, j]
            loss += scale[m, r] * (np.log(total) - chosen[m, r])
            factor = scale[m, r] / total
            for j in range(powers.shape[2]):
                powers[m, r, j] *= factor
            powers[m, r, target[m, r]] -= scale[m, r]
            for j in range(powers.shape[2]):
                bias_gradient[m, j] += powers[m, r, j]
        losses[m] = loss


@njit(cache=True, nogil=True, fastmath=_MATHS, error_model="numpy")
def sum_squares(flat, sizes, out):
    """Add the squares of what each member has to ``out`` (M,); ``flat`` and ``sizes`` are those of :func:`adam`."""
    first = 0
    for block in range(len(sizes)):
        for m in range(len(out)):
            values = flat[first : first + sizes[block]]
            total = out[m]
            for j in range(len(values)):
                total += values[j] * values[j]
            out[m] = total
            first += sizes[block]


@njit(cache=True, nogil=True, fastmath=_MATHS, error_model="numpy")
def adam(flat, gradient, mean, square, sizes, rate, shrink, coupled, moved_1, moved_2, correction_1, correction_2, eps):
    """Take a step of Adam for each member, in place; all numbers are of one type, or loops would run in double.

    Parameters
    ----------
    flat, gradient, mean, square : ndarray of shape (M * P,)
        Weights, their gradient, and its moving moments, for each layer a block with the members one after another.
    sizes : ndarray of int of shape (n_blocks,)
        The number of weights that a member has in each block.
    rate, shrink, coupled : ndarray of shape (M,)
        The learning rate, the factor of the weights (decay apart from the gradient), the decay within the gradient.
    moved_1, moved_2 : float
        By how much the moments move, one less Adam's betas.
    correction_1, correction_2, eps : float
        What the first moment and the root of the second are multiplied with, and what is added to the root.
    """
    first = 0
    kept_2 = flat.dtype.type(1) - moved_2
    for block in range(len(sizes)):
        size = sizes[block]
        for m in range(len(rate)):
            step, factor, decay = rate[m] * correction_1, shrink[m], coupled[m]
            weights, slopes = flat[first : first + size], gradient[first : first + size]
            means, squares = mean[first : first + size], square[first : first + size]
            for j in range(size):
                weight = weights[j]
                slope = slopes[j] + decay * weight
                average = means[j] + (slope - means[j]) * moved_1
                spread = squares[j] * kept_2 + slope * slope * moved_2
                means[j] = average
                squares[j] = spread
                weights[j] = weight * factor - step * average / (np.sqrt(spread) * correction_2 + eps)
            first += size
