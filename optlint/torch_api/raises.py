"""What torch raises for arguments that it cannot work with; `tooling/torch_raises.py` finds it out by trying."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

CONDITIONS: dict[str, Callable[[float], bool]] = {
    "any number": lambda number: True,
    "zero": lambda number: number == 0,
    "below 0": lambda number: number < 0,
    "not above 0": lambda number: number <= 0,
    "at least 1": lambda number: number >= 1,
    "outside 0 to 1": lambda number: not 0 <= number <= 1,
    "not above 0, or above 1": lambda number: not 0 < number <= 1,
    "an integer, or outside 0 to 1": lambda number: isinstance(number, int) or not 0 <= number <= 1,
    "no integer": lambda number: not isinstance(number, int),
    "no positive integer": lambda number: not isinstance(number, int) or number <= 0,
    "no integer, or below 0": lambda number: not isinstance(number, int) or number < 0,
}
"""The kinds of numbers that torch refuses, by what they are called in the table."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Which values of one argument raise, when, and with what.

    `condition` is a key of `CONDITIONS`; where it is empty, the argument is a word, and all but `words` raise.
    `at_step` tells that the constructor takes the value, and `step` raises. Beside one of `unless` torch does not look
    at the argument. `message` is what all messages begin with, as far as torch has worded them.
    """

    exception: str
    message: str
    condition: str = ""
    words: tuple[str, ...] = ()
    at_step: bool = False
    unless: frozenset[str] = frozenset()

    def refuses(self, value: object) -> bool:
        """Whether a value, as it stands in the source, is one of those that raise."""
        if isinstance(value, str):
            return bool(self.words) and value not in self.words
        if not self.condition or isinstance(value, bool) or not isinstance(value, int | float):
            return False
        return CONDITIONS[self.condition](value)


@dataclass(frozen=True, slots=True)
class Raises:
    """The whole table: refusals by scheduler class and parameter; the parameters that take one value for each group,
    with what a list of another length raises; the classes whose next step raises once the optimizer has another group;
    and by name the situations that raise.
    """

    arguments: dict[tuple[str, str], tuple[Refusal, ...]]
    per_group: dict[tuple[str, str], Refusal]
    late_group: dict[str, Refusal]
    situations: dict[str, Refusal]


def refused(class_name: str, parameter: str, value: object) -> Refusal | None:
    """Return what a scheduler raises for a number or a word that it is given, if it raises."""
    found = raises().arguments.get((class_name, parameter), ())
    return next((each for each in found if each.refuses(value)), None)


def takes_one_for_each_group(class_name: str, parameter: str) -> bool:
    """Whether a parameter of a scheduler may be a list, with one value for each parameter group."""
    return (class_name, parameter) in raises().per_group


def raised_for_late_group(class_name: str) -> str:
    """Return the exception of a scheduler's next step once its optimizer has another group, or an empty string."""
    found = raises().late_group.get(class_name)
    return found.exception if found is not None else ""


def exception_of(situation: str) -> str:
    """Return the name of the exception that a situation raises."""
    return raises().situations[situation].exception


@cache
def raises() -> Raises:
    """Return the table, read once."""
    data = json.loads(files("optlint.torch_api").joinpath("raises.json").read_text("utf-8"))
    return Raises(
        {
            (class_name, parameter): tuple(map(_refusal, found))
            for class_name, parameters in data["arguments"].items()
            for parameter, found in parameters.items()
        },
        {
            (class_name, parameter): _refusal(found)
            for class_name, parameters in data["per_group"].items()
            for parameter, found in parameters.items()
        },
        {name: _refusal(found) for name, found in data["late_group"].items()},
        {name: _refusal(found) for name, found in data["situations"].items()},
    )


def _refusal(data: dict[str, Any]) -> Refusal:
    lists = {"words": tuple(data.get("words", ())), "unless": frozenset(data.get("unless", ()))}
    return Refusal(**{**data, **lists})
