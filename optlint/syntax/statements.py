"""What a statement covers in the text: its lines, its comments, its share of a line with semicolons."""

from __future__ import annotations

import ast
from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property

from optlint.source.cells import borders
from optlint.source.text import Source
from optlint.syntax.formatting import Region, is_fixed, regions
from optlint.syntax.tokens import CannotEditError, Tokens
from optlint.syntax.tree import Slot, Tree

_COMPOUND = tuple(
    getattr(ast, name)
    for name in (
        "FunctionDef", "AsyncFunctionDef", "ClassDef", "For", "AsyncFor", "While", "If", "With", "AsyncWith", "Try",
        "TryStar", "Match",
    )
)  # fmt: skip
_JUMPS = {ast.Return: "return", ast.Raise: "raise", ast.Break: "break", ast.Continue: "continue"}


@dataclass(frozen=True, slots=True)
class Place:
    """A statement in the text; `start` and `end` are the offsets of its own tokens, decorators included.

    `follows` and `leads` say that a statement of the same block stands before or after it on its line; `inline` that
    its whole block stands on the line of the block's header, as in `if x: y()`.
    """

    node: ast.stmt
    slot: Slot
    start: int
    end: int
    inline: bool
    follows: bool
    leads: bool

    @property
    def alone(self) -> bool:
        """Whether no other statement shares its lines."""
        return not (self.inline or self.follows or self.leads)

    @property
    def later(self) -> list[ast.stmt]:
        """The statements after it in its block."""
        return self.slot.block.statements[self.slot.index + 1 :]


class Statements:
    """The statements of one file: where they stand and which lines are theirs."""

    def __init__(self, source: Source, tree: Tree, tokens: Tokens) -> None:
        self.source = source
        self.tree = tree
        self.tokens = tokens

    def place(self, node: ast.AST) -> Place:
        """Return the place of the innermost statement that is `node` or holds it.

        Raises:
            CannotEditError: that statement is an `elif`, which is a part of another one.
        """
        statement = self.tree.statement(node)
        slot = self.tree.slot(statement)
        start, end = self._bounds(statement)
        if isinstance(statement, ast.If) and self.source.text.startswith("elif", start):
            raise CannotEditError("an `elif` is a part of the `if` above it")
        tokens, siblings = self.tokens, slot.block.statements
        first = tokens.starting_at(self._bounds(siblings[0])[0])
        inline = tokens.line_first[first] != first
        index = tokens.starting_at(start)
        follows = slot.index > 0 if inline else tokens.line_first[index] != index
        later = siblings[slot.index + 1 : slot.index + 2]
        last = tokens.line_last[tokens.ending_at(end)]
        leads = any(tokens.line_last[tokens.starting_at(self._bounds(item)[0])] == last for item in later)
        return Place(statement, slot, start, end, inline, follows, leads)

    def _bounds(self, statement: ast.stmt) -> tuple[int, int]:
        span = self.source.span(statement)
        decorators = getattr(statement, "decorator_list", [])
        if not decorators:
            return span.start, span.end
        index = self.tokens.starting_at(self.source.span(statement).start)
        at = next(
            item
            for item in reversed(range(index))
            if self.tokens.code[item].text == "@"
            and self.tokens.line_first[item] == item
            and self.tokens.code[item].end <= self.source.span(decorators[0]).start
        )
        return self.tokens.code[at].start, span.end

    def neighbour(self, place: Place, step: int) -> Place:
        """Return the place of the statement `step` further in the same block."""
        return self.place(place.slot.block.statements[place.slot.index + step])

    def top(self, place: Place) -> int:
        """Return the offset at which the first line of a statement that begins a line starts.

        Raises:
            CannotEditError: the line is the continuation of another.
        """
        start = self.tokens.row_start(place.start)
        row = bisect_right(self.source.line_starts, start)
        previous = self.tokens.starting_at(place.start) - 1
        above = 0 if previous < 0 else self.tokens.code[previous].row
        continued = row > 1 and above != row - 1 and row - 1 not in self.tokens.comment_lines
        if continued and self.source.line(row - 1).endswith("\\"):
            raise CannotEditError("the statement's line continues an empty one")
        blanks = self.source.text[start : place.start]
        if blanks.strip():
            raise CannotEditError("the statement does not begin its line")
        # A form feed starts the indentation anew, and stays where it is.
        return start + blanks.rfind("\f") + 1

    def indentation(self, place: Place) -> str:
        """Return the blanks before the line on which a statement stands."""
        first = self.tokens.code[self.tokens.line_first[self.tokens.starting_at(place.start)]]
        return self.source.text[self.tokens.row_start(first.start) : first.start].rpartition("\f")[2]

    def top_with_comments(self, place: Place) -> int:
        """Return the offset at which the comment lines directly above a statement start, or its first line.

        Comments are the statement's own where they are indented as it is and no blank line parts them from it.
        """
        top = self.top(place)
        indentation = self.indentation(place)
        row = bisect_right(self.source.line_starts, top)
        if top != self.source.line_starts[row - 1]:
            return top
        while (comment := self.tokens.comment_lines.get(row - 1)) is not None and not is_fixed(comment):
            start = self.source.line_starts[row - 2]
            if self.source.text[start : comment.start] != indentation:
                break
            row, top = row - 1, start
        return top

    def bottom(self, place: Place) -> int:
        """Return the offset after the last line of a statement, its newline included.

        Comment lines that end the last block of a compound statement are the statement's: those indented deeper.
        """
        newline = self.tokens.code[self.tokens.line_last[self.tokens.ending_at(place.end)]]
        if not isinstance(place.node, _COMPOUND):
            return newline.end
        bottom, row = newline.end, newline.row + 1
        depth = len(self.indentation(place).expandtabs())
        while row <= len(self.source.line_starts):
            comment = self.tokens.comment_lines.get(row)
            if comment is not None:
                start = self.source.line_starts[row - 1]
                if len(self.source.text[start : comment.start].expandtabs()) <= depth:
                    break
                bottom = self.source.line_starts[row] if row < len(self.source.line_starts) else comment.end
            elif self.source.line(row).strip():
                break
            row += 1
        return bottom

    def jump(self, place: Place) -> str | None:
        """Return the keyword with which a statement leaves its block, None where it does not."""
        return _JUMPS.get(type(place.node))

    @cached_property
    def _regions(self) -> tuple[Region, ...]:
        return regions(self.tokens)

    def regions_over(self, start: int, end: int) -> list[Region]:
        """Return the hand-laid regions that hold a row of the characters `start` to `end`."""
        first = bisect_right(self.source.line_starts, start)
        last = bisect_right(self.source.line_starts, max(start, end - 1))
        return [region for region in self._regions if region.first <= last and first <= region.last]

    @cached_property
    def _borders(self) -> tuple[int, ...]:
        return borders(self.source.text)

    def cell(self, offset: int) -> int:
        """Return the index of the cell of a notebook or percent script that holds a character."""
        return bisect_right(self._borders, offset)

    def rows(self, start: int, end: int) -> range:
        """Return the rows that the characters `start` to `end` touch."""
        starts = self.source.line_starts
        return range(bisect_right(starts, start), bisect_right(starts, max(start, end - 1)) + 1)
