"""Floating-point types of replays: which one is taken, and how near results must be in each to count as the same."""

from __future__ import annotations

from collections.abc import Mapping

from optlint.rule import Evidence, Rule

EXACT = 1e-9
"""Relative, of gradients and parameters in float64: its spacing is 2e-16, and a sum of a million numbers in another
order is off by less than 1e-9 of its size."""

USUAL = "float32"
"""The type that programs have: in it `x.double()` makes another tensor."""

TOLERANCES: Mapping[str, float] = {
    "float64": EXACT,
    "float32": 1e-5,
    "bfloat16": 0.06,
}
"""Relative. The spacing of float32 is 1.2e-7: 1e-5 leaves room for eighty roundings. That of bfloat16 is 0.0078:
0.06 leaves room for eight; with more of them nothing is left of a number. What departs by more than `EXACT` and by
less than this may be rounding or a fault, so that nothing is said of it."""

RATES = 1e-9
"""Relative, of learning rates: Python's floats, in whatever type the parameters are."""


def plain_dtype(device: str) -> str:
    """The most precise type of a device."""
    return "float32" if device.partition(":")[0] == "mps" else "float64"


def usual_dtype(rule: Rule, device: str) -> str:
    """The type for a rule where nobody asks for one: what raises is tried in the one that programs have."""
    return USUAL if rule.evidence is Evidence.CRASH else plain_dtype(device)
