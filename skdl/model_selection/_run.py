"""Fitting and judging the members of a group: as a family where there is one, one by one where there is not."""

import time
import warnings
from traceback import format_exc
from typing import Any

from joblib.logger import short_format_time
from sklearn.base import clone

from skdl.base import family_notes, fit_family
from skdl.exceptions import DeviceMemoryWarning, InterruptedFitWarning
from skdl.model_selection._job import Ground, Job, JoinedGround, PipelineGround

__all__ = ["run_group"]


def run_group(job: Job, group, members: list[dict] | None = None, tell=None) -> tuple[list[dict], list[str]]:
    """Fit the members of a group and judge each one; no fitted member is kept longer than it takes to judge it.

    Parameters
    ----------
    job : Job
        The work.
    group : Group
        Which members, and how to fit them.
    members : list or None, default=None
        Where finished members are put, so that they are not lost if the fit is interrupted.
    tell : callable or None, default=None
        Called without arguments after each member.

    Returns
    -------
    members : list of dict
        What was wanted of each member, and "candidate", "split", "fit_time", "score_time", "fit_error". The time of a
        family is divided evenly among its members.
    notes : list of str
        What did not go as planned.
    """
    run = _Run(job, [] if members is None else members, tell)
    if group.how == "alone":
        ground = Ground(job)
        for candidate in group.candidates:
            for split in group.splits:
                run.alone(ground, candidate, split)
    elif group.how == "family":
        run.family(Ground(job), list(group.candidates), list(group.splits))
    else:
        run.pipeline(list(group.candidates), list(group.splits), stacked=group.stacked)
    return run.members, run.notes


