"""Comments that silence findings, and those that silence none."""

from __future__ import annotations

from pathlib import Path

import pytest

from optlint.finding import Finding, Level, Location
from optlint.source.edits import Applicability, apply_edits
from optlint.source.text import Source, Span
from optlint.suppress import suppress

NAMES = {
    "OPT001": "unreadable-file",
    "OPT002": "unused-suppression",
    "OPT003": "internal-error",
    "OPT101": "early-step",
    "OPT102": "double-step",
}
CODES = frozenset(NAMES)


def source_of(text: str) -> Source:
    return Source.from_bytes(Path("a.py"), text.encode())


def at(source: Source, flagged: str, code: str = "OPT101") -> Finding:
    start = source.text.index(flagged)
    span = Span(start, start + len(flagged))
    place = Location(source.path, span, source.position(span.start), source.position(span.end))
    return Finding(code, NAMES[code], Level.ERROR, "bad", place)


def left(text: str, *findings: tuple[str, str], judged: frozenset[str] = CODES, whole: bool = True) -> list[Finding]:
    source = source_of(text)
    return suppress(source, [at(source, flagged, code) for flagged, code in findings], NAMES, judged, whole)


def notes(text: str, *findings: tuple[str, str], judged: frozenset[str] = CODES) -> list[str]:
    return [finding.message for finding in left(text, *findings, judged=judged) if finding.code == "OPT002"]


BAD = ("bad()", "OPT101")


@pytest.mark.parametrize(
    "text",
    [
        "bad()  # optlint: ignore[OPT101] the reason\n",
        "bad()  # optlint: ignore[early-step]\n",
        "bad()  # optlint: ignore[opt101]\n",
        "bad()  #optlint:ignore [ OPT102 , OPT101 ]\n",
        "bad()  # optlint: ignore\n",
        "bad()  # type: ignore  # optlint: ignore[OPT101]  # pragma: no cover\n",
        "# optlint: ignore[OPT101]\nbad()\n",
        "    # optlint: ignore[OPT101] a reason\n    # that goes on\n    bad()\n".replace("    ", ""),
        "if x:\n    # optlint: ignore[OPT101]\n    bad()\n",
        "x = (  # optlint: ignore[OPT101]\n    1,\n    bad(),\n    2,\n)\n",
        "x = (\n    1,\n    bad(),  # optlint: ignore[OPT101]\n    2,\n)\n",
        "x = (\n    1,\n    # optlint: ignore[OPT101]\n    bad(),\n    2,\n)\n",
        "x = (\n    1,\n    bad(),\n    2,\n)  # optlint: ignore[OPT101]\n",
        "# optlint: ignore[OPT101]\nx = (\n    1,\n    bad(),\n    2,\n)\n",
        "x = 1\nbad()\n# optlint: ignore-file[OPT101]\n",
        "# optlint: ignore-file\nx = 1\nbad()\n",
        "bad()  # noqa: OPT101\n",
        "bad()  # NOQA:E501,OPT101 and why\n",
        "bad()  # noqa: E501 OPT101\n",
        "bad()  # noqa\n",
        "bad()  # x  # noqa\n",
        "\r\nbad()  # optlint: ignore[OPT101]\r\nx\r\n",
        "\ufeffbad()  # optlint: ignore[OPT101]\n",
        "x = '\x0c\u2028'\nbad()  # optlint: ignore[OPT101]\n",
        "bad()  # optlint: ignore[OPT101]\nx = (\n",
    ],
)
def test_a_comment_silences_the_finding(text: str) -> None:
    silenced = [finding for finding in left(text, BAD) if finding.code == "OPT101"]
    assert silenced == []


def test_the_last_row_of_the_expression_counts() -> None:
    text = "x = [\n    bad(\n        1,\n    ),  # optlint: ignore[OPT101]\n]\n"
    assert left(text, ("bad(\n        1,\n    )", "OPT101")) == []


@pytest.mark.parametrize(
    "text",
    [
        "bad()  # optlint: ignore[OPT102]\n",
        "x = 1  # optlint: ignore[OPT101]\nbad()\n",
        "bad()\n# optlint: ignore[OPT101]\n",
        "# optlint: ignore[OPT101]\n\nbad()\n",
        "# optlint: ignore[OPT101]\nx = 1\nbad()\n",
        "bad(); x = '# optlint: ignore[OPT101]'\n",
        "bad(); x = '''\n# optlint: ignore-file\n'''\n",
        "bad()  # noqa: E501\n",
        "bad()  # noqa: because\n",
        "bad()  # noqa-file\n",
        "# noqa\nbad()\n",
        "bad()  # optlint: ignroe[OPT101]\n",
        "bad()  # optlint ignore[OPT101]\n",
        "def f():  # optlint: ignore[OPT101]\n    bad()\n",
    ],
)
def test_a_comment_elsewhere_or_of_another_kind_silences_nothing(text: str) -> None:
    assert "OPT101" in [finding.code for finding in left(text, BAD)]


