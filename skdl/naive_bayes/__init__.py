"""Naive Bayes classifiers."""

from skdl.naive_bayes._bernoulli import BernoulliNB
from skdl.naive_bayes._categorical import CategoricalNB
from skdl.naive_bayes._complement import ComplementNB
from skdl.naive_bayes._gaussian import GaussianNB
from skdl.naive_bayes._mixed import MixedNB
from skdl.naive_bayes._multinomial import MultinomialNB

__all__ = ["BernoulliNB", "CategoricalNB", "ComplementNB", "GaussianNB", "MixedNB", "MultinomialNB"]
