"""Optimizers with parameters of a narrow type, in which the number that keeps them from dividing by zero may be lost.

Adam and its kin divide by a root plus `eps`. In float16 the usual `eps` of 1e-8 is zero, and so is what the root is of
where gradients are small: of a gradient of zero comes zero by zero. Gradients in a replay are those of stand-ins, so
that this does not show by itself. It is tried: an update is made of a gradient of zero, with the class, the options and
some of the values that the optimizer has at its first step.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from optlint.replay.trace import Thing

_NARROW = (torch.float16, torch.bfloat16)
_FEW = 8
"""Values that are enough."""


@dataclass(slots=True)
class Narrow:
    """The optimizers of a run, each by its number."""

    _seen: dict[int, tuple[type[Optimizer], dict[str, Any], Tensor] | None] = field(default_factory=dict)

    def look(self, number: int, optimizer: Optimizer) -> None:
        """An optimizer is about to step."""
        if number not in self._seen:
            self._seen[number] = _narrowest(optimizer)

    def told(self, things: tuple[Thing, ...]) -> tuple[Thing, ...]:
        """Add to each optimizer which narrow type its parameters have, and what becomes of them.

        Only to be asked where nothing is recorded any more.
        """
        return tuple(self._told(thing) for thing in things)

    def _told(self, thing: Thing) -> Thing:
        found = self._seen.get(thing.number)
        if found is None:
            return thing
        return replace(thing, narrow=f"{found[2].dtype}".removeprefix("torch."), from_zero=_outcome(*found))


def _narrowest(optimizer: Optimizer) -> tuple[type[Optimizer], dict[str, Any], Tensor] | None:
    for kind in _NARROW:
        for group in optimizer.param_groups:
            for each in group["params"]:
                if each.dtype is kind and each.grad is not None and not each.is_meta and each.layout is torch.strided:
                    options = {key: value for key, value in group.items() if key != "params"}
                    return type(optimizer), options, each.detach().reshape(-1)[:_FEW].clone()
    return None


def _outcome(kind: type[Optimizer], options: dict[str, Any], values: Tensor) -> str:
    if vars(torch.optim).get(kind.__name__) is not kind:
        return ""
    parameter = values.clone().requires_grad_()
    try:
        with torch.enable_grad():
            optimizer = kind([{"params": [parameter], **options}])
            parameter.grad = torch.zeros_like(parameter)
            optimizer.step()
    except Exception:  # what it refuses here (a closure that it wants, a device) it may take elsewhere
        return ""
    after = parameter.detach()
    if not bool(values.isfinite().all()):
        return ""
    return "nan" if bool(after.isnan().any()) else "inf" if bool(after.isinf().any()) else "finite"