def test_a_comment_that_silences_is_used() -> None:
    assert left("bad()  # optlint: ignore[OPT101]\n", BAD) == []


def test_a_comment_that_silences_nothing_is_a_note() -> None:
    (note,) = left("x = 1  # optlint: ignore[OPT101]\n")
    assert (note.code, note.level, note.location.start.column) == ("OPT002", Level.NOTE, 8)
    assert note.message == "the suppression of `OPT101` silences nothing"


@pytest.mark.parametrize(
    ("text", "messages"),
    [
        (
            "x = 1  # optlint: ignore[OPT101, double-step]\n",
            ["the suppression of `OPT101`, `double-step` silences nothing"],
        ),
        ("x = 1  # optlint: ignore\n", ["this suppression silences nothing"]),
        ("x = 1  # optlint: ignore[]\n", ["this suppression names no rule"]),
        ("# optlint: ignore-file[OPT101]\n", ["the suppression of `OPT101` silences nothing"]),
        (
            "x  # optlint: ignore[OPT1O1]\n",
            ["no rule is called `OPT1O1`, nothing is suppressed: did you mean `OPT101`?"],
        ),
        ("x  # optlint: ignore[zzz]\n", ["no rule is called `zzz`, nothing is suppressed"]),
        ("x  # optlint: ignroe[OPT101]\n", ["`# optlint: ignroe` suppresses nothing: did you mean `ignore`?"]),
        ("x  # optlint: see below\n", ["`# optlint: see` suppresses nothing: write `# optlint: ignore[CODE]`"]),
        ("x = 1  # noqa: OPT101\n", []),
        ("x = 1  # optlint: ignore[OPT001, OPT002, OPT003]\n", []),
        ("x = 1  # optlint: ignore[OPT101, OPT002]\n", []),
        ("x = 1  # optlint: ignore[OPT101]  # noqa\n", []),
        ("# optlint: ignore-file\nbad()\nx = 1  # optlint: ignore[OPT102]\n", []),
    ],
)
def test_what_is_said_of_comments_that_silence_nothing(text: str, messages: list[str]) -> None:
    findings = [BAD] if "bad()" in text else []
    assert notes(text, *findings) == messages


def test_a_rule_that_did_not_run_is_not_judged() -> None:
    assert notes("x = 1  # optlint: ignore[OPT101]\n", judged=frozenset({"OPT002", "OPT102"})) == []


def test_unused_comments_are_silent_where_their_code_is_not_selected() -> None:
    assert notes("x = 1  # optlint: ignore[OPT101]\n", judged=frozenset({"OPT101"})) == []


@pytest.mark.parametrize(
    ("text", "fixed"),
    [
        ("x = 1  # optlint: ignore[OPT101] why\ny\n", "x = 1\ny\n"),
        ("x = 1  # optlint: ignore[OPT101] see #12", "x = 1"),
        ("if x:\n    # optlint: ignore[OPT101]\n    y\n", "if x:\n    y\n"),
        ("x\r\n# optlint: ignore[OPT101]\r\ny\r\n", "x\r\ny\r\n"),
        ("x\n# optlint: ignore-file[OPT101]", "x\n"),
        ("x  # optlint: ignore[OPT101]  # type: ignore\n", "x  # type: ignore\n"),
        ("x  # type: ignore  # optlint: ignore[OPT101]\n", "x  # type: ignore\n"),
        ("bad()  # optlint: ignore[OPT102, early-step] why\n", "bad()  # optlint: ignore[early-step] why\n"),
        ("x = '\u00e9'  # optlint: ignore\n", "x = '\u00e9'\n"),
    ],
)
def test_the_fix_deletes_what_is_unused(text: str, fixed: str) -> None:
    source = source_of(text)
    findings = [at(source, "bad()")] if "bad()" in text else []
    (note,) = suppress(source, findings, NAMES, CODES, whole=True)
    assert note.fix is not None
    assert note.fix.applicability is Applicability.SAFE
    assert apply_edits(source.text, note.fix.edits) == fixed


def test_the_fix_is_unsafe_where_callers_were_not_checked() -> None:
    (note,) = left("x = 1  # optlint: ignore[OPT101]\n", whole=False)
    assert note.fix is not None
    assert note.fix.applicability is Applicability.UNSAFE


def test_a_mistyped_code_is_for_a_person_to_mend() -> None:
    (note,) = left("x = 1  # optlint: ignore[OPT109]\n")
    assert note.fix is None
    assert (note.location.start.column, note.location.end.column) == (26, 32)
