"""`optlint rules`: the list of all rules."""

from __future__ import annotations

import click

from optlint.builtin import BUILTINS
from optlint.catalog import CatalogError, load_catalog
from optlint.cli.errors import OptlintError


@click.command("rules", short_help="List all rules.")
@click.option("--output-format", type=click.Choice(["text", "json"]), default="text", show_default=True)
def COMMAND(output_format: str) -> None:  # noqa: N802 (a value, as every command module has)
    """List all rules with level and fix; `optlint rule CODE` explains one."""
    try:
        entries = load_catalog()
    except CatalogError as error:
        raise OptlintError(str(error)) from error
    rows = [
        {"code": builtin.code, "name": builtin.name, "level": builtin.level.label, "fix": None, "pack": "optlint"}
        | {"family": "", "summary": _summary(builtin.card)}
        for builtin in BUILTINS
    ]
    for entry in entries:
        fix = None if entry.rule.repair is None else entry.rule.repair.applicability.value
        row = {"code": entry.rule.code, "name": entry.name, "level": entry.rule.level.label, "fix": fix}
        rows.append(row | {"pack": entry.pack, "family": entry.family, "summary": _summary(entry.card)})
    rows.sort(key=lambda row: row["code"] or "")
    if output_format == "json":
        import json

        click.echo(json.dumps(rows, indent=2))
        return
    shown = ("code", "name", "level", "fix")
    table = [shown, *(tuple(row[key] or "-" for key in shown) for row in rows)]
    widths = [max(len(cells[column]) for cells in table) for column in range(len(shown))]
    for cells in table:
        click.echo("  ".join(f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=True)).rstrip())


def _summary(card: str) -> str:
    """Return the card's first paragraph on one line."""
    return " ".join(card.partition("\n\n")[0].split())
