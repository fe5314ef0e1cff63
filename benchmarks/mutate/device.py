"""Misuse of devices and types: what is moved too late, or in vain."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import libcst as cst

from mutate.idioms import Idioms
from mutate.mutation import Mutation, misuse
from mutate.sight import is_driven_from_elsewhere, is_handed_on, is_made, models_of
from mutate.tree import Line, contains, statement

_MOVES = ("to", "cuda", "half", "double")


def _moves(idioms: Idioms) -> Iterator[tuple[Line, str, cst.Call]]:
    """Yield the lines that move a model: `model.to(device)`, `model = model.to(device)`."""
    for line in idioms.tree.lines:
        call = line.call
        if call is None and line.assigned is not None and isinstance(line.assigned[1], cst.Call):
            call = line.assigned[1]
            if isinstance(call.func, cst.Attribute) and not line.assigned[0].deep_equals(call.func.value):
                continue
        if call is not None and isinstance(call.func, cst.Attribute) and call.func.attr.value in _MOVES:
            yield line, idioms.tree.code(call.func.value), call


@misuse("OPT301", harmless=True)
def moved_too_late(idioms: Idioms) -> Iterator[Mutation]:
    """Move a model below the optimizer over it, or move one there that did not move before.

    One that is on its device already stays there.
    """
    models = models_of(idioms)
    for line, model, _ in _moves(idioms):
        made = models.get(model)
        if made is not None and line.node in idioms.tree.block(made.line.node):
            yield Mutation(idioms.tree.moved_after(line, made.line.node), line.node)
    for model, made in models.items():
        if not _is_moved(idioms, model):
            yield Mutation(idioms.tree.with_after(made.line.node, f"{model}.cuda()"), made.line.node)


@misuse("OPT302", "OPT301", harmless=True)
def loaded_too_early(idioms: Idioms) -> Iterator[Mutation]:
    """Load the optimizer's state, and move the model after that, where it did not move before, and no state is loaded.

    A model that is on its device already stays there.
    """
    if re.search(r"opt\w*\.load_state_dict\(", idioms.whole):
        return
    for model, made in models_of(idioms).items():
        if _is_moved(idioms, model):
            continue
        load = f"{made.name}.load_state_dict(torch.load('optimizer.pt'))"
        right = idioms.tree.with_after(made.line.node, load)
        yield Mutation(idioms.tree.with_after(made.line.node, load, f"{model}.cuda()"), made.line.node, right)


def _is_moved(idioms: Idioms, model: str) -> bool:
    """Whether a program moves a model, or something else of that name, or has it made on a device."""
    name = re.escape(model.rpartition(".")[2])
    return re.search(rf"\b{name}\.(?:to|cuda)\(|\b{name} = [^\n]*(?:\.(?:to|cuda)\(|device)", idioms.whole) is not None


@misuse("OPT303", harmless=True)
def not_a_leaf(idioms: Idioms) -> Iterator[Mutation]:
    """Move a tensor that the optimizer is given, where it is made."""
    given = {idioms.tree.code(each.call.args[0].value) for each in idioms.optimizers if each.call.args}
    names = {name for text in given if text.startswith("[") for name in re.findall(r"[\w.]+", text)}
    for line in idioms.tree.lines:
        if line.assigned is not None and isinstance(line.assigned[1], cst.Call):
            text = idioms.tree.code(line.assigned[1])
            if idioms.tree.code(line.assigned[0]) in names and "requires_grad=True" in text:
                yield Mutation(idioms.tree.replaced(line.assigned[1], f"{text}.cuda()"), line.node)


@misuse("OPT304", harmless=True)
def moved_in_vain(idioms: Idioms) -> Iterator[Mutation]:
    """Drop what a tensor's move returns."""
    for line in idioms.tree.lines:
        if line.assigned is not None and idioms.tree.loops(line.node):
            target, value = line.assigned
            pairs = [(target, value)]
            if isinstance(target, cst.Tuple) and isinstance(value, cst.Tuple):
                pairs = [(one.value, two.value) for one, two in zip(target.elements, value.elements, strict=False)]
            moves = [idioms.tree.code(call) for name, call in pairs if _moves_itself(idioms, name, call)]
            if moves and len(moves) == len(pairs) and _are_tensors(idioms, line.node, pairs):
                wrong = cst.FlattenSentinel([*map(statement, moves)])
                yield Mutation(idioms.tree.changed({line.node: wrong}), line.node)
    for call in idioms.tree.calls():
        given = call.args[0].value if call.args else None
        stated = idioms.tree.line_of(call)
        if isinstance(given, cst.Call) and isinstance(given.func, cst.Attribute) and stated is not None:
            owner = given.func.value
            if not isinstance(owner, cst.Name) or given.func.attr.value not in ("to", "cuda"):
                continue
            if (
                _are_tensors(idioms, stated.node, [(owner, given)])
                and idioms.is_module(idioms.tree.code(call.func))
                and idioms.tree.loops(stated.node)
            ):
                text = idioms.tree.code(stated.node).replace(idioms.tree.code(given), owner.value)
                above = cst.FlattenSentinel([statement(idioms.tree.code(given)), statement(text)])
                yield Mutation(idioms.tree.changed({stated.node: above}), stated.node)

    for loop in idioms.tree.nodes:
        if isinstance(loop, cst.For) and isinstance(loop.target, cst.Tuple) and idioms.top_of(loop) is not None:
            names = [idioms.tree.code(each.value) for each in loop.target.elements]
            listed = re.fullmatch(r"[\w.]*(?:load|batch|data)\w*", idioms.tree.code(loop.iter)) is not None
            moved = any(f".{method}(" in idioms.tree.code(loop) for method in _MOVES)
            trained = any(contains(loop, line.node) for line, _ in idioms.backwards())
            if listed and trained and not moved and all(name.isidentifier() for name in names):
                top = idioms.top_of(loop)
                assert top is not None
                right = idioms.tree.with_before(top, *(f"{name} = {name}.cuda()" for name in names))
                yield Mutation(idioms.tree.with_before(top, *(f"{name}.cuda()" for name in names)), top, right)


