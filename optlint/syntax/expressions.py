"""Replacing, wrapping and renaming expressions, with the parentheses around them."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from functools import cached_property

from optlint.source.edits import Edit
from optlint.source.text import Source, Span
from optlint.syntax.tokens import CannotEditError, Tokens
from optlint.syntax.tree import Located, Tree

_PRIMARY = (ast.Name, ast.Attribute, ast.Call, ast.Subscript, ast.List, ast.Dict, ast.Set, ast.ListComp, ast.SetComp)
_POSTFIX = (".", "[", "(")


class Expressions:
    """The expressions of one file and the edits that change them."""

    def __init__(self, source: Source, tree: Tree, read_tokens: Callable[[], Tokens]) -> None:
        self.source = source
        self.tree = tree
        self._read_tokens = read_tokens

    @cached_property
    def tokens(self) -> Tokens:
        """The tokens of the file, read when the first is asked for: where a node lies is known without them."""
        return self._read_tokens()

    def located(self, node: ast.AST) -> Located:
        """Return this file's node for a node that may be edited.

        Raises:
            CannotEditError: the node has no exact place.
        """
        own = self.tree.own(node)
        if not isinstance(own, Located):
            raise CannotEditError(f"a {type(own).__name__} has no place in the text")
        if self.tree.in_template(own):
            raise CannotEditError("an expression inside an f-string has no exact place")
        return own

    def _whole(self, node: ast.AST) -> Located:
        """Return this file's node for a node that can stand by itself; raise CannotEditError where it cannot."""
        own = self.located(node)
        parts = own.elts if isinstance(own, ast.Tuple) else [own]
        if isinstance(own, ast.Starred) or any(isinstance(part, ast.Slice) for part in parts):
            raise CannotEditError("the expression is a part of the syntax around it")
        return own

    def span(self, node: ast.AST) -> Span:
        """Return the characters of a node without parentheses around it.

        The parentheses of a call whose only argument is a generator are the call's, though `ast` counts them.
        """
        own = self.located(node)
        span = self.source.span(own)
        parent = self.tree.parent(own)
        if not isinstance(own, ast.GeneratorExp) or not isinstance(parent, ast.Call):
            return span
        if self.source.span(parent).end != span.end:
            return span
        first, last = self.tokens.starting_at(span.start), self.tokens.ending_at(span.end)
        return Span(self.tokens.code[first + 1].start, self.tokens.code[last - 1].end)

    def outer_span(self, node: ast.AST) -> Span:
        """Return the characters of a node with the parentheses that enclose it and nothing else."""
        own = self.located(node)
        span = self.span(own)
        if not isinstance(own, ast.expr):
            return span
        code = self.tokens.code
        limit = self._call_end(own)
        first, last = self.tokens.starting_at(span.start), self.tokens.ending_at(span.end)
        while first > 0 and self.tokens.partner.get(first - 1) == last + 1 and code[first - 1].text == "(":
            if code[last + 1].end == limit or self._is_class_bracket(own, first - 1):
                break
            first, last = first - 1, last + 1
        return Span(code[first].start, code[last].end)

    def _call_end(self, node: ast.expr) -> int:
        """Return where the brackets end that belong to the syntax around a node: a call's or a class pattern's."""
        parent = self.tree.parent(node)
        if isinstance(parent, ast.keyword | ast.Starred | ast.MatchValue):
            parent = self.tree.parent(parent)
        if isinstance(parent, ast.Call) and parent.func is not node:
            return self.source.span(parent).end
        if isinstance(parent, ast.MatchClass) and parent.cls is not node:
            return self.source.span(parent).end
        return -1

    def _is_class_bracket(self, node: ast.expr, opening: int) -> bool:
        parent = self.tree.parent(node)
        return isinstance(parent, ast.ClassDef) and self.tokens.code[opening - 1].text not in ("(", ",", "@")

    def replace(self, node: ast.AST, text: str) -> Edit:
        """Return the edit that puts `text` in the place of a node; parentheses around it stay."""
        span = self.span(node)
        return Edit(span, self._apart(span, text))

    def wrap(self, node: ast.AST, before: str, after: str) -> tuple[Edit, ...]:
        """Return the edits that put text on both sides of a node.

        Parentheses around the node serve as those that `before` ends and `after` begins with; other text goes
        outside of them. A tuple without parentheses gets its own.
        """
        own, span, outer = self._whole(node), self.span(node), self.outer_span(node)
        if isinstance(own, ast.Tuple) and not self._is_primary(own, span):
            before, after = f"{before}(", f"){after}"
        if outer != span and before.endswith("(") and after.startswith(")"):
            before, after = before[:-1], after[1:]
        before = self._apart(Span(outer.start, outer.start), before, right=False)
        after = self._apart(Span(outer.end, outer.end), after, left=False)
        inserted = (Edit(Span(outer.start, outer.start), before), Edit(Span(outer.end, outer.end), after))
        return tuple(edit for edit in inserted if edit.text)

    def append(self, node: ast.AST, text: str) -> tuple[Edit, ...]:
        """Return the edits that put `text` directly after a node and the parentheses around it.

        Where `text` is an attribute, subscript or call that would bind to a part of the node alone, the node gets
        parentheses.
        """
        own, span, outer = self._whole(node), self.span(node), self.outer_span(node)
        end = Span(outer.end, outer.end)
        if (
            not isinstance(own, ast.expr)
            or outer != span
            or not text.startswith(_POSTFIX)
            or self._is_primary(own, span)
        ):
            return (Edit(end, self._apart(end, text, left=False)),)
        return (Edit(Span(outer.start, outer.start), "("), Edit(end, f"){text}"))

    def _is_primary(self, node: ast.expr, span: Span) -> bool:
        if isinstance(node, ast.Tuple | ast.GeneratorExp):
            return self.tokens.partner.get(self.tokens.starting_at(span.start)) == self.tokens.ending_at(span.end)
        if isinstance(node, ast.Constant):
            # `1.real` is no attribute access.
            return not isinstance(node.value, int | float | complex) or isinstance(node.value, bool)
        return isinstance(node, (*_PRIMARY, ast.JoinedStr))

    def rename_attribute(self, node: ast.Attribute, name: str) -> Edit:
        """Return the edit that changes the last name of an attribute access."""
        own = self.tree.own(node)
        if self.tree.in_template(own):
            return self._rename_in_template(own, node.attr, name)
        end = self.span(node).end
        if self.source.text.endswith(f".{node.attr}", 0, end):
            return Edit(Span(end - len(node.attr), end), name)
        last = self.tokens.code[self.tokens.ending_at(end)]
        return Edit(Span(last.start, last.end), name)

    def _rename_in_template(self, node: ast.AST, old: str, new: str) -> Edit:
        """Rename inside an f-string, where positions are not to be had: by the text, if the name stands there once."""
        template = self.tree.template(node)
        span = self.source.span(template)
        found = list(re.finditer(rf"\.({re.escape(old)})\b", self.source.text[span.start : span.end]))
        if len(found) != 1:
            raise CannotEditError(f"`{old}` cannot be told apart inside an f-string")
        return Edit(Span(span.start + found[0].start(1), span.start + found[0].end(1)), new)

    def rename_import(self, alias: ast.alias, name: str) -> Edit:
        """Return the edit that changes the imported name; `as` and the name after it stay."""
        span = self.span(alias)
        if self.source.text.startswith(alias.name, span.start):
            return Edit(Span(span.start, span.start + len(alias.name)), name)
        inside = [self.tokens.code[index] for index in self.tokens.between(span.start, span.end)]
        imported = inside[:-2] if alias.asname is not None else inside
        return Edit(Span(imported[0].start, imported[-1].end), name)

    def _apart(self, span: Span, text: str, left: bool = True, right: bool = True) -> str:
        """Return `text` with a blank where it would grow together with a word beside it."""
        if not text:
            return text
        if left and span.start > 0 and _is_word(self.source.text[span.start - 1]) and _is_word(text[0]):
            text = f" {text}"
        if right and span.end < len(self.source.text) and _is_word(text[-1]) and _is_word(self.source.text[span.end]):
            text = f"{text} "
        return text


def _is_word(character: str) -> bool:
    return character.isalnum() or character in "_\"'"
