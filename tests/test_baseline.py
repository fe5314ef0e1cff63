"""The baseline's file, and how findings are paired with what is in it."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optlint.baseline import BaselineError, Entry, Key, Names, matched, read, write

KEYS = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("123")), max_size=8)


def entry(path: str = "a.py", fingerprint: str = "1", code: str = "OPT101", reason: str = "") -> Entry:
    return Entry(path, code, "a message", fingerprint, reason)


@given(KEYS, KEYS, st.sets(st.sampled_from("abc")))
def test_each_finding_is_paired_with_one_known_finding_at_most(
    found: list[Key], known: list[Key], movable: set[str]
) -> None:
    pairs, left = matched(found, known, movable.__contains__)
    assert len(set(pairs.values())) == len(pairs)
    assert sorted([*pairs.values(), *left]) == list(range(len(known)))
    for number, index in pairs.items():
        assert found[number][1] == known[index][1]
        assert found[number][0] == known[index][0] or known[index][0] in movable


@given(KEYS, KEYS, st.sets(st.sampled_from("abc")))
def test_the_same_file_comes_first_and_no_pair_is_missed(found: list[Key], known: list[Key], movable: set[str]) -> None:
    pairs, left = matched(found, known, movable.__contains__)
    at_home = Counter(found[number] for number, index in pairs.items() if found[number] == known[index])
    assert at_home == Counter(found) & Counter(known)
    unpaired = {found[number][1] for number in range(len(found)) if number not in pairs}
    assert not unpaired & {known[index][1] for index in left if known[index][0] in movable}


@given(KEYS)
def test_what_has_not_changed_is_all_known(keys: list[Key]) -> None:
    assert matched(keys, keys[::-1], lambda _: False)[1] == []


def test_a_copy_in_a_second_file_is_new_and_a_moved_finding_is_not() -> None:
    assert matched([("a", "1"), ("b", "1")], [("a", "1")], lambda _: True) == ({0: 0}, [])
    assert matched([("b", "1")], [("a", "1")], lambda _: True) == ({0: 0}, [])
    assert matched([("b", "1")], [("a", "1")], lambda _: False) == ({}, [0])


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    entries = (
        entry("b.py", "2", reason="of old"),
        entry("a dir/ü\n\"'.py", "1"),
        entry("\udcff.py", "3"),
        entry("a.py", "4"),
    )
    file = tmp_path / "known.json"
    write(file, entries)
    assert read(file) == tuple(sorted(entries))
    assert not list(tmp_path.glob(".optlint-*"))


def test_a_finding_is_a_line_so_that_changes_are_small(tmp_path: Path) -> None:
    file = tmp_path / "known.json"
    write(file, [entry("a.py"), entry("c.py")])
    before = file.read_text().splitlines()
    write(file, [entry("c.py"), entry("b.py"), entry("a.py")])
    after = file.read_text().splitlines()
    assert [line for line in after if line not in before] == [
        '    {"code": "OPT101", "path": "b.py", "fingerprint": "1", "message": "a message"},'
    ]
    assert [line for line in before if line not in after] == []


def test_an_empty_baseline_is_a_baseline(tmp_path: Path) -> None:
    file = tmp_path / "known.json"
    write(file, [])
    assert json.loads(file.read_text()) == {"version": 1, "findings": []}
    assert read(file) == ()


def test_the_rights_of_a_baseline_stay_and_a_new_one_has_those_of_any_file(tmp_path: Path) -> None:
    file, plain = tmp_path / "known.json", tmp_path / "plain"
    write(file, [])
    plain.touch()
    assert file.stat().st_mode == plain.stat().st_mode
    file.chmod(0o640)
    write(file, [entry()])
    assert file.stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            None,
            "known.json: there is no such baseline: `optlint baseline write` makes it, `--no-baseline` goes without",
        ),
        ("", "known.json:1: this is no JSON: Expecting value: mend this line, or delete the file and write it anew"),
        (
            '{\n"version": 1,\n<<<<<<< HEAD\n',
            "known.json:3: this is no JSON: .*: settle the merge, then mend this line",
        ),
        ("[]", "known.json: this is no baseline, it has no `version`: name another file"),
        ('{"version": 2, "findings": []}', r"a newer optlint wrote this baseline \(version 2\): update optlint"),
        ('{"version": 1}', "`findings` must be a list: write the baseline anew"),
        ('{"version": 1, "findings": [1]}', "finding 1 must have the strings `code`, `path`, `fingerprint`, `message`"),
        (
            '{"version": 1, "findings": [{"code": "A", "path": "a", "fingerprint": "1", "message": "m", "reason": 1}]}',
            "finding 1 must have the strings",
        ),
    ],
)
def test_what_is_no_baseline_is_one_line_with_file_and_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str | None, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "known.json"
    if text is not None:
        file.write_text(text)
    with pytest.raises(BaselineError, match=said) as error:
        read(file)
    assert "\n" not in str(error.value)


def test_bytes_that_are_no_text_are_reported(tmp_path: Path) -> None:
    file = tmp_path / "known.json"
    file.write_bytes(b'{"version": \xff')
    with pytest.raises(BaselineError, match="not UTF-8"):
        read(file)


def test_a_baseline_that_cannot_be_written_is_reported(tmp_path: Path) -> None:
    with pytest.raises(BaselineError, match=r"No such file or directory: the baseline is not written"):
        write(tmp_path / "nowhere" / "known.json", [])


def test_names_are_seen_from_the_baseline_whatever_links_lead_there(tmp_path: Path) -> None:
    (tmp_path / "real" / "pkg").mkdir(parents=True)
    (tmp_path / "link").symlink_to("real")
    names = Names(tmp_path / "link")
    assert names.of(tmp_path / "real" / "pkg" / "a.py") == "pkg/a.py"
    assert names.of(tmp_path / "link" / "pkg" / "a.py") == "pkg/a.py"
    assert names.of(tmp_path / "real") == "."
    assert names.of(tmp_path / "b.py") == "../b.py"
    assert names.path("pkg/a.py") == Path(tmp_path / "real" / "pkg" / "a.py").resolve()
