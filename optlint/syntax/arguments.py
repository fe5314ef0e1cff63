"""Adding and removing the arguments of a call, with their commas, lines and comments."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from optlint.source.edits import Edit
from optlint.source.text import Span
from optlint.syntax.expressions import Expressions
from optlint.syntax.tokens import CannotEditError, Token, Tokens


@dataclass(frozen=True, slots=True)
class Argument:
    """An argument as it stands in a call: its first and last token, and the comma after it if there is one."""

    first: Token
    last: Token
    comma: Token | None

    @property
    def end(self) -> Token:
        """The last token that goes with the argument: the comma, or its own last one."""
        return self.comma or self.last


@dataclass(frozen=True, slots=True)
class Arguments:
    """The arguments of a call between its two parentheses."""

    opening: Token
    closing: Token
    items: tuple[Argument, ...]


def arguments(expressions: Expressions, call: ast.Call) -> Arguments:
    """Return the arguments of a call in the order of the text."""
    tokens = expressions.tokens
    closing = tokens.ending_at(expressions.span(call).end)
    opening = tokens.partner[closing]
    if _is_bare_generator(expressions, call):
        # The commas of its targets divide no arguments.
        whole = Argument(tokens.code[opening + 1], tokens.code[closing - 1], None)
        return Arguments(tokens.code[opening], tokens.code[closing], (whole,))
    items: list[Argument] = []
    first = index = opening + 1
    while index < closing:
        if tokens.code[index].text == ",":
            items.append(Argument(tokens.code[first], tokens.code[index - 1], tokens.code[index]))
            first = index + 1
        elif tokens.code[index].text == "lambda":
            # The commas between a lambda's parameters divide no arguments.
            index = _lambda_colon(tokens, index)
        elif tokens.partner.get(index, 0) > index:
            index = tokens.partner[index]
        index += 1
    if first < closing:
        items.append(Argument(tokens.code[first], tokens.code[closing - 1], None))
    return Arguments(tokens.code[opening], tokens.code[closing], tuple(items))


def _is_bare_generator(expressions: Expressions, call: ast.Call) -> bool:
    """Say whether the only argument is a generator that borrows the call's parentheses."""
    if len(call.args) != 1 or call.keywords or not isinstance(call.args[0], ast.GeneratorExp):
        return False
    return expressions.source.span(call.args[0]).end == expressions.span(call).end


def _lambda_colon(tokens: Tokens, index: int) -> int:
    """Return the index of the colon that ends the parameters of the lambda at `index`."""
    index += 1
    while tokens.code[index].text != ":":
        if tokens.code[index].text == "lambda":
            index = _lambda_colon(tokens, index)
        index = max(index, tokens.partner.get(index, 0)) + 1
    return index


def remove_argument(expressions: Expressions, call: ast.Call, argument: ast.expr | ast.keyword) -> tuple[Edit, ...]:
    """Return the edits that take an argument out of a call.

    An argument that has its lines to itself goes with them and with the comment at their end; comment lines above
    it stay.

    Raises:
        CannotEditError: the argument is none of the call's.
    """
    tokens, found = expressions.tokens, arguments(expressions, call)
    place = expressions.outer_span(argument).start
    position = next((number for number, item in enumerate(found.items) if item.first.start == place), None)
    if position is None:
        raise CannotEditError("the argument is not one of the call's")
    item = found.items[position]
    before = found.items[position - 1].end if position > 0 else found.opening
    after = found.items[position + 1].first if position + 1 < len(found.items) else found.closing
    if before.end_row < item.first.row and item.end.end_row < after.row:
        return (_without_lines(tokens, item),)
    if item.end.end_row < after.row and after is not found.closing:
        return (_without_line_end(tokens, found, before, item, after),)
    if after is not found.closing:
        return (Edit(Span(item.first.start, after.start), ""),)
    return _without_last(tokens, found, position)


def _without_lines(tokens: Tokens, item: Argument) -> Edit:
    start = tokens.row_start(item.first.start)
    row_end = tokens.row_end(item.end.end)
    newline = (
        tokens.source.line_starts[item.end.end_row] if item.end.end_row < len(tokens.source.line_starts) else row_end
    )
    return Edit(Span(start, newline), "")


def _without_line_end(tokens: Tokens, found: Arguments, before: Token, item: Argument, after: Token) -> Edit:
    """Delete an argument that ends a line on which others, or the opening parenthesis, stand before it."""
    comments = tokens.comments_between(item.end.end, after.start)
    if before is not found.opening:
        return Edit(Span(before.end, item.end.end), "")
    if not comments:
        return Edit(Span(item.first.start, after.start), "")
    if before.end_row == item.first.row:
        last = comments[0].end if comments[0].row == item.end.end_row else item.end.end
        return Edit(Span(before.end, last), "")
    return Edit(Span(item.first.start, item.end.end), "")


def _without_last(tokens: Tokens, found: Arguments, position: int) -> tuple[Edit, ...]:
    item = found.items[position]
    if position == 0:
        bare = not tokens.comments_between(found.opening.end, found.closing.start)
        start, end = (found.opening.end, found.closing.start) if bare else (item.first.start, item.end.end)
        return (Edit(Span(start, end), ""),)
    previous = found.items[position - 1]
    if not tokens.comments_between(previous.end.end, item.first.start):
        # The comma before it goes; a trailing comma after it stays.
        return (Edit(Span(previous.last.end, item.last.end), ""),)
    start = item.first.start
    row_start = tokens.row_start(start)
    if not tokens.source.text[row_start:start].strip():
        start = row_start
    return (Edit(Span(start, item.end.end), ""),)


def add_argument(expressions: Expressions, call: ast.Call, text: str) -> tuple[Edit, ...]:
    """Return the edits that add a last keyword argument, on a line of its own where the last one has one."""
    tokens, found = expressions.tokens, arguments(expressions, call)
    if not found.items:
        return (Edit(Span(found.opening.end, found.opening.end), text),)
    item = found.items[-1]
    if _is_bare_generator(expressions, call):
        start, end = item.first.start, item.last.end
        return (Edit(Span(start, start), "("), Edit(Span(end, end), f"), {text}"))
    before = found.items[-2].end if len(found.items) > 1 else found.opening
    if before.end_row < item.first.row and item.end.end_row < found.closing.row:
        return _with_line(tokens, item, text)
    end = item.end.end
    return (Edit(Span(end, end), f" {text}," if item.comma else f", {text}"),)


def _with_line(tokens: Tokens, item: Argument, text: str) -> tuple[Edit, ...]:
    indentation = tokens.source.text[tokens.row_start(item.first.start) : item.first.start]
    row_end = tokens.row_end(item.end.end)
    comma = "," if item.comma else ""
    line = f"{tokens.source.newline}{indentation}{text}{comma}"
    if item.comma is not None:
        return (Edit(Span(row_end, row_end), line),)
    end = item.last.end
    if not tokens.source.text[end:row_end].strip():
        return (Edit(Span(end, end), f",{line}"),)
    return (Edit(Span(end, end), ","), Edit(Span(row_end, row_end), line))
