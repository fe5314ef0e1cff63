"""Hooks on optimizers: built, given parameters, stepped, cleared, loaded."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch.optim import Optimizer
from torch.optim.optimizer import _global_optimizer_post_hooks, _global_optimizer_pre_hooks

from optlint.program.events import Act
from optlint.replay.group_rates import rates_of
from optlint.replay.measure import Measure, reference_for
from optlint.replay.patches import Patches
from optlint.replay.standin.values import holds_standins
from optlint.replay.trace import Kind

if TYPE_CHECKING:
    from optlint.replay.recorder import Recorder


@contextmanager
def failing(recorder: Recorder) -> Iterator[None]:
    """Record that a construction failed, where it does."""
    try:
        yield
    except Exception:
        recorder.happen(Act.NEW, (), detail="failed")
        raise


def consumed(recorder: Recorder, given: Any) -> Any:
    """A list of what an iterator gives, which is used up by that; anything else as it is."""
    if not isinstance(given, Iterator):
        return given
    former = recorder.consumed.get(id(given))
    if former is None and not _used_up(given):
        content = list(given)
        if recorder.as_meant and not content:
            raise RuntimeError("Nobody knows what an iterator gave that was gone through unseen")
        recorder.consumed[id(given)] = (given, recorder.row(), content)
        return content
    if recorder.as_meant and former is not None:
        return former[2]
    number = recorder.roster.number(given, Kind.ITERATOR)
    recorder.happen(Act.CONSUME, (number,), detail="before", row=None if former is None else former[1])
    recorder.happen(Act.CONSUME, (number,))
    return list(given)


def _used_up(iterator: Iterator[Any]) -> bool:
    """Whether an iterator, or the one that a `filter` or `map` goes through, is known to be at its end."""
    while isinstance(iterator, (filter, map)):
        inner = iterator.__reduce__()
        assert isinstance(inner, tuple)
        iterator = inner[1][1]
    return inspect.isgenerator(iterator) and inspect.getgeneratorstate(iterator) == inspect.GEN_CLOSED


def number_of(recorder: Recorder, optimizer: Optimizer) -> int:
    """The number of an optimizer; one that was not seen when it was made (a copy) is met now."""
    number = recorder.roster.number(optimizer, Kind.OPTIMIZER)
    recorder.due.meet(optimizer, number)
    return number


def _construction(recorder: Recorder, patches: Patches) -> None:
    def init(original: Callable[..., None], self: Optimizer, *args: Any, **kwargs: Any) -> None:
        recorder.notice()
        if args:
            args = (consumed(recorder, args[0]), *args[1:])
        recorder.roster.dicts.given(args[0] if args else kwargs.get("params"))
        with recorder.inside(), failing(recorder):
            original(self, *args, **kwargs)
        number = recorder.roster.number(self, Kind.OPTIMIZER, row=recorder.row())
        recorder.due.meet(self, number)
        recorder.detachments.meet(number, recorder.hold(self, number))
        recorder.due.follows(number, recorder.roster.former_of(number))
        recorder.roster.group(self, number)
        empty = any(not group["params"] for group in self.param_groups)
        recorder.happen(Act.NEW, (number,), detail="empty" if empty else "")

    patches.wrap(Optimizer, "__init__", init)


def _groups(recorder: Recorder, patches: Patches) -> None:
    def add_param_group(original: Callable[..., None], self: Optimizer, *args: Any, **kwargs: Any) -> None:
        for group in (*args, *kwargs.values()):
            if isinstance(group, dict) and "params" in group:
                recorder.roster.dicts.given([group])
                group["params"] = consumed(recorder, group["params"])  # as torch does
        if recorder.hidden:
            original(self, *args, **kwargs)
            return
        recorder.notice()
        number = number_of(recorder, self)
        with recorder.inside():
            original(self, *args, **kwargs)
        recorder.due.meet(self, number)
        recorder.detachments.meet(number, recorder.hold(self, number))
        recorder.roster.group(self, number)
        recorder.happen(Act.ADD_GROUP, (number,), detail="" if self.param_groups[-1]["params"] else "empty")

    patches.wrap(Optimizer, "add_param_group", add_param_group)


def _clearing(recorder: Recorder, patches: Patches) -> None:
    def zero_grad(original: Callable[..., None], self: Optimizer, *args: Any, **kwargs: Any) -> None:
        if recorder.hidden:
            original(self, *args, **kwargs)
            return
        recorder.notice()
        with recorder.inside():
            original(self, *args, **kwargs)
        set_to_none = bool(kwargs.get("set_to_none", args[0] if args else True))
        parameters = recorder.hold(self, number_of(recorder, self))
        identities = [id(each.tensor) for each in parameters]
        for each in identities:
            recorder.ledger.clear(each)
        recorder.settle(parameters)
        recorder.cleared(parameters, set_to_none=set_to_none)

    patches.wrap(Optimizer, "zero_grad", zero_grad)


def how_known(args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
    """The detail of a loading: whether a stand-in stands for what is loaded."""
    return "unknown" if holds_standins((*args, *kwargs.values())) else ""


def _loading(recorder: Recorder, patches: Patches) -> None:
    def load_state_dict(original: Callable[..., Any], self: Optimizer, *args: Any, **kwargs: Any) -> Any:
        recorder.notice()
        number = number_of(recorder, self)
        recorder.happen(Act.LOAD, (number,), detail=how_known(args, kwargs))
        with recorder.inside():
            result = original(self, *args, **kwargs)
        recorder.due.meet(self, number)
        recorder.due.loaded(number)
        recorder.hold(self, number)
        return result

    patches.wrap(Optimizer, "load_state_dict", load_state_dict)


def _stepping(recorder: Recorder, patches: Patches) -> None:
    """Torch calls global hooks around the step of every class, that of a user's too."""
    under_way: dict[int, Measure] = {}

    @torch.no_grad()
    def before(optimizer: Optimizer, args: Any, kwargs: Any) -> Any:
        number = number_of(recorder, optimizer)
        outer = under_way.get(number)
        if outer is not None and _frames_of_step(optimizer) > 1:
            outer.depth += 1  # the step of a base class
            return None
        recorder.notice()
        parameters = recorder.hold(optimizer, number)
        recorder.narrow.look(number, optimizer)
        recorder.happen(Act.STEP, (number,))
        if number not in recorder.references:
            recorder.references[number] = reference_for(optimizer)
        measure = under_way[number] = Measure(
            optimizer,
            number,
            recorder.row(),
            parameters,
            rates_of(optimizer),
            recorder.due.rates(number),
            [each.tensor.detach().clone() for each in parameters],
            recorder.references[number],
        )
        recorder.stepping.append(measure)
        closure = args[1] if len(args) > 1 else kwargs.get("closure")
        if not callable(closure):
            _consume(recorder, measure)
            return None
        watched = _watched(recorder, measure, closure)
        return ((args[0], watched, *args[2:]), kwargs) if len(args) > 1 else (args, {**kwargs, "closure": watched})

    @torch.no_grad()
    def after(optimizer: Optimizer, args: Any, kwargs: Any) -> None:
        number = number_of(recorder, optimizer)
        measure = under_way.get(number)
        if measure is None:
            return
        if measure.depth:
            measure.depth -= 1
            return
        del under_way[number]
        recorder.notice()
        recorder.updated(measure)

    # Registered by hand: torch's own functions would count up the number of the next hook, which stays behind.
    for registry, hook in ((_global_optimizer_pre_hooks, before), (_global_optimizer_post_hooks, after)):
        registry[-1] = hook
        patches.later(functools.partial(registry.pop, -1))


