"""The report for people."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from optlint.finding import Finding, Level, Location, Step
from optlint.report import concise, full
from optlint.report.report import Report
from optlint.report.style import Style, style_for
from optlint.report.summary import summary
from optlint.source.edits import Applicability, Edit, Fix
from optlint.source.text import Source, Span

TRAIN = """import torch

def train(model, loader, optimizer, scheduler):
    for batch in loader:
        scheduler.step()
        loss = model(batch)
        loss.backward()
        optimizer.step()
    return model
"""
Texts = dict[Path, Source]


def source_of(text: str, name: str = "train.py") -> Source:
    return Source.from_bytes(Path(name).absolute(), text.encode())


def place(source: Source, flagged: str) -> Location:
    start = source.text.index(flagged)
    return Location(
        source.path,
        Span(start, start + len(flagged)),
        source.position(start),
        source.position(start + len(flagged)),
    )


def report(*findings: Finding, sources: Callable[[Path], Source | None], colour: bool = False) -> str:
    return "\n".join(full.lines(Report(findings, sources, checked=1), Style(colour)))


@pytest.fixture
def early_step() -> tuple[Finding, Source]:
    source = source_of(TRAIN)
    start, end = source.text.index("        scheduler"), source.text.index("        loss =")
    after = source.text.index("    return")
    fix = Fix(
        "Step the scheduler after the optimizer",
        Applicability.UNSAFE,
        source.path,
        (Edit(Span(start, end), ""), Edit(Span(after, after), "        scheduler.step()\n")),
    )
    return (
        Finding(
            "OPT101",
            "early-step",
            Level.ERROR,
            "`scheduler.step()` runs before `optimizer.step()`",
            place(source, "scheduler.step()"),
            (
                Step("the loop begins", place(source, "for batch")),
                Step("the learning rate moves on", place(source, "scheduler.step()")),
            ),
            fix,
            "The first learning rate is never used.",
        ),
        source,
    )


def test_a_finding_shows_frame_witness_consequence_and_fix(early_step: tuple[Finding, Source]) -> None:
    finding, source = early_step
    assert report(finding, sources=lambda path: source) == (
        """\
train.py:5:9: error OPT101 [unsafe] `scheduler.step()` runs before `optimizer.step()`
  3 | def train(model, loader, optimizer, scheduler):
  4 |     for batch in loader:
  5 |         scheduler.step()
    |         ^^^^^^^^^^^^^^^^
  6 |         loss = model(batch)
  7 |         loss.backward()
  how it comes about:
    1. train.py:4  the loop begins
       | for batch in loader:
    2. train.py:5  the learning rate moves on
       | scheduler.step()
  consequence: The first learning rate is never used.
  fix: Step the scheduler after the optimizer (unsafe, --fix --unsafe-fixes applies it)
    @@ -3,7 +3,7 @@
     def train(model, loader, optimizer, scheduler):
         for batch in loader:
    -        scheduler.step()
             loss = model(batch)
             loss.backward()
             optimizer.step()
    +        scheduler.step()
         return model
