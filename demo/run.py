"""Run optlint on a copy of the demo projects, as a person would: look, see the diff, mend, look again.

The copy lies in the ignored folder `.demo/`. The exit code is 0 if optlint found something at first and nothing at
the end, else 1.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

PROJECTS = ("finetune", "gan", "image_classifier")
HERE = Path(__file__).parent
COPY = HERE.parent / ".demo"
OPTLINT = Path(sys.executable).with_name("optlint")


def copy_projects() -> None:
    """Replace the copy by fresh projects."""
    shutil.rmtree(COPY, ignore_errors=True)
    for project in PROJECTS:
        shutil.copytree(HERE / project, COPY / project, ignore=shutil.ignore_patterns("__pycache__"))


def say(text: str) -> None:
    """Print a heading, bold on a terminal."""
    wants_color = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    print(f"\n\033[1m{text}\033[0m\n" if wants_color else f"\n{text}\n", flush=True)


def optlint(*arguments: str) -> int:
    """Show and run one call in the folder of the copy, and return its exit code."""
    say(f"$ optlint {' '.join(arguments)}")
    return subprocess.run([OPTLINT, *arguments], cwd=COPY, check=False).returncode


def main() -> int:
    """Run the four calls; raise `FileNotFoundError` where optlint is not installed beside this Python."""
    copy_projects()
    print(f"Three small training projects, copied to {COPY.name}/: {', '.join(PROJECTS)}.")
    found = optlint("check")
    shown = optlint("check", "--diff", "--unsafe-fixes")
    optlint("check", "--fix", "--unsafe-fixes", "--show-fixes")
    left = optlint("check")
    if (found, shown, left) == (1, 1, 0):
        say("All that was found is mended.")
        return 0
    say(
        f"This is not as it should be: the exit codes were {found} and {shown} before the fixes (1 is right) "
        f"and {left} after them (0 is right)."
    )
    return 1


if __name__ == "__main__":
    sys.exit(main())
