"""Parameter groups that come after the schedulers of their optimizer, and schedulers that a fix builds later."""

from __future__ import annotations

import re

from optlint.program.events import Act
from optlint.replay.trace import Kind, Thing, Trace

_BY_GROUP = re.compile(r"\b(?P<name>base_lrs|max_lrs|min_lrs)=\[(?P<values>[^\]]*)\]")
"""Options of a scheduler that have one value for each group."""


def has_late_groups(trace: Trace, scheduler: Thing) -> bool:
    """Whether the optimizer of a scheduler gets a group after the scheduler was built."""
    if scheduler.kind is not Kind.SCHEDULER or scheduler.optimizer is None:
        return False
    built = False
    for each in trace.happenings:
        built = built or (each.act is Act.NEW and scheduler.number in each.things)
        if built and each.act is Act.ADD_GROUP and scheduler.optimizer in each.things:
            return True
    return False


def is_of_more_groups(before: str, after: str) -> bool:
    """Whether two options of schedulers are the same, but that the second has further groups behind those of the first.

    The options are as `optlint.replay.options` writes them.
    """
    if _BY_GROUP.sub("", before) != _BY_GROUP.sub("", after):
        return False
    pairs = zip(_BY_GROUP.finditer(before), _BY_GROUP.finditer(after), strict=False)
    return all(
        then["name"] == now["name"] and f"{now['values']}, ".startswith(f"{then['values']}, ") for then, now in pairs
    )
