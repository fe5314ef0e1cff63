"""One file at a time: source, program, rules, findings. This is the only loop over rules."""

from __future__ import annotations

import ast
import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from optlint.builtin import INTERNAL_ERROR, UNREADABLE_FILE, Builtin
from optlint.catalog import CatalogEntry
from optlint.finding import Finding, Level, Location, Step
from optlint.program.lower import Lowering
from optlint.program.modules import ModuleInfo
from optlint.program.objects import Place
from optlint.program.program import AnalysisError, Program
from optlint.program.project import ParseError, Project, parse
from optlint.property.violation import Violation
from optlint.property.witness import witness
from optlint.scan.triggers import Triggers
from optlint.source.cells import moves_over_border
from optlint.source.edits import Fix
from optlint.source.text import Position, Source, Span, code_in
from optlint.syntax.editor import CannotEditError, Editor, Edits
from optlint.torch_api.releases import TorchRange

_RELEVANT_IMPORT = re.compile(
    rb"\bnn\.|Module\b|\.step\(|zero_grad|backward\(|requires_grad|optim|parameters\(|get_lr|\.grad\b|\.cuda\("
    rb"|\.half\(|shard|FSDP|parallelize|peft"
)
"""What an imported file must hold to be worth following."""
_COUNT = re.compile(rb"^\w*(?i:epoch|step|iter)\w*[ \t]*(?::[^=\n]+)?=[ \t]*\d", re.MULTILINE)
_SETTINGS_SIZE = 10_000
"""Or it is a small one with the numbers of an experiment: how many epochs, how many steps."""


_DEEPEST = 8_000
"""Frames; deeper nesting is reported."""


def _is_relevant(data: bytes) -> bool:
    if _RELEVANT_IMPORT.search(data) is not None:
        return True
    return len(data) < _SETTINGS_SIZE and _COUNT.search(data) is not None


class Engine:
    """Checks files against rules; a file's findings depend on it, on the files it calls into, and on the rules.

    `required` finds out which torch the files must run with; it is asked when a rule wants to know.
    """

    def __init__(self, rules: Sequence[CatalogEntry], required: Callable[[], TorchRange] = TorchRange) -> None:
        self._rules = tuple(rules)
        self._required = required
        self._project = Project(_is_relevant, required)
        self._shown: dict[Path, Path] = {}
        self._sources: dict[Path, Source] = {}
        self._edited: tuple[ModuleInfo, Editor] | None = None
        self._triggers = Triggers(entry.rule.triggers for entry in self._rules)

    @property
    def project(self) -> Project:
        """The files that this run has looked at, and those that they import."""
        return self._project

    def fresh_project(self) -> Project:
        """Return a project of the same reach that has read nothing yet."""
        return Project(_is_relevant, self._required)

    def show(self, path: Path) -> None:
        """Take a file in under the name by which it was asked for, which findings then have."""
        self._shown[path.absolute()] = path

    def source(self, path: Path) -> Source | None:
        """Return the text that findings in a file speak of, or None where nothing was found there."""
        return self._sources.get(path)

    def check(self, path: Path, data: bytes) -> list[Finding]:
        """Return the findings of one file, in it or in the files that it calls into; bad input is a finding."""
        chosen = self.triggered(path, data)
        if not chosen:
            return []
        try:
            absolute = path.absolute()
            module = self._project.loaded(absolute, data) or parse(absolute, data)
        except ParseError as error:
            if b"{%" in data:
                return []  # a template of a file, which has yet to become Python
            return [_unreadable(path, error.reason, error.row, error.column)]
        self._project.add(module)
        self.show(path)
        # The interpreter descends with the nesting of the code; Python's own frames need no C stack for that.
        limit = sys.getrecursionlimit()
        sys.setrecursionlimit(max(limit, _DEEPEST))
        try:
            return [*_unreadable_cells(path, module.source), *self._examined(path, module, chosen)]
        finally:
            sys.setrecursionlimit(limit)

    def _examined(self, path: Path, module: ModuleInfo, chosen: Sequence[CatalogEntry]) -> list[Finding]:
        lowering = Lowering(self._project, module)
        try:
            program = lowering.lower()
            return self._all_judged(path, program, chosen)
        except RecursionError:
            return [_unreadable(path, "the file is nested too deeply to be followed: split it, or exclude it", 1, 1)]
        except AnalysisError as error:
            return [_internal(path, "the analysis", error.reason)]
        finally:
            lowering.close()

    def _all_judged(self, path: Path, program: Program, chosen: Sequence[CatalogEntry]) -> list[Finding]:
        found: dict[tuple[Path, Span, str], Finding] = {}
        for entry in chosen:
            try:
                for _, finding in self.judged(entry, program):
                    key = (finding.location.path, finding.location.span, finding.code)
                    if key not in found or (found[key].fix is None and finding.fix is not None):
                        found[key] = finding
            except (AnalysisError, RecursionError):
                raise
            except Exception as error:
                failed = _internal(path, f"the rule {entry.rule.code} ({entry.name})", error)
                found[path, Span(0, len(found)), failed.code] = failed
        return sorted(found.values(), key=lambda finding: finding.sort_key)

    def triggered(self, path: Path, data: bytes) -> list[CatalogEntry]:
        """Return the rules that could report something in a file with these bytes."""
        data = code_in(path, data)
        chosen = map(self._rules.__getitem__, self._triggers.among(data))
        return [entry for entry in chosen if entry.rule.screen is None or entry.rule.screen(data)]

    def judged(self, entry: CatalogEntry, program: Program) -> Iterator[tuple[Violation, Finding]]:
        """Yield what a rule finds in a program, as the rule sees it and as people do."""
        rule = entry.rule
        for violation in rule.property.find(program):
            level = rule.judge(violation) if rule.judge is not None else violation.level or rule.level
            if level is None:
                continue
            if rule.place is not None:
                violation = replace(violation, at=rule.place(violation))
            location = self._location(violation.at)
            parts = _Parts(violation)
            if rule.wording is not None:
                parts.update(rule.wording(violation, level))
            message = rule.message.format_map(parts)
            steps = tuple(Step(note, self._location(place)) for place, note in witness(violation))
            fix = self._fix(entry, violation)
            consequence = _consequence(entry.card)
            yield violation, Finding(rule.code, entry.name, level, message, location, steps, fix, consequence)

    def _fix(self, entry: CatalogEntry, violation: Violation) -> Fix | None:
        repair = entry.rule.repair
        if repair is None:
            return None
        module = violation.at.module
        try:
            edits: Edits | None = repair.edits(violation, self._editor(module))
        except CannotEditError:
            return None
        if not edits or moves_over_border(module.source.text, edits):
            return None
        applicability = repair.applicability if repair.decide is None else repair.decide(violation)
        return Fix(repair.title, applicability, self._path(module), tuple(sorted(edits, key=lambda edit: edit.span)))

    def _editor(self, module: ModuleInfo) -> Editor:
        """Return the editor of a file; the findings of one file come together, and reading its tokens is dear."""
        if self._edited is None or self._edited[0] is not module:
            self._edited = module, Editor(module.source, module.tree)
        return self._edited[1]

    def _location(self, place: Place) -> Location:
        module = place.module
        path = self._path(module)
        self._sources[path] = module.source
        return replace(locate(module, place.node), path=path)

    def _path(self, module: ModuleInfo) -> Path:
        """Return the path of a file in the form in which files were asked for."""
        shown = self._shown.get(module.path)
        if shown is None:
            relative = any(not path.is_absolute() for path in self._shown.values())
            shown = self._shown[module.path] = Path(os.path.relpath(module.path)) if relative else module.path
        return shown


