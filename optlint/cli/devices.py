"""The options `--device` and `--dtype`: where scripts are replayed, and in which floating-point type."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeVar

import click

from optlint.cli.help import GroupedOption

_F = TypeVar("_F", bound=Callable[..., object])
_DEVICE = re.compile(r"auto|cpu|mps|cuda(:\d+)?")
DTYPES = ("float64", "float32", "bfloat16")


def _checked(context: click.Context, parameter: click.Parameter, value: str) -> str:
    if not _DEVICE.fullmatch(value):
        raise click.BadParameter(f"`{value}` is none of `auto`, `cpu`, `cuda`, `cuda:0`, `cuda:1` ..., `mps`")
    return value


def device_options(command: _F) -> _F:
    """Give a command the options `--device` and `--dtype`."""
    for option in (
        click.option(
            "--dtype",
            cls=GroupedOption,
            group="Replaying",
            rare=True,
            type=click.Choice(DTYPES),
            help="The floating-point type of a replay.  [default: float64; float32 where an exception is looked for]",
        ),
        click.option(
            "--device",
            cls=GroupedOption,
            group="Replaying",
            rare=True,
            default="auto",
            show_default=True,
            metavar="auto|cpu|cuda[:n]|mps",
            callback=_checked,
            help="Where scripts are replayed.",
        ),
    ):
        command = option(command)
    return command
