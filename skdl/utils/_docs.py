"""Docstrings that have parts in common, each written once."""

import inspect
import re
from collections.abc import Mapping


def fill_documentation(documented: type, texts: Mapping[str, str]) -> None:
    """Put common parts in place of the lines of a class's docstring that name them, ``<errors>`` say.

    Parameters
    ----------
    documented : type
        The class whose ``__doc__`` is filled.
    texts : mapping of str to str
        The parts by name; one that no line names is left out.

    Raises
    ------
    KeyError
        If a line names a part that there is not.
    """

    def fill(match: re.Match) -> str:
        lines = texts[match["name"]].splitlines()
        return "\n".join(match["indent"] + line if line else line for line in lines)

    documented.__doc__ = re.sub(
        r"(?m)^(?P<indent> *)<(?P<name>[a-z_ ]+)>$", fill, inspect.cleandoc(documented.__doc__ or "")
    )
