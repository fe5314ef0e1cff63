"""Hooks on the gradient scaler: scale, unscale, step, update."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch.amp.grad_scaler import GradScaler
from torch.optim import Optimizer

from optlint.program.events import Act
from optlint.replay.hooks_optimizer import number_of
from optlint.replay.patches import Patches
from optlint.replay.trace import Kind

if TYPE_CHECKING:
    from optlint.replay.recorder import Recorder


def _scaling(recorder: Recorder, patches: Patches) -> None:
    def scale(original: Callable[..., Any], self: GradScaler, *args: Any, **kwargs: Any) -> Any:
        recorder.happen(Act.CALL, (recorder.roster.number(self, Kind.SCALER),), detail="scale")
        result = original(self, *args, **kwargs)
        scale = self._scale if self.is_enabled() else None
        factor = 1.0 if scale is None else _inverse(scale)
        for each in result if isinstance(result, (list, tuple)) else (result,):
            _watch(recorder, each, factor)
        return result

    def get_scale(original: Callable[..., Any], self: GradScaler, *args: Any, **kwargs: Any) -> Any:
        recorder.scale_asked = recorder.stirred
        scale: float = original(self, *args, **kwargs)
        if scale and getattr(self, "_scale", None) is not None:  # without one, what is scaled by hand is not unscaled
            recorder.scale_given = 1.0 / scale
        return scale

    patches.wrap(GradScaler, "scale", scale)
    patches.wrap(GradScaler, "get_scale", get_scale)


def _watch(recorder: Recorder, loss: Any, factor: float) -> None:
    """Note each backward that comes through a loss which a scaler has multiplied; other numbers carry its scale."""

    def passes(_gradient: torch.Tensor) -> None:
        recorder.scaled_by = factor

    if isinstance(loss, torch.Tensor) and loss.requires_grad:
        with torch._C.DisableTorchFunctionSubclass():
            if loss._backward_hooks is None:
                loss._backward_hooks = OrderedDict()
                if loss.grad_fn is not None:
                    loss.grad_fn._register_hook_dict(loss)
            # By hand: torch's own function would count up the number of the next hook, which stays behind.
            loss._backward_hooks[id(passes)] = passes
    elif isinstance(loss, torch.Tensor):
        recorder.scale_given = factor


def _inverse(scale: torch.Tensor) -> float:
    return float(scale.double().reciprocal().float())  # as torch has it


def _unscaling(recorder: Recorder, patches: Patches) -> None:
    def unscale(original: Callable[..., Any], self: GradScaler, *args: Any, **kwargs: Any) -> Any:
        optimizer = args[0] if args else kwargs.get("optimizer")
        if not isinstance(optimizer, Optimizer):
            return original(self, *args, **kwargs)
        recorder.notice()
        number = number_of(recorder, optimizer)
        if not recorder.hidden:
            recorder.happen(Act.UNSCALE, (recorder.roster.number(self, Kind.SCALER), number))
        result = original(self, *args, **kwargs)
        if self.is_enabled():
            parameters = recorder.hold(optimizer, number)
            for each in parameters:
                recorder.ledger.unscale(id(each.tensor))
            recorder.settle(parameters)
        return result

    patches.wrap(GradScaler, "unscale_", unscale)


def _stepping(recorder: Recorder, patches: Patches) -> None:
    def step(original: Callable[..., Any], self: GradScaler, *args: Any, **kwargs: Any) -> Any:
        optimizer = args[0] if args else kwargs.get("optimizer")
        if not isinstance(optimizer, Optimizer):
            return original(self, *args, **kwargs)
        stirred = recorder.stirred
        number = number_of(recorder, optimizer)
        recorder.happen(Act.CALL, (recorder.roster.number(self, Kind.SCALER), number), detail="step")
        try:
            with recorder.inside():
                result = original(self, *args, **kwargs)
        except Exception:
            if recorder.stirred == stirred:
                recorder.happen(Act.STEP, (number,), detail="failed")
            raise
        if recorder.stirred == stirred:  # infinite gradients: the scaler has left the update out
            recorder.happen(Act.STEP, (number,), detail="skipped")
            recorder.due.updated(number)
        return result

    patches.wrap(GradScaler, "step", step)


def _updating(recorder: Recorder, patches: Patches) -> None:
    def update(original: Callable[..., Any], self: GradScaler, *args: Any, **kwargs: Any) -> Any:
        recorder.happen(Act.UPDATE_SCALE, (recorder.roster.number(self, Kind.SCALER),))
        return original(self, *args, **kwargs)

    patches.wrap(GradScaler, "update", update)


HOOKS = {
    "`scale`": _scaling,
    "`unscale_`": _unscaling,
    "the step of a scaler": _stepping,
    "`update` of a scaler": _updating,
}
