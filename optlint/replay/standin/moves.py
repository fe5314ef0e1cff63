"""Moves to devices that are not here: what is moved stays, or `meta` stands for the device that it would go to."""

from __future__ import annotations

import sys
from typing import Any

import torch
from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook

from optlint.replay.standin.conditions import StandInError, decided
from optlint.replay.standin.values import BECOMES, Flow, Unknown

ALIKE = ("cuda", "mps", "xpu", "hpu", "mtia")
"""Kinds of devices between which a module's parameters stay the same objects; on others (XLA) they become new ones."""

_away: set[str] = set()
_second, _script = "", "<replay>"
_stood_in = _apart = False


def forget_moves(second: str = "", script: str = "<replay>") -> None:
    """Begin anew; `second` is the device that takes the place of those of other kinds: "" for none, or `meta`.

    `meta` has shapes and no numbers. `script` is the file whose statements are replayed.
    """
    global _second, _script, _stood_in, _apart
    _away.clear()
    _second, _script = second, script
    _stood_in = _apart = False
    for name, read in _reads.items():
        setattr(torch.Tensor, name, read)
    _reads.clear()
    if second == "meta":
        for name, instead in _READ.items():
            _reads[name] = getattr(torch.Tensor, name)
            setattr(torch.Tensor, name, _reading(_reads[name], instead))


def moved_away() -> bool:
    """Whether something was to go to a device that is not here, and stayed."""
    return bool(_away)


def second_device() -> str:
    """The device that takes the place of those of other kinds: nothing, or `meta`."""
    return _second


def stood_in() -> bool:
    """Whether `meta` has stood for a device that is not here."""
    return _stood_in


def state_apart() -> bool:
    """Whether the last step found an optimizer's state on another device than the parameter, with `meta` as one."""
    return _apart


def device(name: Any) -> str:
    """The device of a name: the second one for an accelerator, or the processor where there is none such."""
    if isinstance(name, int):
        name = f"cuda:{name}"
    kind = "unknown" if isinstance(name, Unknown) else f"{name}".partition(":")[0]
    if kind in ("cpu", "meta"):
        return str(name)
    if _second and (kind == "unknown" or kind in ALIKE):
        return _taken()
    if kind == "cuda" and torch.cuda.is_available():
        return str(name)
    _away.add(kind)
    return "cpu"


BECOMES["device"] = lambda name: {"device": device(name)} if _second else {}


def _taken() -> str:
    global _stood_in
    _stood_in = _stood_in or _second == "meta"
    return _second


def asking(is_available: Any) -> Any:
    """`is_available` that takes note of a script that asks it in vain."""

    def asked_for_cuda() -> bool:
        found = bool(is_available())
        if not found and sys._getframe(1).f_code.co_filename == _script:
            if _second:
                return True  # it goes the way that it goes where there is one
            _away.add("cuda")  # elsewhere the code goes another way
        return found

    return asked_for_cuda


def _copied(value: Any) -> Any:
    """What a move to another device makes of a value: a tensor becomes another one, a module stays itself."""
    if not isinstance(value, torch.Tensor) or getattr(value, "_is_away", False):
        return value
    copy = value.clone()
    copy._is_away = True  # type: ignore[attr-defined]
    return copy


class _Carried(torch.autograd.Function):
    """A tensor on another device of which one is `meta`: of one that comes from there the numbers are zeros."""

    @staticmethod
    def forward(context: Any, tensor: torch.Tensor, place: str) -> torch.Tensor:
        context.origin = tensor.device
        return torch.zeros_like(tensor, device=place)

    @staticmethod
    def backward(context: Any, gradient: torch.Tensor) -> Any:
        return torch.zeros_like(gradient, device=context.origin), None


_to_of = {torch.nn.Module: torch.nn.Module.to, torch.Tensor: torch.Tensor.to}
"""The moves themselves."""


