"""Measures one command: wall time, processor time and peak memory of the process and all that it waits for."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

_BYTES_PER_UNIT = 1 if sys.platform == "darwin" else 1024
"""What `ru_maxrss` counts in."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What one run took; `wall` and `cpu` in seconds, `peak` in bytes.

    `peak` is that of the largest single process. It is never below the memory of the measuring process itself,
    from which the command is started; that one stays small.
    """

    wall: float
    cpu: float
    peak: int


def measure(command: Sequence[str | Path], folder: Path, accepted: Iterable[int] = (0, 1)) -> Usage:
    """Run a command in a folder, its output thrown away.

    Raises:
        RuntimeError: it ends with another exit code than those accepted, so its time means nothing.
    """
    with tempfile.TemporaryFile() as errors:
        start = time.perf_counter()
        process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=errors)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        code = process.returncode = os.waitstatus_to_exitcode(status)
        if code not in accepted:
            errors.seek(0)
            told = errors.read().decode("utf-8", "replace").strip()[-800:]
            raise RuntimeError(f"`{' '.join(map(str, command))}` ended with exit code {code}: {told}")
    return Usage(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * _BYTES_PER_UNIT)


def best(usages: Sequence[Usage]) -> Usage:
    """Return the least time of several runs, wall and processor each for itself, and the largest peak."""
    return Usage(min(u.wall for u in usages), min(u.cpu for u in usages), max(u.peak for u in usages))
