"""What git says of the repository that a folder lies in."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from optlint.nearest import did_you_mean

_PLACES = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR", "GIT_NAMESPACE")
"""Git sets these for its hooks; they speak of the repository of the hook, which may be another than the one meant."""


class GitError(Exception):
    """Git cannot answer; the message is one line that names the reason and the remedy."""


@dataclass(frozen=True, slots=True)
class Blob:
    """An entry of a revision's tree: `mode` is git's, such as `100644`, and `name` is relative to the top."""

    mode: str
    identity: str
    name: str

    @property
    def is_link(self) -> bool:
        """Whether it is a symbolic link."""
        return self.mode == "120000"

    @property
    def is_submodule(self) -> bool:
        """Whether it is the commit of another repository."""
        return self.mode == "160000"


@dataclass(frozen=True, slots=True)
class Change:
    """A file that differs between a revision and the working tree; `before` or `after` is None where there is none."""

    before: str | None
    after: str | None


class Repository:
    """A repository with a working tree; file names are relative to its top and may hold any character."""

    def __init__(self, folder: Path) -> None:
        """Find the repository that a folder lies in.

        Raises:
            GitError: there is none, or no git.
        """
        self._environment = {key: value for key, value in os.environ.items() if key not in _PLACES}
        self._environment |= {"GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}
        self.top = folder
        try:
            top = self.ask("rev-parse", "--show-toplevel")
        except GitError:
            if not any(place in os.environ for place in _PLACES):
                raise
            # A working tree apart from its repository is found by what the caller says of it.
            self._environment |= {place: os.environ[place] for place in _PLACES if place in os.environ}
            top = self.ask("rev-parse", "--show-toplevel")
        self.top = Path(top)

    def ask(self, *arguments: str) -> str:
        """Return what git prints, without the last newline.

        Raises:
            GitError: git fails.
        """
        done = self._run(*arguments)
        if done.returncode:
            raise GitError(_reason(done.stderr))
        return os.fsdecode(done.stdout).removesuffix("\n")

    def says(self, *arguments: str) -> bool:
        """Say whether git exits with 0."""
        return self._run(*arguments).returncode == 0

    def _run(self, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        try:
            return subprocess.run(
                ["git", "-C", str(self.top), *arguments],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=False,
            )
        except FileNotFoundError:
            raise GitError("git is not installed, or its folder is not in PATH") from None
        except OSError as error:
            raise GitError(f"git does not start: {error.strerror}") from None

    def common_with_head(self, revision: str) -> str:
        """Return the commit at which a revision and HEAD part, as `git diff REVISION...HEAD` takes it.

        Raises:
            GitError: there is no such revision, or no such commit.
        """
        shallow = self.ask("rev-parse", "--is-shallow-repository") == "true"
        if revision.startswith("-") or not self.says("rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}"):
            raise GitError(f"there is no revision `{revision}`{self._remedy(revision, shallow)}")
        if not self.says("rev-parse", "--verify", "--quiet", "HEAD^{commit}"):
            raise GitError("HEAD has no commit yet: commit first")
        try:
            return self.ask("merge-base", revision, "HEAD")
        except GitError:
            reason = f"`{revision}` and HEAD have no commit in common"
            if shallow:
                raise GitError(f"{reason} in this shallow clone: `git fetch --unshallow` brings the rest") from None
            raise GitError(f"{reason}: name a revision of the same history") from None

    def _remedy(self, revision: str, shallow: bool) -> str:
        names = self.ask("for-each-ref", "--format=%(refname:short)").splitlines()
        tails = [name for name in names if name.endswith(f"/{revision}")]
        near = f": did you mean `{tails[0]}`?" if tails else did_you_mean(revision, names)
        if shallow:
            return f"{near}{' or' if near else ':'} `git fetch origin {revision}` may bring it, this clone is shallow"
        return near or ": `git fetch` may bring it, `git branch --all` lists what is there"

    def changes(self, commit: str) -> Iterator[Change]:
        """Yield what differs between a commit and the working tree, renames paired; untracked files are left out.

        Raises:
            GitError: git fails.
        """
        options = ("--name-status", "-z", "--find-renames", "--no-ext-diff", "--no-relative", "--ignore-submodules")
        fields = iter(self.ask("diff", *options, commit, "--").split("\0"))
        for status in fields:
            match status[:1]:
                case "":
                    return
                case "R":
                    yield Change(next(fields), next(fields))
                case "A":
                    yield Change(None, next(fields))
                case "D":
                    yield Change(next(fields), None)
                case _:
                    name = next(fields)
                    yield Change(name, name)

    def tree(self, commit: str) -> Iterator[Blob]:
        """Yield the files, links and submodules of a commit.

        Raises:
            GitError: git fails.
        """
        for line in self.ask("ls-tree", "-r", "-z", "--full-tree", commit).split("\0"):
            if line:
                head, _, name = line.partition("\t")
                mode, _, identity = head.split(" ")
                yield Blob(mode, identity, name)

    def contents(self, blobs: list[Blob]) -> Iterator[tuple[Blob, bytes]]:
        """Yield the bytes of files, one at a time.

        Raises:
            GitError: they are not there, as in a partial clone without a connection.
        """
        import tempfile

        with tempfile.TemporaryFile() as asked:  # a pipe could fill up while the answer waits to be read
            asked.write("".join(f"{blob.identity}\n" for blob in blobs).encode())
            asked.seek(0)
            with subprocess.Popen(
                ["git", "-C", str(self.top), "cat-file", "--batch"],
                env=self._environment,
                stdin=asked,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            ) as process:
                assert process.stdout is not None
                for blob in blobs:
                    head = process.stdout.readline().split()
                    if len(head) != 3:
                        raise GitError(f"the repository lacks the text of `{blob.name}`: `git fetch` may bring it")
                    yield blob, process.stdout.read(int(head[2]) + 1)[:-1]


def _reason(stderr: bytes) -> str:
    """Return what git says of its failure, on one line."""
    lines = [line.strip() for line in stderr.decode("utf-8", "replace").splitlines() if line.strip()]
    text = next((line for line in lines if line.startswith(("fatal:", "error:"))), lines[0] if lines else "git failed")
    return text.removeprefix("fatal: ").removeprefix("error: ")
