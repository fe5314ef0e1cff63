"""Which statement a node stands for, and which stand beside it."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from optlint.source.text import parse
from optlint.syntax.editor import CannotEditError
from optlint.syntax.tree import Tree

if TYPE_CHECKING:
    from conftest import Code


def test_an_expression_stands_for_its_innermost_statement(code: Callable[[str], Code]) -> None:
    text = code("if x:\n  y = f(g(1))\nz()\n")
    edits = text.editor.insert_before(text.node("g(1)"), "NEW")
    assert text.after(edits) == "if x:\n  NEW\n  y = f(g(1))\nz()\n"


def test_an_expression_in_a_header_stands_for_the_whole_statement(code: Callable[[str], Code]) -> None:
    text = code("for x in f():\n  a()\n")
    assert text.after(text.editor.insert_after(text.node("f()"), "NEW")) == "for x in f():\n  a()\nNEW\n"


def test_an_expression_in_an_f_string_stands_for_its_statement(code: Callable[[str], Code]) -> None:
    text = code("a()\nprint(f'{b.c}')\n")
    node = next(node for node in ast.walk(text.module) if isinstance(node, ast.Attribute))
    assert text.after(text.editor.insert_before(node, "NEW")) == "a()\nNEW\nprint(f'{b.c}')\n"


def test_blocks_and_the_statements_between(code: Callable[[str], Code]) -> None:
    text = code("a()\nb()\nif x:\n  c()\nelse:\n  d()\ne()\n")
    a, c, d, e = (text.statement(f"{name}()") for name in "acde")
    assert text.editor.same_block(a, e)
    assert not text.editor.same_block(a, c)
    assert not text.editor.same_block(c, d)
    between = text.editor.statements_between(a, e)
    assert [ast.unparse(node).splitlines()[0] for node in between] == ["b()", "if x:"]
    assert text.editor.statements_between(e, a) == between
    assert text.editor.statements_between(a, a) == ()
    with pytest.raises(CannotEditError, match="different blocks"):
        text.editor.statements_between(c, d)


def test_a_place_that_two_nodes_claim_names_none_of_them() -> None:
    module = parse("f(a, b)\n")
    names = [node for node in ast.walk(module) if isinstance(node, ast.Name)]
    for name in names:
        ast.copy_location(name, names[0])
    tree = Tree(module)
    assert tree.own(names[1]) is names[1]
    with pytest.raises(CannotEditError, match="no Name of this text"):
        tree.own(ast.copy_location(ast.Name("a"), names[0]))