def _put(value: Any, place: str) -> Any:
    """Move a value to a device as a real one would have it: a module's parameters stay the same objects."""
    if isinstance(value, torch.nn.Module):
        if _second != "meta" or torch.__future__.get_overwrite_module_params_on_conversion():
            return _to_of[torch.nn.Module](value, place)  # type: ignore[operator]
        former = torch.__future__.get_swap_module_params_on_conversion()
        torch.__future__.set_swap_module_params_on_conversion(True)  # or a move to `meta` makes new parameters
        try:
            return _to_of[torch.nn.Module](value, place)  # type: ignore[operator]
        except RuntimeError as error:
            raise StandInError("a move to `meta` could not keep the parameters") from error
        finally:
            torch.__future__.set_swap_module_params_on_conversion(former)
    if not isinstance(value, torch.Tensor) or isinstance(value, Flow):
        return value
    if _second != "meta":
        return _to_of[torch.Tensor](value, place)  # type: ignore[operator]
    return value if value.device.type == place else _Carried.apply(value, place)  # type: ignore[no-untyped-call]


def staying(move: Any, name: str) -> Any:
    """A method that moves, which leaves everything here where the other device is not there."""

    def moved(self: Any, *args: Any, **kwargs: Any) -> Any:
        if name == "cpu":
            return _put(self, "cpu") if _second == "meta" else move(self, *args, **kwargs)
        if name != "to":
            place = device(name)
            if place == "cpu":
                return _copied(self)
            return _put(self, place) if _second else move(self, *args, **kwargs)
        target = kwargs.get("device", args[0] if args else None)
        if isinstance(target, Unknown) and _second and "type" not in target._label:
            return _put(self, device(target))
        if isinstance(target, (Unknown, Flow)):
            _away.add("unknown")
            return _copied(self)
        if isinstance(target, int) and not isinstance(target, bool):
            target = f"cuda:{target}"
        if isinstance(target, (str, torch.device)) and (_second == "meta" or device(str(target)) != str(target)):
            place = device(str(target))
            rest = {key: value for key, value in kwargs.items() if key != "device"}
            args = args[1:] if "device" not in kwargs else args
            if _second:  # what else than the device changes the value is its type
                args = tuple(each for each in args if isinstance(each, torch.dtype))
                rest = {key: value for key, value in rest.items() if key == "dtype" and value is not None}
            here = move(self, *args, **rest) if args or rest else self
            return _copied(here) if place == "cpu" and _second != "meta" else _put(here, place)
        return move(self, *args, **kwargs)

    return moved


# -- numbers that are not there -----------------------------------------------------------------------------------

_READ = {
    "item": lambda: Unknown("a number of a tensor"),
    "tolist": lambda: Unknown("the numbers of a tensor"),
    "numpy": lambda: Unknown("the numbers of a tensor"),
    "__float__": lambda: 0.5,
    "__int__": lambda: 3,
    "__index__": lambda: 3,
    "__bool__": lambda: decided("a condition on a tensor"),
}
"""What a script reads from a tensor that has no numbers; torch itself is told that there are none."""
_reads: dict[str, Any] = {}
"""Methods of tensors that are changed for as long as `meta` stands for a device."""


def _reading(read: Any, instead: Any) -> Any:
    """A method that gives a script, in the place of a number that is not there, a stand-in for it to report."""

    def reads(self: Any, *args: Any, **kwargs: Any) -> Any:
        if self.device.type == "meta" and sys._getframe(1).f_code.co_filename == _script:
            return instead()
        return read(self, *args, **kwargs)

    return reads


# -- steps --------------------------------------------------------------------------------------------------------


def watch_steps() -> None:
    """Look at each step whether state and parameters are on one device, where one of them is `meta`."""
    register_optimizer_step_pre_hook(_before_step)
    register_optimizer_step_post_hook(_after_step)


def _before_step(optimizer: torch.optim.Optimizer, args: Any, kwargs: Any) -> None:
    global _apart
    if _second == "meta":
        _apart = any(_lies_apart(optimizer))


def _after_step(optimizer: torch.optim.Optimizer, args: Any, kwargs: Any) -> None:
    if _apart:
        raise StandInError("the state lies on another device than its parameters, which `meta` lets pass")


def _lies_apart(optimizer: torch.optim.Optimizer) -> Any:
    """Whether a tensor of the state is elsewhere; one without dimensions, as `step`, may be."""
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            state = optimizer.state.get(parameter, {}) if parameter.grad is not None else {}
            for each in state.values():
                for tensor in each if isinstance(each, (list, tuple)) else (each,):
                    if isinstance(tensor, torch.Tensor) and tensor.dim():
                        yield tensor.device != parameter.device
