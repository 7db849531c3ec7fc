"""Progress bars."""

import sys

from skdl.config import get_config


def progress(iterable=None, *, total: int | None = None, desc: str = "", unit: str = "it", verbose: int = 0):
    """Wrap an iterable in a progress bar, or make a bar to be moved by hand.

    Parameters
    ----------
    iterable : iterable or None, default=None
        What to iterate over; None for a bar that is moved with ``bar.update()``.
    total : int or None, default=None
        The number of steps, where ``len(iterable)`` does not tell it.
    desc : str, default=""
        What is being done.
    unit : str, default="it"
        What one step is.
    verbose : int, default=0
        The estimator's ``verbose``; the bar shows if this or the package-wide ``verbose`` is positive.

    Returns
    -------
    tqdm.tqdm
        Iterable, closable, with ``update`` and ``set_postfix_str``. It writes to the standard error stream: a line that
        moves in a terminal, a widget in a notebook, a line every ten seconds in a log file.
    """
    from tqdm.auto import tqdm

    shown = verbose > 0 or get_config()["verbose"] > 0
    in_terminal = getattr(sys.stderr, "isatty", lambda: False)()
    return tqdm(
        iterable,
        total=total,
        desc=desc,
        unit=unit,
        disable=not shown,
        mininterval=0.1 if in_terminal else 10.0,
        leave=True,
        dynamic_ncols=True,
    )
