"""Metrics: what the step of a scheduler is given where a script has a stand-in.

A number it must be, or the rates would be stand-ins too. A metric that a ReduceLROnPlateau watches the wrong way round
gets better in each step by what its name says, which shows what comes of that; any other stays where it is, which shows
all else.
"""

from __future__ import annotations

import functools
from typing import Any

import torch

from optlint.program.metrics import metric_direction
from optlint.replay.standin.values import Unknown


def measure_here() -> None:
    """Let schedulers be stepped with stand-ins."""
    pending: list[Any] = [torch.optim.lr_scheduler.LRScheduler]
    while pending:
        kind = pending.pop()
        pending += kind.__subclasses__()
        if "step" in vars(kind):
            kind.step = _measured(kind.step)


def improves_upward(value: Any) -> int | None:
    """What `metric_direction` says of a stand-in."""
    return metric_direction(value._label.removesuffix("()").rpartition(".")[2]) if isinstance(value, Unknown) else None


def is_upside_down(scheduler: Any, direction: int | None) -> bool:
    """Whether a ReduceLROnPlateau waits for the other direction than the one in which a metric gets better."""
    return (direction, getattr(scheduler, "mode", "")) in ((1, "min"), (-1, "max"))


def _measured(step: Any) -> Any:
    def passing_on(*args: Any, **kwargs: Any) -> Any:
        return step(*args, **kwargs)  # by this name the recorder knows that a call with wrong arguments is the code's

    @functools.wraps(step)
    def measured(self: Any, *args: Any, **kwargs: Any) -> Any:
        args = tuple(number_given(self, each) for each in args)
        return passing_on(self, *args, **{key: number_given(self, each) for key, each in kwargs.items()})

    return measured


def number_given(scheduler: Any, value: Any) -> Any:
    """What a scheduler is stepped with in the place of a stand-in."""
    if not isinstance(value, Unknown):
        return value
    direction = improves_upward(value)
    if not is_upside_down(scheduler, direction):
        return float(value)
    steps = scheduler.last_epoch
    return steps + 1.0 if direction == 1 else 1.0 / (steps + 1.0)
