"""What no script can do, so that a replay says nothing of it."""

from __future__ import annotations

from optlint.program.events import Act
from optlint.property.patterns import Response
from optlint.rule import Rule


def is_beyond_replay(rule: Rule) -> bool:
    """Whether a rule is about sharding, which takes several processes."""
    return isinstance(rule.property, Response) and Act.SHARD in rule.property.trigger.acts
