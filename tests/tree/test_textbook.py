"""ID3 and C4.5 against the trees and figures of Quinlan's papers and book.

Where the figures come from: the printed tree of iris was read in a stored page that quotes Weka; what the example of
1986 must give can be worked out by hand and is; the figures of the book of 1993 were written down from memory, the book
was not at hand; the sizes of trees of larger sets have no source and hold what is grown today in its place.
"""

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_iris

from skdl.tree import C45Classifier, CARTClassifier, DecisionTreeClassifier, ID3Classifier, to_rules
from tests.tree._tables import load_frame, play_tennis


def test_id3_grows_quinlans_tree():
    X, y = play_tennis()
    tree = ID3Classifier().fit(X, y).tree_
    names = np.append(X.columns.to_numpy(dtype=str), "leaf")
    assert names[np.maximum(tree.feature, -1)].tolist() == [
        "outlook", "leaf", "wind", "leaf", "leaf", "humidity", "leaf", "leaf"
    ]  # fmt: skip
    assert tree.class_weight_at.tolist() == [[5, 9], [0, 4], [2, 3], [2, 0], [0, 3], [3, 2], [3, 0], [0, 2]]


def test_gain_and_gain_ratio_of_the_first_split():
    X, y = play_tennis()
    tree = ID3Classifier(max_depth=1).fit(X, y)
    # Quinlan 1986: gain(outlook) = 0.246 bits, of the 0.940 in the table.
    entropy = -(9 / 14 * np.log2(9 / 14) + 5 / 14 * np.log2(5 / 14))
    assert entropy == pytest.approx(0.940, abs=5e-4)
    assert tree.tree_.compute_feature_importances(normalize=False)[0] == pytest.approx(0.2467, abs=5e-5)


def golf_with_a_missing_outlook():
    """The example of chapter 3 of the book of 1993: the outlook of one overcast day is lost."""
    rows = [
        ("sunny", 75, 70, "true", "Play"),
        ("sunny", 80, 90, "true", "Don't Play"),
        ("sunny", 85, 85, "false", "Don't Play"),
        ("sunny", 72, 95, "false", "Don't Play"),
        ("sunny", 69, 70, "false", "Play"),
        (None, 72, 90, "true", "Play"),
        ("overcast", 83, 78, "false", "Play"),
        ("overcast", 64, 65, "true", "Play"),
        ("overcast", 81, 75, "false", "Play"),
        ("rain", 71, 80, "true", "Don't Play"),
        ("rain", 65, 70, "true", "Don't Play"),
        ("rain", 75, 80, "false", "Play"),
        ("rain", 68, 80, "false", "Play"),
        ("rain", 70, 96, "false", "Play"),
    ]
    X = pd.DataFrame(rows, columns=["outlook", "temperature", "humidity", "windy", "play"])
    y = X.pop("play").to_numpy(dtype=str)
    return X.astype({"outlook": "category", "windy": "category"}), y


def test_missing_values_are_shared_out_as_in_the_book():
    X, y = golf_with_a_missing_outlook()
    model = C45Classifier().fit(X, y)
    rules = {" and ".join(rule.conditions): rule for rule in to_rules(model)}
    printed = {name: (rule.prediction, round(rule.weight, 1), round(rule.errors, 1)) for name, rule in rules.items()}
    assert printed == {
        "outlook = overcast": ("Play", 3.2, 0.0),
        "outlook = sunny and humidity <= 75.00": ("Play", 2.0, 0.0),
        "outlook = sunny and humidity > 75.00": ("Don't Play", 3.4, 0.4),
        "outlook = rain and windy = true": ("Don't Play", 2.4, 0.4),
        "outlook = rain and windy = false": ("Play", 3.0, 0.0),
    }
    unknown_humidity = pd.DataFrame(
        {
            "outlook": pd.Categorical(["sunny"], categories=X["outlook"].cat.categories),
            "temperature": [70.0],
            "humidity": [np.nan],
            "windy": pd.Categorical(["false"], categories=X["windy"].cat.categories),
        }
    )
    # The book: Play 44 %, Don't Play 56 %.
    np.testing.assert_allclose(model.predict_proba(unknown_humidity), [[0.56, 0.44]], atol=0.005)


def test_c45_grows_the_tree_of_iris_that_weka_prints():
    """J48's tree as the readme of clj-ml quotes it, with its counts; a rule merges the conditions on one column."""
    X, y = load_iris(return_X_y=True, as_frame=True)
    X.columns = ["sepallength", "sepalwidth", "petallength", "petalwidth"]
    model = C45Classifier().fit(X, load_iris().target_names[y])
    assert (model.get_n_leaves(), model.tree_.node_count) == (5, 9)
    printed = {" and ".join(rule.conditions): (rule.prediction, rule.weight, rule.errors) for rule in to_rules(model)}
    assert printed == {
        "petalwidth <= 0.60": ("setosa", 50.0, 0.0),
        "petalwidth > 0.60 and petalwidth <= 1.70 and petallength <= 4.90": ("versicolor", 48.0, 1.0),
        "petalwidth > 0.60 and petalwidth <= 1.50 and petallength > 4.90": (
            "virginica", 3.0, 0.0,
        ),
        "petalwidth > 1.50 and petalwidth <= 1.70 and petallength > 4.90": (
            "versicolor", 3.0, 1.0,
        ),
        "petalwidth > 1.70": ("virginica", 46.0, 1.0),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "leaves", "nodes"),
    [
        ("contact_lenses", 4, 7),
        ("zoo", 9, 17),
        ("car", 131, 182),
        ("tic_tac_toe", 95, 142),
        ("kr_vs_kp", 31, 59),
        ("nursery", 359, 511),
        ("vehicle", 98, 195),
        ("segment", 39, 77),
        ("sonar", 18, 35),
        ("heart_c", 30, 51),
    ],
)
def test_the_trees_of_c45_keep_their_size(name, leaves, nodes):
    # Not from a source. From memory, J48 prints these numbers too.
    tree = C45Classifier().fit(*load_frame(name)).tree_
    assert (tree.n_leaves, tree.node_count) == (leaves, nodes)


