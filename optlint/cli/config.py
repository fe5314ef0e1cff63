"""The command `optlint config`: the settings that hold, and where each comes from."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path

import click

from optlint.catalog import CatalogError
from optlint.cli.checker import Checker
from optlint.cli.completion import selectors_that_begin
from optlint.cli.errors import OptlintError
from optlint.cli.settings import configuration, selectors
from optlint.config import Config, ConfigError, FailOn, key_rows
from optlint.paths import shown
from optlint.selection import Layer, SelectionError

_COMMAND_LINE, _DEFAULT = "command line", "default"
_ADDED_UP = ("extend-select", "ignore")
"""Keys whose value on the command line joins that of the file; of all others the command line's alone holds."""


@dataclass(frozen=True, slots=True)
class _Setting:
    """One value; `origin` is the command line, the default, or a file with its row."""

    key: str
    value: object
    origin: str
    file: Path | None = None
    row: int | None = None

    @property
    def place(self) -> str:
        """Where the value comes from, for people."""
        if self.file is None:
            return self.origin
        return shown(self.file) if self.row is None else f"{shown(self.file)}:{self.row}"


@click.command("config", short_help="Show the settings that hold, and where each comes from.")
@click.argument("path", type=click.Path(exists=True), default=os.curdir)
@click.option("--select", multiple=True, metavar="RULES", shell_complete=selectors_that_begin, help="As for check.")
@click.option("--ignore", multiple=True, metavar="RULES", shell_complete=selectors_that_begin, help="As for check.")
@click.option(
    "--extend-select", multiple=True, metavar="RULES", shell_complete=selectors_that_begin, help="As for check."
)
@click.option("--fail-on", type=click.Choice([gate.value for gate in FailOn]), help="As for check.")
@click.option("--baseline", metavar="FILE", type=click.Path(), help="As for check.")
@click.option("--config", metavar="FILE", help="Take the configuration from this file.")
@click.option("--isolated", is_flag=True, help="Take no configuration from any file.")
@click.option("--output-format", type=click.Choice(["full", "json"]), default="full", show_default=True)
def COMMAND(  # noqa: N802 (a value, as every command module has)
    path: str,
    select: tuple[str, ...],
    ignore: tuple[str, ...],
    extend_select: tuple[str, ...],
    fail_on: str | None,
    baseline: str | None,
    config: str | None,
    isolated: bool,
    output_format: str,
) -> None:
    """Show the settings with which `optlint check PATH` would run, and where each comes from."""
    given: dict[str, object] = {
        "select": selectors(select),
        "ignore": selectors(ignore),
        "extend-select": selectors(extend_select),
        "fail-on": fail_on,
        "baseline": baseline,
    }
    layer = Layer("the command line", selectors(select) or None, selectors(extend_select), selectors(ignore))
    try:
        loaded = configuration(path, config, isolated)
        settings = list(_settings(loaded, {key: value for key, value in given.items() if value}))
        codes = sorted(Checker(loaded, layer).codes)
    except (ConfigError, SelectionError, CatalogError) as error:
        raise OptlintError(str(error)) from error
    if output_format == "json":
        click.echo(_as_json(loaded, settings, codes))
        return
    click.echo(f"root: {shown(loaded.root)}")
    click.echo(f"file: {'none' if loaded.file is None else shown(loaded.file)}")
    cells = [(setting.key, _value(setting), setting.place) for setting in settings]
    widths = [max(len(row[column]) for row in cells) for column in (0, 1)]
    for key, value, place in cells:
        click.echo(f"{key:{widths[0]}}  {value:{min(widths[1], 60)}}  {place}")
    click.echo(f"{len(codes)} codes are reported: {_by_family(codes)}")


def _settings(config: Config, given: dict[str, object]) -> Iterator[_Setting]:
    """Yield all settings; selectors of the command line stand beside those of the file, for both count."""
    rows = {} if config.file is None else key_rows(config.file)
    for field in fields(config):
        key = field.name.replace("_", "-")
        if key in ("root", "file"):
            continue
        value = getattr(config, field.name)
        if key in rows and (key not in given or key in _ADDED_UP):
            yield _Setting(key, dict(value) if key == "per-file-ignores" else value, "file", config.file, rows[key])
        elif key not in given:
            yield _Setting(key, ("ALL",) if key == "select" else value, _DEFAULT)
        if key in given:
            yield _Setting(key, given[key], _COMMAND_LINE)


def _value(setting: _Setting) -> str:
    if setting.value is None:
        return {"target-torch": "what the project requires"}.get(setting.key, "none")
    return json.dumps(setting.value, ensure_ascii=False, default=_unfolded)


def _unfolded(value: object) -> object:
    return value.value if isinstance(value, FailOn) else list(value)  # type: ignore[call-overload]


def _as_json(config: Config, settings: list[_Setting], codes: list[str]) -> str:
    objects = [
        {
            "key": setting.key,
            "value": setting.value,
            "origin": setting.origin,
            "file": None if setting.file is None else str(setting.file),
            "row": setting.row,
        }
        for setting in settings
    ]
    file = None if config.file is None else str(config.file)
    document = {"root": str(config.root), "file": file, "settings": objects, "rules": codes}
    return json.dumps(document, indent=2, ensure_ascii=False, default=_unfolded)


def _by_family(codes: list[str]) -> str:
    """Return how many codes of each hundred there are, for a glance."""
    families: dict[str, list[str]] = {}
    for code in codes:
        families.setdefault(code[:4], []).append(code)
    return ", ".join(f"{len(each)} of {family}xx" for family, each in families.items())