def locate(module: ModuleInfo, node: ast.AST) -> Location:
    """Return where a node of a module lies; of a compound statement, its first line."""
    source = module.source
    assert isinstance(node, ast.expr | ast.stmt | ast.keyword | ast.alias | ast.arg | ast.excepthandler)
    span = source.span(node)
    if isinstance(
        node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.For | ast.While | ast.If | ast.With | ast.Try
    ):
        span = Span(span.start, source.line_starts[node.lineno - 1] + len(source.line(node.lineno)))
    return Location(module.path, span, source.position(span.start), source.position(span.end))


class _Parts(dict[str, str]):
    """The holes of a message: the text of the violation's events, and what it says itself."""

    def __init__(self, violation: Violation) -> None:
        super().__init__(violation.parts)
        self._violation = violation

    def __missing__(self, name: str) -> str:
        event = self._violation.roles.get(name)
        if event is None:
            raise KeyError(f"the message speaks of `{name}`, which the violation lacks")
        return text_of(event.place)


def text_of(place: Place) -> str:
    """Return the source text of a node, on one line and not too long."""
    node = place.node
    if isinstance(node, ast.For | ast.While | ast.With | ast.If | ast.FunctionDef | ast.ClassDef):
        return place.module.source.line(node.lineno).strip()
    span = locate(place.module, node).span
    text = " ".join(place.module.source.text[span.start : span.end].split())
    return text if len(text) <= 70 else f"{text[:67]}..."


def _consequence(card: str) -> str:
    """Return the second paragraph of a card: what the fault does."""
    paragraphs = card.split("\n\n", 2)
    return " ".join(paragraphs[1].split()) if len(paragraphs) > 1 and not paragraphs[1].startswith("#") else ""


def _unreadable_cells(path: Path, source: Source) -> list[Finding]:
    """Return a finding for each cell of a notebook that is no Python; the others make up its program."""
    found = []
    for fault in source.faults:
        offset = min(source.line_starts[fault.row - 1] + fault.column - 1, len(source.text))
        at = source.position(offset)
        message = f"the cell is left out, {fault.reason}: mend the syntax"
        location = Location(path, Span(offset, offset), at, at)
        found.append(Finding(UNREADABLE_FILE.code, UNREADABLE_FILE.name, UNREADABLE_FILE.level, message, location))
    return found


def _unreadable(path: Path, reason: str, row: int, column: int) -> Finding:
    return _builtin(UNREADABLE_FILE, path, reason, Position(row, column))


def _internal(path: Path, what: str, error: Exception) -> Finding:
    message = f"{what} failed on this file, {type(error).__name__}: {error}; please report this defect of optlint"
    return _builtin(INTERNAL_ERROR, path, message, Position(1, 1))


def _builtin(builtin: Builtin, path: Path, message: str, at: Position) -> Finding:
    location = Location(path, Span(0, 0), at, at)
    return Finding(builtin.code, builtin.name, Level(builtin.level), message, location)
