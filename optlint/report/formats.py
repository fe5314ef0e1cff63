"""The output formats by name; a format's module is imported when it is used."""

from __future__ import annotations

import enum
import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from optlint.report.report import Report
    from optlint.report.style import Style


class Summary(enum.Enum):
    """Where the last line of a run goes, with the list of applied fixes."""

    BELOW = enum.auto()
    """Below the findings: people read the report."""
    BESIDE = enum.auto()
    """To stderr: programs read the lines of the report, and people what stands around them."""
    NOWHERE = enum.auto()
    """A program reads the document, and often both streams."""


@dataclass(frozen=True, slots=True)
class Format:
    """A way to write a report.

    Attributes:
        name: As the option `--output-format` spells it.
        module: That which has a function `lines(report, style)`.
        summary: Where the last line of the run goes.
        is_document: Whether a report without findings has a text.
    """

    name: str
    module: str
    summary: Summary
    is_document: bool

    def lines(self, report: Report, style: Style) -> Iterator[str]:
        """Yield the lines of a report, without their newlines."""
        lines: Iterator[str] = importlib.import_module(self.module).lines(report, style)
        return lines


def _text(name: str, summary: Summary) -> Format:
    return Format(name, f"optlint.report.{name}", summary, is_document=False)


def _document(name: str) -> Format:
    return Format(name, f"optlint.report.{name}", Summary.NOWHERE, is_document=True)


FORMATS = {
    each.name: each
    for each in (
        _text("full", Summary.BELOW),
        _text("concise", Summary.BESIDE),
        _text("grouped", Summary.BELOW),
        _document("json"),
        Format("jsonl", "optlint.report.jsonl", Summary.NOWHERE, is_document=False),
        _text("github", Summary.BESIDE),
        _document("gitlab"),
        _document("sarif"),
        _document("rdjson"),
        _document("junit"),
        _text("azure", Summary.BESIDE),
        _text("pylint", Summary.BESIDE),
    )
}
COUNTING = ("full", "concise", "json")
"""Those that `--statistics` has."""
