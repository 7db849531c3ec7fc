"""Ensembles of any estimators: vote, average, rank, weigh."""

from skdl.ensemble._voting import VotingClassifier, VotingRegressor

__all__ = ["VotingClassifier", "VotingRegressor"]
