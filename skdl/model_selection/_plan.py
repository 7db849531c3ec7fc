"""What is fitted together: candidates and splits in groups, and why some of them stand alone."""

from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from sklearn.utils import get_tags

from skdl.base import sibling_maker
from skdl.model_selection._fold import count_rows
from skdl.model_selection._job import Job, final_step

__all__ = ["Group", "Plan", "make_plan"]

# Slices of the samples that the members of a family are scored on are shared, and kept until the last member of
# their split is scored: a family spans no more splits than hold this many times the rows of X.
_ROWS_KEPT = 4
# The same for the training samples that steps of a pipeline have transformed for several splits.
_ROWS_JOINED = 8


@dataclass(frozen=True)
class Group:
    """Members that are fitted in one go.

    Parameters
    ----------
    how : {"family", "pipeline", "alone"}
        Together; after the earlier steps of a pipeline, which are fitted once; or one by one.
    candidates, splits : tuple of int
        Every one of these candidates on every one of these splits.
    stacked : bool
        Whether the members, or the last steps of their pipelines, are fitted together.
    why : str, default=""
        Why they are not.
    """

    how: str
    candidates: tuple[int, ...]
    splits: tuple[int, ...]
    stacked: bool
    why: str = ""

    @property
    def members(self) -> list[tuple[int, int]]:
        """Candidate and split of each member."""
        return [(candidate, split) for candidate in self.candidates for split in self.splits]

    @property
    def size(self) -> int:
        """The number of members."""
        return len(self.candidates) * len(self.splits)


@dataclass
class Plan:
    """How a search is carried out; ``print(plan)`` shows it.

    Parameters
    ----------
    name : str
        The estimator's.
    n_candidates, n_splits : int
        The size of the search.
    groups : list of Group
        Each is carried out in one go, in one process.
    notes : list of str
        What came up while the plan was carried out.
    """

    name: str
    n_candidates: int
    n_splits: int
    groups: list[Group]
    notes: list[str] = field(default_factory=list)

    def note(self, notes: list[str]) -> None:
        """Add what has not been said yet."""
        self.notes += [note for note in notes if note not in self.notes]

    def extend(self, other: "Plan") -> None:
        """Append the plan of another round; its candidates are counted on from those of this one."""
        for group in other.groups:
            self.groups.append(replace(group, candidates=tuple(c + self.n_candidates for c in group.candidates)))
        self.n_candidates += other.n_candidates
        self.note(other.notes)

    @property
    def n_stacked(self) -> int:
        """The number of members that are fitted together with others."""
        return sum(group.size for group in self.groups if group.stacked)

    @property
    def fallbacks(self) -> dict[str, int]:
        """The number of members that are fitted one by one, for each reason."""
        counts: Counter[str] = Counter()
        for group in self.groups:
            if not group.stacked:
                counts[group.why] += group.size
        return dict(counts)

    def __str__(self):
        n_fits = self.n_candidates * self.n_splits
        lines = [f"{self.name}: {self.n_candidates} candidates x {self.n_splits} splits = {n_fits} fits"]
        families = [group for group in self.groups if group.stacked]
        if families:
            sizes = Counter((group.how, len(group.candidates), len(group.splits)) for group in families)
            for (how, n_candidates, n_splits), count in sizes.items():
                where = " after steps that are fitted once" if how == "pipeline" else ""
                families_of = f"{count} families of " if count > 1 else ""
                lines.append(f"  together{where}: {families_of}{n_candidates} candidates x {n_splits} splits")
        prefixes = [group for group in self.groups if group.how == "pipeline" and not group.stacked]
        if prefixes:
            lines.append(f"  earlier steps fitted once for every {prefixes[0].size} fits of the last one")
        lines += [f"  one by one: {count} fits, since {why}" for why, count in self.fallbacks.items()]
        lines += [f"  note: {note}" for note in self.notes]
        return "\n".join(lines)


def make_plan(job: Job, n_jobs: int = 1, *, fine: bool = False) -> Plan:
    """Decide what is fitted together.

    Parameters
    ----------
    job : Job
        The work.
    n_jobs : int, default=1
        The number of processes that want a group each.
    fine : bool, default=False
        Whether groups should span one split each, so that little is lost if the work is cut off.

    Returns
    -------
    Plan
        Every member is in one group.
    """
    n_candidates, n_splits = len(job.candidates), len(job.splits)
    plan = Plan(type(job.estimator).__name__, n_candidates, n_splits, [])
    why = _why_alone(job)
    step = None if why in _ALWAYS_ALONE else final_step(job.estimator)
    if step is not None:
        _plan_pipeline(plan, job, step, n_jobs, fine)
    elif why:
        _plan_alone(plan, range(n_candidates), range(n_splits), why)
    else:
        make = sibling_maker(job.estimator)
        pairwise = (get_tags(make(job.candidates[c])).input_tags.pairwise for c in range(n_candidates))
        together = [c for c, is_pairwise in enumerate(pairwise) if not is_pairwise]
        alone = sorted(set(range(n_candidates)) - set(together))
        _plan_families(plan, job, together, n_jobs, fine)
        _plan_alone(plan, alone, range(n_splits), "X is a matrix between samples")
    return plan


