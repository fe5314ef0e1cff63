"""Choosing fixes that go together, and mending to a fixed point."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optlint.source.apply import mend, select_fixes
from optlint.source.edits import Applicability, Edit, Fix, apply_edits
from optlint.source.text import Source, Span

PATH = Path("train.py")


def fix(title: str, *edits: tuple[int, int, str]) -> Fix:
    made = tuple(Edit(Span(start, end), text) for start, end, text in edits)
    return Fix(title, Applicability.SAFE, PATH, made)


def source(text: str) -> Source:
    return Source.from_bytes(PATH, text.encode())


def rewrite(**rewrites: tuple[str, str]) -> Callable[[Source], Sequence[Fix]]:
    """Return a check that asks, at each match of a pattern, for its replacement."""

    def check(text: Source) -> Sequence[Fix]:
        return [
            fix(title, (match.start(), match.end(), match.expand(new)))
            for title, (pattern, new) in rewrites.items()
            for match in re.finditer(pattern, text.text)
        ]

    return check


@pytest.mark.parametrize(
    ("fixes", "taken"),
    [
        ([], []),
        ([fix("a", (0, 1, "")), fix("b", (3, 4, ""))], ["a", "b"]),
        ([fix("b", (3, 4, "")), fix("a", (0, 1, ""))], ["b", "a"]),
        ([fix("a", (0, 3, "")), fix("b", (2, 4, ""))], ["a"]),
        ([fix("a", (0, 3, "")), fix("b", (3, 4, ""))], ["a"]),
        ([fix("a", (3, 3, "x")), fix("b", (3, 3, "y"))], ["a"]),
        ([fix("a", (0, 9, "")), fix("b", (4, 4, "x"))], ["a"]),
        ([fix("a", (0, 1, "")), fix("b", (5, 6, ""), (1, 2, "")), fix("c", (5, 6, ""))], ["a", "c"]),
        ([fix("a", (0, 2, ""), (1, 3, "")), fix("b", (0, 1, ""))], ["b"]),
        ([fix("a"), fix("b", (0, 1, ""))], ["b"]),
        ([fix("a", (0, 1, "")), fix("a", (0, 1, ""))], ["a"]),
    ],
)
def test_a_fix_is_taken_whole_or_waits(fixes: list[Fix], taken: list[str]) -> None:
    assert [item.title for item in select_fixes(fixes)] == taken


@given(st.lists(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 3)), min_size=1, max_size=3), max_size=6))
def test_chosen_fixes_give_one_text_in_any_order(shapes: list[list[tuple[int, int]]]) -> None:
    fixes = [fix(str(n), *((at, at + size, "X") for at, size in shape)) for n, shape in enumerate(shapes)]
    chosen = select_fixes(fixes)
    text = "abcdefghijklmnop"
    forward = apply_edits(text, [edit for item in chosen for edit in item.edits])
    backward = apply_edits(text, [edit for item in reversed(chosen) for edit in item.edits])
    assert forward == backward
    assert set(map(id, chosen)) <= set(map(id, fixes))


def test_a_right_text_is_left_in_no_round() -> None:
    before = source("a = 1\n")
    mended = mend(before, rewrite(b=("b", "c")))
    assert mended.source is before
    assert (mended.applied, mended.refused, mended.rounds) == ((), (), 0)


def test_fixes_that_go_together_are_one_round() -> None:
    mended = mend(source("a = 1\nb = 1\n"), rewrite(a=("1", "2")))
    assert mended.source.text == "a = 2\nb = 2\n"
    assert mended.source.data == b"a = 2\nb = 2\n"
    assert (len(mended.applied), mended.rounds) == (2, 1)


def test_a_fix_that_waits_or_follows_from_another_comes_in_a_later_round() -> None:
    mended = mend(source("x = 1\n"), rewrite(a=("1", "2"), b=("2", "3"), c=("3", "4")))
    assert mended.source.text == "x = 4\n"
    assert [item.title for item in mended.applied] == ["a", "b", "c"]
    assert mended.rounds == 3


def test_a_fix_that_breaks_the_text_is_refused_and_the_others_are_applied() -> None:
    mended = mend(source("x = 1\ny = 2\n"), rewrite(bad=("1", "("), good=("2", "3")))
    assert mended.source.text == "x = 1\ny = 3\n"
    assert [(item.title, reason) for item, reason in mended.refused] == [
        ("bad", "the mended text does not parse: '(' was never closed: mend the syntax")
    ]
    assert [item.title for item in mended.applied] == ["good"]


def test_a_fix_that_parses_and_does_not_compile_is_refused() -> None:
    mended = mend(source("for x in y:\n    break\n"), rewrite(out=("for x in y:\n    ", "")))
    assert mended.source.text == "for x in y:\n    break\n"
    assert [reason for _, reason in mended.refused] == ["the mended text does not compile"]


def test_a_text_that_did_not_compile_before_is_mended_all_the_same() -> None:
    assert mend(source("break\nx = 1\n"), rewrite(a=("1", "2"))).source.text == "break\nx = 2\n"


def test_fixes_that_are_good_alone_and_bad_together_take_two_rounds() -> None:
    # Each takes one of two statements out of a block that needs one.
    def check(text: Source) -> Sequence[Fix]:
        found = [fix(item.group(), (item.start(), item.end(), "")) for item in re.finditer("    [ab]\n", text.text)]
        return found if len(found) == 2 else []

    mended = mend(source("if x:\n    a\n    # between\n    b\n"), check)
    assert mended.source.text == "if x:\n    # between\n    b\n"
    assert mended.refused == ()


@pytest.mark.parametrize(
    ("title", "edits", "reason"),
    [
        ("same", [(4, 5, "1")], "it changes nothing"),
        ("empty", [], "it changes nothing"),
        ("overlap", [(4, 5, "2"), (0, 5, "")], "its own edits overlap"),
        ("outside", [(4, 50, "2")], "reaches out of the text"),
    ],
)
def test_a_useless_fix_is_refused(title: str, edits: list[tuple[int, int, str]], reason: str) -> None:
    mended = mend(source("x = 1\n"), lambda _: [fix(title, *edits)])
    assert mended.source.text == "x = 1\n"
    assert [item.title for item, _ in mended.refused] == [title]
    assert reason in mended.refused[0][1]


def test_a_fix_that_the_encoding_cannot_write_is_refused() -> None:
    before = Source.from_bytes(PATH, b"# coding: latin-1\nx = 1\n")
    mended = mend(before, rewrite(euro=("1", "'€'")))
    assert mended.source is before
    assert "cannot write" in mended.refused[0][1]


def test_fixes_that_undo_each_other_end() -> None:
    mended = mend(source("x = 1\n"), rewrite(up=("1", "2"), down=("2", "1")))
    assert mended.source.text == "x = 2\n"
    assert [(item.title, reason) for item, reason in mended.refused] == [("down", "it undoes another fix")]


def test_fixes_without_a_fixed_point_are_refused_and_leave_no_trace() -> None:
    mended = mend(source("x = 1\ny = 2\n"), rewrite(grow=("$", "# more\n"), good=("2", "3")), limit=5)
    assert mended.source.text == "x = 1\ny = 3\n"
    assert [(item.title, reason) for item, reason in mended.refused] == [
        ("grow", "the text still changes after 5 rounds")
    ]
    assert mended.rounds <= 5


def test_fixes_that_grow_under_ever_new_titles_end_too() -> None:
    calls = []

    def check(text: Source) -> Sequence[Fix]:
        calls.append(text)
        size = len(text.text)
        return [fix(f"title {len(calls)}", (size, size, "# more\n"))]

    before = source("x = 1\n")
    mended = mend(before, check, limit=4)
    assert mended.source is before
    assert mended.refused
    assert len(calls) < 20


def test_byte_order_mark_encoding_and_newlines_outlive_the_mending() -> None:
    data = b"\xef\xbb\xbfx = 1\r\ny = '\xc3\xa9'\n\x0cz = 3"
    mended = mend(Source.from_bytes(PATH, data), rewrite(a=("1", "'ß'")))
    assert mended.source.data == b"\xef\xbb\xbfx = '\xc3\x9f'\r\ny = '\xc3\xa9'\n\x0cz = 3"
