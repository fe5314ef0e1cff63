"""Inserting, deleting and moving whole statements: comments, newlines and indentation of all others stay."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from optlint.source.edits import Edit, apply_edits
from optlint.source.text import SourceError, Span, parse
from optlint.syntax.statements import Place, Statements
from optlint.syntax.tokens import CannotEditError

Edits: TypeAlias = tuple[Edit, ...]


@dataclass(frozen=True, slots=True)
class Gap:
    """A place for whole lines in a block: before or after the statement `anchor`.

    `offset` is where a line starts, or, where a line with semicolons must be split, `split` is what the lines and
    newlines around them replace.
    """

    anchor: Place
    indentation: str
    offset: int
    split: Span | None


def gap_before(statements: Statements, anchor: Place, above_comments: bool) -> Gap:
    """Return the gap directly before a statement, above its own comments if asked.

    Raises:
        CannotEditError: no line can stand there.
    """
    _refuse_inline(anchor)
    if _is_docstring(anchor) or _is_future_import(anchor.node):
        raise CannotEditError("a docstring or `__future__` import must stay first")
    indentation = statements.indentation(anchor)
    if anchor.follows:
        split = Span(statements.neighbour(anchor, -1).end, anchor.start)
        return Gap(anchor, indentation, split.end, split)
    offset = statements.top_with_comments(anchor) if above_comments else statements.top(anchor)
    return Gap(anchor, indentation, offset, None)


def gap_after(statements: Statements, anchor: Place) -> Gap:
    """Return the gap directly after a statement.

    Raises:
        CannotEditError: no line can stand there, or none there would run.
    """
    _refuse_inline(anchor)
    if (keyword := statements.jump(anchor)) is not None:
        raise CannotEditError(f"nothing after `{keyword}` runs")
    if any(map(_is_future_import, anchor.later)):
        raise CannotEditError("a docstring or `__future__` import must stay first")
    indentation = statements.indentation(anchor)
    if anchor.leads:
        split = Span(anchor.end, statements.neighbour(anchor, 1).start)
        return Gap(anchor, indentation, split.start, split)
    return Gap(anchor, indentation, statements.bottom(anchor), None)


def insert(statements: Statements, gap: Gap, lines: Sequence[str]) -> Edits:
    """Return the edit that puts new lines into a gap, with its indentation and the file's newline."""
    newline = statements.source.newline
    if any("\n" in line or "\r" in line for line in lines):
        raise ValueError("a line to insert holds a newline: pass one argument for each line")
    content = "".join(f"{gap.indentation}{line}{newline}" if line else newline for line in lines)
    return (_insertion(statements, gap, content, closed=False),) if lines else ()


def _insertion(statements: Statements, gap: Gap, content: str, closed: bool) -> Edit:
    """Return the edit that puts `content`, whole lines that end in newlines, into a gap.

    At the end of a file without a last newline the content gives its own to the line before it, unless that one is
    `closed` by an edit beside this one.
    """
    text, newline = statements.source.text, statements.source.newline
    if gap.split is not None:
        return Edit(gap.split, f"{newline}{content}{gap.indentation}")
    here = Span(gap.offset, gap.offset)
    if gap.offset < len(text) or text.endswith(("\r", "\n")):
        return Edit(here, content)
    ending = "\r\n" if content.endswith("\r\n") else content[-1]
    bare = content[: -len(ending)]
    return Edit(here, bare if closed else ending + bare)


def deletion(statements: Statements, place: Place) -> Edit:
    """Return the edit that deletes a statement and the comment on its line; comment lines above stay."""
    if place.alone:
        return _without_lines(statements, place, statements.top(place), statements.bottom(place))
    return _without_share(statements, place)


