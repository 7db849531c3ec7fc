"""Stacks: scikit-learn's with default arguments, on many tables."""

import numpy as np
import pytest
import scipy.sparse as sp
import sklearn
from sklearn import ensemble
from sklearn.datasets import (
    load_breast_cancer,
    load_diabetes,
    load_digits,
    load_iris,
    load_wine,
    make_multilabel_classification,
)
from sklearn.linear_model import LogisticRegression, Perceptron, Ridge
from sklearn.model_selection import GridSearchCV, KFold, StratifiedKFold
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

import skdl
from skdl.ensemble import StackingClassifier, StackingRegressor

LOADERS = {"iris": load_iris, "wine": load_wine, "breast_cancer": load_breast_cancer, "digits": load_digits}
FINAL = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))


def _split(load, n=360):
    X, y = load(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(X))[:n]
    half = len(order) // 2
    return X[order[:half]], y[order[:half]], X[order[half:]], y[order[half:]]


def _members():
    return [
        ("tree", DecisionTreeClassifier(max_depth=4, random_state=0)),
        ("line", make_pipeline(StandardScaler(), Perceptron(random_state=0))),
        ("neighbours", skdl.neighbors.KNeighborsClassifier(7)),
        ("skdl_tree", skdl.tree.DecisionTreeClassifier(max_depth=5)),
    ]


def _same(ours, theirs, X):
    np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))
    np.testing.assert_array_equal(ours.transform(X), theirs.transform(X))
    np.testing.assert_array_equal(ours.get_feature_names_out(), theirs.get_feature_names_out())
    for method in ("predict_proba", "decision_function"):
        assert hasattr(ours, method) == hasattr(theirs, method)
        if hasattr(ours, method):
            np.testing.assert_array_equal(getattr(ours, method)(X), getattr(theirs, method)(X))


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("name", LOADERS)
@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"cv": KFold(3)},
        {"cv": StratifiedKFold(4, shuffle=True, random_state=1), "final_estimator": FINAL},
        {"stack_method": "predict"},
        {"passthrough": True, "final_estimator": DecisionTreeClassifier(max_depth=3, random_state=0)},
    ],
    ids=str,
)
def test_a_stack_is_scikit_learns(name, parameters):
    X, y, X_test, _ = _split(LOADERS[name])
    y = np.array([f"class {label}" for label in y])
    ours = StackingClassifier(_members(), **parameters).fit(X, y)
    theirs = ensemble.StackingClassifier(_members(), **parameters).fit(X, y)
    assert ours.stack_method_ == theirs.stack_method_
    _same(ours, theirs, X_test)


@pytest.mark.parametrize("parameters", [{}, {"passthrough": True}, {"cv": 3, "final_estimator": Ridge()}], ids=str)
@pytest.mark.parametrize("seed", range(3))
def test_a_stack_of_regressors_is_scikit_learns(parameters, seed):
    X, y = load_diabetes(return_X_y=True)
    order = np.random.default_rng(seed).permutation(len(X))
    train, test = order[:300], order[300:]
    members = [
        ("tree", DecisionTreeRegressor(max_depth=3, random_state=0)),
        ("ridge", Ridge()),
        ("neighbours", skdl.neighbors.KNeighborsRegressor(10)),
    ]
    ours = StackingRegressor(members, **parameters).fit(X[train], y[train])
    theirs = ensemble.StackingRegressor(members, **parameters).fit(X[train], y[train])
    _same(ours, theirs, X[test])


def test_several_labels_at_once():
    X, y = make_multilabel_classification(200, random_state=0)
    members = [("tree", DecisionTreeClassifier(max_depth=3, random_state=0)), ("neighbours", KNeighborsClassifier())]
    final = KNeighborsClassifier(9)
    ours = StackingClassifier(members, final_estimator=final).fit(X[:150], y[:150])
    theirs = ensemble.StackingClassifier(members, final_estimator=final).fit(X[:150], y[:150])
    _same(ours, theirs, X[150:])
    assert [known.tolist() for known in ours.classes_] == [[0, 1]] * y.shape[1]


def test_sparse_passthrough_and_dropped_members():
    X, y, X_test, _ = _split(load_digits)
    X, X_test = sp.csr_matrix(X), sp.csr_matrix(X_test)
    members = [("a", skdl.naive_bayes.MultinomialNB()), ("gone", "drop"), ("b", KNeighborsClassifier())]
    final = KNeighborsClassifier(3)
    ours = StackingClassifier(members, final, passthrough=True).fit(X, y)
    theirs = ensemble.StackingClassifier(members, final, passthrough=True).fit(X, y)
    assert sp.issparse(ours.transform(X_test))
    assert (ours.transform(X_test) != theirs.transform(X_test)).nnz == 0
    np.testing.assert_array_equal(ours.predict(X_test), theirs.predict(X_test))
    assert ours.named_estimators_["gone"] == "drop"


