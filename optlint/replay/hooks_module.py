"""Hooks on modules: made, cleared, frozen, moved, changed, loaded."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from optlint.program.events import Act
from optlint.replay.hooks_optimizer import how_known
from optlint.replay.patches import Patches
from optlint.replay.rows import assigns
from optlint.replay.slips import is_slip
from optlint.replay.trace import Kind

if TYPE_CHECKING:
    from optlint.replay.recorder import Recorder

_MOVES = "to cuda cpu xpu npu mps half float double bfloat16 type to_empty".split()


def _making(recorder: Recorder, patches: Patches) -> None:
    def init(original: Callable[..., None], self: nn.Module, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        recorder.roster.meet(self)

    def setstate(original: Callable[..., None], self: nn.Module, state: Any) -> None:
        original(self, state)  # a deep copy is made without `__init__`
        recorder.roster.meet(self)

    patches.wrap(nn.Module, "__init__", init)
    patches.wrap(nn.Module, "__setstate__", setstate)


def _clearing(recorder: Recorder, patches: Patches) -> None:
    def zero_grad(original: Callable[..., None], self: nn.Module, *args: Any, **kwargs: Any) -> None:
        if recorder.hidden:
            original(self, *args, **kwargs)
            return
        recorder.notice()
        with recorder.inside():
            original(self, *args, **kwargs)
        set_to_none = bool(kwargs.get("set_to_none", args[0] if args else True))
        parameters = recorder.tracked(nn.Module.parameters(self))
        identities = [id(each.tensor) for each in parameters]
        for each in identities:
            recorder.ledger.clear(each)
        recorder.settle(parameters)
        recorder.cleared(parameters, (recorder.roster.number(self, Kind.MODULE),), set_to_none=set_to_none)

    patches.wrap(nn.Module, "zero_grad", zero_grad)


def _freezing(recorder: Recorder, patches: Patches) -> None:
    def requires_grad_(original: Callable[..., Any], self: nn.Module, *args: Any, **kwargs: Any) -> Any:
        if recorder.hidden:
            return original(self, *args, **kwargs)
        recorder.notice()
        with recorder.inside():
            result = original(self, *args, **kwargs)
        parameters = recorder.tracked(nn.Module.parameters(self))
        recorder.flag(parameters, things=(recorder.roster.number(self, Kind.MODULE),))
        return result

    patches.wrap(nn.Module, "requires_grad_", requires_grad_)


def _moving(recorder: Recorder, patches: Patches) -> None:
    def moved(name: str) -> Callable[..., Any]:
        def around(original: Callable[..., Any], self: nn.Module, *args: Any, **kwargs: Any) -> Any:
            if recorder.hidden:
                return original(self, *args, **kwargs)
            recorder.notice()
            before = _places(self)
            around_it = recorder.roster.parameters_around(self)
            tracked = recorder.tracked(nn.Module.parameters(self))
            things = (recorder.roster.number(self, Kind.MODULE), *recorder.roster.holders(map(_identity, tracked)))
            detail = "cpu" if name == "to" and _is_processor(*args, **kwargs) else name
            draft = recorder.happen(Act.MOVE, things, detail=detail, parameters=recorder.roster.names(tracked))
            with recorder.inside():
                result = original(self, *args, **kwargs)
            if _places(self) == before:
                draft.detail += " in place"
            recorder.settle()
            _replaced(recorder, self, around_it)
            return result

        return around

    for name in _MOVES:
        if hasattr(nn.Module, name):
            patches.wrap(nn.Module, name, moved(name))


def _identity(tracked: Any) -> int:
    return id(tracked.tensor)


def _places(module: nn.Module) -> list[tuple[int, torch.device, torch.dtype]]:
    return [(id(each), each.device, each.dtype) for each in nn.Module.parameters(module)]


def _is_processor(*args: Any, **kwargs: Any) -> bool:
    return str(kwargs.get("device", args[0] if args else "")) == "cpu"


def _assigning(recorder: Recorder, patches: Patches) -> None:
    def setattr_(original: Callable[..., None], self: nn.Module, name: str, value: Any) -> None:
        if not recorder.hidden:
            recorder.roster.plain.keep(self, name, value, recorder.row())
        if recorder.hidden or not isinstance(value, (nn.Module, nn.Parameter, bool)):
            original(self, name, value)
        elif not isinstance(value, bool):
            recorder.roster.stale = True
            former = list(_inside(getattr(self, name, None)))
            if not recorder.roster.optimizers():
                original(self, name, value)
                _take(recorder, self, former, value)
                return
            before = recorder.roster.parameters_around(self)
            _former(recorder, former)
            original(self, name, value)
            recorder.roster.stale = True
            _take(recorder, self, former, value)
            _replaced(recorder, self, before)
        else:
            original(self, name, value)
            is_own = hasattr(type(self), name) and name != "requires_grad_"  # that is the method of all modules
            if (name == "requires_grad" or is_slip(name)) and not is_own:
                _misspelt(recorder, self, name, value)

    def register_buffer(original: Callable[..., None], self: nn.Module, name: str, *args: Any, **kwargs: Any) -> None:
        original(self, name, *args, **kwargs)
        if not recorder.hidden:
            recorder.roster.plain.keep(self, name, vars(self)["_buffers"].get(name), recorder.row())

    patches.wrap(nn.Module, "__setattr__", setattr_)
    patches.wrap(nn.Module, "register_buffer", register_buffer)


def _misspelt(recorder: Recorder, module: nn.Module, name: str, value: bool) -> None:
    parameters = recorder.tracked(nn.Module.parameters(module))
    for each in parameters:
        each.meant = value
    holders = recorder.roster.holders(map(_identity, parameters))
    things = (recorder.roster.number(module, Kind.MODULE), *holders)
    names = recorder.roster.names(parameters)
    recorder.happen(Act.SET_ATTRIBUTE, things, detail=name, parameters=names, by_hand=True)


def _inside(value: Any) -> Iterable[Tensor]:
    """The parameters of what an attribute holds."""
    if isinstance(value, nn.Module):
        return nn.Module.parameters(value)
    return [value] if isinstance(value, nn.Parameter) else []


def _former(recorder: Recorder, parameters: Iterable[Tensor]) -> None:
    """Keep in mind what an optimizer holds of some parameters, whose place is about to be taken."""
    with torch.no_grad():
        held = [each for each in recorder.tracked(parameters) if recorder.roster.holders((id(each.tensor),))]
        recorder.values.replace(held, len(recorder.updates))


def _take(recorder: Recorder, module: nn.Module, former: list[Tensor], value: nn.Module | nn.Parameter) -> None:
    """Take note of what has taken the place of other parameters, held or not.

    A stand-in may show a part only when that is replaced: then nothing is there before.
    """
    known = set(map(id, former))
    fresh = [each for each in _inside(value) if id(each) not in known]
    if fresh and (former or assigns(module)):
        recorder.values.take(map(recorder.roster.track, fresh))


def _replaced(recorder: Recorder, module: nn.Module, before: dict[int, Tensor]) -> None:
    """Take note of new parameters in a module of which an optimizer holds a part."""
    recorder.roster.stale = True
    owners = recorder.roster.holders(before)
    if not owners:
        return
    fresh = [each for key, each in recorder.roster.parameters_around(module).items() if key not in before]
    if fresh:
        names = recorder.roster.names(recorder.tracked(fresh))
        recorder.happen(Act.REPLACE, (recorder.roster.number(module, Kind.MODULE), *owners), parameters=names)


def _loading(recorder: Recorder, patches: Patches) -> None:
    def load_state_dict(original: Callable[..., Any], self: nn.Module, *args: Any, **kwargs: Any) -> Any:
        recorder.notice()
        before = recorder.roster.parameters_around(self)
        number = recorder.roster.number(self, Kind.MODULE)
        owners = recorder.roster.holders(map(id, nn.Module.parameters(self)))
        recorder.happen(Act.LOAD, (number, *owners), detail=how_known(args, kwargs))
        _former(recorder, nn.Module.parameters(self))
        with recorder.inside():
            result = original(self, *args, **kwargs)
        recorder.roster.stale = True
        recorder.values.take(recorder.tracked(nn.Module.parameters(self)))
        _replaced(recorder, self, before)
        return result

    patches.wrap(nn.Module, "load_state_dict", load_state_dict)


HOOKS = {
    "the construction of a module": _making,
    "`zero_grad` of a module": _clearing,
    "`requires_grad_` of a module": _freezing,
    "moving a module": _moving,
    "the attributes of a module": _assigning,
    "`load_state_dict` of a module": _loading,
}
