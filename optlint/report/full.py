"""The report for people: each finding with its code, the steps that lead to it, its fix and its verdict."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator

from optlint.finding import Finding, Step
from optlint.report.columns import expand
from optlint.report.concise import header
from optlint.report.diff import fix_hunks, painted
from optlint.report.frame import frame, line_of
from optlint.report.marks import is_applied
from optlint.report.places import file_name, row_place
from optlint.report.report import Report, Sources
from optlint.report.style import Ink, Style
from optlint.source.edits import Applicability, Fix

_WIDTH = 110
"""Columns of running text."""


def lines(report: Report, style: Style) -> Iterator[str]:
    """Yield the lines of the report; a blank line ends each finding."""
    for finding in report.findings:
        yield header(finding, report.offered_fix(finding), style, report.unsafe)
        source = report.sources(finding.location.path)
        if source is not None and finding.location.span.end <= len(source.text):
            yield from _indented(frame(source, finding.location, style))
        yield from _witness(finding.witness, report.sources, style)
        if finding.consequence:
            text = f"consequence: {expand(finding.consequence)}"
            first, *rest = textwrap.wrap(text, _WIDTH, initial_indent="  ", subsequent_indent="    ")
            yield first.replace("consequence:", style.paint("consequence:", Ink.STRONG), 1)
            yield from rest
        if finding.fix is not None:
            yield from _fix(finding, finding.fix, report, style)
        if report.verdicts is not None:
            from optlint.report.verdict import verdict_lines

            yield from verdict_lines(report.verdict(finding), style)
        yield ""


def _witness(steps: Iterable[Step], sources: Sources, style: Style) -> Iterator[str]:
    """Yield the steps, numbered, each with the line of source that it speaks of."""
    numbered = [(f"{number}.", step) for number, step in enumerate(steps, start=1)]
    if not numbered:
        return
    places = [row_place(step.location.path, step.location.start) for _, step in numbered]
    digits, columns = len(numbered[-1][0]), max(map(len, places))
    yield style.paint("  how it comes about:", Ink.STRONG)
    for (number, step), place in zip(numbered, places, strict=True):
        yield f"    {number:>{digits}} {style.paint(f'{place:<{columns}}', Ink.PLACE)}  {expand(step.note)}"
        if line := line_of(sources(step.location.path), step.location):
            yield f"    {' ' * digits} {style.paint('| ' + line, Ink.FAINT)}"


def _fix(finding: Finding, fix: Fix, report: Report, style: Style) -> Iterator[str]:
    yield f"  {style.paint('fix:', Ink.STRONG)} {expand(fix.title)} ({_promise(finding, fix, report)})"
    if fix.path != finding.location.path:
        yield f"    in {file_name(fix.path)}"
    source = report.sources(fix.path)
    if source is not None and fix.edits:
        for line in fix_hunks(source, fix):
            yield f"    {painted(line[:1] + expand(line[1:]), style)}".rstrip()


def _promise(finding: Finding, fix: Fix, report: Report) -> str:
    if report.offered_fix(finding) is None:
        return "refuted by its replay: do not take it over"
    if fix.applicability is Applicability.DISPLAY:
        return "shown only: look before you take it over"
    if fix.applicability is Applicability.SAFE:
        return "safe, --fix applies it"
    return f"unsafe, --fix {'' if is_applied(fix, report.unsafe) else '--unsafe-fixes '}applies it"


def _indented(lines: Iterable[str]) -> Iterator[str]:
    return (f"  {line}" for line in lines)
