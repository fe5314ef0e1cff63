"""The report for programs keeps to its schema."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import jsonschema
import pytest

from optlint.finding import Finding, Level, Location, Step
from optlint.report import json as json_format
from optlint.report.report import Report, Sources
from optlint.report.style import Style
from optlint.source.edits import Applicability, Edit, Fix
from optlint.source.text import Source, Span


def json_report(findings: Sequence[Finding], sources: Sources) -> str:
    return "\n".join(json_format.lines(Report(findings, sources, checked=1), Style()))


PLACE = {
    "type": "object",
    "properties": {"row": {"type": "integer", "minimum": 1}, "column": {"type": "integer", "minimum": 1}},
    "required": ["row", "column"],
    "additionalProperties": False,
}
SCHEMA = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {
            "code": {"type": "string", "pattern": "^[A-Z]+[0-9]{3}$"},
            "name": {"type": "string"},
            "level": {"enum": ["note", "warning", "error"]},
            "message": {"type": "string"},
            "filename": {"type": "string"},
            "location": PLACE,
            "end_location": PLACE,
            "cell": {"type": ["integer", "null"], "minimum": 1},
            "url": {"type": "null"},
            "fix": {
                "type": ["object", "null"],
                "properties": {
                    "applicability": {"enum": ["safe", "unsafe", "display"]},
                    "message": {"type": "string"},
                    "filename": {"type": "string"},
                    "edits": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "properties": {
                                "content": {"type": "string"},
                                "location": PLACE,
                                "end_location": PLACE,
                                "cell": {"type": ["integer", "null"], "minimum": 1},
                            },
                            "required": ["content", "location", "end_location", "cell"],
                            "additionalProperties": False,
                        },
                    },
                },
                "required": ["applicability", "message", "filename", "edits"],
                "additionalProperties": False,
            },
            "witness": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {
                        "filename": {"type": "string"},
                        "cell": {"type": ["integer", "null"], "minimum": 1},
                        "row": {"type": "integer", "minimum": 1},
                        "column": {"type": "integer", "minimum": 1},
                        "note": {"type": "string"},
                    },
                    "required": ["filename", "cell", "row", "column", "note"],
                    "additionalProperties": False,
                },
            },
        },
        "required": [
            "code",
            "name",
            "level",
            "message",
            "filename",
            "location",
            "end_location",
            "cell",
            "url",
            "fix",
            "witness",
        ],
        "additionalProperties": False,
    },
}


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Source:
    monkeypatch.chdir(tmp_path)
    return Source.from_bytes(tmp_path / "src" / "a.py", "x = '\u4e2d'; bad\n".encode())


def place(source: Source, start: int, end: int) -> Location:
    return Location(source.path, Span(start, end), source.position(start), source.position(end))


def test_a_finding_has_ruffs_fields_and_ours(source: Source) -> None:
    fix = Fix("Mend it", Applicability.UNSAFE, source.path, (Edit(Span(9, 12), "good\u2603"),))
    finding = Finding(
        "OPT101",
        "early-step",
        Level.ERROR,
        "`bad` is bad",
        place(source, 9, 12),
        (Step("it begins", place(source, 0, 1)),),
        fix,
    )
    text = json_report([finding], {source.path: source}.get)
    assert text.isascii()
    report = json.loads(text)
    jsonschema.validate(report, SCHEMA)
    assert report == [
        {
            "code": "OPT101",
            "name": "early-step",
            "level": "error",
            "message": "`bad` is bad",
            "filename": "src/a.py",
            "location": {"row": 1, "column": 10},
            "end_location": {"row": 1, "column": 13},
            "cell": None,
            "url": None,
            "fix": {
                "applicability": "unsafe",
                "message": "Mend it",
                "filename": "src/a.py",
                "edits": [
                    {
                        "content": "good\u2603",
                        "location": {"row": 1, "column": 10},
                        "end_location": {"row": 1, "column": 13},
                        "cell": None,
                    }
                ],
            },
            "witness": [{"filename": "src/a.py", "cell": None, "row": 1, "column": 1, "note": "it begins"}],
        }
    ]


def test_a_finding_without_fix_or_text_keeps_to_the_schema(source: Source) -> None:
    finding = Finding("OPT001", "unreadable-file", Level.WARNING, "no Python", place(source, 0, 0))
    fix = Fix("Mend it", Applicability.SAFE, source.path, ())
    lost = Finding("OPT101", "early-step", Level.NOTE, "bad", place(source, 0, 0), fix=fix)
    report = json.loads(json_report([finding, lost], lambda path: None))
    jsonschema.validate(report, SCHEMA)
    assert [entry["fix"] for entry in report] == [None, None]


def test_no_findings_are_an_empty_list() -> None:
    assert json.loads(json_report([], lambda path: None)) == []
