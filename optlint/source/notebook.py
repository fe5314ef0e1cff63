"""Notebooks: the code cells of a JSON document, and the document with other code in them and all else as it was."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from optlint.source.cells import cells_of, joined
from optlint.source.edits import Edit, apply_edits
from optlint.source.json_spans import Value, items, members, whole
from optlint.source.magics import is_python, magics
from optlint.source.text import SourceError, Span

_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)")
_FOREIGN = re.compile(r"\\u(?!00[0-7])[0-9a-fA-F]{4}")
_SURROGATE = re.compile("[\ud800-\udfff]")
_CONFLICT = re.compile(r"^<{7} ", re.MULTILINE)
_SAVE = "open and save it with Jupyter, or restore it"


def _lines(text: str) -> list[str]:
    """Return the lines of a text, with their newlines, as Jupyter writes them."""
    return text.splitlines(keepends=True)


_PARTINGS = (_lines, re.compile(r"[^\n]*\n|[^\n]+").findall)


@dataclass(frozen=True, slots=True)
class CodeCell:
    """A code cell: its number among all cells, from 1, its text, and the string or list of strings that holds it."""

    number: int
    text: str
    source: Value


@dataclass(frozen=True)
class Notebook:
    """A document and those of its code cells that are Python; none where its kernel is of another language."""

    document: str
    cells: tuple[CodeCell, ...]

    @classmethod
    def read(cls, document: str) -> Notebook:
        """Find the code in a document of nbformat 2, 3 or 4.

        Raises:
            SourceError: this is no notebook, or one that cannot be read.
        """
        try:
            top = whole(document)
            if not isinstance(top.meaning, dict) or not {"cells", "worksheets"} & top.meaning.keys():
                raise SourceError(f"this is no notebook, it has no cells: {_SAVE}")
            return cls(document, tuple(_code_cells(document, top)))
        except json.JSONDecodeError as error:
            remedy = "settle the merge conflict in it" if _CONFLICT.search(document) else _SAVE
            raise SourceError(f"the notebook is no JSON, {error.msg}: {remedy}", error.lineno, error.colno) from None
        except ValueError as error:  # a number of very many digits
            raise SourceError(f"the notebook cannot be read, {error}: {_SAVE}") from None
        except RecursionError:
            raise SourceError(f"the notebook is nested too deeply to be read: {_SAVE}") from None

    @cached_property
    def text(self) -> str:
        """The cells as one text."""
        return joined([(cell.number, cell.text) for cell in self.cells])

    def with_text(self, text: str) -> str:
        """Return the document with another text: all but the strings of changed cells is as before.

        Outputs and execution counts of changed cells stay: they are what a person got, and only running the cell
        anew brings others.

        Raises:
            SourceError: the text has other cells, or other magics in them.
        """
        prefix = self.text.partition("cell ")[0]
        changed = cells_of(text) if text.startswith(prefix) else ()
        if [cell.number for cell in changed] != [cell.number for cell in self.cells]:
            raise SourceError("the borders between cells would change")
        edits: list[Edit] = []
        for cell, new in zip(self.cells, changed, strict=True):
            written = text[new.start : new.end]
            if written == cell.text:
                continue
            if _heads(written) != _heads(cell.text):
                raise SourceError(f"a magic in cell {cell.number} would change")
            edits.append(self._edit(cell.source, written))
        return apply_edits(self.document, edits)

    def written_at(self, number: int, row: int) -> Span:
        """Return the characters of the document, quotes included, in which a line of a cell begins; both count from 1.

        Raises:
            StopIteration: there is no such cell.
        """
        source = next(cell.source for cell in self.cells if cell.number == number)
        if isinstance(source.meaning, str):
            return source.span
        span, begun = source.span, 1
        for item in items(self.document, source):
            span, text = item.span, str(item.meaning)
            begun += text.count("\n")
            if row < begun or (row == begun and not text.endswith("\n")):
                break
        return span

    def _edit(self, source: Value, text: str) -> Edit:
        """Return the edit of the document that writes the text of a cell; unchanged lines stay as they are."""
        if isinstance(source.meaning, str):
            return Edit(source.span, self._string(text))
        old = items(self.document, source)
        before = [str(line.meaning) for line in old]
        # Jupyter parts lines as Python's `splitlines` does, others at line feeds alone.
        parted = next((each for each in _PARTINGS if each("".join(before)) == before), None)
        new = (parted or _lines)(text)
        if not old or not new:
            return Edit(source.span, f"[{', '.join(map(self._string, new))}]")
        first = _alike(before, new) if parted else 0
        last = _alike(before[first:][::-1], new[first:][::-1]) if parted else 0
        between = self._separator(source, old)
        gone, strings = old[first : len(old) - last], [self._string(line) for line in new[first : len(new) - last]]
        if gone and strings:
            return Edit(Span(gone[0].span.start, gone[-1].span.end), between.join(strings))
        if first:
            end = gone[-1].span.end if gone else old[first - 1].span.end
            return Edit(Span(old[first - 1].span.end, end), "".join(f"{between}{string}" for string in strings))
        return Edit(Span(old[0].span.start, old[len(gone)].span.start), "".join(f"{each}{between}" for each in strings))

    def _separator(self, source: Value, old: Sequence[Value]) -> str:
        if len(old) > 1:
            return self.document[old[0].span.end : old[1].span.start]
        blanks = self.document[source.span.start + 1 : old[0].span.start]
        # In a document on one line, what stands before a value says whether blanks are used at all.
        return f",{blanks or ' ' * (self.document[source.span.start - 1] == ' ')}"

    def _string(self, text: str) -> str:
        """Return a text as JSON, with the escapes that the notebook has."""
        escapes, plain = self._escapes
        letters = (escapes.get(letter) or json.dumps(letter, ensure_ascii=not plain)[1:-1] for letter in text)
        return f'"{"".join(letters)}"'

    @cached_property
    def _escapes(self) -> tuple[dict[str, str], bool]:
        """How characters of the code are escaped, and whether those that are not of ASCII stand as they are."""
        found: dict[str, str] = {}
        for cell in self.cells:
            for match in _ESCAPE.finditer(self.document, cell.source.span.start, cell.source.span.end):
                letter = json.loads(f'"{match.group()}"')
                found[letter] = match.group()
        letters = {letter: escape for letter, escape in found.items() if _SURROGATE.match(letter) is None}
        return letters, not self.document.isascii() or _FOREIGN.search(self.document) is None


def _heads(cell: str) -> list[str]:
    return [cell[magic.start : magic.end] for magic in magics(cell)]


def _alike(old: Sequence[object], new: Sequence[object]) -> int:
    """Return how many items two lists begin with in common."""
    for count, (one, other) in enumerate(zip(old, new, strict=False)):
        if one != other:
            return count
    return min(len(old), len(new))


def _code_cells(document: str, top: Value) -> Iterator[CodeCell]:
    found = members(document, top)
    if not _is_python(found["metadata"].meaning if "metadata" in found else None):
        return
    number = 0
    for cell in _all_cells(document, found):
        number += 1
        if not isinstance(cell.meaning, dict):
            raise SourceError(f"cell {number} of the notebook is no object: {_SAVE}")
        if cell.meaning.get("cell_type") != "code" or not _is_python_cell(cell.meaning):
            continue
        own = members(document, cell)
        source = own.get("source") or own.get("input")  # the latter before nbformat 4
        if source is None:
            continue
        text = source.meaning if isinstance(source.meaning, str) else _joined(source.meaning)
        if text is None or _SURROGATE.search(text):
            raise SourceError(f"cell {number} of the notebook holds no text: {_SAVE}")
        if is_python(text):
            yield CodeCell(number, text, source)


def _all_cells(document: str, found: dict[str, Value]) -> Iterator[Value]:
    """Yield the cells of all kinds; before nbformat 4 they stand in worksheets."""
    if "cells" in found:
        yield from _listed(document, found["cells"])
        return
    for sheet in _listed(document, found["worksheets"]):
        if isinstance(sheet.meaning, dict) and "cells" in sheet.meaning:
            yield from _listed(document, members(document, sheet)["cells"])


def _listed(document: str, value: Value) -> list[Value]:
    if not isinstance(value.meaning, list):
        raise SourceError(f"the notebook has no list of cells: {_SAVE}")
    return items(document, value)


def _joined(lines: object) -> str | None:
    if not isinstance(lines, list) or not all(isinstance(line, str) for line in lines):
        return None
    return "".join(lines)


def _is_python(metadata: object) -> bool:
    """Say whether the kernel of a notebook is Python's; one that is not named is."""
    if not isinstance(metadata, dict):
        return True
    for key, name in (("language_info", "name"), ("kernelspec", "language")):
        info = metadata.get(key)
        if isinstance(info, dict) and isinstance(language := info.get(name), str):
            return language.lower().startswith(("python", "ipython"))
    info = metadata.get("kernelspec")
    kernel = info.get("name") if isinstance(info, dict) else None
    return not isinstance(kernel, str) or re.match(r"(?:ir\d*|julia\b.*|javascript|scala|xcpp.*)$", kernel) is None


def _is_python_cell(cell: dict[str, object]) -> bool:
    """Say whether a code cell is of its notebook's language, and not of another one that an editor keeps beside it."""
    metadata = cell.get("metadata")
    editor = metadata.get("vscode") if isinstance(metadata, dict) else None
    language = editor.get("languageId") if isinstance(editor, dict) else cell.get("language")
    return not isinstance(language, str) or language.lower().startswith("python")
