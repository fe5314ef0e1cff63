"""Replacing, wrapping and renaming expressions: parentheses and words beside them."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from optlint.source.text import parse
from optlint.syntax.editor import CannotEditError, Editor

if TYPE_CHECKING:
    from conftest import Code


@pytest.mark.parametrize(
    ("before", "node", "new", "after"),
    [
        ("f(a, b)\n", "a", "x.y", "f(x.y, b)\n"),
        ("y = (a + b)\n", "a + b", "c", "y = (c)\n"),
        ("y = x if'a'else b\n", "'a'", "c", "y = x if c else b\n"),
        ("def f():\n  return(a)\n", "a", "b", "def f():\n  return(b)\n"),
        ("é = 'ü'; f('😀', a)\n", "a", "b", "é = 'ü'; f('😀', b)\n"),
        ("f(x for x in y)\n", "(x for x in y)", "z", "f(z)\n"),
        ("f(  # c\n  x for x in y\n)\n", "(  # c\n  x for x in y\n)", "z", "f(  # c\n  z\n)\n"),
        ("# fmt: off\nf( a )\n# fmt: on\n", "a", "b", "# fmt: off\nf( b )\n# fmt: on\n"),
        ("x = a\n", "x = a", "y = b", "y = b\n"),
    ],
)
def test_a_replaced_node_leaves_all_around_it(
    code: Callable[[str], Code], before: str, node: str, new: str, after: str
) -> None:
    text = code(before)
    assert text.after(text.editor.replace(text.node(node), new)) == after


@pytest.mark.parametrize(
    ("before", "node", "put", "after"),
    [
        ("loss.backward()\n", "loss", ("s.scale(", ")"), "s.scale(loss).backward()\n"),
        ("(a / n).backward()\n", "a / n", ("s.scale(", ")"), "s.scale(a / n).backward()\n"),
        ("((a / n)).b()\n", "a / n", ("f(", ")"), "f((a / n)).b()\n"),
        ("def f():\n  return(a)\n", "a", ("f(", ")"), "def f():\n  return f(a)\n"),
        ("print(a)\n", "a", ("f(", ")"), "print(f(a))\n"),
        ("print((a))\n", "a", ("f(", ")"), "print(f(a))\n"),
        ("print(k=(a))\n", "a", ("f(", ")"), "print(k=f(a))\n"),
        ("print(*a)\n", "a", ("f(", ")"), "print(*f(a))\n"),
        ("print(k=a)\n", "a", ("f(", ")"), "print(k=f(a))\n"),
        ("x = (a + b)\n", "a + b", ("[", "]"), "x = [(a + b)]\n"),
        ("x = (a, b)\n", "(a, b)", ("f(", ")"), "x = f((a, b))\n"),
        ("x = a, b\n", "a, b", ("f(", ")"), "x = f((a, b))\n"),
        ("x[a, b]\n", "a, b", ("f(", ")"), "x[f((a, b))]\n"),
        ("f(x for x in y)\n", "(x for x in y)", ("list(", ")"), "f(list(x for x in y))\n"),
        ("class A(B): pass\n", "B", ("f(", ")"), "class A(f(B)): pass\n"),
        ("class A((B), C): pass\n", "B", ("f(", ")"), "class A(f(B), C): pass\n"),
        ("class A((B)): pass\n", "B", ("f(", ")"), "class A(f(B)): pass\n"),
        ("@(a)\ndef f(): pass\n", "a", ("g(", ")"), "@g(a)\ndef f(): pass\n"),
        ("x = (  # c\n  a\n  + b\n)\n", "a\n  + b", ("f(", ")"), "x = f(  # c\n  a\n  + b\n)\n"),
        ("(yield_)(a)\n", "yield_", ("f(", ")"), "f(yield_)(a)\n"),
        ("match x:\n  case A(1): pass\n", "1", ("-", ""), "match x:\n  case A(-1): pass\n"),
    ],
)
def test_a_wrapped_node_uses_its_own_parentheses_and_no_others(
    code: Callable[[str], Code], before: str, node: str, put: tuple[str, str], after: str
) -> None:
    text = code(before)
    assert text.after(text.editor.wrap(text.node(node, ast.expr), *put)) == after


@pytest.mark.parametrize(
    ("before", "node", "after"),
    [
        ("f(a)\n", "a", "f(a.x())\n"),
        ("f(a + b)\n", "a + b", "f((a + b).x())\n"),
        ("f((a + b))\n", "a + b", "f((a + b).x())\n"),
        ("f(-a)\n", "-a", "f((-a).x())\n"),
        ("f(1)\n", "1", "f((1).x())\n"),
        ("f('a')\n", "'a'", "f('a'.x())\n"),
        ("f(a[0])\n", "a[0]", "f(a[0].x())\n"),
        ("async def g():\n  await a\n", "await a", "async def g():\n  (await a).x()\n"),
        ("x = a, b\n", "a, b", "x = (a, b).x()\n"),
        ("x = (a, b)\n", "(a, b)", "x = (a, b).x()\n"),
        ("x = (a), (b)\n", "(a), (b)", "x = ((a), (b)).x()\n"),
        ("f(x for x in y)\n", "(x for x in y)", "f((x for x in y).x())\n"),
        ("f((x for x in y))\n", "(x for x in y)", "f((x for x in y).x())\n"),
        ("x = lambda: 1\n", "lambda: 1", "x = (lambda: 1).x()\n"),
    ],
)
def test_what_is_appended_binds_to_the_whole_node(
    code: Callable[[str], Code], before: str, node: str, after: str
) -> None:
    text = code(before)
    assert text.after(text.editor.append(text.node(node, ast.expr), ".x()")) == after


def test_appended_text_that_does_not_bind_gets_no_parentheses(code: Callable[[str], Code]) -> None:
    text = code("f(a + b)\n")
    assert text.after(text.editor.append(text.node("a + b"), " + c")) == "f(a + b + c)\n"


@pytest.mark.parametrize(
    ("before", "node", "after"),
    [
        ("a.b.c(1)\n", "a.b.c", "a.b.NEW(1)\n"),
        ("a.b.c(1)\n", "a.b", "a.NEW.c(1)\n"),
        ("x = (a\n  .b(2)  # c\n  . c)\n", "a\n  .b(2)  # c\n  . c", "x = (a\n  .b(2)  # c\n  . NEW)\n"),
    ],
)
def test_only_the_last_name_of_an_attribute_changes(
    code: Callable[[str], Code], before: str, node: str, after: str
) -> None:
    text = code(before)
    found = text.node(node, ast.Attribute)
    assert isinstance(found, ast.Attribute)
    assert text.after(text.editor.rename_attribute(found, "NEW")) == after


@pytest.mark.parametrize(
    ("before", "alias", "after"),
    [
        ("from a import b, c\n", "b", "from a import NEW, c\n"),
        ("from a import (\n  b as d,  # e\n)\n", "b as d", "from a import (\n  NEW as d,  # e\n)\n"),
        ("import a.b as c, d\n", "a.b as c", "import NEW as c, d\n"),
        ("import a . b\n", "a . b", "import NEW\n"),
    ],
)
def test_an_imported_name_changes_and_its_other_name_stays(
    code: Callable[[str], Code], before: str, alias: str, after: str
) -> None:
    text = code(before)
    found = text.node(alias, ast.alias)
    assert isinstance(found, ast.alias)
    assert text.after(text.editor.rename_import(found, "NEW")) == after


def test_the_text_of_a_node_is_the_files(code: Callable[[str], Code]) -> None:
    text = code("é = f( 1,2 )  # c\n")
    assert text.editor.text(text.node("f( 1,2 )")) == "f( 1,2 )"


def test_inside_an_f_string_a_node_has_a_text_and_no_edits(code: Callable[[str], Code]) -> None:
    text = code("x = f'{a.b:>{w}}'\n")
    node = next(node for node in ast.walk(text.module) if isinstance(node, ast.Attribute))
    assert text.editor.text(node) == "a.b"
    with pytest.raises(CannotEditError, match="f-string"):
        text.editor.replace(node, "c")


@pytest.mark.parametrize(("before", "node"), [("f(*a)\n", "*a"), ("x[1:2]\n", "1:2"), ("x[1:2, 3]\n", "1:2, 3")])
def test_a_part_of_other_syntax_is_neither_wrapped_nor_appended_to(
    code: Callable[[str], Code], before: str, node: str
) -> None:
    text = code(before)
    with pytest.raises(CannotEditError, match="part of the syntax around it"):
        text.editor.wrap(text.node(node), "f(", ")")
    with pytest.raises(CannotEditError, match="part of the syntax around it"):
        text.editor.append(text.node(node), ".x")


def test_nodes_of_an_f_string_that_claim_one_place_are_not_mistaken(code: Callable[[str], Code]) -> None:
    text = code("x = f'{a}one{b}two{c}'\n")
    for node in ast.walk(text.module):
        if isinstance(node, ast.Constant):
            try:
                found = text.editor.text(node)
            except CannotEditError:
                # Python 3.11 gives both texts the place of the whole string.
                continue
            assert found == ast.unparse(node)


def test_an_f_string_itself_is_edited(code: Callable[[str], Code]) -> None:
    text = code("f(f'''{a}\n''', b)\n")
    assert (
        text.after(text.editor.wrap(text.node("f'''{a}\n'''", ast.JoinedStr), "g(", ")")) == "f(g(f'''{a}\n'''), b)\n"
    )


def test_nodes_of_a_tree_that_is_given_come_back(code: Callable[[str], Code]) -> None:
    text = code("a()\nb()\nc()\n")
    editor = Editor(text.source, text.module)
    assert editor.statements_between(text.module.body[0], text.module.body[2]) == (text.module.body[1],)


def test_a_node_of_another_text_is_refused(code: Callable[[str], Code]) -> None:
    text = code("a()\n")
    other = parse("\n\nb()\n").body[0]
    with pytest.raises(CannotEditError, match="no Expr of this text"):
        text.editor.delete(other)


def test_a_node_without_a_place_is_refused(code: Callable[[str], Code]) -> None:
    text = code("with a as b:\n  c()\n")
    statement = text.module.body[0]
    assert isinstance(statement, ast.With)
    with pytest.raises(CannotEditError, match="no withitem of this text"):
        text.editor.replace(statement.items[0], "d")


def test_a_file_that_does_not_parse_is_refused_on_use_alone(code: Callable[[str], Code]) -> None:
    good = code("a()\n")
    editor = Editor(good.source.with_text("a(\n"))
    with pytest.raises(CannotEditError, match="does not parse"):
        editor.delete(good.module.body[0])
