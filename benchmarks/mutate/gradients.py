"""Misuse of accumulation, graphs and modes, injected into programs that are given an accumulation first."""

from __future__ import annotations

import re
from collections.abc import Iterator

import libcst as cst

from mutate.idioms import Idioms
from mutate.mutation import Mutation, misuse
from mutate.tree import REMOVED, bare

_GUARD = "(index + 1) % 4 == 0"


def _accumulated(
    idioms: Idioms, loss: str = "({} / 4)", guard: str = _GUARD, top: str = ""
) -> Iterator[tuple[str, cst.CSTNode]]:
    """Yield texts in which one loop accumulates over four batches, with the node of the step as it was.

    `loss` is how the loss is divided, `guard` the condition under which a step is made, `top` what stands above all.
    """
    for update in idioms.plain_updates():
        loop, call = update.loop, update.backward.call
        if not isinstance(loop, cst.For) or update.clearing is None or call is None or call.args:
            continue
        target = (
            loop.target
            if not isinstance(loop.target, cst.Tuple)
            else loop.target.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])
        )
        if "enumerate" in idioms.tree.code(loop.iter) or "index" in idioms.tree.text:
            continue
        guarded = f"if {guard}:\n    {update.optimizer}.step()\n    {update.optimizer}.zero_grad()\n"
        first = idioms.top_of(loop)
        assert first is not None
        text = idioms.tree.changed(
            {
                loop.iter: cst.parse_expression(f"enumerate({idioms.tree.code(loop.iter)})"),
                loop.target: cst.Tuple([cst.Element(cst.Name("index")), cst.Element(target)], lpar=[], rpar=[]),
                update.clearing.node: cst.parse_statement(top) if top else REMOVED,
                update.backward.node: cst.parse_statement(f"{loss.format(update.loss)}.backward()"),
                update.step.node: cst.parse_statement(guarded),
            }
        )
        yield text, update.step.node


def _beside(idioms: Idioms, **wrong: str) -> Iterator[Mutation]:
    """Yield the mutations in which accumulation differs from the right one."""
    for (right, at), (text, _) in zip(_accumulated(idioms), _accumulated(idioms, **wrong), strict=True):
        yield Mutation(text, at, right)


@misuse("OPT507")
def cleared_each_time(idioms: Idioms) -> Iterator[Mutation]:
    """Clear the gradients in each micro-batch."""
    for update in idioms.plain_updates():
        yield from _beside(idioms, top=f"{update.optimizer}.zero_grad()")
        break


@misuse("OPT508")
def not_divided(idioms: Idioms) -> Iterator[Mutation]:
    """Do not divide the loss."""
    yield from _beside(idioms, loss="{}")


@misuse("OPT509")
def off_by_one(idioms: Idioms) -> Iterator[Mutation]:
    """Step at the first micro-batch, or at all but the last."""
    yield from _beside(idioms, guard="index % 4 == 0")
    yield from _beside(idioms, guard="(index + 1) % 4")


@misuse("OPT510", harmless=True)
def graph_kept(idioms: Idioms) -> Iterator[Mutation]:
    """Add up losses with their graphs."""
    for update in idioms.plain_updates():
        begin = cst.parse_statement("summed = 0.0")
        add = cst.parse_statement(f"summed += {update.loss}")
        wrong = {
            update.loop: cst.FlattenSentinel([begin, update.loop]),
            update.step.node: cst.FlattenSentinel([update.step.node, add]),
        }
        yield Mutation(idioms.tree.changed(wrong), update.step.node)


@misuse("OPT511")
def forward_without_grad(idioms: Idioms) -> Iterator[Mutation]:
    """Run the forward where no graph is made, of a loss that comes out of one assignment."""
    models = tuple(f"{model}(" for model in idioms.models())
    for update in idioms.plain_updates():
        if len(re.findall(rf"(?m)^\s*{update.loss}\s*\S?=", idioms.tree.code(update.loop))) > 1:
            continue
        block = idioms.tree.block(update.backward.node)
        above = block[: block.index(update.backward.node)]
        forwards = [
            line
            for line in idioms.tree.lines
            if line.node in above
            and line.assigned is not None
            and idioms.tree.code(line.assigned[1]).startswith(models)
        ]
        if models and len(forwards) == 1:
            context = cst.parse_statement("with torch.no_grad():\n    pass\n")
            without = context.with_changes(body=cst.IndentedBlock([bare(forwards[0].node)]))
            yield Mutation(idioms.tree.changed({forwards[0].node: without}), forwards[0].node)


@misuse("OPT512")
def left_in_evaluation(idioms: Idioms) -> Iterator[Mutation]:
    """Evaluate at the end of each epoch, and go on training without `train()`."""
    for update in idioms.plain_updates():
        loops = idioms.tree.loops(update.step.node)
        has_modes = any(layer in idioms.whole for layer in ("BatchNorm", "Dropout"))
        if not has_modes or len(loops) < 2 or ".train()" in idioms.whole or ".eval()" in idioms.whole:
            continue
        for model, made in idioms.models().items():
            if made.name == update.optimizer:
                top, end = idioms.top_of(loops[-1]), idioms.end_of(loops[-1])
                if top is not None and end is not None and top is not end:
                    check = f"{model}.eval()"
                    wrong = {end: cst.FlattenSentinel([end, cst.parse_statement(check)])}
                    begin = {top: cst.FlattenSentinel([cst.parse_statement(f"{model}.train()"), top])}
                    yield Mutation(idioms.tree.changed(wrong), end, idioms.tree.changed({**wrong, **begin}))
