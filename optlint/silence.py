"""Writing the comments `# optlint: ignore[...]` that silence findings."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from optlint.builtin import INTERNAL_ERROR, UNREADABLE_FILE, UNUSED_SUPPRESSION
from optlint.finding import Finding
from optlint.source.edits import Edit, apply_edits
from optlint.source.rows import Rows, rows
from optlint.source.text import Source, SourceError, Span, parse
from optlint.suppress import OURS

WIDTH = 88
"""Characters; a comment that would make its line longer stands on a line of its own above, where it can."""
_NEVER = {
    UNREADABLE_FILE.code: "no comment silences a file that cannot be read",
    INTERNAL_ERROR.code: "it is a defect of optlint",
    UNUSED_SUPPRESSION.code: "`--fix` deletes such comments",
}


@dataclass(slots=True)
class Silenced:
    """A text with comments added, the findings that they silence, and those that are left, each with the reason."""

    source: Source
    findings: list[Finding] = field(default_factory=list)
    left: list[tuple[Finding, str]] = field(default_factory=list)


@dataclass(slots=True)
class _Comment:
    """A comment to write: at the end of a row, on a line of its own above it, or in the place of another comment."""

    span: Span
    before: str = ""
    after: str = ""
    codes: list[str] = field(default_factory=list)
    reason: str = ""


def silence(source: Source, findings: Sequence[Finding], reason: str = "") -> Silenced:
    """Return the text with a comment for each finding in it; nothing but comments is added or changed.

    A comment stands at the end of the finding's first row, or else where a string or a backslash does not go over
    the end: at the end of the statement. One that is there already gets the further code, and another reason is added
    to its own.
    """
    found = rows(source)
    reason = " ".join(reason.split())
    result = Silenced(source)
    comments: dict[Span, _Comment] = {}
    for finding in findings:
        if finding.code in _NEVER:
            result.left.append((finding, _NEVER[finding.code]))
            continue
        comment = _place(source, found, finding, reason)
        comment = comments.setdefault(comment.span, comment)
        if finding.code not in comment.codes:
            comment.codes.append(finding.code)
        result.findings.append(finding)
    edits = [Edit(comment.span, _text(comment, reason)) for comment in comments.values()]
    try:
        after = source.with_text(apply_edits(source.text, edits))
        if ast.dump(parse(after.text)) == ast.dump(parse(source.text)):
            result.source = after
            return result
        refusal = "no comment can stand there"
    except (SourceError, RecursionError) as error:
        refusal = str(error)
    return Silenced(source, left=[*result.left, *((finding, refusal) for finding in result.findings)])


def _place(source: Source, found: Rows, finding: Finding, reason: str) -> _Comment:
    span = finding.location.span
    start, end = source.row(span.start), source.row(span.end)
    first, last = found.statement.get(start, (start, start))
    candidates = list(dict.fromkeys((start, end, first, last)))
    above = set(_comment_rows_above(source, first))
    for row, column, text in found.comments:
        match = OURS.search(text)
        if match is None or match["verb"] != "ignore" or match["codes"] is None:
            continue
        own_line = not source.line(row)[:column].strip()
        if row in (above if own_line else candidates):
            begin = source.line_starts[row - 1] + column + match.start()
            words = [word for word in re.split(r"[\s,]+", match["codes"]) if word]
            whole = match.group().rstrip()
            said = whole[match.end("codes") + 1 - match.start() :].strip()
            return _Comment(Span(begin, begin + len(whole)), codes=words, reason=said)
    row = next((row for row in candidates if row in found.ending_in_code), last)
    line = source.line(row)
    offset = source.line_starts[row - 1] + len(line)
    trailing = _Comment(Span(offset, offset), before=" " * (2 - len(line) + len(line.rstrip())))
    longest = len(line) + len(_text(_Comment(Span(0, 0), before="  ", codes=[finding.code]), reason))
    return trailing if longest <= WIDTH else _own_line(source, first)


def _own_line(source: Source, row: int) -> _Comment:
    """Return the comment on a line of its own above the statement that starts on a row."""
    line = source.line(row)
    start = source.line_starts[row - 1]
    indent = line[: len(line) - len(line.lstrip())]
    return _Comment(Span(start, start), before=indent, after=source.newline)


def _comment_rows_above(source: Source, row: int) -> Iterator[int]:
    while row > 1 and source.line(row - 1).lstrip().startswith("#"):
        row -= 1
        yield row


def _text(comment: _Comment, reason: str) -> str:
    said = comment.reason
    if reason and reason not in said:
        said = f"{said}; {reason}" if said else reason
    codes = ", ".join(comment.codes)
    return f"{comment.before}# optlint: ignore[{codes}]{f' {said}' if said else ''}{comment.after}"
