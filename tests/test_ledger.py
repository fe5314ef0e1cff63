"""The ledger of judged findings: what it accepts, and how it is set against what optlint finds."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

import ledger
from ledger import LedgerError, Place, compare, draft, place_of, read_ledger

ENTRY: Mapping[str, object] = {
    "package": "trainer",
    "version": "1.0",
    "path": "a/b.py",
    "line": 3,
    "rule": "OPT101",
    "verdict": "true",
    "reason": "The first rate is never used.",
}


def toml(**changes: object) -> str:
    """Return an entry, with fields changed, or left out where they are None."""
    fields = {key: value for key, value in {**ENTRY, **changes}.items() if value is not None}
    rows = [f"{key} = {value!r}" for key, value in fields.items()]
    return "\n".join(["[[finding]]", *rows, ""])


def place(line: int) -> Place:
    return Place("trainer", "1.0", "a/b.py", line, "OPT101")


def test_entries_are_read_with_their_verdicts() -> None:
    assert read_ledger(toml() + toml(line=4, verdict="false")) == {place(3): True, place(4): False}


def test_ledger_of_this_repository_can_be_read() -> None:
    read_ledger((Path(ledger.__file__).parent / "ledger.toml").read_text("utf-8"))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[[finding", "is no TOML"),
        (toml(path=None), "needs `path`, a str"),
        (toml(line="3"), "needs `line`, a int"),
        (toml(verdict="yes"), 'a verdict, "true" or "false"'),
        (toml(reason=" "), "and a reason"),
        (toml(rules="OPT101"), "unknown field `rules`"),
        (toml() + toml(verdict="false"), "entry 2 of ledger.toml judges trainer-1.0/a/b.py:3 OPT101 once more"),
    ],
    ids=["no TOML", "field missing", "wrong type", "unknown verdict", "no reason", "unknown field", "judged twice"],
)
def test_a_ledger_that_cannot_be_used_is_refused(text: str, reason: str) -> None:
    with pytest.raises(LedgerError, match=reason.replace("(", r"\(")):
        read_ledger(text)


def test_found_and_judged_are_set_against_each_other() -> None:
    comparison = compare({place(1): True, place(2): False, place(3): True}, [place(4), place(2), place(1)])
    assert comparison.verdicts == {place(1): True, place(2): False}
    assert comparison.unjudged == (place(4),)
    assert comparison.vanished == (place(3),)
    assert comparison.precision == 0.5


@pytest.mark.parametrize(
    ("true", "false", "unjudged", "holds"), [(19, 1, 0, True), (18, 1, 0, False), (19, 1, 1, False), (0, 0, 0, True)]
)
def test_every_finding_must_be_judged_and_nearly_all_be_true(true: int, false: int, unjudged: int, holds: bool) -> None:
    judged = {place(line): line <= true for line in range(1, true + false + 1)}
    found = [*judged, *(place(1000 + line) for line in range(unjudged))]
    assert compare(judged, found).holds is holds


@pytest.mark.parametrize(
    ("folder", "package", "version"),
    [
        ("timm-1.0.31", "timm", "1.0.31"),
        ("stable-baselines3-2.9.2", "stable-baselines3", "2.9.2"),
        ("cpython-3.11.7-lib", "cpython", "3.11.7-lib"),
    ],
)
def test_package_and_version_are_read_from_the_folder(folder: str, package: str, version: str) -> None:
    row = {"filename": "a/b.py", "location": {"row": 3, "column": 5}, "code": "OPT101"}
    assert place_of(folder, row) == Place(package, version, "a/b.py", 3, "OPT101")


def test_a_draft_becomes_an_entry_when_it_is_filled_in() -> None:
    text = draft(place(3), 'error: "never" used')
    with pytest.raises(LedgerError, match="needs a verdict"):
        read_ledger(text)
    filled = text.replace('verdict = ""', 'verdict = "true"').replace('reason = ""', 'reason = "so it is"')
    assert read_ledger(filled) == {place(3): True}
