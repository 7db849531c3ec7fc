"""Naive Bayes classifiers."""

from skdl.naive_bayes._gaussian import GaussianNB

__all__ = ["GaussianNB"]
