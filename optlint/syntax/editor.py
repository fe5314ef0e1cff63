"""The editor of a file: rules name nodes and ask for edits, the rest of the text stays byte for byte.

Everything is found by `ast` and `tokenize`, which read the same files with the same positions and are loaded anyway;
nothing is read before the first edit is asked for.
"""

from __future__ import annotations

import ast
from functools import cached_property

from optlint.source.text import Source, SourceError, parse
from optlint.syntax import arguments, moves
from optlint.syntax.expressions import Expressions
from optlint.syntax.moves import Edits
from optlint.syntax.statements import Statements
from optlint.syntax.tokens import CannotEditError, Tokens
from optlint.syntax.tree import Tree

__all__ = ["CannotEditError", "Editor", "Edits"]


class Editor:
    """Makes edits of one file; it changes nothing itself.

    Nodes are those of `ast.parse(source.text)`, from any call of it; with `module`, its nodes are the ones returned.
    Every method raises CannotEditError, with the reason, where the text cannot be edited as asked.
    Where a statement is asked for, an expression stands for the innermost statement that holds it.
    """

    def __init__(self, source: Source, module: ast.Module | None = None) -> None:
        self.source = source
        self._module = module

    @cached_property
    def _tree(self) -> Tree:
        if self._module is not None:
            return Tree(self._module)
        try:
            return Tree(parse(self.source.text))
        except SourceError as error:
            raise CannotEditError(f"the file does not parse: {error.reason}") from None

    @cached_property
    def _tokens(self) -> Tokens:
        return Tokens(self.source)

    @cached_property
    def _expressions(self) -> Expressions:
        return Expressions(self.source, self._tree, lambda: self._tokens)

    @cached_property
    def _statements(self) -> Statements:
        return Statements(self.source, self._tree, self._tokens)

    def text(self, node: ast.AST) -> str:
        """Return the text of a node, without parentheses around it; inside an f-string, a text that means the same."""
        if self._tree.in_template(self._tree.own(node)):
            return ast.unparse(node)
        span = self._expressions.span(node)
        return self.source.text[span.start : span.end]

    def replace(self, node: ast.AST, text: str) -> Edits:
        """Put `text` in the place of a node; parentheses around it stay."""
        return (self._expressions.replace(node, text),)

    def wrap(self, node: ast.AST, before: str, after: str) -> Edits:
        """Put text on both sides of a node, as in `wrap(node, "scaler.scale(", ")")`.

        Parentheses around the node become those of the text where it has a pair, and else stay inside it.
        """
        return self._expressions.wrap(node, before, after)

    def append(self, node: ast.AST, text: str) -> Edits:
        """Put `text` directly after a node, as in `append(node, ".detach()")`; it gets parentheses where needed."""
        return self._expressions.append(node, text)

    def rename_attribute(self, node: ast.Attribute, name: str) -> Edits:
        """Change the last name of an attribute access."""
        return (self._expressions.rename_attribute(node, name),)

    def rename_import(self, alias: ast.alias, name: str) -> Edits:
        """Change the name that is imported; the name after `as` stays."""
        return (self._expressions.rename_import(alias, name),)

    def remove_argument(self, call: ast.Call, argument: ast.expr | ast.keyword) -> Edits:
        """Take an argument out of a call, with its comma and, where it has them to itself, its lines."""
        return arguments.remove_argument(self._expressions, call, argument)

    def add_argument(self, call: ast.Call, text: str) -> Edits:
        """Add a keyword argument behind the others, laid out as the last one is."""
        return arguments.add_argument(self._expressions, call, text)

    def insert_before(self, node: ast.AST, *lines: str) -> Edits:
        """Put lines directly above the first line of a statement; they carry neither indentation nor newline."""
        gap = moves.gap_before(self._statements, self._statements.place(node), above_comments=False)
        return moves.insert(self._statements, gap, lines)

    def insert_after(self, node: ast.AST, *lines: str) -> Edits:
        """Put lines directly below a statement, in its block."""
        gap = moves.gap_after(self._statements, self._statements.place(node))
        return moves.insert(self._statements, gap, lines)

    def insert_at_end(self, owner: ast.AST, *lines: str) -> Edits:
        """Put lines at the end of the body of a compound statement, handler or case."""
        return self.insert_after(_last(owner), *lines)

    def delete(self, node: ast.AST) -> Edits:
        """Delete a statement and the comment on its line; an emptied block gets `pass`, comment lines above stay."""
        return (moves.deletion(self._statements, self._statements.place(node)),)

    def move_before(self, node: ast.AST, anchor: ast.AST) -> Edits:
        """Move a statement with its comments directly before another one and the comments of that."""
        place, target = self._statements.place(node), self._statements.place(anchor)
        if place.node is target.node or self._follows(target.node, place.node):
            return ()
        return moves.move(self._statements, place, moves.gap_before(self._statements, target, above_comments=True))

    def move_after(self, node: ast.AST, anchor: ast.AST) -> Edits:
        """Move a statement with its comments directly behind another one."""
        place, target = self._statements.place(node), self._statements.place(anchor)
        if place.node is target.node or self._follows(place.node, target.node):
            return ()
        return moves.move(self._statements, place, moves.gap_after(self._statements, target))

    def move_to_end(self, node: ast.AST, owner: ast.AST) -> Edits:
        """Move a statement with its comments to the end of the body of a compound statement, handler or case."""
        return self.move_after(node, _last(owner))

    def same_block(self, a: ast.AST, b: ast.AST) -> bool:
        """Say whether two statements stand in one block."""
        tree = self._tree
        return tree.slot(tree.statement(a)).block is tree.slot(tree.statement(b)).block

    def statements_between(self, a: ast.AST, b: ast.AST) -> tuple[ast.stmt, ...]:
        """Return the statements strictly between two of the same block, in the order of the text."""
        if not self.same_block(a, b):
            raise CannotEditError("the statements stand in different blocks")
        slots = [self._tree.slot(self._tree.statement(node)) for node in (a, b)]
        first, last = sorted(slot.index for slot in slots)
        return tuple(slots[0].block.statements[first + 1 : last])

    def _follows(self, later: ast.stmt, earlier: ast.stmt) -> bool:
        after, before = self._tree.slot(later), self._tree.slot(earlier)
        return after.block is before.block and after.index == before.index + 1


def _last(owner: ast.AST) -> ast.stmt:
    body = getattr(owner, "body", None)
    if not isinstance(body, list) or not body:
        raise CannotEditError(f"a {type(owner).__name__} has no body")
    last = body[-1]
    assert isinstance(last, ast.stmt)
    return last
