"""Misuse of gradient scaling and clipping, injected into programs that are given a scaler or a clipping first."""

from __future__ import annotations

import re
from collections.abc import Iterator

import libcst as cst

from mutate.idioms import Idioms, Update, again
from mutate.mutation import Mutation, misuse
from mutate.sight import is_handed_on, models_of

_WRITTEN = re.compile(r"\.grad(?:\.data)?(?:\.\w+_\(| *[-+*/]?= *(?!None|=))")


def _scaled(idioms: Idioms, *, clipping: bool = False) -> Iterator[tuple[str, Idioms]]:
    """Yield right texts in which one loop's loss is scaled, and what is to be seen there.

    Who writes gradients by hand would have to unscale them first, and another package that gets the optimizer may.
    """
    seen: set[str] = set()
    if _WRITTEN.search(idioms.whole):
        return
    for update in idioms.plain_updates():
        call = update.backward.call
        model = _model(idioms, update)
        alone = len([each for each, _ in idioms.backwards()]) == 1 == len(idioms.steps())
        if (
            update.optimizer in seen
            or call is None
            or call.args
            or not alone
            or "GradScaler" in idioms.whole
            or "clip_grad" in idioms.whole
            or is_handed_on(idioms, update.optimizer)
        ):
            continue
        if clipping and not model:
            continue
        seen.add(update.optimizer)
        outermost = idioms.tree.loops(update.step.node)[-1]
        scaler = "scaler = torch.amp.GradScaler('cuda')"
        clip = f"torch.nn.utils.clip_grad_norm_({model}.parameters(), 0.01)"
        steps = [f"scaler.step({update.optimizer})", "scaler.update()"]
        if clipping:
            steps = [f"scaler.unscale_({update.optimizer})", clip, *steps]
        changes = {
            outermost: cst.FlattenSentinel([cst.parse_statement(scaler), outermost]),
            update.backward.node: cst.parse_statement(f"scaler.scale({update.loss}).backward()"),
            update.step.node: cst.FlattenSentinel([*map(cst.parse_statement, steps)]),
        }
        text = idioms.tree.changed(changes)
        yield text, again(idioms, text)


def _model(idioms: Idioms, update: Update) -> str:
    """Return the text of the model that an update's optimizer holds, where it is known in the same function."""
    for model, made in models_of(idioms).items():
        same = idioms.tree.function(made.line.node) is idioms.tree.function(update.step.node)
        if made.name == update.optimizer and (same or model.startswith("self.")):
            return model
    return ""


def _clipped(idioms: Idioms) -> Iterator[tuple[str, Idioms, Update]]:
    """Yield right texts in which one loop's gradients are clipped, what is to be seen there, and the update."""
    for update in idioms.plain_updates():
        model = _model(idioms, update)
        if model and not idioms.clippings() and not is_handed_on(idioms, update.optimizer):
            clip = f"torch.nn.utils.clip_grad_norm_({model}.parameters(), 0.01)"
            text = idioms.tree.with_before(update.step.node, clip)
            seen = again(idioms, text)
            for other in seen.plain_updates():
                if other.optimizer == update.optimizer and seen.clippings()[0][0].node in seen.tree.block(
                    other.step.node
                ):
                    yield text, seen, other


@misuse("OPT501")
def never_updated(idioms: Idioms) -> Iterator[Mutation]:
    """Never update the scaler."""
    for right, seen in _scaled(idioms):
        for line, _, _ in seen.method("update"):
            if seen.tree.code(line.node) == "scaler.update()":
                yield Mutation(seen.tree.without(line), line.node, right, seen.tree)


@misuse("OPT502")
def not_unscaled(idioms: Idioms) -> Iterator[Mutation]:
    """Clip gradients that are scaled."""
    for right, seen in _scaled(idioms, clipping=True):
        for line, _, _ in seen.method("unscale_"):
            yield Mutation(seen.tree.without(line), line.node, right, seen.tree)
    for line, _, _ in idioms.method("unscale_"):
        if idioms.clippings():
            yield Mutation(idioms.tree.without(line), line.node)


@misuse("OPT503", "OPT501")
def past_the_scaler(idioms: Idioms) -> Iterator[Mutation]:
    """Step the optimizer itself."""
    for right, seen in _scaled(idioms):
        for line, owner, call in seen.method("step"):
            if owner == "scaler":
                step = cst.parse_statement(f"{seen.tree.code(call.args[0].value)}.step()")
                yield Mutation(seen.tree.changed({line.node: step}), line.node, right, seen.tree)


@misuse("OPT504", "OPT501")
def not_scaled(idioms: Idioms) -> Iterator[Mutation]:
    """Run the backward of the loss as it is."""
    for right, seen in _scaled(idioms):
        for line, owner in seen.backwards():
            if owner.startswith("scaler.scale("):
                loss = owner.removeprefix("scaler.scale(").removesuffix(")")
                wrong = seen.tree.changed({line.node: cst.parse_statement(f"{loss}.backward()")})
                yield Mutation(wrong, line.node, right, seen.tree)


@misuse("OPT505")
def clipped_at_the_wrong_time(idioms: Idioms) -> Iterator[Mutation]:
    """Clip before the backward, or after the step."""
    for right, seen, update in _clipped(idioms):
        clip, _ = seen.clippings()[0]
        yield Mutation(seen.tree.moved_before(clip, update.backward.node), clip.node, right, seen.tree)
        yield Mutation(seen.tree.moved_after(clip, update.step.node), clip.node, right, seen.tree)


@misuse("OPT506")
def clipped_wrongly(idioms: Idioms) -> Iterator[Mutation]:
    """Clip the model, the loss, or to a negative norm."""
    for right, seen, update in _clipped(idioms):
        clip, call = seen.clippings()[0]
        parameters, norm = call.args[0].value, call.args[1].value
        model = seen.tree.code(parameters).removesuffix(".parameters()")
        yield Mutation(seen.tree.replaced(parameters, model), clip.node, right, seen.tree)
        yield Mutation(seen.tree.replaced(parameters, update.loss), clip.node, right, seen.tree)
        yield Mutation(seen.tree.replaced(norm, "-1.0"), clip.node, right, seen.tree)
