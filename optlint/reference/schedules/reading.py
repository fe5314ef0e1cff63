"""The schedule that a scheduler of torch runs, for one group, read from its attributes as they are now."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from optlint.reference.errors import NoReferenceError
from optlint.reference.schedules import SCHEDULES
from optlint.reference.schedules.composition import ChainedScheduler, SequentialLR, Within
from optlint.reference.schedules.plateau import PlateauState, ReduceLROnPlateau
from optlint.reference.schedules.schedule import Schedule
from optlint.reference.update_rule import number

_KEEPING = frozenset({"state_dict", "load_state_dict", "get_last_lr", "print_lr"})
"""Methods that keep or report: a subclass may have its own, and computes the same rates."""

_ONE_A_GROUP = frozenset({"CosineAnnealingWarmRestarts", "CyclicLR", "LambdaLR", "MultiplicativeLR"})
"""Classes that keep something of each group there was at construction, and fail on one that comes later."""

_OPTION = {"OneCycleLR": "max_lr", "SWALR": "swa_lr"}
"""Where such a thing is kept in the param group."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A schedule in the middle of its run.

    Attributes:
        schedule: The schedule.
        base: The `initial_lr` that it computes from.
        t: Its count: the steps made since construction, in the schedule's own counting.
    """

    schedule: Schedule
    base: float
    t: float


def schedule_of(scheduler: Any, group: int) -> Reading:
    """The schedule of group number `group`; not for `ReduceLROnPlateau` (`plateau_of`).

    Raises NoReferenceError for a class that has no reference, and for a group that the scheduler does not know.
    """
    match class_name(scheduler):
        case "SequentialLR":
            return _sequence(scheduler, group)
        case "ChainedScheduler":
            return _chain(scheduler, group)
        case name:
            return _single(name, scheduler, group)


def plateau_of(scheduler: Any, group: int) -> tuple[ReduceLROnPlateau, PlateauState]:
    """The schedule and the state of a `ReduceLROnPlateau` for group number `group`."""
    lower = scheduler.min_lrs[group] if group < len(scheduler.min_lrs) else scheduler.default_min_lr
    if lower is None:
        raise NoReferenceError(f"`ReduceLROnPlateau` has no `min_lr` for group {group}, which came after it")
    schedule = ReduceLROnPlateau(
        **{f.name: lower if f.name == "min_lr" else getattr(scheduler, f.name) for f in fields(ReduceLROnPlateau)}
    )
    lr = number(scheduler.optimizer.param_groups[group]["lr"])
    return schedule, PlateauState(lr, scheduler.best, scheduler.num_bad_epochs, scheduler.cooldown_counter)


def class_name(scheduler: Any) -> str:
    """The class of torch that computes the rates: its own, or one that it is derived from and only presets."""
    own = type(scheduler)
    known = next((each for each in own.__mro__ if each.__module__.startswith("torch.optim.")), None)
    if known is not None and known.__name__ in SCHEDULES:
        derived = own.__mro__[: own.__mro__.index(known)]
        changed = {name for each in derived for name in vars(each) if not name.startswith("__")} - _KEEPING
        if not any(callable(getattr(known, name, None)) for name in changed):
            return known.__name__
    raise NoReferenceError(f"`{own.__qualname__}` of `{own.__module__}` has no reference")


def _single(name: str, scheduler: Any, group: int) -> Reading:
    options, bases = scheduler.optimizer.param_groups[group], scheduler.base_lrs
    if (group >= len(bases) and name in _ONE_A_GROUP) or _OPTION.get(name, "lr") not in options:
        raise NoReferenceError(f"`{name}` has no schedule for group {group}, which came after it")
    schedule = SCHEDULES[name](**_arguments(name, scheduler, group))
    base = bases[group] if group < len(bases) else options.get("initial_lr", options["lr"])
    assert isinstance(schedule, Schedule)
    return Reading(schedule, number(base), _count(name, scheduler))


def _arguments(name: str, scheduler: Any, group: int) -> dict[str, Any]:
    """The arguments of torch's constructor, for one group, from what the instance keeps of them."""
    options = scheduler.optimizer.param_groups[group]
    match name:
        case "LambdaLR" | "MultiplicativeLR":
            return {"lr_lambda": scheduler.lr_lambdas[group]}
        case "MultiStepLR":
            return {"milestones": tuple(sorted(scheduler.milestones.elements())), "gamma": scheduler.gamma}
        case "CyclicLR":
            return _cyclic(scheduler, group)
        case "OneCycleLR":
            return _one_cycle(scheduler, options)
        case "SWALR":
            keywords = {"anneal_epochs": scheduler.anneal_epochs, "anneal_strategy": scheduler._anneal_strategy}
            return {"swa_lr": number(options["swa_lr"]), **keywords}
        case _:
            names = [field.name for field in fields(SCHEDULES[name])]  # type: ignore[arg-type]
            return {name: getattr(scheduler, name) for name in names}


