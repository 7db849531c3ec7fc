"""Ensembles of any estimators: vote, average, rank, weigh, stack, bag."""

from skdl.ensemble._bagging import BaggingClassifier, BaggingRegressor
from skdl.ensemble._greedy import GreedyEnsembleClassifier, GreedyEnsembleRegressor
from skdl.ensemble._stacking import StackingClassifier, StackingRegressor
from skdl.ensemble._voting import VotingClassifier, VotingRegressor

__all__ = [
    "BaggingClassifier",
    "BaggingRegressor",
    "GreedyEnsembleClassifier",
    "GreedyEnsembleRegressor",
    "StackingClassifier",
    "StackingRegressor",
    "VotingClassifier",
    "VotingRegressor",
]
