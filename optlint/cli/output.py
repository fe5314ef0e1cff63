"""What `optlint check` prints: reports to stdout, everything about the run itself to stderr."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, TextIO

from optlint.finding import Finding
from optlint.paths import shown
from optlint.quick import all_clear
from optlint.report.style import Ink, style_for

if TYPE_CHECKING:
    from optlint.cli.fixer import Applied, Preview
    from optlint.report.full import Sources


class Output:
    """Prints in one of the formats `full`, `concise` and `json`; report code is imported when there is a finding."""

    def __init__(self, form: str, unsafe: bool, quiet: bool, statistics: bool, show_fixes: bool) -> None:
        self._form = form
        self._unsafe = unsafe
        self._quiet = quiet
        self._statistics = statistics
        self._show_fixes = show_fixes
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="backslashreplace")  # an old terminal must not end the run

    def report(
        self,
        findings: Sequence[Finding],
        sources: Sources,
        checked: int,
        applied: Sequence[Applied] = (),
        to: TextIO | None = None,
    ) -> None:
        """Print findings, the fixes that were applied where asked for, and the summary."""
        stream = to or sys.stdout
        if self._form == "json":
            self._json(findings, sources, stream)
            return
        if findings:
            self._lines(findings, sources, stream)
        if self._show_fixes and applied:
            self._fixes(applied, stream)
        if not self._quiet:
            # Concise output is read by programs, so that the summary goes beside it.
            self._summary(findings, checked, len(applied), sys.stderr if self._form == "concise" else stream)

    def diff(self, previews: Sequence[Preview], findings: Sequence[Finding], checked: int) -> bool:
        """Print the diffs of all files to stdout and what they would mend to stderr; say whether there is any."""
        from optlint.report.diff import file_diff, painted

        style = style_for(sys.stdout)
        for preview in previews:
            for line in file_diff(shown(preview.before.path), preview.before.text, preview.after.text):
                sys.stdout.write(painted(line, style))
            for message in preview.refused:
                self.complain(message)
        fixes = [fix for preview in previews for fix in preview.applied]
        if self._show_fixes and fixes:
            self._fixes(fixes, sys.stderr)
        if not self._quiet:
            self.complain(self._outlook(len(findings), len(fixes)) if findings else all_clear(checked))
        return bool(fixes)

    def _outlook(self, found: int, mended: int) -> str:
        from optlint.report.summary import counted

        options = "--fix --unsafe-fixes" if self._unsafe else "--fix"
        return f"{options} would mend {counted(mended, 'finding')}, {max(0, found - mended)} would remain"

    def complain(self, message: str) -> None:
        """Print a line about the run itself."""
        print(f"optlint: {message}", file=sys.stderr)

    def _json(self, findings: Sequence[Finding], sources: Sources, stream: TextIO) -> None:
        from optlint.report.json import json_report
        from optlint.report.summary import statistics_json

        text = statistics_json(findings, self._unsafe) if self._statistics else json_report(findings, sources)
        print(text, file=stream)

    def _lines(self, findings: Sequence[Finding], sources: Sources, stream: TextIO) -> None:
        style = style_for(stream)
        lines: Iterable[str]
        if self._statistics:
            from optlint.report.summary import statistics

            lines = statistics(findings, style, self._unsafe)
        elif self._form == "concise":
            from optlint.report.concise import concise

            lines = concise(findings, style, self._unsafe)
        else:
            from optlint.report.full import full

            lines = full(findings, sources, style, self._unsafe)
        for line in lines:
            print(line, file=stream)

    def _fixes(self, applied: Sequence[Applied], stream: TextIO) -> None:
        style = style_for(stream)
        by_path: dict[str, dict[tuple[str, str], int]] = {}
        for one in applied:
            counts = by_path.setdefault(shown(one.fix.path), {})
            key = (one.finding.code, one.fix.title)
            counts[key] = counts.get(key, 0) + 1
        print(style.paint("Fixes:", Ink.STRONG), file=stream)
        for path, counts in sorted(by_path.items()):
            print(f"  {path}", file=stream)
            for (code, title), count in sorted(counts.items()):
                print(f"    {count} x {code} {title}", file=stream)

    def _summary(self, findings: Sequence[Finding], checked: int, fixed: int, stream: TextIO) -> None:
        if not findings and not fixed:
            print(all_clear(checked), file=stream)
        else:
            from optlint.report.summary import summary

            print(summary(findings, checked, fixed, self._unsafe), file=stream)
