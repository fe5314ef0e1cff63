"""Fingerprints: what they survive, and what changes them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optlint.finding import Finding, Level, Location
from optlint.fingerprint import fingerprints, normalised
from optlint.source.text import Source, Span

PROGRAM = """\
import torch

class Trainer:
    def fit(self, loader):
        for batch in loader:
            bad(batch, lr=0.1)
            if batch:
                bad(batch, lr=0.1)

def fit(loader):
    bad(loader)
    bad(loader)

bad("a", [1, 2])
"""
FLAGGED = re.compile(r"bad\((?:[^()]|\n)*\)")


def found(text: str, path: str = "train.py", code: str = "OPT101") -> tuple[list[Finding], Source]:
    """Flag each call of `bad`, whatever blanks are in it."""
    source = Source.from_bytes(Path(path), text.encode())
    findings = []
    for match in FLAGGED.finditer(source.text):
        span = Span(match.start(), match.end())
        place = Location(source.path, span, source.position(span.start), source.position(span.end))
        findings.append(Finding(code, "a-rule", Level.ERROR, "bad", place))
    return findings, source


def made(text: str, path: str = "train.py", code: str = "OPT101") -> list[str]:
    findings, source = found(text, path, code)
    return fingerprints(findings, lambda _: source)


COMMENTS = st.sampled_from(["", "# why\n", "\n\n", "x = 1\n", "def other():\n    pass\n", '"""def fit(): bad"""\n'])


def test_each_finding_of_a_file_has_a_fingerprint_of_its_own() -> None:
    each = made(PROGRAM)
    assert len(set(each)) == len(each) == 5
    assert all(re.fullmatch("[0-9a-f]{16}", one) for one in each)


def test_fingerprints_are_the_same_today_and_tomorrow() -> None:
    """Baselines hold them: who changes how they are made gives the scheme another number."""
    assert made("bad(x)\n") == ["40be14414122758a"]


@given(above=st.lists(COMMENTS, max_size=4), name=st.sampled_from(["train.py", "src/deep/other.py"]))
def test_code_above_and_another_file_name_change_nothing(above: Sequence[str], name: str) -> None:
    assert made("".join(above) + PROGRAM, name) == made(PROGRAM)


@given(st.data())
def test_blanks_comments_and_line_breaks_change_nothing(data: st.DataObject) -> None:
    text = PROGRAM
    for match in reversed(list(re.finditer(r"\n", text))):
        inserted = data.draw(st.sampled_from(["\n", "  # note\n", "\n\n", "\n# note of its own line\n", "   \n"]))
        text = text[: match.start()] + inserted + text[match.end() :]
    for match in reversed(list(re.finditer(r"(?<=bad\()|(?<=, )|(?<=\[)", text))):
        inserted = data.draw(st.sampled_from(["", " ", "\n  ", "  # in between\n", "\\\n"]))
        text = text[: match.start()] + inserted + text[match.end() :]
    assert made(text) == made(PROGRAM)


@given(st.sampled_from(["\r\n", "\n"]), st.sampled_from(["    ", "\t", "  "]))
def test_newlines_and_indentation_change_nothing(newline: str, indent: str) -> None:
    assert made(PROGRAM.replace("    ", indent).replace("\n", newline)) == made(PROGRAM)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("bad(x)", "bad(y)"),
        ("bad('a b')", "bad('a  b')"),
        ("bad(x y)".replace(" ", "+"), "bad(x - y)"),
        ("def f():\n    bad(x)", "def g():\n    bad(x)"),
        ("def f():\n    bad(x)", "class f:\n    def f(self):\n        bad(x)"),
        ("bad(x)", "def f():\n    bad(x)"),
        ("bad(1.5)", "bad(1, 5)"),
    ],
)
def test_what_the_text_says_and_where_it_stands_change_it(before: str, after: str) -> None:
    assert made(before) != made(after)
    assert len(made(before)) == len(made(after)) == 1


def test_another_rule_has_another_fingerprint() -> None:
    assert not set(made(PROGRAM)) & set(made(PROGRAM, code="OPT102"))


def test_equal_findings_are_numbered_in_their_file_and_their_function_alone() -> None:
    one, two = made("def f():\n    bad(x)\n    bad(x)\n")
    assert one != two
    assert made("def f():\n    bad(x)\ndef g():\n    bad(x)\n    bad(y)\ndef f():\n    bad(x)\n")[::3] == [one, two]


def test_the_order_in_which_findings_are_given_does_not_count() -> None:
    findings, source = found(PROGRAM)
    backward = fingerprints(findings[::-1], lambda _: source)
    assert backward[::-1] == fingerprints(findings, lambda _: source)


def test_copies_in_two_files_are_equal_so_that_they_can_be_counted() -> None:
    here, source = found(PROGRAM, "a.py")
    there, copy = found(PROGRAM, "b.py")
    each = fingerprints([*here, *there], lambda path: source if path == Path("a.py") else copy)
    assert each[: len(here)] == each[len(here) :]


def test_a_finding_without_a_text_is_known_by_its_message() -> None:
    at = Location(Path("a.py"), Span(0, 0), *[Source.from_bytes(Path("a.py"), b"").position(0)] * 2)
    broken = Finding("OPT001", "unreadable-file", Level.WARNING, "no Python", at)
    other = Finding("OPT001", "unreadable-file", Level.WARNING, "null bytes", at)
    one, two = fingerprints([broken, other], lambda _: None)
    assert one != two
    assert fingerprints([broken], lambda _: None) == [one]


def test_functions_of_newer_syntax_are_known_by_name() -> None:
    generic = "def f[T](x: T) -> T:\n    bad(x)\n"
    assert made(generic) == made("def f(x):\n    bad(x)\n")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("f(a,b)", "f( a ,  # c\n  b,\n)"),
        ("f('x')", 'f("x")'),
        ("f(rb'x')", 'f(rb"x")'),
        ("f(1E-3)", "f(1e-3)"),
        ("f(a.b)", "f(a\n .b)"),
        ("[1, 2]", "[\n1,\n2,\n]"),
        ("for x in y:", "for x in y:  # every one"),
        ("x = 1 + \\\n 2", "x = 1 + 2"),
    ],
)
def test_formatting_is_taken_away(one: str, other: str) -> None:
    assert normalised(one) == normalised(other)


@pytest.mark.parametrize(
    ("one", "other"), [("'a # b'", "'a'"), ("'''a\n b'''", "'''a b'''"), ("(a, b)", "(a b)"), ("r'\\''", "''")]
)
def test_nothing_that_counts_is_taken_away(one: str, other: str) -> None:
    assert normalised(one) != normalised(other)


def test_a_flagged_comment_keeps_its_words() -> None:
    assert normalised("# optlint:  ignore[OPT101]") == "# optlint: ignore[OPT101]"


@given(st.text(alphabet="ab'\"\\#\n ,()[]1.f", max_size=30))
def test_any_text_is_taken_and_none_becomes_empty(text: str) -> None:
    assert bool(normalised(text)) == bool(text.strip())
    assert normalised(f"\n {text}") == normalised(text)
