"""Logistic regression batch by batch."""

import torch
from sklearn.utils import compute_class_weight

from skdl.kernels.design import plain_design
from skdl.kernels.recursive import Memory, learn_batch
from skdl.linear_model._batches import encode_among, known_classes
from skdl.utils import resolve_device, validate_sample_weight, validate_X_y


def fit_batch(model, X, y, classes, sample_weight):
    """Learn one batch; returns the solution and the labels, and stores what is remembered."""
    first = not hasattr(model, "_memory")
    X, y = validate_X_y(model, X, y, accept_sparse="csr", reset=first)
    known = known_classes(model, classes, first=first)
    codes = encode_among(model, y, known)
    weight = validate_sample_weight(sample_weight, len(y))
    if model.class_weight is not None:
        factors = compute_class_weight(model.class_weight, classes=known, y=known)[codes]
        weight = validate_sample_weight(factors if weight is None else factors * weight, len(y))
    device = resolve_device(model.device)
    K = 1 if len(known) == 2 else len(known)
    if first:
        memory = Memory.blank(K, X.shape[1], model.fit_intercept, device)
    else:
        memory = Memory(*(torch.from_numpy(array).to(device) for array in model._memory))
    solution, memory = learn_batch(
        plain_design(X, weight, device=device), torch.from_numpy(codes).to(device), len(known), memory,
        C=float(model.C), fit_intercept=model.fit_intercept, tol=float(model.tol), max_iter=model.max_iter,
    )  # fmt: skip
    model._memory = (memory.center.cpu().numpy(), memory.precision.cpu().numpy())
    return solution, known, X.dtype
