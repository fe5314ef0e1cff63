"""Writing comments that silence: where they stand, and that nothing else changes."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optlint.finding import Finding, Level, Location
from optlint.silence import silence
from optlint.source.text import Source, Span
from optlint.suppress import suppress

CODES = frozenset({"OPT101", "OPT102", "OPT002"})
NAMES = {"OPT101": "early-step", "OPT102": "double-step", "OPT002": "unused-suppression"}


def source_of(data: str | bytes) -> Source:
    return Source.from_bytes(Path("a.py"), data.encode() if isinstance(data, str) else data)


def flagged(source: Source, pattern: str = r"\bbad\b", code: str = "OPT101") -> list[Finding]:
    return [
        Finding(
            code,
            NAMES.get(code, "a-rule"),
            Level.ERROR,
            "bad",
            Location(source.path, span, source.position(span.start), source.position(span.end)),
        )
        for span in (Span(match.start(), match.end()) for match in re.finditer(pattern, source.text))
    ]


def silenced(text: str, reason: str = "", codes: str = "OPT101") -> str:
    source = source_of(text)
    result = silence(source, [each for code in codes.split() for each in flagged(source, code=code)], reason)
    assert not result.left
    return result.source.text


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("bad()\n", "bad()  # optlint: ignore[OPT101]\n"),
        ("bad()", "bad()  # optlint: ignore[OPT101]"),
        ("bad()\r\nx\r\n", "bad()  # optlint: ignore[OPT101]\r\nx\r\n"),
        ("bad()   \n", "bad()   # optlint: ignore[OPT101]\n"),
        ("bad() \n", "bad()  # optlint: ignore[OPT101]\n"),
        ("bad()  # noqa: E501\n", "bad()  # noqa: E501  # optlint: ignore[OPT101]\n"),
        ("bad()  # type: ignore[x]\n", "bad()  # type: ignore[x]  # optlint: ignore[OPT101]\n"),
        ("bad()  # optlint: ignore[OPT102]\n", "bad()  # optlint: ignore[OPT102, OPT101]\n"),
        ("bad()  # optlint: ignore[OPT102] why  # noqa\n", "bad()  # optlint: ignore[OPT102, OPT101] why  # noqa\n"),
        ("# optlint: ignore[OPT102]\n# more\nbad()\n", "# optlint: ignore[OPT102, OPT101]\n# more\nbad()\n"),
        ("bad(1,\n    2)\n", "bad(1,  # optlint: ignore[OPT101]\n    2)\n"),
        ("f(1,\n  bad,\n  2)\n", "f(1,\n  bad,  # optlint: ignore[OPT101]\n  2)\n"),
        ('bad("""\n""",\n2)\n', 'bad("""\n""",\n2)  # optlint: ignore[OPT101]\n'),
        ('x = """\n""" + bad\n', 'x = """\n""" + bad  # optlint: ignore[OPT101]\n'),
        ("bad(1) + \\\n  2\n", "bad(1) + \\\n  2  # optlint: ignore[OPT101]\n"),
        ("x = 1 + \\\n  bad + \\\n  2\n", "x = 1 + \\\n  bad + \\\n  2  # optlint: ignore[OPT101]\n"),
        ("@bad\ndef f():\n    pass\n", "@bad  # optlint: ignore[OPT101]\ndef f():\n    pass\n"),
        ("for x in bad:\n    pass\n", "for x in bad:  # optlint: ignore[OPT101]\n    pass\n"),
        ("x; bad(); y\n", "x; bad(); y  # optlint: ignore[OPT101]\n"),
        ("if x:\n\tbad()\n", "if x:\n\tbad()  # optlint: ignore[OPT101]\n"),
        ("type X = bad\n", "type X = bad  # optlint: ignore[OPT101]\n"),
        (f"if x:\n    bad({'x' * 80})\n", f"if x:\n    # optlint: ignore[OPT101]\n    bad({'x' * 80})\n"),
    ],
)
def test_where_a_comment_stands(before: str, after: str) -> None:
    assert silenced(before) == after


def test_two_codes_share_a_comment_and_equal_ones_are_named_once() -> None:
    assert silenced("bad(bad)\n", codes="OPT101 OPT102") == "bad(bad)  # optlint: ignore[OPT101, OPT102]\n"


@pytest.mark.parametrize(
    ("before", "reason", "after"),
    [
        ("bad()\n", "a warm-up\n of zero", "bad()  # optlint: ignore[OPT101] a warm-up of zero\n"),
        ("bad()  # optlint: ignore[OPT102]\n", "why", "bad()  # optlint: ignore[OPT102, OPT101] why\n"),
        ("bad()  # optlint: ignore[OPT102] why\n", "why", "bad()  # optlint: ignore[OPT102, OPT101] why\n"),
        ("bad()  # optlint: ignore[OPT102] old\n", "new", "bad()  # optlint: ignore[OPT102, OPT101] old; new\n"),
        ("bad()\n", "x" * 70, f"# optlint: ignore[OPT101] {'x' * 70}\nbad()\n"),
    ],
)
def test_the_reason_is_given_and_others_are_kept(before: str, reason: str, after: str) -> None:
    assert silenced(before, reason) == after


@pytest.mark.parametrize(
    "data",
    [
        b"\xef\xbb\xbfbad()\r\n",
        b"# coding: latin-1\nbad('\xe9')\n",
        b"bad()\rx\r",
        "bad('\u2028', 'ü')\n".encode(),
    ],
)
def test_encodings_and_marks_are_kept(data: bytes) -> None:
    source = source_of(data)
    (before, after) = (data, silence(source, flagged(source)).source.data)
    assert after.replace(b"  # optlint: ignore[OPT101]", b"") == before
    assert after != before


def test_what_cannot_be_silenced_is_said_and_left() -> None:
    source = source_of(b"# coding: ascii\nbad()\n")
    result = silence(source, flagged(source), "gr\u00fcnde")
    assert result.source == source
    assert [why for _, why in result.left] == ["ascii cannot write '\\xfc': save the file as UTF-8"]
    (unused,) = flagged(source, code="OPT002")
    assert silence(source, [unused]).left == [(unused, "`--fix` deletes such comments")]


PIECES = st.sampled_from(
    [
        "bad()\n",
        "x = bad  # noqa\n",
        'bad("""\n  bad\n""")\n',
        "x = [\n    bad,\n\n    # why\n    bad(1),\n]\n",
        "x = 1 + \\\n    bad\n",
        "if bad:\n    bad(); y\nelif bad: pass\nelse:\n    # note\n    pass\n",
        "@bad\nclass A(bad):\n    def f(self, x=bad): return bad\n",
        "# optlint: ignore[OPT102]\nbad()\n",
        "bad  # optlint: ignore[OPT102] of old\n",
        f"bad({'x' * 90},\n  bad)\n",
        "f'''{bad}\n{x}'''\n",
        "\n\n",
        "# a comment\n",
    ]
)


@given(
    st.lists(PIECES, max_size=6),
    st.sampled_from(["\n", "\r\n"]),
    st.booleans(),
    st.sampled_from(["", "a reason", "y" * 60]),
)
def test_all_is_silent_after_and_nothing_but_comments_has_changed(
    pieces: list[str], newline: str, ends: bool, reason: str
) -> None:
    text = "".join(pieces).replace("\n", newline)
    source = source_of(text if ends else text.rstrip())
    findings = [each for each in flagged(source) if not in_comment_or_string(source, each)]
    result = silence(source, findings, reason)
    assert not result.left
    after = result.source
    again = [each for each in flagged(after) if not in_comment_or_string(after, each)]
    assert len(again) == len(findings)
    assert suppress(after, again, NAMES, CODES - {"OPT102"}, whole=True) == []
    assert without_comments(after.text) == without_comments(source.text)
    assert ast.dump(ast.parse(after.text)) == ast.dump(ast.parse(source.text))
    assert silence(after, [], reason).source == after


def in_comment_or_string(source: Source, finding: Finding) -> bool:
    """Whether no name stands there."""
    place = finding.location.start
    names = [
        each.start
        for each in tokenize.generate_tokens(io.StringIO(source.text, newline=None).readline)
        if each.type == tokenize.NAME
    ]
    return (place.row, place.column - 1) not in names


def without_comments(text: str) -> list[str]:
    """Return the lines with all comments and the blanks before them taken away, and no line of a comment alone."""
    lines = io.StringIO(text, newline=None).read().split("\n")
    alone = set()
    for each in tokenize.generate_tokens(io.StringIO(text, newline=None).readline):
        if each.type == tokenize.COMMENT:
            row, column = each.start
            before = lines[row - 1][:column].rstrip()
            lines[row - 1] = before
            if not before:
                alone.add(row)
    return [line for row, line in enumerate(lines, 1) if row not in alone]
