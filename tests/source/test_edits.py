"""Edits of a text, alone and together."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optlint.source.edits import Edit, OverlappingEditsError, apply_edits
from optlint.source.text import Span


def edit(start: int, end: int, text: str) -> Edit:
    return Edit(Span(start, end), text)


@pytest.mark.parametrize(
    ("edits", "after"),
    [
        ([], "abcdef"),
        ([edit(1, 3, "X")], "aXdef"),
        ([edit(4, 6, ""), edit(0, 0, "X")], "Xabcd"),
        ([edit(2, 2, "X"), edit(2, 2, "Y")], "abXYcdef"),
        ([edit(2, 4, ""), edit(2, 2, "X"), edit(4, 4, "Y")], "abXYef"),
        ([edit(6, 6, "X")], "abcdefX"),
    ],
)
def test_edits_are_made_at_the_offsets_of_the_first_text(edits: list[Edit], after: str) -> None:
    assert apply_edits("abcdef", edits) == after


def test_edits_that_overlap_are_an_error() -> None:
    with pytest.raises(OverlappingEditsError, match="offset 2"):
        apply_edits("abcdef", [edit(2, 4, ""), edit(1, 3, "")])


@pytest.mark.parametrize("wrong", [edit(5, 7, ""), edit(-1, 1, ""), edit(3, 2, "")])
def test_edits_that_reach_out_of_the_text_are_an_error(wrong: Edit) -> None:
    with pytest.raises(ValueError):
        apply_edits("abcdef", [wrong])


@given(st.text(max_size=20), st.lists(st.integers(0, 20), max_size=8), st.text(max_size=3))
def test_what_no_edit_covers_stays(text: str, cuts: list[int], new: str) -> None:
    offsets = sorted(min(cut, len(text)) for cut in cuts)
    spans = [Span(start, end) for start, end in zip(offsets[::2], offsets[1::2], strict=False)]
    kept: list[str] = []
    last = 0
    for span in spans:
        kept.append(text[last : span.start])
        last = span.end
    kept.append(text[last:])
    assert apply_edits(text, [Edit(span, new) for span in reversed(spans)][::-1]) == new.join(kept)
