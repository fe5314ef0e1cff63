"""What several commands read from their options in the same way: the configuration and the selected rules."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from optlint.config import Config, key_rows, load_config
from optlint.selection import SelectionError


def configuration(first: str, config: str | None, isolated: bool) -> Config:
    """Return the configuration that holds for a call whose first path is `first`.

    Raises:
        ConfigError: the configuration cannot be used.
    """
    start = Path(first).absolute()
    file = None if config is None else Path(config).absolute()
    return load_config(start if start.is_dir() else start.parent, file, isolated)


def selectors(values: Sequence[str]) -> tuple[str, ...]:
    """Return the selectors in the values of an option that takes several, divided by commas."""
    return tuple(selector.strip() for value in values for selector in value.split(",") if selector.strip())


def with_row(error: SelectionError, config: Config) -> SelectionError:
    """Return the error with the row of the key that holds the selector, if it comes from the configuration's file."""
    if config.file is None or not error.origin.endswith(config.file.name):
        return error
    values = {
        "select": config.select or (),
        "extend-select": config.extend_select,
        "ignore": config.ignore,
        "per-file-ignores": tuple(selector for _, ignored in config.per_file_ignores for selector in ignored),
    }
    rows = key_rows(config.file)
    for key, held in values.items():
        if error.selector in held and key in rows:
            return SelectionError(error.selector, f"{error.origin}:{rows[key]}", error.near)
    return error
