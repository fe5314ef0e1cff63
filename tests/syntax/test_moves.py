"""Moved statements: what goes with them, and what stays."""

from __future__ import annotations

from collections.abc import Callable
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Code

LOOP = """\
for x in xs:
    a()

    # about b
    b()  # why b
    c()
    # the end
d()
"""


def lines(text: str) -> str:
    return dedent(text).lstrip("\n")


MOVE_AFTER = {
    "with its comments": (
        LOOP,
        "b()",
        "c()",
        lines("""
        for x in xs:
            a()

            c()
            # about b
            b()  # why b
            # the end
        d()
        """),
    ),
    "out of a loop": ("for x in y:\n    # c\n    a()\n    b()\n", "a()", "for", "for x in y:\n    b()\n# c\na()\n"),
    "out of an emptied loop": ("for x in y:\n    a()\nb()\n", "a()", "for", "for x in y:\n    pass\na()\nb()\n"),
    "into a loop": ("a()\nfor x in y:\n\tb()\n", "a()", "b()", "for x in y:\n\tb()\n\ta()\n"),
    "a comment of another indentation stays": (
        "if x:\n  # d\n    # c\n    a()\n    b()\n",
        "a()",
        "b()",
        "if x:\n  # d\n    b()\n    # c\n    a()\n",
    ),
    "a comment behind a blank line stays": ("# c\n\na()\nb()\n", "a()", "b()", "# c\n\nb()\na()\n"),
    "a script's head stays": (
        "#!python\n# coding: utf-8\n# c\na()\nb()\n",
        "a()",
        "b()",
        "#!python\n# coding: utf-8\nb()\n# c\na()\n",
    ),
    "a cell's border stays": ("# %% one\na()\nb()\n", "a()", "b()", "# %% one\nb()\na()\n"),
    "to an end without newline": ("a() # c\nb()", "a()", "b()", "b()\na() # c"),
    "keeps its own newline": ("a()\r\nb()\nc()\n", "b()", "c()", "a()\r\nc()\nb()\n"),
    "a block with its nested lines": (
        "if x:\n  if y:\n    a(\n  1)\n\n    b()\n  c()\n",
        "if y",
        "if x",
        "if x:\n  c()\nif y:\n  a(\n1)\n\n  b()\n",
    ),
    "the first of a line": ("a(); b()\nc()\n", "a()", "c()", "b()\nc()\na()\n"),
    "the last of a line": ("a(); b() # d\nc()\n", "b()", "c()", "a() # d\nc()\nb()\n"),
    "to the end of its line": ("a(); b(); c()\n", "a()", "c()", "b(); c()\na()\n"),
    "within its line": ("a(); b(); c()\n", "a()", "b()", "b()\na()\nc()\n"),
    "off a header's line": ("if x: a(); b()\nc()\n", "b()", "c()", "if x: a()\nc()\nb()\n"),
    "all of a header's line": ("if x: a()\nc()\n", "a()", "c()", "if x: pass\nc()\na()\n"),
    "a string over lines at the same depth": ('x = """\n  y\n"""\nb()\n', "x", "b()", 'b()\nx = """\n  y\n"""\n'),
    "decorated": ("@d\ndef f():\n  pass\nb()\n", "def", "b()", "b()\n@d\ndef f():\n  pass\n"),
    "the last out of an end without newline": ("for x in y:\n  a()\n  b()", "b()", "for", "for x in y:\n  a()\nb()"),
    "within a hand-laid region": (
        "# fmt: off\na( )\nb( )\n# fmt: on\n",
        "a",
        "b",
        "# fmt: off\nb( )\na( )\n# fmt: on\n",
    ),
    "past a hand-laid region": (
        "a()\n# fmt: off\nb( )\n# fmt: on\nc()\n",
        "a()",
        "c()",
        "# fmt: off\nb( )\n# fmt: on\nc()\na()\n",
    ),
    "with a region inside it": (
        "if x:\n  # fmt: off\n  a( )\n  # fmt: on\n  b()\nc()\n",
        "if",
        "c()",
        "c()\nif x:\n  # fmt: off\n  a( )\n  # fmt: on\n  b()\n",
    ),
    "past a region that its block ends": (
        "if x:\n  # fmt: off\n  a( )\nb()\nc()\n",
        "b()",
        "c()",
        "if x:\n  # fmt: off\n  a( )\nc()\nb()\n",
    ),
}


@pytest.mark.parametrize(("before", "statement", "anchor", "after"), MOVE_AFTER.values(), ids=MOVE_AFTER)
def test_a_statement_moves_behind_another(
    code: Callable[[str], Code], before: str, statement: str, anchor: str, after: str
) -> None:
    text = code(before)
    assert text.after(text.editor.move_after(text.statement(statement), text.statement(anchor))) == after


MOVE_BEFORE = {
    "above the other's comments": ("# a\na()\n\n# b\nb()\n", "b()", "a()", "# b\nb()\n# a\na()\n\n"),
    "into a block": ("if x:\n\t# c\n\tc()\na()  # a\n", "a()", "c()", "if x:\n\ta()  # a\n\t# c\n\tc()\n"),
    "out of a block": ("if x:\n    a()\n", "a()", "if", "a()\nif x:\n    pass\n"),
    "between semicolons": ("a(); b()\nc()\n", "c()", "b()", "a()\nc()\nb()\n"),
    "from an end without newline": ("a()\nb()", "b()", "a()", "b()\na()\n"),
    "from one depth to another": (
        "def f():\n        a()\nif x:\n  b()\n",
        "a()",
        "b()",
        "def f():\n        pass\nif x:\n  a()\n  b()\n",
    ),
}


@pytest.mark.parametrize(("before", "statement", "anchor", "after"), MOVE_BEFORE.values(), ids=MOVE_BEFORE)
def test_a_statement_moves_before_another(
    code: Callable[[str], Code], before: str, statement: str, anchor: str, after: str
) -> None:
    text = code(before)
    assert text.after(text.editor.move_before(text.statement(statement), text.statement(anchor))) == after


def test_a_statement_moves_to_the_end_of_a_body(code: Callable[[str], Code]) -> None:
    text = code(LOOP)
    edits = text.editor.move_to_end(text.statement("a()"), text.statement("for"))
    assert text.after(edits) == lines("""
        for x in xs:

            # about b
            b()  # why b
            c()
            a()
            # the end
        d()
        """)


@pytest.mark.parametrize("method", ["move_before", "move_after"])
def test_a_statement_that_stands_there_already_is_not_edited(code: Callable[[str], Code], method: str) -> None:
    text = code("a()\n# c\nb()\n")
    nodes = text.statement("a()"), text.statement("b()")
    assert getattr(text.editor, method)(*(nodes if method == "move_before" else nodes[::-1])) == ()
    assert getattr(text.editor, method)(nodes[0], nodes[0]) == ()
