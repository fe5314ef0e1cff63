"""Unified diffs say exactly what changes."""

from __future__ import annotations

import re
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from optlint.report.diff import file_diff, fix_hunks
from optlint.source.edits import Applicability, Edit, Fix, apply_edits
from optlint.source.text import Source, Span

TEXTS = st.lists(
    st.tuples(st.sampled_from(["a", "b", "", "\x0c", "\u2028x", "-", "+", "\\"]), st.sampled_from(["\n", "\r\n", "\r"]))
).flatmap(
    lambda lines: st.sampled_from(["", "end"]).map(lambda end: "".join(line + newline for line, newline in lines) + end)
)
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")


def patched(old: str, diff: list[str], header: int) -> str:
    """Apply a diff as the tool `patch` does, strictly."""
    lines: list[str] = _LINE.findall(old)
    new: list[str] = []
    at = 0
    for entry in diff[header:]:
        entry = entry.removesuffix("\n\\ No newline at end of file\n")
        if match := re.match(r"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@\n?", entry):
            start = int(match[1]) - (match[2] != "0")
            new += lines[at:start]
            at = start
            assert len(new) == int(match[3]) - (match[4] != "0")
        elif entry[0] == "+":
            new.append(entry[1:])
        else:
            assert lines[at] == entry[1:]
            at += 1
            if entry[0] == " ":
                new.append(entry[1:])
    return "".join(new + lines[at:])


@given(TEXTS, TEXTS)
def test_a_diff_leads_from_the_old_text_to_the_new(old: str, new: str) -> None:
    diff = list(file_diff("a.py", old, new))
    assert diff[:2] == (["--- a.py\n", "+++ a.py\n"] if old != new else [])
    assert patched(old, diff, 2) == new


def test_a_missing_newline_at_the_end_is_marked() -> None:
    assert list(file_diff("a.py", "a\nb", "a\nc\n"))[3:] == [" a\n", "-b\n\\ No newline at end of file\n", "+c\n"]


def test_an_unchanged_text_has_no_diff() -> None:
    assert list(file_diff("a.py", "a\n", "a\n")) == []


@given(st.data())
def test_the_hunks_of_a_fix_lead_to_its_text(data: st.DataObject) -> None:
    lines = data.draw(st.lists(st.sampled_from(["a", "b", "c", ""]), min_size=1, max_size=12))
    text = "\n".join(lines)
    offsets = st.integers(0, len(text))
    cuts = sorted(data.draw(st.lists(offsets, min_size=2, max_size=4).filter(lambda cuts: len(cuts) % 2 == 0)))
    words = st.sampled_from(["", "x", "y\n", "\nz\n"])
    edits = tuple(Edit(Span(start, end), data.draw(words)) for start, end in zip(cuts[::2], cuts[1::2], strict=True))
    source = Source.from_bytes(Path("a.py"), text.encode())
    hunks = list(fix_hunks(source, Fix("Mend", Applicability.SAFE, source.path, edits)))
    result = apply_edits(text, edits)
    # Hunks for people carry no newlines; with one behind every line both texts read the same.
    mended = patched(text + "\n", [hunk + "\n" for hunk in hunks], 0)
    assert mended.rstrip("\n") == result.rstrip("\n")
