"""A plot for terminals: one or two stepped curves over the updates, in characters that the stream has."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from optlint.report.style import Ink, Style

Values: TypeAlias = Sequence[float | None]

HEIGHT = 12
"""Rows of a plot, without the axis below."""
_SHARE_BELOW, _PARTS_BELOW, _SPREAD = 0.4, 8, 3.0
"""Two fifths of the values in the lowest eighth, and these three times apart, make the axis a logarithmic one."""


@dataclass(frozen=True, slots=True)
class Glyphs:
    """The characters of a plot; `first` is the curve that is drawn as a line, empty for one in braille dots."""

    first: str
    second: str
    wall: str
    tick: str
    corner: str
    floor: str


BRAILLE = Glyphs("", "•", "│", "┤", "└", "─")
ASCII = Glyphs("*", "o", "|", "+", "+", "-")
_LEAST, _MOST = 1e-300, 1e300
"""Between these an axis can be divided."""
_DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
"""The bits of a braille cell: two columns of four dots, from the top."""
_BLANK = 0x2800


def glyphs_for(encoding: str | None) -> Glyphs:
    """Return the characters of a plot in an encoding."""
    try:
        f"{chr(_BLANK + 1)}{''.join(vars_of(BRAILLE))}".encode(encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return ASCII
    return BRAILLE


def vars_of(glyphs: Glyphs) -> tuple[str, ...]:
    """Return all characters."""
    return glyphs.first, glyphs.second, glyphs.wall, glyphs.tick, glyphs.corner, glyphs.floor


def samples(glyphs: Glyphs) -> tuple[str, str]:
    """Return how the two curves look, for a legend."""
    return (glyphs.first or chr(_BLANK + 0x24)) * 2, glyphs.second * 2


def plot(written: Values, fixed: Values, width: int, glyphs: Glyphs, style: Style, height: int = HEIGHT) -> list[str]:
    """Return the lines of a plot of at most `width` columns.

    Args:
        written: The first curve: a value an update, None or what is not finite for a gap.
        fixed: The second one, drawn below the first; it may be empty.
        width: Columns of the whole.
        glyphs: The characters.
        style: Paints the two curves.
        height: Rows, without the axis.
    """
    found = finite((*written, *fixed))
    updates = max(len(written), len(fixed))
    if not found:
        return []
    axis = _Axis.of(found, height, is_logarithmic(found))
    labels = axis.labels()
    margin = max(map(len, labels.values()))
    columns = max(10, width - margin - 2)
    cells = [[(" ", Ink.STRONG)] * columns for _ in range(height)]
    _draw_marks(cells, fixed, updates, axis, glyphs.second, _SECOND)
    if glyphs.first:
        _draw_marks(cells, written, updates, axis, glyphs.first, _FIRST)
    else:
        _draw_dots(cells, written, updates, axis)
    lines = ["rate, log scale" if axis.logarithmic else "rate"]
    for row, line in enumerate(cells):
        label = labels.get(row, "")
        edge = f"{label:>{margin}} {glyphs.tick if label else glyphs.wall}"
        lines.append((edge + _painted(line, style)).rstrip())
    lines.append(f"{'':{margin}} {glyphs.corner}{glyphs.floor * columns}")
    lines.append(f"{'':{margin}}  {_ends(columns, updates)}")
    return lines


def finite(values: Values) -> list[float]:
    """Return the values that are numbers, and none at the end of what floats can hold."""
    return [value for value in values if value is not None and abs(value) < _MOST]


_FIRST, _SECOND = Ink.CURVE, Ink.FIXED_CURVE


def is_logarithmic(values: Sequence[float]) -> bool:
    """Whether values are seen better on a logarithmic axis: many of them would lie together at the bottom."""
    least, most = min(values), max(values)
    if least <= 0.0:
        return False
    low = [value for value in values if value < most / _PARTS_BELOW]
    return len(low) >= _SHARE_BELOW * len(values) and max(low) >= _SPREAD * min(low)


@dataclass(frozen=True, slots=True)
class _Axis:
    """The axis of the rates, from the bottom of the lowest row to the top of the highest one."""

    low: float
    high: float
    rows: int
    logarithmic: bool

    @classmethod
    def of(cls, values: Sequence[float], rows: int, logarithmic: bool) -> _Axis:
        scaled = [math.log10(value) if logarithmic else value for value in values]
        low, high = min(scaled), max(scaled)
        if not logarithmic:
            low, high = min(low, 0.0), max(high, 0.0)
        if high - low < _LEAST:
            high = low + 1.0
        return cls(low, high, rows, logarithmic)

    def share(self, value: float) -> float:
        """Return how far up a value is, from 0 to 1."""
        return ((math.log10(value) if self.logarithmic else value) - self.low) / (self.high - self.low)

    def place(self, value: float, parts: int) -> int:
        """Return the row of a value, from the top, where each row has so many parts."""
        last = self.rows * parts - 1
        return min(last, max(0, round((1.0 - self.share(value)) * last)))

    def labels(self) -> dict[int, str]:
        """Return the labels by row."""
        return {self.place(tick, 1): f"{tick:.4g}" for tick in self._ticks()}

    def _ticks(self) -> Iterator[float]:
        if self.logarithmic:
            first, last = math.ceil(self.low - 1e-9), math.floor(self.high + 1e-9)
            every = max(1, math.ceil((last - first + 1) / (self.rows // 2)))
            decades = [10.0**power for power in range(last, first - 1, -every)]
            yield from decades if len(decades) > 1 else (10.0**self.low, 10.0**self.high)
            return
        wanted = (self.high - self.low) / (self.rows / 3)
        size = 10.0 ** math.floor(math.log10(wanted))
        step = next(part * size for part in (1.0, 2.0, 2.5, 5.0, 10.0) if part * size >= wanted * (1.0 - 1e-9))
        for number in range(math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9) + 1):
            yield number * step


def _spans(values: Values, updates: int, columns: int, axis: _Axis, parts: int) -> Iterator[tuple[int, int, int]]:
    """Yield column, highest and lowest place of a curve; each column reaches to where the one before has ended."""
    end: int | None = None
    for column in range(columns):
        first = column * updates // columns
        last = max(first + 1, (column + 1) * updates // columns)
        inside = finite(values[first:last])
        if axis.logarithmic:
            inside = [each for each in inside if each > 0.0]
        if not inside:
            end = None
            continue
        places = [axis.place(each, parts) for each in inside]
        reached = [*places, *(() if end is None else (end,))]
        yield column, min(reached), max(reached)
        end = places[-1]


_Cells: TypeAlias = list[list[tuple[str, Ink]]]


def _draw_marks(cells: _Cells, values: Values, updates: int, axis: _Axis, mark: str, ink: Ink) -> None:
    for column, top, bottom in _spans(values, updates, len(cells[0]), axis, 1):
        for row in range(top, bottom + 1):
            cells[row][column] = mark, ink


def _draw_dots(cells: _Cells, values: Values, updates: int, axis: _Axis) -> None:
    bits: dict[tuple[int, int], int] = {}
    for column, top, bottom in _spans(values, updates, 2 * len(cells[0]), axis, 4):
        for dot in range(top, bottom + 1):
            cell = dot // 4, column // 2
            bits[cell] = bits.get(cell, 0) | _DOTS[column % 2][dot % 4]
    for (row, column), dots in bits.items():
        cells[row][column] = chr(_BLANK + dots), _FIRST


def _painted(line: Sequence[tuple[str, Ink]], style: Style) -> str:
    """Return a row of cells, each stretch of one ink painted as a whole."""
    text, stretch, ink = "", "", Ink.STRONG
    for character, own in line:
        if character != " " and own is not ink and stretch.strip():
            text += style.paint(stretch, ink)
            stretch = ""
        if character != " ":
            ink = own
        stretch += character
    return text + (style.paint(stretch.rstrip(), ink) if stretch.strip() else "")


def _ends(columns: int, updates: int) -> str:
    """Return the line below the axis: the first update and the last one."""
    last = str(updates)
    return f"1{'update':^{max(0, columns - 1 - len(last))}}{last}" if updates > 1 else "1 update"
