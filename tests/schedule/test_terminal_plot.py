"""Plots for terminals: each value is in its row, nothing is wider than asked, and both curves are told apart."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optlint.report.style import Ink, Style
from optlint.report.terminal_plot import (
    ASCII,
    BRAILLE,
    HEIGHT,
    Glyphs,
    Values,
    glyphs_for,
    is_logarithmic,
    plot,
    samples,
)

PLAIN = Style(False)
RATES = st.lists(st.floats(-0.1, 10.0, allow_nan=False), min_size=1, max_size=40)


def drawn(written: Values, fixed: Values = (), width: int = 80, glyphs: Glyphs = ASCII) -> list[str]:
    return plot(written, fixed, width, glyphs, PLAIN)


def cells(lines: list[str]) -> list[str]:
    """The rows of a plot without their labels, of one length."""
    inside = [re.sub(r"^.*?[|+│┤]", "", line) for line in lines[1 : HEIGHT + 1]]
    return [line.ljust(len(lines[-2])) for line in inside]


def rows_of(lines: list[str], column: int, marks: str) -> list[int]:
    return [row for row, line in enumerate(cells(lines)) if line[column] in marks]


def test_a_falling_step_is_drawn_where_it_is() -> None:
    lines = drawn([0.1, 0.1, 0.0, 0.0], width=20)
    assert lines == [
        "rate",
        "  0.1 +********",
        "      |       *",
        "      |       *",
        "0.075 +       *",
        "      |       *",
        "      |       *",
        " 0.05 +       *",
        "      |       *",
        "0.025 +       *",
        "      |       *",
        "      |       *",
        "    0 +       ******",
        "      +-------------",
        "       1  update   4",
    ]


@given(RATES)
def test_each_value_is_in_its_row(rates: list[float]) -> None:
    lines = drawn(rates)
    low, high = min(0.0, *rates), max(0.0, *rates)
    if high - low < 1e-300:
        high = low + 1.0
    columns = len(lines[-2].partition("+")[2])
    logarithmic = lines[0] != "rate"
    for number, rate in enumerate(rates):
        middle = (2 * number + 1) * columns // (2 * len(rates))
        rows = rows_of(lines, middle, "*")
        assert rows
        if not logarithmic:
            due = (1.0 - (rate - low) / (high - low)) * (HEIGHT - 1)
            assert any(abs(row - due) <= 0.5 + 1e-6 for row in rows)


@given(RATES, RATES, st.integers(30, 200), st.sampled_from((ASCII, BRAILLE)))
def test_a_plot_is_as_wide_as_asked_and_in_its_characters(
    written: list[float], fixed: list[float], width: int, glyphs: Glyphs
) -> None:
    lines = drawn(written, fixed, width, glyphs)
    assert len(lines) == HEIGHT + 3
    assert all(len(line) <= width for line in lines)
    assert max(map(len, lines)) == width
    assert all(line == line.rstrip() for line in lines[1 : HEIGHT + 1])
    assert glyphs is BRAILLE or "".join(lines).isascii()


def test_two_curves_have_marks_of_their_own() -> None:
    for glyphs in (ASCII, BRAILLE):
        lines = drawn([0.1] * 5, [0.05] * 5, glyphs=glyphs)
        first, second = samples(glyphs)
        assert first != second
        assert rows_of(lines, 3, second[0]) == [6]
        assert rows_of(lines, 3, f"*{''.join(map(chr, range(0x2801, 0x2900)))}") == [0]


def test_where_both_are_equal_the_first_is_seen() -> None:
    lines = drawn([0.1, 0.1], [0.1, 0.05])
    assert "o" not in cells(lines)[0][: len(lines[-2]) // 2 - 5]
    assert "o" in "".join(cells(lines))


def test_colours_are_those_of_the_curves_and_change_nothing_else() -> None:
    written, fixed = [0.1, 0.1, 0.05, 0.02], [0.1, 0.05, 0.05, 0.01]
    painted = plot(written, fixed, 60, BRAILLE, Style(True))
    text = "\n".join(painted)
    assert Ink.CURVE.value in text
    assert Ink.FIXED_CURVE.value in text
    assert re.sub(r"\x1b\[\d+m", "", text) == "\n".join(drawn(written, fixed, 60, BRAILLE))


def test_a_gap_is_left_where_there_is_no_number() -> None:
    lines = drawn([0.1, None, math.nan, math.inf, 0.1])
    columns = len(lines[-2].partition("+")[2])
    assert rows_of(lines, columns // 2, "*") == []
    assert rows_of(lines, columns // 10, "*") == [0]
    assert rows_of(lines, columns - 2, "*") == [0]


@given(st.lists(st.floats(), min_size=1, max_size=10))
def test_any_floats_can_be_drawn(rates: list[float]) -> None:
    assert len(drawn(rates)) in (0, HEIGHT + 3)
    assert len(drawn(rates, [1.0, *rates], glyphs=BRAILLE)) == HEIGHT + 3


def test_without_a_number_there_is_no_plot() -> None:
    assert drawn([]) == []
    assert drawn([None, math.nan]) == []


def test_a_shorter_curve_ends_where_its_updates_do() -> None:
    lines = drawn([0.1] * 10, [0.05] * 5)
    columns = len(lines[-2].partition("+")[2])
    marks = [column for column in range(columns) if rows_of(lines, column, "o")]
    assert marks == list(range(columns // 2 + columns % 2))


def test_more_updates_than_columns_show_their_whole_range() -> None:
    lines = drawn([0.1 if number % 2 else 0.05 for number in range(1000)])
    assert rows_of(lines, 30, "*") == list(range(7))


@pytest.mark.parametrize(
    ("rates", "logarithmic"),
    [
        ([0.1] * 30 + [0.01] * 30 + [0.001] * 30, True),
        ([0.1 * 0.9**number for number in range(100)], True),
        ([0.1, 0.05, 0.025, 0.0125], False),
        ([0.05 * (1 + math.cos(math.pi * number / 100)) for number in range(100)], False),
        ([0.05 * (1 + math.cos(math.pi * number / 100)) for number in range(101)], False),
        ([0.1] * 30 + [0.001] * 30, False),
        ([0.1] * 9 + [0.0] * 9, False),
        ([0.1], False),
    ],
)
def test_the_axis_is_logarithmic_where_many_values_would_lie_together(rates: list[float], logarithmic: bool) -> None:
    assert is_logarithmic(rates) is logarithmic
    assert (drawn(rates)[0] == "rate, log scale") is logarithmic


def test_labels_of_a_logarithmic_axis_are_decades_in_their_rows() -> None:
    lines = drawn([0.1] * 30 + [0.01] * 30 + [0.001] * 30)
    labels = {row: line.split("+")[0].strip() for row, line in enumerate(lines[1 : HEIGHT + 1]) if "+" in line}
    assert list(labels.values()) == ["0.1", "0.01", "0.001"]
    columns = len(lines[-2].partition("+")[2])
    for third, row in enumerate(labels):
        assert row in rows_of(lines, (2 * third + 1) * columns // 6, "*")


@pytest.mark.parametrize(
    ("encoding", "glyphs"),
    [("utf-8", BRAILLE), ("ascii", ASCII), ("cp1252", ASCII), ("latin-1", ASCII), (None, ASCII), ("no-such", ASCII)],
)
def test_characters_are_such_as_the_stream_has(encoding: str | None, glyphs: Glyphs) -> None:
    assert glyphs_for(encoding) is glyphs
