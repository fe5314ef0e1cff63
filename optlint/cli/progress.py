"""The line on a terminal that says how far a check is, once it takes long."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

PATIENCE = 2.0
"""Seconds without a word; most checks are done by then."""
_BEAT = 0.1
"""Seconds between two changes of the line."""
_WIDTH = 24


def with_progress(files: Sequence[Path]) -> Iterator[Path]:
    """Yield the files; past two seconds a terminal on stderr shows how many are done, and nothing when all are."""
    stream = sys.stderr
    if not stream.isatty() or os.environ.get("TERM") == "dumb":
        yield from files
        return
    due = time.monotonic() + PATIENCE
    shown = False
    try:
        for done, file in enumerate(files):
            now = time.monotonic()
            if now >= due:
                bar = "#" * (_WIDTH * done // len(files))
                stream.write(f"\r\x1b[KChecking [{bar:-<{_WIDTH}}] {done} of {len(files)} files")
                stream.flush()
                shown, due = True, now + _BEAT
            yield file
    finally:
        if shown:
            stream.write("\r\x1b[K")
            stream.flush()
