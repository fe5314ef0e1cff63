"""Since when, and until when, torch has what rules ask about."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import Enum
from functools import cache
from importlib.resources import files

from optlint.torch_api.releases import Release, release
from optlint.torch_api.tables import tables


class Change(Enum):
    """Something that torch does since a release; `tables.toml` has the release, by the value."""

    SCHEDULER_AFTER_OPTIMIZER = "scheduler-after-optimizer"
    STEPS_COUNTED = "steps-counted"
    GET_LAST_LR = "get-last-lr"
    NONE_FOR_ZERO = "none-for-zero"
    PUBLIC_SCHEDULER = "public-scheduler"
    PLATEAU_GET_LAST_LR = "plateau-get-last-lr"
    VERBOSE_MUTE = "verbose-mute"
    CYCLED_BETAS = "cycled-betas"
    NAMED_PARAMETERS = "named-parameters"
    STRICT_ZIP = "strict-zip"


@dataclass(frozen=True, slots=True)
class Dates:
    """The first release that has something, and the first that has it no longer; None where neither is known.

    None for `since` also stands for what the oldest release read has, and None for `until` for what is still there.
    """

    since: Release | None = None
    until: Release | None = None


@dataclass(frozen=True, slots=True)
class History:
    """The releases whose sources were read, and the dates of what not all of them have, by dotted name."""

    releases: tuple[Release, ...]
    dates: dict[str, Dates]


def since(change: Change) -> Release:
    """Return the first release of torch with a change."""
    return tables().since[change.value]


def dates(name: str, member: str = "") -> Dates:
    """Return the dates of a class or function of torch, or of a parameter or method of it."""
    return history().dates.get(f"{name}.{member}" if member else name, Dates())


@cache
def history() -> History:
    """Return what `tooling/torch_history.py` has read in the sources of torch, read once."""
    data = json.loads(files("optlint.torch_api").joinpath("history.json").read_text("utf-8"))
    found: dict[str, Dates] = {}
    for name, change in data["changes"].items():
        found[name] = _dates(change)
        for kind in ("parameters", "methods"):
            found.update({f"{name}.{member}": _dates(each) for member, each in change.get(kind, {}).items()})
    return History(tuple(map(release, data["releases"])), found)


def _dates(change: dict[str, str]) -> Dates:
    return Dates(*(release(change[key]) if key in change else None for key in ("since", "until")))
