"""`optlint check -`: the text on the standard input, for editors and pipes."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from optlint.finding import Finding
from optlint.source.text import Source, SourceError

if TYPE_CHECKING:
    from optlint.cli.check_options import Options
    from optlint.cli.checker import Checker
    from optlint.cli.output import Output

UNNAMED = Path("-")


def check_stdin(options: Options, checker: Checker, output: Output) -> tuple[list[Finding], bool]:
    """Check the text; return the findings that remain and whether it was (or would be) changed.

    With `--fix` the mended text is all that goes to stdout, and the report goes to stderr.
    """
    data = sys.stdin.buffer.read()
    path = Path(options.stdin_filename).absolute() if options.stdin_filename else UNNAMED
    findings = checker.check_bytes(path, data)
    if not options.fix and not options.diff:
        output.report(findings, checker, 1)
        return findings, False
    try:
        source = Source.from_bytes(path, data)
    except SourceError:
        if options.fix:
            _write(data)
        output.report(findings, checker, 1, to=sys.stderr)
        return findings, False
    if options.diff:
        from optlint.cli.fixer import preview_fixes

        previews = preview_fixes(checker, findings, [path], options.unsafe_fixes)
        return findings, output.diff(previews, findings, 1)
    from optlint.cli.fixer import mend_text, refusals

    mended, applied = mend_text(checker, source, findings, options.unsafe_fixes)
    _write(mended.source.data)
    remaining = checker.check_bytes(path, mended.source.data)
    output.report(remaining, checker, 1, applied, to=sys.stderr)
    for message in refusals(mended):
        output.complain(message)
    return remaining, bool(applied)


def _write(data: bytes) -> None:
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()
