"""Whether what the step of a scheduler is given is a metric, and no epoch."""

from __future__ import annotations

import dis
import math
from typing import Any

from torch import Tensor
from torch.optim.lr_scheduler import ReduceLROnPlateau

from optlint.program.metrics import metric_direction
from optlint.replay.rows import frame_of_script, names_of
from optlint.replay.standin.metrics import improves_upward, is_upside_down, number_given


def is_metric(value: Any) -> bool:
    """Whether what a step is given was measured: it comes out of a module, or is called by a metric's name."""
    if isinstance(value, Tensor):
        return value.is_floating_point()
    if isinstance(value, int):
        return False
    names = (*_names_of_row(), *names_of(value))
    return improves_upward(value) is not None or any(metric_direction(name) is not None for name in names)


def _names_of_row() -> list[str]:
    """The names in the row of the script that runs, and the words by which it looks things up."""
    return [each.argval for each in _instructions() if each.opname.startswith("LOAD_") and isinstance(each.argval, str)]


def _instructions() -> list[dis.Instruction]:
    frame = frame_of_script()
    if frame is None:
        return []
    found = dis.get_instructions(frame.f_code)
    return [each for each in found if each.positions is not None and each.positions.lineno == frame.f_lineno]


def is_watched_upside_down(scheduler: Any, given: Any) -> bool:
    """Whether a ReduceLROnPlateau waits for a metric to go the other way than its name says that it gets better."""
    if not isinstance(scheduler, ReduceLROnPlateau):
        return False
    direction = improves_upward(given)
    if not direction:
        told = {metric_direction(name) for name in names_of(given)}
        if not any(each.opname.startswith(("UNARY_", "BINARY_OP")) for each in _instructions()):
            told |= {metric_direction(name) for name in _names_of_row()}
        told -= {None, 0}
        direction = told.pop() if len(told) == 1 else None
    return is_upside_down(scheduler, direction)


def number_of_metric(scheduler: Any, given: Any) -> float:
    """What a ReduceLROnPlateau takes for its metric; NaN for what is no number."""
    try:
        return float(number_given(scheduler, given))
    except (TypeError, ValueError, RuntimeError):
        return math.nan
