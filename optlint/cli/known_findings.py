"""Findings that are no news: those of a baseline, and those that another revision has."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from optlint.baseline import FILE_NAME, Entry, Names, matched
from optlint.builtin import INTERNAL_ERROR
from optlint.finding import Finding
from optlint.paths import shown
from optlint.source.text import Source

if TYPE_CHECKING:
    from optlint.config import Config


Printed: TypeAlias = tuple[Finding, str]
"""A finding and its fingerprint, which counts the equal findings above it, those that are known included."""


def printed(findings: Sequence[Finding], sources: Callable[[Path], Source | None]) -> list[Printed]:
    """Return findings with their fingerprints; a defect of optlint's own has none, for nobody adopts it."""
    from optlint.fingerprint import fingerprints

    return [
        (finding, "" if finding.code == INTERNAL_ERROR.code else fingerprint)
        for finding, fingerprint in zip(findings, fingerprints(findings, sources), strict=True)
    ]


class KnownFindings:
    """Findings that a run does not report.

    `entries` may be a function, which is then called when the first finding turns up. Findings that were seen to have
    moved are looked for in their new file from then on, since mending asks about single files.

    What is said of the last question about all files: `hidden` counts the known findings, `left` holds the entries
    that nothing was found for, and `news` stands for the findings that are not known.
    """

    def __init__(self, folder: Path, entries: Sequence[Entry] | Callable[[], Sequence[Entry]]) -> None:
        self.names = Names(folder)
        self._load = entries if callable(entries) else None
        self.entries = [] if callable(entries) else list(entries)
        self.settled: set[str] = set()
        """Files that were not checked and out of which findings may yet have moved."""
        self._checked: frozenset[Path] = frozenset()
        self.hidden = 0
        self.left: list[Entry] = list(self.entries)
        self.news: list[Entry] = []

    def without(self, findings: list[Printed], checked: frozenset[Path]) -> list[Printed]:
        """Return the findings that are not known; `checked` are the files that were asked about."""
        if findings and self._load is not None:
            load, self._load = self._load, None
            self.entries = list(load())
        found = [(self.names.of(finding.location.path), fingerprint) for finding, fingerprint in findings]
        open_files = self.settled | ({self.names.of(path) for path in checked} if self.entries else set())
        pairs, left = matched(
            found,
            [entry.key for entry in self.entries],
            lambda name: name in open_files or not os.path.lexists(self.names.path(name)),
        )
        news = [number for number in range(len(findings)) if number not in pairs]
        if checked >= self._checked:
            self._checked = checked
            self.left, self.hidden = [self.entries[index] for index in left], len(pairs)
            self.news = [
                Entry(found[number][0], findings[number][0].code, findings[number][0].message, found[number][1])
                for number in news
            ]
        for number, index in pairs.items():
            self.entries[index] = replace(self.entries[index], path=found[number][0])
        return [findings[number] for number in news]

    def __call__(
        self, findings: list[Finding], sources: Callable[[Path], Source | None], checked: frozenset[Path]
    ) -> list[Finding]:
        """Return the findings that are not known, as a `Checker` asks for."""
        return [finding for finding, _ in self.without(printed(findings, sources), checked)]


def baseline_file(config: Config, named: str | None) -> Path:
    """Return where the baseline of a call stands: as named, as configured, or beside the configuration."""
    if named is not None:
        return Path(named).absolute()
    if config.baseline is not None:
        return config.root.absolute() / config.baseline
    return (Path.cwd() if config.file is None else config.root.absolute()) / FILE_NAME


def fixed_entries(known: KnownFindings, files: Iterable[Path], folders: Iterable[str]) -> Iterator[Entry]:
    """Yield the entries of `files` for which nothing was found, and those of files of `folders` that are gone."""
    names = {known.names.of(path) for path in files}
    above = [known.names.of(Path(os.path.abspath(folder))) for folder in folders]  # noqa: PTH100
    for entry in known.left:
        below = any(top == "." or entry.path.startswith(f"{top}/") for top in above)
        if entry.path in names or (below and not os.path.lexists(known.names.path(entry.path))):
            yield entry


def notes(file: Path, hidden: int, fixed: int) -> Iterator[str]:
    """Yield what a check says of a baseline."""
    from optlint.report.summary import counted

    if hidden:
        yield f"{counted(hidden, 'finding')} not shown: {shown(file)} has them"
    if fixed:
        yield f"{counted(fixed, 'finding')} of {shown(file)} no longer found: `optlint baseline prune` removes that"
