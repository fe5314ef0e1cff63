"""Conditions that depend on stand-ins: which were met, and how they come out."""

from __future__ import annotations

import sys
from typing import Any


class StandInError(Exception):
    """A stand-in was asked for what it cannot be; says nothing about the code that is replayed."""


_plan: dict[str, bool] = {}
_asked: dict[str, bool] = {}
_rows: dict[str, int] = {}
_equal: dict[str, Any] = {}


def asked() -> list[str]:
    """The conditions that depended on stand-ins, in the order in which they were first met."""
    return list(_asked)


def decided(condition: str, usual: bool = True) -> bool:
    """The outcome of a condition: the planned one, else the usual one; the same one each time."""
    if condition not in _asked:
        _asked[condition] = _plan.get(condition, usual)
        _rows[condition] = _row()
    return _asked[condition]


def held() -> list[str]:
    """The conditions that came out true."""
    return [condition for condition, outcome in _asked.items() if outcome]


def asked_in() -> list[int]:
    """The rows of the script in which the conditions were first met, 0 where it is none of them."""
    return list(_rows.values())


def _row() -> int:
    frame: Any = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename != "<replay>":
        frame = frame.f_back
    return 0 if frame is None else int(frame.f_lineno)


def is_equal(label: str, other: object) -> bool:
    """Whether a stand-in equals a value: one that equals one value equals no other."""
    if label in _equal:
        return bool(_equal[label] == other)
    words = repr(other)
    outcome = decided(f"{label} == {words if ' at 0x' not in words else type(other).__name__}")
    if outcome:
        _equal[label] = other
    return outcome


def replan(outcomes: dict[str, bool]) -> None:
    """Begin anew, with planned outcomes."""
    _plan.clear()
    _plan.update(outcomes)
    _asked.clear()
    _rows.clear()
    _equal.clear()
