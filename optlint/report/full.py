"""The report for people: each finding with its code, the steps that lead to it, and its fix."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TypeAlias

from optlint.finding import Finding, Step
from optlint.paths import shown
from optlint.report.columns import expand
from optlint.report.concise import header
from optlint.report.diff import fix_hunks, painted
from optlint.report.frame import frame, line_at
from optlint.report.marks import is_applied
from optlint.report.style import Ink, Style
from optlint.source.edits import Applicability, Fix
from optlint.source.text import Source

Sources: TypeAlias = Callable[[Path], Source | None]
"""Returns the text of a file that a finding names, or None where it cannot be read."""

_WIDTH = 110
"""Columns of running text."""


def full(findings: Iterable[Finding], sources: Sources, style: Style, unsafe: bool) -> Iterator[str]:
    """Yield the lines of the report; a blank line ends each finding."""
    for finding in findings:
        yield header(finding, style, unsafe)
        source = sources(finding.location.path)
        if source is not None and finding.location.span.end <= len(source.text):
            yield from _indented(frame(source, finding.location, style))
        yield from _witness(finding.witness, sources, style)
        if finding.consequence:
            text = f"consequence: {expand(finding.consequence)}"
            first, *rest = textwrap.wrap(text, _WIDTH, initial_indent="  ", subsequent_indent="    ")
            yield first.replace("consequence:", style.paint("consequence:", Ink.STRONG), 1)
            yield from rest
        if finding.fix is not None:
            yield from _fix(finding.fix, finding.location.path, sources, style, unsafe)
        yield ""


def _witness(steps: Iterable[Step], sources: Sources, style: Style) -> Iterator[str]:
    """Yield the steps, numbered, each with the line of source that it speaks of."""
    numbered = [(f"{number}.", step) for number, step in enumerate(steps, start=1)]
    if not numbered:
        return
    places = [f"{expand(shown(step.location.path))}:{step.location.start.row}" for _, step in numbered]
    digits, columns = len(numbered[-1][0]), max(map(len, places))
    yield style.paint("  how it comes about:", Ink.STRONG)
    for (number, step), place in zip(numbered, places, strict=True):
        yield f"    {number:>{digits}} {style.paint(f'{place:<{columns}}', Ink.PLACE)}  {expand(step.note)}"
        if line := line_at(sources(step.location.path), step.location.start.row):
            yield f"    {' ' * digits} {style.paint('| ' + line, Ink.FAINT)}"


def _fix(fix: Fix, flagged: Path, sources: Sources, style: Style, unsafe: bool) -> Iterator[str]:
    yield f"  {style.paint('fix:', Ink.STRONG)} {expand(fix.title)} ({_promise(fix, unsafe)})"
    if fix.path != flagged:
        yield f"    in {expand(shown(fix.path))}"
    source = sources(fix.path)
    if source is not None and fix.edits:
        for line in fix_hunks(source, fix):
            yield f"    {painted(line[:1] + expand(line[1:]), style)}".rstrip()


def _promise(fix: Fix, unsafe: bool) -> str:
    if fix.applicability is Applicability.DISPLAY:
        return "shown only: look before you take it over"
    if fix.applicability is Applicability.SAFE:
        return "safe, --fix applies it"
    return f"unsafe, --fix {'' if is_applied(fix, unsafe) else '--unsafe-fixes '}applies it"


def _indented(lines: Iterable[str]) -> Iterator[str]:
    return (f"  {line}" for line in lines)
