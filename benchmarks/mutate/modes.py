"""Misuse of training and evaluation mode, injected into programs that know both, or that are given both first."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import libcst as cst

from mutate.idioms import Idioms, again
from mutate.mutation import Mutation, misuse
from mutate.sight import models_of
from mutate.tree import Line, contains, statement

_WITH_MODES = re.compile(r"Dropout|BatchNorm|TransformerEncoder|models\.\w+net|from_pretrained|dropout=")


@misuse("OPT512", harmless=True)
def left_in_evaluation(idioms: Idioms) -> Iterator[Mutation]:
    """Evaluate at the end of each epoch, and go on training without `train()`, or with the one above the loop alone."""
    yield from _without_train(idioms, None)
    if ".train()" in idioms.whole or ".eval()" in idioms.whole:
        return
    for update in idioms.plain_updates():
        model = next((model for model, made in models_of(idioms).items() if made.name == update.optimizer), None)
        names = (update.optimizer, model or "")
        loops = [each for each in idioms.tree.loops(update.step.node) if not _makes(idioms, each, names)]
        top, end = (idioms.top_of(loops[-1]), idioms.end_of(loops[-1])) if loops else (None, None)
        if model is None or "." in model.removeprefix("self.") or top is None or end is None or top is end:
            continue  # a part of a model may be one that knows no modes
        changes: dict[cst.CSTNode, object] = {
            top: cst.FlattenSentinel([statement(f"{model}.train()"), top]),
            end: cst.FlattenSentinel([end, statement(f"{model}.eval()")]),
        }
        layers = idioms.sequential(model)
        if layers is not None and not _WITH_MODES.search(idioms.whole):
            dropout = cst.Arg(cst.parse_expression(f"{_package(idioms, layers)}Dropout(0.1)"))
            changes[layers] = layers.with_changes(args=[*layers.args[:-1], dropout, layers.args[-1]])
        elif not _WITH_MODES.search(idioms.whole):
            continue
        right = idioms.tree.changed(changes)
        yield from _without_train(again(idioms, right), right)


def _without_train(idioms: Idioms, right: str | None) -> Iterator[Mutation]:
    """Yield the texts without the only `train()`, where the loop around it comes to an `eval()` after an update."""
    trains = [line for line, _, call in idioms.method("train") if not call.args]
    if len(trains) != 1 or not _WITH_MODES.search(idioms.whole) or idioms.whole.count(".train(") != 1:
        return
    line, owner = trains[0], next(owner for each, owner, _ in idioms.method("train") if each is trains[0])
    loop = _loop(idioms, line)
    if loop is None or not _evaluates_last(idioms, loop, owner, line):
        return
    tree = idioms.tree if right is not None else None
    yield Mutation(idioms.tree.without(line), line.node, right, tree)
    if contains(loop, line.node):
        yield Mutation(idioms.tree.moved_before(line, loop), line.node, right, tree)


def _loop(idioms: Idioms, line: Line) -> cst.For | cst.While | None:
    """Return the outermost loop around a line, or around the only call of the function that it stands in."""
    loops = idioms.tree.loops(line.node)
    if loops:
        return loops[-1]
    function = idioms.tree.function(line.node)
    name = function.name.value if function is not None else ""
    calls = [each for each in idioms.tree.calls() if re.fullmatch(rf"(self\.)?{name}", idioms.tree.code(each.func))]
    around = idioms.tree.loops(calls[0]) if name and len(calls) == 1 else []
    return around[-1] if around else None


def _evaluates_last(idioms: Idioms, loop: cst.For | cst.While, owner: str, train: Line) -> bool:
    """Whether a loop goes into evaluation mode, here or in a function that it calls, below what trains."""
    name = owner.rpartition(".")[2]
    own = [line for line, other, _ in idioms.method("eval") if other.rpartition(".")[2] == name]
    if len(own) != idioms.whole.count(".eval("):
        return False
    for line in own:
        function = idioms.tree.function(line.node)
        called = function is not None and re.search(rf"\b{function.name.value}\(", idioms.tree.code(loop)) is not None
        guarded = any(isinstance(each, cst.If) for each in idioms.tree.around(line.node))
        if (
            not guarded
            and (contains(loop, line.node) or called)
            and idioms.tree.row(line.node) > idioms.tree.row(train.node)
        ):
            return any(idioms.steps())
    return False


def _makes(idioms: Idioms, loop: cst.CSTNode, names: Sequence[str]) -> bool:
    """Whether a loop makes an object of one of some names anew in each pass: that begins another training."""
    return any(
        line.assigned is not None and idioms.tree.code(line.assigned[0]) in names and contains(loop, line.node)
        for line in idioms.tree.lines
    )


def _package(idioms: Idioms, layers: cst.Call) -> str:
    """Return what stands before the name of a class of layers, with its dot."""
    return idioms.tree.code(layers.func).removesuffix("Sequential")
