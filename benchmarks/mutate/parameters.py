"""Misuse of parameters and groups: what the optimizer is given, and what it still holds later on."""

from __future__ import annotations

import re
from collections.abc import Iterator

import libcst as cst

from mutate.idioms import Idioms, Made
from mutate.mutation import Mutation, misuse
from mutate.sight import is_driven_from_elsewhere, is_handed_on, models_of
from mutate.tree import contains


def _frozen(layer: str, flag: bool, indent: str = "") -> str:
    """Return the statement that freezes or thaws a layer."""
    return f"{indent}for parameter in {layer}.parameters():\n{indent}    parameter.requires_grad = {flag}\n"


def _layer(idioms: Idioms, model: str) -> str:
    """Return the text of the first layer that has parameters, of a model that a program makes as a sequence."""
    call = idioms.sequential(model)
    layers = [] if call is None else [idioms.tree.code(each.value) for each in call.args]
    if any(text.startswith("*") for text in layers):
        return ""
    return next((f"{model}[{i}]" for i, text in enumerate(layers) if _WITH_PARAMETERS.search(text)), "")


_WITH_PARAMETERS = re.compile(r"\bnn\.(?:\w*Linear|Conv\w+|Embedding|BatchNorm\w+|LayerNorm)\(")
_DECAYING = ("SGD", "Adam", "AdamW", "NAdam", "RAdam", "Adamax", "Adagrad", "Adadelta", "RMSprop", "ASGD")


def _given(idioms: Idioms) -> Iterator[tuple[str, Made, cst.BaseExpression]]:
    """Yield the models, each with its optimizer and what that is given."""
    return ((model, made, made.call.args[0].value) for model, made in models_of(idioms).items())


def _divided(idioms: Idioms) -> Iterator[tuple[str, Made, cst.For]]:
    """Yield models of several layers that a program indexes, each with its optimizer and the epoch loop."""
    for model, made in models_of(idioms).items():
        loop = _epoch_loop(idioms, made)
        if _layer(idioms, model) and loop is not None:
            yield model, made, loop


def _epoch_loop(idioms: Idioms, made: Made) -> cst.For | None:
    """Return the outermost loop in which an optimizer steps, in the function that makes it, counted by a name."""
    for step, owner in idioms.steps():
        loops = idioms.tree.loops(step.node)
        if owner == made.name and loops and idioms.tree.function(step.node) is idioms.tree.function(made.line.node):
            loop = loops[-1]
            return loop if isinstance(loop, cst.For) and isinstance(loop.target, cst.Name) else None
    return None


@misuse("OPT201", harmless=True)
def frozen_and_given(idioms: Idioms) -> Iterator[Mutation]:
    """Freeze some parameters of which the optimizer takes all."""
    for model, made, _ in _given(idioms):
        text = (
            f"for name, parameter in {model}.named_parameters():\n"
            "    if name.startswith('0.'):\n        parameter.requires_grad = False\n"
        )
        yield Mutation(idioms.tree.with_before(made.line.node, text), made.line.node)


@misuse("OPT202")
def frozen_too_late(idioms: Idioms) -> Iterator[Mutation]:
    """Freeze a layer after some updates, where clearing leaves zeros."""
    for model, made, loop in _divided(idioms):
        end = idioms.end_of(loop)
        clearings = [(line, owner) for line, owner in idioms.clearings() if owner in (made.name, model)]
        plain = made.kind in ("SGD", "Adadelta", "Adafactor", "Adagrad", "RMSprop", "Rprop", "LBFGS")
        still = plain and not any(idioms.argument(made.call, name) for name in ("momentum", "weight_decay"))
        plain = any(update.optimizer == made.name and update.clearing for update in idioms.plain_updates())
        # Where gradients are gathered over several rounds, or cleared with zeros, freezing at the end is wrong at once.
        if end is None or not clearings or still or not plain or "set_to_none" in idioms.whole:
            continue
        layer = _layer(idioms, model)
        freeze = f"if {idioms.tree.code(loop.target)} == 1:\n{_frozen(layer, False, '    ')}"
        right = idioms.tree.with_after(end, freeze)
        changes: dict[cst.CSTNode, object] = {
            line.node: cst.parse_statement(f"{owner}.zero_grad(set_to_none=False)") for line, owner in clearings
        }
        if end not in changes:
            changes[end] = cst.FlattenSentinel([end, cst.parse_statement(freeze)])
            yield Mutation(idioms.tree.changed(changes), end, right)


