"""Adding and removing the arguments of calls: commas, lines and comments."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from optlint.syntax.editor import CannotEditError

if TYPE_CHECKING:
    from conftest import Code

REMOVE = {
    "the only one": ("f(x)\n", "x", "f()\n"),
    "the only one with a comma": ("f( x, )\n", "x", "f()\n"),
    "the only one, a generator": ("f(x for y in z)\n", "x for y in z", "f()\n"),
    "the first": ("f(x, b)\n", "x", "f(b)\n"),
    "in the middle": ("f(a, x=1, b=2)\n", "x=1", "f(a, b=2)\n"),
    "the last": ("f(a, x=1)\n", "x=1", "f(a)\n"),
    "the last with a comma": ("f(a, x=1,)\n", "x=1", "f(a,)\n"),
    "in parentheses": ("f(a, ((x)), b)\n", "x", "f(a, b)\n"),
    "with commas inside it": ("f(a, x=g(1, [2, 3]), b=2)\n", "x=g(1, [2, 3])", "f(a, b=2)\n"),
    "behind a lambda": ("f(lambda a, b=lambda c, d: 1: (a, b), x)\n", "x", "f(lambda a, b=lambda c, d: 1: (a, b))\n"),
    "a lambda with commas": ("f(lambda a, b=lambda c, d: 1: 2, c)\n", "lambda a, b=lambda c, d: 1: 2", "f(c)\n"),
    "a generator with bare targets": ("f(x for x, y in z)\n", "x for x, y in z", "f()\n"),
    "unpacked": ("f(a, *x, **b)\n", "*x", "f(a, **b)\n"),
    "unpacked keywords": ("f(a, **x)\n", "**x", "f(a)\n"),
    "a line": ("f(\n    a,\n    x=1,  # c\n    b=2,\n)\n", "x=1", "f(\n    a,\n    b=2,\n)\n"),
    "the first line": ("f(\n    x,\n    b,\n)\n", "x", "f(\n    b,\n)\n"),
    "the last line": ("f(\n    a,  # c\n    x=1  # d\n)\n", "x=1", "f(\n    a,  # c\n)\n"),
    "the only line": ("f(\n    x,  # d\n)\n", "x", "f(\n)\n"),
    "several lines": (
        "f(\n    a,\n    x=[\n        1,\n    ],\n    b=2,\n)\n",
        "x=[\n        1,\n    ]",
        "f(\n    a,\n    b=2,\n)\n",
    ),
    "a line but not the comment above": (
        "f(\n    a,\n    # c\n    x,\n    b,\n)\n",
        "x",
        "f(\n    a,\n    # c\n    b,\n)\n",
    ),
    "aligned, the first": ("f(x,\n  b)\n", "x", "f(b)\n"),
    "aligned, the first with its comment": ("f(x,  # c\n  # d\n  b)\n", "x", "f(\n  # d\n  b)\n"),
    "aligned, in the middle": ("f(a,\n  x,  # c\n  b)\n", "x", "f(a,\n  b)\n"),
    "aligned, the last": ("f(a,\n  x)\n", "x", "f(a)\n"),
    "aligned, the last behind a comment": ("f(a,  # c\n  x)\n", "x", "f(a,  # c\n)\n"),
    "at the end of a shared line": ("f(a, x,  # c\n  b)\n", "x", "f(a,  # c\n  b)\n"),
    "at the start of a shared line": ("f(a,\n  x, b,\n  c)\n", "x", "f(a,\n  b,\n  c)\n"),
    "carriage returns": ("f(\r\n  a,\r\n  x,\r\n)\r\n", "x", "f(\r\n  a,\r\n)\r\n"),
    "of a call that is called": ("f(x)(x, b)\n", "x", "f()(x, b)\n"),
}


def given(call: ast.Call) -> list[ast.expr | ast.keyword]:
    return [*call.args, *call.keywords]


@pytest.mark.parametrize(("before", "argument", "after"), REMOVE.values(), ids=REMOVE)
def test_an_argument_goes_with_its_comma_and_lines(
    code: Callable[[str], Code], before: str, argument: str, after: str
) -> None:
    text = code(before)
    calls = [node for node in ast.walk(text.module) if isinstance(node, ast.Call)]
    places: list[tuple[ast.Call, ast.expr | ast.keyword]] = [
        (call, item) for call in sorted(calls, key=lambda call: text.source.span(call).end) for item in given(call)
    ]
    call, found = next((call, item) for call, item in places if text.editor.text(item) == argument)
    assert text.after(text.editor.remove_argument(call, found)) == after


ADD = {
    "to none": ("f()\n", "f(x=1)\n"),
    "to a comment": ("f(  # c\n)\n", "f(x=1  # c\n)\n"),
    "to one": ("f(a)\n", "f(a, x=1)\n"),
    "behind a comma": ("f(a,)\n", "f(a, x=1,)\n"),
    "behind unpacked keywords": ("f(a, **b)\n", "f(a, **b, x=1)\n"),
    "to a generator": ("f(a for a in b)\n", "f((a for a in b), x=1)\n"),
    "to a generator that starts with a parenthesis": ("f((a) for a in (b))\n", "f(((a) for a in (b)), x=1)\n"),
    "to a generator with bare targets": ("f(a for a, b in c)\n", "f((a for a, b in c), x=1)\n"),
    "to a generator in parentheses": ("f((a for a in b))\n", "f((a for a in b), x=1)\n"),
    "on a line of its own": ("f(\n    a,\n    b,  # c\n)\n", "f(\n    a,\n    b,  # c\n    x=1,\n)\n"),
    "on a line of its own without comma": ("f(\n\ta,\n\tb\n)\n", "f(\n\ta,\n\tb,\n\tx=1\n)\n"),
    "on a line behind a comment without comma": ("f(\n    a  # c\n)\n", "f(\n    a,  # c\n    x=1\n)\n"),
    "aligned": ("f(a,\n  b)\n", "f(a,\n  b, x=1)\n"),
    "several on a line": ("f(\n    a, b\n)\n", "f(\n    a, b, x=1\n)\n"),
    "behind lines": ("f(a, [\n    1,\n])\n", "f(a, [\n    1,\n], x=1)\n"),
    "carriage returns": ("f(\r\n  a,\r\n)\r\n", "f(\r\n  a,\r\n  x=1,\r\n)\r\n"),
}


@pytest.mark.parametrize(("before", "after"), ADD.values(), ids=ADD)
def test_an_argument_is_added_as_the_last_one_is_laid_out(code: Callable[[str], Code], before: str, after: str) -> None:
    text = code(before)
    statement = text.module.body[0]
    assert isinstance(statement, ast.Expr)
    assert isinstance(statement.value, ast.Call)
    assert text.after(text.editor.add_argument(statement.value, "x=1")) == after


def test_an_argument_of_another_call_is_refused(code: Callable[[str], Code]) -> None:
    text = code("f(a, g(b))\n")
    call, inner = text.node("f(a, g(b))", ast.Call), text.node("b")
    assert isinstance(call, ast.Call)
    assert isinstance(inner, ast.expr)
    with pytest.raises(CannotEditError, match="not one of the call's"):
        text.editor.remove_argument(call, inner)
