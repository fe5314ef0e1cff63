"""Edits of statements that would harm are refused with the reason."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from optlint.syntax.editor import CannotEditError

if TYPE_CHECKING:
    from conftest import Code

REFUSED = {
    "a string over lines in a move to another depth": (
        'if x:\n  y = """\n  z"""\n  b()\n',
        "move_after",
        "y",
        "if",
        "string over several lines",
    ),
    "an insertion into the line of a header": ("if x: a()\n", "insert_before", "a()", "", "line of its header"),
    "an insertion after a statement on the line of a header": (
        "if x: a()\n",
        "insert_after",
        "a()",
        "",
        "line of its header",
    ),
    "a move into the line of a header": ("if x: a()\nb()\n", "move_before", "b()", "a()", "line of its header"),
    "a line after a return": ("def f():\n  return 1\n", "insert_after", "return", "", "nothing after `return` runs"),
    "a line before an elif": ("if x:\n  a()\nelif y:\n  b()\n", "insert_before", "elif", "", "`elif`"),
    "a deleted elif": ("if x:\n  a()\nelif y:\n  b()\n", "delete", "elif", "", "`elif`"),
    "a line before a docstring": ('"""Doc."""\na()\n', "insert_before", '"""', "", "docstring"),
    "a line before a future import": (
        "from __future__ import annotations\n",
        "insert_before",
        "from",
        "",
        "stay first",
    ),
    "a line between docstring and future import": (
        '"""D."""\nfrom __future__ import x\n',
        "insert_after",
        '"""',
        "",
        "stay first",
    ),
    "a move into itself": ("for x in y:\n  a()\n", "move_before", "for", "a()", "into itself"),
    "a move into a hand-laid region": (
        "# fmt: off\na( )\nb( )\n# fmt: on\nc()\n",
        "move_before",
        "c()",
        "b",
        "by hand",
    ),
    "a move out of a hand-laid region": (
        "# fmt: off\na( )\nb( )\n# fmt: on\nc()\n",
        "move_after",
        "b",
        "c()",
        "by hand",
    ),
    "a move out of a region without end": ("a()\n# fmt: off\nb( )\nc( )\n", "move_before", "c", "a()", "by hand"),
    "a move out of a region that its block ends": (
        "if x:\n  # fmt: off\n  a( )\n  b()\nc()\n",
        "move_after",
        "b()",
        "c()",
        "by hand",
    ),
    "a move of a skipped line": ("a( )  # fmt: skip\nb()\n", "move_after", "a", "b()", "by hand"),
    "a move of skipped lines": ("a(1,\n 2)  # fmt: skip\nb()\n", "move_after", "a", "b()", "by hand"),
    "another depth for a region": (
        "if x:\n if y:\n  # fmt: off\n  a( )\n  # fmt: on\n  b()\n c()\n",
        "move_after",
        "if y",
        "if x",
        "by hand",
    ),
    "a nested block whose blanks cannot follow": (
        "if x:\n \tif y:\n\t  \ta()\nif z:\n\t\t\tb()\n",
        "move_after",
        "if y",
        "b()",
        "does not fit there",
    ),
    "a line that continues an empty one": ("if x:\n  a()\n\\\nb()\n", "delete", "b()", "", "continues an empty one"),
}


@pytest.mark.parametrize(("before", "method", "statement", "anchor", "reason"), REFUSED.values(), ids=REFUSED)
def test_an_edit_that_would_harm_is_refused_with_the_reason(
    code: Callable[[str], Code], before: str, method: str, statement: str, anchor: str, reason: str
) -> None:
    text = code(before)
    further = ["NEW"] if method.startswith("insert") else [text.statement(anchor)] if anchor else []
    with pytest.raises(CannotEditError, match=reason):
        getattr(text.editor, method)(text.statement(statement), *further)
