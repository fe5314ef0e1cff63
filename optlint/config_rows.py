"""Where each key of a TOML text stands, which `tomllib` does not say."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping


def rows(text: str) -> dict[tuple[str, ...], int]:
    """Return the row, from 1, of the statement that gives each key its value, for keys at every depth.

    A table has the row of its first statement. What is broken, and what is in arrays of tables, has no row.
    """
    found: dict[tuple[str, ...], int] = {}
    table: tuple[str, ...] | None = ()
    for row, statement in _statements(text):
        document = tomllib.loads(statement)
        header = statement.lstrip().startswith("[")
        if header:
            table = next(reversed(list(_paths(document))), ()) if not statement.lstrip().startswith("[[") else None
        if table is not None:
            for path in _paths(document):
                whole = path if header else (*table, *path)
                for length in range(1, len(whole) + 1):
                    found.setdefault(whole[:length], row)
    return found


def unfinished_row(text: str) -> int:
    """Return the row of the statement whose bracket or string is still open when the text ends."""
    end = 0
    for row, statement in _statements(text):
        end = row + statement.count("\n") - (not statement.endswith("\n"))
    lines = enumerate(text.splitlines(), 1)
    return next((row for row, line in lines if row > end and line.strip() and not line.lstrip().startswith("#")), end)


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """Yield each header and each key with its value, which may take several lines, and the row of its first line."""
    pending: list[str] = []
    first = 1
    for row, line in enumerate(text.splitlines(keepends=True), 1):
        if not pending:
            if not line.strip() or line.lstrip().startswith("#"):
                continue
            first = row
        pending.append(line)
        statement = "".join(pending)
        try:
            tomllib.loads(statement)
        except tomllib.TOMLDecodeError:
            continue
        yield first, statement
        pending.clear()


def _paths(table: Mapping[str, object], above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the paths of all keys of a table, those of the tables in it after their own."""
    for key, value in table.items():
        path = (*above, key)
        yield path
        if isinstance(value, dict):
            yield from _paths(value, path)
