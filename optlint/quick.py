"""The short way through `optlint check FILE...` for files that have nothing to do with torch.

A pre-commit hook calls optlint on every change, and few changes touch a training loop. This answers such a call in
little more than the time in which Python starts; whatever is not plainly harmless goes the usual way, which gives
the same output and exit code.
"""

# Importing pathlib costs as much as a whole start:
# ruff: noqa: PTH100, PTH116, PTH120, PTH123

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Sequence

from optlint.config_file import candidates
from optlint.packs import only_bundled
from optlint.scan.screen import may_matter, searchable

_HARMLESS = frozenset(
    {
        "--fix",
        "--unsafe-fixes",
        "--show-fixes",
        "--exit-zero",
        "--exit-non-zero-on-fix",
        "--force-exclude",
        "--quiet",
        "-q",
    }
)
"""Options that change nothing where there is nothing to report."""


def all_clear(checked: int) -> str:
    """Return the summary of a run without findings."""
    return f"All clear: {checked} file{'' if checked == 1 else 's'} checked"


def is_clean(arguments: Sequence[str]) -> bool:
    """Say whether the call checks files that hold nothing to report; then its summary is printed."""
    if not arguments or arguments[0] != "check":
        return False
    files = [argument for argument in arguments[1:] if argument not in _HARMLESS]
    if not files or any(file.startswith("-") for file in files):
        return False
    if (
        not all(map(_is_harmless, files))
        or not only_bundled(sys.path)
        or not _is_config_right(files[0], "--force-exclude" in arguments)
    ):
        return False
    if "--quiet" not in arguments and "-q" not in arguments:
        print(all_clear(len({os.path.realpath(file) for file in files})))
    return True


def _is_harmless(file: str) -> bool:
    try:
        if not stat.S_ISREG(os.stat(file).st_mode):
            return False
        with open(file, "rb") as stream:
            return not may_matter(searchable(file, stream.read()))
    except OSError:
        return False


def _is_config_right(first: str, force_exclude: bool) -> bool:
    """Say whether no configuration holds for the call, or one without a fault that changes nothing here."""
    folder = os.path.dirname(os.path.abspath(first))
    if next(candidates(folder), None) is None:
        return True
    from pathlib import Path

    from optlint.config import ConfigError, load_config

    try:
        config = load_config(Path(folder))
        # The usual way reads the baseline, which may be broken, and counts the files that are left.
        return config.baseline is None and not (force_exclude and config.exclude)
    except ConfigError:
        return False  # and reports what is wrong with the configuration
