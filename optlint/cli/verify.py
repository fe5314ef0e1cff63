"""The command `optlint verify`: replays findings and their fixes, and says what is true."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click

from optlint.catalog import CatalogError
from optlint.cli.checker import Checker
from optlint.cli.devices import device_options
from optlint.cli.errors import OptlintError
from optlint.cli.output import Output
from optlint.cli.page import check_report, write_report
from optlint.cli.reports import ReportingCommand, Target, refuse_targets, with_reports
from optlint.cli.settings import configuration, selectors
from optlint.cli.verification import Key, defects, key_of, verdict_of, verification
from optlint.config import ConfigError, FailOn
from optlint.finding import Finding, Level
from optlint.paths import shown
from optlint.replay.verify import Setting, Verified
from optlint.scan.files import discover
from optlint.scan.globs import Globs
from optlint.selection import Layer, SelectionError


@click.command("verify", cls=ReportingCommand, short_help="Replay findings and their fixes, and say what is true.")
@click.argument("paths", nargs=-1, type=click.Path())
@click.option("--select", multiple=True, metavar="RULES", help="Replay only these (codes, prefixes or names).")
@click.option("--ignore", multiple=True, metavar="RULES", help="Do not replay these.")
@device_options
@with_reports
@click.option("--keep-scripts", metavar="DIR", type=click.Path(file_okay=False), help="Write the scripts there.")
@click.option("--report", metavar="FILE", type=click.Path(dir_okay=False), help="Write an HTML page with plots there.")
@click.option("--jobs", type=click.IntRange(1), default=1, show_default=True, help="Scripts that run side by side.")
@click.option("--fail-on", type=click.Choice([gate.value for gate in FailOn]), help="As for `optlint check`.")
@click.option("--config", metavar="FILE", help="Take the configuration from this file.")
@click.option("--isolated", is_flag=True, help="Take no configuration from any file.")
@click.pass_context
def COMMAND(  # noqa: N802 (a value, as every command module has)
    context: click.Context,
    paths: tuple[str, ...],
    select: tuple[str, ...],
    ignore: tuple[str, ...],
    device: str,
    dtype: str | None,
    targets: tuple[Target, ...],
    keep_scripts: str | None,
    report: str | None,
    jobs: int,
    fail_on: str | None,
    config: str | None,
    isolated: bool,
) -> None:
    """Replay what `optlint check` finds, as written and as fixed, against the reference.

    No line of yours is run as it stands: a script of torch alone does to its optimizers what the code does, with
    stand-ins for models, data and all else.

    \b
    optlint verify train.py                     the verdicts on one file
    optlint verify --keep-scripts replays src   keep the scripts that show it
    """
    for path in paths:
        if not os.path.lexists(path):
            raise click.UsageError(f"`{shown(path)}`: no such file or folder")
    refuse_targets(targets)
    if report is not None:
        check_report(Path(report))
    try:
        loaded = configuration((paths or (os.curdir,))[0], config, isolated)
        layer = Layer("the command line", selectors(select) or None, (), selectors(ignore))
        discovered = discover(paths or (os.curdir,), Globs(loaded.root, loaded.exclude))
        checker = Checker(loaded, layer, frozenset(discovered.files) - discovered.named)
        findings = checker.check(discovered.files)
        verdicts = replayed(checker, discovered.files, findings, Setting(device, dtype or ""), jobs)
    except (ConfigError, SelectionError, CatalogError) as error:
        raise OptlintError(str(error)) from error
    if keep_scripts is not None:
        _keep(Path(keep_scripts), verdicts)
    output = Output(targets)
    output.report(findings, checker, len(discovered.files), verdicts=verdict_of(verdicts))
    broken = list(defects(verdicts))
    for message in (*discovered.unreadable, *broken):
        output.complain(message)
    gate = FailOn(fail_on) if fail_on else loaded.fail_on
    reached = gate is not FailOn.NEVER and any(each.level >= Level[gate.name] for each in findings)
    code = output.finish(2 if broken or discovered.unreadable else int(reached))
    if report is not None:
        write_report(Path(report), findings, lambda each: verdicts.get(key_of(each)), checker, len(discovered.files))
    context.exit(code)


def replayed(
    checker: Checker, files: Sequence[Path], findings: Sequence[Finding], setting: Setting, jobs: int
) -> dict[Key, Verified]:
    """Replay findings, with a progress bar on a terminal, and return their verdicts.

    Raises:
        OptlintError: torch is not installed, the device is not there, or no process starts.
    """
    if not findings:
        return {}
    with verification(checker, setting, jobs) as replays, progress(len(findings)) as done:
        return replays.verdicts(files, findings, done)


def _keep(folder: Path, verdicts: dict[Key, Verified]) -> None:
    """Write the scripts of all verdicts, each pair under the name of its finding."""
    from optlint.replay.kept import kept_scripts

    try:
        folder.mkdir(parents=True, exist_ok=True)
        for verified in verdicts.values():
            for name, text in kept_scripts(verified):
                (folder / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise OptlintError(f"`{shown(str(folder))}` cannot be written: {error.strerror}") from error


@contextmanager
def progress(length: int) -> Iterator[Callable[[], None]]:
    """Show a progress bar on a terminal."""
    with click.progressbar(length=length, label="Replaying", file=sys.stderr, hidden=not sys.stderr.isatty()) as bar:
        yield lambda: bar.update(1)
