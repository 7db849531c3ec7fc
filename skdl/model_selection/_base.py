"""What all searches share: a ``fit`` that evaluates candidates family by family."""

import time
import warnings
from collections import defaultdict
from collections.abc import Callable
from os import PathLike
from typing import Any

import numpy as np
from sklearn.base import clone, is_classifier
from sklearn.model_selection import check_cv
from sklearn.utils import indexable

from skdl.exceptions import InterruptedFitWarning
from skdl.model_selection._carry_out import carry_out
from skdl.model_selection._checkpoint import Checkpoint
from skdl.model_selection._fold import as_rows, count_rows, take_metadata
from skdl.model_selection._inherited import root_context, scorers_by_name, takes_context, with_callbacks
from skdl.model_selection._job import Job
from skdl.model_selection._outcome import Scores, is_transparent
from skdl.model_selection._plan import Plan
from skdl.model_selection._predictions import CLASS_METHODS, classes_of, join_folds
from skdl.model_selection._results import settle_failures
from skdl.utils import Options, check_parameters

__all__ = ["FamilySearch"]

_CONSTRAINTS: dict[str, list] = {
    "checkpoint": [None, str, PathLike],
    "return_history": [bool],
    "return_predictions": [bool, Options("predict", *CLASS_METHODS)],
}


class FamilySearch:
    """The ``fit`` of a search; the rest comes from scikit-learn's class of the same name.

    Mixed in before a class that derives from scikit-learn's ``BaseSearchCV``.
    """

    checkpoint: Any = None
    return_history = False
    return_predictions: Any = False

    # What scikit-learn's classes bring.
    estimator: Any
    scoring: Any
    refit: Any
    cv: Any
    get_params: Callable[..., dict]
    _validate_params: Callable[..., None]
    _get_scorers: Callable[..., tuple]
    _get_routed_params_for_fit: Callable[..., Any]
    _check_input_parameters: Callable[..., None]
    _check_refit_for_multimetric: Callable[..., None]
    _select_best_index: Callable[..., int]
    _run_search: Callable[..., None]

    @with_callbacks
    def fit(self, X, y=None, **params):
        """Evaluate all candidates, and fit the best one to all the samples.

        Parameters
        ----------
        X : array-like or frame of shape (n_samples, n_features), or (n_samples, n_samples)
            The samples; the matrix between them for an estimator of precomputed distances or kernels.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
            The targets.
        **params : dict of str to object
            What the ``fit`` of the estimator takes beside them, the scorer and the splitter, as in scikit-learn:
            ``sample_weight``, ``groups``, ...

        Returns
        -------
        self
            The fitted search. If Ctrl-C is pressed while candidates are fitted, the search ends with the candidates
            that are complete, and says so by an ``InterruptedFitWarning``.
        """
        self._validate_params()
        check_parameters(type(self).__name__, _CONSTRAINTS, self.get_params(deep=False))
        scorers, refit_metric = self._get_scorers()
        X, y = indexable(X, y)
        params = take_metadata(X, params)
        routed = self._get_routed_params_for_fit(params)
        weight = params.get("sample_weight")
        told = {"X": X, "y": y, "metadata": None if weight is None else {"sample_weight": weight}}
        context = root_context(self)
        if context is not None:
            context.call_on_fit_task_begin(estimator=self, **told)
        self._checked_cv_orig = check_cv(self.cv, y, classifier=is_classifier(self.estimator))
        if hasattr(self, "_check_input_parameters"):  # in scikit-learn 1.6 only halving searches have it
            self._check_input_parameters(X=X, y=y, split_params=routed.splitter.split)
        self.n_splits_ = self._checked_cv_orig.get_n_splits(X, y, **routed.splitter.split)

        evaluation = _Evaluation(self, X, y, scorers, routed)
        try:
            if takes_context(self._run_search):
                self._run_search(evaluation, callback_ctx=context)
            else:
                self._run_search(evaluation)
        except _CutShort:
            warnings.warn(
                f"The search was interrupted: {len(evaluation.candidates)} candidates are complete, and the best of "
                "them is chosen.",
                InterruptedFitWarning,
                stacklevel=2,
            )
        results = evaluation.results
        self.multimetric_ = isinstance(evaluation.members[0]["test_scores"], dict)
        if callable(self.scoring) and self.multimetric_:
            self._check_refit_for_multimetric(evaluation.members[0]["test_scores"])
            refit_metric = self.refit
        if self.refit or not self.multimetric_:
            self.best_index_ = self._select_best_index(self.refit, refit_metric, results)
            if not callable(self.refit):
                self.best_score_ = results[f"mean_test_{refit_metric}"][self.best_index_]
            self.best_params_ = results["params"][self.best_index_]
        if self.refit:
            self._refit(X, y, routed.estimator.fit, context, told)
        self.scorer_ = scorers_by_name(scorers) or scorers
        self.cv_results_ = results
        evaluation.leave_on(self)
        if context is not None:
            context.call_on_fit_task_end(estimator=self, **told)
        return self

    def _refit(self, X, y, fit_params, context, told):
        best = clone(self.estimator).set_params(**clone(self.best_params_, safe=False))
        arguments = (X,) if y is None else (X, y)
        start = time.perf_counter()
        if context is None:
            best.fit(*arguments, **fit_params)
        else:
            context = context.subcontext(task_name="refit-with-best-params")
            with context.propagate_callback_context(best):
                context.call_on_fit_task_begin(estimator=self, **told)
                start = time.perf_counter()
                best.fit(*arguments, **fit_params)
        self.refit_time_ = time.perf_counter() - start
        self.best_estimator_ = best
        if hasattr(best, "feature_names_in_"):
            self.feature_names_in_ = best.feature_names_in_
        if context is not None:
            context.call_on_fit_task_end(estimator=self, **told)