_CALLBACKS = "scikit-learn's callbacks follow single fits"
_ALWAYS_ALONE = (_CALLBACKS,)


def _why_alone(job: Job) -> str:
    if job.contexts is not None:
        return _CALLBACKS
    name = type(job.estimator).__name__
    if not hasattr(job.estimator, "_fit_family"):
        return f"{name} has no family fit"
    others = sorted(set(job.fit_params) - {"sample_weight"})
    return f"a family fit does not take {', '.join(others)}" if others else ""


def _plan_alone(plan: Plan, candidates, splits, why: str) -> None:
    # All splits of a candidate follow each other, so that what is interrupted has complete candidates.
    plan.groups += [Group("alone", (c,), (s,), False, why) for c in candidates for s in splits]


def _plan_families(plan: Plan, job: Job, candidates: list[int], n_jobs: int, fine: bool) -> None:
    if not candidates:
        return
    chunks = _chunks_of_splits(job, 1 if fine else None)
    if len(chunks) < n_jobs:
        parts = np.array_split(np.arange(len(job.splits)), min(n_jobs, len(job.splits)))
        chunks = [tuple(part.tolist()) for part in parts]
    n_parts = min(len(candidates), -(-n_jobs // len(chunks)))
    for part in np.array_split(np.asarray(candidates), n_parts):
        for chunk in chunks:
            if len(part) * len(chunk) == 1:
                _plan_alone(plan, part.tolist(), chunk, "it has no sibling in its group")
            else:
                plan.groups.append(Group("family", tuple(part.tolist()), chunk, True))


def _chunks_of_splits(job: Job, largest: int | None) -> list[tuple[int, ...]]:
    with_train = getattr(job.outcome, "with_train", False)
    budget = _ROWS_KEPT * count_rows(job.X)
    chunks: list[list[int]] = []
    kept = 0
    for split, (train, test) in enumerate(job.splits):
        rows = len(test) + (len(train) if with_train else 0)
        if not chunks or kept + rows > budget or len(chunks[-1]) == largest:
            chunks.append([])
            kept = 0
        chunks[-1].append(split)
        kept += rows
    return [tuple(chunk) for chunk in chunks]


def _plan_pipeline(plan: Plan, job: Job, step: str, n_jobs: int, fine: bool) -> None:
    settings: dict[Hashable, list[int]] = {}
    for candidate, parameters in enumerate(job.candidates):
        if {"steps", "transform_input"} & set(parameters):
            settings[candidate] = [candidate]
        else:
            others = {name: _key(value) for name, value in parameters.items() if not name.startswith(f"{step}__")}
            settings.setdefault(tuple(sorted(others.items())), []).append(candidate)
    splits = range(len(job.splits))
    for members in settings.values():
        final = job.candidates[members[0]].get(step, job.estimator.steps[-1][1])
        stackable = hasattr(final, "_fit_family") and not get_tags(final).input_tags.pairwise
        why = "" if stackable else f"{type(final).__name__} has no family fit"
        strange = [name for name in job.fit_params if "__" not in name]
        if strange:
            _plan_alone(plan, members, splits, f"the steps of a pipeline do not take {', '.join(strange)}")
        elif len(members) == 1 or not hasattr(final, "fit"):
            _plan_alone(plan, members, splits, why or "no other candidate has its setting of the earlier steps")
        else:
            joins = stackable and getattr(final, "_family_joins_splits", False) and not fine
            chunks = _chunks_to_join(job, n_jobs) if joins else [(split,) for split in splits]
            plan.groups += [Group("pipeline", tuple(members), chunk, stackable, why) for chunk in chunks]


def _chunks_to_join(job: Job, n_jobs: int) -> list[tuple[int, ...]]:
    """Splits whose transformed training samples are held at a time, for families that train on several data sets."""
    budget = _ROWS_JOINED * count_rows(job.X)
    largest = max(1, budget // max(len(train) for train, _ in job.splits))
    n_chunks = min(len(job.splits), max(n_jobs, -(-len(job.splits) // largest)))
    return [tuple(part.tolist()) for part in np.array_split(np.arange(len(job.splits)), n_chunks)]


def _key(value: Any) -> Hashable:
    """Something that is equal for equal settings; objects are equal where they are the same."""
    if value is None or isinstance(value, (bool, int, float, str, np.generic)):
        return (type(value).__name__, str(value))
    return ("object", str(id(value)))
