"""The way from files to the findings that a run reports: screen, engine, selection, comments, per-file ignores."""

from __future__ import annotations

import contextlib
import gc
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from optlint.builtin import INTERNAL_ERROR, UNREADABLE_FILE, Builtin
from optlint.catalog import CatalogEntry, known_names, load_catalog
from optlint.cli.settings import with_row
from optlint.config import Config
from optlint.finding import Finding, Location, Silenced, Silencer
from optlint.packs import only_bundled
from optlint.scan.globs import Globs
from optlint.scan.screen import SUPPRESSION, may_matter, searchable
from optlint.selection import Layer, SelectionError, resolve, select
from optlint.source.text import Position, Source, SourceError, Span
from optlint.suppress import suppress

if TYPE_CHECKING:
    from optlint.engine import Engine
    from optlint.torch_api.releases import TorchRange


Known: TypeAlias = Callable[[list[Finding], Callable[[Path], Source | None], frozenset[Path]], list[Finding]]
"""Takes findings, the texts that they speak of and the files that were checked; returns those that are to be reported.
"""


@dataclass(frozen=True, slots=True)
class _Rules:
    """The rules of a run: the selected entries, all known names, the selected codes and the ignores by file."""

    entries: tuple[CatalogEntry, ...]
    names: dict[str, str]
    codes: frozenset[str]
    ignores: tuple[tuple[Globs, frozenset[str]], ...]


@dataclass(slots=True)
class _Pass:
    """What one pass over the files has seen so far."""

    findings: dict[tuple[Path, Span, str], Finding] = field(default_factory=dict)
    texts: dict[Path, Source] = field(default_factory=dict)
    """The checked files whose comments are judged: at least those with a comment that speaks to optlint."""


