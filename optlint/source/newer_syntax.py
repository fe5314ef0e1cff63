"""Syntax that is newer than the Python that runs optlint: it is found by libcst and masked by older syntax.

Only a text that `ast` refuses comes here, and nothing else imports libcst, whose own parser reads newer syntax on every
Python. A mask has the same length and lines as the text, so that offsets into one are offsets into the other: type
parameters become blanks in the brackets behind the name, a `type` statement becomes `()`, the commas of `except A, B:`
become `|`, and an f-string or t-string becomes a set of the expressions that it formats. Comments stay, and so does all
that this Python reads.
"""

from __future__ import annotations

import re
import sys
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

import libcst as cst
from libcst.metadata import MetadataWrapper, PositionProvider

from optlint.source.mask import Mask, Template
from optlint.source.text import SourceError, Span, read

_NEWLINE = re.compile(r"\r\n|\r|\n")
_BARE_RETURN = re.compile(r"\r(?!\n)")
_PAGE_BREAK = re.compile(r"\f(?=[ \t\f]*[\r\n])")
_BRACKET = re.compile(r"(?:[ \t\f]|\\(?:\r\n|\r|\n))*\(")

_Template: TypeAlias = cst.FormattedString | cst.TemplatedString
_Field: TypeAlias = cst.FormattedStringExpression | cst.TemplatedStringExpression
_Part: TypeAlias = cst.BaseExpression | cst.BaseFormattedStringContent | cst.BaseTemplatedStringContent


def masked(text: str) -> Mask | None:
    """Return the mask of a text that this Python refuses; None where libcst finds nothing newer in it.

    Raises:
        SourceError: the text holds newer syntax that nothing older stands for.
    """
    # libcst loses bare carriage returns and form feeds.
    plain = _PAGE_BREAK.sub(" ", _BARE_RETURN.sub("\n", text))
    masking = _Masking(text)
    try:
        wrapper = MetadataWrapper(cst.parse_module(plain), unsafe_skip_copy=True)
        if wrapper.module.code != plain:
            return None  # Its positions would be wrong.
        wrapper.visit(masking)
    except (cst.ParserSyntaxError, cst.CSTValidationError, RecursionError):
        return None
    mask = masking.mask()
    if masking.beyond is not None and not _is_read(mask.text):
        version = ".".join(map(str, sys.version_info[:2]))
        reason = f"the syntax is newer than Python {version}, which runs optlint: run optlint with a newer Python"
        row = bisect_right(masking.starts, masking.beyond)
        raise SourceError(reason, row, masking.beyond - masking.starts[row - 1] + 1)
    return mask if mask.text != text else None


