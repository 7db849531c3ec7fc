"""Decision trees: CART, ID3 and C4.5, exact and by histograms."""

from skdl.tree._classifier import DecisionTreeClassifier
from skdl.tree._export import export_text
from skdl.tree._plot import plot_tree
from skdl.tree._regressor import DecisionTreeRegressor
from skdl.tree._rules import Rule, to_rules
from skdl.tree._textbook import C45Classifier, CARTClassifier, ID3Classifier

__all__ = [
    "C45Classifier",
    "CARTClassifier",
    "DecisionTreeClassifier",
    "DecisionTreeRegressor",
    "ID3Classifier",
    "Rule",
    "export_text",
    "plot_tree",
    "to_rules",
]
