"""Ensembles of any estimators: vote, average, rank, weigh, stack, bag, select; deep ensembles and distillation."""

from skdl.ensemble._bagging import BaggingClassifier, BaggingRegressor
from skdl.ensemble._deep import DeepEnsembleClassifier, DeepEnsembleRegressor
from skdl.ensemble._distilled import DistilledClassifier
from skdl.ensemble._dropout import MonteCarloDropoutClassifier, MonteCarloDropoutRegressor
from skdl.ensemble._greedy import GreedyEnsembleClassifier, GreedyEnsembleRegressor
from skdl.ensemble._reports import calibration_report, diversity_report, reliability_curve
from skdl.ensemble._snapshot import SnapshotEnsembleClassifier, SnapshotEnsembleRegressor
from skdl.ensemble._stacking import StackingClassifier, StackingRegressor
from skdl.ensemble._voting import VotingClassifier, VotingRegressor

__all__ = [
    "BaggingClassifier",
    "BaggingRegressor",
    "DeepEnsembleClassifier",
    "DeepEnsembleRegressor",
    "DistilledClassifier",
    "GreedyEnsembleClassifier",
    "GreedyEnsembleRegressor",
    "MonteCarloDropoutClassifier",
    "MonteCarloDropoutRegressor",
    "SnapshotEnsembleClassifier",
    "SnapshotEnsembleRegressor",
    "StackingClassifier",
    "StackingRegressor",
    "VotingClassifier",
    "VotingRegressor",
    "calibration_report",
    "diversity_report",
    "reliability_curve",
]
