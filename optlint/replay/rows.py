"""Where the script is: the row that runs, and what the script calls an object."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

FILE = "<replay>"
"""The file name of a script's code object."""
_MAKERS = str(Path(__file__).parent / "standin" / "makers.py")


def row_of_script() -> int:
    """The line of the innermost frame of the script, 0 where none of it runs."""
    frame = next(_frames(), None)
    return 0 if frame is None else frame.f_lineno


def frame_of_script() -> FrameType | None:
    """The innermost frame of the script, None where none of it runs."""
    return next(_frames(), None)


def assigns(module: object) -> bool:
    """Whether the script itself, and not torch or a stand-in, sets an attribute of a module that it has made."""
    here = str(Path(__file__).parent)
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        path = frame.f_code.co_filename
        if "standin" in path.removeprefix(here) or (
            frame.f_code.co_name == "__init__" and frame.f_locals.get("self") is module
        ):
            return False
        if path == FILE:
            return True
        frame = frame.f_back
    return False


def made_by_standin() -> bool:
    """Whether a stand-in, and not the script itself, makes what is made now."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename != FILE:
        if frame.f_code.co_filename == _MAKERS:
            return True
        frame = frame.f_back
    return False


def label_of(wanted: object) -> str:
    """The name that the script has for an object: a variable, an attribute or an item of one; empty without any."""
    scopes = [names for frame in _frames() for names in (frame.f_locals, frame.f_globals)]
    for names in scopes:
        for name, value in names.items():
            if value is wanted and not name.startswith("_"):
                return name
    for names in scopes:
        for name, value in names.items():
            if not name.startswith("_"):
                for inner, held in _held(value):
                    if held is wanted:
                        return name + inner
    return ""


def names_of(wanted: object) -> list[str]:
    """The variables of all functions of the script that run, and of its top level, that have an object."""
    scopes = [names for frame in _frames() for names in (frame.f_locals, frame.f_globals)]
    return [name for names in scopes for name, value in names.items() if value is wanted]


def held_by_script() -> Iterator[tuple[str, object]]:
    """All that the script's variables are, and what these hold, each with its name."""
    scopes = [names for frame in _frames() for names in (frame.f_locals, frame.f_globals)]
    for names in scopes:
        for name, value in list(names.items()):
            if not name.startswith("_"):
                yield name, value
                yield from ((name + inner, held) for inner, held in _held(value))


def _frames() -> Iterator[FrameType]:
    """The frames of the script that run, the innermost first."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if frame.f_code.co_filename == FILE:
            yield frame
        frame = frame.f_back


def _held(value: Any) -> Iterator[tuple[str, object]]:
    """What a value holds, with how to write that after the value's name; nothing is called to find out."""
    if isinstance(value, (list, tuple)):
        yield from ((f"[{index}]", item) for index, item in enumerate(value))
    elif isinstance(value, dict):
        yield from ((f"[{key!r}]", item) for key, item in value.items() if isinstance(key, (str, int)))
    elif not isinstance(value, type):
        try:
            attributes = object.__getattribute__(value, "__dict__")
        except AttributeError:
            return
        if isinstance(attributes, dict):
            yield from ((f".{key}", item) for key, item in attributes.items())
