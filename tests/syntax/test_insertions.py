"""Lines that are put into blocks."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Code

INSERT_BEFORE = {
    "a plain statement": ("a()\nb()\n", "b()", "a()\nNEW\nb()\n"),
    "the first of the file": ("a()\n", "a()", "NEW\na()\n"),
    "below the statement's own comment": ("if x:\n    # c\n    a()\n", "a()", "if x:\n    # c\n    NEW\n    a()\n"),
    "a comment parted by a blank line": ("# c\n\na()\n", "a()", "# c\n\nNEW\na()\n"),
    "a decorated function": ("@d\n@e(1)\ndef f():\n    pass\n", "def f", "NEW\n@d\n@e(1)\ndef f():\n    pass\n"),
    "a line with semicolons": ("a(); b()\n", "a()", "NEW\na(); b()\n"),
    "between semicolons": ("if x:\n  a();  b(); c() # z\n", "b()", "if x:\n  a()\n  NEW\n  b(); c() # z\n"),
    "after a continued semicolon": ("a(); \\\n  b()\n", "b()", "a()\nNEW\nb()\n"),
    "tabs": ("if x:\n\tif y:\n\t\ta()\n", "a()", "if x:\n\tif y:\n\t\tNEW\n\t\ta()\n"),
    "carriage returns": ("if x:\r\n  a()\r\n", "a()", "if x:\r\n  NEW\r\n  a()\r\n"),
    "bare carriage returns": ("if x:\r  a()\r", "a()", "if x:\r  NEW\r  a()\r"),
    "a form feed": ("a()\n\fb()\n", "b()", "a()\n\fNEW\nb()\n"),
    "in an else block": ("if x:\n  a()\nelse:\n  b()\n", "b()", "if x:\n  a()\nelse:\n  NEW\n  b()\n"),
    "in an elif block": ("if x:\n  a()\nelif y:\n  b()\n", "b()", "if x:\n  a()\nelif y:\n  NEW\n  b()\n"),
    "in a finally block": ("try:\n a()\nfinally:\n b()\n", "b()", "try:\n a()\nfinally:\n NEW\n b()\n"),
    "in a handler": ("try:\n a()\nexcept E:\n b()\n", "b()", "try:\n a()\nexcept E:\n NEW\n b()\n"),
    "in a case": ("match x:\n case 1:\n  b()\n", "b()", "match x:\n case 1:\n  NEW\n  b()\n"),
    "a compound statement on one line": ("a()\nif x: b()\n", "if x", "a()\nNEW\nif x: b()\n"),
    "wide characters before it": ("é = '😀'; b()\n", "b()", "é = '😀'\nNEW\nb()\n"),
    "in a hand-laid region": ("# fmt: off\na( )\n# fmt: on\n", "a", "# fmt: off\nNEW\na( )\n# fmt: on\n"),
}


@pytest.mark.parametrize(("before", "anchor", "after"), INSERT_BEFORE.values(), ids=INSERT_BEFORE)
def test_lines_go_directly_above_a_statement(code: Callable[[str], Code], before: str, anchor: str, after: str) -> None:
    text = code(before)
    assert text.after(text.editor.insert_before(text.statement(anchor), "NEW")) == after


INSERT_AFTER = {
    "a plain statement": ("a()\nb()\n", "a()", "a()\nNEW\nb()\n"),
    "behind the comment of the line": ("a()  # c\nb()\n", "a()", "a()  # c\nNEW\nb()\n"),
    "no newline at the end": ("a()\nb()", "b()", "a()\nb()\nNEW"),
    "no newline but a comment at the end": ("a()\nb() # c", "b()", "a()\nb() # c\nNEW"),
    "no newline and a carriage return": ("a()\r\nb()", "b()", "a()\r\nb()\r\nNEW"),
    "a compound statement": ("for x in y:\n  a()\nb()\n", "for", "for x in y:\n  a()\nNEW\nb()\n"),
    "the last comment of a block": (
        "for x in y:\n  a()\n\n  # c\n\nb()\n",
        "for",
        "for x in y:\n  a()\n\n  # c\nNEW\n\nb()\n",
    ),
    "a comment of the outer block": ("for x in y:\n  a()\n# c\nb()\n", "for", "for x in y:\n  a()\nNEW\n# c\nb()\n"),
    "the last comment of a file": ("for x in y:\n  a()\n  # c", "for", "for x in y:\n  a()\n  # c\nNEW"),
    "a chain of branches": (
        "if x:\n  a()\nelif y:\n  b()\nelse:\n  c()\n",
        "if x",
        "if x:\n  a()\nelif y:\n  b()\nelse:\n  c()\nNEW\n",
    ),
    "the first of a line": ("a(); b()\n", "a()", "a()\nNEW\nb()\n"),
    "the last of a line": ("a(); b();  # c\n", "b()", "a(); b();  # c\nNEW\n"),
    "several lines": ("a(\n  1,\n)\nb()\n", "a(", "a(\n  1,\n)\nNEW\nb()\n"),
    "a continued line": ("x = 1 + \\\n  2\nb()\n", "x", "x = 1 + \\\n  2\nNEW\nb()\n"),
    "a string over lines that looks like comments": ('x = """\n# c\n"""\nb()\n', "x", 'x = """\n# c\n"""\nNEW\nb()\n'),
    "mixed newlines": ("a()\r\nb()\nc()\r", "b()", "a()\r\nb()\nNEW\r\nc()\r"),
}


