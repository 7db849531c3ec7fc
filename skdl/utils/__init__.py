"""Validation, devices, random streams, progress: what every room stands on. Importing it does not import torch."""

from skdl.utils._asked import Answers, Asked, freeze, is_frozen
from skdl.utils._device import DeviceCache, for_each_chunk, resolve_device
from skdl.utils._discovery import all_estimators
from skdl.utils._docs import fill_documentation
from skdl.utils._fingerprint import fingerprint
from skdl.utils._mapped import is_left_in_file, is_mapped
from skdl.utils._params import Interval, Options, check_parameters
from skdl.utils._progress import progress, without_progress
from skdl.utils._random import (
    derive_keys,
    derive_seeds,
    draw_seed,
    random_bits,
    random_keep,
    random_normal,
    random_permutation,
    random_uniform,
)
from skdl.utils._table import TableSchema, encode_table, fit_table
from skdl.utils._validation import (
    class_weights,
    encode_classes,
    explained,
    float_dtypes,
    to_host,
    validate_sample_weight,
    validate_X,
    validate_X_y,
    validate_y,
)

__all__ = [
    "Answers",
    "Asked",
    "DeviceCache",
    "Interval",
    "Options",
    "TableSchema",
    "all_estimators",
    "check_parameters",
    "class_weights",
    "derive_keys",
    "derive_seeds",
    "draw_seed",
    "encode_classes",
    "encode_table",
    "explained",
    "fill_documentation",
    "fingerprint",
    "fit_table",
    "float_dtypes",
    "for_each_chunk",
    "freeze",
    "is_frozen",
    "is_left_in_file",
    "is_mapped",
    "progress",
    "random_bits",
    "random_keep",
    "random_normal",
    "random_permutation",
    "random_uniform",
    "resolve_device",
    "to_host",
    "validate_X",
    "validate_X_y",
    "validate_sample_weight",
    "validate_y",
    "without_progress",
]
