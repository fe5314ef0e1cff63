"""Pairs of scripts: of a text as written and with a fix; and the program of a fixed text."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from optlint.engine import Engine
from optlint.program.modules import ModuleInfo
from optlint.program.project import ParseError, Project, parse
from optlint.replay.lines import AS_WRITTEN, Line, Lines, lines_after
from optlint.replay.script import ReplayScript
from optlint.replay.slicer.slice import CannotSliceError
from optlint.source.edits import Fix, apply_edits
from optlint.source.text import SourceError


@dataclass(frozen=True, slots=True)
class Unsliced:
    """No script could be made; `reason` says why."""

    reason: str


Script: TypeAlias = ReplayScript | Unsliced


@dataclass(frozen=True, slots=True)
class Pair:
    """The script of a text and of the same text with a fix; `fixed` is None where there is no fix."""

    original: Script
    fixed: Script | None
    changed: frozenset[tuple[Path, int]] = frozenset()
    """The lines (file, row from 1) of the fixed text that the fix wrote."""
    before: Lines = AS_WRITTEN
    """Of the text that the original is made of, which has other fixes perhaps."""
    after: Lines = AS_WRITTEN
    """Of the fixed text."""


def unlike(original: Script, fixed: Script) -> Script:
    """Return the fixed script of a part of a file, which says nothing of a fix that does not reach into that part."""
    alike = isinstance(original, ReplayScript) and isinstance(fixed, ReplayScript) and original.body == fixed.body
    return Unsliced("the fix changes nothing in this part of the file") if alike else fixed


@dataclass(frozen=True, slots=True)
class FixedProgram:
    """A file and those that it imports, with fixes made; `lines` are those of the fixed files."""

    project: Project
    module: ModuleInfo
    lines: Lines

    def written(self, fix: Fix) -> frozenset[tuple[Path, int]]:
        """The lines (file, row from 1) that a fix wrote."""
        path = fix.path.absolute()
        rows = range(1, len(self.lines.fixed.get(path, ())) + 1)
        return frozenset((path, row) for row in rows if self.lines.is_of(fix, path, row))


def with_fixes(engine: Engine, module: ModuleInfo, fixes: Sequence[Fix]) -> FixedProgram:
    """Return a file with fixes made, in it and in those that it imports.

    Raises:
        OSError: a file is no longer there.
        ParseError: a fixed text is no Python.
    """
    project = engine.fresh_project()
    root = module
    lines: dict[Path, tuple[Line, ...]] = {}
    for target in sorted({fix.path.absolute() for fix in fixes}):
        before = module if target == module.path else parse(target, target.read_bytes())
        own = [fix for fix in fixes if fix.path.absolute() == target]
        edits = [edit for fix in own for edit in fix.edits]
        text = apply_edits(before.source.text, sorted(edits, key=lambda edit: edit.span))
        try:
            after = parse(target, before.source.with_text(text).data)
        except SourceError as error:
            raise ParseError(error.reason) from None
        project.add(after)
        lines[target] = lines_after(before.source.text, after.source.text, own)
        if target == module.path:
            root = after
    if root is module:
        root = parse(module.path, module.source.data)
        project.add(root)
    return FixedProgram(project, root, Lines(lines))


def script_or_reason(make: Callable[[], ReplayScript]) -> Script:
    """Return the script that is made, or why there is none."""
    try:
        script = make()
        ast.parse(script.body)
    except CannotSliceError as error:
        return Unsliced(str(error))
    except RecursionError:
        return Unsliced("the code is nested too deeply")
    return script
