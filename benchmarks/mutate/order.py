"""Misuse of the order of a step: `step`, `zero_grad`, `backward` and the scheduler at the wrong place."""

from __future__ import annotations

import re
from collections.abc import Iterator

import libcst as cst

from mutate.idioms import Idioms, texts
from mutate.mutation import Mutation, misuse
from mutate.sight import is_driven_from_elsewhere, is_handed_on, is_made, trains_layers
from mutate.stepped_schedules import is_always_run
from mutate.tree import Line, bare, contains


@misuse("OPT101")
def scheduler_first(idioms: Idioms) -> Iterator[Mutation]:
    """Move the scheduler's step to the top of its loop, which is the first to make updates."""
    for line, _, call in idioms.scheduler_steps():
        loops = idioms.tree.loops(line.node)
        top = idioms.top_of(loops[0]) if loops else None
        if top is not None and top is not line.node and not call.args and line.node in idioms.tree.block(top):
            if is_always_run(idioms, line) and not _is_trained_above(idioms, loops[-1]):
                yield Mutation(idioms.tree.moved_before(line, top), line.node)


@misuse("OPT102")
def scheduler_twice(idioms: Idioms) -> Iterator[Mutation]:
    """Step the scheduler once more, directly below."""
    for line, _, _ in idioms.scheduler_steps():
        yield Mutation(idioms.tree.with_after(line.node, idioms.tree.code(line.node)), line.node)


@misuse("OPT103")
def never_cleared(idioms: Idioms) -> Iterator[Mutation]:
    """Delete all clearing of one receiver's gradients, where there is one optimizer, and it is made here.

    The loop of another package that runs the code may clear by itself, another optimizer that is given to a function
    may hold the same parameters, what else clears goes on doing so, and gradients that are written by hand are no sums.
    """
    stepped = list(texts(idioms.steps()))
    clearings = idioms.clearings() if len(idioms.optimizers) < 2 and len(stepped) == 1 else []
    if len(list(texts(clearings))) > 1 or re.search(r"\.grad(?:\.data)? = (?!None)", idioms.whole):
        return
    for owner in texts(clearings):
        lines = [line for line, each in clearings if each == owner]
        driven = any(is_driven_from_elsewhere(idioms, line.node) for line in lines)
        if is_made(idioms, stepped[0]) and not driven and not is_handed_on(idioms, stepped[0]):
            yield Mutation(idioms.tree.without(*lines), lines[0].node)


@misuse("OPT104")
def cleared_before_the_step(idioms: Idioms) -> Iterator[Mutation]:
    """Move the clearing between backward and step."""
    for line, owner in idioms.clearings():
        for step, stepped in idioms.steps():
            if stepped == owner and _before(idioms, line, step):
                yield Mutation(idioms.tree.moved_before(line, step.node), step.node)
                break


@misuse("OPT107")
def not_called(idioms: Idioms) -> Iterator[Mutation]:
    """Leave out the parentheses of a call without arguments."""
    plain = [*idioms.plain_steps(), *idioms.clearings(), *idioms.backwards()]
    plain += [(line, owner) for line, owner, _ in idioms.scheduler_steps()]
    for line, _ in plain:
        if line.call is not None and not line.call.args and isinstance(line.call.func, cst.Attribute):
            yield Mutation(idioms.tree.changed({line.call: line.call.func}), line.node)


@misuse("OPT105")
def step_first(idioms: Idioms) -> Iterator[Mutation]:
    """Move the step to the top of its loop, of an optimizer that is made outside of that and no other package gets."""
    for update in idioms.plain_updates():
        top = idioms.top_of(update.loop)
        if any(each.name == update.optimizer and contains(update.loop, each.line.node) for each in idioms.optimizers):
            continue
        if not is_made(idioms, update.optimizer) or is_handed_on(idioms, update.optimizer):
            continue
        if top is not None and top in idioms.tree.block(update.step.node):
            yield Mutation(idioms.tree.moved_before(update.step, top), update.step.node)


@misuse("OPT106")
def never_stepped(idioms: Idioms) -> Iterator[Mutation]:
    """Delete all steps of an optimizer that no scaler steps as well.

    Where a program handles `.grad` itself, gradients may be what it is for; an optimizer that a function returns is
    stepped by whoever gets it, and so may one be that another package gets, or that the loop of one steps. Another
    optimizer that is given the same uses the gradients.
    """
    if re.search(r"(?<!autograd)\.grad\b", idioms.whole) or not idioms.backwards():
        return
    steps = idioms.plain_steps()
    plain = {line.node for line, _ in steps}
    scaled = {owner for line, owner in idioms.steps() if line.node not in plain}
    for owner in texts(steps):
        if owner in scaled or is_handed_on(idioms, owner):
            continue
        if (owner.startswith("self.") and not _is_used(idioms)) or _is_doubled(idioms, owner):
            continue
        gone = rf"\breturn\b[^\n]*\b{re.escape(owner)}\b(?!\.)"
        lines = [line for line, each in steps if each == owner]
        driven = any(is_driven_from_elsewhere(idioms, line.node) for line in lines)
        if is_made(idioms, owner) and not driven and re.search(gone, idioms.tree.text) is None:
            yield Mutation(idioms.tree.without(*lines), lines[0].node)