def _is_read(text: str) -> bool:
    """Say whether this Python reads a construct that stands alone."""
    try:
        read(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


@dataclass(slots=True)
class _Fields:
    """The expressions in a string: their characters, and the places of the commas between them."""

    kept: list[Span] = field(default_factory=list)
    commas: list[int] = field(default_factory=list)
    count: int = 0
    depth: int = 0
    """How many fields are around the place: those in a format specification are in another one."""
    owed: bool = False
    """Whether the next expression needs a comma before it."""

    def due(self, place: int) -> None:
        """Put a comma at a place if one is owed."""
        if self.owed:
            self.commas.append(place)
        self.owed = False


class _Masking(cst.CSTVisitor):
    """Masks what this Python refuses where it stands alone."""

    METADATA_DEPENDENCIES = (PositionProvider,)

    def __init__(self, text: str) -> None:
        super().__init__()
        self.starts = (0, *(match.end() for match in _NEWLINE.finditer(text)))
        self.beyond: int | None = None
        """Where syntax stands that cannot be masked."""
        self._text = text
        self._new = list(text)
        self._comments: list[Span] = []
        self._hidden: list[Span] = []
        self._strings: list[Span] = []
        self._templates: list[Template] = []
        self._seen: set[cst.CSTNode] = set()

    def mask(self) -> Mask:
        """Return the mask of a text that was visited."""
        for comment in self._comments:
            self._new[comment.start : comment.end] = self._text[comment.start : comment.end]
        outer: list[Span] = []
        for span in sorted(self._strings):
            if not outer or span.start >= outer[-1].end:
                outer.append(span)
        return Mask(self._text, "".join(self._new), tuple(outer), tuple(self._templates))

    def on_visit(self, node: cst.CSTNode) -> bool:
        """Mask a node, before those inside it."""
        match node:
            case cst.Comment():
                self._comments.append(self._span(node))
            case cst.FunctionDef(type_parameters=cst.TypeParameters() as parameters):
                self._hide_parameters(parameters)
            case cst.ClassDef(type_parameters=cst.TypeParameters() as parameters):
                self._hide_parameters(parameters)
            case cst.TypeAlias():
                self._hide_alias(node)
            case cst.ExceptHandler(type=cst.Tuple() as caught):
                self._join(caught)
            case cst.ExceptStarHandler(type=cst.Tuple() as caught):
                self._join(caught)
            case cst.ConcatenatedString() | cst.FormattedString() | cst.TemplatedString():
                self._open(node)
            case cst.ListComp(elt=cst.StarredElement()) | cst.SetComp(elt=cst.StarredElement()):
                self.beyond = self._span(node).start
            case cst.GeneratorExp(elt=cst.StarredElement()):
                self.beyond = self._span(node).start
            case _ if type(node).__name__ in ("StarredDictComp", "LazyImport", "LazyImportFrom"):
                self.beyond = self._span(node).start
        return True

    def _span(self, node: cst.CSTNode) -> Span:
        """Return the characters of a node, without parentheses around it."""
        place = self.get_metadata(PositionProvider, node)
        return Span(
            self.starts[place.start.line - 1] + place.start.column, self.starts[place.end.line - 1] + place.end.column
        )

    def _whole(self, node: cst.BaseExpression) -> Span:
        """Return the characters of an expression with the parentheses around it."""
        span = self._span(node)
        if not node.lpar:
            return span
        return Span(self._span(node.lpar[0]).start, self._span(node.rpar[-1]).end)

    def _of(self, span: Span) -> str:
        return self._text[span.start : span.end]

    def _blank(self, span: Span) -> None:
        for offset in range(span.start, span.end):
            if self._text[offset] not in "\r\n":
                self._new[offset] = " "

    def _hide_parameters(self, parameters: cst.TypeParameters) -> None:
        """Let the brackets of the parameters, or of the bases, begin where those of the type parameters do."""
        span = self._span(parameters)
        if _is_read(f"class _{self._of(span)}: pass"):
            return
        self._hidden.append(span)
        bracket = _BRACKET.match(self._text, span.end)
        self._blank(Span(span.start, bracket.end() if bracket else span.end))
        self._new[span.start] = "("
        if bracket is None:
            self._new[span.end - 1] = ")"

    def _hide_alias(self, alias: cst.TypeAlias) -> None:
        span = Span(self._span(alias).start, self._whole(alias.value).end)
        if _is_read(self._of(span)):
            return
        self._hidden.append(span)
        self._blank(span)
        self._new[span.start], self._new[span.end - 1] = "(", ")"

    def _join(self, caught: cst.Tuple) -> None:
        if caught.lpar or _is_read(f"try:\n pass\nexcept {self._of(self._span(caught))}:\n pass"):
            return
        for element in caught.elements:
            if isinstance(element.comma, cst.Comma):
                last = element is caught.elements[-1]
                self._new[self._span(element.comma).start] = " " if last else "|"

    def _open(self, string: cst.ConcatenatedString | _Template) -> None:
        """Turn a string with expressions in it into a set of those."""
        span = self._span(string)
        if string in self._seen or any(hidden.start <= span.start < hidden.end for hidden in self._hidden):
            return
        parts = list(self._literals(string))
        if _is_read(f"({self._of(span)})"):
            return
        fields = _Fields()
        model = f"({' '.join(self._modelled(part, fields) for part in parts)})"
        if not _is_read(model):
            return  # The fault is in the string and none of its syntax.
        self._blank(span)
        for kept in fields.kept:
            self._new[kept.start : kept.end] = self._of(kept)
        for comma in fields.commas:
            self._new[comma] = ","
        self._new[span.start], self._new[span.end - 1] = "{", "}"
        self._strings += map(self._span, parts)
        self._templates.append(Template(span.start, model))

    def _literals(self, string: cst.BaseExpression) -> Iterator[cst.BaseExpression]:
        """Yield the literals of an implicit concatenation, or the only one; none of them is looked at again."""
        self._seen.add(string)
        if isinstance(string, cst.ConcatenatedString):
            yield from self._literals(string.left)
            yield from self._literals(string.right)
        else:
            yield string

    def _modelled(self, part: _Part, fields: _Fields) -> str:
        """Return a part of a string with names in the place of expressions, which are entered into `fields`."""
        match part:
            case cst.FormattedString() | cst.TemplatedString():
                inner = "".join(self._modelled(piece, fields) for piece in part.parts)
                return f"{re.sub('[tT]', 'f', part.start)}{inner}{part.end}"
            case cst.FormattedStringExpression() | cst.TemplatedStringExpression():
                return self._modelled_field(part, fields)
            case _:
                return self._of(self._span(part))

    def _modelled_field(self, node: _Field, fields: _Fields) -> str:
        braces, expression = self._span(node), node.expression
        fields.kept.append(self._whole(expression))
        # One comma is due between two expressions: a brace makes room for it.
        if fields.depth:
            fields.due(braces.start)
        fields.owed = True
        names = f"_{fields.count}"
        if isinstance(expression, cst.Tuple) and not expression.lpar:
            # Its elements become elements of the set.
            names = "".join(f"_{fields.count + index}," for index in range(len(expression.elements)))
            fields.count += len(expression.elements) - 1
            fields.owed = not isinstance(expression.elements[-1].comma, cst.Comma)
        elif isinstance(expression, cst.Yield) and not expression.lpar:
            self.beyond = braces.start
        fields.count += 1
        fields.depth += 1
        spec = "".join(self._modelled(piece, fields) for piece in node.format_spec or ())
        fields.depth -= 1
        if not fields.depth:
            fields.due(braces.end - 1)
        equal = "=" if node.equal is not None else ""
        conversion = f"!{node.conversion}" if node.conversion is not None else ""
        colon = f":{spec}" if node.format_spec is not None else ""
        return f"{{{names}{equal}{conversion}{colon}}}"
