"""`optlint check`: what its options mean together, and the exit code."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import click

from optlint.builtin import INTERNAL_ERROR
from optlint.catalog import CatalogError
from optlint.cli.check_options import Options, check_options
from optlint.cli.checker import Checker
from optlint.cli.errors import OptlintError
from optlint.cli.output import Output
from optlint.cli.settings import configuration, selectors
from optlint.config import ConfigError, FailOn
from optlint.finding import Finding, Level
from optlint.nearest import did_you_mean
from optlint.paths import shown
from optlint.scan.files import Discovered, discover
from optlint.scan.globs import Globs
from optlint.selection import Layer, SelectionError

STDIN = "-"


@click.command("check", short_help="Find misuse of optimizers and schedulers, and mend it.")
@check_options
@click.pass_context
def COMMAND(context: click.Context, /, **options: object) -> None:  # noqa: N802 (a value, as every command module has)
    """Check Python files, or the current folder, for misuse of optimizers and learning-rate schedulers.

    \b
    optlint check src train.py            check a folder and a file
    optlint check --diff                  show what --fix would change
    optlint check --fix --unsafe-fixes    mend all that has a fix
    optlint check --select OPT1 --ignore OPT103
    cat train.py | optlint check - --stdin-filename train.py

    A comment `# optlint: ignore[OPT101] reason` silences a rule on its line or the line below.
    """
    try:
        context.exit(check(Options(**options)))  # type: ignore[arg-type]
    except (ConfigError, SelectionError, CatalogError) as error:
        raise OptlintError(str(error)) from error


def check(options: Options) -> int:
    """Run the call and return its exit code."""
    paths = options.paths or (os.curdir,)
    _refuse_contradictions(options, paths)
    first = options.stdin_filename or os.curdir if paths == (STDIN,) else paths[0]
    config = configuration(first, options.config, options.isolated)
    output = Output(options.output_format, options.unsafe_fixes, options.quiet, options.statistics, options.show_fixes)
    command_line = Layer(
        "the command line",
        selectors(options.select) if options.select else None,
        selectors(options.extend_select),
        selectors(options.ignore),
    )
    if paths == (STDIN,):
        from optlint.cli.stdin import check_stdin

        findings, changed = check_stdin(options, Checker(config, command_line), output)
        failed = False
    else:
        discovered = discover(paths, Globs(config.root, config.exclude), gitignore=not options.no_gitignore)
        whole = frozenset(discovered.files) - discovered.named
        findings, changed, failed = _check_files(options, Checker(config, command_line, whole), discovered, output)
    if failed or any(finding.code == INTERNAL_ERROR.code for finding in findings):
        return 2
    if changed and (options.diff or options.exit_non_zero_on_fix):
        return 1
    gate = FailOn(options.fail_on) if options.fail_on else config.fail_on
    return int(not options.exit_zero and _reaches(findings, gate))


def _check_files(
    options: Options, checker: Checker, discovered: Discovered, output: Output
) -> tuple[list[Finding], bool, bool]:
    """Return the findings that remain, whether files were (or would be) changed, and whether something failed."""
    for message in discovered.unreadable:
        output.complain(message)
    if not discovered.files and not discovered.unreadable:
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
        output.report(result.remaining, checker.source, checked, result.applied)
        for message in (*result.refused, *result.failed):
            output.complain(message)
        return result.remaining, bool(result.applied), failed or bool(result.failed)
    findings = checker.check(discovered.files)
    if options.verify:
        return findings, False, _verify(options, checker, discovered, findings) or failed
    output.report(findings, checker.source, checked)
    return findings, False, failed


def _verify(options: Options, checker: Checker, discovered: Discovered, findings: list[Finding]) -> bool:
    """Report findings with their verdicts; whether a fix was refuted."""
    from optlint.cli.verification import defects
    from optlint.cli.verify import print_verdicts, replayed
    from optlint.replay.verify import Setting

    verdicts = replayed(checker, discovered.files, findings, Setting(options.device, options.dtype or ""), options.jobs)
    form = "json" if options.output_format == "json" else "full"
    print_verdicts(form, findings, verdicts, checker, len(discovered.files))
    broken = list(defects(verdicts))
    for message in broken:
        click.echo(f"optlint: {message}", err=True)
    return bool(broken)


def _fix_verified(
    options: Options, checker: Checker, discovered: Discovered, output: Output
) -> tuple[list[Finding], bool, bool]:
    from optlint.cli.verified_fixer import fix_verified
    from optlint.replay.verify import Setting

    setting = Setting(options.device, options.dtype or "")
    result = fix_verified(checker, discovered.files, setting, options.jobs)
    fixed = result.fixed
    output.report(fixed.remaining, checker.source, len(discovered.files), fixed.applied)
    for message in (*result.left, *result.defects, *fixed.failed):
        output.complain(message)
    failed = bool(discovered.unreadable or fixed.failed or result.defects)
    return fixed.remaining, bool(fixed.applied), failed


def _refuse_contradictions(options: Options, paths: Sequence[str]) -> None:
    if STDIN in paths and paths != (STDIN,):
        raise click.UsageError("`-` stands alone: check the standard input or paths")
    if options.stdin_filename is not None and STDIN not in paths:
        raise click.UsageError("`--stdin-filename` names the text on the standard input: add the path `-`")
    if options.verified and not options.fix:
        raise click.UsageError("`--verified` says which fixes `--fix` applies: add `--fix`, or take `--verify`")
    if (options.verify or options.verified) and STDIN in paths:
        raise click.UsageError("a replay follows the files around: name files and not the standard input")
    if options.verify and (options.fix or options.diff):
        raise click.UsageError("`--verify` changes nothing: take `--fix --verified` to mend what a replay validates")
    if options.fix and options.diff:
        raise click.UsageError("`--fix` writes files and `--diff` does not: take one of them")
    if options.isolated and options.config is not None:
        raise click.UsageError("`--isolated` reads no configuration and `--config` one: take one of them")
    for path in paths:
        if path != STDIN and not os.path.lexists(path):
            near = did_you_mean(Path(path).name, _siblings(path), likeness=0.8)
            raise click.UsageError(f"`{shown(path)}`: no such file or folder{near}")


def _siblings(path: str) -> list[str]:
    try:
        return sorted(sibling.name for sibling in Path(path).parent.iterdir())
    except OSError:
        return []


def _reaches(findings: Sequence[Finding], gate: FailOn) -> bool:
    return gate is not FailOn.NEVER and any(finding.level >= Level[gate.name] for finding in findings)