@misuse("OPT203")
def unfrozen_and_not_held(idioms: Idioms) -> Iterator[Mutation]:
    """Unfreeze what was filtered out when the optimizer was made."""
    for model, made, loop in _divided(idioms):
        top = idioms.top_of(loop)
        # Schedulers that count the groups refuse another one; and who sets flags may set those of the layer.
        if top is None or "requires_grad" in idioms.whole or idioms.schedulers:
            continue
        # A model that is made in the loop has new layers there, and another optimizer may hold them as well.
        held = len(re.findall(rf"\({re.escape(model)}\.parameters\(\), *\w", idioms.whole))
        if contains(loop, made.line.node) or held > 1:
            continue
        layer = _layer(idioms, model)
        frozen = _frozen(layer, False)
        thaw = f"if {idioms.tree.code(loop.target)} == 2:\n{_frozen(layer, True, '    ')}"
        filtered = f"filter(lambda parameter: parameter.requires_grad, {model}.parameters())"
        group = f"    {made.name}.add_param_group({{'params': {layer}.parameters()}})\n"
        taken = made.call.args[0].value
        freezing = cst.FlattenSentinel([cst.parse_statement(frozen), made.line.node])
        both = {taken: cst.parse_expression(filtered), made.line.node: freezing}
        wrong = {**both, top: cst.FlattenSentinel([cst.parse_statement(thaw), top])}
        right = {**both, top: cst.FlattenSentinel([cst.parse_statement(thaw + group), top])}
        yield Mutation(idioms.tree.changed(wrong), made.line.node, idioms.tree.changed(right))


@misuse("OPT204")
def misspelt(idioms: Idioms) -> Iterator[Mutation]:
    """Misspell `requires_grad` where it is assigned."""
    for line in idioms.tree.lines:
        if line.assigned is not None and isinstance(line.assigned[0], cst.Attribute):
            attribute, owner = line.assigned[0].attr, idioms.tree.code(line.assigned[0].value)
            loops = [each for each in idioms.tree.loops(line.node) if isinstance(each, cst.For)]
            listed = [idioms.tree.code(each.iter) for each in loops if owner in idioms.tree.code(each.target)]
            held = any("parameters(" in text or "children(" in text or "modules(" in text for text in listed)
            # The flag of an input freezes nothing.
            if attribute.value == "requires_grad" and (held or owner.endswith((".weight", ".bias"))):
                for name in ("require_grad", "requires_grads"):
                    yield Mutation(idioms.tree.changed({attribute: cst.Name(name)}), line.node)


@misuse("OPT205")
def replaced(idioms: Idioms) -> Iterator[Mutation]:
    """Put another layer into the model after the optimizer was made."""
    for model, made, _ in _divided(idioms):
        call = idioms.sequential(model)
        assert call is not None
        layer = idioms.tree.code(call.args[-1].value)
        if re.match(r"(?:torch\.)?nn\.\w+\(", layer) and "Linear" in layer:
            text = f"{model}[{len(call.args) - 1}] = {layer}"
            right = idioms.tree.with_before(made.line.node, text)
            yield Mutation(idioms.tree.with_after(made.line.node, text), made.line.node, right)


@misuse("OPT206")
def used_up(idioms: Idioms) -> Iterator[Mutation]:
    """Give the optimizer an iterator, and clip with what is left of it."""
    for model, made, taken in _given(idioms):
        for update in idioms.plain_updates():
            if update.optimizer == made.name and idioms.tree.is_below(update.step.node, made.line.node):
                clip = cst.parse_statement(f"torch.nn.utils.clip_grad_norm_({model}.parameters(), 0.01)")
                right = idioms.tree.changed({update.step.node: cst.FlattenSentinel([clip, update.step.node])})
                clip = cst.parse_statement("torch.nn.utils.clip_grad_norm_(trainable, 0.01)")
                kept = cst.parse_statement(f"trainable = {model}.parameters()")
                wrong = {
                    taken: cst.Name("trainable"),
                    made.line.node: cst.FlattenSentinel([kept, made.line.node]),
                    update.step.node: cst.FlattenSentinel([clip, update.step.node]),
                }
                yield Mutation(idioms.tree.changed(wrong), update.step.node, right)


