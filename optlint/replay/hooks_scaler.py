"""Hooks on the gradient scaler: scale, unscale, step, update."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

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
        return original(self, *args, **kwargs)

    patches.wrap(GradScaler, "scale", scale)


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
        scale = self._scale
        if scale is not None and self.is_enabled():
            factor = scale.double().reciprocal().float().item()
            parameters = recorder.hold(optimizer, number)
            for each in parameters:
                recorder.ledger.multiply(id(each.tensor), factor)
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
