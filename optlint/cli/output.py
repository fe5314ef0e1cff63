"""What `optlint check` and `optlint verify` write: reports where they are wanted, and on the run itself to stderr."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, TextIO

from optlint.finding import Finding
from optlint.paths import shown
from optlint.quick import all_clear
from optlint.report.columns import expand
from optlint.report.formats import Summary
from optlint.report.report import Report
from optlint.report.style import Style, style_for

if TYPE_CHECKING:
    from optlint.cli.checker import Checker
    from optlint.cli.fixer import Preview
    from optlint.cli.reports import Target
    from optlint.replay.verdict import Verdict
    from optlint.report.report import Applied


class Output:
    """Writes the report of one run in the wanted formats; report code is imported when there is a finding."""

    def __init__(
        self,
        targets: Sequence[Target],
        unsafe: bool = False,
        quiet: bool = False,
        statistics: bool = False,
        show_fixes: bool = False,
    ) -> None:
        self._targets = targets
        self._unsafe = unsafe
        self._quiet = quiet
        self._statistics = statistics
        self._show_fixes = show_fixes
        self._report: Report | None = None
        self._stdout: TextIO = sys.stdout
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="backslashreplace")  # an old terminal must not end the run

    def report(
        self,
        findings: Sequence[Finding],
        checker: Checker,
        checked: int,
        applied: Sequence[Applied] = (),
        verdicts: Callable[[Finding], Verdict | None] | None = None,
        to: TextIO | None = None,
    ) -> None:
        """Take what is to be reported; `finish` writes it, `to` stands for the standard output."""
        self._stdout = to or sys.stdout
        self._report = Report(
            findings,
            checker.source,
            checked,
            verdicts,
            checker.silenced,
            applied,
            self._unsafe,
            lambda: checker.entries,
        )

    def finish(self, code: int) -> int:
        """Write the report of a run that ends with an exit code; return that, or 2 where a file cannot be written."""
        if self._report is None:
            return code
        report = replace(self._report, exit_code=code)
        summary = not self._quiet
        for target in self._targets:  # files first: the reader of the standard output may have gone
            if target.file is not None:
                from optlint.source.write import WriteError, put_file

                text = "".join(f"{line}\n" for line in self._lines(target, report, Style(False)))
                try:
                    put_file(target.file, text.encode("utf-8", "backslashreplace"))
                except WriteError as error:
                    self.complain(str(error))
                    code = 2
        for target in self._targets:
            if target.file is None:
                for line in self._lines(target, report, style_for(self._stdout)):
                    print(line, file=self._stdout)
                self._stdout.flush()  # what follows on stderr comes after it
                summary = summary and target.format.summary is Summary.BESIDE
        if summary:
            print(self._last_line(report), file=sys.stderr)
        return code

    def diff(self, previews: Sequence[Preview], findings: Sequence[Finding], checked: int) -> bool:
        """Print the diffs of all files to stdout and what they would mend to stderr; say whether there is any."""
        from optlint.report.diff import painted, source_diff

        style = style_for(sys.stdout)
        for preview in previews:
            for line in source_diff(shown(preview.before.path), preview.before, preview.after):
                sys.stdout.write(painted(line, style))
            for message in preview.refused:
                self.complain(message)
        fixes = [fix for preview in previews for fix in preview.applied]
        if self._show_fixes and fixes:
            from optlint.report.summary import fixes_made

            for line in fixes_made(fixes, style_for(sys.stderr)):
                print(line, file=sys.stderr)
        if not self._quiet:
            self.complain(self._outlook(len(findings), len(fixes)) if findings else all_clear(checked))
        return bool(fixes)

    def complain(self, message: str) -> None:
        """Print a line about the run itself."""
        print(f"optlint: {expand(message)}", file=sys.stderr)

    def _lines(self, target: Target, report: Report, style: Style) -> Iterator[str]:
        """Yield what one target gets: the findings or their counts, and for people the fixes and the last line."""
        form = target.format
        if self._statistics:
            from optlint.report.summary import statistics, statistics_json

            counts = statistics(report.findings, style, self._unsafe)
            yield from counts if form.name != "json" else (statistics_json(report.findings, self._unsafe),)
        elif report.findings or form.is_document:
            yield from form.lines(report, style)
        if form.summary is not Summary.NOWHERE and self._show_fixes and report.applied:
            from optlint.report.summary import fixes_made

            yield from fixes_made(report.applied, style)
        if form.summary is Summary.BELOW and not self._quiet:
            yield self._last_line(report)

    def _outlook(self, found: int, mended: int) -> str:
        from optlint.report.summary import counted

        options = "--fix --unsafe-fixes" if self._unsafe else "--fix"
        return f"{options} would mend {counted(mended, 'finding')}, {max(0, found - mended)} would remain"

    def _last_line(self, report: Report) -> str:
        if report.verdicts is not None:
            from optlint.report.verdict import conclusion

            verdicts = [verdict for finding in report.findings if (verdict := report.verdict(finding))]
            return conclusion(verdicts, report.checked)
        if not report.findings and not report.applied:
            return all_clear(report.checked)
        from optlint.report.summary import summary

        return summary(report.findings, report.checked, len(report.applied), report.unsafe)