@misuse("OPT207")
def given_twice(idioms: Idioms) -> Iterator[Mutation]:
    """Give the optimizer one layer in a group of its own, and once more with the rest."""
    for model, made, taken in _given(idioms):
        layer = _layer(idioms, model)
        if layer:
            groups = f"[{{'params': {layer}.parameters(), 'lr': 0.01}}, {{'params': {model}.parameters()}}]"
            yield Mutation(idioms.tree.replaced(taken, groups), made.line.node)


@misuse("OPT208")
def unknown_key(idioms: Idioms) -> Iterator[Mutation]:
    """Misspell a key of a parameter group."""
    for model, made, taken in _given(idioms):
        slips: dict[str, tuple[str, ...]] = {"lr": ("learning_rate",)}
        if made.kind in _DECAYING:
            slips["weight_decay"] = ("weigth_decay", "wd")
        for key, others in slips.items():
            if f'"{key}"' not in idioms.whole and f"'{key}'" not in idioms.whole:
                group = f"[{{'params': {model}.parameters(), '{key}': 0.01}}]"
                right = idioms.tree.replaced(taken, group)
                for other in others:
                    wrong = idioms.tree.replaced(taken, group.replace(f"'{key}'", f"'{other}'"))
                    yield Mutation(wrong, made.line.node, right)


@misuse("OPT209")
def model_given(idioms: Idioms) -> Iterator[Mutation]:
    """Give the optimizer the model, or the method, in place of the parameters."""
    for model, made, taken in _given(idioms):
        yield Mutation(idioms.tree.replaced(taken, model), made.line.node)
        yield Mutation(idioms.tree.replaced(taken, f"{model}.parameters"), made.line.node)


@misuse("OPT212")
def detached(idioms: Idioms) -> Iterator[Mutation]:
    """Give the optimizer tensors that are no parameters.

    Not where gradients are written by hand, nor where another package is given the optimizer, or runs the steps, and
    may write them.
    """
    for model, made, taken in _given(idioms):
        if re.search(r"\.grad(?:\.data)? = (?!None)", idioms.whole) or is_handed_on(idioms, made.name):
            continue
        steps = [line for line, owner in idioms.steps() if owner == made.name]
        driven = all(is_driven_from_elsewhere(idioms, line.node) for line in steps)
        if driven and (steps or "step(" not in idioms.whole):
            continue
        for text in (
            f"{model}.state_dict().values()",
            f"[parameter.data for parameter in {model}.parameters()]",
            f"[parameter.detach() for parameter in {model}.parameters()]",
        ):
            yield Mutation(idioms.tree.replaced(taken, text), made.line.node)


@misuse("OPT213")
def groups_shared(idioms: Idioms) -> Iterator[Mutation]:
    """Give one list of groups to two optimizers."""
    for model, made, taken in _given(idioms):
        groups = f"[{{'params': {model}.parameters()}}]"
        warm = "warm = torch.optim.SGD({}, lr=0.5)"
        right = idioms.tree.changed(
            {
                made.line.node: cst.FlattenSentinel([cst.parse_statement(warm.format(groups)), made.line.node]),
                taken: cst.parse_expression(groups),
            }
        )
        shared = [f"groups = {groups}", warm.format("groups")]
        wrong = idioms.tree.changed(
            {
                made.line.node: cst.FlattenSentinel([*map(cst.parse_statement, shared), made.line.node]),
                taken: cst.Name("groups"),
            }
        )
        if idioms.argument(made.call, "lr") is not None or len(made.call.args) > 1:
            yield Mutation(wrong, made.line.node, right)


@misuse("OPT214", "OPT106")
def rewrapped(idioms: Idioms) -> Iterator[Mutation]:
    """Wrap the loss anew before its backward."""
    for line, loss in idioms.backwards():
        if loss.isidentifier():
            for text in (
                f"{loss} = torch.tensor({loss}.item(), requires_grad=True)",
                f"{loss} = torch.autograd.Variable({loss}.data, requires_grad=True)",
                f"{loss} = {loss}.detach().requires_grad_(True)",
            ):
                yield Mutation(idioms.tree.with_before(line.node, text), line.node)