@misuse("OPT110", "OPT103")
def leaking(idioms: Idioms) -> Iterator[Mutation]:
    """Delete all clearing of one of several optimizers.

    What another package prepares may clear by itself, and so may the loop of one.
    """
    clearings = idioms.clearings() if len(idioms.optimizers) > 1 else []
    for owner in texts(clearings):
        lines = [line for line, each in clearings if each == owner]
        elsewhere = any(is_driven_from_elsewhere(idioms, line.node) for line in lines) or is_handed_on(idioms, owner)
        if any(each.name == owner for each in idioms.optimizers) and not elsewhere:
            yield Mutation(idioms.tree.without(*lines), lines[0].node)


@misuse("OPT111")
def step_outside(idioms: Idioms) -> Iterator[Mutation]:
    """Take the step out of the batch loop, into the epoch loop around it.

    Where a scheduler steps in the batch loop, it would come first, which is another misuse.
    """
    for update in idioms.plain_updates():
        scheduled = any(contains(update.loop, line.node) for line, _, _ in idioms.scheduler_steps())
        if update.clearing is not None and idioms.tree.loops(update.loop) and not scheduled:
            yield Mutation(idioms.tree.moved_after(update.step, update.loop), update.step.node)


@misuse("OPT112")
def second_backward_too_late(idioms: Idioms) -> Iterator[Mutation]:
    """Run a second backward through the graph, after the step, for an update of its own."""
    for update in idioms.plain_updates():
        if update.backward.call is None or update.backward.call.args or not trains_layers(idioms, update.optimizer):
            continue
        first = cst.parse_statement(f"{update.loss}.backward(retain_graph=True)")
        clear = cst.parse_statement(f"{update.optimizer}.zero_grad()")
        second = cst.parse_statement(f"(2 * {update.loss}).backward()")
        right = idioms.tree.changed({update.backward.node: cst.FlattenSentinel([first, second])})
        again = [update.step.node, clear, second, bare(update.step.node)]
        wrong = idioms.tree.changed({update.backward.node: first, update.step.node: cst.FlattenSentinel(again)})
        yield Mutation(wrong, update.step.node, right)


def _is_doubled(idioms: Idioms, optimizer: str) -> bool:
    """Whether another optimizer is given something of the same name, or a part of it."""
    given: dict[str, set[str]] = {}
    for each in idioms.optimizers:
        words = re.findall(r"[A-Za-z_][\w.]*", idioms.tree.code(each.call.args[0])) if each.call.args else []
        given.setdefault(each.name, set()).update(word.removesuffix(".parameters") for word in words)
    shared = set.union(set(), *(names for other, names in given.items() if other != optimizer)) - {
        "list",
        "params",
        "lr",
    }
    return any(
        f"{name}.".startswith(f"{one}.") or f"{one}.".startswith(f"{name}.")
        for name in given.get(optimizer, ())
        for one in shared
    )


def _is_used(idioms: Idioms) -> bool:
    """Whether the program makes an instance of one of its classes: else whoever does so may make the steps."""
    classes = re.findall(r"(?m)^class (\w+)", idioms.tree.text)
    return any(re.search(rf"(?<!class ){name}\(", idioms.whole) for name in classes)


def _before(idioms: Idioms, line: Line, step: Line) -> bool:
    """Whether a line stands above another one in the same block."""
    block = list(idioms.tree.block(step.node))
    return line.node in block and block.index(line.node) < block.index(step.node)


def _is_trained_above(idioms: Idioms, loop: cst.For | cst.While) -> bool:
    """Whether updates are made above a loop, in its function: there, or in functions that are called there."""
    tree, row = idioms.tree, idioms.tree.row(loop)
    functions = [each for each in tree.nodes if isinstance(each, cst.FunctionDef) and ".step(" in tree.code(each)]
    names = {each.name.value for each in functions}
    return any(
        tree.row(line.node) < row
        and tree.function(line.node) is tree.function(loop)
        and (
            any(step is line for step, _ in idioms.steps())
            or any(tree.code(call.func).rpartition(".")[2] in names for call in _calls(line.node))
        )
        for line in tree.lines
    )


def _calls(node: cst.CSTNode) -> Iterator[cst.Call]:
    for child in node.children:
        if isinstance(child, cst.Call):
            yield child
        yield from _calls(child)
