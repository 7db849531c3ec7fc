"""Impurities, node values and the worth of a split, as functions of the statistics of a set of samples."""

import numpy as np

from skdl.kernels._compile import compiled_part
from skdl.kernels.tree._problem import ENTROPY, GAIN_RATIO, GINI, POISSON

NO_SPLIT = -1.0


@compiled_part
def add_sample(stats, samples, row, weight):
    """Add one sample to a vector of statistics."""
    for k in range(samples.label.shape[1]):
        stats[samples.first[k] + samples.label[row, k]] += weight
    for k in range(samples.target.shape[1]):
        stats[k] += weight * samples.target[row, k]


@compiled_part
def weight_of(samples, row):
    return samples.weight[row] if samples.weight.shape[0] > 0 else 1.0


@compiled_part
def worth(criterion, first, left, right, total, weight_left, weight_right):
    """How much a split lowers the impurity, times the weight of the node.

    ``left``, ``right`` and ``total`` are statistics (V,). NO_SPLIT where the criterion forbids the split.
    """
    weight = weight_left + weight_right
    n_outputs = first.shape[0] - 1
    gain = 0.0
    if criterion == GINI:
        for v in range(total.shape[0]):
            gain += left[v] * left[v] / weight_left + right[v] * right[v] / weight_right - total[v] * total[v] / weight
    elif criterion in (ENTROPY, GAIN_RATIO):
        for v in range(total.shape[0]):
            gain += x_log_x(left[v]) + x_log_x(right[v]) - x_log_x(total[v])
        gain += n_outputs * (x_log_x(weight) - x_log_x(weight_left) - x_log_x(weight_right))
    elif criterion == POISSON:
        for v in range(total.shape[0]):
            if left[v] <= 0.0 or right[v] <= 0.0:
                return NO_SPLIT
            gain += left[v] * np.log(left[v] / weight_left) + right[v] * np.log(right[v] / weight_right)
            gain -= total[v] * np.log(total[v] / weight)
    else:
        for v in range(total.shape[0]):
            # The sum over the left side as a deviation from the node's mean: nothing large cancels.
            deviation = left[v] - weight_left * (total[v] / weight)
            gain += (deviation / weight_left) * (deviation / weight_right) * weight
    return max(gain / n_outputs, 0.0)


@compiled_part
def x_log_x(x):
    return x * np.log2(x) if x > 0.0 else 0.0


@compiled_part
def tolerance(criterion, weight, node_worth):
    """By how much a split must be better than the best one so far to replace it: above the noise of floating point.

    So a tie goes to the first column and the first threshold, whatever the order of the samples.
    """
    if criterion == GINI:
        return 1e-13 * weight
    if criterion in (ENTROPY, GAIN_RATIO):
        return 1e-13 * weight * (1.0 + np.log2(weight + 1.0))
    return 1e-12 * node_worth


@compiled_part
def node_statistics(samples, segment, row_mask, stats):
    """Sum the statistics of a node's records into ``stats`` and return their weight."""
    stats[:] = 0.0
    weight = 0.0
    for record in segment:
        row = np.int64(record & row_mask)
        w = weight_of(samples, row)
        weight += w
        add_sample(stats, samples, row, w)
    return weight


@compiled_part
def is_pure(samples, segment, row_mask):
    """Whether all targets of a node are equal."""
    first = np.int64(segment[0] & row_mask)
    for record in segment:
        row = np.int64(record & row_mask)
        for k in range(samples.label.shape[1]):
            if samples.label[row, k] != samples.label[first, k]:
                return False
        for k in range(samples.target.shape[1]):
            if samples.target[row, k] != samples.target[first, k]:
                return False
    return True


@compiled_part
def impurity_of_classes(criterion, first, stats, weight):
    """Gini index or entropy in bits, the mean over the outputs."""
    n_outputs = first.shape[0] - 1
    impurity = 0.0
    for k in range(n_outputs):
        part = 1.0 if criterion == GINI else 0.0
        for v in range(first[k], first[k + 1]):
            share = stats[v] / weight
            part -= share * share if criterion == GINI else x_log_x(share)
        impurity += max(part, 0.0)
    return impurity / n_outputs


@compiled_part
def impurity_of_targets(criterion, samples, segment, row_mask, stats, weight):
    """Mean squared deviation or half the mean Poisson deviance, the mean over the outputs."""
    n_outputs = samples.target.shape[1]
    impurity = 0.0
    for k in range(n_outputs):
        mean = stats[k] / weight
        total = 0.0
        for record in segment:
            row = np.int64(record & row_mask)
            y = samples.target[row, k]
            w = weight_of(samples, row)
            if criterion == POISSON:
                if y > 0.0:
                    total += w * y * np.log(y / mean)
            else:
                total += w * (y - mean) * (y - mean)
        impurity += max(total, 0.0) / weight
    return impurity / n_outputs