class _CutShort(BaseException):
    """Ctrl-C ended the evaluation, and there are complete candidates."""


class _Evaluation:
    """The callable that ``_run_search`` gives its candidates to, and what has come out so far.

    Parameters
    ----------
    search : FamilySearch
        The search.
    X, y : indexable
        The samples and targets; y may be None.
    scorers : callable
        The scorer.
    routed : Bunch
        What goes to the estimator, the scorer and the splitter.
    """

    def __init__(self, search, X, y, scorers, routed):
        self.search = search
        self.X = X
        self.y = y
        self.routed = routed
        method = search.return_predictions
        self.method = "predict" if method is True else method or None
        self.outcome = Scores(
            scorers,
            transparent=is_transparent(search.scoring),
            metadata=routed.scorer.score,
            error_score=search.error_score,
            with_train=search.return_train_score,
            with_history=search.return_history,
            with_predictions=self.method,
            classes=None if self.method is None else classes_of(y, self.method),
            is_accuracy=search.scoring is None or search.scoring == "accuracy",
        )
        self.checkpoint = None if search.checkpoint is None else Checkpoint(search.checkpoint, search, X, y, routed)
        self.candidates: list[dict] = []
        self.members: list[dict] = []
        self.more: dict[str, list] = defaultdict(list)
        self.results: dict[str, Any] = {}
        self.plan: Plan | None = None
        self.predictions: list = []

    def __call__(self, candidate_params, cv=None, more_results=None, callback_ctx=None):
        """Evaluate candidates; return the results of all candidates so far, in the form of ``cv_results_``."""
        search = self.search
        candidates = list(candidate_params)
        splits = self._split(cv or search._checked_cv_orig)
        n_candidates, n_splits = len(candidates), len(splits)
        if search.verbose > 0:
            n_fits = n_candidates * n_splits
            print(f"Fitting {n_splits} folds for each of {n_candidates} candidates, totalling {n_fits} fits")
        job = Job(
            search.estimator,
            self.X,
            self.y,
            candidates,
            splits,
            self.outcome,
            fit_params=self.routed.estimator.fit,
            error_score=search.error_score,
            verbose=search.verbose,
            contexts=self._contexts(callback_ctx, n_candidates, n_splits),
            caller=search,
            total=(n_candidates, n_splits),
        )
        if not candidates or not splits:
            raise ValueError("No fits were performed. Was the CV iterator empty? Were there no candidates?")
        log = None if self.checkpoint is None else self.checkpoint.round(candidates, splits)
        members, plan, interrupted = carry_out(job, n_jobs=search.n_jobs, pre_dispatch=search.pre_dispatch, log=log)
        if self.plan is None:
            self.plan = plan
        else:
            self.plan.extend(plan)
        complete = [c for c in range(n_candidates) if all((c, s) in members for s in range(n_splits))]
        if complete:
            self._take(members, complete, candidates, splits, more_results or {})
        if interrupted:
            if not self.candidates:
                raise KeyboardInterrupt
            raise _CutShort
        return self.results

    def _split(self, cv):
        splits = cv.split(self.X, self.y, **self.routed.splitter.split)
        splits = [(as_rows(train), as_rows(test)) for train, test in splits]
        if len(splits) != self.search.n_splits_:
            raise ValueError(
                "cv.split and cv.get_n_splits return inconsistent results. "
                f"Expected {self.search.n_splits_} splits, got {len(splits)}"
            )
        if self.method is not None:
            tests = np.concatenate([test for _, test in splits])
            if len(np.unique(tests)) < len(tests):
                raise ValueError(
                    "return_predictions needs a cv that tests each sample once at most; use KFold, StratifiedKFold or "
                    "GroupKFold, or return_predictions=False."
                )
        return splits

    def _contexts(self, callback_ctx, n_candidates, n_splits):
        heard = any(getattr(item, "_skl_callbacks", None) for item in (self.search, self.search.estimator))
        if callback_ctx is None or not heard:
            return None
        pairs = [(c, s) for c in range(n_candidates) for s in range(n_splits)]
        return {
            pair: callback_ctx.subcontext(task_name="candidate-split-evaluation", task_id=task_id)
            for task_id, pair in enumerate(pairs)
        }

    def _take(self, members, complete, candidates, splits, more_results):
        n_splits = len(splits)
        new = [members[c, s] for c in complete for s in range(n_splits)]
        settle_failures(new, self.search.error_score)
        self.candidates += [candidates[c] for c in complete]
        self.members += new
        for name, values in more_results.items():
            self.more[name] += [values[c] for c in complete]
        if self.method is not None:
            self._join_predictions(new, splits)
        kept = ("test_scores", "train_scores", "fit_time", "score_time")
        scores = [{name: member[name] for name in kept if name in member} for member in self.members]
        self.results = self.search._format_results(self.candidates, n_splits, scores, self.more)

    def _join_predictions(self, members, splits):
        n = count_rows(self.X)
        for first in range(0, len(members), len(splits)):
            pairs = [
                (member["predictions"], test)
                for member, (_, test) in zip(members[first : first + len(splits)], splits, strict=True)
                if member["predictions"] is not None
            ]
            joined = join_folds([p for p, _ in pairs], [test for _, test in pairs], n) if pairs else None
            self.predictions.append(joined)

    def leave_on(self, search):
        """Set the fitted attributes that scikit-learn's searches do not have."""
        search.plan_ = self.plan
        if search.return_history:
            n = search.n_splits_
            histories = [member["history"] for member in self.members]
            search.history_ = [histories[first : first + n] for first in range(0, len(histories), n)]
        if self.method is not None:
            search.oof_predictions_ = self.predictions
            search.oof_method_ = self.method
