"""Which findings of a run are news: `--baseline` and `--diff-base` together."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from optlint.cli.known_findings import KnownFindings, baseline_file, fixed_entries, notes, printed
from optlint.config import Config
from optlint.finding import Finding
from optlint.selection import Layer
from optlint.source.text import Source

if TYPE_CHECKING:
    from optlint.cli.check_options import Options
    from optlint.cli.checker import Checker
    from optlint.scan.files import Discovered


class News:
    """Takes away what a baseline or a revision has, as a `Checker` asks for."""

    def __init__(
        self, options: Options, config: Config, layer: Layer, files: Sequence[Path], complain: Callable[[str], None]
    ) -> None:
        """Read the baseline; the revision is looked at where there is a finding.

        Raises:
            BaselineError: the baseline cannot be used.
        """
        self._file: Path | None = None
        self._baseline: KnownFindings | None = None
        self._revision: KnownFindings | None = None
        self._named = options.diff_base
        if not options.no_baseline and (options.baseline is not None or config.baseline is not None):
            from optlint.baseline import read

            self._file = baseline_file(config, options.baseline)
            self._baseline = KnownFindings(self._file.parent, read(self._file))
        if options.diff_base is not None:
            from optlint.cli.diff_base import RevisionFindings

            self._revision = RevisionFindings(options.diff_base, files, config, layer, complain)

    def __call__(
        self, findings: list[Finding], sources: Callable[[Path], Source | None], checked: frozenset[Path]
    ) -> list[Finding]:
        """Return the findings that are news."""
        kinds = [known for known in (self._baseline, self._revision) if known is not None]
        if not kinds:
            return findings
        found = printed(findings, sources)
        for known in kinds:
            found = known.without(found, checked)
        return [finding for finding, _ in found]

    def notes(self, checker: Checker, discovered: Discovered, paths: Sequence[str]) -> Iterator[str]:
        """Yield what there is to say of what is not reported, and of what could leave the baseline."""
        if self._baseline is not None and self._file is not None:
            whole = frozenset(discovered.files) - discovered.named
            folders = [path for path in paths if os.path.isdir(path)]  # noqa: PTH112
            # A file that was named alone says nothing: its finding may come to light through a caller.
            fixed = [each for each in fixed_entries(self._baseline, whole, folders) if each.code in checker.codes]
            yield from notes(self._file, self._baseline.hidden, len(fixed))
        if self._revision is not None and self._revision.hidden:
            from optlint.report.summary import counted

            yield f"{counted(self._revision.hidden, 'finding')} not shown: `{self._named}` has them"
