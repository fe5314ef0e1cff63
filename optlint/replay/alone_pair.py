"""The pair of scripts of a flagged place alone: as written, and the same place of the fixed text."""

from __future__ import annotations

import ast
from functools import partial

from optlint.engine import Engine
from optlint.program.modules import ModuleInfo
from optlint.program.project import ParseError
from optlint.replay.pairs import Pair, Script, Unsliced, script_or_reason, unlike, with_fixes
from optlint.replay.slicer.alone import Target, alone, target_of
from optlint.replay.slicer.observed import Observed, observe
from optlint.replay.slicer.slice import CannotSliceError
from optlint.source.edits import Fix


def alone_pair(engine: Engine, module: ModuleInfo, node: ast.AST, fix: Fix | None, *, exercised: bool) -> Pair:
    """Return the pair of a flagged node of a file.

    Args:
        engine: It makes the projects.
        module: The file as written.
        node: Of its tree.
        fix: What mends it, or None.
        exercised: Whether a few updates of the module that it is about follow.
    """
    try:
        target = target_of(module, node)
    except CannotSliceError as error:
        return Pair(Unsliced(str(error)), None if fix is None else Unsliced(str(error)))
    project = engine.fresh_project()
    project.add(module)
    with observe(project, module) as seen:
        original = _sliced(seen, module, target, getattr(node, "lineno", target.lineno), exercised=exercised)
    if fix is None:
        return Pair(original, None)
    try:
        fixed = with_fixes(engine, module, (fix,))
    except (OSError, ParseError) as error:
        return Pair(original, Unsliced(f"the fixed text cannot be read: {error}"))
    changed = fixed.written(fix)
    counterpart = _counterpart(module, fixed.module, target, fix)
    if counterpart is None:
        return Pair(original, Unsliced("what was flagged is not there in the fixed text"), changed, after=fixed.lines)
    with observe(fixed.project, fixed.module) as seen:
        rows = range(counterpart.lineno, (counterpart.end_lineno or counterpart.lineno) + 1)
        row = next((each for each in rows if (fixed.module.path, each) in changed), counterpart.lineno)
        after = _sliced(seen, fixed.module, counterpart, row, exercised=exercised)
        return Pair(original, unlike(original, after), changed, after=fixed.lines)


def _sliced(seen: Observed, module: ModuleInfo, target: Target, row: int, *, exercised: bool) -> Script:
    return script_or_reason(partial(alone, seen, module, target, row, exercised=exercised))


def _counterpart(before: ModuleInfo, after: ModuleInfo, target: Target, fix: Fix) -> Target | None:
    """The statement or expression of the fixed text that begins where the target now lies."""
    place = before.source.offset(target.lineno, target.col_offset)
    if fix.path.absolute() == before.path:
        place += sum(len(edit.text) - (edit.span.end - edit.span.start) for edit in fix.edits if edit.span.end <= place)
    kind = ast.stmt if isinstance(target, ast.stmt) else type(target)
    for node in ast.walk(after.tree):
        if isinstance(node, kind) and isinstance(node, ast.stmt | ast.expr):
            if after.source.offset(node.lineno, node.col_offset) == place:
                return node
    return None
