"""`optlint check`: what its options mean together, and the exit code."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import click

from optlint.baseline import BaselineError
from optlint.builtin import INTERNAL_ERROR
from optlint.catalog import CatalogError
from optlint.cli.check_options import Options, check_options
from optlint.cli.checker import Checker
from optlint.cli.contradictions import STDIN, refuse_contradictions, refuse_missing
from optlint.cli.errors import OptlintError
from optlint.cli.help import GroupedCommand
from optlint.cli.news import News
from optlint.cli.output import Output
from optlint.cli.progress import with_progress
from optlint.cli.reports import ReportingCommand
from optlint.cli.settings import configuration, selectors
from optlint.config import ConfigError, FailOn
from optlint.finding import Finding, Level
from optlint.scan.files import Discovered, discover
from optlint.scan.globs import Globs
from optlint.selection import Layer, SelectionError


class CheckCommand(ReportingCommand, GroupedCommand):
    """A command whose options are in groups, and which says where its reports go."""


@click.command("check", cls=CheckCommand, short_help="Find misuse of optimizers and schedulers, and mend it.")
@check_options
@click.pass_context
def COMMAND(context: click.Context, /, **options: object) -> None:  # noqa: N802 (a value, as every command module has)
    """Check files, folders or the current folder for misuse of optimizers.

    \b
    optlint check --diff                  show what --fix would change
    optlint check --fix --unsafe-fixes    mend all that has a fix
    cat train.py | optlint check - --stdin-filename train.py
    """
    chosen = Options(**options)  # type: ignore[arg-type]
    refuse_contradictions(chosen)
    if chosen.watch:
        from optlint.cli.watch import watch

        watch(lambda: _checked(chosen), chosen.paths or (os.curdir,), chosen.config)
    context.exit(_checked(chosen))


def _checked(options: Options) -> int:
    try:
        return check(options)
    except (ConfigError, SelectionError, CatalogError, BaselineError) as error:
        raise OptlintError(str(error)) from error


def check(options: Options) -> int:
    """Run the call and return its exit code."""
    paths = options.paths or (os.curdir,)
    refuse_missing(paths)
    first = options.stdin_filename or os.curdir if paths == (STDIN,) else paths[0]
    config = configuration(first, options.config, options.isolated)
    output = Output(options.targets, options.unsafe_fixes, options.quiet, options.statistics, options.show_fixes)
    command_line = Layer(
        "the command line",
        selectors(options.select) if options.select else None,
        selectors(options.extend_select),
        selectors(options.ignore),
    )
    if paths == (STDIN,):
        from optlint.cli.stdin import check_stdin

        named = () if options.stdin_filename is None else (Path(options.stdin_filename).absolute(),)
        news = News(options, config, command_line, named, output.complain)
        findings, changed = check_stdin(options, Checker(config, command_line, known=news), output)
        failed = False
    else:
        globs = Globs(config.root, config.exclude)
        discovered = discover(paths, globs, not options.no_gitignore, options.force_exclude)
        news = News(options, config, command_line, discovered.files, output.complain)
        whole = frozenset(discovered.files) - discovered.named
        checker = Checker(config, command_line, whole, news, iter if options.quiet else with_progress)
        findings, changed, failed = _check_files(options, checker, discovered, output)
        for message in () if options.quiet else news.notes(checker, discovered, paths):
            output.complain(message)
    return output.finish(_exit_code(options, config.fail_on, findings, changed, failed))


def _exit_code(options: Options, fail_on: FailOn, findings: Sequence[Finding], changed: bool, failed: bool) -> int:
    if failed or any(finding.code == INTERNAL_ERROR.code for finding in findings):
        return 2
    if changed and (options.diff or options.exit_non_zero_on_fix):
        return 1
    gate = FailOn(options.fail_on) if options.fail_on else fail_on
    return int(not options.exit_zero and _reaches(findings, gate))


def _check_files(
    options: Options, checker: Checker, discovered: Discovered, output: Output
) -> tuple[list[Finding], bool, bool]:
    """Return the findings that remain, whether files were (or would be) changed, and whether something failed."""
    for message in discovered.unreadable:
        output.complain(message)
    if not discovered.files and not discovered.unreadable and not options.force_exclude:
        output.complain("there are no Python files here: name a file or another folder")
    failed = bool(discovered.unreadable)
    checked = len(discovered.files)
    if options.diff:
        from optlint.cli.fixer import preview_fixes

        findings = checker.check(discovered.files)
        previews = preview_fixes(checker, findings, discovered.files, options.unsafe_fixes)
        return findings, output.diff(previews, findings, checked), failed
    if options.fix and options.verified:
        return _fix_verified(options, checker, discovered, output)
    if options.fix:
        from optlint.cli.fixer import fix_files

        result = fix_files(checker, discovered.files, options.unsafe_fixes)
        remaining, silenced, unwritten = _silenced(options, checker, discovered, result.remaining, output)
        output.report(remaining, checker, checked, result.applied)
        for message in (*result.refused, *result.failed):
            output.complain(message)
        return remaining, bool(result.applied) or silenced, failed or unwritten or bool(result.failed)
    findings = checker.check(discovered.files)
    if options.verify:
        return findings, False, _verify(options, checker, discovered, findings, output) or failed
    findings, silenced, unwritten = _silenced(options, checker, discovered, findings, output)
    output.report(findings, checker, checked)
    return findings, silenced, failed or unwritten


def _silenced(
    options: Options, checker: Checker, discovered: Discovered, findings: list[Finding], output: Output
) -> tuple[list[Finding], bool, bool]:
    """With `--add-ignore`, silence findings; return those left, whether files were changed, and whether one failed."""
    if not options.add_ignore or not findings:
        return findings, False, False
    from optlint.cli.add_ignore import add_ignores

    added = add_ignores(checker, findings, discovered.files, options.reason or "")
    for message in (*added.left, *added.failed):
        output.complain(message)
    if added.files and not options.quiet:
        from optlint.report.summary import counted

        output.complain(f"{counted(added.findings, 'finding')} silenced in {counted(added.files, 'file')}")
    return added.remaining, bool(added.files), bool(added.failed)


def _verify(
    options: Options, checker: Checker, discovered: Discovered, findings: list[Finding], output: Output
) -> bool:
    """Report findings with their verdicts; whether a fix was refuted."""
    from optlint.cli.verification import defects, verdict_of
    from optlint.cli.verify import replayed
    from optlint.replay.verify import Setting

    verdicts = replayed(checker, discovered.files, findings, Setting(options.device, options.dtype or ""), options.jobs)
    output.report(findings, checker, len(discovered.files), verdicts=verdict_of(verdicts))
    broken = list(defects(verdicts))
    for message in broken:
        output.complain(message)
    return bool(broken)


def _fix_verified(
    options: Options, checker: Checker, discovered: Discovered, output: Output
) -> tuple[list[Finding], bool, bool]:
    from optlint.cli.verified_fixer import fix_verified
    from optlint.replay.verify import Setting

    setting = Setting(options.device, options.dtype or "")
    result = fix_verified(checker, discovered.files, setting, options.jobs)
    fixed = result.fixed
    remaining, silenced, unwritten = _silenced(options, checker, discovered, fixed.remaining, output)
    output.report(remaining, checker, len(discovered.files), fixed.applied)
    for message in (*result.left, *result.defects, *fixed.failed):
        output.complain(message)
    failed = bool(discovered.unreadable or fixed.failed or result.defects or unwritten)
    return remaining, bool(fixed.applied) or silenced, failed


def _reaches(findings: Sequence[Finding], gate: FailOn) -> bool:
    return gate is not FailOn.NEVER and any(finding.level >= Level[gate.name] for finding in findings)
