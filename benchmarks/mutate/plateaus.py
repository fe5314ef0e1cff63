"""Misuse of a plateau's schedule: no metric, the wrong direction, batches for epochs."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import libcst as cst

from mutate.exchanged_schedules import with_plateau
from mutate.idioms import Idioms
from mutate.mutation import Mutation, misuse
from mutate.stepped_schedules import stepped


@misuse("OPT401")
def without_metric(idioms: Idioms) -> Iterator[Mutation]:
    """Step a plateau scheduler without its metric."""
    for _, line, call in stepped(idioms, "ReduceLROnPlateau"):
        if len(call.args) == 1:
            yield Mutation(idioms.tree.changed({call: call.with_changes(args=[])}), line.node)


@misuse("OPT413")
def wrong_mode(idioms: Idioms) -> Iterator[Mutation]:
    """Let a plateau scheduler wait for a loss to grow, or for an accuracy to fall."""
    yield from _also_with_plateau(idioms, _other_mode)


def _other_mode(idioms: Idioms) -> Iterator[Mutation]:
    for made, _, call in stepped(idioms, "ReduceLROnPlateau"):
        mode = idioms.argument(made.call, "mode")
        given = idioms.tree.code(call.args[0].value) if len(call.args) == 1 else ""
        grows = re.fullmatch(r"[\w.]*(?:accuracy|acc|auc|f1|score)", given) is not None
        falls = re.fullmatch(r"[\w.]*loss(?:\.item\(\))?", given) is not None
        if falls and made.call.args and mode is None and all(each.keyword for each in made.call.args[1:]):
            more = [*made.call.args, cst.Arg(cst.SimpleString("'max'"), keyword=cst.Name("mode"))]
            yield Mutation(idioms.tree.changed({made.call: made.call.with_changes(args=more)}), made.line.node)
        elif mode is not None and (falls or grows):
            other = "'min'" if grows else "'max'"
            if idioms.tree.code(mode.value).strip("\"'") != other.strip("'"):
                yield Mutation(idioms.tree.replaced(mode.value, other), made.line.node)


@misuse("OPT414", "OPT102")
def plateau_a_batch(idioms: Idioms) -> Iterator[Mutation]:
    """Step a plateau scheduler with the loss of each batch."""
    yield from _also_with_plateau(idioms, _each_batch)


def _each_batch(idioms: Idioms) -> Iterator[Mutation]:
    for _, line, call in stepped(idioms, "ReduceLROnPlateau"):
        for update in idioms.plain_updates():
            loops = idioms.tree.loops(update.step.node)
            if len(call.args) == 1 and len(loops) > 1 and loops[1] in idioms.tree.loops(line.node):
                owner = idioms.tree.code(call.func)
                step = cst.parse_statement(f"{owner}({update.loss}.item())")
                wrong = {
                    line.node: cst.RemovalSentinel.REMOVE,
                    update.step.node: cst.FlattenSentinel([update.step.node, step]),
                }
                yield Mutation(idioms.tree.changed(wrong), line.node)


def _also_with_plateau(idioms: Idioms, inject: Callable[[Idioms], Iterator[Mutation]]) -> Iterator[Mutation]:
    """Yield the mutations of a program, and of the program with a plateau scheduler in the place of its own."""
    yield from inject(idioms)
    for right, seen in with_plateau(idioms):
        for each in inject(seen):
            yield Mutation(each.text, each.at, right, seen.tree)
