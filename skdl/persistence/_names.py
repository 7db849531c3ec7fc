"""Which types and functions a file may name."""

import importlib
import inspect
from collections.abc import Iterable
from typing import Any

import numpy as np

# What the estimators of a room keep besides arrays.
_HELPERS = frozenset(
    {
        "skdl.engine.sampling.ClassBalanced",
        "skdl.engine.sampling.TwoViews",
        "skdl.kernels.moments.Moments",
        "skdl.model_selection._plan.Group",
        "skdl.model_selection._plan.Plan",
        "skdl.naive_bayes._categorical.CategoryCounts",
        "skdl.naive_bayes._discrete.Counts",
        "skdl.naive_bayes._mixed.MixedSums",
        "skdl.neural._embedding.CNNEmbedding",
        "skdl.neural._embedding.EmbeddingGoal",
        "skdl.neural._embedding.MLPEmbedding",
        "skdl.neural._embedding.NeuralEmbedding",
        "skdl.neural._embedding.RNNEmbedding",
        "skdl.neural._embedding.TCNEmbedding",
        "skdl.neural._embedding.TransformerEmbedding",
        "skdl.neural._scaling.Scaling",
        "skdl.neural._tasks.SoftTargets",
        "skdl.neural._tokens.Vocabulary",
        "skdl.tree._multiway_tree.MultiwayTree",
        "skdl.tree._tree.Tree",
        "skdl.utils._table.TableSchema",
        "sklearn.calibration._CalibratedClassifier",
        "sklearn.calibration._SigmoidCalibration",
        "sklearn.metrics._scorer._MultimetricScorer",
        "sklearn.metrics._scorer._PassthroughScorer",
        "sklearn.metrics._scorer._Scorer",
        "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
        "sklearn.neural_network._stochastic_optimizers.SGDOptimizer",
        "sklearn.utils._metadata_requests.MetadataRequest",
        "sklearn.utils._metadata_requests.MethodMetadataRequest",
    }
)
_ROOMS = (
    *("neighbors", "tree", "naive_bayes", "linear_model", "cluster", "metric_learning", "neural"),
    *("model_selection", "ensemble"),
)
# scikit-learn's estimators whose state compiled code does not read without looking, or is checked in _checks.py.
_OF_SKLEARN: dict[str, str] = {
    "calibration": "CalibratedClassifierCV",
    "cluster": "KMeans MiniBatchKMeans",
    "compose": "ColumnTransformer TransformedTargetRegressor make_column_selector",
    "decomposition": "IncrementalPCA KernelPCA PCA TruncatedSVD",
    "discriminant_analysis": "LinearDiscriminantAnalysis QuadraticDiscriminantAnalysis",
    "dummy": "DummyClassifier DummyRegressor",
    "ensemble": "AdaBoostClassifier AdaBoostRegressor BaggingClassifier BaggingRegressor ExtraTreesClassifier "
    "ExtraTreesRegressor RandomForestClassifier RandomForestRegressor StackingClassifier StackingRegressor "
    "VotingClassifier VotingRegressor",
    "feature_selection": "RFE RFECV SelectFromModel SelectKBest SelectPercentile SequentialFeatureSelector "
    "VarianceThreshold",
    "frozen": "FrozenEstimator",
    "impute": "KNNImputer MissingIndicator SimpleImputer",
    "kernel_approximation": "Nystroem RBFSampler",
    "linear_model": "ARDRegression BayesianRidge ElasticNet ElasticNetCV HuberRegressor Lasso LassoCV "
    "LinearRegression LogisticRegression LogisticRegressionCV Ridge RidgeCV RidgeClassifier RidgeClassifierCV",
    "model_selection": "FixedThresholdClassifier GridSearchCV GroupKFold KFold LeaveOneGroupOut LeaveOneOut "
    "RandomizedSearchCV RepeatedKFold RepeatedStratifiedKFold ShuffleSplit StratifiedGroupKFold StratifiedKFold "
    "StratifiedShuffleSplit TimeSeriesSplit TunedThresholdClassifierCV",
    "multiclass": "OneVsOneClassifier OneVsRestClassifier OutputCodeClassifier",
    "multioutput": "ClassifierChain MultiOutputClassifier MultiOutputRegressor RegressorChain",
    "naive_bayes": "BernoulliNB CategoricalNB ComplementNB GaussianNB MultinomialNB",
    "neighbors": "KNeighborsClassifier KNeighborsRegressor NearestCentroid NearestNeighbors "
    "NeighborhoodComponentsAnalysis",
    "neural_network": "MLPClassifier MLPRegressor",
    "pipeline": "FeatureUnion Pipeline",
    "preprocessing": "Binarizer FunctionTransformer KBinsDiscretizer KernelCenterer LabelBinarizer LabelEncoder "
    "MaxAbsScaler MinMaxScaler MultiLabelBinarizer Normalizer OneHotEncoder OrdinalEncoder PolynomialFeatures "
    "PowerTransformer QuantileTransformer RobustScaler StandardScaler TargetEncoder",
    "random_projection": "GaussianRandomProjection SparseRandomProjection",
    "svm": "LinearSVC LinearSVR",
    "tree": "DecisionTreeClassifier DecisionTreeRegressor ExtraTreeClassifier ExtraTreeRegressor",
}
_FUNCTIONS_OF_SKLEARN: dict[str, str] = {
    "feature_selection": "chi2 f_classif f_regression mutual_info_classif mutual_info_regression r_regression",
}
# Modules by which skops may name a universal function.
_UFUNC_MODULES = {
    "numpy": ("numpy", "numpy._core._multiarray_umath", "numpy._core.umath", "numpy.core._multiarray_umath"),
    "scipy.special": ("scipy.special", "scipy.special._ufuncs", "scipy.special._special_ufuncs"),
}
_TYPES = frozenset({"builtins.str", "builtins.int", "builtins.float", "builtins.bool", "builtins.object"})
KEY_TYPES = frozenset({"builtins.str", "builtins.int", "builtins.float"})


