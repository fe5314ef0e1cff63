"""Pairs of scripts: of a text as written and with a fix; and the program of a fixed text."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path
from typing import TypeAlias

from optlint.engine import Engine
from optlint.program.modules import ModuleInfo
from optlint.program.project import Project, parse
from optlint.replay.script import ReplayScript
from optlint.replay.slicer.slice import CannotSliceError
from optlint.source.edits import Fix, apply_edits


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


def unlike(original: Script, fixed: Script) -> Script:
    """Return the fixed script of a part of a file, which says nothing of a fix that does not reach into that part."""
    alike = isinstance(original, ReplayScript) and isinstance(fixed, ReplayScript) and original.body == fixed.body
    return Unsliced("the fix changes nothing in this part of the file") if alike else fixed


@dataclass(frozen=True, slots=True)
class FixedProgram:
    """A file and those that it imports, with fixes made; `texts` are those of the fixed files, before and after."""

    project: Project
    module: ModuleInfo
    texts: dict[Path, tuple[str, str]]

    def written(self, path: Path) -> frozenset[tuple[Path, int]]:
        """The lines (file, row from 1) of one of its files that are not in the text before."""
        return frozenset((path, row) for row in written_rows(*self.texts[path])) if path in self.texts else frozenset()


def with_fixes(engine: Engine, module: ModuleInfo, fixes: Sequence[Fix]) -> FixedProgram:
    """Return a file with fixes made, in it and in those that it imports.

    Raises:
        OSError: a file is no longer there.
        ParseError: a fixed text is no Python.
    """
    project = engine.fresh_project()
    root = module
    texts: dict[Path, tuple[str, str]] = {}
    for target in sorted({fix.path.absolute() for fix in fixes}):
        before = module if target == module.path else parse(target, target.read_bytes())
        edits = [edit for fix in fixes if fix.path.absolute() == target for edit in fix.edits]
        text = apply_edits(before.source.text, sorted(edits, key=lambda edit: edit.span))
        after = parse(target, before.source.with_text(text).data)
        project.add(after)
        texts[target] = before.source.text, text
        if target == module.path:
            root = after
    if root is module:
        root = parse(module.path, module.source.data)
        project.add(root)
    return FixedProgram(project, root, texts)


def written_rows(before: str, after: str) -> set[int]:
    """Return the rows of a fixed text that are not in the text before."""
    old, new = before.splitlines(), after.splitlines()
    rows: set[int] = set()
    for kind, _, _, start, end in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind != "equal":
            rows.update(range(start + 1, end + 1))
    return rows


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
