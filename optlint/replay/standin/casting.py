"""An `autocast` that is given stand-ins: of a device, of a type, of whether it is on."""

from __future__ import annotations

from typing import Any

from torch.amp.autocast_mode import autocast

from optlint.replay.standin.arguments import settled_first
from optlint.replay.standin.values import Unknown


def cast_here() -> None:
    """Take what is unknown for what is usual: a GPU, without which nothing is cast, and the type that goes with it."""
    autocast.__init__ = settled_first(autocast.__init__, _settle_cast)  # type: ignore[method-assign]


def _settle_cast(given: dict[str, Any]) -> None:
    if isinstance(given["device_type"], Unknown):
        given["device_type"] = "cuda"
    if isinstance(given.get("enabled"), Unknown):
        given["enabled"] = bool(given["enabled"])
