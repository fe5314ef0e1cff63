"""Acts that the fix of a rule may bring in or move, for they are what the rule is about."""

from __future__ import annotations

from collections.abc import Iterator

from optlint.program.events import Act
from optlint.property.alphabet import EventPattern
from optlint.property.patterns import Absence, Alternation, Existence, Precedence, Property, Response
from optlint.rule import Evidence, Rule

_OF_GRADIENTS = frozenset((Act.CLIP, Act.UNSCALE, Act.UPDATE_SCALE))


def acts_to_change(rule: Rule) -> tuple[Act, ...]:
    """What a rule's fix may do to gradients in another place or beside what was done: their due values judge it.

    What a rule does not speak of stays where it is.
    """
    if rule.evidence is not Evidence.GRADIENT:
        return ()
    acts = {act for pattern in _patterns(rule.property) for act in pattern.acts} & _OF_GRADIENTS
    if Act.UNSCALE in acts:
        acts.add(Act.UPDATE_SCALE)  # who makes a step the scaler's own has it updated as well
    return tuple(sorted(acts, key=lambda act: act.value))


def _patterns(rule_property: Property) -> Iterator[EventPattern]:
    match rule_property:
        case Absence(of=of, after=after, until=until):
            found = [of, after, until]
        case Alternation(of=of, separator=separator, renewed=renewed):
            found = [of, separator, renewed]
        case Existence(of=of, between=between, given=given):
            found = [of, between, given]
        case Precedence(first=first, then=then):
            found = [first, then]
        case Response(trigger=trigger, response=response, before=before, disarmed_by=disarmed):
            found = [trigger, response, before, disarmed]
        case _:
            found = []
    yield from (pattern for pattern in found if pattern is not None)
