"""The configuration: where it is found, what it may say, and how errors name the remedy."""

from __future__ import annotations

from pathlib import Path

import pytest

from optlint.config import Config, ConfigError, FailOn, load_config


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_every_key_is_read(folder: Path) -> None:
    (folder / "optlint.toml").write_text(
        'select = ["OPT1"]\nextend-select = ["OPT201"]\nignore = ["OPT101"]\nexclude = ["old/"]\n'
        'fail-on = "error"\ntarget-torch = "2.4"\nbaseline = "adopted.json"\n'
        '[per-file-ignores]\n"tests/**" = ["OPT102"]\n'
    )
    assert load_config(folder) == Config(
        root=folder,
        file=folder / "optlint.toml",
        select=("OPT1",),
        extend_select=("OPT201",),
        ignore=("OPT101",),
        per_file_ignores=(("tests/**", ("OPT102",)),),
        exclude=("old/",),
        fail_on=FailOn.ERROR,
        target_torch="2.4",
        baseline="adopted.json",
    )


def test_without_a_file_the_defaults_hold(folder: Path) -> None:
    config = load_config(folder)
    assert config == Config(root=folder)
    assert config.fail_on is FailOn.WARNING


def test_the_nearest_file_that_speaks_of_optlint_holds(folder: Path) -> None:
    deep = folder / "pkg" / "deep"
    deep.mkdir(parents=True)
    (folder / "pyproject.toml").write_text('[tool.optlint]\nfail-on = "note"\n')
    (folder / "pkg" / "pyproject.toml").write_text('[project]\nname = "pkg"\ndependencies = ["optlint"]\n')
    assert load_config(deep).root == folder
    (folder / "pkg" / "optlint.toml").touch()
    assert load_config(deep) == Config(root=folder / "pkg", file=folder / "pkg" / "optlint.toml")


def test_the_own_file_wins_over_the_shared_one_beside_it(folder: Path) -> None:
    (folder / "pyproject.toml").write_text('[tool.optlint]\nfail-on = "note"\n')
    (folder / "optlint.toml").write_text('fail-on = "error"\n')
    assert load_config(folder).fail_on is FailOn.ERROR


def test_isolated_reads_no_file(folder: Path) -> None:
    (folder / "optlint.toml").write_text("broken")
    assert load_config(folder, isolated=True) == Config(root=folder)


def test_a_file_that_is_named_holds_whatever_it_is_called(folder: Path) -> None:
    (folder / "ci").mkdir()
    (folder / "ci" / "strict.toml").write_text('fail-on = "note"\n')
    config = load_config(folder, folder / "ci" / "strict.toml")
    assert (config.fail_on, config.root) == (FailOn.NOTE, folder / "ci")


def test_a_broken_file_that_does_not_speak_of_optlint_is_somebody_elses(folder: Path) -> None:
    (folder / "pyproject.toml").write_text("[tool.other\n")
    assert load_config(folder) == Config(root=folder)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("selekt = []", "optlint.toml:1: unknown key `selekt`: did you mean `select`?"),
        ("fail_on = 'error'", "optlint.toml:1: unknown key `fail_on`: did you mean `fail-on`?"),
        ("select = 'OPT1'", 'optlint.toml:1: `select` must be a list of strings such as ["OPT101"], and is "OPT1"'),
        ("ignore = [1]", 'optlint.toml:1: `ignore` must be a list of strings such as ["OPT101"], and is [1]'),
        ("exclude = 1", 'optlint.toml:1: `exclude` must be a list of globs such as ["third_party/"], and is 1'),
        (
            "fail-on = 'always'",
            'optlint.toml:1: `fail-on` must be one of "error", "warning", "note", "never", and is "always"',
        ),
        ("fail-on = []", 'optlint.toml:1: `fail-on` must be one of "error", "warning", "note", "never", and is []'),
        ("target-torch = 2.4", 'optlint.toml:1: `target-torch` must be a version string such as "2.4", and is 2.4'),
        ("target-torch = 'new'", 'optlint.toml:1: `target-torch` must be a version string such as "2.4", and is "new"'),
        (
            "per-file-ignores = ['OPT1']",
            'optlint.toml:1: `per-file-ignores` must be a table of globs such as { "tests/**" = ["OPT101"] }, '
            'and is ["OPT1"]',
        ),
        (
            "[per-file-ignores]\na = 'OPT1'",
            'optlint.toml:1: `per-file-ignores` must be a table of globs such as { "tests/**" = ["OPT101"] }, '
            'and is {"a": "OPT1"}',
        ),
        (
            "baseline = 1",
            'optlint.toml:1: `baseline` must be the name of a file such as ".optlint-baseline.json", and is 1',
        ),
        (
            "# why\nselect = [\n    'OPT1',\n]\n\nfail_on = 'error'",
            "optlint.toml:6: unknown key `fail_on`: did you mean `fail-on`?",
        ),
        ("a = 1\nb = = 2", "optlint.toml:2: this is no TOML: Invalid value: mend this line"),
        ("a = 1\n\nb = [ # why\n  1,\n\n", "optlint.toml:3: this is no TOML: Invalid value: mend this line"),
        ("a = 1\nb = [", "optlint.toml:2: this is no TOML: Invalid value: mend this line"),
    ],
)
def test_errors_are_one_line_with_file_reason_and_remedy(folder: Path, text: str, message: str) -> None:
    (folder / "optlint.toml").write_text(text)
    with pytest.raises(ConfigError) as error:
        load_config(folder)
    assert str(error.value) == message


def test_an_unknown_key_without_a_near_one_lists_them_all(folder: Path) -> None:
    (folder / "optlint.toml").write_text("xyz = 1")
    with pytest.raises(ConfigError, match=r"unknown key `xyz`; there are `select`, .*`baseline`"):
        load_config(folder)


def test_a_file_that_is_no_utf8_is_an_error(folder: Path) -> None:
    (folder / "optlint.toml").write_bytes(b"# \xff\n")
    with pytest.raises(ConfigError, match=r"^optlint.toml: the bytes are not UTF-8"):
        load_config(folder)


@pytest.mark.parametrize("text", ["[tool]\noptlint = 1\n", "[tool.x]\noptlint = 1\n"])
def test_a_named_shared_file_must_hold_the_table(folder: Path, text: str) -> None:
    (folder / "pyproject.toml").write_text(text)
    with pytest.raises(ConfigError, match=r"^pyproject.toml: .*\[tool.optlint\]"):
        load_config(folder, folder / "pyproject.toml")


def test_a_named_file_that_is_missing_is_an_error(folder: Path) -> None:
    with pytest.raises(ConfigError, match=r"^none.toml: there is no such file: name another"):
        load_config(folder, folder / "none.toml")