def _cyclic(scheduler: Any, group: int) -> dict[str, Any]:
    up = scheduler.step_ratio * scheduler.total_size
    # Torch keeps the ratio only: the product is a rounding error off the whole number that was given.
    up = round(up) if math.isclose(up, round(up), rel_tol=1e-12) else up
    arguments = {
        "base_lr": number(scheduler.base_lrs[group]),
        "max_lr": number(scheduler.max_lrs[group]),
        "step_size_up": up,
        "step_size_down": scheduler.total_size - up,
        "scale_fn": scheduler._scale_fn_custom,
        **{name: getattr(scheduler, name) for name in ("mode", "gamma", "scale_mode", "cycle_momentum")},
    }
    if scheduler.cycle_momentum:
        arguments["base_momentum"] = scheduler.base_momentums[group]
        arguments["max_momentum"] = scheduler.max_momentums[group]
    return arguments


def _one_cycle(scheduler: Any, options: Mapping[str, Any]) -> dict[str, Any]:
    highest, first, last = (number(options[key]) for key in ("max_lr", "initial_lr", "min_lr"))
    three_phase = len(scheduler._schedule_phases) == 3
    arguments = {
        "max_lr": highest,
        "total_steps": scheduler.total_steps,
        "pct_start": _pct_start(
            [phase["end_step"] for phase in scheduler._schedule_phases[:-1]], scheduler.total_steps
        ),
        "anneal_strategy": scheduler._anneal_func_type,
        "cycle_momentum": scheduler.cycle_momentum,
        "div_factor": _divisor(highest, first),
        "final_div_factor": _divisor(first, last),
        "three_phase": three_phase,
    }
    if scheduler.cycle_momentum:
        arguments |= {key: options[key] for key in ("base_momentum", "max_momentum")}
    return arguments


def _divisor(whole: float, part: float) -> float:
    """The number by which `whole` is `part` to the last bit, where there is one: torch does not keep it."""
    if part == 0:
        return 1.0
    return _exact(whole / part, lambda divisor: whole / divisor == part)


def _pct_start(ends: Sequence[float], total_steps: int) -> float:
    """The share of the first phase, from the ends of all phases but the last."""
    return _exact(
        (ends[0] + 1) / total_steps,
        lambda share: all(i * share * total_steps - i == end for i, end in enumerate(ends, start=1)),
    )


def _exact(quotient: float, holds: Callable[[float], bool]) -> float:
    """The quotient, or the number beside it that is the one looked for: division and multiplication round."""
    beside = (quotient, math.nextafter(quotient, math.inf), math.nextafter(quotient, -math.inf))
    return next((each for each in beside if holds(each)), quotient)


def _count(name: str, scheduler: Any) -> float:
    count: float = scheduler.last_epoch
    if name == "SWALR":
        count = scheduler._step_count - 1
    elif name == "CosineAnnealingWarmRestarts":
        if scheduler.T_mult == 1:
            count = count + scheduler.T_cur % 1
        else:
            behind = scheduler.T_0 * (scheduler.T_i // scheduler.T_0 - 1) // (scheduler.T_mult - 1)
            count = behind + scheduler.T_cur
    return count


def _sequence(scheduler: Any, group: int) -> Reading:
    readings = [schedule_of(each, group) for each in scheduler._schedulers]
    sequence = SequentialLR(tuple(reading.schedule for reading in readings), tuple(scheduler._milestones))
    t, base = scheduler.last_epoch, readings[0].base
    now = sequence.index(t)
    # The count of those whose time it is not has no part in it: they are done, or will be entered at 0.
    counts = [t - sequence.begin(i) if i == now else reading.t for i, reading in enumerate(readings)]
    placed = tuple(_placed(reading, base, count) for reading, count in zip(readings, counts, strict=True))
    return Reading(replace(sequence, schedulers=placed), base, t)


def _chain(scheduler: Any, group: int) -> Reading:
    readings = [schedule_of(each, group) for each in scheduler._schedulers]
    base, t = readings[0].base, readings[0].t
    return Reading(ChainedScheduler(tuple(_placed(reading, base, t) for reading in readings)), base, t)


def _placed(reading: Reading, base: float, t: float) -> Schedule:
    """The schedule as one of a composition that has `base` and gives it the count `t`."""
    if reading.base == base and reading.t == t:
        return reading.schedule
    return Within(reading.schedule, reading.base, reading.t - t)
