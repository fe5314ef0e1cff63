"""Hooks on gradients that are written by hand: asked for, cleared, and changed in their place."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from optlint.program.events import Act
from optlint.replay.measure import gradient_of
from optlint.replay.patches import Patches
from optlint.replay.roster import Tracked

if TYPE_CHECKING:
    from optlint.replay.recorder import Recorder

_CHANGES = "mul_ div_ add_ sub_ clamp_ clamp_min_ clamp_max_ clip_ __imul__ __itruediv__ __iadd__ __isub__".split()
"""Methods that make something else of what is there."""
_WRITES = ("copy_", "fill_")
"""Methods after which nothing is left of what was there."""


def _asking(recorder: Recorder, patches: Patches) -> None:
    """Gradients that are asked for are nobody's until they are written on parameters: here is only their scale."""
    running: list[bool] = []

    def grad(original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        if running:
            return original(*args, **kwargs)
        inputs = _listed(args[1] if len(args) > 1 else kwargs.get("inputs"))
        if len(args) > 1:
            args = (args[0], inputs, *args[2:])
        elif "inputs" in kwargs:
            kwargs["inputs"] = inputs
        running.append(True)
        recorder.scaled_by = None
        try:
            found = original(*args, **kwargs)
        finally:
            running.pop()
        for each, gradient in zip(_several(inputs), _several(found), strict=False):
            if id(each) in recorder.roster.tracked:
                recorder.asked.pop(id(each), None)
                if recorder.scaled_by is not None and isinstance(gradient, Tensor) and not gradient.is_meta:
                    with torch.no_grad(), torch._C.DisableTorchFunctionSubclass():
                        recorder.asked[id(each)] = recorder.scaled_by, float(torch.linalg.vector_norm(gradient))
        return found

    patches.wrap(torch.autograd, "grad", grad)


def _listed(given: Any) -> Any:
    """What can be gone through once as a list."""
    return list(given) if hasattr(given, "__next__") else given


def _several(given: Any) -> list[Any]:
    return list(given) if isinstance(given, (list, tuple)) else [given]


def _zeroing(recorder: Recorder, patches: Patches) -> None:
    def zero_(original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """`p.grad.zero_()`, `p.grad.data.zero_()`: seen in its row, and not only at the next event."""
        if recorder.hidden or not recorder.roster.tracked:
            return original(*args, **kwargs)
        with torch.no_grad():
            recorder.notice()
            result = original(*args, **kwargs)
            recorder.notice()
        return result

    patches.wrap(torch.Tensor, "zero_", zero_)


def _in_place(recorder: Recorder, patches: Patches, name: str) -> None:
    """`p.grad.mul_(0.5)`, `p.grad += noise`: seen in its row, and also where the numbers stay what they are."""
    act = Act.SET_GRADIENT if name in _WRITES else Act.CHANGE_GRADIENT

    def around(original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        touched = [] if recorder.hidden or recorder.stepping else _gradients_at(recorder, args[0] if args else None)
        if not touched:
            return original(*args, **kwargs)
        with torch.no_grad():
            recorder.notice()
        result = original(*args, **kwargs)
        with torch.no_grad():
            for each in touched:
                recorder.notice_gradient(each, act)
        return result

    patches.wrap(torch.Tensor, name, around)


def _gradients_at(recorder: Recorder, tensor: Any) -> list[Tracked]:
    """The parameters whose gradient a tensor is, or a view of which it is."""
    if not isinstance(tensor, Tensor) or tensor.layout != torch.strided or tensor.is_meta:
        return []
    place = tensor.untyped_storage().data_ptr()
    found = ((each, gradient_of(each.tensor)) for each in recorder.roster.tracked.values())
    return [
        each
        for each, gradient in found
        if gradient is not None
        and gradient.layout == torch.strided
        and not gradient.is_meta
        and gradient.untyped_storage().data_ptr() == place
    ]


def _changing(recorder: Recorder, patches: Patches) -> None:
    for name in _CHANGES:
        _in_place(recorder, patches, name)


def _writing(recorder: Recorder, patches: Patches) -> None:
    for name in _WRITES:
        _in_place(recorder, patches, name)


HOOKS = {
    "`torch.autograd.grad`": _asking,
    "`zero_`": _zeroing,
    "changing a gradient in its place": _changing,
    "writing over a gradient": _writing,
}
