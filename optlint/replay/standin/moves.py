"""Moves to devices that are not here: what is moved stays, and a tensor becomes another one as it would there."""

from __future__ import annotations

import sys
from typing import Any

import torch

from optlint.replay.standin.values import Flow, Unknown

_away: set[str] = set()


def forget_moves() -> None:
    """Begin anew."""
    _away.clear()


def moved_away() -> bool:
    """Whether something was to go to a device that is not here, and stayed."""
    return bool(_away)


def device(name: Any) -> str:
    """The device of a name, or the processor where there is none such."""
    if isinstance(name, Unknown):
        _away.add("unknown")
        return "cpu"
    if isinstance(name, int):
        name = f"cuda:{name}"
    name = f"{name}"
    kind = name.partition(":")[0]
    if kind in ("cpu", "meta") or (kind == "cuda" and torch.cuda.is_available()):
        return str(name)
    _away.add(kind)
    return "cpu"


def asking(is_available: Any) -> Any:
    """`is_available` that takes note of a script that asks it in vain."""

    def asked_for_cuda() -> bool:
        found = bool(is_available())
        if not found and sys._getframe(1).f_code.co_filename == "<replay>":
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


def staying(move: Any, name: str) -> Any:
    """A method that moves, which leaves everything here where the other device is not there."""

    def moved(self: Any, *args: Any, **kwargs: Any) -> Any:
        if name != "to":
            return move(self, *args, **kwargs) if device(name) != "cpu" else _copied(self)
        target = kwargs.get("device", args[0] if args else None)
        if isinstance(target, (Unknown, Flow)):
            _away.add("unknown")
            return _copied(self)
        if isinstance(target, int) and not isinstance(target, bool):
            target = f"cuda:{target}"
        if isinstance(target, (str, torch.device)) and device(str(target)) != str(target):
            rest = {key: value for key, value in kwargs.items() if key != "device"}
            args = args[1:] if "device" not in kwargs else args
            return _copied(move(self, *args, **rest) if args or rest else self)
        return move(self, *args, **kwargs)

    return moved