class Names:
    """What may be named: skdl's and scikit-learn's own, and what the caller trusts.

    Parameters
    ----------
    trusted : iterable of str or type or function, or None, default=()
        More names, as ``"module.name"`` or the things themselves. None trusts every name, as a process may that has the
        things in memory already.
    """

    def __init__(self, trusted: Iterable | None = ()):
        self._everything = trusted is None
        self.trusted = {
            item if isinstance(item, str) else f"{item.__module__}.{item.__qualname__}" for item in trusted or ()
        }

    def allows_object(self, module: str, name: str) -> bool:
        """Whether an object of this type may be made and given attributes."""
        return self._trusts(module, name) or f"{module}.{name}" in _HELPERS or _is_estimator(module, name)

    def allows_type(self, module: str, name: str) -> bool:
        """Whether a type may be named as a value."""
        return (
            self._trusts(module, name)
            or f"{module}.{name}" in _TYPES
            or is_scalar_type(module, name)
            or _is_estimator(module, name)
        )

    def allows_function(self, module: str, name: str) -> bool:
        """Whether a function may be named as a value."""
        return self._trusts(module, name) or _is_ufunc(module, name) or _is_function_of_sklearn(module, name)

    def _trusts(self, module: str, name: str) -> bool:
        return self._everything or f"{module}.{name}" in self.trusted


def is_scalar_type(module: str, name: str) -> bool:
    """Whether it is the type of a NumPy number or string."""
    found = getattr(np, name, None) if module == "numpy" else None
    return inspect.isclass(found) and issubclass(found, (np.number, np.bool_, np.str_)) and found.__name__ == name


def _is_estimator(module: str, name: str) -> bool:
    package, *rest = module.split(".")
    if not rest:
        return False
    if package == "skdl" and rest[0] in _ROOMS:
        room = importlib.import_module(f"skdl.{rest[0]}")
        listed = name in room.__all__
    elif package == "sklearn" and name in _OF_SKLEARN.get(rest[0], "").split():
        room = importlib.import_module(f"sklearn.{rest[0]}")
        listed = True
    else:
        return False
    found = getattr(room, name, None) if listed else None
    return inspect.isclass(found) and found.__module__ == module


def _is_ufunc(module: str, name: str) -> bool:
    for package, modules in _UFUNC_MODULES.items():
        if module in modules:
            return isinstance(getattr(importlib.import_module(package), name, None), np.ufunc)
    return False


def _is_function_of_sklearn(module: str, name: str) -> bool:
    package, *rest = module.split(".")
    if package != "sklearn" or not rest:
        return False
    room: Any
    if rest[0] == "metrics":
        room = importlib.import_module("sklearn.metrics.pairwise" if rest[1:2] == ["pairwise"] else "sklearn.metrics")
        # Scores, losses and distances of arrays.
        listed = name in getattr(room, "__all__", ()) or name.endswith(("_kernel", "_distances"))
    else:
        listed = name in _FUNCTIONS_OF_SKLEARN.get(rest[0], "").split()
        room = importlib.import_module(f"sklearn.{rest[0]}") if listed else None
    found = getattr(room, name, None) if listed else None
    return inspect.isfunction(found) and found.__module__ == module
