"""Source in HTML: the frame around a finding, the diff of its fix, and whole scripts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from optlint.finding import Location
from optlint.report.diff import fix_hunks
from optlint.report.frame import CONTEXT, numbered
from optlint.report.html_text import escaped
from optlint.report.places import region
from optlint.source.edits import Fix
from optlint.source.text import Source

_MOST = 12
"""Of a longer range only the first lines are shown."""
_KINDS = {"-": "removed", "+": "added", "@": "hunk"}


def frame_html(source: Source, location: Location) -> str:
    """Return the lines around a place, with what is flagged marked."""
    whole = region(location, source)
    first, last = whole.row, whole.end_row
    if last > first and whole.end_column == 1:
        last -= 1  # the range ends with a newline
    shown_last = min(last, first + _MOST - 1)
    after = min(len(source.line_starts), last + CONTEXT) if shown_last == last else shown_last
    lines = []
    for row, number in numbered(source, location, range(max(1, first - CONTEXT), after + 1)).items():
        line = source.line(row)
        if first <= row <= shown_last:
            start = whole.column - 1 if row == first else len(line) - len(line.lstrip())
            end = whole.end_column - 1 if row == whole.end_row else len(line)
            text = f"{escaped(line[:start])}<mark>{escaped(line[start:end])}</mark>{escaped(line[end:])}"
        else:
            text = escaped(line)
        lines.append(_line(number, text, "flagged" if first <= row <= shown_last else ""))
    if shown_last < last:
        lines.append(f'<span class="line hunk">... {last - shown_last} more lines</span>')
    return _block(lines)


def diff_html(source: Source, fix: Fix) -> str:
    """Return the hunks of a fix."""
    return _block(
        f'<span class="line {_KINDS.get(line[:1], "")}">{line[:1]}{escaped(line[1:])}</span>'
        for line in fix_hunks(source, fix)
    )


def script_html(body: str) -> str:
    """Return a script with its rows numbered."""
    return _block(_numbered(body))


def _numbered(body: str) -> Iterator[str]:
    for row, line in enumerate(body.rstrip("\n").split("\n"), start=1):
        yield _line(row, escaped(line), "")


def _line(row: int, text: str, kind: str) -> str:
    return f'<span class="line {kind}"><span class="row" data-row="{row}"></span>{text}</span>'


def _block(lines: Iterable[str]) -> str:
    """Return lines as a block; each is one of its own, and a newline between them would be a blank line."""
    return f'<pre class="code" tabindex="0">{"".join(lines)}</pre>'
