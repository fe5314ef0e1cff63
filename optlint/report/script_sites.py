"""Rows of replay scripts as lines of the files that they come from, for the texts as written and as fixed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from optlint.paths import shown
from optlint.replay.pairs import Script
from optlint.replay.script import ReplayScript
from optlint.replay.verify import Verified
from optlint.report.columns import expand
from optlint.report.curves import Site, SiteOf
from optlint.report.frame import line_at
from optlint.report.report import Sources
from optlint.source.edits import Edit, Fix, apply_edits
from optlint.source.text import Source, SourceError


def sites_as_written(verified: Verified, sources: Sources) -> SiteOf:
    """Return what tells the lines of the script of the code as written."""
    script = verified.pair.original
    alone = verified.pair is verified.case.pair
    return sites_of(script, sources if alone else None)


def sites_as_fixed(verified: Verified, sources: Sources) -> SiteOf:
    """Return what tells the lines of the script of the fixed code: their rows are those of the fixed text."""
    script = verified.pair.fixed
    alone = verified.pair is verified.case.pair
    fix = verified.case.finding.fix
    return sites_of(script, sources if alone else None, () if fix is None else (fix,))


def sites_of(script: Script | None, sources: Sources | None, fixes: Sequence[Fix] = ()) -> SiteOf:
    """Return what tells the lines of a script of the text with some fixes made."""
    return _Sites(script, sources, fixes) if isinstance(script, ReplayScript) else _nowhere


class _Sites:
    """The lines of one script. Without `sources`, of a text with several fixes, the script's own lines are told."""

    __slots__ = ("_edits", "_known", "_script", "_sources", "_texts")

    def __init__(self, script: ReplayScript, sources: Sources | None, fixes: Sequence[Fix]) -> None:
        self._script, self._sources = script, sources
        self._edits: dict[Path, list[Edit]] = {}
        for fix in fixes:
            self._edits.setdefault(fix.path.absolute(), []).extend(fix.edits)
        self._texts: dict[Path, Source | None] = {}
        self._known: dict[int, Site | None] = {}

    def __call__(self, row: int) -> Site | None:
        if row not in self._known:
            self._known[row] = self._site(row)
        return self._known[row]

    def _site(self, row: int) -> Site | None:
        origin = self._script.origin(row) if row > 0 else None
        if origin is None:
            return None
        place = f"{expand(shown(origin.path))}:{origin.in_file}"
        edits = self._edits.get(origin.path.absolute(), [])
        if edits:
            place += " as fixed"
        elif self._sources is None:
            place += " with the other fixes"
        text = line_at(self._text(origin.path, edits), origin.row)
        lines = self._script.body.split("\n")
        return Site(place, text or (expand(lines[row - 1]).strip() if row <= len(lines) else ""))

    def _text(self, path: Path, edits: Sequence[Edit]) -> Source | None:
        if path not in self._texts:
            source = None if self._sources is None else self._sources(path)
            if source is not None and edits:
                try:
                    source = source.with_text(apply_edits(source.text, sorted(edits, key=lambda edit: edit.span)))
                except SourceError:
                    source = None
            self._texts[path] = source
        return self._texts[path]


def _nowhere(row: int) -> Site | None:
    return None
