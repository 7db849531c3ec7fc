"""A search whose candidates an Optuna study proposes, a batch of them at a time."""

import time
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from skdl.model_selection._base import FamilySearch
from skdl.model_selection._inherited import BaseSearchCV
from skdl.utils import Interval, check_parameters, draw_seed

__all__ = ["OptunaSearchCV"]

_CONSTRAINTS: dict[str, list] = {
    "n_trials": [Interval("int", 1, None)],
    "batch_size": [Interval("int", 1, None)],
    "timeout": [None, Interval("real", 0, None, closed="neither")],
}


class OptunaSearchCV(FamilySearch, BaseSearchCV):
    """Search parameters that an Optuna study proposes, each batch of candidates and all folds fitted together.

    To be preferred to :class:`RandomizedSearchCV` where a fit is costly and there are several parameters: the study
    learns from the scores where to look. It is asked for ``batch_size`` trials, which are fitted as a family, and is
    told their scores. Needs Optuna: ``pip install skdl[optuna]``.

    Parameters
    ----------
    estimator : estimator
        As in :class:`GridSearchCV`.
    param_distributions : dict of str to distribution or list, or callable
        Optuna's distributions, or lists of values, by parameter; or a function that takes a trial, calls its
        ``suggest_...`` methods, and returns a dict of parameters, for spaces in which some parameters depend on others.
    n_trials : int, default=50
        The number of candidates.
    batch_size : int, default=10
        How many candidates are proposed before the next scores are told: more are cheaper to fit together, fewer are
        chosen better.
    timeout : float or None, default=None
        No new batch is begun after this many seconds.
    study : optuna.study.Study or None, default=None
        A study to go on with; its direction is to maximize. None makes one.
    sampler : optuna.samplers.BaseSampler or None, default=None
        What proposes candidates in a study that is made; None is Optuna's ``TPESampler``, which keeps the trials of a
        batch apart.
    random_state : int, RandomState or None, default=None
        The seed of the sampler that is made if ``study`` and ``sampler`` are None.
    scoring : str, callable, list, tuple or dict, default=None
        As in :class:`GridSearchCV`; with several metrics the study is told the one that ``refit`` names.
    n_jobs : int, default=None
        As in :class:`GridSearchCV`.
    refit : bool, str or callable, default=True
        As in :class:`GridSearchCV`.
    cv : int, splitter or iterable of (train, test), default=None
        As in :class:`GridSearchCV`.
    verbose : int, default=0
        As in :class:`GridSearchCV`.
    pre_dispatch : int or str, default="2*n_jobs"
        As in :class:`GridSearchCV`.
    error_score : "raise" or float, default=nan
        As in :class:`GridSearchCV`; a trial whose score is NaN is told as failed.
    return_train_score : bool, default=False
        As in :class:`GridSearchCV`.
    checkpoint : str or path-like, default=None
        As in :class:`GridSearchCV`; needs an int as ``random_state`` and no ``study``.
    return_history : bool, default=False
        As in :class:`GridSearchCV`.
    return_predictions : bool or str, default=False
        As in :class:`GridSearchCV`.

    Attributes
    ----------
    study_ : optuna.study.Study
        The study with all its trials, for Optuna's plots and importances. Values of lists that are no numbers, strings,
        bools or None are named by their text in it.
    cv_results_ : dict of str to ndarray of shape (n_candidates,)
        As in :class:`GridSearchCV`, and ``trial_number``, the number of each trial in the study.
    plan_ : Plan
        How all batches were carried out. The other attributes are those of :class:`GridSearchCV`.

    Raises
    ------
    ImportError
        If Optuna is not installed.
    ValueError
        If the study minimizes, or if there are several metrics and ``refit`` names none; and as :class:`GridSearchCV`.

    See Also
    --------
    RandomizedSearchCV : Candidates that do not depend on scores.

    Notes
    -----
    Costs and errors are those of :class:`GridSearchCV`; the study takes a few milliseconds for each trial. Trials are
    not pruned: the members of a family end together. If Ctrl-C is pressed, unfinished trials are told as failed.

    Examples
    --------
    >>> from optuna.distributions import FloatDistribution
    >>> from sklearn.datasets import load_iris
    >>> from skdl.model_selection import OptunaSearchCV
    >>> from skdl.naive_bayes import GaussianNB
    >>> X, y = load_iris(return_X_y=True)
    >>> space = {"var_smoothing": FloatDistribution(1e-9, 1.0, log=True)}
    >>> search = OptunaSearchCV(GaussianNB(), space, n_trials=20, random_state=0).fit(X, y)
    >>> len(search.study_.trials), round(float(search.best_score_), 3)
    (20, 0.953)
    """

    _required_parameters = ["estimator", "param_distributions"]

    def __init__(
        self,
        estimator,
        param_distributions,
        *,
        n_trials=50,
        batch_size=10,
        timeout=None,
        study=None,
        sampler=None,
        random_state=None,
        scoring=None,
        n_jobs=None,
        refit=True,
        cv=None,
        verbose=0,
        pre_dispatch="2*n_jobs",
        error_score=np.nan,
        return_train_score=False,
        checkpoint=None,
        return_history=False,
        return_predictions=False,
    ):
        super().__init__(
            estimator,
            scoring=scoring,
            n_jobs=n_jobs,
            refit=refit,
            cv=cv,
            verbose=verbose,
            pre_dispatch=pre_dispatch,
            error_score=error_score,
            return_train_score=return_train_score,
        )
        self.param_distributions = param_distributions
        self.n_trials = n_trials
        self.batch_size = batch_size
        self.timeout = timeout
        self.study = study
        self.sampler = sampler
        self.random_state = random_state
        self.checkpoint = checkpoint
        self.return_history = return_history
        self.return_predictions = return_predictions

    def _run_search(self, evaluate_candidates):
        own = {name: getattr(self, name) for name in _CONSTRAINTS}
        check_parameters(type(self).__name__, _CONSTRAINTS, own)
        optuna = _import_optuna()
        self.study_ = self._make_study(optuna)
        propose = _proposer(optuna, self.param_distributions)
        start = time.monotonic()
        n_left = self.n_trials
        while n_left and not (self.timeout and n_left < self.n_trials and time.monotonic() - start > self.timeout):
            pairs = [propose(self.study_) for _ in range(min(self.batch_size, n_left))]
            n_left -= len(pairs)
            trials = [trial for trial, _ in pairs]
            scores: list = []
            try:
                numbers = {"trial_number": [trial.number for trial in trials]}
                results = evaluate_candidates([parameters for _, parameters in pairs], more_results=numbers)
                scores = list(self._told(results)[-len(pairs) :])
            finally:
                failed = optuna.trial.TrialState.FAIL
                for place, trial in enumerate(trials):
                    if place < len(scores) and np.isfinite(scores[place]):
                        self.study_.tell(trial, float(scores[place]))
                    else:
                        self.study_.tell(trial, state=failed)

    def _told(self, results) -> np.ndarray:
        name = self.refit if isinstance(self.refit, str) and f"mean_test_{self.refit}" in results else "score"
        if f"mean_test_{name}" not in results:
            raise ValueError(
                "OptunaSearchCV has several metrics and has to know which of them the study is told: set refit to the "
                "name of one."
            )
        return results[f"mean_test_{name}"]

    def _make_study(self, optuna):
        if self.study is not None:
            if self.study.directions != [optuna.study.StudyDirection.MAXIMIZE]:
                raise ValueError(
                    "study of OptunaSearchCV must maximize one value, since scores are better the larger they are; "
                    "make it by optuna.create_study(direction='maximize')."
                )
            return self.study
        sampler = self.sampler
        if sampler is None:
            with warnings.catch_warnings():
                # Before Optuna 4.2 it was an experiment; trials that are asked for together need it.
                warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
                sampler = optuna.samplers.TPESampler(seed=draw_seed(self.random_state), constant_liar=True)
        # That a study has been made is no news to those who asked for a search.
        level = optuna.logging.get_verbosity()
        optuna.logging.set_verbosity(max(level, optuna.logging.WARNING))
        try:
            return optuna.create_study(direction="maximize", sampler=sampler)
        finally:
            optuna.logging.set_verbosity(level)


