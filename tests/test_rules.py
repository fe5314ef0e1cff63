"""Every rule on its fixtures; no rule has test code of its own."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from fixture_cases import Case, cases, catalog, findings, marks, mended, rule_of, without_marks
from optlint.finding import Finding, Level


def _shown(finding: Finding) -> tuple[str, int, str]:
    return (finding.location.path.name, finding.location.start.row, finding.code)


@pytest.mark.parametrize("case", cases("bad_"), ids=lambda case: case.name)
def test_findings_are_the_marks(case: Case) -> None:
    found = findings(case)
    marked = marks(case)
    assert [_shown(finding) for finding in found] == [mark[:3] for mark in marked]
    usual = {entry.rule.code: entry.rule.level for entry in catalog()}
    for finding, (_, _, code, level) in zip(found, marked, strict=True):
        assert finding.level == (Level[level.upper()] if level else usual[code])


@pytest.mark.parametrize("case", cases("ok_"), ids=lambda case: case.name)
def test_right_code_is_silent(case: Case) -> None:
    found = [finding for finding in findings(case) if finding.level > Level.NOTE or case.path.parent.name != "programs"]
    assert [(*_shown(finding), finding.message) for finding in found] == []


@pytest.mark.parametrize("case", cases("bad_"), ids=lambda case: case.name)
def test_fix_gives_the_fixed_file(case: Case, tmp_path: Path) -> None:
    own = rule_of(case).rule.code
    texts = {name: without_marks(text) for name, text in mended(case, tmp_path).items()}
    for text in texts.values():
        ast.parse(text)
    if case.fixed is None:
        assert texts == {_relative(case, file): without_marks(file.read_text("utf-8")) for file in case.files}
        return
    expected = [case.fixed] if case.fixed.is_file() else sorted(case.fixed.rglob("*.py"))
    names = {_relative(case, file): without_marks(file.read_text("utf-8")) for file in case.files}
    for file in expected:
        name = str(file.relative_to(case.fixed)) if case.fixed.is_dir() else next(iter(names))
        names[name] = without_marks(file.read_text("utf-8"))
    assert texts == names
    after = [finding for finding in findings(_fixed_case(case)) if finding.code == own]
    assert after == []


def _relative(case: Case, file: Path) -> str:
    return str(file.relative_to(case.path)) if case.path.is_dir() else file.name


def _fixed_case(case: Case) -> Case:
    assert case.fixed is not None
    files = sorted(case.fixed.rglob("*.py")) if case.fixed.is_dir() else [case.fixed]
    return Case(case.fixed, tuple(files))


@pytest.mark.parametrize("entry", catalog(), ids=lambda entry: entry.name)
def test_rule_has_enough_fixtures(entry) -> None:  # type: ignore[no-untyped-def]
    bad = [case for case in cases("bad_") if case.path.parent.name == entry.name]
    right = [case for case in cases("ok_") if case.path.parent.name == entry.name]
    assert len(bad) >= 3
    assert len(right) >= 3
