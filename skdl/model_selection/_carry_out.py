"""Carrying out a plan: group after group, in this process or in several, until all is done or Ctrl-C."""

import threading
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any
from uuid import uuid4

from joblib import effective_n_jobs, parallel_config
from joblib.parallel import get_active_backend
from sklearn.pipeline import Pipeline
from sklearn.utils.parallel import Parallel, delayed

from skdl.exceptions import InterruptedFitWarning
from skdl.model_selection._job import Job
from skdl.model_selection._plan import Group, Plan, make_plan
from skdl.model_selection._run import run_group
from skdl.utils import progress, resolve_device

__all__ = ["carry_out", "in_order"]


def carry_out(job: Job, *, n_jobs=None, pre_dispatch="2*n_jobs", log=None) -> tuple[dict, Plan, bool]:
    """Fit and judge all members of a job.

    Parameters
    ----------
    job : Job
        The work.
    n_jobs : int or None, default=None
        The number of groups that are worked on at a time, as joblib understands it.
    pre_dispatch : int or str, default="2*n_jobs"
        See :class:`joblib.Parallel`.
    log : RoundLog or None, default=None
        Where finished groups are written down; those that it has already are not fitted again.

    Returns
    -------
    members : dict of (int, int) to dict
        What was wanted of each member, see :func:`run_group`.
    plan : Plan
        How it was done.
    interrupted : bool
        Whether Ctrl-C cut the work short, so that members are missing.
    """
    n_workers, note = _n_workers(job, n_jobs)
    plan = make_plan(job, n_workers, fine=log is not None)
    if note:
        plan.notes.append(note)
    if job.verbose > 0:
        print(plan)
    known = {} if log is None else log.members
    # A group is done as a whole or again as a whole, so that each member has the siblings that it would have had.
    groups = [group for group in plan.groups if not all(pair in known for pair in group.members)]
    members = [known[pair] for group in plan.groups if group not in groups for pair in group.members]
    if members:
        plan.notes.append(f"{len(members)} fits come from the checkpoint")
    with progress(total=plan.n_candidates * plan.n_splits, desc=plan.name, unit="fit", verbose=job.verbose) as bar:
        bar.update(len(members))
        carry = _in_this_process if n_workers == 1 else _in_several_processes
        interrupted = carry(job, groups, members, plan, bar, log, n_jobs, pre_dispatch)
    return {(member["candidate"], member["split"]): member for member in members}, plan, interrupted


def _in_this_process(job, groups: list[Group], members, plan: Plan, bar, log, n_jobs, pre_dispatch) -> bool:
    try:
        with _cut_short_fits_do_not_count():
            for group in groups:
                begun = len(members)
                _, notes = run_group(job, group, members, bar.update)
                plan.note(notes)
                if log is not None:
                    log.write(members[begun:])
    except KeyboardInterrupt:
        return True
    return False


def _in_several_processes(job, groups: list[Group], members, plan: Plan, bar, log, n_jobs, pre_dispatch) -> bool:
    with _data_on_workers(job) as data:
        return _send_out(job, data, groups, members, plan, bar, log, n_jobs, pre_dispatch)


def _send_out(job, data: tuple, groups: list[Group], members, plan: Plan, bar, log, n_jobs, pre_dispatch) -> bool:
    try:
        parallel = Parallel(n_jobs=n_jobs, pre_dispatch=pre_dispatch, return_as="generator_unordered")
    except ValueError:  # joblib's multiprocessing backend returns everything at the end
        parallel = Parallel(n_jobs=n_jobs, pre_dispatch=pre_dispatch)
    # X and y go as arguments of their own, which joblib's backends map into memory or scatter once.
    finished = parallel(delayed(_run_part)(job.part(group), *data, group) for group in groups)
    try:
        for part, notes in finished:
            members += part
            plan.note(notes)
            bar.update(len(part))
            if log is not None:
                log.write(part)
    except KeyboardInterrupt:
        if hasattr(finished, "close"):
            with warnings.catch_warnings():
                # joblib says that it cancels what was under way; the search says so itself.
                warnings.simplefilter("ignore")
                finished.close()
        return True
    return False


class _Sent:
    """Data that dask is to know by a name of their own.

    It would name them by what is in them. The data of the search before, if they were the same, may be dropped on the
    workers only after these have come, and with the same name these would go with them.
    """

    def __init__(self, value):
        self.value = value
        self.name = uuid4().hex

    def __dask_tokenize__(self):
        return self.name


@contextmanager
def _data_on_workers(job: Job) -> Iterator[tuple]:
    """Give every worker of a dask cluster the data, once; a worker that is lost takes no data with it.

    Yields X and y as they are to be sent out.
    """
    backend, _ = get_active_backend()
    client = getattr(backend, "client", None)
    if client is None:
        yield job.X, job.y
        return
    data = tuple(None if part is None else _Sent(part) for part in (job.X, job.y))
    scattered = [part for part in data if part is not None]
    options = {"wait_for_workers_timeout": backend.wait_for_workers_timeout, **backend.submit_kwargs}
    with parallel_config("dask", client=client, scatter=scattered, **options):
        yield data


def _run_part(part: Job, X, y, group: Group):
    X, y = (data.value if isinstance(data, _Sent) else data for data in (X, y))
    return run_group(replace(part, X=X, y=y), group)


def _n_workers(job: Job, n_jobs) -> tuple[int, str]:
    n_workers = max(1, effective_n_jobs(n_jobs))
    estimator = job.estimator
    while isinstance(estimator, Pipeline) and estimator.steps:
        estimator = estimator.steps[-1][1]
    if n_workers > 1 and hasattr(estimator, "_fit_family") and hasattr(estimator, "device"):
        device = resolve_device(estimator.device)
        if device.type != "cpu":
            return 1, f"n_jobs={n_jobs} would have several processes share the device {device}: there is one"
    return n_workers, ""


@contextmanager
def _cut_short_fits_do_not_count():
    """Let Ctrl-C within a fit that would leave a half-trained model end the search: its score would be a wrong one."""
    with ExitStack() as stack:
        if threading.current_thread() is threading.main_thread():
            stack.enter_context(warnings.catch_warnings())
            warnings.simplefilter("error", InterruptedFitWarning)
        yield


def in_order(members: dict[tuple[int, int], Any], n_candidates: int, n_splits: int) -> list[dict]:
    """Return members by candidates, then splits."""
    return [members[c, s] for c in range(n_candidates) for s in range(n_splits)]
