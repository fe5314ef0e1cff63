"""Which device scripts run on: the one that was asked for, or the best that answers; for workers, which know torch."""

from __future__ import annotations

import os
import select
from collections.abc import Callable
from contextlib import suppress

import torch

PATIENCE = 120.0
"""Seconds that a device may take to answer."""
_INSTEAD = "or take `--device cpu`"


class NoDeviceError(Exception):
    """The device that was asked for is not there; the message says so, and what to do."""


def chosen(wanted: str) -> str:
    """The device for `auto`, `cpu`, `cuda`, `cuda:1` or `mps`, which answers.

    Raises:
        NoDeviceError: It is not there.
    """
    if wanted != "auto":
        _demand(wanted)
        return wanted
    for kind in ("cuda", "mps"):
        with suppress(NoDeviceError):
            _demand(kind)
            return kind
    return "cpu"


def _demand(wanted: str) -> None:
    kind, _, number = wanted.partition(":")
    if kind == "cpu":
        return
    why = _why_no_cuda(int(number or 0)) if kind == "cuda" else _why_no_mps()
    why = why or answer_of(lambda: torch.zeros(1, device=wanted).add_(1).item())
    if why:
        raise NoDeviceError(f"there is no device `{wanted}`: {why}")


def _why_no_cuda(number: int) -> str:
    if torch.version.cuda is None and torch.version.hip is None:
        return f"torch {torch.__version__} is built without CUDA; install a build that has it, {_INSTEAD}"
    if not torch.cuda.is_available():
        return f"torch finds no GPU; look at the driver and at `CUDA_VISIBLE_DEVICES`, {_INSTEAD}"
    count = torch.cuda.device_count()
    if number >= count:
        there = "`cuda:0` alone" if count == 1 else f"`cuda:0` to `cuda:{count - 1}`"
        return f"there is {there}; take one that is there, {_INSTEAD}"
    return ""


def _why_no_mps() -> str:
    if not torch.backends.mps.is_built():
        return f"torch {torch.__version__} is built without MPS, which only macOS has; take `--device cpu`"
    return "" if torch.backends.mps.is_available() else "this Mac, or its macOS, has no MPS; take `--device cpu`"


def answer_of(use: Callable[[], object], patience: float = PATIENCE) -> str:
    """Why a device cannot be used, or nothing; it is tried in a fork, for later forks may not inherit its state."""
    if not hasattr(os, "fork"):
        return _complaint(use)
    incoming, outgoing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(outgoing, _complaint(use).encode() + b"\n")
        finally:
            os._exit(0)
    os.close(outgoing)
    ready, _, _ = select.select([incoming], [], [], patience)
    answer = os.read(incoming, 4096) if ready else b""
    os.close(incoming)
    with suppress(ProcessLookupError):
        os.kill(child, 9)
    os.waitpid(child, 0)
    if answer.endswith(b"\n"):
        return answer.decode(errors="replace").strip()
    return f"it {'ends the process that uses it' if ready else 'does not answer'}; {_INSTEAD[3:]}"


def _complaint(use: Callable[[], object]) -> str:
    try:
        use()
    except Exception as error:
        first = str(error).partition("\n")[0]
        return f"it does not work ({type(error).__name__}: {first}); {_INSTEAD[3:]}"
    return ""
