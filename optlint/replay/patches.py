"""Replacing attributes of classes and modules for a while."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

_HERE = str(Path(__file__).parent)

Around = Callable[..., Any]
"""Takes the original and its arguments."""


class Patches:
    """What was replaced, so that it can be put back."""

    def __init__(self) -> None:
        self._undo: list[Callable[[], object]] = []

    def replace(self, owner: Any, name: str, value: Any) -> None:
        """Set an attribute."""
        if name in vars(owner):
            former = vars(owner)[name]
            self._undo.append(lambda: setattr(owner, name, former))
        else:
            self._undo.append(lambda: delattr(owner, name))
        setattr(owner, name, value)

    def wrap(self, owner: Any, name: str, around: Around) -> None:
        """Let `around(original, ...)` be called in the place of a function or method."""
        original = getattr(owner, name)
        passing_on = let_through(original)

        @functools.wraps(original)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            return around(passing_on, *args, **kwargs)

        self.replace(owner, name, wrapper)

    def later(self, undo: Callable[[], object]) -> None:
        """Call something when all is put back."""
        self._undo.append(undo)

    def undo(self) -> None:
        """Put everything back, the last first."""
        while self._undo:
            self._undo.pop()()


def let_through(original: Callable[..., Any]) -> Callable[..., Any]:
    """The same function, of which `see_through` knows that hooks call it."""

    def passing_on(*args: Any, **kwargs: Any) -> Any:
        return original(*args, **kwargs)

    return passing_on


def see_through(traceback: TracebackType | None) -> None:
    """Let an error that came of calling what is wrapped, with the wrong arguments, come from where it was called."""
    frames = []
    while traceback is not None:
        frames.append(traceback)
        traceback = traceback.tb_next
    if frames and frames[-1].tb_frame.f_code.co_name == "passing_on":
        while len(frames) > 1 and frames[-1].tb_frame.f_code.co_filename.startswith(_HERE):
            frames.pop()
        frames[-1].tb_next = None
