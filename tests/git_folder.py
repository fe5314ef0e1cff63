"""A real git repository for tests, free of the settings of whoever runs them."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

ENVIRONMENT = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_SYSTEM": os.devnull,
    "GIT_AUTHOR_NAME": "A",
    "GIT_AUTHOR_EMAIL": "a@example.com",
    "GIT_COMMITTER_NAME": "A",
    "GIT_COMMITTER_EMAIL": "a@example.com",
}

Git = Callable[..., str]


def git_in(folder: Path) -> Git:
    """Return a function that calls git in a folder."""

    def call(*arguments: str) -> str:
        environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
        done = subprocess.run(
            ["git", "-C", str(folder), "-c", "protocol.file.allow=always", *arguments],
            env=environment | ENVIRONMENT,
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, (arguments, done.stderr.decode())
        return done.stdout.decode()

    return call


def commit_all(folder: Path, message: str = "a change") -> None:
    """Commit all that is in the folder; the first commit makes the repository, on the branch `main`."""
    git = git_in(folder)
    if not (folder / ".git").exists():
        git("init", "--quiet", "--initial-branch", "main")
    git("add", "--all")
    git("commit", "--quiet", "--allow-empty", "--message", message)
