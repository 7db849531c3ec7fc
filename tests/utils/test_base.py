"""The base class, and the family protocol with its fallback."""

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from sklearn import config_context
from sklearn.base import clone
from sklearn.ensemble import VotingClassifier
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from skdl.base import Estimator, fit_family, fit_one_by_one, sibling_maker
from skdl.exceptions import InvalidParameterError
from skdl.utils import DeviceCache, Interval


class Mean(Estimator):
    """Remembers what it was fitted on."""

    _constraints = {"shift": [Interval("real", 0, None)]}

    def __init__(self, shift=0.0, random_state=None):
        self.shift = shift
        self.random_state = random_state

    def fit(self, X, y=None, sample_weight=None):
        self._check_parameters()
        self._new_device_cache()
        self.seen_ = np.asarray(X)
        self.target_ = None if y is None else np.asarray(y)
        self.weight_ = None if sample_weight is None else np.asarray(sample_weight)
        self.mean_ = self.seen_.mean(axis=0) + self.shift
        return self


class FamilyMean(Mean):
    """Fits a family in an order of its own, and says so."""

    def _fit_family(self, X, y=None, *, candidates, splits, sample_weight=None):
        members = list(fit_one_by_one(self, X, y, candidates=candidates, splits=splits, sample_weight=sample_weight))
        for candidate, split, fitted in reversed(members):
            fitted.in_family_ = True
            yield candidate, split, fitted


X = np.arange(20.0).reshape(10, 2)
Y = np.arange(10)
SPLITS = [np.arange(4), np.array([9, 1, 5]), np.arange(10)]
CANDIDATES = [{}, {"shift": 1.0}]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"shift": -1}, r"shift of Mean must be a number in \[0, inf\); got -1"),
        ({"random_state": -1}, "random_state of Mean must be None or an int in"),
        ({"random_state": 2**32}, "random_state of Mean must be None or an int in"),
        ({"random_state": "seed"}, "or an instance of RandomState; got 'seed'"),
    ],
)
def test_parameters_are_checked(parameters, message):
    with pytest.raises(InvalidParameterError, match=message):
        Mean(**parameters).fit(X)


@pytest.mark.parametrize("random_state", [None, 0, np.int64(3), 2**32 - 1, np.random.RandomState(0)])
def test_every_kind_of_random_state_is_taken(random_state):
    assert Mean(random_state=random_state).fit(X).mean_.tolist() == [9, 10]


def test_a_fit_makes_a_new_cache():
    estimator = Mean().fit(X)
    first = estimator._device_cache
    first.get("key", lambda: 1)
    assert estimator.fit(X)._device_cache is not first
    assert pickle.loads(pickle.dumps(estimator))._device_cache.get("key", lambda: 2) == 2
    assert isinstance(estimator._device_cache, DeviceCache)


def _members(fit, estimator, *data, **options):
    options = {"candidates": CANDIDATES, "splits": SPLITS, **options}
    members = list(fit(estimator, *data, **options))
    assert (
        len({member[:2] for member in members}) == len(members) == len(options["candidates"]) * len(options["splits"])
    )
    return {(candidate, split): fitted for candidate, split, fitted in members}


@pytest.mark.parametrize("fit", [fit_family, fit_one_by_one])
def test_each_member_is_fitted_on_its_split_with_its_parameters(fit):
    estimator = Mean()
    weight = np.arange(10) * 0.5
    members = _members(fit, estimator, X, Y, sample_weight=weight)
    for (candidate, split), fitted in members.items():
        assert fitted is not estimator
        assert fitted.shift == [0.0, 1.0][candidate]
        np.testing.assert_array_equal(fitted.seen_, X[SPLITS[split]])
        np.testing.assert_array_equal(fitted.target_, Y[SPLITS[split]])
        np.testing.assert_array_equal(fitted.weight_, weight[SPLITS[split]])
    assert not hasattr(estimator, "mean_")


def test_without_target_and_weights_none_are_passed():
    for fitted in _members(fit_family, Mean(), X).values():
        assert fitted.target_ is None
        assert fitted.weight_ is None


def test_the_method_of_an_estimator_is_used_and_may_order_its_members():
    order = [member[:2] for member in fit_family(FamilyMean(), X, Y, candidates=CANDIDATES, splits=SPLITS)]
    assert order == [(1, 2), (0, 2), (1, 1), (0, 1), (1, 0), (0, 0)]
    assert all(fitted.in_family_ for fitted in _members(fit_family, FamilyMean(), X, Y).values())


def test_estimators_of_others_fall_back_to_ordinary_fits():
    candidates = [{"ridge__alpha": 0.1}, {"ridge": Ridge(alpha=5.0)}]
    model = make_pipeline(StandardScaler(), Ridge())
    members = _members(fit_family, model, X, Y, candidates=candidates, splits=SPLITS[:2])
    assert members[0, 1][-1].alpha == 0.1
    assert members[1, 0][-1].alpha == 5.0
    # A candidate that is an estimator is cloned for each member.
    assert members[1, 0][-1] is not candidates[1]["ridge"]
    assert members[1, 0][-1] is not members[1, 1][-1]
    assert not hasattr(candidates[1]["ridge"], "coef_")


