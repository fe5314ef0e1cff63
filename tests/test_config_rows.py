"""Where keys stand in a TOML text."""

from __future__ import annotations

import pytest

from optlint.config_rows import rows, unfinished_row


@pytest.mark.parametrize(
    ("text", "path", "row"),
    [
        ("a = 1\nb = 2\n", "b", 2),
        ("# b = 1\n\nb = 2\n", "b", 3),
        ('a = """\nb = 1\n"""\nb = 2\n', "b", 4),
        ("a = [\n  1,\n  # b = 1\n]\nb = 2", "b", 5),
        ("[tool.x]\na = 1\n[tool.optlint]\na = 2\n", "tool.optlint.a", 4),
        ("[tool.optlint.per-file-ignores]\n'x' = []\n", "tool.optlint.per-file-ignores", 1),
        ("[tool]\noptlint.a = 1\n", "tool.optlint.a", 2),
        ("[tool]\noptlint = { a = 1 }\n", "tool.optlint.a", 2),
        ("[ tool . optlint ]\n'a' = 1\n", "tool.optlint.a", 2),
        ("tool.optlint.a = 1\n", "tool.optlint.a", 1),
        ("a = 1\r\nb = 2\r\n", "b", 2),
        ("[[a]]\nb = 1\n[c]\nb = 2\n", "c.b", 4),
    ],
)
def test_a_key_has_the_row_of_its_statement(text: str, path: str, row: int) -> None:
    assert rows(text)[tuple(path.split("."))] == row


def test_what_stands_in_arrays_of_tables_and_in_what_is_broken_has_no_row() -> None:
    assert set(rows("a = 1\n[[b]]\nc = 1\n")) == {("a",)}
    assert set(rows("a = 1\nb = [\nc = 1\n")) == {("a",)}


@pytest.mark.parametrize(
    ("text", "row"), [("a = [\n1\n", 1), ("a = 1\n# x\n\nb = [\n", 4), ('a = [\n]\nb = 1\nc = """\n\n', 4), ("a =", 1)]
)
def test_what_is_still_open_at_the_end_has_the_row_of_its_beginning(text: str, row: int) -> None:
    assert unfinished_row(text) == row
