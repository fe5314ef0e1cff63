"""Run optlint on a copy of the demo projects, as a person would: look, see the diff, verify, mend, look again.

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
    """Run the calls; raise `FileNotFoundError` where optlint is not installed beside this Python."""
    copy_projects()
    print(f"Three small training projects, copied to {COPY.name}/: {', '.join(PROJECTS)}.")
    found = optlint("check", "--output-format", "concise")
    say("One of them at length: how it comes about, what it does to a run, and what would mend it.")
    told = optlint("check", "--select", "OPT101", "image_classifier")
    shown = optlint("check", "--diff", "--unsafe-fixes")
    say("Each finding and its fix are replayed; the report has the curves and the scripts.")
    verified = optlint("verify", "--output-format", "concise", "--report", "report.html")
    say("Now only the fixes that a replay has validated are applied.")
    proven = optlint("check", "--fix", "--verified", "--show-fixes")
    say("What needs a second device to be proved is left, and its fix is safe by the rule's own promise.")
    optlint("check", "--fix", "--show-fixes")
    left = optlint("check")
    if (found, told, shown, verified, left) == (1, 1, 1, 1, 0) and proven in (0, 1):
        say(f"All that was found is mended. The report: {COPY / 'report.html'}")
        return 0
    say(
        f"This is not as it should be: the exit codes were {found}, {told}, {shown} and {verified} before the fixes "
        f"(1 is right), {proven} of the proven fixes (0 or 1 is right) and {left} after all of them (0 is right)."
    )
    return 1


if __name__ == "__main__":
    sys.exit(main())
