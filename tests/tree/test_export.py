"""Text, plots, rules, and trees handed over to scikit-learn."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import sklearn.tree as reference
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris

from skdl.tree import (
    C45Classifier,
    DecisionTreeClassifier,
    DecisionTreeRegressor,
    ID3Classifier,
    export_text,
    plot_tree,
    to_rules,
)
from tests.tree._tables import play_tennis


@pytest.mark.parametrize("depth", [1, 3, 10])
def test_text_is_scikit_learns_for_binary_trees(depth):
    X, y = load_breast_cancer(return_X_y=True)
    tree = DecisionTreeClassifier(max_depth=5).fit(X, y)
    assert export_text(tree, max_depth=depth) == reference.export_text(tree.to_sklearn(), max_depth=depth)
    with_weights = export_text(tree, show_weights=True, decimals=3, spacing=1)
    assert with_weights == reference.export_text(tree.to_sklearn(), show_weights=True, decimals=3, spacing=1)
    X, y = load_diabetes(return_X_y=True)
    tree = DecisionTreeRegressor(max_depth=4).fit(X, y)
    assert export_text(tree, max_depth=depth) == reference.export_text(tree.to_sklearn(), max_depth=depth)


def test_text_of_the_play_tennis_tree():
    X, y = play_tennis()
    assert export_text(ID3Classifier().fit(X, y)) == (
        "|--- outlook = overcast\n|   |--- class: yes\n"
        "|--- outlook = rain\n"
        "|   |--- wind = strong\n|   |   |--- class: no\n|   |--- wind = weak\n|   |   |--- class: yes\n"
        "|--- outlook = sunny\n"
        "|   |--- humidity = high\n|   |   |--- class: no\n|   |--- humidity = normal\n|   |   |--- class: yes\n"
    )


def test_rules_of_the_play_tennis_tree():
    X, y = play_tennis()
    rules = C45Classifier().fit(X, y).to_rules()
    assert [str(rule) for rule in rules] == [
        "if outlook = overcast then yes (4/0)",
        "if outlook = rain and wind = weak then yes (3/0)",
        "if outlook = sunny and humidity = high then no (3/0)",
        "if outlook = rain and wind = strong then no (2/0)",
        "if outlook = sunny and humidity = normal then yes (2/0)",
    ]


def test_rules_cover_every_sample_once_and_predict_as_the_tree():
    X, y = load_iris(return_X_y=True, as_frame=True)
    X.columns = list("abcd")
    tree = DecisionTreeClassifier(max_depth=4).fit(X, y)
    rules = to_rules(tree, decimals=17)
    assert sum(rule.weight for rule in rules) == len(X)
    assert sum(rule.errors for rule in rules) == (tree.predict(X) != y).sum()
    covered = np.zeros(len(X), dtype=int)
    for rule in rules:
        rows = X.query(" and ".join(rule.conditions)).index
        covered[rows] += 1
        assert (tree.predict(X.loc[rows]) == rule.prediction).all()
        assert len(rule.conditions) == len({condition.rsplit(" ", 1)[0] for condition in rule.conditions})
    assert (covered == 1).all()


def test_category_subsets_in_text_and_rules():
    X = pd.DataFrame({"colour": pd.Categorical(["red", "green", "blue", "red", "green", "blue"])})
    tree = DecisionTreeRegressor(max_depth=1).fit(X, [1.0, 1.0, 5.0, 1.0, 1.0, 5.0])
    assert export_text(tree) == (
        "|--- colour in {green, red}\n|   |--- value: [1.00]\n|--- colour in {blue}\n|   |--- value: [5.00]\n"
    )
    assert [rule.prediction for rule in to_rules(tree)] == [1.0, 5.0]
    with pytest.raises(ValueError, match="splits on categories"):
        tree.to_sklearn()


def test_plot_has_a_box_for_each_node():
    X, y = play_tennis()
    for tree in (ID3Classifier().fit(X, y), DecisionTreeClassifier().fit(X, y)):
        figure, ax = plt.subplots()
        notes = plot_tree(tree, ax=ax, filled=True)
        assert len(notes) == tree.tree_.node_count
        assert len(plot_tree(tree, ax=ax, max_depth=0)) == 1
        figure.canvas.draw()
        plt.close(figure)


@pytest.mark.parametrize("missing", [False, True])
def test_to_sklearn_predicts_the_same(missing):
    X, y = load_breast_cancer(return_X_y=True)
    X = X.astype(np.float32)
    if missing:
        X[np.random.default_rng(0).uniform(size=X.shape) < 0.1] = np.nan
    tree = DecisionTreeClassifier().fit(X, y)
    theirs = tree.to_sklearn()
    np.testing.assert_array_equal(tree.predict_proba(X), theirs.predict_proba(X))
    np.testing.assert_array_equal(tree.apply(X), theirs.apply(X))
    np.testing.assert_allclose(tree.feature_importances_, theirs.feature_importances_, rtol=1e-9)
    tree = DecisionTreeRegressor(min_samples_leaf=3).fit(X, X[:, 0].clip(0) if not missing else y * 2.5)
    np.testing.assert_allclose(tree.predict(X), tree.to_sklearn().predict(X), rtol=1e-12)


def test_wrong_names_are_refused():
    X, y = load_iris(return_X_y=True)
    tree = DecisionTreeClassifier().fit(X, y)
    with pytest.raises(ValueError, match="feature_names must have 4 elements"):
        export_text(tree, feature_names=["a"])
    with pytest.raises(ValueError, match="class_names must have 3 elements"):
        plot_tree(tree, class_names=["a"])
    both = DecisionTreeClassifier().fit(X, np.stack([y, y], axis=1))
    with pytest.raises(ValueError, match="several"):
        to_rules(both)
