"""One result of a SARIF log: where, what, the way to it, its fix, its verdict, and what silences it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote_from_bytes

from optlint.finding import Finding, Location, Silenced
from optlint.report.escapes import visible
from optlint.report.marks import PROMISES
from optlint.report.places import Region, cell_words, document_region, from_folder, span_region
from optlint.report.report import Report
from optlint.source.edits import Fix

_LINK = re.compile(r"(\\*)\](?=\()")
FINGERPRINT = "optlint/v1"


class Results:
    """Makes the results of one run.

    `root` is the folder that URIs are relative to, by the name of `base`; `codes` are the rules by their index.
    """

    def __init__(self, report: Report, root: str, base: str, codes: Sequence[str]) -> None:
        self._report = report
        self._root = root
        self._base = base
        self._index = {code: index for index, code in enumerate(codes)}

    def of(self, finding: Finding, silenced: Silenced | None, fingerprint: str) -> dict[str, Any]:
        """Return the result of a finding."""
        said = [f"{cell_words(finding.location.start)}{finding.message}", *self._report.remarks(finding)]
        return {
            "ruleId": finding.code,
            "ruleIndex": self._index[finding.code],
            "level": finding.level.label,
            "message": {"text": message_text(".\n".join(said))},
            "locations": [{"physicalLocation": self._physical(finding.location)}],
            **self._flow(finding),
            **self._fixes(self._report.offered_fix(finding)),
            "partialFingerprints": {FINGERPRINT: fingerprint},
            "suppressions": [] if silenced is None else [_suppression(silenced)],
            "properties": dict(self._properties(finding)),
        }

    def _physical(self, location: Location) -> dict[str, Any]:
        source = self._report.sources(location.path)
        where = _region(document_region(location, source))
        span = location.span
        if source is not None and source.notebook is None and span.start < span.end <= len(source.text):
            where["snippet"] = {"text": source.text[span.start : span.end]}
        return {"artifactLocation": self._artifact(location.path), "region": where}

    def _artifact(self, path: Path) -> dict[str, str]:
        if str(path) == "-":
            return {"uri": "-"}
        name = from_folder(path, self._root)
        if Path(name).is_absolute():
            return {"uri": Path(name).as_uri()}
        return {"uri": quote_from_bytes(os.fsencode(name), safe="/"), "uriBaseId": self._base}

    def _flow(self, finding: Finding) -> dict[str, Any]:
        """Return the witness as the way that one thread takes."""
        if not finding.witness:
            return {}
        places = [
            {
                "location": {
                    "physicalLocation": self._physical(step.location),
                    "message": {"text": message_text(f"{cell_words(step.location.start)}{step.note}")},
                },
                "executionOrder": number,
                "importance": "essential",
            }
            for number, step in enumerate(finding.witness, start=1)
        ]
        return {"codeFlows": [{"threadFlows": [{"locations": places}]}]}

    def _fixes(self, fix: Fix | None) -> dict[str, Any]:
        """Return a fix; nothing for a notebook, whose file is another text than that of its cells."""
        source = None if fix is None else self._report.sources(fix.path)
        if fix is None or source is None or not fix.edits or source.position(fix.edits[0].span.start).cell is not None:
            return {}
        change = {
            "artifactLocation": self._artifact(fix.path),
            "replacements": [
                {"deletedRegion": _region(span_region(source, edit.span)), "insertedContent": {"text": edit.text}}
                for edit in fix.edits
            ],
        }
        title = message_text(f"{fix.title} ({PROMISES[fix.applicability]})")
        return {"fixes": [{"description": {"text": title}, "artifactChanges": [change]}]}

    def _properties(self, finding: Finding) -> Iterator[tuple[str, Any]]:
        fix, start = self._report.offered_fix(finding), finding.location.start
        if fix is not None:
            yield "applicability", fix.applicability.value
        if start.cell is not None:
            yield "cell", start.cell
        if (verdict := self._report.verdict(finding)) is not None:
            from optlint.report.verdict import verdict_object

            yield "verdict", verdict_object(verdict)


def message_text(text: str) -> str:
    r"""Return a text as a plain text message has it: braces doubled (3.11.5), and `](`, of a link, escaped (3.11.6)."""
    doubled = visible(text).replace("{", "{{").replace("}", "}}")
    return _LINK.sub(lambda found: rf"{found[1] * 2}\]", doubled)


def _region(where: Region) -> dict[str, Any]:
    return {
        "startLine": where.row,
        "startColumn": where.column,
        "endLine": where.end_row,
        "endColumn": where.end_column,
    }


def _suppression(silenced: Silenced) -> dict[str, str]:
    return {"kind": silenced.by.value, "status": "accepted", "justification": visible(silenced.reason)}
