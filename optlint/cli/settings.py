"""What several commands read from their options in the same way: the configuration and the selected rules."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from optlint.config import Config, load_config


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
