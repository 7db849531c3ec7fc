"""The labels of models that learn batch by batch."""

import numpy as np

from skdl.utils import encode_classes


def known_classes(model, classes, *, first: bool) -> np.ndarray:
    """All the labels that will ever come, named by the first call; raises where a later call disagrees."""
    if classes is None:
        if not hasattr(model, "classes_"):
            raise ValueError("classes must be passed on the first call to partial_fit: all labels that will come.")
        return model.classes_
    known, _ = encode_classes(classes, owner=type(model).__name__, min_classes=2)
    if not first and not np.array_equal(known, model.classes_):
        raise ValueError(
            f"classes={known.tolist()} is not the same as on last call to partial_fit, "
            f"{model.classes_.tolist()}: the labels are fixed by the first call."
        )
    return known


def encode_among(model, y, known: np.ndarray) -> np.ndarray:
    """The position of each label among the known ones; raises for a label that is not."""
    here, inverse = encode_classes(y, owner=type(model).__name__)
    unknown = np.setdiff1d(here, known)
    if len(unknown):
        raise ValueError(f"y holds {unknown.tolist()}, not among the first call's classes={known.tolist()}.")
    return np.searchsorted(known, here)[inverse]
