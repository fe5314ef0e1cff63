"""The environment that pre-commit makes for the hooks of this package: made from a copy of the source, and weighed.

python benchmarks/hook_environment.py     needs `pre-commit`, git and a package index; prints how large it is
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parent.parent
SOURCES = (".pre-commit-hooks.yaml", "pyproject.toml", "README.md", "LICENSE", "optlint", "rules")
"""What the package and its hooks are made of."""
MEBIBYTE = 2**20


class NotMadeError(Exception):
    """The environment could not be made; the text is what pre-commit said."""


def environment_variables(home: Path) -> dict[str, str]:
    """Return variables under which git and pre-commit know no user, no settings and no folder but `home`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "PRE_COMMIT"))}
    person = {f"GIT_{role}_{part}": value for role in ("AUTHOR", "COMMITTER") for part, value in _PERSON.items()}
    own = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "PRE_COMMIT_HOME": str(home)}
    return {**kept, **person, **own}


_PERSON = {"NAME": "A Developer", "EMAIL": "developer@example.com", "DATE": "2024-01-01T00:00:00+0000"}


def hook_repository(folder: Path, variables: Mapping[str, str], source: Path = ROOT) -> str:
    """Make a git repository of the package's source in a folder; return its only commit."""
    folder.mkdir(parents=True)
    for name in SOURCES:
        if (source / name).is_dir():
            shutil.copytree(source / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source / name, folder / name)
    for call in (("init", "--quiet"), ("add", "--all"), ("commit", "--quiet", "--message", "The hooks")):
        subprocess.run(["git", *call], cwd=folder, env=variables, check=True)
    told = subprocess.run(["git", "rev-parse", "HEAD"], cwd=folder, env=variables, check=True, capture_output=True)
    return told.stdout.decode().strip()


def configuration(hooks: Path, commit: str, *names: str) -> str:
    """Return the text of a `.pre-commit-config.yaml` that takes hooks from a repository."""
    listed = "".join(f"      - id: {name}\n" for name in names)
    return f"repos:\n  - repo: {hooks.as_posix()}\n    rev: {commit}\n    hooks:\n{listed}"


def wheels(folder: Path, source: Path = ROOT) -> dict[str, str]:
    """Fetch all that the package is built with and needs into a folder; return variables that keep pip to it.

    Raises:
        NotMadeError: there is no package index in reach, or it lacks something.
    """
    told = tomllib.loads((source / "pyproject.toml").read_text("utf-8"))
    wanted = [*told["build-system"]["requires"], *told["project"]["dependencies"]]
    call = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--quiet",
        "--retries=1",
        "--timeout=20",
        "--dest",
        str(folder),
        *wanted,
    ]
    done = subprocess.run(call, capture_output=True, text=True, errors="replace")
    if done.returncode != 0:
        raise NotMadeError(done.stdout + done.stderr)
    return {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(folder)}


def make_environment(project: Path, hooks: Path, commit: str, variables: Mapping[str, str]) -> Path:
    """Let pre-commit make the environment of the hooks for a new git repository; return the environment's folder.

    Raises:
        NotMadeError: pre-commit failed.
    """
    project.mkdir()
    subprocess.run(["git", "init", "--quiet"], cwd=project, env=variables, check=True)
    (project / ".pre-commit-config.yaml").write_text(configuration(hooks, commit, "optlint-check"), "utf-8")
    call = [sys.executable, "-m", "pre_commit", "install-hooks"]
    done = subprocess.run(call, cwd=project, env=variables, capture_output=True, text=True, errors="replace")
    if done.returncode != 0:
        raise NotMadeError(done.stdout + done.stderr)
    [environment] = Path(variables["PRE_COMMIT_HOME"]).glob("repo*/py_env-*")
    return environment


def python_of(environment: Path) -> Path:
    """Return the interpreter of an environment."""
    return environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def sizes(environment: Path) -> dict[str, int]:
    """Return the bytes of each package of an environment, by its folder or file, and of all of it under `total`."""
    [packages] = {file.parent for file in environment.rglob("libcst") if file.parent.name == "site-packages"}
    found = {each.name: _size(each) for each in sorted(packages.iterdir()) if not each.name.startswith("__")}
    return {**found, "total": _size(environment)}


def _size(path: Path) -> int:
    if path.is_file():
        return path.stat().st_size
    return sum(each.stat().st_size for each in path.rglob("*") if each.is_file() and not each.is_symlink())


def main() -> int:
    """Make the environment in a folder of its own, and print what it weighs."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        try:
            variables = environment_variables(folder / "home") | wheels(folder / "wheels")
            commit = hook_repository(folder / "hooks", variables)
            found = sizes(make_environment(folder / "project", folder / "hooks", commit, variables))
        except NotMadeError as error:
            sys.exit(f"The environment could not be made: {error}")
    for name, size in sorted(found.items(), key=lambda each: -each[1]):
        if size >= MEBIBYTE / 10:
            print(f"{size / MEBIBYTE:7.1f} MiB  {name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
