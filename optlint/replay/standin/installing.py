"""Changes to torch that stand-ins need: modules answer them, nothing is loaded from them, moves stay."""

from __future__ import annotations

from typing import Any

import torch

from optlint.replay.standin.conditions import replan
from optlint.replay.standin.modules import Model, UnknownMethod
from optlint.replay.standin.moves import asking, forget_moves, staying
from optlint.replay.standin.numbers import uncover
from optlint.replay.standin.values import Unknown, first_forward, forward, holds_standins


def restart(plan: dict[str, bool] | None = None) -> None:
    """Begin a new replay: the first forward has number 0, and conditions come out as planned."""
    first_forward()
    replan(plan or {})
    uncover()
    forget_moves()


def install() -> None:
    """Let every module that is given a stand-in answer with a flow, and nothing be loaded from a stand-in."""
    called = torch.nn.Module.__call__

    def call(self: torch.nn.Module, *args: Any, **kwargs: Any) -> Any:
        given = (*args, *kwargs.values())
        answers = isinstance(self, Model) or holds_standins(given)
        return forward(self, given) if answers else called(self, *args, **kwargs)

    torch.nn.Module.__call__ = call  # type: ignore[method-assign]
    torch.nn.Module.__setattr__ = _setting(torch.nn.Module.__setattr__)  # type: ignore[method-assign]
    torch.nn.Module.add_module = _adding(torch.nn.Module.add_module)  # type: ignore[method-assign]
    torch.cuda.is_available = asking(torch.cuda.is_available)
    loading: tuple[Any, ...] = (torch.nn.Module, torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler)
    for owner in loading:
        owner.load_state_dict = _loading(owner.load_state_dict)
    moving: tuple[Any, ...] = (torch.nn.Module, torch.Tensor)
    for owner in moving:
        for name in ("to", "cuda", "npu", "xpu", "mps"):
            setattr(owner, name, staying(getattr(owner, name, None), name))


def _setting(set_attribute: Any) -> Any:
    def setting(self: Any, name: str, value: Any) -> None:
        # What unknown code makes for a module to keep is a module more often than anything else.
        made = isinstance(value, Unknown) and value._label.endswith(")") and value._wrapped is None
        set_attribute(self, name, Model(name) if made else value)

    return setting


def _adding(add: Any) -> Any:
    def add_module(self: Any, name: str, module: Any) -> None:
        add(self, name, Model(name) if isinstance(module, (Unknown, UnknownMethod)) else module)

    return add_module


def _loading(load: Any) -> Any:
    def load_state_dict(self: Any, state: Any, *args: Any, **kwargs: Any) -> Any:
        if not isinstance(state, Unknown):
            return load(self, state, *args, **kwargs)
        if kwargs.get("assign") and isinstance(self, torch.nn.Module):
            fresh = {name: torch.nn.Parameter(value.detach().clone()) for name, value in self.state_dict().items()}
            return load(self, fresh, *args, **kwargs)
        return Unknown("load_state_dict()")

    return load_state_dict
