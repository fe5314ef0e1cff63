"""Deleted statements and what stays of their lines."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Code

DELETE = {
    "a plain statement": ("a()\nb()\nc()\n", "b()", "a()\nc()\n"),
    "with the comment of its line, not those above": ("# c\na()  # d\nb()\n", "a()", "# c\nb()\n"),
    "the only one of a block": ("if x:\n    a()  # c\nb()\n", "a()", "if x:\n    pass\nb()\n"),
    "the only one of a file": ("a()\n", "a()", ""),
    "the only one of an else": ("if x:\n  a()\nelse:\n  b()\n", "b()", "if x:\n  a()\nelse:\n  pass\n"),
    "the only one on the line of its header": ("if x: a()  # c\n", "a()", "if x: pass  # c\n"),
    "the only one after a lambda colon": ("with x as y: a();\n", "a()", "with x as y: pass;\n"),
    "the last without newline": ("a()\nb()", "b()", "a()\n"),
    "the only one without newline": ("if x:\n  a()", "a()", "if x:\n  pass"),
    "the first of a line": ("a(); b(); c()  # d\n", "a()", "b(); c()  # d\n"),
    "in the middle of a line": ("a(); b(); c()\n", "b()", "a(); c()\n"),
    "the last of a line": ("a(); b(); c();\n", "c()", "a(); b();\n"),
    "of two after a header": ("if x: a(); b()\n", "b()", "if x: a()\n"),
    "over several lines": ("a()\nb(  # c\n    1,\n\n)  # d\ne()\n", "b(", "a()\ne()\n"),
    "continued": ("a()\nx = 1 + \\\n  2\nb()\n", "x", "a()\nb()\n"),
    "a loop with its last comments": ("a()\nfor x in y:\n  b()\n  # c\n# d\ne()\n", "for", "a()\n# d\ne()\n"),
    "decorated": ("a()\n@d\n# c\n@e\nasync def f(): pass\nb()\n", "async", "a()\nb()\n"),
    "carriage returns": ("if x:\r\n  a()\r\nb()\r\n", "a()", "if x:\r\n  pass\r\nb()\r\n"),
    "after a form feed": ("a()\n\fb()\nc()\n", "b()", "a()\n\fc()\n"),
}


@pytest.mark.parametrize(("before", "statement", "after"), DELETE.values(), ids=DELETE)
def test_a_deleted_statement_leaves_the_rest(
    code: Callable[[str], Code], before: str, statement: str, after: str
) -> None:
    text = code(before)
    assert text.after(text.editor.delete(text.statement(statement))) == after
