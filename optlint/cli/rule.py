"""`optlint rule`: the card of one rule."""

from __future__ import annotations

import click

from optlint.builtin import BUILTINS
from optlint.catalog import CatalogEntry, CatalogError, load_catalog
from optlint.cli.errors import OptlintError
from optlint.nearest import did_you_mean


@click.command("rule", short_help="Explain a rule: what goes wrong, why, and how it is mended.")
@click.argument("rule", metavar="CODE_OR_NAME")
def COMMAND(rule: str) -> None:  # noqa: N802 (a value, as every command module has)
    """Explain a rule, by its code or its name.

    \b
    optlint rule OPT101
    optlint rule scheduler-step-before-optimizer-step
    """
    try:
        entries = load_catalog()
    except CatalogError as error:
        raise OptlintError(str(error)) from error
    cards = {builtin.code: (builtin.name, builtin.level.label, "", builtin.card) for builtin in BUILTINS}
    cards |= {entry.rule.code: (entry.name, entry.rule.level.label, _fix(entry), entry.card) for entry in entries}
    for code, (name, level, fix, card) in cards.items():
        if rule.upper() == code or rule.lower() == name:
            click.echo(f"# {name} ({code})\n\nLevel: {level}.{fix}\n\n{card.strip()}")
            return
    names = [name for name, *_ in cards.values()]
    near = did_you_mean(rule, (*cards, *names)) or "; `optlint rules` lists them all"
    raise click.UsageError(f"no rule is called `{rule}`{near}")


def _fix(entry: CatalogEntry) -> str:
    repair = entry.rule.repair
    return "" if repair is None else f" Fix: {repair.applicability.value} ({repair.title})."
