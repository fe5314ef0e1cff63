"""The report as a SARIF 2.1.0 log: rules with their cards, results with paths, fixes, fingerprints and suppressions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from optlint import __version__
from optlint.builtin import BUILTINS
from optlint.finding import Finding, Silenced
from optlint.fingerprint import fingerprints
from optlint.report.json_document import dumped
from optlint.report.report import Report
from optlint.report.repository import repository_root, revision
from optlint.report.sarif_result import Results
from optlint.report.style import Style

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
ROOT = "%SRCROOT%"


def lines(report: Report, style: Style) -> Iterator[str]:
    """Yield the log as one JSON text."""
    yield dumped({"$schema": SCHEMA, "version": "2.1.0", "runs": [_run(report)]})


def _run(report: Report) -> dict[str, Any]:
    root = repository_root()
    told: list[tuple[Finding, Silenced | None]] = [(each, None) for each in report.findings]
    told += [(each.finding, each) for each in report.silenced]
    told.sort(key=lambda pair: pair[0].sort_key)
    findings = [finding for finding, _ in told]
    codes = sorted({finding.code for finding in findings})
    results = Results(report, root, ROOT, codes)
    marks = fingerprints(findings, report.sources)
    return {
        "tool": {
            "driver": {
                "name": "optlint",
                "version": __version__,
                "semanticVersion": __version__,
                "rules": _rules(report, codes, findings),
            }
        },
        "invocations": [{"executionSuccessful": report.exit_code != 2, "exitCode": report.exit_code}],
        "originalUriBaseIds": {ROOT: {"uri": f"{Path(root).as_uri()}/"}},
        **_provenance(root),
        "columnKind": "unicodeCodePoints",
        "results": [results.of(finding, silenced, mark) for (finding, silenced), mark in zip(told, marks, strict=True)],
    }


def _rules(report: Report, codes: Sequence[str], findings: Sequence[Finding]) -> list[dict[str, Any]]:
    """Return the rules that have a result; what a card says first is the fault, and then what it does to a run."""
    cards = {each.code: (each.name, each.level.label, each.card, "") for each in BUILTINS}
    if set(codes) - set(cards):
        cards |= {
            each.rule.code: (each.name, each.rule.level.label, each.card, each.family) for each in report.entries()
        }
    names = {finding.code: finding.name for finding in findings}
    return [_rule(code, *cards.get(code, (names[code], "warning", names[code], ""))) for code in codes]


def _rule(code: str, name: str, level: str, card: str, family: str) -> dict[str, Any]:
    fault, _, rest = card.strip().partition("\n\n")
    effect = rest.partition("\n\n")[0]
    effect = "" if effect.startswith("#") else effect
    return {
        "id": code,
        "name": name,
        "shortDescription": {"text": " ".join(fault.split())},
        "fullDescription": {"text": " ".join(f"{fault} {effect}".split())},
        "help": {"text": card.strip(), "markdown": f"# {name} ({code})\n\n{card.strip()}"},
        "defaultConfiguration": {"level": level},
        **({"properties": {"tags": [family]}} if family else {}),
    }


def _provenance(root: str) -> dict[str, Any]:
    found = revision(root)
    if found is None:
        return {}
    details = {"repositoryUri": found.url, "revisionId": found.identifier, "mappedTo": {"uriBaseId": ROOT}}
    return {"versionControlProvenance": [details | ({"branch": found.branch} if found.branch else {})]}
