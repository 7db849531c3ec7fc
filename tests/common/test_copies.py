"""Copies of every kind predict what the original does."""

import copy
import io
import pickle
import zipfile

import joblib
import numpy as np
import pytest
import skops.io
from sklearn.base import clone

from skdl.utils import DeviceCache
from tests.common.table import for_each_row
from tests.common.tools import assert_same_outputs, outputs, samples


def _joblib_round_trip(estimator):
    buffer = io.BytesIO()
    joblib.dump(estimator, buffer)
    buffer.seek(0)
    return joblib.load(buffer)


def _skops_round_trip(estimator):
    dumped = skops.io.dumps(estimator)
    # Bytes could hold a pickle that skops does not look into: let there be nothing but arrays of numbers and strings.
    with zipfile.ZipFile(io.BytesIO(dumped)) as archive:
        for name in archive.namelist():
            assert name.endswith((".npy", ".npz", ".json")), f"{name} may hide a pickle"
    # Trusting classes by name is what skops asks of a user.
    untrusted = skops.io.get_untrusted_types(data=dumped)
    foreign = [name for name in untrusted if not name.startswith(("skdl.", "sklearn."))]
    assert not foreign, f"skops would have to trust {foreign}"
    return skops.io.loads(dumped, trusted=untrusted)


_ROUND_TRIPS = {
    "pickle": lambda estimator: pickle.loads(pickle.dumps(estimator)),
    "pickle-after-predict": lambda estimator: pickle.loads(pickle.dumps(estimator)),
    "deepcopy": copy.deepcopy,
    "copy": copy.copy,
    "joblib": _joblib_round_trip,
    "skops": _skops_round_trip,
}


@for_each_row()
@pytest.mark.parametrize("how", _ROUND_TRIPS)
def test_a_copy_predicts_the_same(row, how):
    X, y = samples(row)
    estimator = row.make().fit(X, y)
    if how == "pickle-after-predict":
        outputs(estimator, X)
    twin = _ROUND_TRIPS[how](estimator)
    assert type(twin) is row.cls
    assert_same_outputs(outputs(twin, X), outputs(estimator, X))


@for_each_row()
def test_a_clone_is_unfitted_and_fits_to_the_same(row):
    X, y = samples(row)
    estimator = row.make().fit(X, y)
    twin = clone(estimator)
    assert not [name for name in vars(twin) if name.endswith("_")]
    assert str(twin.get_params()) == str(estimator.get_params())
    assert_same_outputs(outputs(twin.fit(X, y), X), outputs(estimator, X))


@for_each_row()
def test_fit_returns_self_and_leaves_its_input_and_parameters_alone(row):
    X, y = samples(row)
    X_before, y_before = X.copy(), None if y is None else y.copy()
    estimator = row.make()
    before = {name: copy.deepcopy(value) for name, value in estimator.get_params().items()}
    assert estimator.fit(X, y) is estimator
    outputs(estimator, X)
    np.testing.assert_array_equal(X, X_before)
    np.testing.assert_array_equal(y, y_before)
    assert str(estimator.get_params()) == str(before)


@for_each_row()
def test_predicting_changes_no_attribute(row):
    X, y = samples(row)
    estimator = row.make().fit(X, y)
    before = {name: id(value) for name, value in vars(estimator).items()}
    outputs(estimator, X)
    assert {name: id(value) for name, value in vars(estimator).items()} == before


@for_each_row()
def test_fitting_again_forgets_the_first_fit(row):
    X, y = samples(row)
    estimator = row.make().fit(X[::2] * 3 + 1, None if y is None else y[::2])
    outputs(estimator, X)
    assert_same_outputs(outputs(estimator.fit(X, y), X), outputs(row.make().fit(X, y), X))


@for_each_row()
def test_public_fitted_attributes_hold_no_tensor(row):
    import torch

    X, y = samples(row)
    estimator = row.make().fit(X, y)
    outputs(estimator, X)
    for name, value in vars(estimator).items():
        assert not isinstance(value, torch.Tensor), name
        assert not (isinstance(value, DeviceCache) and not name.startswith("_")), name
