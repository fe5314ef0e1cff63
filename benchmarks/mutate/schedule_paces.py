"""Misuse of schedules: a length that is not that of the run, and a step in the wrong loop."""

from __future__ import annotations

from collections.abc import Iterator

from mutate.idioms import Idioms
from mutate.mutation import Mutation, misuse
from mutate.nested_schedules import nested
from mutate.schedule_lengths import counts_rounds, length_of, length_text, number_of, other_lengths, other_numbers
from mutate.stepped_schedules import is_always_run, is_beside_update, is_made_before, optimizer_of, stepped

_OF_EPOCHS = ("StepLR", "MultiStepLR", "CosineAnnealingLR", "PolynomialLR", "LinearLR", "ConstantLR", "OneCycleLR")
_OF_ONE_RUN = (("CosineAnnealingLR", "T_max"), ("PolynomialLR", "total_iters"))


@misuse("OPT405", "OPT407")
def once_an_epoch(idioms: Idioms) -> Iterator[Mutation]:
    """Step a schedule once an epoch whose length is that of all batches, as its text says."""
    for made, line, _ in stepped(idioms, "OneCycleLR", "CyclicLR", "CosineAnnealingLR", "PolynomialLR", "LinearLR"):
        loops = idioms.tree.loops(line.node)
        text = length_text(idioms, made)
        of_batches = "*" in text or "len(" in text if text else made.kind == "CyclicLR"
        of_batches = of_batches or idioms.argument(made.call, "steps_per_epoch") is not None
        if len(loops) > 1 and of_batches and is_always_run(idioms, line) and is_beside_update(idioms, made, line):
            yield Mutation(idioms.tree.moved_after(line, loops[0]), line.node)
    for each in nested(idioms):
        if each.batches:
            total = f"{each.epochs} * {each.batches}"
            for kind, length in _OF_ONE_RUN:
                texts = [each.text(idioms, kind, f"{length}={total}", per_batch) for per_batch in (False, True)]
                yield Mutation(texts[0], each.at, texts[1])


@misuse("OPT406", "OPT102")
def once_a_batch(idioms: Idioms) -> Iterator[Mutation]:
    """Step a schedule once a batch whose length is that of the epochs, as its text says."""
    for made, line, call in stepped(idioms, *_OF_EPOCHS):
        loops = idioms.tree.loops(line.node)
        if call.args or len(loops) != 1 or not is_made_before(idioms, made, line) or not is_always_run(idioms, line):
            continue
        if not counts_rounds(idioms, made, loops[0]):
            continue
        for update, optimizer in idioms.plain_steps():
            inner = idioms.tree.loops(update.node)
            if optimizer == optimizer_of(idioms, made) and len(inner) > 1 and loops[0] is inner[1]:
                yield Mutation(idioms.tree.moved_after(line, update.node), line.node)
    for each in nested(idioms):
        for kind, length in _OF_ONE_RUN:
            texts = [each.text(idioms, kind, f"{length}={each.epochs}", per_batch) for per_batch in (True, False)]
            yield Mutation(texts[0], each.at, texts[1])


@misuse("OPT407", "OPT405", "OPT406")
def other_length(idioms: Idioms) -> Iterator[Mutation]:
    """Tell a schedule another length than that of the loops which step it, where it is theirs, as the text says."""
    for made, line, _ in stepped(idioms):
        length = length_of(idioms, made)
        if length is not None and is_always_run(idioms, line) and is_beside_update(idioms, made, line):
            for wrong in other_lengths(idioms, made, idioms.tree.loops(line.node)):
                yield Mutation(idioms.tree.replaced(length, wrong), made.line.node)
    for each in nested(idioms):
        for kind, name in _OF_ONE_RUN:
            right = each.text(idioms, kind, f"{name}={each.epochs}", per_batch=False)
            for other in other_numbers(number_of(idioms, each.epochs)):
                yield Mutation(each.text(idioms, kind, f"{name}={other}", per_batch=False), each.at, right)
