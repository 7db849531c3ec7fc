"""The work of a search or a cross-validation, and the ground that a family of fits stands on."""

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.pipeline import Pipeline

from skdl.model_selection._fold import Fold, count_rows, take_metadata
from skdl.model_selection._inherited import rows_of

__all__ = ["Ground", "Job", "JoinedGround", "PipelineGround", "final_step"]


@dataclass(frozen=True)
class Job:
    """Candidates to be fitted on splits, and what is wanted of each member.

    Parameters
    ----------
    estimator : estimator
        Cloned for each member.
    X : indexable
        All the samples.
    y : indexable or None
        All the targets.
    candidates : sequence or mapping of int to dict
        Parameters to be set.
    splits : sequence or mapping of int to (ndarray, ndarray)
        Training and test rows.
    outcome : Scores or Predictions
        What is wanted of a fitted member.
    fit_params : dict
        What ``fit`` takes beside X and y, for all the samples.
    error_score : "raise" or number
        Whether a fit that fails ends the work.
    verbose : int
        Above 1, a line for each member is printed.
    contexts : dict of (int, int) to CallbackContext, or None
        scikit-learn's callback context of each member; None where nobody listens.
    caller : estimator or None
        The search, for the callbacks.
    total : tuple of (int, int)
        The numbers of candidates and splits, for the lines that are printed.
    """

    estimator: Any
    X: Any
    y: Any
    candidates: Any
    splits: Any
    outcome: Any
    fit_params: dict = field(default_factory=dict)
    error_score: Any = "raise"
    verbose: int = 0
    contexts: dict | None = None
    caller: Any = None
    total: tuple[int, int] = (1, 1)

    def part(self, group) -> "Job":
        """Return the job with the candidates and splits of a group alone, and without data: light enough to be sent."""
        contexts = self.contexts
        if contexts is not None:
            contexts = {(c, s): contexts[c, s] for c in group.candidates for s in group.splits}
        return replace(
            self,
            X=None,
            y=None,
            candidates={c: self.candidates[c] for c in group.candidates},
            splits={s: self.splits[s] for s in group.splits},
            contexts=contexts,
        )


class Ground:
    """What a family stands on: an estimator, the samples, the rows of each split.

    Parameters
    ----------
    job : Job
        The work.
    """

    def __init__(self, job: Job):
        self.job = job
        self.estimator = job.estimator
        self.X = job.X
        self.y = job.y
        self.fit_params = job.fit_params

    @property
    def sample_weight(self):
        """The weights of the rows of ``X``, or None."""
        return self.fit_params.get("sample_weight")

    @property
    def stackable(self) -> bool:
        """Whether a family fit takes all that the fits are given."""
        return hasattr(self.estimator, "_fit_family") and not set(self.fit_params) - {"sample_weight"}

    def overrides(self, candidate: int) -> dict:
        """Return the parameters of a candidate, as names of ``estimator``."""
        return self.job.candidates[candidate]

    def rows(self, split: int):
        """Return the training rows of a split, in ``X``."""
        return self.job.splits[split][0]

    def fold(self, split: int, estimator=None) -> Fold:
        """Return the training and test samples of a split, for a certain estimator; its slices are nobody else's."""
        train, test = self.job.splits[split]
        return Fold(self.estimator if estimator is None else estimator, self.X, self.y, train, test)

    def metadata(self, split: int) -> dict:
        """Return what ``fit`` takes beside X and y, for the training samples of a split."""
        return take_metadata(self.X, self.fit_params, self.rows(split))

    def fold_to_score(self, fold: Fold) -> Fold:
        """Return the samples of a fold as :meth:`to_score`'s estimator takes them."""
        return fold

    def to_score(self, fitted, candidate: int, split: int):
        """Return the estimator to be scored, made of a fitted member."""
        return fitted


class PipelineGround(Ground):
    """The last step of a pipeline on one split, seen by the steps before it, fitted once.

    Parameters
    ----------
    job : Job
        Its estimator is the pipeline.
    setting : int
        A candidate whose parameters the earlier steps take; all that are fitted here have the same.
    split : int
        The split.

    Notes
    -----
    A scorer of scikit-learn's is given the last step and transformed samples, which are transformed once; any other
    scorer is given the whole pipeline and the samples as they were.
    """

    def __init__(self, job: Job, setting: int, split: int):
        name = job.estimator.steps[-1][0]
        _, of_others = _split_names(job.candidates[setting], name)
        pipeline = clone(job.estimator).set_params(**clone(of_others, safe=False))
        final = pipeline.steps[-1][1]
        self.job = job
        self.name = name
        self.estimator = final
        self.original = Fold(job.estimator, job.X, job.y, *job.splits[split])
        own, earlier = _split_names(job.fit_params, name)
        X_train, self.y = self.original.training
        # The steps are fitted and cached as in a fit of the whole, save that the last one does nothing.
        steps = [*pipeline.steps[:-1], (name, "passthrough")]
        self.earlier = Pipeline(steps, memory=pipeline.memory, verbose=pipeline.verbose)
        self.X = self.earlier.fit_transform(X_train, self.y, **take_metadata(job.X, earlier, self.original.train))
        self.fit_params = take_metadata(job.X, own, self.original.train)

    def overrides(self, candidate: int) -> dict:
        return _split_names(self.job.candidates[candidate], self.name)[0]

    def rows(self, split: int):
        return np.arange(count_rows(self.X))

    def fold(self, split: int, estimator=None) -> Fold:
        return _TransformedFold(self, estimator)

    def fold_to_score(self, fold: Fold) -> Fold:
        if self._last_is_enough:
            return fold
        # Slices of its own: steps may overwrite what they are given.
        original = self.original
        return Fold(original.estimator, original.X, original.y, original.train, original.test)

    def to_score(self, fitted, candidate: int, split: int):
        if self._last_is_enough:
            return fitted
        whole = clone(self.job.estimator).set_params(**clone(dict(self.job.candidates[candidate]), safe=False))
        whole.steps = [*self.earlier.steps[:-1], (self.name, fitted)]
        return whole

    @property
    def _last_is_enough(self) -> bool:
        return self.job.outcome.transparent and not getattr(self.job.outcome, "with_estimator", False)

    @cached_property
    def tested(self):
        """The test samples as the last step sees them."""
        return self.earlier.transform(self.original.testing[0])


