"""Declarative validation of constructor parameters.

An estimator lists ``_constraints = {"name": [constraint, ...]}``: a value is valid if any constraint takes it.
A constraint is a value of the class :class:`Interval` or :class:`Options`, a type, ``callable`` or None.
"""

import numbers
from dataclasses import dataclass
from typing import Any, cast

from skdl.exceptions import InvalidParameterError


@dataclass(frozen=True)
class Interval:
    """Numbers of one kind between two bounds; a bound of None is infinite.

    Parameters
    ----------
    kind : {"int", "real"}
        What is counted as a number; bools never are.
    low, high : float or None
        The bounds.
    closed : {"both", "left", "right", "neither"}, default="both"
        Which bounds belong to the interval.
    """

    kind: str
    low: float | None
    high: float | None
    closed: str = "both"

    def accepts(self, value: Any) -> bool:
        kind = numbers.Integral if self.kind == "int" else numbers.Real
        if isinstance(value, bool) or not isinstance(value, kind) or value != value:
            return False
        value = cast(float, value)
        above = self.low is None or value > self.low or (value == self.low and self.closed in ("both", "left"))
        below = self.high is None or value < self.high or (value == self.high and self.closed in ("both", "right"))
        return above and below

    def __str__(self):
        left = "(-inf" if self.low is None else ("[" if self.closed in ("both", "left") else "(") + f"{self.low}"
        right = "inf)" if self.high is None else f"{self.high}" + ("]" if self.closed in ("both", "right") else ")")
        return f"{'an int' if self.kind == 'int' else 'a number'} in {left}, {right}"


@dataclass(frozen=True)
class Options:
    """One of a few values, most often names.

    Parameters
    ----------
    *values : object
        The values; ``True`` and ``1`` are two different ones.
    """

    values: tuple

    def __init__(self, *values):
        object.__setattr__(self, "values", values)

    def accepts(self, value) -> bool:
        return any(type(value) is type(option) and value == option for option in self.values)

    def __str__(self):
        return "one of " + ", ".join(repr(option) for option in self.values)


def _accepts(constraint, value) -> bool:
    if constraint is None:
        return value is None
    if constraint is callable:
        return callable(value)
    if constraint is bool:
        return isinstance(value, bool) or type(value).__name__ in ("bool", "bool_")
    if isinstance(constraint, type):
        return isinstance(value, constraint)
    return constraint.accepts(value)


def _describe(constraint) -> str:
    if constraint is None:
        return "None"
    if constraint is callable:
        return "a callable"
    if isinstance(constraint, type):
        return f"an instance of {constraint.__name__}"
    return str(constraint)


def check_parameters(owner: str, constraints: dict[str, list], values: dict[str, Any]) -> None:
    """Raise if a value breaks its constraints.

    Parameters
    ----------
    owner : str
        The name of the estimator, for the message.
    constraints : dict of str to list
        The constraints of each parameter; a parameter without any is not checked.
    values : dict of str to object
        The values by parameter name.

    Raises
    ------
    InvalidParameterError
        Names the parameter, what it may be and what it was.
    """
    for name, allowed in constraints.items():
        if name in values and not any(_accepts(constraint, values[name]) for constraint in allowed):
            choices = " or ".join(_describe(constraint) for constraint in allowed)
            raise InvalidParameterError(f"{name} of {owner} must be {choices}; got {values[name]!r}.")