@pytest.mark.parametrize(
    "container",
    [
        lambda data: pd.DataFrame(data),
        lambda data: pl.DataFrame(np.atleast_2d(data.T).tolist()),
        torch.tensor,
        np.ndarray.tolist,
    ],
    ids=["pandas", "polars", "tensor", "list"],
)
def test_every_container_is_split_by_rows(container):
    for (_, split), fitted in _members(fit_one_by_one, Mean(), container(X), container(Y)).items():
        np.testing.assert_array_equal(fitted.seen_, X[SPLITS[split]])
        np.testing.assert_array_equal(fitted.target_.ravel(), Y[SPLITS[split]])


@pytest.mark.parametrize(
    "splits", [[np.arange(10) % 2 == 0], [[0, 2, 4, 6, 8]], [np.array([0, 2, 4, 6, 8], dtype=np.int32)]]
)
def test_a_split_may_be_a_mask_or_a_list(splits):
    fitted = _members(fit_family, Mean(), X, Y, splits=splits)[0, 0]
    np.testing.assert_array_equal(fitted.target_, [0, 2, 4, 6, 8])


def test_members_are_made_one_by_one():
    members = fit_one_by_one(Mean(), X, Y, candidates=[{}, {"shift": -1.0}], splits=SPLITS[:1])
    assert next(members)[:2] == (0, 0)
    with pytest.raises(InvalidParameterError):
        next(members)


class PairsMean(FamilyMean):
    """Takes the pairs itself."""

    def _fit_family(self, X, y=None, *, candidates, splits, sample_weight=None, pairs=None):
        self.asked_ = pairs
        members = super()._fit_family(X, y, candidates=candidates, splits=splits, sample_weight=sample_weight)
        yield from (member for member in members if pairs is None or member[:2] in pairs)


@pytest.mark.parametrize("estimator", [Mean(), FamilyMean(), PairsMean()])
def test_only_the_wanted_pairs_are_fitted(estimator):
    pairs = [(1, 2), (0, 1), (1, 0)]
    members = list(fit_family(estimator, X, Y, candidates=CANDIDATES, splits=SPLITS, pairs=pairs))
    assert sorted(member[:2] for member in members) == sorted(pairs)
    for candidate, split, fitted in members:
        np.testing.assert_array_equal(fitted.seen_, X[SPLITS[split]])
        np.testing.assert_array_equal(fitted.target_, Y[SPLITS[split]])
        assert fitted.shift == CANDIDATES[candidate].get("shift", 0.0)


def test_pairs_reach_a_family_that_takes_them():
    estimator = PairsMean()
    list(fit_family(estimator, X, Y, candidates=CANDIDATES, splits=SPLITS, pairs=[(0, 0)]))
    assert estimator.asked_ == [(0, 0)]


@pytest.mark.parametrize(
    ("estimator", "parameters"),
    [
        (SVC(C=2.0), {"kernel": "linear", "C": 0.5}),
        (SVC(C=2.0), {}),
        (make_pipeline(StandardScaler(), SVC()), {"svc__C": 3.0}),
        (VotingClassifier([("one", SVC())]), {"one": SVC(C=4.0), "voting": "hard"}),
        (StandardScaler().set_output(transform="pandas"), {"with_mean": False}),
    ],
)
def test_siblings_are_clones_with_other_parameters(estimator, parameters):
    make = sibling_maker(estimator)
    expected = clone(estimator).set_params(**clone(parameters, safe=False))
    one, other = make(parameters), make(parameters)
    assert repr(one) == repr(other) == repr(expected)
    assert type(one) is type(expected)
    assert vars(one).keys() == vars(expected).keys()
    assert one is not other
    one.set_params(**{name: 7.0 for name in ("C", "with_std") if name in vars(one)})
    assert repr(make(parameters)) == repr(expected)
    assert not any(value is parameters.get("one", parameters) for value in vars(one).values())


def test_a_sibling_refuses_what_its_estimator_refuses():
    with pytest.raises(ValueError, match="Invalid parameter 'depth' for estimator SVC"):
        sibling_maker(SVC())({"depth": 1})


def test_siblings_keep_what_metadata_they_ask_for():
    with config_context(enable_metadata_routing=True):
        estimator = SVC().set_fit_request(sample_weight=True)
        one = sibling_maker(estimator)({"C": 3.0})
        assert one.get_metadata_routing().fit.requests == {"sample_weight": True}
        one.set_fit_request(sample_weight=False)
        assert estimator.get_metadata_routing().fit.requests == {"sample_weight": True}
