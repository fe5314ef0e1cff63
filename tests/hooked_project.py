"""Git repositories whose commits go through the hooks of this package."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from hook_environment import (
    NotMadeError,
    configuration,
    environment_variables,
    hook_repository,
    make_environment,
    wheels,
)


@dataclass(frozen=True)
class Hooks:
    """The repository of the hooks, its commit, the environment, and the variables under which all was made."""

    repository: Path
    commit: str
    environment: Path
    variables: dict[str, str]


@dataclass(frozen=True)
class Project:
    """A git repository whose commits go through the hooks."""

    folder: Path
    variables: dict[str, str]

    def run(self, *call: str) -> tuple[int, str]:
        """Run a command in the repository; return its exit code and all that it said."""
        done = subprocess.run(
            call, cwd=self.folder, env=self.variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        return done.returncode, done.stdout.decode("utf-8", "replace")

    def write(self, name: str, text: str) -> None:
        """Write a file."""
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")

    def commit(self, *names: str) -> tuple[int, str]:
        """Commit files, all if none is named."""
        self.run("git", "add", *(names or ("--all",)))
        return self.run("git", "commit", "--message", "a change")

    def commits(self) -> int:
        """Return how many commits there are."""
        code, told = self.run("git", "rev-list", "--count", "HEAD")
        return int(told) if code == 0 else 0


def make_hooks(folder: Path) -> dict[str, object]:
    """Make the repository of the hooks and their environment; return both as JSON, or under `without` why not."""
    variables = environment_variables(folder / "home")
    try:
        variables |= {"PIP_NO_COMPILE": "1", **wheels(folder / "wheels")}
    except NotMadeError as error:
        return {"without": f"no package index is in reach: {str(error).strip().splitlines()[-1]}"}
    commit = hook_repository(folder / "hooks", variables)
    environment = make_environment(folder / "project", folder / "hooks", commit, variables)
    return {"commit": commit, "environment": str(environment), "variables": variables}


def hooked_project(folder: Path, hooks: Hooks, *names: str) -> Project:
    """Make an empty repository with hooks of some names."""
    project = Project(folder / "project", hooks.variables)
    project.folder.mkdir()
    project.run("git", "init", "--quiet")
    project.write(".pre-commit-config.yaml", configuration(hooks.repository, hooks.commit, *names))
    assert project.run(sys.executable, "-m", "pre_commit", "install")[0] == 0
    return project
