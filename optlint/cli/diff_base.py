"""`--diff-base REV`: the findings that the code had where HEAD and a revision part."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from optlint.baseline import Entry, Names
from optlint.cli.checker import Checker
from optlint.cli.errors import OptlintError
from optlint.cli.known_findings import KnownFindings, printed
from optlint.config import Config
from optlint.selection import Layer

if TYPE_CHECKING:
    from optlint.scan.snapshot import Snapshot
    from optlint.torch_api.releases import TorchRange


class RevisionFindings(KnownFindings):
    """The findings of a revision; git is asked when the first finding of today turns up, and not before."""

    def __init__(
        self, revision: str, files: Iterable[Path], config: Config, layer: Layer, complain: Callable[[str], None]
    ) -> None:
        super().__init__(Path.cwd(), self._read)
        self._revision = revision
        self._files = tuple(files)
        self._config = config
        self._layer = layer
        self._complain = complain

    def _read(self) -> list[Entry]:
        from optlint.scan.git import GitError

        try:
            return self._findings()
        except GitError as error:
            raise OptlintError(f"`--diff-base {self._revision}`: {error}") from error

    def _findings(self) -> list[Entry]:
        from optlint.scan.git import Repository
        from optlint.scan.snapshot import take

        repository = Repository(_folder(self._files))
        commit = repository.common_with_head(self._revision)
        self.names = Names(repository.top)
        with tempfile.TemporaryDirectory(prefix="optlint-") as name:
            outer = Path(os.path.realpath(name))
            root, top = _placed(self._config.root, repository.top, outer)
            snapshot = take(repository, commit, top)
            for message in snapshot.lacking:
                self._complain(message)
            entries = self._then(snapshot, replace(self._config, root=root))
        return self._without_those_still_there(snapshot, entries)

    def _then(self, snapshot: Snapshot, config: Config) -> list[Entry]:
        """Return the findings of then, under the names that their files have today.

        All that was touched since is checked as well, for code may have moved from there.
        """
        asked = {snapshot.then(self.names.of(path)) for path in self._files} | snapshot.touched
        checker = _AsToday(Checker(self._config, self._layer), config, self._layer)
        now = {then: today for today, then in snapshot.renamed.items()}
        return [
            replace(entry, path=now.get(entry.path, entry.path))
            for entry in _entries(checker, sorted(snapshot.folder / name for name in asked & snapshot.files), snapshot)
        ]

    def _without_those_still_there(self, snapshot: Snapshot, entries: list[Entry]) -> list[Entry]:
        """Settle the files that are not checked now: what they still have has not moved out of them."""
        checked = {self.names.of(path) for path in self._files}
        others = sorted(name for name in snapshot.today - checked if {name} & {entry.path for entry in entries})
        self.settled = set(others)
        if not others:
            return entries
        known = KnownFindings(self.names.folder, entries)
        files = [self.names.path(name) for name in others]
        Checker(self._config, self._layer, known=known).check(files)
        kept = {id(entry) for entry in known.left}
        return [entry for entry in entries if id(entry) in kept]


class _AsToday(Checker):
    """Checks files of then for the torch that is required today."""

    def __init__(self, today: Checker, config: Config, layer: Layer) -> None:
        super().__init__(config, layer)
        self._today = today

    def required(self) -> TorchRange:
        return self._today.required()


def _entries(checker: Checker, files: list[Path], snapshot: Snapshot) -> list[Entry]:
    names = Names(snapshot.folder)
    return [
        Entry(names.of(finding.location.path), finding.code, finding.message, fingerprint)
        for finding, fingerprint in printed(checker.check(files), checker.source)
    ]


def _folder(files: Iterable[Path]) -> Path:
    """Return the folder of the first file: the repository that holds it is meant."""
    first = next(iter(files), None)
    return Path.cwd() if first is None or not first.parent.is_dir() else first.parent


def _placed(root: Path, top: Path, outer: Path) -> tuple[Path, Path]:
    """Return where the configuration's folder and the repository's top lie below a folder, one in the other as ever."""
    root = Path(os.path.realpath(root))
    if root.is_relative_to(top):
        return outer / root.relative_to(top), outer
    if top.is_relative_to(root):
        return outer, outer / top.relative_to(root)
    return root, outer
