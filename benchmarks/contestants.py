"""The tools that are measured side by side, and the environment of those that optlint's own would not stand."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
BENCH_VENV = ROOT / ".bench-venv"
REQUIREMENTS = ("TorchFix==0.7.0", "fixit==2.*", "torch-preflight==0.5.0")
_OWN = Path(sys.executable).parent
_OTHER = BENCH_VENV / "bin"


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool, the options it is called with, and how often it is run at most; `version` is what it calls itself."""

    name: str
    call: tuple[str | Path, ...]
    rounds: int
    version: str

    def command(self, path: str) -> Sequence[str | Path]:
        """Return the call on one path."""
        return (*self.call, path)

    @property
    def shown(self) -> str:
        """The call as a person would type it."""
        first, *rest = self.call
        return " ".join([Path(first).name, *map(str, rest)])


def set_up() -> None:
    """Make the environment with the tools that are not of optlint's own if it is not there.

    Raises:
        subprocess.CalledProcessError: pip fails, and has said why.
    """
    if all((_OTHER / name).exists() for name in ("torchfix", "fixit", "torch-preflight")):
        return
    print(f"Installing {', '.join(REQUIREMENTS)} into {BENCH_VENV.name}", flush=True)
    subprocess.run([sys.executable, "-m", "venv", BENCH_VENV], check=True)
    subprocess.run([_OTHER / "python", "-m", "pip", "install", "--quiet", *REQUIREMENTS], check=True)


def tools(rounds: int, slow_rounds: int) -> list[Tool]:
    """Return the tools, optlint first; each with all its rules on, one process where it can be told so."""
    wanted: list[tuple[str, Path, tuple[str, ...], int]] = [
        ("optlint", _OWN / "optlint", ("check", "--isolated", "--select", "ALL"), rounds),
        ("ruff", _OWN / "ruff", ("check", "--isolated", "--no-cache"), rounds),
        ("TorchFix", _OTHER / "torchfix", ("--select", "ALL", "-j", "1"), slow_rounds),
        ("Fixit", _OTHER / "fixit", ("lint",), slow_rounds),
        ("torch-preflight", _OTHER / "torch-preflight", ("check", "-j", "1", "--no-color"), slow_rounds),
    ]
    return [Tool(name, (path, *options), most, _version(path)) for name, path, options, most in wanted]


def bare_python() -> Sequence[str | Path]:
    """Return the call that does nothing: what every start of a Python program takes."""
    return (sys.executable, "-c", "pass")


def optlint_on(file: str) -> Sequence[str | Path]:
    """Return the call of a pre-commit hook on one file."""
    return (_OWN / "optlint", "check", file)


def _version(path: Path) -> str:
    told = subprocess.run([path, "--version"], capture_output=True, text=True, check=True).stdout
    return told.replace(",", " ").split()[-1]