"""
    )


def test_the_colours_of_a_terminal_change_no_character(early_step: tuple[Finding, Source]) -> None:
    import re

    finding, source = early_step
    painted = report(finding, sources=lambda path: source, colour=True)
    assert "\x1b[1;31merror" in painted
    assert re.sub(r"\x1b\[[0-9;]*m", "", painted) == report(finding, sources=lambda path: source)


def test_a_finding_in_a_file_without_text_has_no_frame(early_step: tuple[Finding, Source]) -> None:
    finding, _ = early_step
    lines = report(finding, sources=lambda path: None).splitlines()
    assert lines[1:4] == [
        "  how it comes about:",
        "    1. train.py:4  the loop begins",
        "    2. train.py:5  the learning rate moves on",
    ]


def frame_of(text: str, flagged: str) -> list[str]:
    source = source_of(text)
    finding = Finding("OPT101", "x", Level.NOTE, "m", place(source, flagged))
    return report(finding, sources=lambda path: source).splitlines()[1:]


@pytest.mark.parametrize(
    ("text", "flagged", "lines"),
    [
        ("x\n", "x", ["  1 | x", "    | ^"]),
        ("x", "x", ["  1 | x", "    | ^"]),
        ("", "", ["  1 |", "    | ^"]),
        ("\tx(1)\n", "x(1)", ["  1 |     x(1)", "    |     ^^^^"]),
        ("a = '\u4e2d'; bad\n", "bad", ["  1 | a = '\u4e2d'; bad", "    |           ^^^"]),
        ("a = 'e\u0301'; bad\n", "bad", ["  1 | a = 'e\u0301'; bad", "    |          ^^^"]),
        ("f(\r\n  1)\r\nx\r\n", "f(\r\n  1)", ["  1 | f(", "    | ^^", "  2 |   1)", "    |   ^^", "  3 | x"]),
        (
            "\n" * 7 + "a\nbad\nc\nd\ne\n",
            "bad",
            ["   7 |", "   8 | a", "   9 | bad", "     | ^^^", "  10 | c", "  11 | d"],
        ),
    ],
)
def test_the_frame_underlines_what_is_flagged(text: str, flagged: str, lines: list[str]) -> None:
    assert frame_of(text, flagged) == lines


def test_a_long_range_is_cut() -> None:
    text = "f(\n" + "    1,\n" * 20 + ")\n"
    assert frame_of(text, text.rstrip("\n"))[-1] == "    | ... 16 more lines"


@pytest.mark.parametrize(
    ("applicability", "mark", "promise"),
    [
        (Applicability.SAFE, "[*] ", "safe, --fix applies it"),
        (Applicability.UNSAFE, "[unsafe] ", "unsafe, --fix --unsafe-fixes applies it"),
        (Applicability.DISPLAY, "", "shown only: look before you take it over"),
    ],
)
def test_fixes_are_marked_by_what_they_promise(applicability: Applicability, mark: str, promise: str) -> None:
    source = source_of("bad\n")
    fix = Fix("Mend", applicability, source.path, (Edit(Span(0, 3), "good"),))
    finding = Finding("OPT101", "x", Level.NOTE, "m", place(source, "bad"), fix=fix)
    told = list(concise.lines(Report([finding], lambda path: source, checked=1), Style()))
    assert told == [f"train.py:1:1: note OPT101 {mark}m"]
    assert f"  fix: Mend ({promise})" in report(finding, sources=lambda path: source)


def test_a_fix_in_another_file_names_it() -> None:
    source, other = source_of("bad\n"), source_of("x\n", "other.py")
    fix = Fix("Mend", Applicability.SAFE, other.path, (Edit(Span(0, 1), "y"),))
    finding = Finding("OPT101", "x", Level.NOTE, "m", place(source, "bad"), fix=fix)
    texts = {source.path: source, other.path: other}
    assert report(finding, sources=texts.get).splitlines()[-4:] == [
        "    in other.py",
        "    @@ -1 +1 @@",
        "    -x",
        "    +y",
    ]


def finding_with(level: Level, applicability: Applicability | None = None, name: str = "a.py") -> Finding:
    source = source_of("bad\n", name)
    fix = None if applicability is None else Fix("Mend", applicability, source.path, (Edit(Span(0, 3), ""),))
    return Finding("OPT101", "x", level, "m", place(source, "bad"), fix=fix)


@pytest.mark.parametrize(
    ("findings", "fixed", "unsafe", "text"),
    [
        ([], 0, False, "All clear: 14 files checked"),
        ([], 2, False, "Found 2 (2 fixed, 0 remaining) in 14 files checked"),
        ([finding_with(Level.NOTE)], 0, False, "1 note in 1 file (14 checked)"),
        (
            [
                finding_with(Level.ERROR, Applicability.SAFE),
                finding_with(Level.ERROR, Applicability.UNSAFE, "b.py"),
                finding_with(Level.WARNING, Applicability.DISPLAY, "b.py"),
            ],
            0,
            False,
            "2 errors, 1 warning in 2 files (14 checked); 1 fixable with --fix, 1 more with --fix --unsafe-fixes",
        ),
        (
            [finding_with(Level.ERROR, Applicability.SAFE), finding_with(Level.ERROR, Applicability.UNSAFE)],
            1,
            True,
            "Found 3 (1 fixed, 2 remaining): 2 errors in 1 file (14 checked); 2 fixable with --fix --unsafe-fixes",
        ),
        (
            [finding_with(Level.ERROR, Applicability.UNSAFE)],
            0,
            False,
            "1 error in 1 file (14 checked); 1 fixable with --fix --unsafe-fixes",
        ),
    ],
)
def test_the_summary_is_one_line(findings: list[Finding], fixed: int, unsafe: bool, text: str) -> None:
    assert summary(findings, 14, fixed, unsafe) == text


class Terminal:
    def __init__(self, terminal: bool) -> None:
        self.terminal = terminal

    def isatty(self) -> bool:
        return self.terminal


@pytest.mark.parametrize(
    ("terminal", "variables", "colour"),
    [
        (True, {}, True),
        (False, {}, False),
        (True, {"TERM": "dumb"}, False),
        (True, {"NO_COLOR": "1"}, False),
        (True, {"NO_COLOR": ""}, True),
        (False, {"FORCE_COLOR": "1"}, True),
        (True, {"NO_COLOR": "1", "FORCE_COLOR": "1"}, False),
    ],
)
def test_colour_is_for_terminals_unless_the_user_says_otherwise(
    monkeypatch: pytest.MonkeyPatch, terminal: bool, variables: dict[str, str], colour: bool
) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert style_for(Terminal(terminal)).colour is colour  # type: ignore[arg-type]
