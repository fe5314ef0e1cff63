"""Help in groups that fits a screen; `--help-all` has the rare options as well."""

from __future__ import annotations

from typing import Any

import click

_REST = "Other"
_ALL = "optlint.help_all"
"""What a context remembers when all options are asked for."""


class GroupedOption(click.Option):
    """An option of a group; `rare` ones are shown by `--help-all` alone."""

    def __init__(self, *args: Any, group: str = _REST, rare: bool = False, **attributes: Any) -> None:
        super().__init__(*args, **attributes)
        self.group = group
        self.rare = rare


class GroupedCommand(click.Command):
    """A command that lists its options by group, in the order in which the groups come up first."""

    def __init__(self, *args: Any, **attributes: Any) -> None:
        super().__init__(*args, **attributes)
        self.params.append(
            GroupedOption(
                ["--help-all"],
                is_flag=True,
                is_eager=True,
                expose_value=False,
                callback=_show_all,
                help="Show all options, the rare ones too.",
            )
        )

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options, those of each group under its name and all in one column."""
        everything = bool(ctx.meta.get(_ALL))
        groups: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            group = parameter.group if isinstance(parameter, GroupedOption) else _REST
            rare = isinstance(parameter, GroupedOption) and parameter.rare
            record = parameter.get_help_record(ctx)
            if isinstance(parameter, click.Option) and record is not None and (everything or not rare):
                groups.setdefault(group, []).append(record)
        width = max(len(name) for records in groups.values() for name, _ in records)
        for group in sorted(groups, key=lambda group: group == _REST):
            with formatter.section(group):
                formatter.write_dl([(f"{name:{width}}", text) for name, text in groups[group]], col_max=width + 2)


def _show_all(context: click.Context, parameter: click.Parameter, value: bool) -> None:
    if value:
        context.meta[_ALL] = True
        click.echo(context.get_help())
        context.exit()