def _are_tensors(
    idioms: Idioms, at: cst.CSTNode, pairs: Sequence[tuple[cst.BaseExpression, cst.BaseExpression]]
) -> bool:
    """Whether names are those of tensors by what they are given: by torch, or as parts of what a loader gives.

    Batches of other packages move in place.
    """
    function = idioms.tree.function(at)
    own = [each for each in idioms.tree.lines if idioms.tree.function(each.node) is function]
    found = set(re.findall(r"(?m)^ *(\w+) = torch\.[a-z]\w*\(", "\n".join(idioms.tree.code(each.node) for each in own)))
    for parts in re.findall(r"\bfor ([^:]+) in [^:]*load[^:]*:", idioms.whole):
        found.update(re.findall(r"\w+", parts) if "," in parts else ())
    return {idioms.tree.code(name) for name, _ in pairs} <= found


def _moves_itself(idioms: Idioms, target: cst.BaseExpression, call: cst.BaseExpression) -> bool:
    """Whether a name is given what itself becomes when it is moved, and is no model."""
    if not isinstance(call, cst.Call) or not isinstance(call.func, cst.Attribute) or not isinstance(target, cst.Name):
        return False
    moves = call.func.attr.value in ("to", "cuda") and target.deep_equals(call.func.value)
    return moves and not idioms.is_module(target.value)


@misuse("OPT305", "OPT205", harmless=True)
def sharded_too_late(idioms: Idioms) -> Iterator[Mutation]:
    """Shard the model after the optimizer was made."""
    for model, made in models_of(idioms).items():
        shard = ("from torch.distributed.fsdp import fully_shard", f"fully_shard({model})")
        right = idioms.tree.with_before(made.line.node, *shard)
        yield Mutation(idioms.tree.with_after(made.line.node, *shard), made.line.node, right)


@misuse("OPT306", harmless=True)
def half_precision(idioms: Idioms) -> Iterator[Mutation]:
    """Halve the model for an optimizer whose epsilon is nothing in half precision.

    It has to step by itself: a scaler refuses gradients of float16, and another package that prepares an optimizer, or
    runs the steps, may do otherwise. A model that goes back to float32 may do so for the step.
    """
    plain = [(line, owner) for line, owner in idioms.plain_steps() if not is_driven_from_elsewhere(idioms, line.node)]
    scaled = {owner for line, owner in idioms.steps() if line.call is not None and line.call.args}
    stepped = {owner for _, owner in plain} - scaled
    for model, made in models_of(idioms).items():
        own = made.name in stepped and is_made(idioms, made.name) and not is_handed_on(idioms, made.name)
        back = re.search(rf"\b{re.escape(model)}\.float\(\)", idioms.whole) is not None
        divides = made.kind in ("Adam", "AdamW", "RMSprop", "NAdam") and idioms.argument(made.call, "eps") is None
        if own and divides and not back:
            yield Mutation(idioms.tree.with_before(made.line.node, f"{model}.half()"), made.line.node)
