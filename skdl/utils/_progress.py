"""Progress bars."""

import sys
from contextlib import contextmanager
from contextvars import ContextVar

from skdl.config import get_config

# How often a bar is drawn anew, in seconds: where it moves, and where each time leaves a line behind.
_MOVES_EVERY = 0.1
_LINE_EVERY = 10.0
_SILENT = ContextVar("silent", default=False)


@contextmanager
def without_progress():
    """Show no bar meanwhile, whatever ``verbose`` says: for work that nobody has asked for.

    Yields
    ------
    None
    """
    token = _SILENT.set(True)
    try:
        yield
    finally:
        _SILENT.reset(token)


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
        moves in a terminal, a widget in a notebook (a line that moves, where ipywidgets is not installed), a line at
        the beginning, every ten seconds and at the end in a log file or a pipe.
    """
    shown = (verbose > 0 or get_config()["verbose"] > 0) and not _SILENT.get()
    common = {"total": total, "desc": desc, "unit": unit, "disable": not shown, "leave": True}
    if not shown or _is_redrawn():
        from tqdm.auto import tqdm

        return tqdm(iterable, **common, mininterval=_MOVES_EVERY, dynamic_ncols=True)
    # A log is text, in which a widget's or a terminal's way of drawing over itself has no place.
    from tqdm.std import tqdm as text_tqdm

    between = {"mininterval": _LINE_EVERY, "maxinterval": _LINE_EVERY}
    return text_tqdm(iterable, **common, **between, ncols=100, ascii=True, file=_Lines())


def _is_redrawn() -> bool:
    """Whether what is written to the standard error stream can be drawn over: in a terminal or a notebook."""
    if getattr(sys.stderr, "isatty", lambda: False)():
        return True
    # A kernel of Jupyter, told as tqdm tells it; its error stream says that it is no terminal.
    return "ipykernel.zmqshell" in sys.modules


class _Lines:
    """The standard error stream, to which each state of a bar is written as a line of its own."""

    def __init__(self):
        self.last = ""

    @property
    def encoding(self) -> str | None:
        return getattr(sys.stderr, "encoding", None)

    def write(self, text: str) -> None:
        # tqdm moves the cursor by \r, line feeds and escapes between the states of a bar.
        state = text.replace("\x1b[A", "").strip()
        if state and state != self.last:
            self.last = state
            sys.stderr.write(state + "\n")

    def flush(self) -> None:
        sys.stderr.flush()
