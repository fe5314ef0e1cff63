"""What no script can do, so that a replay says nothing of it."""

from __future__ import annotations

from optlint.program.events import Act
from optlint.property.patterns import Absence, Response
from optlint.rule import Rule


def is_beyond_replay(rule: Rule) -> bool:
    """Whether a rule is about sharding, which takes several processes."""
    match rule.property:
        case Response(trigger=told) | Absence(of=told):
            return Act.SHARD in told.acts
        case _:
            return False
