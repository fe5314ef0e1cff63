"""Gradient scalers: torch turns those of a device that is not there off, and here they scale all the same."""

from __future__ import annotations

import functools
from typing import Any

import torch
from torch.amp.grad_scaler import GradScaler

from optlint.replay.standin.arguments import settled_first
from optlint.replay.standin.moves import second_device
from optlint.replay.standin.values import Flow, Unknown


def scale_here() -> None:
    """Let scalers work on the processor where their device is not there, as they would on that."""
    GradScaler.__init__ = settled_first(GradScaler.__init__, _settle)  # type: ignore[method-assign]
    GradScaler.scale = _scaling(GradScaler.scale)  # type: ignore[method-assign]


def _settle(given: dict[str, Any]) -> None:
    given["enabled"] = bool(given.get("enabled", True))
    given["device"] = _place_of_scaler(given.get("device", "cuda"))


def _place_of_scaler(device: Any) -> Any:
    """The device, or the processor for a GPU that is not here; `meta` has no numbers that could be scaled."""
    if second_device() == "meta":
        return device
    is_cuda = isinstance(device, Unknown) or str(device).partition(":")[0] == "cuda"
    return "cpu" if is_cuda and not torch.cuda.is_available() else device


def _scaling(scale: Any) -> Any:
    @functools.wraps(scale)
    def scaled(self: Any, outputs: Any) -> Any:
        if isinstance(outputs, Flow):
            return Flow.of(scale(self, outputs.plain()))
        if isinstance(outputs, Unknown):
            self._enabled = False  # no gradient will come of that which it could unscale
            return outputs
        return scale(self, outputs)

    return scaled
