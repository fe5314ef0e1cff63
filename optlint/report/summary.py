"""The last line of a report, and the counts of `--statistics`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence

from optlint.finding import Finding, Level
from optlint.quick import all_clear
from optlint.report.marks import fixable, is_applied, mark
from optlint.report.places import file_name
from optlint.report.report import Applied
from optlint.report.style import Ink, Style


def counted(count: int, thing: str) -> str:
    """Return the count with the thing, in the plural where need be."""
    return f"{count} {thing}{'' if count == 1 else 's'}"


def summary(findings: Sequence[Finding], checked: int, fixed: int, unsafe: bool) -> str:
    """Return one line on what was found, where, and what can be fixed."""
    if not findings and not fixed:
        return all_clear(checked)
    text = f"Found {len(findings) + fixed} ({fixed} fixed, {len(findings)} remaining)" if fixed else ""
    if not findings:
        return f"{text} in {counted(checked, 'file')} checked"
    levels = [finding.level for finding in findings]
    counts = ", ".join(counted(levels.count(level), level.label) for level in reversed(Level) if level in levels)
    files = counted(len({finding.location.path for finding in findings}), "file")
    text += f"{': ' if text else ''}{counts} in {files} ({checked} checked)"
    offer = _offer(findings, unsafe)
    return f"{text}; {offer}" if offer else text


def _offer(findings: Iterable[Finding], unsafe: bool) -> str:
    safe, risky = fixable(findings)
    if unsafe and risky:
        return f"{safe + risky} fixable with --fix --unsafe-fixes"
    if safe:
        return f"{safe} fixable with --fix" + (f", {risky} more with --fix --unsafe-fixes" if risky else "")
    return f"{risky} fixable with --fix --unsafe-fixes" if risky else ""


def fixes_made(applied: Iterable[Applied], style: Style) -> Iterator[str]:
    """Yield the fixes that were made, by file, code and title, with their counts."""
    by_path: dict[str, dict[tuple[str, str], int]] = {}
    for one in applied:
        counts = by_path.setdefault(file_name(one.fix.path), {})
        key = (one.finding.code, one.fix.title)
        counts[key] = counts.get(key, 0) + 1
    yield style.paint("Fixes:", Ink.STRONG)
    for path, counts in sorted(by_path.items()):
        yield f"  {path}"
        for (code, title), count in sorted(counts.items()):
            yield f"    {count} x {code} {title}"


def statistics(findings: Iterable[Finding], style: Style, unsafe: bool) -> Iterator[str]:
    """Yield a line for each code, the most frequent first: count, code, mark, name."""
    groups = _groups(findings)
    if not groups:
        return
    digits = max(len(str(len(group))) for group in groups)
    codes = max(len(group[0].code) for group in groups)
    marks = [_common_mark(group, unsafe) for group in groups]
    for group, text in zip(groups, marks, strict=True):
        code = style.level(f"{group[0].code:<{codes}}", group[0].level)
        fix = style.paint(f"{text:<{max(map(len, marks))}}", Ink.PLACE)
        yield "  ".join(part for part in (f"{len(group):>{digits}}", code, fix, group[0].name) if part)


def statistics_json(findings: Iterable[Finding], unsafe: bool) -> str:
    """Return the counts as JSON; `fixable` counts the findings whose fix `--fix` applies."""
    rows = [
        {
            "code": group[0].code,
            "name": group[0].name,
            "count": len(group),
            "fixable": sum(finding.fix is not None and is_applied(finding.fix, unsafe) for finding in group),
        }
        for group in _groups(findings)
    ]
    return json.dumps(rows, indent=2)


def _groups(findings: Iterable[Finding]) -> list[list[Finding]]:
    groups: dict[str, list[Finding]] = {}
    for finding in findings:
        groups.setdefault(finding.code, []).append(finding)
    return sorted(groups.values(), key=lambda group: (-len(group), group[0].code))


def _common_mark(group: Sequence[Finding], unsafe: bool) -> str:
    """Return `[*]` if `--fix` mends any of a code's findings, else `[unsafe]` if it could."""
    marks = {mark(finding.fix, unsafe) for finding in group}
    return next((text for text in ("[*]", "[unsafe]") if text in marks), "")
