"""`optlint check --watch`: the check once more whenever a file has changed, until the person ends it."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import NoReturn, TypeAlias

import click

from optlint.baseline import FILE_NAME
from optlint.config_file import OWN_FILE, PYPROJECT
from optlint.paths import shown
from optlint.program.project import forget_folders, search_roots
from optlint.scan.files import discover
from optlint.scan.globs import Globs

INTERVAL = 0.4
"""Seconds between two looks at the files."""
_SETTINGS = (OWN_FILE, PYPROJECT, FILE_NAME)
State: TypeAlias = dict[str, tuple[int, int, int]]
"""Inode, size and time of change in nanoseconds, by file."""


def watch(check: Callable[[], int], paths: Sequence[str], config: str | None) -> NoReturn:
    """Check, wait until a file changes, and check again; what is printed before stays where it is.

    All is checked, for a file is judged with those that it calls into. An error is reported, and the wait goes on: it
    is the next change that mends it.
    """
    while True:
        before = _state(paths, config)
        try:
            check()
        except click.ClickException as error:
            error.show()
        sys.stdout.flush()
        while (after := _state(paths, config)) == before:
            time.sleep(INTERVAL)
        forget_folders()
        click.echo(f"\noptlint: {_changed(before, after)}, {datetime.now():%H:%M:%S}", err=True)


def _state(paths: Sequence[str], config: str | None) -> State:
    """Return what tells a changed file from an unchanged one, for all files from which the checked ones may import."""
    folders = {folder for path in paths for folder in _folders(path)}
    roots = {str(root) for path in paths for root in search_roots(next(_folders(path)))}
    present = sorted({path for path in paths if os.path.lexists(path)} | roots)
    watched = {str(path) for path in discover(present, Globs(Path.cwd(), ())).files}
    watched.update(str(folder / name) for folder in folders for name in _SETTINGS)
    if config is not None:
        watched.add(config)
    state: State = {}
    for file in watched:
        try:
            status = os.stat(file)  # noqa: PTH116 (runs for every file, again and again)
        except OSError:
            continue  # gone between two looks
        state[file] = (status.st_ino, status.st_size, status.st_mtime_ns)
    return state


def _folders(path: str) -> Iterator[Path]:
    """Yield the folder of a path, or itself if it is one, and the folders above, which may hold the configuration."""
    absolute = Path(path).absolute()
    if absolute.is_dir():
        yield absolute
    yield from absolute.parents


def _changed(before: State, after: State) -> str:
    names = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    first = shown(names[0])
    return f"{first} has changed" if len(names) == 1 else f"{first} and {len(names) - 1} more have changed"