def test_a_declared_category_without_rows_has_an_empty_leaf():
    X, y = load_frame("german_credit")
    few = C45Classifier().fit(X, y)
    for column, category in (("purpose", "vacation"), ("personal_status", "female single")):
        X[column] = X[column].cat.add_categories([category])
    model = C45Classifier().fit(X, y)
    assert (model.get_n_leaves(), model.tree_.node_count) == (103, 140)
    assert (model.tree_.weighted_n_node_samples == 0.0).sum() > (few.tree_.weighted_n_node_samples == 0.0).sum()
    np.testing.assert_array_equal(model.predict(X), few.predict(X))


def test_error_estimates_of_the_book():
    from skdl.kernels.tree import extra_errors
    from skdl.tree._classifier import squared_deviate

    # U_25%(0, 6) = 0.206, U_25%(0, 9) = 0.143, U_25%(0, 1) = 0.750, U_25%(1, 16) = 0.157 (chapter 4).
    for errors, n, rate in ((0, 6, 0.206), (0, 9, 0.143), (0, 1, 0.750), (1, 16, 0.157)):
        estimate = (errors + extra_errors(float(n), float(errors), 0.25, squared_deviate(0.25))) / n
        assert estimate == pytest.approx(rate, abs=2.5e-3)


def _noisy(n=600, seed=0):
    rng = np.random.default_rng(seed)
    X = pd.DataFrame({name: pd.Categorical(rng.choice(list("pqr"), size=n)) for name in "abcde"})
    X["x"] = rng.normal(size=n)
    y = (X["a"] == "p") | ((X["b"] == "q") & (X["x"] > 0))
    return X, np.where(rng.uniform(size=n) < 0.2, ~y, y)


@pytest.mark.parametrize("branching", ["binary", "multiway"])
@pytest.mark.parametrize("pruning", ["pessimistic", "reduced_error"])
def test_pruning_makes_smaller_trees_that_predict_no_worse(branching, pruning):
    X, y = _noisy()
    X_new, y_new = _noisy(n=4000, seed=1)
    common = {"branching": branching, "criterion": "gain_ratio", "random_state": 0}
    whole = DecisionTreeClassifier(**common).fit(X, y)
    pruned = DecisionTreeClassifier(pruning=pruning, **common).fit(X, y)
    assert pruned.get_n_leaves() < 0.7 * whole.get_n_leaves()
    assert pruned.score(X_new, y_new) >= whole.score(X_new, y_new)
    harder = DecisionTreeClassifier(pruning="pessimistic", confidence_factor=0.01, **common).fit(X, y)
    softer = DecisionTreeClassifier(pruning="pessimistic", confidence_factor=0.5, **common).fit(X, y)
    assert harder.get_n_leaves() < softer.get_n_leaves()


def test_reduced_error_pruning_is_best_on_the_held_out_rows():
    X, y = _noisy()
    model = DecisionTreeClassifier(pruning="reduced_error", random_state=0).fit(X, y)
    grown = DecisionTreeClassifier(random_state=0)
    training = model._read(X, y, None)
    whole = DecisionTreeClassifier(random_state=0).fit(X.iloc[training.grown_from], y[training.grown_from])
    held_out = training.held_out
    assert len(held_out) == 150
    assert set(held_out).isdisjoint(training.grown_from)
    assert model.score(X.iloc[held_out], y[held_out]) > whole.score(X.iloc[held_out], y[held_out])
    assert grown.get_params()["validation_fraction"] == 0.25


def test_raising_a_subtree_replaces_a_node_by_its_largest_branch():
    X, y = load_frame("horse_colic")
    X = X.drop(columns=["hospital_number", "lesion1", "lesion2", "lesion3", "cp_data", "outcome"], errors="ignore")
    raised = C45Classifier().fit(X, y)
    kept = C45Classifier(subtree_raising=False).fit(X, y)
    assert raised.get_n_leaves() <= kept.get_n_leaves()
    assert raised.tree_.weighted_n_node_samples[0] == len(y)
    leaves = raised.tree_.feature < 0
    assert raised.tree_.weighted_n_node_samples[leaves].sum() == pytest.approx(len(y))


def test_what_many_branches_do_not_support_is_refused():
    X, y = play_tennis()
    for setting in ({"splitter": "random"}, {"max_leaf_nodes": 3}, {"ccp_alpha": 0.1}, {"min_impurity_decrease": 0.1}):
        with pytest.raises(ValueError, match="not supported with branching='multiway'"):
            DecisionTreeClassifier(branching="multiway", **setting).fit(X, y)
    with pytest.raises(ValueError, match="all features"):
        DecisionTreeClassifier(branching="multiway", max_features=2).fit(X, y)
    with pytest.raises(ValueError, match="defined for binary trees"):
        C45Classifier().cost_complexity_pruning_path(X, y)


def test_cart_splits_categories_in_two():
    X, y = play_tennis()
    tree = CARTClassifier(ccp_alpha=0.0).fit(X, y)
    assert tree.score(X, y) == 1.0
    assert (np.diff(tree.tree_.left_categories_start[tree.tree_.feature >= 0]) > 0).all()