def _consume(recorder: Recorder, measure: Measure) -> None:
    scale = getattr(measure.optimizer, "grad_scale", None)  # of a fused optimizer, which unscales by itself
    due = recorder.ledger.dues([id(each.tensor) for each in measure.parameters], measure.number)
    factor = 1.0 if scale is None else 1.0 / float(scale)
    if scale is not None:
        due = [each if each is None else each / factor for each in due]
    measure.consumes(due, factor)
    recorder.walk_of(measure.number).goes(measure, due, factor)


def _watched(recorder: Recorder, measure: Measure, closure: Callable[[], Any]) -> Callable[[], Any]:
    """A closure after which the gradients are looked at: those are what the optimizer uses."""

    def evaluate() -> Any:
        for each in measure.parameters:
            recorder.ledger.clear(id(each.tensor), measure.number)
        backwards = recorder.backwards
        loss = closure()
        measure.stale += recorder.backwards == backwards
        with torch.no_grad():
            recorder.notice()
            _consume(recorder, measure)
        return loss

    return evaluate


def _frames_of_step(optimizer: Optimizer) -> int:
    """How many of torch's wrappers of a step of this optimizer are running."""
    count, frame = 0, inspect.currentframe()
    while frame is not None:
        if frame.f_code.co_name == "wrapper" and frame.f_locals.get("self") is optimizer:
            count += "profile_name" in frame.f_locals
        frame = frame.f_back
    return count


HOOKS = {
    "the construction of an optimizer": _construction,
    "`add_param_group`": _groups,
    "`zero_grad` of an optimizer": _clearing,
    "`load_state_dict` of an optimizer": _loading,
    "the step of an optimizer": _stepping,
}
