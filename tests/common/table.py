"""One row for each public estimator; every module beside this one is parametrized from it.

A new estimator is one new row: quick parameters, the estimator whose numbers it should give, how near, and which
invariances hold. `test_table.py` fails when a row is missing or left over.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from sklearn import cluster, ensemble, linear_model, naive_bayes, neighbors, neural_network, preprocessing, tree
from sklearn.base import clone, is_classifier, is_clusterer, is_regressor
from sklearn.model_selection import KFold
from sklearn.utils import get_tags
from sklearn.utils.validation import has_fit_parameter

from skdl.linear_model import Ridge
from skdl.naive_bayes import GaussianNB
from skdl.neighbors import KNeighborsClassifier, KNeighborsRegressor
from skdl.neural import MLPClassifier, MLPRegressor
from skdl.tree import DecisionTreeClassifier, DecisionTreeRegressor
from skdl.utils import all_estimators

ESTIMATORS = dict(all_estimators())


@dataclass(frozen=True)
class Row:
    """What the common tests know of one estimator."""

    name: str

    needs: dict[str, Any] = field(default_factory=dict)
    """Arguments that have no default: the estimator inside another, say."""

    fast: dict[str, Any] = field(default_factory=dict)
    """Parameters of an instance that fits in well under a second."""

    brief: dict[str, Any] = field(default_factory=dict)
    """More parameters where no good score is asked for: they end training soon. Empty where fits are quick anyway."""

    reference: Any = None
    """scikit-learn's estimator with the same meaning as the fast instance; None where it has none."""

    beside_reference: dict[str, Any] = field(default_factory=dict)
    """More parameters beside the reference."""

    tolerance: float | None = None
    """How far, relatively, outputs may lie from the reference's; None where only the scores are compared."""

    score_margin: float = 0.0
    """How much worse than the reference's the cross-validated score may be where ``tolerance`` is None; a part of it
    where the score is no accuracy and no R2, but larger than 1."""

    rounding: float = 1e-9
    """How far, relatively, outputs may drift when the same sums run in another order."""

    rounding_float32: float = 1e-4
    """How far, relatively, outputs may drift when the same numbers come as float32."""

    holds: frozenset[str] = frozenset({"rows", "columns", "weights", "threads"})
    """What changes nothing: the order of rows, that of columns, weights for copies, torch's number of threads."""

    settled: dict[str, Any] = field(default_factory=dict)
    """More parameters for the tests of ``holds``: a given start instead of a drawn one, a tight tolerance."""

    draws: bool = True
    """Whether ``random_state``, where there is one, decides anything."""

    learns_from: str | None = None
    """Whose y a transformer is fitted with: that of a "classifier" or of a "regressor"; None where it ignores y."""

    whole: bool = False
    """Whether X must be whole numbers: categories, not measurements."""

    scaler: Any = field(default_factory=preprocessing.StandardScaler)
    """What measurements go through before they come to this estimator."""

    candidates: tuple[dict[str, Any], ...] = ({}, {})
    """Siblings to be fitted as one family."""

    family_tolerance: float = 0.0
    """How far, relatively, a family's members may lie from single fits; 0 means the same bits."""

    negative: str | None = None
    """A parameter that is a size, to be set to -1."""

    conditional_attributes: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Fitted attributes that stand only with certain parameters, with these."""

    @property
    def cls(self) -> type:
        return ESTIMATORS[self.name]

    def make(self, **parameters):
        """Return the fast instance, whose training ends soon, with these parameters."""
        return self.make_trained(**{**clone(self.brief, safe=False), **parameters})

    def make_trained(self, **parameters):
        """Return the fast instance as it learns well enough for a score, with a seed where there is one to set."""
        estimator = clone(self.cls(**{**self.needs, **self.fast})).set_params(**parameters)
        if "random_state" in estimator.get_params() and "random_state" not in parameters:
            estimator.set_params(random_state=0)
        return estimator

    def make_default(self):
        """Return an instance with no more than it must be given."""
        return self.cls(**self.needs)

    def make_settled(self):
        return self.make(**self.settled)

    @property
    def speaker(self) -> str:
        """Who a message may name, as a regular expression: this estimator or one inside it."""
        inside = [type(value).__name__ for value in self.needs.values() if hasattr(value, "fit")]
        return "|".join([self.name, *inside])

    @property
    def kind(self) -> str:
        estimator = self.make()
        if is_classifier(estimator):
            return "classifier"
        if is_regressor(estimator):
            return "regressor"
        return "clusterer" if is_clusterer(estimator) else "unsupervised"

    @property
    def supervised(self) -> bool:
        return self.kind in ("classifier", "regressor")

    @property
    def tags(self):
        return get_tags(self.make())

    def has_parameter(self, name: str) -> bool:
        return name in self.make().get_params(deep=False)

    @property
    def takes_weights(self) -> bool:
        return has_fit_parameter(self.make(), "sample_weight")


def spread(X, n_clusters, random_state):
    """Start clusters where neither the order of rows nor copies of them matter."""
    return np.linspace(X.min(axis=0), X.max(axis=0), n_clusters)


def first_rows(X, n_clusters, random_state):
    """Start clusters at the first rows."""
    return X[:n_clusters].copy()


# Enough to beat chance by far and to see a difference between candidates, in a tenth of a second.
_SMALL_NETWORK = {"hidden_layer_sizes": (16,), "lr": 0.02, "batch_size": 16, "max_epochs": 15}
_NETWORKS = (
    {},
    {"hidden_layer_sizes": (8, 8), "max_epochs": 4, "dropout": 0.0, "schedule": None},
    {"lr": 0.005, "dropout": 0.2, "weight_decay": 0.0},
    {"early_stopping": True, "patience": 2, "validation_fraction": 0.2, "max_epochs": 15},
)
_FEW_EPOCHS = {"max_epochs": 2}
_FEW_EPOCHS_INSIDE = {"estimator__max_epochs": 6}  # two for each of three snapshots
_TINY_NETWORK = {"lr": 0.01, "batch_size": 16, "max_epochs": 6}
_TINY_RNN = {"cell": "gru", "hidden_size": 16, "lr": 0.03, "batch_size": 16, "max_epochs": 15, "schedule": None}
_TINY_TCN = {"channels": 16, "lr": 0.01, "batch_size": 16, "max_epochs": 15, "schedule": None}
_TINY_TRANSFORMER = {
    **{"d_model": 16, "dim_feedforward": 32, "num_layers": 1, "pooling": "attention", "dropout": 0.0},
    **{"lr": 0.01, "batch_size": 16, "max_epochs": 30, "schedule": None},
}
_SMALL_ENCODER = {"backbone": MLPClassifier(**_SMALL_NETWORK), "embedding_dim": 4}
_ENCODER_IN_ONE_BATCH = {"backbone__batch_size": 1000}
_ENCODER: dict[str, Any] = {
    "fast": _SMALL_ENCODER,
    "brief": {"backbone": MLPClassifier(**{**_SMALL_NETWORK, "max_epochs": 2})},
    "learns_from": "classifier",
    "rounding": 1e-4,
    "rounding_float32": 1e-3,
    "holds": frozenset({"rows", "threads"}),
    "settled": _ENCODER_IN_ONE_BATCH,
    "negative": "embedding_dim",
}
_LINEAR_NETWORK = {"lr": 0.05, "batch_size": 16, "max_epochs": 15}
_FULL_LINEAR_NETWORK = {"lr": 0.05, "batch_size": 32, "max_epochs": 200, "schedule": "cosine"}
_FULL_NETWORK = {"hidden_layer_sizes": (64,), "lr": 0.005, "batch_size": 32, "max_epochs": 60}
# Copies fill batches that a weight does not, so that the two agree where one batch holds all.
_ONE_BATCH = {"batch_size": 1000}

_LEARNT_METRIC = {"metric_": {"metric": preprocessing.StandardScaler()}}

_POSITIVE = preprocessing.MinMaxScaler((0, 10), clip=True)
_BINS = preprocessing.KBinsDiscretizer(4, encode="ordinal", strategy="uniform")
_SMOOTHED = ({}, {"alpha": 0.01}, {"alpha": 10.0}, {"fit_prior": False})

_TREE = {"max_depth": 4}
_TREES = ({}, {"max_depth": 2}, {"max_depth": None, "min_samples_leaf": 3}, {"ccp_alpha": 0.02}, {"max_leaf_nodes": 4})

_CLASSIFIERS = [("bayes", GaussianNB()), ("neighbours", KNeighborsClassifier())]
_REGRESSORS = [("ridge", Ridge()), ("neighbours", KNeighborsRegressor())]
_WHOLE_SET = {"hidden_layer_sizes": (16,), "lr": 0.03, "max_epochs": 50, "random_state": 0, **_ONE_BATCH}
_NET, _NET_OF_NUMBERS = MLPClassifier(**_WHOLE_SET), MLPRegressor(**_WHOLE_SET)

ROWS = (
    Row(
        "BernoulliNB",
        fast={"binarize": 6.0},
        reference=naive_bayes.BernoulliNB(),
        beside_reference={"binarize": 0.0},
        tolerance=1e-9,
        candidates=(*_SMOOTHED, {"binarize": 4.0}),
        negative="alpha",
    ),
    Row(
        "C45Classifier",
        fast={"max_depth": 4},
        reference=tree.DecisionTreeClassifier(max_depth=4, random_state=0),
        score_margin=0.1,  # another criterion
        draws=False,
        candidates=({}, {"max_depth": 2}),
        negative="max_depth",
    ),
    Row(
        "CARTClassifier",
        fast={"max_depth": 4},
        reference=tree.DecisionTreeClassifier(max_depth=4, random_state=0),
        score_margin=0.02,
        draws=False,
        candidates=({}, {"max_depth": 2}),
        negative="max_depth",
    ),
    Row(
        "CNNClassifier",
        fast=_TINY_NETWORK,
        brief=_FEW_EPOCHS,
        rounding=1e-4,
        rounding_float32=1e-3,
        holds=frozenset({"rows", "weights", "threads"}),
        settled=_ONE_BATCH,
        candidates=({}, {"lr": 0.01}, {"early_stopping": True, "validation_fraction": 0.2}),
        negative="batch_size",
    ),
    Row(
        "CNNRegressor",
        fast=_TINY_NETWORK,
        brief=_FEW_EPOCHS,
        rounding=1e-4,
        rounding_float32=1e-3,
        holds=frozenset({"rows", "weights", "threads"}),
        settled=_ONE_BATCH,
        candidates=({}, {"lr": 0.01}, {"early_stopping": True, "validation_fraction": 0.2}),
        negative="batch_size",
    ),
    Row(
        "CategoricalNB",
        fast={"min_categories": 4},
        reference=naive_bayes.CategoricalNB(min_categories=4),
        tolerance=1e-9,
        whole=True,
        scaler=_BINS,
        candidates=_SMOOTHED,
        negative="min_categories",
    ),
    Row(
        "ComplementNB",
        reference=naive_bayes.ComplementNB(),
        tolerance=1e-9,
        scaler=_POSITIVE,
        candidates=(*_SMOOTHED, {"norm": True}),
        negative="alpha",
    ),
    Row(
        "ContrastiveEncoder",
        **_ENCODER,
        candidates=({}, {"embedding_dim": 2}, {"loss": "n_pairs"}, {"loss": "self_supervised"}),
    ),
    Row(
        "DecisionTreeClassifier",
        fast=_TREE,
        reference=tree.DecisionTreeClassifier(max_depth=4, random_state=0),
        score_margin=0.02,
        draws=False,
        candidates=(*_TREES, {"criterion": "entropy"}),
        negative="max_depth",
    ),
    Row(
        "DecisionTreeRegressor",
        fast=_TREE,
        reference=tree.DecisionTreeRegressor(max_depth=4, random_state=0),
        score_margin=0.02,
        draws=False,
        candidates=_TREES,
        negative="max_depth",
    ),
    Row(
        "GaussianNB",
        reference=naive_bayes.GaussianNB(),
        tolerance=1e-9,
        candidates=({}, {"var_smoothing": 1e-2}, {"var_smoothing": 1.0}),
    ),
    Row(
        "ID3Classifier",
        fast={"max_depth": 4},
        draws=False,
        candidates=({}, {"max_depth": 1}),
        negative="max_depth",
    ),
    Row(
        "ITML",
        learns_from="classifier",
        holds=frozenset({"columns", "threads"}),  # pairs are drawn from row numbers
        rounding=1e-6,
        candidates=({}, {"n_components": 2}, {"n_components": 3}, {"gamma": 0.1}),
        negative="n_components",
    ),
    Row(
        "KMeans",
        fast={"n_clusters": 3, "n_init": 2},
        reference=cluster.KMeans(3, init=first_rows, n_init=1, tol=0),
        beside_reference={"init": first_rows, "n_init": 1, "tol": 0.0},
        tolerance=1e-9,
        settled={"init": spread, "n_init": 1, "tol": 0.0},
        candidates=({}, {"n_clusters": 2}, {"n_clusters": 5, "init": "random"}, {"max_iter": 1}),
        negative="n_clusters",
    ),
    Row(
        "KNeighborsClassifier",
        reference=neighbors.KNeighborsClassifier(),
        tolerance=1e-9,
        candidates=({}, {"n_neighbors": 1}, {"n_neighbors": 9, "weights": "distance"}, {"p": 1}),
        negative="n_neighbors",
        conditional_attributes=_LEARNT_METRIC,
    ),
    Row(
        "KNeighborsRegressor",
        reference=neighbors.KNeighborsRegressor(),
        tolerance=1e-9,
        candidates=({}, {"n_neighbors": 1}, {"n_neighbors": 9, "weights": "distance"}, {"p": 1}),
        negative="n_neighbors",
        conditional_attributes=_LEARNT_METRIC,
    ),
    Row(
        "KernelRegressor",
        candidates=({}, {"bandwidth": 0.5}),
        conditional_attributes=_LEARNT_METRIC,
    ),
    Row(
        "LFDA",
        learns_from="classifier",
        rounding=1e-7,
        candidates=({}, {"n_components": 2}, {"n_components": 3}, {"embedding_type": "plain"}, {"n_neighbors": 2}),
        negative="n_components",
    ),
    Row(
        "LMNN",
        fast={"max_iter": 10},
        learns_from="classifier",
        settled={"init": "pca"},  # the identity follows the order of columns
        rounding=1e-6,
        rounding_float32=1e-3,
        draws=False,
        candidates=({}, {"n_components": 2}, {"init": "random"}, {"n_neighbors": 1}),
        negative="max_iter",
    ),
    Row(
        "LocalLMNNClassifier",
        fast={"max_iter": 10},
        settled={"init": "pca"},  # the identity follows the order of columns
        rounding=1e-6,
        rounding_float32=1e-3,
        draws=False,
        candidates=({}, {"n_components": 2}, {"regions": 2}, {"n_neighbors": 1}),
        negative="max_iter",
    ),
    Row(
        "LPP",
        rounding=1e-7,
        candidates=({}, {"n_components": 1}, {"n_components": None}, {"n_neighbors": 3}, {"weights": "binary"}),
        negative="n_neighbors",
    ),
    Row(
        "LinearRegression",
        reference=linear_model.LinearRegression(),
        tolerance=1e-9,
        candidates=({}, {"fit_intercept": False}, {"positive": True}),
        negative="tol",
    ),
    Row(
        "LogisticRegression",
        fast={"tol": 1e-8, "max_iter": 1000},
        reference=linear_model.LogisticRegression(solver="newton-cholesky", tol=1e-12, max_iter=1000),
        beside_reference={"tol": 1e-10, "max_iter": 10_000},
        tolerance=1e-7,
        settled={"tol": 1e-10, "max_iter": 10_000},
        rounding=1e-7,
        draws=False,
        family_tolerance=1e-6,
        candidates=({}, {"C": 0.01}, {"C": 100.0}, {"C": 0.1, "class_weight": "balanced"}, {"fit_intercept": False}),
        negative="max_iter",
    ),
    Row(
        "MCML",
        fast={"max_iter": 20},
        learns_from="classifier",
        rounding=1e-6,
        candidates=({}, {"n_components": 2}, {"n_components": 3}, {"max_iter": 2}),
        negative="max_iter",
    ),
    Row(
        "MLKR",
        fast={"max_iter": 10},
        learns_from="regressor",
        settled={"init": "pca"},  # the identity follows the order of columns
        rounding=1e-6,
        rounding_float32=1e-3,
        draws=False,
        candidates=({}, {"n_components": 2}, {"init": "random"}),
        negative="max_iter",
    ),
    Row(
        "MLPClassifier",
        fast=_SMALL_NETWORK,
        brief=_FEW_EPOCHS,
        reference=neural_network.MLPClassifier(hidden_layer_sizes=64, max_iter=1000, random_state=0),
        beside_reference=_FULL_NETWORK,
        score_margin=0.02,
        rounding=1e-4,
        holds=frozenset({"rows", "weights", "threads"}),
        settled=_ONE_BATCH,
        candidates=_NETWORKS,
        negative="batch_size",
    ),
    Row(
        "MLPRegressor",
        fast=_SMALL_NETWORK,
        brief=_FEW_EPOCHS,
        reference=neural_network.MLPRegressor(hidden_layer_sizes=64, solver="sgd", early_stopping=True, random_state=0),
        beside_reference={**_FULL_NETWORK, "max_epochs": 10},
        score_margin=0.02,
        rounding=1e-4,
        holds=frozenset({"rows", "weights", "threads"}),
        settled=_ONE_BATCH,
        candidates=_NETWORKS,
        negative="batch_size",
    ),
    Row(
        "MMC",
        fast={"max_iter": 20},
        learns_from="classifier",
        rounding=1e-6,
        candidates=({}, {"n_components": 2}, {"n_components": 3}, {"diagonal": True}),
        negative="max_iter",
    ),
    Row(
        "MiniBatchKMeans",
        fast={"n_clusters": 3, "n_init": 2},
        reference=cluster.MiniBatchKMeans(3, n_init=2, random_state=0),
        score_margin=0.05,
        settled={"init": spread, "n_init": 1},
        holds=frozenset({"threads"}),
        candidates=({}, {"n_clusters": 2}, {"batch_size": 16, "max_iter": 5}),
        negative="n_clusters",
    ),
    Row(
        "MixedNB",
        reference=naive_bayes.GaussianNB(),
        tolerance=1e-9,
        candidates=({}, {"var_smoothing": 1e-2}, {"categorical_features": [0]}),
        negative="alpha",
    ),
    Row(
        "MultinomialNB",
        reference=naive_bayes.MultinomialNB(),
        tolerance=1e-9,
        scaler=_POSITIVE,
        candidates=_SMOOTHED,
        negative="alpha",
    ),
    Row(
        "NCA",
        fast={"max_iter": 10},
        learns_from="classifier",
        reference=neighbors.NeighborhoodComponentsAnalysis(max_iter=3),
        beside_reference={"max_iter": 3},
        tolerance=1e-7,
        settled={"init": "pca"},  # the identity follows the order of columns
        rounding=1e-6,
        draws=False,
        candidates=({}, {"n_components": 2}, {"init": "random"}),
        negative="max_iter",
    ),
    Row(
        "NPE",
        rounding=1e-7,
        rounding_float32=1e-3,
        candidates=({}, {"n_components": 1}, {"n_components": None}, {"n_neighbors": 3}),
        negative="n_neighbors",
    ),
    Row(
        "NearestNeighbors",
        reference=neighbors.NearestNeighbors(),
        tolerance=1e-9,
        candidates=({}, {"n_neighbors": 2}, {"metric": "manhattan"}),
        negative="n_neighbors",
        conditional_attributes=_LEARNT_METRIC,
    ),
    Row(
        "NeuralClassifier",
        fast=_LINEAR_NETWORK,
        brief=_FEW_EPOCHS,
        reference=linear_model.LogisticRegression(),
        beside_reference=_FULL_LINEAR_NETWORK,
        score_margin=0.02,
        rounding=1e-4,
        holds=frozenset({"rows", "weights", "threads"}),
        settled=_ONE_BATCH,
        candidates=({}, {"lr": 0.01}, {"early_stopping": True, "validation_fraction": 0.2}),
        negative="batch_size",
    ),
    Row(
        "NeuralRegressor",
        fast=_LINEAR_NETWORK,
        brief=_FEW_EPOCHS,
        reference=linear_model.LinearRegression(),
        beside_reference=_FULL_LINEAR_NETWORK,
        score_margin=0.02,
        rounding=1e-4,
        holds=frozenset({"rows", "weights", "threads"}),
        settled=_ONE_BATCH,
        candidates=({}, {"lr": 0.01}, {"early_stopping": True, "validation_fraction": 0.2}),
        negative="batch_size",
    ),
    Row(
        "Perceptron",
        reference=linear_model.Perceptron(random_state=0),
        score_margin=0.06,  # what stays is the last of passes that swing
        holds=frozenset({"threads"}),
        candidates=({}, {"eta0": 0.1, "penalty": "l2"}, {"max_iter": 2000, "shuffle": False}),
        negative="max_iter",
    ),
    Row(
        "PrototypicalClassifier",
        fast={**_SMALL_ENCODER, "n_episodes": 60},
        brief={"n_episodes": 20},
        rounding=1e-4,
        rounding_float32=1e-3,
        holds=frozenset({"rows", "threads"}),
        settled=_ENCODER_IN_ONE_BATCH,
        candidates=({}, {"n_way": 2, "n_shot": 1}, {"embedding_dim": 2}),
        negative="n_shot",
        conditional_attributes={"encoder_": {"encoder": preprocessing.StandardScaler()}},
    ),
    Row(
        "RCA",
        learns_from="classifier",
        rounding=1e-7,
        candidates=({}, {"n_components": 2}, {"n_components": 3}, {"reg": 0.1}),
        negative="n_components",
    ),
    Row(
        "RNNClassifier",
        fast=_TINY_RNN,
        brief=_FEW_EPOCHS,
        rounding=1e-4,
        rounding_float32=1e-3,
        holds=frozenset({"rows", "weights", "threads"}),
        settled=_ONE_BATCH,
        candidates=({}, {"lr": 0.01}, {"early_stopping": True, "validation_fraction": 0.2}),
        negative="batch_size",
    ),
    Row(
        "RNNRegressor",
        fast=_TINY_RNN,
        brief=_FEW_EPOCHS,
        rounding=1e-4,
        rounding_float32=1e-3,
        holds=frozenset({"rows", "weights", "threads"}),
        settled=_ONE_BATCH,
        candidates=({}, {"lr": 0.01}, {"early_stopping": True, "validation_fraction": 0.2}),
        negative="batch_size",
    ),
    Row(
        "Ridge",
        reference=linear_model.Ridge(),
        tolerance=1e-9,
        draws=False,
        candidates=({}, {"alpha": 0.01}, {"alpha": 100.0}, {"fit_intercept": False}),
        negative="alpha",
    ),
    Row(
        "BaggingClassifier",
        fast={"estimator": DecisionTreeClassifier(), "n_estimators": 4},
        reference=ensemble.BaggingClassifier(DecisionTreeClassifier(), n_estimators=4, random_state=0),
        tolerance=1e-12,
        holds=frozenset({"threads"}),
        candidates=({}, {"max_samples": 0.5}, {"estimator": KNeighborsClassifier(), "max_features": 0.5}),
        negative="n_estimators",
        conditional_attributes={
            name: {"oob_score": True, "n_estimators": 30} for name in ("oob_score_", "oob_decision_function_")
        },
    ),
    Row(
        "BaggingRegressor",
        fast={"estimator": DecisionTreeRegressor(), "n_estimators": 4},
        reference=ensemble.BaggingRegressor(DecisionTreeRegressor(), n_estimators=4, random_state=0),
        tolerance=1e-12,
        holds=frozenset({"threads"}),
        candidates=({}, {"max_samples": 0.5}, {"estimator": linear_model.Ridge(), "max_features": 0.5}),
        negative="n_estimators",
        conditional_attributes={
            name: {"oob_score": True, "n_estimators": 30} for name in ("oob_score_", "oob_prediction_")
        },
    ),
    Row(
        "DistilledClassifier",
        needs={"teacher": GaussianNB(), "student": _NET},
        brief={"student__max_epochs": 6},
        rounding=1e-4,
        rounding_float32=1e-3,
        holds=frozenset({"rows", "weights", "threads"}),
        candidates=({}, {"temperature": 4.0}, {"alpha": 0.0}),
    ),
    Row(
        "GreedyEnsembleClassifier",
        needs={"estimators": _CLASSIFIERS},
        fast={"cv": KFold(3), "n_steps": 5, "n_bags": 3, "bag_fraction": 0.5},
        holds=frozenset({"threads"}),
        candidates=({}, {"loss": "brier", "bag_fraction": 1.0}, {"n_steps": 20, "n_init": 1, "bag_fraction": 1.0}),
        negative="n_steps",
    ),
    Row(
        "GreedyEnsembleRegressor",
        needs={"estimators": _REGRESSORS},
        fast={"cv": 3, "n_steps": 5, "n_bags": 3, "bag_fraction": 0.5},
        holds=frozenset({"threads"}),
        candidates=({}, {"loss": "absolute_error", "bag_fraction": 1.0}, {"n_steps": 20, "bag_fraction": 1.0}),
        negative="n_steps",
    ),
    Row(
        "SiameseEncoder",
        **_ENCODER,
        candidates=({}, {"embedding_dim": 2}, {"margin": 2.0}),
    ),
    Row(
        "StackingClassifier",
        needs={"estimators": _CLASSIFIERS},
        fast={"cv": KFold(3)},
        reference=ensemble.StackingClassifier(_CLASSIFIERS, cv=KFold(3)),
        tolerance=1e-12,
        rounding=1e-6,
        rounding_float32=1e-3,
        holds=frozenset({"threads"}),
        candidates=(
            {},
            {"stack_method": "predict"},
            {"passthrough": True, "final_estimator": GaussianNB(), "cv": KFold(4)},
        ),
    ),
    Row(
        "StackingRegressor",
        needs={"estimators": _REGRESSORS},
        reference=ensemble.StackingRegressor(_REGRESSORS),
        tolerance=1e-12,
        rounding=1e-6,
        rounding_float32=1e-3,
        holds=frozenset({"threads"}),
        candidates=({}, {"final_estimator": linear_model.Ridge()}, {"passthrough": True, "cv": 3}),
    ),
    Row(
        "TCNClassifier",
        fast=_TINY_TCN,
        brief=_FEW_EPOCHS,
        rounding=1e-4,
        rounding_float32=1e-3,
        holds=frozenset({"rows", "weights", "threads"}),
        settled=_ONE_BATCH,
        candidates=({}, {"lr": 0.003}, {"early_stopping": True, "validation_fraction": 0.2}),
        negative="batch_size",
    ),
    Row(
        "TCNRegressor",
        fast=_TINY_TCN,
        brief=_FEW_EPOCHS,
        rounding=1e-4,
        rounding_float32=1e-3,
        holds=frozenset({"rows", "weights", "threads"}),
        settled=_ONE_BATCH,
        candidates=({}, {"lr": 0.003}, {"early_stopping": True, "validation_fraction": 0.2}),
        negative="batch_size",
    ),
    Row(
        "TransformerClassifier",
        fast=_TINY_TRANSFORMER,
        brief=_FEW_EPOCHS,
        rounding=1e-4,
        rounding_float32=1e-3,
        holds=frozenset({"rows", "weights", "threads"}),
        settled=_ONE_BATCH,
        candidates=({}, {"lr": 0.003}, {"early_stopping": True, "validation_fraction": 0.2}),
        negative="batch_size",
    ),
    Row(
        "TransformerRegressor",
        fast=_TINY_TRANSFORMER,
        brief=_FEW_EPOCHS,
        rounding=1e-4,
        rounding_float32=1e-3,
        holds=frozenset({"rows", "weights", "threads"}),
        settled=_ONE_BATCH,
        candidates=({}, {"lr": 0.003}, {"early_stopping": True, "validation_fraction": 0.2}),
        negative="batch_size",
    ),
    Row(
        "DeepEnsembleClassifier",
        needs={"estimator": _NET},
        fast={"n_members": 3},
        brief=_FEW_EPOCHS_INSIDE,
        rounding=1e-4,
        holds=frozenset({"rows", "weights", "threads"}),
        candidates=({}, {"n_members": 2}),
        negative="n_members",
    ),
    Row(
        "DeepEnsembleRegressor",
        needs={"estimator": _NET_OF_NUMBERS},
        fast={"n_members": 3},
        brief=_FEW_EPOCHS_INSIDE,
        rounding=1e-4,
        holds=frozenset({"rows", "weights", "threads"}),
        candidates=({}, {"n_members": 2}),
        negative="n_members",
    ),
    Row(
        "MonteCarloDropoutClassifier",
        needs={"estimator": clone(_NET).set_params(dropout=0.1)},
        fast={"n_samples": 5},
        brief=_FEW_EPOCHS_INSIDE,
        rounding=1e-4,
        holds=frozenset({"rows", "weights", "threads"}),
        candidates=({}, {"n_samples": 2}),
        negative="n_samples",
    ),
    Row(
        "MonteCarloDropoutRegressor",
        needs={"estimator": clone(_NET_OF_NUMBERS).set_params(dropout=0.1)},
        fast={"n_samples": 5},
        brief=_FEW_EPOCHS_INSIDE,
        rounding=1e-4,
        holds=frozenset({"rows", "weights", "threads"}),
        candidates=({}, {"n_samples": 2}),
        negative="n_samples",
    ),
    Row(
        "SnapshotEnsembleClassifier",
        needs={"estimator": _NET},
        fast={"n_members": 3},
        brief=_FEW_EPOCHS_INSIDE,
        rounding=1e-4,
        holds=frozenset({"rows", "weights", "threads"}),
        candidates=({}, {"combine": "weights"}),
        negative="n_members",
    ),
    Row(
        "SnapshotEnsembleRegressor",
        needs={"estimator": _NET_OF_NUMBERS},
        fast={"n_members": 3},
        brief=_FEW_EPOCHS_INSIDE,
        rounding=1e-4,
        holds=frozenset({"rows", "weights", "threads"}),
        candidates=({}, {"combine": "weights"}),
        negative="n_members",
    ),
    Row(
        "TripletEncoder",
        **_ENCODER,
        candidates=({}, {"embedding_dim": 2}, {"mining": "hard"}, {"mining": "distance_weighted"}),
    ),
    Row(
        "VotingClassifier",
        needs={"estimators": _CLASSIFIERS},
        fast={"voting": "soft"},
        reference=ensemble.VotingClassifier(_CLASSIFIERS, voting="soft"),
        tolerance=1e-12,
        candidates=(
            {},
            {"voting": "logit", "weights": [1, 3]},
            {"voting": "rank", "cv": KFold(3)},
            {"weights": "optimal", "cv": KFold(3)},
        ),
        conditional_attributes={"scores_": {"weights": "score"}},
    ),
    Row(
        "VotingRegressor",
        needs={"estimators": _REGRESSORS},
        reference=ensemble.VotingRegressor(_REGRESSORS),
        tolerance=1e-12,
        candidates=({}, {"voting": "median", "weights": [1, 3]}, {"voting": "rank"}, {"weights": "optimal"}),
        conditional_attributes={"scores_": {"weights": "score"}},
    ),
)

KNOWN = [row for row in ROWS if row.name in ESTIMATORS]


def for_each_row(where=lambda row: True):
    """Parametrize a test with ``row``, for each row that ``where`` is true of."""
    return pytest.mark.parametrize("row", [pytest.param(row, id=row.name) for row in KNOWN if where(row)])
