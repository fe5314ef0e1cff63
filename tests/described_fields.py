"""What GitLab, reviewdog and readers of JUnit XML document about their formats, field by field.

GitLab: "Code Quality report format" of its handbook. reviewdog: `proto/rdf/reviewdog.proto` (MIT). JUnit: the
attributes and elements that the plugins for Jenkins and GitLab read.
"""

from __future__ import annotations

from typing import Any

from jsonschema.protocols import Validator

_LINE = {"type": "integer", "minimum": 1}


def _object(required: dict[str, Any], **optional: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": required | optional,
        "required": list(required),
        "additionalProperties": False,
    }


GITLAB: dict[str, Any] = {
    "type": "array",
    "items": _object(
        {
            "description": {"type": "string", "minLength": 1},
            "check_name": {"type": "string", "minLength": 1},
            "fingerprint": {"type": "string", "minLength": 1},
            "severity": {"enum": ["info", "minor", "major", "critical", "blocker"]},
            "location": _object(
                {"path": {"type": "string", "pattern": "^[^/]"}, "lines": _object({"begin": _LINE}, end=_LINE)}
            ),
        },
        type={"const": "issue"},
        categories={"type": "array", "items": {"const": "Bug Risk"}},
    ),
}
_POSITION = _object({"line": _LINE}, column=_LINE)
_RANGE = _object({"start": _POSITION}, end=_POSITION)
_LOCATION = _object({"path": {"type": "string"}}, range=_RANGE)
_SOURCE = _object({"name": {"type": "string"}}, url={"type": "string"})
RDJSON: dict[str, Any] = _object(
    {
        "source": _SOURCE,
        "diagnostics": {
            "type": "array",
            "items": _object(
                {"message": {"type": "string"}, "location": _LOCATION},
                severity={"enum": ["ERROR", "WARNING", "INFO"]},
                source=_SOURCE,
                code=_object({"value": {"type": "string"}}, url={"type": "string"}),
                suggestions={"type": "array", "items": _object({"range": _RANGE, "text": {"type": "string"}})},
                related_locations={
                    "type": "array",
                    "items": _object({"message": {"type": "string"}, "location": _LOCATION}),
                },
            ),
        },
    }
)
_COUNTS = frozenset({"tests", "failures", "errors", "skipped"})
JUNIT = {
    "testsuites": (frozenset({"name"}) | _COUNTS, frozenset({"testsuite"})),
    "testsuite": (frozenset({"name"}) | _COUNTS, frozenset({"testcase"})),
    "testcase": (frozenset({"name", "classname", "file", "line"}), frozenset({"failure", "error", "skipped"})),
    "failure": (frozenset({"type", "message"}), frozenset[str]()),
    "error": (frozenset({"type", "message"}), frozenset[str]()),
    "skipped": (frozenset({"message"}), frozenset[str]()),
}
"""By element: the attributes that it may have, and the elements in it."""


def faults(validator: type[Validator], schema: dict[str, Any], value: Any) -> list[str]:
    """Return what is wrong with a value."""
    checks = validator(schema, format_checker=validator.FORMAT_CHECKER)
    return [f"{error.json_path}: {error.message}" for error in checks.iter_errors(value)]
