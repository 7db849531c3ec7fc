"""Evaluation by episodes: a few samples of a few classes are shown, others of the same classes are asked about."""

from typing import NamedTuple

import numpy as np
from sklearn.base import clone

from skdl.base import take_rows
from skdl.metric_learning._prototypical import PrototypicalClassifier
from skdl.utils import (
    Interval,
    check_parameters,
    derive_keys,
    draw_seed,
    encode_classes,
    random_permutation,
    validate_y,
)

_CONSTRAINTS: dict[str, list] = {
    "n_way": [Interval("int", 2, None)],
    "n_shot": [Interval("int", 1, None)],
    "n_query": [Interval("int", 1, None)],
    "n_episodes": [Interval("int", 1, None)],
}


class FewShotSplit:
    """Draws episodes: a support set of ``n_shot`` samples of ``n_way`` classes, and a query set of the same classes.

    Use it as the ``cv`` of :func:`sklearn.model_selection.cross_val_score`, with a classifier that only memorises
    what it is shown (nearest neighbours, :class:`sklearn.neighbors.NearestCentroid`), on classes that an embedding was
    not trained on.

    Parameters
    ----------
    n_way : int, default=5
        The number of classes in an episode.
    n_shot : int, default=1
        The number of samples that are shown of each.
    n_query : int, default=5
        The number of samples that are asked about of each.
    n_episodes : int, default=100
        The number of episodes.
    random_state : int, RandomState or None, default=None
        Decides classes and samples. With an int, episode i is the same however many there are.

    See Also
    --------
    few_shot_score : The mean accuracy over such episodes, with its interval.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.model_selection import cross_val_score
    >>> from sklearn.neighbors import KNeighborsClassifier
    >>> from skdl.metric_learning import FewShotSplit
    >>> X, y = load_digits(return_X_y=True)
    >>> episodes = FewShotSplit(n_way=5, n_shot=1, n_episodes=20, random_state=0)
    >>> scores = cross_val_score(KNeighborsClassifier(1), X, y, cv=episodes)
    >>> scores.shape
    (20,)
    """

    def __init__(self, n_way=5, n_shot=1, n_query=5, n_episodes=100, *, random_state=None):
        self.n_way = n_way
        self.n_shot = n_shot
        self.n_query = n_query
        self.n_episodes = n_episodes
        self.random_state = random_state

    def get_n_splits(self, X=None, y=None, groups=None) -> int:
        """Return the number of episodes.

        Parameters
        ----------
        X, y, groups : object, default=None
            Ignored.

        Returns
        -------
        int
        """
        return self.n_episodes

    def split(self, X, y, groups=None):
        """Draw the episodes.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Ignored.
        y : array-like of shape (n_samples,)
            The classes.
        groups : object, default=None
            Ignored.

        Yields
        ------
        support : ndarray of int of shape (n_way * n_shot,)
            The rows that are shown, class by class.
        query : ndarray of int of shape (n_way * n_query,)
            The rows that are asked about.
        """
        name = type(self).__name__
        check_parameters(name, _CONSTRAINTS, {key: getattr(self, key) for key in _CONSTRAINTS})
        classes, codes = encode_classes(validate_y(PrototypicalClassifier(), y), owner=name)
        counts = np.bincount(codes)
        if len(classes) < self.n_way:
            raise ValueError(f"n_way={self.n_way} of {name} is more than the {len(classes)} classes of y: lower it.")
        short = counts < self.n_shot + self.n_query
        if short.any():
            place = int(short.argmax())
            raise ValueError(
                f"Class {classes[[place]].tolist()[0]!r} has {counts[place]} samples, but n_shot={self.n_shot} and "
                f"n_query={self.n_query} of {name} need {self.n_shot + self.n_query} of each: lower them, or drop it."
            )
        rows_of = np.split(np.argsort(codes, kind="stable"), np.cumsum(counts)[:-1])
        seed = draw_seed(self.random_state)
        for episode in range(self.n_episodes):
            key = derive_keys(seed, "classes of an episode", episode)
            chosen = random_permutation(key, len(classes))[0, : self.n_way].tolist()
            support, query = [], []
            for code in chosen:
                key = derive_keys(seed, "rows of an episode", episode, code)
                order = random_permutation(key, int(counts[code]))[0, : self.n_shot + self.n_query].numpy()
                support.append(rows_of[code][order[: self.n_shot]])
                query.append(rows_of[code][order[self.n_shot :]])
            yield np.concatenate(support), np.concatenate(query)


class FewShotScore(NamedTuple):
    """What :func:`few_shot_score` finds.

    Parameters
    ----------
    mean : float
        The mean over episodes.
    half_width : float
        Of the 95 % interval: the true mean lies in ``mean - half_width`` to ``mean + half_width``.
    scores : ndarray of shape (n_episodes,)
        The accuracy in each episode.
    """

    mean: float
    half_width: float
    scores: np.ndarray


def few_shot_score(
    estimator, X, y, *, n_way=5, n_shot=1, n_query=5, n_episodes=1000, random_state=None
) -> FewShotScore:
    """Score a classifier on episodes of classes that it was not trained on.

    Use it on held-out classes. A fitted :class:`PrototypicalClassifier` is shown each support set by its
    ``fit_support``; any other classifier is cloned and fitted to it, as nearest neighbours on embedded samples are,
    ``few_shot_score(KNeighborsClassifier(1), encoder.transform(X), y)``, which embeds each sample only once.

    Parameters
    ----------
    estimator : classifier
        What is scored; it is not changed.
    X : array-like, frame or tensor of shape (n_samples, ...)
        The samples.
    y : array-like of shape (n_samples,)
        Their classes, ``n_shot + n_query`` samples of each at least.
    n_way : int, default=5
        The number of classes in an episode.
    n_shot : int, default=1
        The number of samples that are shown of each.
    n_query : int, default=5
        The number of samples that are asked about of each.
    n_episodes : int, default=1000
        The number of episodes.
    random_state : int, RandomState or None, default=None
        Decides the episodes; see :class:`FewShotSplit`.

    Returns
    -------
    FewShotScore
        The fields ``mean``, ``half_width`` and ``scores``; the interval takes the episodes for independent draws.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.neighbors import KNeighborsClassifier
    >>> from skdl.metric_learning import few_shot_score
    >>> X, y = load_digits(return_X_y=True)
    >>> score = few_shot_score(KNeighborsClassifier(1), X, y, n_episodes=50, random_state=0)
    >>> bool(0.5 < score.mean < 1)
    True
    """
    episodes = FewShotSplit(n_way, n_shot, n_query, n_episodes, random_state=random_state)
    y = np.asarray(y)
    knows = hasattr(estimator, "fit_support") and estimator.__sklearn_is_fitted__()
    found = []
    for support, query in episodes.split(X, y):
        shown = take_rows(X, support), y[support]
        fitted = estimator.fit_support(*shown) if knows else clone(estimator).fit(*shown)
        found.append(fitted.score(take_rows(X, query), y[query]))
    scores = np.array(found)
    spread = scores.std(ddof=1) if len(scores) > 1 else np.nan
    return FewShotScore(float(scores.mean()), float(1.96 * spread / np.sqrt(len(scores))), scores)
