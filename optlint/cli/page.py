"""The option `--report`: whether a page can be written, and writing it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import click

from optlint.cli.checker import Checker
from optlint.cli.errors import OptlintError
from optlint.finding import Finding
from optlint.paths import shown
from optlint.replay.verify import Verified


def check_report(file: Path) -> None:
    """Find out before any work is done whether a page can be written there.

    Raises:
        OptlintError: plotly is not installed, the folder does not exist, or the file is there and is no page.
    """
    from optlint.report.html_document import FIRST_LINE
    from optlint.report.plotting_library import has_plotting_library

    if not has_plotting_library():
        raise OptlintError("`--report` needs plotly: install it (`pip install 'optlint[report]'`)")
    if not file.parent.is_dir():
        raise OptlintError(f"`{shown(file)}` cannot be written: there is no folder `{shown(file.parent)}`")
    if file.is_file() and file.stat().st_size:
        with file.open("rb") as stream:
            if not stream.read(len(FIRST_LINE)).lower().startswith(FIRST_LINE.encode()):
                raise OptlintError(f"`{shown(file)}` is there and is no HTML page: name another file for the report")


def write_report(
    file: Path,
    findings: Sequence[Finding],
    verdicts: Callable[[Finding], Verified | None],
    checker: Checker,
    checked: int,
) -> None:
    """Write the page, and say on stderr where it is."""
    from optlint.report.html_page import html_page
    from optlint.report.plotting_library import packed_library

    write_page(file, html_page(findings, verdicts, checker.source, checked, packed_library()))


def write_page(file: Path, text: str) -> None:
    """Write the text of a page, and say on stderr where it is.

    Raises:
        OptlintError: it cannot be written.
    """
    try:
        file.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise OptlintError(f"`{shown(file)}` cannot be written: {error.strerror}") from error
    click.echo(f"optlint: the report is in {shown(file)}", err=True)