class _Run:
    def __init__(self, job: Job, members: list[dict], tell):
        self.job = job
        self.members = members
        self.tell = tell
        self.notes: list[str] = []
        self.warned = False
        self.done: set[tuple[int, int]] = set()

    def pipeline(self, candidates, splits, *, stacked):
        """Fit the earlier steps once for each split, and the last step of each candidate."""
        start = time.perf_counter()
        grounds = {}
        for split in splits:
            transformed = self._earlier_steps(candidates, split)
            if transformed is not None:
                grounds[split] = transformed
        joined = len(grounds) > 1 and stacked and JoinedGround.can_join(list(grounds.values()))
        pieces: list[tuple[Ground, list[int]]] = [(one, [split]) for split, one in grounds.items()]
        if joined:
            pieces = [(JoinedGround(self.job, grounds), list(grounds))]
        earlier = time.perf_counter() - start
        begun = len(self.members)
        try:
            for ground, some in pieces:
                if stacked and ground.stackable:
                    self.family(ground, candidates, some)
                else:
                    for candidate in candidates:
                        self.alone(ground, candidate, *some)
        finally:
            finished = self.members[begun:]
            for member in finished:
                member["fit_time"] += earlier / len(finished)

    def _earlier_steps(self, candidates, split) -> PipelineGround | None:
        """Fit the earlier steps; None if they fail, and then so have all the candidates."""
        start = time.perf_counter()
        try:
            return PipelineGround(self.job, candidates[0], split)
        except Exception:
            if self.job.error_score == "raise":
                raise
            error, seconds = format_exc(), time.perf_counter() - start
        for candidate in candidates:
            failed = self.job.outcome.of_failure(clone(self.job.estimator))
            self._keep(candidate, split, {**failed, "fit_error": error, "fit_time": seconds / len(candidates)})
        return None

    def family(self, ground: Ground, candidates: list[int], splits: list[int]):
        """Fit and judge a family; one that fails is halved until the member that makes it fail stands alone."""
        wanted = {(c, s) for c in candidates for s in splits} - self.done
        if not wanted:
            return
        if len(wanted) == 1:
            self.alone(ground, *wanted.pop())
            return
        begun, seconds, failure = len(self.members), 0.0, None
        folds: dict[int, Any] = {}
        fitted_members = fit_family(
            ground.estimator,
            ground.X,
            ground.y,
            candidates=[ground.overrides(c) for c in candidates],
            splits=[ground.rows(s) for s in splits],
            sample_weight=ground.sample_weight,
        )
        try:
            while wanted:
                start = time.perf_counter()
                try:
                    with family_notes(self.notes):
                        item = next(fitted_members, None)
                except InterruptedFitWarning as cut_short:
                    raise KeyboardInterrupt from cut_short
                except Exception as error:
                    # The error itself would keep alive what the family had made until then.
                    failure = (f"{type(error).__name__}: {error}", _is_out_of_memory(error))
                seconds += time.perf_counter() - start
                if failure is not None or item is None:
                    break
                candidate, split, fitted = candidates[item[0]], splits[item[1]], item[2]
                del item
                if (candidate, split) in wanted:
                    wanted.remove((candidate, split))
                    if split not in folds:
                        folds[split] = ground.fold(split)
                        # Scorers of scikit-learn's change nothing.
                        folds[split].frozen = self.job.outcome.transparent
                    self._judge(ground, candidate, split, fitted, folds[split])
                    if not any(s == split for _, s in wanted):
                        del folds[split]
                del fitted
        finally:
            _share(self.members[begun:], seconds)
        del fitted_members, folds
        if failure is not None:
            self._halve(ground, candidates, splits, *failure)
        else:
            # A family leaves out a member that cannot be fitted; alone, the member says why.
            for candidate, split in sorted(wanted):
                self.alone(ground, candidate, split)

    def _halve(self, ground, candidates, splits, error, out_of_memory):
        shape = f"{len(candidates)} candidates x {len(splits)} splits"
        self.notes.append(f"a family of {shape} was halved: {error}")
        if out_of_memory and not self.warned:
            self.warned = True
            warnings.warn(
                f"Out of memory with {shape} fitted together; going on with half of them at a time. This is said "
                "once for each group.",
                DeviceMemoryWarning,
                stacklevel=2,
            )
        if len(candidates) > 1:
            middle = len(candidates) // 2
            self.family(ground, candidates[:middle], splits)
            self.family(ground, candidates[middle:], splits)
        else:
            middle = len(splits) // 2
            self.family(ground, candidates, splits[:middle])
            self.family(ground, candidates, splits[middle:])

    def alone(self, ground: Ground, candidate: int, split: int):
        """Fit and judge one member."""
        job = self.job
        self._announce(candidate, split)
        estimator = clone(ground.estimator).set_params(**clone(dict(ground.overrides(candidate)), safe=False))
        fold = ground.fold(split, estimator)
        fit_params = ground.metadata(split)
        start = time.perf_counter()
        X, y = fold.training
        arguments = (X,) if y is None else (X, y)
        context = None if job.contexts is None else job.contexts[candidate, split]
        try:
            if context is None:
                estimator.fit(*arguments, **fit_params)
            else:
                _fit_with_callbacks(estimator, arguments, fit_params, context, job.caller)
        except InterruptedFitWarning as cut_short:
            raise KeyboardInterrupt from cut_short
        except Exception:
            if job.error_score == "raise":
                raise
            outcome = {**job.outcome.of_failure(estimator), "fit_error": format_exc()}
            self._keep(candidate, split, {**outcome, "fit_time": time.perf_counter() - start})
            return
        fit_time = time.perf_counter() - start
        self._judge(ground, candidate, split, estimator, fold, fit_time)

    def _judge(self, ground, candidate, split, fitted, fold, fit_time=0.0):
        outcome = self.job.outcome.of(ground.to_score(fitted, candidate, split), ground.fold_to_score(fold))
        self._keep(candidate, split, {**outcome, "fit_error": None, "fit_time": fit_time})

    def _keep(self, candidate, split, member):
        self.members.append({"candidate": candidate, "split": split, **member})
        self.done.add((candidate, split))
        if self.job.verbose > 1:
            self._report(candidate, split, member)
        if self.tell is not None:
            self.tell()

    def _where(self, candidate, split) -> str:
        n_candidates, n_splits = self.job.total
        where = f" {split + 1}/{n_splits}" if self.job.verbose > 2 else ""
        return where + (f"; {candidate + 1}/{n_candidates}" if where and self.job.verbose > 9 else "")

    def _settings(self, candidate) -> str:
        return ", ".join(f"{name}={value}" for name, value in sorted(self.job.candidates[candidate].items()))

    def _announce(self, candidate, split):
        if self.job.verbose > 9:
            print(f"[CV{self._where(candidate, split)}] START {self._settings(candidate)}".ljust(80, "."))

    def _report(self, candidate, split, member):
        said = self._settings(candidate)
        said += ";" if said else ""
        if self.job.verbose > 2 and "test_scores" in member:
            said += _scores_in_words(member)
        said += f" total time={short_format_time(member['fit_time'] + member.get('score_time', 0.0))}"
        head = f"[CV{self._where(candidate, split)}] END "
        print(head + said.rjust(80 - len(head), "."))


def _fit_with_callbacks(estimator, arguments, fit_params, context, caller):
    data = dict(zip(("X", "y"), arguments, strict=False))
    weight = fit_params.get("sample_weight")
    told = {**data, "metadata": None if weight is None else {"sample_weight": weight}}
    try:
        with context.propagate_callback_context(estimator):
            context.call_on_fit_task_begin(estimator=caller, **told)
            estimator.fit(*arguments, **fit_params)
    finally:
        context.call_on_fit_task_end(estimator=caller, **told)


def _share(members: list[dict], fit_seconds: float) -> None:
    """Divide the time of a family: what the first member waits for serves the others too."""
    if not members:
        return
    score_seconds = sum(member.get("score_time", 0.0) for member in members)
    for member in members:
        member["fit_time"] += fit_seconds / len(members)
        if "score_time" in member:
            member["score_time"] = score_seconds / len(members)


def _is_out_of_memory(error) -> bool:
    # torch's error is known by name, so that a search that needs no torch does not import it.
    return isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"


def _scores_in_words(member: dict) -> str:
    test, train = member["test_scores"], member.get("train_scores")
    if not isinstance(test, dict):
        score = f"{test:.3f}" if train is None else f"(train={train:.3f}, test={test:.3f})"
        return f", score={score}"
    words = ""
    for name in sorted(test):
        words += f" {name}: (" + (f"train={train[name]:.3f}, " if train is not None else "") + f"test={test[name]:.3f})"
    return words
