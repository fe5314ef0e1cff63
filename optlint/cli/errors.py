"""The error that ends a run with exit code 2 and one line."""

from __future__ import annotations

from typing import IO, Any

import click

from optlint.report.columns import expand


class OptlintError(click.ClickException):
    """Configuration, selection or rule packs cannot be used."""

    exit_code = 2

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the line to stderr."""
        click.echo(f"optlint: {expand(self.message)}", file=file, err=True)
