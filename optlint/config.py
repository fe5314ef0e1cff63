"""The configuration: `[tool.optlint]` of the nearest `pyproject.toml` that has it, or `optlint.toml`."""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from optlint.config_file import PYPROJECT, candidates
from optlint.paths import shown

_VERSION = re.compile(r"[0-9]+\.[0-9]+(\.[0-9]+)?")


class ConfigError(Exception):
    """The configuration cannot be used; the message is one line with file, reason and remedy."""

    def __init__(self, file: Path, reason: str, row: int | None = None) -> None:
        super().__init__(f"{shown(file)}{'' if row is None else f':{row}'}: {reason}")


class FailOn(enum.Enum):
    """The least level that makes the exit code 1."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class Config:
    """What a configuration file says; the defaults are what holds without one.

    Selectors are checked by `selection` when the rules are loaded, which alone know them. Globs are as in
    `.gitignore`, relative to `root`, the folder of the file.
    """

    root: Path
    file: Path | None = None
    select: tuple[str, ...] | None = None
    extend_select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    per_file_ignores: tuple[tuple[str, tuple[str, ...]], ...] = ()
    exclude: tuple[str, ...] = ()
    fail_on: FailOn = FailOn.WARNING
    target_torch: str | None = None
    """The oldest torch that the code must run with, such as "2.4"; None: the one that is current."""
    baseline: str | None = None
    """The file of adopted findings, relative to `root`; None: none is adopted."""


def load_config(start: Path, file: Path | None = None, isolated: bool = False) -> Config:
    """Return the configuration for the folder `start`; `file` names one, `isolated` looks for none.

    Raises:
        ConfigError: it cannot be read, or says something that optlint does not know.
    """
    if isolated:
        return Config(root=start)
    if file is None:
        for candidate in map(Path, candidates(start)):
            table = _table(candidate)
            if table is not None:
                return _read(table, candidate)
        return Config(root=start)
    table = _table(file)
    if table is None:
        raise ConfigError(file, "there is no table [tool.optlint]: add it, or name another file")
    return _read(table, file)


def _table(file: Path) -> dict[str, object] | None:
    """Return optlint's table, or None where a file that other tools share has none."""
    shared = file.name == PYPROJECT
    try:
        data = file.read_bytes()
    except FileNotFoundError:
        raise ConfigError(file, "there is no such file: name another, or use `--isolated`") from None
    except OSError as error:
        raise ConfigError(file, f"{error.strerror}: make the file readable, or use `--isolated`") from None
    import tomllib

    from optlint.config_rows import unfinished_row

    try:
        document: dict[str, object] = tomllib.loads(data.decode())
    except UnicodeDecodeError:
        raise ConfigError(file, "the bytes are not UTF-8: save the file as UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        row = re.search(r"line (\d+)", str(error))
        place = int(row.group(1)) if row else unfinished_row(data.decode())
        reason = re.sub(r" \(at [^)]*\)$", "", str(error))
        raise ConfigError(file, f"this is no TOML: {reason}: mend this line", place) from None
    if not shared:
        return document
    tool = document.get("tool")
    table = tool.get("optlint") if isinstance(tool, dict) else None
    if table is not None and not isinstance(table, dict):
        raise ConfigError(file, "`tool.optlint` is no table: write `[tool.optlint]`")
    return table


def _read(table: Mapping[str, object], file: Path) -> Config:
    """Return the configuration of a table; every key is known and of its type."""
    values: dict[str, object] = {}
    for key, value in table.items():
        if key not in _KEYS:
            from optlint.nearest import did_you_mean

            near = did_you_mean(key, _KEYS) or f"; there are {', '.join(f'`{known}`' for known in _KEYS)}"
            raise ConfigError(file, f"unknown key `{key}`{near}", key_rows(file).get(key))
        try:
            values[key.replace("-", "_")] = _KEYS[key](value)
        except _WrongValueError as error:
            reason = f"`{key}` must be {error}, and is {_toml(value)}"
            raise ConfigError(file, reason, key_rows(file).get(key)) from None
    return replace(Config(root=file.parent, file=file), **values)  # type: ignore[arg-type]


def key_rows(file: Path) -> dict[str, int]:
    """Return the row of each of optlint's keys in a file that could be read; what has no row of its own is left out."""
    from optlint.config_rows import rows

    table = ("tool", "optlint") if file.name == PYPROJECT else ()
    try:
        found = rows(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError):
        return {}
    return {path[-1]: row for path, row in found.items() if path[:-1] == table}


class _WrongValueError(Exception):
    """Says what the value must be."""


def _strings(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise _WrongValueError('a list of strings such as ["OPT101"]')
    return tuple(value)


def _globs(value: object) -> tuple[str, ...]:
    try:
        return _strings(value)
    except _WrongValueError:
        raise _WrongValueError('a list of globs such as ["third_party/"]') from None


def _ignores_by_glob(value: object) -> tuple[tuple[str, tuple[str, ...]], ...]:
    try:
        if isinstance(value, dict):
            return tuple((glob, _strings(selectors)) for glob, selectors in value.items())
    except _WrongValueError:
        pass  # the message below says more
    raise _WrongValueError('a table of globs such as { "tests/**" = ["OPT101"] }')


def _fail_on(value: object) -> FailOn:
    try:
        return FailOn(value)
    except ValueError:
        raise _WrongValueError("one of " + ", ".join(f'"{gate.value}"' for gate in FailOn)) from None


def _version(value: object) -> str:
    if not isinstance(value, str) or not _VERSION.fullmatch(value):
        raise _WrongValueError('a version string such as "2.4"')
    return value


def _file_name(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise _WrongValueError('the name of a file such as ".optlint-baseline.json"')
    return value


def _toml(value: object) -> str:
    """Show a value as the file spells it, near enough."""
    import json

    return json.dumps(value, default=str)


_KEYS: dict[str, Callable[[object], object]] = {
    "select": _strings,
    "extend-select": _strings,
    "ignore": _strings,
    "per-file-ignores": _ignores_by_glob,
    "exclude": _globs,
    "fail-on": _fail_on,
    "target-torch": _version,
    "baseline": _file_name,
}
