"""What IPython adds to Python in a cell: magics, shell lines and questions; they are masked by text of equal length.

IPython knows them at the beginning of a statement only, so that `%` in an expression over two lines is Python. The
statement of a mask is `0`, the value of an assigned one is `_`; what `%time` and the like run is Python and stays.
Source: the IPython documentation, "Built-in magic commands" and `IPython.core.inputtransformer2`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from optlint.source.text import read

_CELLS_OF_PYTHON = frozenset(
    "cache capture debug heat lprun matplotlib memit mprun notify prun scalene snakeviz tb time timeit wandb".split()
)
"""Cell magics whose body runs as Python in the names of the notebook; others run it elsewhere, or are unknown."""
_LINES_OF_PYTHON = re.compile(r"%(?:memit|prun|time|timeit)(?![\w.])(?:[ \t]+-\w+(?:[ \t]+\d+)?)*[ \t]+(?=\S)")
_OTHER_LANGUAGES = re.compile(r"\s*%(?:fs|md|md-sandbox|r|scala|sh|sql)(?![\w.])")
"""First lines that give a whole cell to another language, in notebooks of Databricks."""
_HEAD = re.compile(r"(?:[ \t]*+(?:#[^\r\n]*+)?(?:\r\n|[\r\n]))*+(?P<magic>%%(?P<name>[\w.!]+)?[^\r\n]*)")
_REST = r"(?:\\(?:\r\n|[\r\n])|[^\r\n])*+"
_TARGET = r"[A-Za-z_][\w.]*+(?:\[[^\]\r\n]*\])*+[ \t]*+"
_ESCAPED = re.compile(rf"[ \t\f]*+(?P<magic>[!%?,;/]{_REST})")
_ASSIGNED = re.compile(rf"[ \t\f]*+{_TARGET}(?:,[ \t]*+{_TARGET})*+=[ \t]*+(?P<magic>(?:!|%(?!=)){_REST})")
_ASKED = re.compile(r"[ \t\f]*+(?P<magic>[A-Za-z_*%][\w.*\[\]]*+\?{1,2})[ \t]*+;?[ \t]*+(?=[\r\n#]|\Z)")
_AUTOMATIC = re.compile(
    r"[ \t\f]*+(?P<magic>(?:alias|autoreload|bookmark|cat|cd|clear|conda|config|cp|debug|dirs|env|history|less|load|"
    r"load_ext|ls|lsmagic|mamba|man|matplotlib|mkdir|more|mv|nbagg|pdb|pip|popd|precision|prun|pushd|pwd|pycat|pylab|"
    r"reload_ext|rm|rmdir|run|tb|time|timeit|unload_ext|uv|who|whos|xmode)"
    rf"(?:[ \t]+[\w./~*$'\"{{-]{_REST})?)(?=[\r\n]|\Z)"
)
"""Line magics that are called without `%` where no variable has their name."""
_CANDIDATE = re.compile(r"^[ \t\f]*[!%?,;/]|=[ \t]*[!%]|\?[ \t]*;?[ \t]*(?:#|$)", re.MULTILINE)
_VISIBLE = re.compile(r"[^\r\n]")
_LEXEME = re.compile(
    r"""(?P<nothing>\#[^\r\n]*|\\(?:\r\n|[\r\n])
        |\"{3}(?:\\.|[^\\])*?(?:\"{3}|\Z)|'{3}(?:\\.|[^\\])*?(?:'{3}|\Z)
        |"(?:\\.|[^"\\\r\n])*"?|'(?:\\.|[^'\\\r\n])*'?)
    |(?P<opening>[(\[{])|(?P<closing>[)\]}])|(?P<newline>\r\n|[\r\n])|\w+|.""",
    re.DOTALL | re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Magic:
    """One magic: the characters `start <= offset < end` of a cell, and the text of equal length that stands for them.

    The characters of `end` and after are Python, be it on the same line.
    """

    start: int
    end: int
    mask: str


def is_python(cell: str) -> bool:
    """Say whether the body of a cell is Python that runs in the names of the notebook."""
    rest = cell
    while (head := _HEAD.match(rest)) is not None and head["name"] is not None:
        if head["name"] not in _CELLS_OF_PYTHON:
            return False
        rest = rest[head.end() :].lstrip()
    return _OTHER_LANGUAGES.match(rest) is None


def magics(cell: str, automatic: bool = False) -> list[Magic]:
    """Return the magics of a cell in their order; those without `%` where asked for."""
    if not automatic and _CANDIDATE.search(cell) is None:
        return []
    return list(_found(cell, automatic))


def masked(cell: str, found: list[Magic]) -> str:
    """Return a cell with its magics masked."""
    pieces: list[str] = []
    last = 0
    for magic in found:
        pieces += (cell[last : magic.start], magic.mask)
        last = magic.end
    return "".join((*pieces, cell[last:]))


def blank(text: str) -> str:
    """Return a text of blanks with the same length and newlines."""
    return _VISIBLE.sub(" ", text)


def _found(cell: str, automatic: bool) -> Iterator[Magic]:
    depth = place = 0
    begins = True
    while place < len(cell):
        if begins and not depth and (magic := _magic_at(cell, place, automatic)) is not None:
            yield magic
            place = magic.end
        begins = False
        lexeme = _LEXEME.match(cell, place)
        if lexeme is None:
            break
        place = lexeme.end()
        match lexeme.lastgroup:
            case "opening":
                depth += 1
            case "closing":
                depth = max(0, depth - 1)
            case "newline":
                begins = True


def _magic_at(cell: str, place: int, automatic: bool) -> Magic | None:
    if (found := _ESCAPED.match(cell, place)) is not None:
        start, end = found.span("magic")
        head = _LINES_OF_PYTHON.match(cell, start, end)
        if head is not None and _is_simple(cell[head.end() : end]):
            return Magic(start, head.end(), f"0{' ' * (head.end() - start - 2)};")
    elif (found := _ASSIGNED.match(cell, place)) is not None:
        start, end = found.span("magic")
        return Magic(start, end, f"_{blank(cell[start + 1 : end])}")
    elif (found := _ASKED.match(cell, place) or (_AUTOMATIC.match(cell, place) if automatic else None)) is not None:
        start, end = found.span("magic")
    else:
        return None
    return Magic(start, end, f"0{blank(cell[start + 1 : end])}")


def _is_simple(text: str) -> bool:
    """Say whether a text is Python without compound statements, so that it can stand behind a semicolon."""
    try:
        return not any(hasattr(statement, "body") for statement in read(text).body)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