class JoinedGround(Ground):
    """The last step of a pipeline on several splits at once, each of which the earlier steps have transformed apart.

    Parameters
    ----------
    job : Job
        Its estimator is the pipeline.
    grounds : dict of int to PipelineGround
        That of each split; see :meth:`can_join`. Their training samples become parts of the joined ones.
    """

    def __init__(self, job: Job, grounds: dict[int, PipelineGround]):
        first = next(iter(grounds.values()))
        self.job = job
        self.estimator = first.estimator
        self.grounds = grounds
        bounds = np.cumsum([0] + [len(ground.X) for ground in grounds.values()])
        self.X = np.concatenate([ground.X for ground in grounds.values()])
        self.y = rows_of(job.y, np.concatenate([ground.original.train for ground in grounds.values()]))
        weights = [ground.sample_weight for ground in grounds.values()]
        self.fit_params = {} if weights[0] is None else {"sample_weight": np.concatenate(weights)}
        self.parts = {}
        for split, start, stop in zip(grounds, bounds[:-1], bounds[1:], strict=True):
            self.parts[split] = np.arange(start, stop)
            grounds[split].X = self.X[start:stop]

    @staticmethod
    def can_join(grounds: list[PipelineGround]) -> bool:
        """Whether the samples of splits can be put one after another without becoming others."""
        arrays = [ground.X for ground in grounds]
        kinds = {(array.dtype, array.shape[1:]) for array in arrays if isinstance(array, np.ndarray)}
        return (
            all(ground.stackable for ground in grounds)
            and all(isinstance(array, np.ndarray) and array.dtype != object for array in arrays)
            and len(kinds) == 1
            and all(len(array) == len(ground.original.train) for array, ground in zip(arrays, grounds, strict=True))
        )

    def overrides(self, candidate: int) -> dict:
        return next(iter(self.grounds.values())).overrides(candidate)

    def rows(self, split: int):
        return self.parts[split]

    def fold(self, split: int, estimator=None) -> Fold:
        return self.grounds[split].fold(split, estimator)

    def metadata(self, split: int) -> dict:
        return self.grounds[split].metadata(split)

    def fold_to_score(self, fold: Fold) -> Fold:
        return fold.ground.fold_to_score(fold) if isinstance(fold, _TransformedFold) else fold

    def to_score(self, fitted, candidate: int, split: int):
        return self.grounds[split].to_score(fitted, candidate, split)


class _TransformedFold(Fold):
    """The samples of a split as the last step of a pipeline sees them."""

    def __init__(self, ground: PipelineGround, estimator):
        original = ground.original
        self.shared = estimator is None
        estimator = ground.estimator if self.shared else estimator
        super().__init__(estimator, original.X, original.y, original.train, original.test)
        self.ground = ground

    @cached_property
    def training(self):
        rows = self.ground.rows(0)
        return Fold(self.estimator, self.ground.X, self.ground.y, rows, rows).training

    @cached_property
    def testing(self):
        X = self.ground.tested
        return X if self.shared else rows_of(X, np.arange(count_rows(X))), self.ground.original.testing[1]


def final_step(estimator) -> str | None:
    """Return the name of a pipeline's last step where the steps before it can be fitted apart, else None."""
    if type(estimator) is not Pipeline or len(estimator.steps) < 2 or getattr(estimator, "transform_input", None):
        return None
    name, final = estimator.steps[-1]
    return name if hasattr(final, "fit") else None


def _split_names(parameters: dict, step: str) -> tuple[dict, dict]:
    """Split nested parameters into those of one step, their names cut short, and all the others."""
    prefix = f"{step}__"
    own = {name.removeprefix(prefix): value for name, value in parameters.items() if name.startswith(prefix)}
    others = {name: value for name, value in parameters.items() if not name.startswith(prefix)}
    return own, others
