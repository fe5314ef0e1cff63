"""Which rule packs are installed, read from the distributions' own records.

This is the entry point group "optlint.rules" of `importlib.metadata`, whose import alone costs more than the rest of
a start; it is used here only where a path entry is no folder (a zip archive). The module imports nothing that the
interpreter has not loaded already, because it runs before anything else.
"""

# Importing pathlib costs as much as a whole start:
# ruff: noqa: PTH123, PTH208

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator

GROUP = "optlint.rules"
BUNDLED = "optlint"
"""The distribution that brings the bundled pack."""


class Pack:
    """One entry point of the group: the distribution that registers it and the package that holds its rules."""

    __slots__ = ("distribution", "package")

    def __init__(self, distribution: str, package: str) -> None:
        self.distribution = distribution
        self.package = package

    def __str__(self) -> str:
        return f"`{self.package}` (installed by `{self.distribution}`)"


def installed_packs(path: Iterable[str]) -> list[Pack]:
    """Return the packs of all distributions on `path` (as `sys.path`), the first of a name counts; sorted."""
    found: dict[tuple[str, str], Pack] = {}
    seen: set[str] = set()
    for entry in dict.fromkeys(path):
        for distribution, text in _records(entry or os.curdir):
            if distribution in seen:
                continue
            seen.add(distribution)
            for package in _packages(text):
                found[distribution, package] = Pack(distribution, package)
    return [found[key] for key in sorted(found)]


def only_bundled(path: Iterable[str]) -> bool:
    """Say whether no distribution but optlint's own brings rules."""
    return all(pack.distribution == BUNDLED for pack in installed_packs(path))


def _records(entry: str) -> Iterator[tuple[str, str]]:
    """Yield name and text of each `entry_points.txt` below one path entry that may speak of the group."""
    try:
        children = sorted(os.listdir(entry))
    except NotADirectoryError:
        yield from _records_in_archive(entry)
        return
    except OSError:
        return  # the import system passes over such an entry as well
    for child in children:
        if child.endswith((".dist-info", ".egg-info")):
            try:
                with open(f"{entry}/{child}/entry_points.txt", "rb") as file:
                    data = file.read()
            except OSError:
                continue  # most distributions have none
            yield _name(child), data.decode("utf-8", "replace") if GROUP.encode() in data else ""


def _records_in_archive(entry: str) -> Iterator[tuple[str, str]]:
    from importlib.metadata import distributions

    for distribution in distributions(path=[entry]):
        yield _name(distribution.name.replace("-", "_")), distribution.read_text("entry_points.txt") or ""


def _name(record: str) -> str:
    """Return the normalized name of a distribution from its folder's name: `Acme_Rules-1.0.dist-info`."""
    return record.removesuffix(".dist-info").removesuffix(".egg-info").split("-")[0].replace("_", "-").lower()


def _packages(text: str) -> Iterator[str]:
    inside = False
    for line in map(str.strip, text.splitlines()):
        if line.startswith("["):
            inside = line == f"[{GROUP}]"
        elif inside and "=" in line and not line.startswith(("#", ";")):
            yield line.split("=", 1)[1].split("[")[0].split(":")[0].strip()
