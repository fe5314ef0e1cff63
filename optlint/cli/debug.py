"""`optlint debug`: what optlint understands of a file."""

from __future__ import annotations

from pathlib import Path

import click

from optlint.cli.errors import OptlintError
from optlint.source.text import SourceError


@click.group("debug", short_help="Show what optlint understands of a file.")
def COMMAND() -> None:  # noqa: N802 (a value, as every command module has)
    """Show what optlint understands of a file, to find out why it says something or nothing."""


@COMMAND.command("program")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def program(file: Path) -> None:
    """Print the program model of a file: its objects, and the events on them in their control flow."""
    from optlint.program.dump import dump_file

    try:
        text = dump_file(file.absolute(), file.read_bytes())
    except OSError as error:
        raise OptlintError(f"{file}: {error.strerror}: allow reading this file") from error
    except SourceError as error:
        raise OptlintError(f"{file}:{error.row}:{error.column}: {error.reason}") from error
    click.echo(text.rstrip("\n"))
