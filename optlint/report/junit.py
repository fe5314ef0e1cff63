"""The report as JUnit XML: a suite a file, a test case a finding; a note is a skipped one, for it breaks nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from optlint.builtin import INTERNAL_ERROR
from optlint.finding import Finding, Level
from optlint.report.escapes import xml_attribute, xml_text
from optlint.report.places import document_region, file_name, row_place
from optlint.report.report import Report
from optlint.report.style import Style
from optlint.report.summary import counted


def lines(report: Report, style: Style) -> Iterator[str]:
    """Yield the lines of the document; without findings it has one case, which has passed."""
    yield '<?xml version="1.0" encoding="utf-8"?>'
    yield f'<testsuites name="optlint" {_counts(report.findings, max(1, len(report.findings)))}>'
    if not report.findings:
        yield f'  <testsuite name="optlint" {_counts((), 1)}>'
        yield f'    <testcase name="{counted(report.checked, "file")} checked" classname="optlint"/>'
        yield "  </testsuite>"
    for path, group in groupby(report.findings, key=lambda finding: finding.location.path):
        findings = list(group)
        yield f"  <testsuite name={xml_attribute(file_name(path))} {_counts(findings, len(findings))}>"
        for finding in findings:
            yield from _case(report, finding)
        yield "  </testsuite>"
    yield "</testsuites>"


def _case(report: Report, finding: Finding) -> Iterator[str]:
    path, start = finding.location.path, finding.location.start
    where = document_region(finding.location, report.sources(path))
    name = xml_attribute(f"{finding.code} {finding.name} at {start.in_file}:{start.column}")
    file = xml_attribute(file_name(path))
    yield f'    <testcase name={name} classname={file} file={file} line="{where.row}">'
    yield f"      {_outcome(report, finding)}"
    yield "    </testcase>"


def _outcome(report: Report, finding: Finding) -> str:
    message = xml_attribute(finding.message)
    if finding.level is Level.NOTE:
        return f"<skipped message={xml_attribute(report.message(finding))}/>"
    tag = "error" if finding.code == INTERNAL_ERROR.code else "failure"
    steps = [f"{row_place(step.location.path, step.location.start)}: {step.note}" for step in finding.witness]
    body = "\n".join((finding.message, *report.remarks(finding), *steps))
    return f'<{tag} type="{finding.level.label}" message={message}>{xml_text(body)}</{tag}>'


def _counts(findings: Sequence[Finding], tests: int) -> str:
    errors = sum(finding.code == INTERNAL_ERROR.code for finding in findings)
    skipped = sum(finding.level is Level.NOTE for finding in findings)
    failures = len(findings) - errors - skipped
    return f'tests="{tests}" failures="{failures}" errors="{errors}" skipped="{skipped}"'
