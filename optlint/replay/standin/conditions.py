"""Conditions that depend on stand-ins: which were met, and how they come out."""

from __future__ import annotations

from typing import Any


class StandInError(Exception):
    """A stand-in was asked for what it cannot be; says nothing about the code that is replayed."""


_plan: dict[str, bool] = {}
_asked: dict[str, bool] = {}
_equal: dict[str, Any] = {}


def asked() -> list[str]:
    """The conditions that depended on stand-ins, in the order in which they were first met."""
    return list(_asked)


def decided(condition: str, usual: bool = True) -> bool:
    """The outcome of a condition: the planned one, else the usual one; the same one each time."""
    return _asked.setdefault(condition, _plan.get(condition, usual))


def is_equal(label: str, other: object) -> bool:
    """Whether a stand-in equals a value: one that equals one value equals no other."""
    if label in _equal:
        return bool(_equal[label] == other)
    outcome = decided(f"{label} == {other!r}")
    if outcome:
        _equal[label] = other
    return outcome


def replan(outcomes: dict[str, bool]) -> None:
    """Begin anew, with planned outcomes."""
    _plan.clear()
    _plan.update(outcomes)
    _asked.clear()
    _equal.clear()
