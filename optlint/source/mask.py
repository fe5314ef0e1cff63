"""A text whose newer syntax is masked, and the tree that a newer Python would make of the original."""

from __future__ import annotations

import ast
import re
from bisect import bisect_right
from dataclasses import dataclass
from typing import Any

from optlint.source.text import Span, read

_NEWLINE = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True, slots=True)
class Template:
    """A masked f-string: the set that begins at `offset` holds its expressions.

    `model` is how this Python reads the f-string, with the name `_0` in the place of the first element of the set,
    `_1` of the second, and so on.
    """

    offset: int
    model: str


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a cell of a notebook is no Python, and where: row and column count from 1, the row in the whole text."""

    reason: str
    row: int
    column: int


@dataclass(frozen=True, slots=True)
class Mask:
    """A `text` with the same length and lines as `original`, and nothing in it that this Python does not read.

    `strings` are the string literals that are masked, in order; those inside of others are left out. `faults` tell
    of the cells of a notebook that are masked as a whole.
    """

    original: str
    text: str
    strings: tuple[Span, ...]
    templates: tuple[Template, ...]
    faults: tuple[Fault, ...] = ()

    def tree(self) -> ast.Module:
        """Return the tree of the original: its f-strings are f-strings, columns count its UTF-8 bytes.

        Raises:
            SyntaxError: what is left is no Python either; the place is the one in the original.
        """
        module = read(self.text)
        models = self._models()
        columns = _Columns(self.text, self.original)
        pending: list[ast.AST] = [module]
        while pending:
            node = pending.pop()
            for name, value in ast.iter_fields(node):
                if isinstance(value, list):
                    value[:] = (_restored(item, models) for item in value)
                    pending += [item for item in value if isinstance(item, ast.AST)]
                elif isinstance(value, ast.AST):
                    child = _restored(value, models)
                    setattr(node, name, child)
                    pending.append(child)
            columns.mend(node)
        return module

    def _models(self) -> dict[tuple[int, int], str]:
        """Return the models by row and UTF-8 column, which is how `ast` says where a set begins."""
        starts = [0, *(match.end() for match in _NEWLINE.finditer(self.text))]
        models: dict[tuple[int, int], str] = {}
        for template in self.templates:
            row = bisect_right(starts, template.offset)
            models[row, len(self.text[starts[row - 1] : template.offset].encode())] = template.model
        return models


class _Columns:
    """Columns of a masked text as columns of the original: blanks have fewer bytes than letters such as `é`."""

    def __init__(self, masked: str, original: str) -> None:
        lines = zip(_NEWLINE.split(masked), _NEWLINE.split(original), strict=True)
        self._lines = {row: (a, b) for row, (a, b) in enumerate(lines, 1) if len(a.encode()) != len(b.encode())}

    def mend(self, node: ast.AST) -> None:
        """Correct the columns of one node."""
        for row, column in (("lineno", "col_offset"), ("end_lineno", "end_col_offset")):
            lines = self._lines.get(getattr(node, row, 0))
            if lines is not None:
                characters = len(lines[0].encode()[: getattr(node, column)].decode())
                setattr(node, column, len(lines[1][:characters].encode()))


def _restored(node: Any, models: dict[tuple[int, int], str]) -> Any:
    """Return the f-string that a set stands for; any other thing as it is."""
    if not isinstance(node, ast.Set) or (node.lineno, node.col_offset) not in models:
        return node
    template = ast.parse(models[node.lineno, node.col_offset], mode="eval").body
    for part in list(ast.walk(template)):
        ast.copy_location(part, node)
        if isinstance(part, ast.FormattedValue):
            part.value = _element(part.value, node)
        elif isinstance(part, ast.Tuple):
            part.elts = [_element(item, node) for item in part.elts]
    return template


def _element(name: ast.expr, elements: ast.Set) -> ast.expr:
    return elements.elts[int(name.id[1:])] if isinstance(name, ast.Name) else name
