"""The SARIF log keeps to the official schema, and says all that a finding holds."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from described_fields import faults
from optlint.catalog import CatalogEntry, load_catalog
from optlint.finding import Finding, Level, Silenced, Silencer
from optlint.report.report import Report
from optlint.report.repository import revision
from optlint.source.text import Source
from reports_made import CONFIRMED, REFUTED, SHORT, early_step, place, report_of, source_of, written

SCHEMA = json.loads((Path(__file__).parent / "schemas" / "sarif-2.1.0-rtm.5.json").read_text("utf-8"))


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def source(folder: Path) -> Source:
    return source_of(folder / "src" / "train é.py")


def run_of(report: Report) -> dict[str, Any]:
    log = json.loads(written("sarif", report))
    assert faults(jsonschema.Draft4Validator, SCHEMA, log) == []
    for region in regions(log):
        assert region["startLine"] >= 1
    [run] = log["runs"]
    assert isinstance(run, dict)
    return run


def regions(value: Any) -> Iterator[dict[str, int]]:
    """Yield all regions; the errata of the standard want a start in each."""
    if isinstance(value, dict):
        yield from (each for key, each in value.items() if key in ("region", "deletedRegion"))
        for each in value.values():
            yield from regions(each)
    elif isinstance(value, list):
        for each in value:
            yield from regions(each)


def entries() -> tuple[CatalogEntry, ...]:
    return load_catalog()


def test_the_schema_refuses_what_is_wrong() -> None:
    assert faults(jsonschema.Draft4Validator, SCHEMA, {"version": "2.1.0", "runs": [{"tool": {"driver": {}}}]})
    assert faults(jsonschema.Draft4Validator, SCHEMA, {"version": "2.1.0", "runs": [], "findings": []})


def test_a_run_without_findings_is_a_log(folder: Path) -> None:
    run = run_of(report_of([]))
    assert run["results"] == run["tool"]["driver"]["rules"] == []
    assert run["invocations"] == [{"executionSuccessful": True, "exitCode": 0}]
    assert run["originalUriBaseIds"] == {"%SRCROOT%": {"uri": f"{folder.as_uri()}/"}}


def test_a_failed_run_says_so() -> None:
    assert run_of(report_of([], exit_code=2))["invocations"] == [{"executionSuccessful": False, "exitCode": 2}]


def test_a_result_has_place_snippet_and_the_way_to_it(source: Source) -> None:
    run = run_of(report_of([early_step(source)], source, entries=entries))
    assert run["columnKind"] == "unicodeCodePoints"
    [result] = run["results"]
    assert result["ruleId"] == "OPT101" == run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"]
    assert result["level"] == "error"
    [location] = result["locations"]
    assert location["physicalLocation"] == {
        "artifactLocation": {"uri": "src/train%20%C3%A9.py", "uriBaseId": "%SRCROOT%"},
        "region": {
            "startLine": 4,
            "startColumn": 5,
            "endLine": 4,
            "endColumn": 21,
            "snippet": {"text": "scheduler.step()"},
        },
    }
    [flow] = result["codeFlows"]
    steps = flow["threadFlows"][0]["locations"]
    assert [step["location"]["message"]["text"] for step in steps] == ["the loop begins", "it moves on"]
    assert [step["location"]["physicalLocation"]["region"]["startLine"] for step in steps] == [3, 4]
    assert [step["executionOrder"] for step in steps] == [1, 2]


def test_columns_count_characters(source: Source) -> None:
    finding = replace(early_step(source), location=place(source, "early(é)"), witness=(), fix=None)
    [result] = run_of(report_of([finding], source))["results"]
    region = result["locations"][0]["physicalLocation"]["region"]
    assert (region["startColumn"], region["endColumn"]) == (10, 18)


def test_the_replacements_of_a_fix_make_the_mended_text(source: Source) -> None:
    [result] = run_of(report_of([early_step(source)], source))["results"]
    [fix] = result["fixes"]
    assert fix["description"]["text"].startswith("Step the scheduler after the optimizer (unsafe: it changes what")
    [change] = fix["artifactChanges"]
    assert change["artifactLocation"]["uri"] == "src/train%20%C3%A9.py"
    lines = source.text.splitlines(keepends=True)
    for each in reversed(change["replacements"]):
        region, text = each["deletedRegion"], each["insertedContent"]["text"]
        start = offset(lines, region["startLine"], region["startColumn"])
        end = offset(lines, region["endLine"], region["endColumn"])
        lines = ("".join(lines)[:start] + text + "".join(lines)[end:]).splitlines(keepends=True)
    assert "".join(lines).splitlines()[-2:] == ["    optimizer.step()", "    scheduler.step()"]
    assert "".join(lines).count("scheduler.step()") == 1


def offset(lines: list[str], row: int, column: int) -> int:
    return sum(map(len, lines[: row - 1])) + column - 1


def test_a_rule_has_its_card_its_level_and_its_family(source: Source) -> None:
    [rule] = run_of(report_of([early_step(source)], source, entries=entries))["tool"]["driver"]["rules"]
    card = next(each.card for each in load_catalog() if each.rule.code == "OPT101")
    assert rule["name"] == "scheduler-step-before-optimizer-step"
    assert rule["help"] == {"text": card, "markdown": f"# {rule['name']} (OPT101)\n\n{card}"}
    assert rule["defaultConfiguration"] == {"level": "error"}
    assert rule["fullDescription"]["text"].startswith(rule["shortDescription"]["text"])
    assert len(rule["fullDescription"]["text"]) > len(rule["shortDescription"]["text"])
    assert rule["properties"] == {"tags": ["order"]}


def test_every_rule_that_there_is_makes_a_valid_log(source: Source) -> None:
    findings = [
        replace(early_step(source), code=entry.rule.code, name=entry.name, level=entry.rule.level)
        for entry in load_catalog()
    ]
    run = run_of(report_of(findings, source, entries=entries))
    assert len(run["tool"]["driver"]["rules"]) == len(findings)
    assert all(len(rule["shortDescription"]["text"]) > 10 for rule in run["tool"]["driver"]["rules"])


def test_codes_that_are_no_rules_have_a_card_too(source: Source) -> None:
    finding = Finding("OPT001", "unreadable-file", Level.WARNING, "null bytes", place(source, ""))
    [rule] = run_of(report_of([finding], source))["tool"]["driver"]["rules"]
    assert "could not be analysed" in rule["help"]["markdown"]


def test_the_verdict_is_in_the_message_and_in_the_properties(source: Source) -> None:
    [result] = run_of(report_of([early_step(source)], source, verdict=CONFIRMED))["results"]
    assert result["message"]["text"].endswith(f"0.05 where 0.1 is due.\nfix {SHORT}")
    verdict = result["properties"]["verdict"]
    assert (verdict["finding"], verdict["fix"], verdict["fix_in_short"]) == ("confirmed", "validated", SHORT)


def test_a_refuted_fix_is_not_offered(source: Source) -> None:
    [result] = run_of(report_of([early_step(source)], source, verdict=REFUTED))["results"]
    assert "fixes" not in result
    assert "applicability" not in result["properties"]
    assert "fix refuted by replay: update 3 uses the rate 0.2" in result["message"]["text"]


def test_what_is_silenced_stands_there_as_suppressed(source: Source) -> None:
    shown = replace(early_step(source), location=place(source, "optimizer.step()"))
    silenced = [
        Silenced(early_step(source), Silencer.COMMENT, "a comment silences it"),
        Silenced(replace(early_step(source), code="OPT102"), Silencer.CONFIGURATION, "the baseline has it"),
    ]
    run = run_of(report_of([shown], source, silenced=silenced))
    told = [(each["ruleId"], [one["kind"] for one in each["suppressions"]]) for each in run["results"]]
    assert told == [("OPT101", ["inSource"]), ("OPT102", ["external"]), ("OPT101", [])]
    assert run["results"][1]["suppressions"][0]["justification"] == "the baseline has it"
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["OPT101", "OPT102"]


def test_fingerprints_stay_where_lines_move(source: Source) -> None:
    [before] = run_of(report_of([early_step(source)], source))["results"]
    moved = source_of(source.path, "# one more line\n\n" + source.text)
    [after] = run_of(report_of([early_step(moved)], moved))["results"]
    assert before["partialFingerprints"] == after["partialFingerprints"]
    assert before["locations"] != after["locations"]


def test_a_file_outside_of_the_root_is_named_in_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "inside").mkdir()
    monkeypatch.chdir(tmp_path / "inside")
    outside = source_of(tmp_path / "a b.py")
    [result] = run_of(report_of([early_step(outside)], outside))["results"]
    artifact = result["locations"][0]["physicalLocation"]["artifactLocation"]
    assert artifact == {"uri": f"{tmp_path.as_uri()}/a%20b.py"}


def repository(folder: Path, remote: str, head: str = "ref: refs/heads/main") -> str:
    (folder / ".git" / "refs" / "heads").mkdir(parents=True)
    (folder / ".git" / "HEAD").write_text(f"{head}\n")
    (folder / ".git" / "config").write_text(f'[core]\n\tbare = false\n[remote "origin"]\n\turl = {remote}\n')
    (folder / ".git" / "packed-refs").write_text(f"# pack-refs with: peeled\n{'a' * 40} refs/heads/main\n")
    return os.fspath(folder)


@pytest.mark.parametrize(
    ("remote", "url"),
    [
        ("https://example.com/x/y.git", "https://example.com/x/y.git"),
        ("https://me:secret@example.com/x/y.git", "https://example.com/x/y.git"),
        ("https://token@example.com:8443/x", "https://example.com:8443/x"),
        ("git@example.com:x/y.git", "ssh://example.com/x/y.git"),
        ("ssh://git@example.com/x/y.git", "ssh://example.com/x/y.git"),
        ("/srv/git/y.git", None),
        ("../y.git", None),
    ],
)
def test_the_revision_is_named_without_a_password(source: Source, folder: Path, remote: str, url: str | None) -> None:
    root = repository(folder, remote)
    found = revision(root)
    assert (None if found is None else found.url) == url
    run = run_of(report_of([early_step(source)], source))
    assert "secret" not in json.dumps(run)
    if url is None:
        assert "versionControlProvenance" not in run
    else:
        [details] = run["versionControlProvenance"]
        assert (details["revisionId"], details["branch"]) == ("a" * 40, "main")


def test_a_detached_head_has_no_branch_and_a_loose_one_counts_first(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    detached = revision(repository(tmp_path / "one", "https://example.com/x", "b" * 40))
    assert detached is not None
    assert (detached.identifier, detached.branch) == ("b" * 40, "")
    root = repository(tmp_path / "two", "https://example.com/x")
    (tmp_path / "two" / ".git" / "refs" / "heads" / "main").write_text(f"{'c' * 40}\n")
    loose = revision(root)
    assert loose is not None
    assert loose.identifier == "c" * 40


def test_a_folder_without_a_repository_has_no_revision(tmp_path: Path) -> None:
    assert revision(os.fspath(tmp_path)) is None
