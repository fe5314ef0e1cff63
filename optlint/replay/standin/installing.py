"""Changes to torch that stand-ins need: modules answer them, nothing is loaded from them, moves stay."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from optlint.replay.standin.arguments import with_numbers
from optlint.replay.standin.casting import cast_here
from optlint.replay.standin.conditions import StandInError, replan
from optlint.replay.standin.factories import make_here
from optlint.replay.standin.gradients import ask_here, write_here
from optlint.replay.standin.metrics import measure_here
from optlint.replay.standin.modules import Model, UnknownMethod
from optlint.replay.standin.moves import asking, forget_moves, staying, watch_steps
from optlint.replay.standin.numbers import uncover
from optlint.replay.standin.scaling import scale_here
from optlint.replay.standin.sizes import LIMITED, is_cut, measure, sized
from optlint.replay.standin.values import Unknown, first_forward, forward, holds_standins


def restart(plan: dict[str, bool] | None = None, mode: int = LIMITED, second: str = "") -> None:
    """Begin a new replay: the first forward has number 0, conditions come out as planned, sizes as `sizes` says.

    `second` is the device that takes the place of others; see `forget_moves`.
    """
    measure(mode)
    first_forward()
    replan(plan or {})
    uncover()
    forget_moves(second)


def install() -> None:
    """Let every module that is given a stand-in answer with a flow, and nothing be loaded from a stand-in."""
    called = torch.nn.Module.__call__

    def call(self: torch.nn.Module, *args: Any, **kwargs: Any) -> Any:
        given = (*args, *kwargs.values())
        if isinstance(self, Model) or holds_standins(given):
            return forward(self, given)
        try:
            return called(self, *args, **kwargs)
        except (RuntimeError, ValueError) as error:
            if is_cut():
                raise StandInError("a large model was cut down, and is given tensors") from error
            raise

    torch.nn.Module.__call__ = call  # type: ignore[method-assign]
    torch.nn.Module.__setattr__ = _setting(torch.nn.Module.__setattr__)  # type: ignore[method-assign]
    torch.nn.Module.add_module = _adding(torch.nn.Module.add_module)  # type: ignore[method-assign]
    torch.nn.Module.__getattr__ = _unwrapping(torch.nn.Module.__getattr__)  # type: ignore[method-assign]
    torch.nn.Parameter.__new__ = staticmethod(sized(torch.nn.Parameter.__new__))  # type: ignore[method-assign]
    torch.cuda.is_available = asking(torch.cuda.is_available)
    for owner in (torch.nn.Module, *_family(torch.optim.Optimizer), *_family(torch.optim.lr_scheduler.LRScheduler)):
        if "load_state_dict" in vars(owner):
            owner.load_state_dict = _loading(owner.load_state_dict)
        if owner is not torch.nn.Module and "__init__" in vars(owner):
            owner.__init__ = with_numbers(owner.__init__)
    scale_here()
    cast_here()
    measure_here()
    ask_here()
    write_here()
    make_here()
    moving: tuple[Any, ...] = (torch.nn.Module, torch.Tensor)
    for owner in moving:
        for name in ("to", "cuda", "npu", "xpu", "mps", "cpu"):
            setattr(owner, name, staying(getattr(owner, name, None), name))
    watch_steps()


def _family(owner: Any) -> Iterator[Any]:
    """A class and all that is derived from it so far."""
    yield owner
    for inner in owner.__subclasses__():
        yield from _family(inner)


def _setting(set_attribute: Any) -> Any:
    def setting(self: Any, name: str, value: Any) -> None:
        # What unknown code makes for a module to keep is a module more often than anything else.
        made = isinstance(value, Unknown) and value._label.endswith(")") and value._wrapped is None
        set_attribute(self, name, Model(name) if made else value)

    return setting


def _unwrapping(get_attribute: Any) -> Any:
    def attribute(self: Any, name: str) -> Any:
        # Of a wrapper that a script goes without: the module itself.
        inner = {**self.__dict__.get("_modules", {}), **self.__dict__.get("_parameters", {})}
        return self if name == "module" and name not in inner else get_attribute(self, name)

    return attribute


def _adding(add: Any) -> Any:
    def add_module(self: Any, name: str, module: Any) -> None:
        add(self, name, Model(name) if isinstance(module, (Unknown, UnknownMethod)) else module)

    return add_module


def _loading(load: Any) -> Any:
    def load_state_dict(self: Any, state: Any, *args: Any, **kwargs: Any) -> Any:
        if not holds_standins((state,)):
            return load(self, state, *args, **kwargs)
        if kwargs.get("assign") and isinstance(self, torch.nn.Module):
            fresh = {name: torch.nn.Parameter(value.detach().clone()) for name, value in self.state_dict().items()}
            return load(self, fresh, *args, **kwargs)
        return Unknown("load_state_dict()")

    return load_state_dict