class Checker:
    """Checks files for one run; the rules are imported at the first file that they may have something to say about.

    `whole` holds the files whose folder is checked as a whole, so that unused comments in them are safe to delete.
    `known` takes away the findings that are adopted, or that an earlier revision has; `progress` hands the files out
    and sees how far the check is.
    """

    def __init__(
        self,
        config: Config,
        command_line: Layer,
        whole: frozenset[Path] = frozenset(),
        known: Known | None = None,
        progress: Callable[[Sequence[Path]], Iterable[Path]] = iter,
    ) -> None:
        origin = "the configuration" if config.file is None else config.file.name
        self._layers = (Layer(origin, config.select, config.extend_select, config.ignore), command_line)
        self._config = config
        self._whole = whole
        self._known = known
        self._progress = progress
        self._screened = only_bundled(sys.path)
        self._engine: Engine | None = None
        self._given: dict[Path, Source] = {}
        self._silenced: dict[Path, list[Silenced]] = {}
        if command_line != Layer(command_line.origin):
            _ = self._rules  # what a person mistypes is reported whatever the files hold

    def check(self, files: Iterable[Path]) -> list[Finding]:
        """Return what there is to report in the files and in those that they call into, sorted.

        Raises:
            CatalogError: the rules cannot be loaded.
            SelectionError: a selector names no rule.
        """
        done = _Pass()
        checked = tuple(files)
        self._silenced.clear()
        for path in self._progress(checked):
            try:
                data = path.read_bytes()
            except OSError as error:
                reason = f"the file cannot be read: {error.strerror}: allow reading it, or exclude it"
                _collect(done, [_whole_file(UNREADABLE_FILE, path, reason)])
            else:
                self._examine(done, path, data)
        return self._news(self._reported(done), checked)

    def check_bytes(self, path: Path, data: bytes) -> list[Finding]:
        """Return what there is to report in `data`, taken for the file `path` whatever the disk holds there."""
        done = _Pass()
        self._given.pop(path, None)
        self._silenced.pop(path, None)
        with contextlib.suppress(SourceError):  # the engine reports it if a rule wants the file
            self._given[path] = done.texts[path] = Source.from_bytes(path, data)
        self._examine(done, path, data)
        return self._news(self._reported(done), (path,))

    def source(self, path: Path) -> Source | None:
        """Return the text that findings in `path` speak of, or None where it cannot be read."""
        if path in self._given:
            return self._given[path]
        if self._engine is not None and (source := self._engine.source(path)) is not None:
            return source
        try:
            return Source.from_bytes(path, path.read_bytes())
        except (OSError, SourceError):
            return None

    @property
    def entries(self) -> tuple[CatalogEntry, ...]:
        """The rules that the run has selected."""
        return self._rules.entries

    @property
    def silenced(self) -> list[Silenced]:
        """What a comment, the configuration or a baseline took out of what was last checked, sorted."""
        found = (each for silenced in self._silenced.values() for each in silenced)
        return sorted(found, key=lambda each: each.finding.sort_key)

    @property
    def codes(self) -> frozenset[str]:
        """The codes that the run has selected, those that are no rules included."""
        return self._rules.codes

    def forget(self) -> None:
        """Forget all texts, because files have been written."""
        self._engine = None
        self._given.clear()

    def required(self) -> TorchRange:
        """Return the releases of torch that the checked project must run with."""
        from optlint.requirement import torch_range

        return torch_range(self._config)

    @cached_property
    def _rules(self) -> _Rules:
        try:
            return self._loaded()
        except SelectionError as error:
            raise with_row(error, self._config) from None

    def _loaded(self) -> _Rules:
        entries = load_catalog()
        names = known_names(entries)
        codes = select(names, self._layers)
        origin = f"`per-file-ignores` of {self._layers[0].origin}"
        ignores = tuple(
            (
                Globs(self._config.root, (glob,)),
                frozenset[str]().union(*(resolve(selector, names, origin) for selector in selectors)),
            )
            for glob, selectors in self._config.per_file_ignores
        )
        chosen = tuple(entry for entry in entries if entry.rule.code in codes)
        return _Rules(chosen, names, codes, ignores)

    def _examine(self, done: _Pass, path: Path, data: bytes) -> None:
        bytes_of_code = searchable(path.name, data)
        if self._screened and not may_matter(bytes_of_code):
            return
        if SUPPRESSION in bytes_of_code and path not in done.texts:
            with contextlib.suppress(SourceError):
                done.texts[path] = Source.from_bytes(path, data)
        try:
            if self._engine is None:
                from optlint.engine import Engine

                _relax_collector()
                self._engine = Engine(self._rules.entries, self.required)
            _collect(done, self._engine.check(path, data))
        except Exception as error:
            message = f"optlint failed on this file, {type(error).__name__}: {error}; please report this defect"
            _collect(done, [_whole_file(INTERNAL_ERROR, path, message)])

    def _reported(self, done: _Pass) -> list[Finding]:
        if not done.findings and not done.texts:
            return []
        by_path: dict[Path, list[Finding]] = {path: [] for path in done.texts}
        for finding in done.findings.values():
            if finding.code in self._rules.codes:
                by_path.setdefault(finding.location.path, []).append(finding)
        kept: list[Finding] = []
        for path, findings in by_path.items():
            unsuppressed = self._unsuppressed(done, path, findings)
            left = list(self._without_ignored(path, unsuppressed))
            self._silenced[path] = [
                *_missing(findings, unsuppressed, Silencer.COMMENT, "a comment silences it"),
                *_missing(
                    unsuppressed, left, Silencer.CONFIGURATION, f"`per-file-ignores` of {self._layers[0].origin}"
                ),
            ]
            kept += left
        return sorted(kept, key=lambda finding: finding.sort_key)

    def _news(self, findings: list[Finding], checked: Iterable[Path]) -> list[Finding]:
        if self._known is None:
            return findings
        news = self._known(findings, self.source, frozenset(checked))
        reason = "the baseline, or the revision that is compared with, has it"
        for each in _missing(findings, news, Silencer.CONFIGURATION, reason):
            self._silenced.setdefault(each.finding.location.path, []).append(each)
        return news

    def _unsuppressed(self, done: _Pass, path: Path, findings: Sequence[Finding]) -> Sequence[Finding]:
        source = done.texts.get(path) or self.source(path)
        if source is None:
            return findings
        judged = self._rules.codes if path in done.texts else frozenset[str]()
        return suppress(source, findings, self._rules.names, judged, whole=path in self._whole)

    def _without_ignored(self, path: Path, findings: Iterable[Finding]) -> Iterator[Finding]:
        ignored = frozenset[str]().union(*(codes for globs, codes in self._rules.ignores if globs.match(path)))
        return (finding for finding in findings if finding.code not in ignored)


def _collect(done: _Pass, findings: Iterable[Finding]) -> None:
    for finding in findings:
        done.findings.setdefault((finding.location.path, finding.location.span, finding.code), finding)


def _missing(before: Sequence[Finding], after: Sequence[Finding], by: Silencer, reason: str) -> list[Silenced]:
    """Return the findings that a step has taken away."""
    left = set(map(id, after))
    return [Silenced(finding, by, reason) for finding in before if id(finding) not in left]


def _whole_file(builtin: Builtin, path: Path, message: str) -> Finding:
    place = Location(path, Span(0, 0), Position(1, 1), Position(1, 1))
    return Finding(builtin.code, builtin.name, builtin.level, message, place)


def _relax_collector() -> None:
    """Let the garbage collector look seldom: it would search the many trees of a run for cycles that are not there."""
    gc.freeze()
    gc.set_threshold(500_000, 20, 100)
