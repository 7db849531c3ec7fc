"""From members to results: failures told, scores of one name gathered."""

import warnings
from collections import Counter

import numpy as np
from sklearn.exceptions import FitFailedWarning

__all__ = ["gather_scores", "settle_failures"]


def settle_failures(members: list[dict], error_score, *, tell: bool = True) -> None:
    """Raise if every fit failed, warn if some did, and give failures scores of the form that the others have.

    Parameters
    ----------
    members : list of dict
        See :func:`run_group`; scores of failures are changed in place.
    error_score : number
        The score of a failure.
    tell : bool, default=True
        Whether to raise or warn.
    """
    errors = Counter(member["fit_error"] for member in members if member["fit_error"] is not None)
    if not errors:
        return
    if tell:
        _tell(errors, len(members), error_score)
    scored = next((m["test_scores"] for m in members if m["fit_error"] is None), None)
    if isinstance(scored, dict):
        for member in members:
            if member["fit_error"] is not None:
                for kind in {"test_scores", "train_scores"} & set(member):
                    member[kind] = dict.fromkeys(scored, error_score)


def _tell(errors: Counter, n_fits: int, error_score) -> None:
    line = "-" * 80
    details = "\n".join(f"{line}\n{n} fits failed with the following error:\n{error}" for error, n in errors.items())
    if errors.total() == n_fits:
        raise ValueError(
            f"\nAll the {n_fits} fits failed.\nIt is very likely that your model is misconfigured.\n"
            f"You can try to debug the error by setting error_score='raise'.\n\n"
            f"Below are more details about the failures:\n{details}"
        )
    warnings.warn(
        f"\n{errors.total()} fits failed out of a total of {n_fits}.\n"
        f"The score on these train-test partitions for these parameters will be set to {error_score}.\n"
        f"If these failures are not expected, you can try to debug them by setting error_score='raise'.\n\n"
        f"Below are more details about the failures:\n{details}",
        FitFailedWarning,
        stacklevel=4,
    )


def gather_scores(members: list[dict], kind: str) -> dict[str, np.ndarray]:
    """Return the scores of all members by name; "score" where there is one that has no name.

    Parameters
    ----------
    members : list of dict
        See :func:`run_group`.
    kind : {"test_scores", "train_scores"}
        Which scores.

    Returns
    -------
    dict of str to ndarray of shape (n_members,)
        In the order of members.
    """
    scores = [member[kind] for member in members]
    if not isinstance(scores[0], dict):
        return {"score": np.asarray(scores)}
    return {name: np.asarray([score[name] for score in scores]) for name in scores[0]}
