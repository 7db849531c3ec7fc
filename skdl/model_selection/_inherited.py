"""Every underscored name of scikit-learn that this room leans on, and why.

- ``Search.fit`` calls these methods, which its classes inherit from scikit-learn's public ``BaseSearchCV``; they are
  what subclasses of it are built on, and their results (ranks, masked arrays, routing) have to be the same to the bit:
  ``_validate_params``, ``_get_scorers``, ``_get_routed_params_for_fit``, ``_check_input_parameters``, ``_run_search``,
  ``_check_refit_for_multimetric``, ``_select_best_index`` and ``_format_results``.
- ``sklearn.utils._safe_indexing`` takes rows of arrays, lists, sparse matrices and frames; it is used in `skdl.base`
too.
- The two functions below.
"""

import inspect
from typing import Any

from sklearn import model_selection
from sklearn.utils import _safe_indexing as rows_of

try:
    from sklearn.callback import with_callbacks
except ImportError:  # scikit-learn before 1.9 has no callbacks

    def with_callbacks(method):
        return method


# The class that all searches derive from has no public name of its own.
BaseSearchCV: Any = model_selection.GridSearchCV.__base__

__all__ = ["BaseSearchCV", "root_context", "rows_of", "scorers_by_name", "takes_context", "with_callbacks"]


def root_context(search):
    """Return the callback context of a search that begins to fit, None where scikit-learn has no callbacks.

    ``_init_callback_context`` is documented for estimators with callbacks, though underscored.
    """
    if not hasattr(search, "_init_callback_context"):
        return None
    return search._init_callback_context(max_subtasks=1 + (search.refit is not False))


def takes_context(run_search) -> bool:
    """Whether a ``_run_search`` takes ``callback_ctx``; those of custom searches and of older versions do not."""
    return "callback_ctx" in inspect.signature(run_search).parameters


def scorers_by_name(scorer) -> dict | None:
    """Return the scorers in a scorer of several metrics, None for any other scorer.

    The scorer of several metrics that the public ``check_scoring`` returns has no public way to ask for its parts.
    """
    return getattr(scorer, "_scorers", None)