def move(statements: Statements, place: Place, gap: Gap) -> Edits:
    """Return the edits that move a statement with its comments into a gap.

    Raises:
        CannotEditError: the move would change more than the place of the statement.
    """
    if statements.tree.inside(gap.anchor.node, place.node):
        raise CannotEditError("a statement cannot move into itself")
    if _is_docstring(place) or _is_future_import(place.node):
        raise CannotEditError("a docstring or `__future__` import must stay first")
    if place.alone:
        start, end = statements.top_with_comments(place), statements.bottom(place)
        removal = _without_lines(statements, place, start, end)
    else:
        start, end = place.start, place.end
        removal = _without_share(statements, place)
    _refuse_regions(statements, place, gap, start, end)
    if statements.cell(place.start) != statements.cell(gap.offset - 1):
        raise CannotEditError("the statement would leave its cell")
    content = _indented(statements, place, gap.indentation, start, end)
    closed = place.alone and removal == Edit(Span(start, gap.offset), "")
    edits = (removal, _insertion(statements, gap, content, closed))
    if gap.indentation != statements.indentation(place):
        # Tabs and blanks can mix in ways that only Python itself judges.
        try:
            parse(apply_edits(statements.source.text, edits))
        except SourceError as error:
            raise CannotEditError(f"the moved statement does not fit there: {error.reason}") from None
    return edits


def _without_lines(statements: Statements, place: Place, start: int, end: int) -> Edit:
    if not _is_only(place):
        return Edit(Span(start, end), "")
    newline = statements.tokens.code[statements.tokens.line_last[statements.tokens.ending_at(place.end)]]
    ending = statements.source.text[newline.start : newline.end]
    return Edit(Span(start, end), f"{statements.indentation(place)}pass{ending}")


def _without_share(statements: Statements, place: Place) -> Edit:
    if place.leads:
        return Edit(Span(place.start, statements.neighbour(place, 1).start), "")
    if place.follows:
        return Edit(Span(statements.neighbour(place, -1).end, place.end), "")
    return Edit(Span(place.start, place.end), "pass")


def _indented(statements: Statements, place: Place, target: str, start: int, end: int) -> str:
    """Return the lines of a statement with the indentation `target`, each with its own newline."""
    source, tokens = statements.source, statements.tokens
    origin = statements.indentation(place)
    pieces: list[str] = [] if place.alone else [target]
    for row in statements.rows(start, end):
        row_start = max(start, source.line_starts[row - 1])
        row_end = min(end, source.line_starts[row]) if row < len(source.line_starts) else end
        line = source.text[row_start:row_end]
        whole = place.alone or row_start > start
        if row in tokens.string_rows and row_start > start and origin != target:
            raise CannotEditError("a string over several lines would change with the indentation")
        if whole and row not in tokens.string_rows and line.startswith(origin) and line.strip():
            line = target + line[len(origin) :]
        pieces.append(line)
    content = "".join(pieces)
    return content if content.endswith(("\r", "\n")) else content + source.newline


def _refuse_regions(statements: Statements, place: Place, gap: Gap, start: int, end: int) -> None:
    """Refuse a move into or out of a region whose layout is kept by hand."""
    reindented = gap.indentation != statements.indentation(place)
    moved = statements.rows(start, end)
    row = statements.rows(gap.offset, gap.offset)[0]
    for region in statements.regions_over(0, len(statements.source.text)):
        touched = region.first <= moved[-1] and moved[0] <= region.last
        within = region.first <= moved[0] and moved[-1] <= region.last
        carried = moved[0] < region.first and region.last < moved[-1]
        # A line put on the first row of a region stands above it.
        reached = region.first < row <= region.last
        if reached != within or (touched and not within and (reindented or not carried)):
            raise CannotEditError("the layout there is kept by hand (`# fmt: off` or `# fmt: skip`)")


def _refuse_inline(place: Place) -> None:
    if place.inline:
        raise CannotEditError("the block stands on the line of its header")


def _is_only(place: Place) -> bool:
    return len(place.slot.block.statements) == 1 and not isinstance(place.slot.block.owner, ast.Module)


def _is_docstring(place: Place) -> bool:
    owner = place.slot.block.owner
    node = place.node
    return (
        place.slot.index == 0
        and isinstance(owner, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def _is_future_import(node: ast.stmt) -> bool:
    return isinstance(node, ast.ImportFrom) and node.module == "__future__"
