"""Rows of replay scripts as lines of the files that they come from, for the texts as written and as fixed."""

from __future__ import annotations

from pathlib import Path

from optlint.paths import shown
from optlint.replay.script import ReplayScript
from optlint.replay.verify import Verified
from optlint.report.columns import expand
from optlint.report.curves import Site, SiteOf
from optlint.report.frame import line_at
from optlint.report.full import Sources
from optlint.source.edits import Fix, apply_edits
from optlint.source.text import Source, SourceError


def sites_as_written(verified: Verified, sources: Sources) -> SiteOf:
    """Return what tells the lines of the script of the code as written."""
    script = verified.pair.original
    alone = verified.pair is verified.case.pair
    return _Sites(script, sources if alone else None, None) if isinstance(script, ReplayScript) else _nowhere


def sites_as_fixed(verified: Verified, sources: Sources) -> SiteOf:
    """Return what tells the lines of the script of the fixed code: their rows are those of the fixed text."""
    script = verified.pair.fixed
    alone = verified.pair is verified.case.pair
    fix = verified.case.finding.fix
    return _Sites(script, sources if alone else None, fix) if isinstance(script, ReplayScript) else _nowhere


class _Sites:
    """The lines of one script. Without `sources`, of a text with several fixes, the script's own lines are told."""

    __slots__ = ("_fix", "_known", "_script", "_sources", "_texts")

    def __init__(self, script: ReplayScript, sources: Sources | None, fix: Fix | None) -> None:
        self._script, self._sources, self._fix = script, sources, fix
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
        place = f"{expand(shown(origin.path))}:{origin.row}"
        edited = self._fix is not None and self._fix.path.absolute() == origin.path.absolute()
        if edited:
            place += " as fixed"
        elif self._sources is None:
            place += " with the other fixes"
        text = line_at(self._text(origin.path, edited), origin.row)
        lines = self._script.body.split("\n")
        return Site(place, text or (expand(lines[row - 1]).strip() if row <= len(lines) else ""))

    def _text(self, path: Path, edited: bool) -> Source | None:
        if path not in self._texts:
            source = None if self._sources is None else self._sources(path)
            if source is not None and edited and self._fix is not None:
                try:
                    source = source.with_text(apply_edits(source.text, self._fix.edits))
                except SourceError:
                    source = None
            self._texts[path] = source
        return self._texts[path]


def _nowhere(row: int) -> Site | None:
    return None
