"""Which torch a project runs with: `target-torch` of the configuration, else what the project itself requires."""

from __future__ import annotations

import contextlib
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from optlint.config import Config
from optlint.torch_api.releases import CURRENT, RELEASES, TorchRange

_NAMES = frozenset(("torch", "pytorch"))
_PINNED = re.compile(r"^(\^|~)?\s*([0-9]+(?:\.[0-9]+)*)$")
"""A version as Poetry writes it: `^2.1`, `~2.1`, `2.1`."""


def torch_range(config: Config) -> TorchRange:
    """Return the releases of torch that the code of a configuration's folder must run with.

    `target-torch` names the oldest. Without it, the requirement in the nearest folder upward that has a
    `pyproject.toml`, `setup.cfg` or `requirements.txt` is read; what cannot be read says nothing.
    """
    if config.target_torch is not None:
        major, minor = map(int, config.target_torch.split(".")[:2])
        return TorchRange(min((major, minor), CURRENT), CURRENT)
    for folder in (config.root.absolute(), *config.root.absolute().parents):
        if any((folder / name).is_file() for name in ("pyproject.toml", "setup.cfg", "requirements.txt")):
            return _required(folder)
    return TorchRange()


def _required(folder: Path) -> TorchRange:
    from packaging.requirements import InvalidRequirement, Requirement

    found = [release for line in _lines(folder) for release in _allowed(line, Requirement, InvalidRequirement)]
    return TorchRange(min(found), max(found)) if found else TorchRange()


def _allowed(line: str, requirement: Any, invalid: type[Exception]) -> Iterator[tuple[int, int]]:
    """Yield the releases that a requirement allows, if it is one of torch."""
    try:
        read = requirement(line.partition("#")[0].strip())
    except invalid:
        return
    if read.name.lower() in _NAMES and read.specifier:
        for major, minor in RELEASES:
            # A bound may name a later repair of a release: the last one of each stands for all.
            if any(read.specifier.contains(f"{major}.{minor}.{patch}", prereleases=True) for patch in range(4)):
                yield major, minor


def _lines(folder: Path) -> Iterator[str]:
    """Yield the requirements of a project, as far as its files can be read."""
    with contextlib.suppress(tomllib.TOMLDecodeError):  # whoever needs the file reports that
        yield from _of_pyproject(tomllib.loads(_text(folder / "pyproject.toml")))
    yield from _text(folder / "requirements.txt").splitlines()
    yield from (line for line in _text(folder / "setup.cfg").splitlines() if line[:1].isspace())


def _text(file: Path) -> str:
    try:
        return file.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


def _of_pyproject(document: dict[str, Any]) -> Iterator[str]:
    project = document.get("project")
    project = project if isinstance(project, dict) else {}
    optional = project.get("optional-dependencies")
    lists = [project.get("dependencies"), *(optional.values() if isinstance(optional, dict) else ())]
    for each in lists:
        yield from (line for line in each if isinstance(line, str)) if isinstance(each, list) else ()
    poetry = document.get("tool", {})
    for name in ("poetry", "dependencies"):
        poetry = poetry.get(name, {}) if isinstance(poetry, dict) else {}
    for name, version in poetry.items() if isinstance(poetry, dict) else ():
        version = version.get("version") if isinstance(version, dict) else version
        if name in _NAMES and isinstance(version, str):
            yield f"{name}{_specifier(version)}"


def _specifier(version: str) -> str:
    """Return a version of Poetry's as everybody else writes it."""
    match = _PINNED.match(version.strip())
    if match is None:
        return version
    sign, number = match.groups()
    major, *rest = number.split(".")
    if sign == "^":
        return f">={number},<{int(major) + 1}"
    if sign == "~":
        return f">={number},<{major}.{int(rest[0]) + 1}" if rest else f">={number},<{int(major) + 1}"
    return f"=={number}.*"
