"""Comments that silence findings: `# optlint: ignore[...]`, `# optlint: ignore-file[...]` and `# noqa: ...`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from optlint.builtin import INTERNAL_ERROR, UNREADABLE_FILE, UNUSED_SUPPRESSION
from optlint.finding import Finding, Location
from optlint.nearest import did_you_mean
from optlint.source.edits import Applicability, Edit, Fix
from optlint.source.rows import Rows, rows
from optlint.source.text import Source, Span

OURS = re.compile(r"#+[ \t]*optlint:[ \t]*(?P<verb>[\w-]*)[ \t]*(?:\[(?P<codes>[^\]#]*)\])?(?:(?![ \t]#[ \t]).)*")
_NOQA = re.compile(
    r"#[ \t]*noqa(?![\w-])(?:[ \t]*:[ \t]*(?P<codes>[A-Z]+[0-9]+(?:[ \t,]+[A-Z]+[0-9]+)*)|(?![ \t]*:))", re.IGNORECASE
)
_LINE, _FILE = "ignore", "ignore-file"
_NEVER_JUDGED = frozenset({UNREADABLE_FILE.code, UNUSED_SUPPRESSION.code, INTERNAL_ERROR.code})


@dataclass(frozen=True, slots=True)
class _Word:
    """One code or name of a comment; `code` is None where nothing is called so."""

    text: str
    code: str | None
    span: Span


@dataclass(frozen=True, slots=True)
class _Comment:
    """A comment that silences: `words` None means every code; `rows` None means the whole file."""

    span: Span
    words: tuple[_Word, ...] | None
    rows: frozenset[int] | None
    ours: bool

    def silences(self, code: str, rows: Iterable[int]) -> bool:
        """Say whether a finding of `code` that stands on `rows` is silenced."""
        if self.words is not None and all(word.code != code for word in self.words):
            return False
        return self.rows is None or not self.rows.isdisjoint(rows)


def may_silence(text: str) -> bool:
    """Say whether a text may hold a comment that silences something."""
    return "optlint:" in text or "noqa" in text.lower()


def suppress(
    source: Source, findings: Sequence[Finding], names: Mapping[str, str], judged: frozenset[str], whole: bool
) -> list[Finding]:
    """Return the findings in one file that no comment silences, and one for each comment that silences none.

    `names` maps every known code to its name. Only codes in `judged`, those that ran, count as unused. `whole`
    says that the callers of the file were checked too, so that deleting an unused comment is safe.
    """
    if not (findings and may_silence(source.text)) and "optlint:" not in source.text:
        return list(findings)
    lines = rows(source)
    comments: list[_Comment] = []
    misspelt: list[Finding] = []
    for row, column, text in lines.comments:
        start = source.line_starts[row - 1] + column
        comments += _noqa_comments(text, start, row, names)
        for match in OURS.finditer(text):
            if match["verb"] in (_LINE, _FILE):
                comments.append(_our_comment(source, match, start, row, column, names))
            else:
                misspelt.append(_misspelt(source, match, start))
    kept = list(findings)
    if UNUSED_SUPPRESSION.code in judged:
        used = _used(findings, comments, lines)
        notes = misspelt
        for comment in comments:
            if comment.ours:
                notes += _unused(source, comment, used, names, judged, whole)
        kept += notes
    return [finding for finding in kept if not _is_silenced(finding, comments, lines)]


def _is_silenced(finding: Finding, comments: Iterable[_Comment], lines: Rows) -> bool:
    """Say whether a comment silences the finding; one that means every code does not silence the note on itself."""
    rows = _rows(finding, lines)
    return any(
        comment.silences(finding.code, rows)
        for comment in comments
        if comment.words is not None or comment.span != finding.location.span
    )


def _used(findings: Iterable[Finding], comments: Iterable[_Comment], lines: Rows) -> frozenset[tuple[Span, str]]:
    """Return the codes that each comment silences, as pairs of its place and a code."""
    return frozenset(
        (comment.span, finding.code)
        for finding in findings
        for comment in comments
        if comment.silences(finding.code, _rows(finding, lines))
    )


def _rows(finding: Finding, lines: Rows) -> frozenset[int]:
    """Return the rows on which a comment may stand: the first and last of the expression and of its statement."""
    start, end = finding.location.start.whole_row, finding.location.end.whole_row
    return frozenset({start, end, *lines.statement.get(start, ())})


def _our_comment(
    source: Source, match: re.Match[str], start: int, row: int, column: int, names: Mapping[str, str]
) -> _Comment:
    words = None if match["codes"] is None else tuple(_words(match, start, names))
    span = Span(start + match.start(), start + match.start() + len(match.group().rstrip()))
    if match["verb"] == _FILE:
        return _Comment(span, words, None, ours=True)
    rows = {row}
    if not source.line(row)[:column].strip():
        rows.add(_row_below(source, row))
    return _Comment(span, words, frozenset(rows), ours=True)


def _row_below(source: Source, row: int) -> int:
    """Return the first row below a comment of its own line that is no such comment."""
    below = row + 1
    while below <= len(source.line_starts) and source.line(below).lstrip().startswith("#"):
        below += 1
    return below


def _words(match: re.Match[str], start: int, names: Mapping[str, str]) -> Iterator[_Word]:
    by_name = {name: code for code, name in names.items()}
    for word in re.finditer(r"[^\s,]+", match["codes"]):
        at = start + match.start("codes") + word.start()
        text = word.group()
        code = text.upper() if text.upper() in names else by_name.get(text.lower())
        yield _Word(text, code, Span(at, at + len(text)))


def _noqa_comments(text: str, start: int, row: int, names: Mapping[str, str]) -> Iterator[_Comment]:
    for match in _NOQA.finditer(text):
        span = Span(start + match.start(), start + match.end())
        if match["codes"] is None:
            yield _Comment(span, None, frozenset({row}), ours=False)
        else:
            codes = re.split(r"[\s,]+", match["codes"].upper())
            words = tuple(_Word(code, code if code in names else None, span) for code in codes)
            yield _Comment(span, words, frozenset({row}), ours=False)


def _unused(
    source: Source,
    comment: _Comment,
    used: frozenset[tuple[Span, str]],
    names: Mapping[str, str],
    judged: frozenset[str],
    whole: bool,
) -> Iterator[Finding]:
    """Yield the notes on one comment: on each word that names nothing, and on all that silence nothing."""
    if comment.words is None:
        if all(span != comment.span for span, _ in used):
            yield _note(source, comment.span, "this suppression silences nothing", _removal(source, comment, (), whole))
        return
    idle: list[_Word] = []
    for word in comment.words:
        if word.code is None:
            near = did_you_mean(word.text, (*names, *names.values()))
            yield _note(source, word.span, f"no rule is called `{word.text}`, nothing is suppressed{near}", None)
        elif word.code in judged - _NEVER_JUDGED and (comment.span, word.code) not in used:
            idle.append(word)
    if idle or not comment.words:
        listed = ", ".join(f"`{word.text}`" for word in idle)
        message = f"the suppression of {listed} silences nothing" if idle else "this suppression names no rule"
        yield _note(source, comment.span, message, _removal(source, comment, idle, whole))


def _removal(source: Source, comment: _Comment, idle: Sequence[_Word], whole: bool) -> Fix:
    """Return the fix that deletes the idle words, or the comment where no other word is left."""
    left = [word.text for word in comment.words or () if word not in idle]
    if left:
        assert comment.words is not None
        edit = Edit(Span(comment.words[0].span.start, comment.words[-1].span.end), ", ".join(left))
    else:
        edit = Edit(_with_blanks(source, comment.span), "")
    applicability = Applicability.SAFE if whole else Applicability.UNSAFE
    return Fix("Delete the unused suppression", applicability, source.path, (edit,))


def _with_blanks(source: Source, span: Span) -> Span:
    """Return a comment's span with the blanks before it, or its whole line where nothing else stands there."""
    row = source.row(span.start)
    first = source.line_starts[row - 1]
    last = source.line_starts[row] if row < len(source.line_starts) else len(source.text)
    before, after = source.text[first : span.start], source.text[span.end : last]
    if not before.strip() and not after.strip():
        return Span(first, last)
    if after.strip():  # another comment follows
        return Span(span.start, span.end + len(after) - len(after.lstrip()))
    return Span(span.start - (len(before) - len(before.rstrip())), span.end)


def _misspelt(source: Source, match: re.Match[str], start: int) -> Finding:
    verb = match["verb"]
    near = did_you_mean(verb, (_LINE, _FILE)) or ": write `# optlint: ignore[CODE]`"
    span = Span(start + match.start(), start + match.start() + len(match.group().rstrip()))
    return _note(source, span, f"`# optlint: {verb}` suppresses nothing{near}", None)


def _note(source: Source, span: Span, message: str, fix: Fix | None) -> Finding:
    location = Location(source.path, span, source.position(span.start), source.position(span.end))
    return Finding(
        UNUSED_SUPPRESSION.code, UNUSED_SUPPRESSION.name, UNUSED_SUPPRESSION.level, message, location, fix=fix
    )
