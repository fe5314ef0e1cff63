"""Landlock: the Linux kernel lets a process give up, for good, the right to write files, to connect and to signal.

It sees what the audit hook cannot: files that C++ opens or maps. Numbers and structures are those of the kernel's
interface (`linux/landlock.h`; The Linux Kernel documentation, "Landlock: unprivileged access control"). A kernel that
does not have it, or has it switched off, is no error: the other limits still hold.
"""

from __future__ import annotations

import ctypes
import os
import struct
import sys
from collections.abc import Iterable
from pathlib import Path

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
"""The system calls; the same on every architecture."""
GET_VERSION = 1
PATH_BENEATH = 1
SET_PDEATHSIG, SET_NO_NEW_PRIVILEGES = 1, 38
"""Of `prctl`."""

READ_FILE, READ_FOLDER = 1 << 2, 1 << 3
FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
"""How many rights on files the versions of the interface know; later ones know as many as 5."""
TCP = 0b11
"""Bind and connect; from version 4."""
SCOPES = 0b11
"""Abstract sockets and signals to processes outside; from version 6."""

SYSTEM = (
    *("/lib", "/lib64", "/usr/lib", "/usr/lib64"),
    *("/proc/self", "/proc/cpuinfo", "/proc/meminfo", "/sys/devices/system", "/dev/urandom"),
)
"""What libraries read besides."""


def die_with_parent(parent: int) -> None:
    """Let the kernel end this process when the one that started it, of the number `parent`, ends."""
    if sys.platform != "linux":
        return
    _library().prctl(SET_PDEATHSIG, 9, 0, 0, 0)
    if os.getppid() != parent:  # it ended before that
        os._exit(1)


def confine(folders: Iterable[Path]) -> bool:
    """Give up all rights on files but to read these folders and the system's libraries, and all on sockets.

    Returns whether the kernel took it.
    """
    if sys.platform != "linux":
        return False
    library = _library()
    version = library.syscall(CREATE_RULESET, None, 0, GET_VERSION)
    if version < 1:
        return False
    rights = (1 << FILE_RIGHTS[min(version, 5)]) - 1
    attributes = struct.pack("=QQQ", rights, TCP if version >= 4 else 0, SCOPES if version >= 6 else 0)
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    rules = library.syscall(CREATE_RULESET, ctypes.c_char_p(attributes), ctypes.c_size_t(size), 0)
    if rules < 0:
        return False
    try:
        for path in (*folders, *map(Path, SYSTEM)):
            _allow(library, rules, path)
        library.prctl(SET_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
        return bool(library.syscall(RESTRICT_SELF, rules, 0) == 0)
    finally:
        os.close(rules)


def _library() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _allow(library: ctypes.CDLL, rules: int, path: Path) -> None:
    """Let a file or a folder be read; one that is not there is left out."""
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        rights = READ_FILE | READ_FOLDER if path.is_dir() else READ_FILE
        rule = struct.pack("=Qi", rights, place)
        library.syscall(ADD_RULE, rules, PATH_BENEATH, ctypes.c_char_p(rule), 0)
    finally:
        os.close(place)
