"""Misuse of constructions: an optimizer or a scheduler that a loop makes anew."""

from __future__ import annotations

import re
from collections.abc import Iterator

import libcst as cst

from mutate.idioms import SCHEDULERS, Idioms, Made, mentions
from mutate.mutation import Mutation, misuse
from mutate.tree import REMOVED, Line, bare, contains


@misuse("OPT108")
def optimizer_anew(idioms: Idioms) -> Iterator[Mutation]:
    """Make the optimizer, and the schedulers on it, at the top of the loop that steps it, or of the one around that."""
    for each in idioms.optimizers:
        keeps_nothing = each.kind == "SGD" and not re.search(
            r"momentum=(?!0[,)]|0\.0[,)])", idioms.tree.code(each.call)
        )
        given = idioms.tree.code(each.call.args[0]) if each.call.args else ""
        if keeps_nothing or each.kind == "ASGD" or "parameters()" not in given:
            continue  # parameters that come out of a name may be an iterator, which is used up the second time
        for step, owner in idioms.steps():
            loops = idioms.tree.loops(step.node)
            if owner == each.name and loops:
                # Where layers are frozen, thawed or added, a new optimizer may be right.
                if re.search(r"requires_grad|add_param_group", idioms.tree.code(loops[-1])) is None:
                    yield from _made_in(idioms, each, loops[:2][-1], step)
                break


@misuse("OPT109")
def scheduler_anew(idioms: Idioms) -> Iterator[Mutation]:
    """Make the scheduler at the top of the innermost loop that steps it and its optimizer."""
    for each in idioms.schedulers:
        if each.kind in ("ExponentialLR", "MultiplicativeLR", "ReduceLROnPlateau"):
            continue  # these go on from the rate that is there
        stepped = {owner: line for line, owner in idioms.steps()}
        driven = idioms.tree.code(each.call.args[0].value) if each.call.args else ""
        if len([one for one in idioms.schedulers if mentions(idioms.tree.code(one.call), driven)]) > 1:
            continue  # in which order they are made says from which rates they start
        for step, owner, call in idioms.scheduler_steps():
            loops = idioms.tree.loops(step.node)
            if owner == each.name and loops and not call.args:  # an epoch that is given says how far the schedule is
                if driven in stepped and contains(loops[0], stepped[driven].node):
                    yield from _made_in(idioms, each, loops[0], step)
                    break


def _made_in(idioms: Idioms, made: Made, loop: cst.For | cst.While, step: Line) -> Iterator[Mutation]:
    """Yield the text in which something is made at the top of a loop, with the schedulers that belong to it.

    Nothing else may take hold of what is made before the loop begins, for it would keep what the loop has done with.
    """
    tree, top = idioms.tree, idioms.top_of(loop)
    outermost = tree.loops(step.node)[-1]
    block = list(tree.block(outermost))
    if top is None or made.line.node not in block or block.index(made.line.node) > block.index(outermost):
        return
    before = block[: block.index(outermost)]
    near = [each for each in idioms.made if each.line.node in before and each.kind in SCHEDULERS]
    moved = [made]
    for _ in near:
        texts_of = " ".join(tree.code(each.call) for each in moved if each.kind in SCHEDULERS)
        for each in near:
            on_it = any(mentions(tree.code(each.call), other.name) for other in moved)
            if each not in moved and (on_it or mentions(texts_of, each.name)):
                moved.append(each)
    nodes = [each for each in before if any(each is other.line.node for other in moved)]
    others = [tree.code(each) for each in before[before.index(nodes[0]) :] if each not in nodes]
    names = {each.name for each in moved}
    bound = [each.name for each in idioms.made if each.name in names]
    if len(bound) == len(names) and not any(mentions(text, name) for text in others for name in names):
        again = [bare(each) for each in nodes if isinstance(each, cst.SimpleStatementLine)]
        changes = {**dict.fromkeys(nodes, REMOVED), top: cst.FlattenSentinel([*again, top])}
        yield Mutation(tree.changed(changes), step.node)
