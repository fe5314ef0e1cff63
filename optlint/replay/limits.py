"""The limits of a process that runs a script: memory, time and files, and that it touches nothing but its own memory.

They hold where the guard failed. The audit hook sees what Python does, of whatever module; what C++ does with files
and sockets is the kernel's to forbid (`optlint.replay.landlock`).
"""

from __future__ import annotations

import os
import sys
import sysconfig
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from optlint.replay.rows import FILE

HARMLESS = frozenset(
    "array.__new__ builtins.id code.__new__ compile exec function.__new__ import marshal.load marshal.loads "
    "object.__delattr__ object.__getattr__ object.__setattr__ pickle.find_class sys._getframe sys._getframemodulename "
    "sys.excepthook sys.unraisablehook time.sleep".split()
)
"""Audit events that touch nothing outside; an import opens its files by an event of its own. Others are refused."""

READING = frozenset(("os.listdir", "os.scandir"))
"""Events that read the folder that is their first argument."""

WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND

End = Callable[[str], NoReturn]
"""Ends the replay that touched the outside, told what it touched; it does not return, so that nothing can go on."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one script may use: seconds of time, and megabytes of memory beyond what torch itself takes."""

    seconds: float
    memory_mb: int


def readable(torch_folder: Path) -> tuple[Path, ...]:
    """The folders that a script's process may read: those of the standard library, of torch and of optlint."""
    paths = sysconfig.get_paths()
    folders = [paths[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    folders += [str(torch_folder), str(torch_folder.parent), str(Path(__file__).parents[1])]
    return tuple(Path(each) for each in dict.fromkeys(map(os.path.realpath, folders)))


def bound(limits: Limits) -> None:
    """Let the kernel hold this process to its limits: memory, processor time, no data in files, no more processes.

    What a system does not know is left out; time is kept by the template and the pool besides.
    """
    if sys.platform == "win32":
        return
    import resource

    seconds = int(limits.seconds) + 2
    wanted = [
        (resource.RLIMIT_AS, mapped() + limits.memory_mb * 2**20),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NPROC, 0),
        (resource.RLIMIT_NOFILE, 64),
    ]
    for kind, most in wanted:
        try:
            _, hard = resource.getrlimit(kind)
            most = most if hard == resource.RLIM_INFINITY else min(most, hard)
            resource.setrlimit(kind, (most, most))
        except (ValueError, OSError):
            continue  # macOS has no limit of the address space below what is mapped, others no NPROC


def die_first() -> None:
    """Let the kernel, when memory ends, kill this process and its forks before any other of the machine's."""
    with suppress(OSError):  # only Linux has it
        Path("/proc/self/oom_score_adj").write_text("1000")


def mapped() -> int:
    """Bytes of address space that this process has; 0 where nobody tells."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        return 0


def refuse_outside(end: End, folders: Sequence[Path], active: Callable[[], bool] = lambda: True) -> None:
    """Watch all that Python does in this process, for good, and end the replay at the first act on the outside.

    Args:
        end: Called with the act; whatever the script catches, it does not come back.
        folders: May be read, with all that is in them.
        active: Whether a script runs; what is done at other times is not its doing.
    """
    roots = tuple(str(each) for each in folders)
    inner = tuple(f"{each}{os.sep}" for each in roots)
    real, decode, fspath = os.path.realpath, os.fsdecode, os.fspath  # a script may change those of the module

    def may_read(path: Any) -> bool:
        if path is None or isinstance(path, int):
            return False
        if path == FILE:  # Python looks for the text of a syntax error there; there is none
            return True
        place = real(decode(fspath(path)))
        return place in roots or place.startswith(inner)

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        if event in HARMLESS or not active():
            return
        try:
            if event == "open":
                path, mode, flags = arguments
                if not (flags or 0) & WRITES and not set(mode or "r") & set("wax+") and may_read(path):
                    return
            elif event in READING and may_read(arguments[0]):
                return
            what = " ".join([event, *(repr(each)[:100] for each in arguments[:1] if isinstance(each, (str, bytes)))])
        except BaseException:
            what = event
        end(what)

    sys.addaudithook(watch)
