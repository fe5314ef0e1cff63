"""An `autocast` that is given stand-ins: of a device, of a type, of whether it is on."""

from __future__ import annotations

from typing import Any

from torch.amp.autocast_mode import autocast

from optlint.replay.standin.values import Unknown

_OF_AUTOCAST = ("device_type", "dtype", "enabled", "cache_enabled")


def cast_here() -> None:
    """Take what is unknown for what is usual: a GPU, without which nothing is cast, and the type that goes with it."""
    plain = autocast.__init__

    def begin(self: autocast, *args: Any, **kwargs: Any) -> None:
        if not any(isinstance(each, Unknown) for each in (*args, *kwargs.values())):
            plain(self, *args, **kwargs)
            return
        given = {**dict(zip(_OF_AUTOCAST, args, strict=False)), **kwargs}
        unknown = [name for name, value in given.items() if isinstance(value, Unknown)]
        usual = {"device_type": "cuda", "enabled": bool(given.get("enabled", True))}
        plain(self, **given | {name: usual.get(name) for name in unknown})

    autocast.__init__ = begin  # type: ignore[method-assign]