@pytest.mark.parametrize(("before", "anchor", "after"), INSERT_AFTER.values(), ids=INSERT_AFTER)
def test_lines_go_directly_below_a_statement(code: Callable[[str], Code], before: str, anchor: str, after: str) -> None:
    text = code(before)
    assert text.after(text.editor.insert_after(text.statement(anchor), "NEW")) == after


def test_inserted_lines_get_indentation_and_keep_their_own(code: Callable[[str], Code]) -> None:
    text = code("if x:\n\ta()\n")
    edits = text.editor.insert_before(text.statement("a()"), "if y:", "    b()", "", "c()")
    assert text.after(edits) == "if x:\n\tif y:\n\t    b()\n\n\tc()\n\ta()\n"


def test_inserting_no_lines_is_no_edit(code: Callable[[str], Code]) -> None:
    text = code("a(); b()\n")
    assert text.editor.insert_before(text.statement("b()")) == ()


def test_a_line_that_holds_a_newline_is_an_error_of_the_caller(code: Callable[[str], Code]) -> None:
    text = code("a()\n")
    with pytest.raises(ValueError, match="one argument for each line"):
        text.editor.insert_before(text.statement("a()"), "b()\nc()")


@pytest.mark.parametrize(
    ("before", "owner", "after"),
    [
        ("for x in y:\n    a()\nelse:\n    b()\n", "for", "for x in y:\n    a()\n    NEW\nelse:\n    b()\n"),
        (
            "while x:\n  if y:\n    a()\n    # c\n  # d\nb()\n",
            "while",
            "while x:\n  if y:\n    a()\n    # c\n  NEW\n  # d\nb()\n",
        ),
        ("with x:\n\ta()", "with", "with x:\n\ta()\n\tNEW"),
        ("def f():\n  a(); b()\n", "def", "def f():\n  a(); b()\n  NEW\n"),
    ],
)
def test_lines_go_to_the_end_of_a_body(code: Callable[[str], Code], before: str, owner: str, after: str) -> None:
    text = code(before)
    assert text.after(text.editor.insert_at_end(text.statement(owner), "NEW")) == after


def test_the_body_of_a_case_has_an_end_though_a_case_has_no_place(code: Callable[[str], Code]) -> None:
    text = code("match x:\n  case 1:\n    a()\n  case _:\n    b()\n")
    case = next(node for node in ast.walk(text.module) if isinstance(node, ast.match_case))
    assert (
        text.after(text.editor.insert_at_end(case, "NEW"))
        == "match x:\n  case 1:\n    a()\n    NEW\n  case _:\n    b()\n"
    )