def test_fitted_members():
    X, y, X_test, _ = _split(load_wine)
    y = np.array(["b", "a", "c"])[y]
    members = [("bayes", GaussianNB().fit(X[:40], y[:40])), ("tree", DecisionTreeClassifier(random_state=0).fit(X, y))]
    ours = StackingClassifier(members, cv="prefit").fit(X, y)
    theirs = ensemble.StackingClassifier(members, cv="prefit").fit(X, y)
    _same(ours, theirs, X_test)
    assert ours.estimators_[0] is members[0][1]


@pytest.mark.parametrize("routing", [False, True])
def test_weights_of_samples(routing):
    X, y, X_test, _ = _split(load_wine)
    weight = np.random.default_rng(0).integers(1, 5, len(X)).astype(float)
    tree, bayes = DecisionTreeClassifier(random_state=0, max_depth=3), GaussianNB()
    final = DecisionTreeClassifier(random_state=0, max_depth=3)
    with sklearn.config_context(enable_metadata_routing=routing):
        if routing:
            for estimator in (tree, bayes, final):
                estimator.set_fit_request(sample_weight=True)
        members = [("bayes", bayes), ("tree", tree)]
        ours = StackingClassifier(members, final).fit(X, y, sample_weight=weight)
        theirs = ensemble.StackingClassifier(members, final).fit(X, y, sample_weight=weight)
        _same(ours, theirs, X_test)


def test_rows_of_weight_zero_do_not_count():
    X, y, X_test, _ = _split(load_wine)
    kept = np.arange(len(X)) % 3 != 0
    members = [("bayes", GaussianNB()), ("tree", DecisionTreeClassifier(random_state=0))]
    y = np.where(kept, y, 17)  # a class of no weight is none
    with_zeros = StackingClassifier(members).fit(X, y, sample_weight=kept.astype(float))
    without = StackingClassifier(members).fit(X[kept], y[kept], sample_weight=np.ones(kept.sum()))
    assert with_zeros.classes_.tolist() == [0, 1, 2]
    _same(with_zeros, without, X_test)


def test_a_family_is_asked_for_all_folds_and_the_last_fit_at_once(monkeypatch):
    asked = []
    family = skdl.neighbors.KNeighborsClassifier._fit_family

    def counted(self, X, y, *, candidates, splits, **options):
        asked.append((len(candidates), len(splits)))
        return family(self, X, y, candidates=candidates, splits=splits, **options)

    monkeypatch.setattr(skdl.neighbors.KNeighborsClassifier, "_fit_family", counted)
    X, y, _, _ = _split(load_wine)
    StackingClassifier([("one", skdl.neighbors.KNeighborsClassifier(1)), ("tree", DecisionTreeClassifier())]).fit(X, y)
    assert asked == [(1, 6)]


def test_stacks_nest_in_searches_and_stacks():
    X, y = load_iris(return_X_y=True, as_frame=True)
    inner = StackingClassifier([("tree", skdl.tree.DecisionTreeClassifier())], KNeighborsClassifier())
    outer = StackingClassifier([("inner", inner), ("bayes", make_pipeline(StandardScaler(), GaussianNB()))], FINAL)
    search = GridSearchCV(outer, {"inner__tree__max_depth": [1, 3], "passthrough": [False, True]}, cv=3)
    assert search.fit(X, y).best_score_ > 0.9
    assert list(search.best_estimator_.feature_names_in_) == list(X.columns)
    framed = search.best_estimator_.set_output(transform="pandas").transform(X)
    assert framed.columns[0].startswith("stackingclassifier_inner")


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        ({"final_estimator": Ridge()}, "should be a classifier. Got Ridge"),
        ({"final_estimator": GaussianNB}, "must be None or an instance with fit"),
        ({"stack_method": "decision_function"}, "Underlying estimator bayes does not implement the method decision"),
        ({"stack_method": "guess"}, "stack_method of StackingClassifier must be"),
        ({"cv": "prefit"}, "'bayes' of StackingClassifier"),
        ({"cv": [(np.arange(60), np.arange(30))]}, "test every sample once"),
    ],
)
def test_bad_parameters(parameters, told):
    X, y = load_iris(return_X_y=True)
    with pytest.raises(ValueError, match=told):
        StackingClassifier([("bayes", GaussianNB())], **parameters).fit(X, y)


def test_a_final_estimator_that_fails_is_named():
    X, y = load_iris(return_X_y=True)
    with pytest.raises(ValueError, match="member 'final_estimator' of StackingClassifier"):
        StackingClassifier([("bayes", GaussianNB())], LogisticRegression(C=-1)).fit(X, y)


def test_a_regressor_may_be_a_member_of_a_classifier():
    X, y = load_breast_cancer(return_X_y=True)
    members = [("ridge", Ridge()), ("bayes", GaussianNB())]
    ours, theirs = (cls(members).fit(X[:300], y[:300]) for cls in (StackingClassifier, ensemble.StackingClassifier))
    _same(ours, theirs, X[300:])