def _import_optuna():
    try:
        import optuna
    except ImportError as error:
        raise ImportError("OptunaSearchCV needs Optuna. Install it by: pip install 'skdl[optuna]'") from error
    return optuna


def _proposer(optuna, space) -> Callable[[Any], tuple[Any, dict]]:
    """Return a function that asks a study for a trial, and returns it with its parameters."""
    if callable(space):

        def call(study):
            trial = study.ask()
            return trial, dict(space(trial))

        return call
    if not isinstance(space, Mapping) or not space:
        raise ValueError(
            "param_distributions of OptunaSearchCV must be a dict of Optuna's distributions or lists by parameter, or "
            f"a callable that takes a trial; got {space!r}."
        )
    distributions, values = {}, {}
    for name, choices in space.items():
        if isinstance(choices, optuna.distributions.BaseDistribution):
            distributions[name] = choices
        elif isinstance(choices, (list, tuple, np.ndarray)) and len(choices):
            values[name] = _named(choices)
            distributions[name] = optuna.distributions.CategoricalDistribution(list(values[name]))
        else:
            raise ValueError(
                f"param_distributions[{name!r}] of OptunaSearchCV must be one of Optuna's distributions or a list of "
                f"values; got {choices!r}."
            )

    def ask(study):
        trial = study.ask(distributions)
        drawn = {name: values[name][value] if name in values else value for name, value in trial.params.items()}
        return trial, drawn

    return ask


def _named(choices) -> dict:
    """The values of a list by what a study can hold of them."""
    choices = [choice.item() if isinstance(choice, np.generic) else choice for choice in choices]
    plain = all(choice is None or isinstance(choice, (bool, int, float, str)) for choice in choices)
    names = choices if plain else [str(choice) for choice in choices]
    if len(set(names)) < len(names):
        names = list(range(len(choices)))
    return dict(zip(names, choices, strict=True))
