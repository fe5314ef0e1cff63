"""Lines of fixed texts are told by the edits: a file may have the same loop twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from optlint.replay.lines import AS_WRITTEN, Line, Lines, lines_after, lines_by_text
from optlint.source.edits import Applicability, Edit, Fix, apply_edits
from optlint.source.text import Span

LOOP = "for x in data:\n    loss(x).backward()\n    optimizer.step()\n\n"
PATH = Path("/train.py")


def fix(*edits: tuple[int, int, str], title: str = "Mend it") -> Fix:
    return Fix(title, Applicability.SAFE, PATH, tuple(Edit(Span(start, end), text) for start, end, text in edits))


def after(text: str, *fixes: Fix) -> tuple[Line, ...]:
    return lines_after(text, apply_edits(text, [edit for each in fixes for edit in each.edits]), fixes)


def rows(lines: tuple[Line, ...]) -> list[int | None]:
    return [line.row for line in lines]


@pytest.mark.parametrize("loop", [0, 1, 2])
def test_a_line_that_is_put_into_one_of_several_equal_loops_is_found_in_that_one(loop: int) -> None:
    at = loop * len(LOOP) + LOOP.index("    loss")
    mended = fix((at, at, "    optimizer.zero_grad()\n"))
    lines = after(3 * LOOP, mended)
    place = 4 * loop + 1
    assert rows(lines) == [*range(1, place + 1), None, *range(place + 1, 13)]
    assert [line.fixes for line in lines if line.row is None] == [(mended,)]


@pytest.mark.parametrize("loop", [0, 1, 2])
def test_a_line_that_is_taken_out_of_one_of_several_equal_loops_is_missed_in_that_one(loop: int) -> None:
    start = loop * len(LOOP) + LOOP.index("    optimizer")
    lines = after(3 * LOOP, fix((start, start + len("    optimizer.step()\n"), "")))
    assert rows(lines) == [row for row in range(1, 13) if row != 4 * loop + 3]


def test_a_line_that_is_changed_is_of_the_fix_that_changes_it() -> None:
    at = LOOP.index("step")
    mended = fix((at, at + len("step"), "advance"))
    lines = after(LOOP, mended)
    assert rows(lines) == [1, 2, None, 4]
    assert lines[2].fixes == (mended,)


def test_each_of_two_fixes_has_its_own_lines() -> None:
    first = fix((0, 0, "model.train()\n"), title="first")
    second = fix((len(LOOP), len(LOOP), "scheduler.step()\n"), title="second")
    lines = Lines({PATH: after(2 * LOOP, first, second)})
    assert [row for row in range(1, 11) if lines.is_of(first, PATH, row)] == [1]
    assert [row for row in range(1, 11) if lines.is_of(second, PATH, row)] == [6]
    assert lines.row(PATH, 2) == 1
    assert lines.row(PATH, 7) == 5


def test_what_an_edit_writes_again_as_it_was_is_no_line_of_it() -> None:
    end = LOOP.index("    optimizer")
    lines = after(LOOP, fix((0, end, "model.train()\nfor x in data:\n    loss(x).backward()\n")))
    assert rows(lines) == [None, 1, 2, 3, 4]


def test_a_line_that_is_moved_is_written_by_the_fix() -> None:
    start, line = LOOP.index("    optimizer"), "    optimizer.step()\n"
    lines = after(LOOP, fix((len("for x in data:\n"), len("for x in data:\n"), line), (start, start + len(line), "")))
    assert rows(lines) == [1, None, 2, 4]


def test_a_file_without_fixes_is_as_written() -> None:
    assert AS_WRITTEN.row(PATH, 7) == 7
    assert not AS_WRITTEN.is_of(fix((0, 0, "x")), PATH, 1)


def test_lines_count_as_python_counts_them() -> None:
    text = "a = '\x0c'\r\nb = 1\r\nc = 2"
    lines = after(text, fix((text.index("c"), text.index("c"), "d = 3\r\n")))
    assert rows(lines) == [1, 2, None, 3]


def test_of_a_text_by_another_hand_the_lines_are_matched_by_what_they_say() -> None:
    assert rows(lines_by_text("a\nb\nc\n", "a\nx\nc\n")) == [1, None, 3]
