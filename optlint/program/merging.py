"""Objects made in the arms of a branch, of which either may be the one that goes on: the two become one."""

from __future__ import annotations

from optlint.program.objects import Model, Object, Optimizer, ParameterIterator, Scaler, Scheduler, canonical


def merge(first: Object, second: Object) -> bool:
    """Make two objects one, where both are optimizers, schedulers, scalers, whole models or parameter iterators.

    Returns whether it was done; objects of different kinds stay apart.
    """
    first, second = canonical(first), canonical(second)
    if first is second:
        return True
    match first, second:
        case Optimizer(), Optimizer():
            first.classes |= second.classes
            first.sources = tuple(dict.fromkeys((*first.sources, *second.sources)))
            first.complete = first.complete and second.complete
            first.info = first.info if first.info is second.info else None
            first.groups = first.groups if first.groups == second.groups else None
            first.given = tuple(dict.fromkeys((*first.given, *second.given)))
            first.taken_from = tuple(dict.fromkeys((*first.taken_from, *second.taken_from)))
            first.constructions = tuple(dict.fromkeys((*first.constructions, *second.constructions)))
        case Scheduler(), Scheduler():
            first.classes |= second.classes
            first.optimizers = tuple(dict.fromkeys(map(canonical, (*first.optimizers, *second.optimizers))))
            first.children = tuple(dict.fromkeys((*first.children, *second.children)))
            first.constructions = tuple(dict.fromkeys((*first.constructions, *second.constructions)))
            first.info = first.info if first.info is second.info else None
        case ParameterIterator(), ParameterIterator() if first.named == second.named:
            first.sources = tuple(dict.fromkeys((*first.sources, *second.sources)))
            first.one_shot = first.one_shot and second.one_shot
            first.complete = first.complete and second.complete
        case Model(), Model() if first.parent is None and second.parent is None:
            first.has_parameters = first.has_parameters or second.has_parameters
            first.info = first.info if first.info is second.info else None
            for name, part in second.parts.items():
                if name in first.parts:
                    _merge_part(first.parts[name], part)
                else:
                    first.parts[name] = part
                    part.parent = first
        case Scaler(), Scaler():
            first.enabled = first.enabled if first.enabled is second.enabled else None
        case _:
            return False
    first.confidence = min(first.confidence, second.confidence)
    second.merged_into = first
    return True


def _merge_part(first: Model, second: Model) -> None:
    """Make two parts of merged modules one."""
    first, second = canonical(first), canonical(second)
    if first is second:
        return
    second.merged_into = first
    for name, part in second.parts.items():
        if name in first.parts:
            _merge_part(first.parts[name], part)
        else:
            first.parts[name] = part
            part.parent = first
