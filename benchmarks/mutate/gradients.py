"""Misuse of accumulation, graphs and modes, injected into programs that are given an accumulation first."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import libcst as cst

from mutate.idioms import Idioms, Update
from mutate.mutation import Mutation, misuse
from mutate.sight import models_of
from mutate.stepped_schedules import is_always_run
from mutate.tree import REMOVED, bare, contains

_GUARD = "(index + 1) % 4 == 0"


def _accumulated(
    idioms: Idioms, only: Update | None, loss: str = "({} / 4)", guard: str = _GUARD, top: str = ""
) -> Iterator[tuple[str, cst.CSTNode]]:
    """Yield texts in which one loop accumulates over four batches, with the node of the step as it was.

    `loss` is how the loss is divided, `guard` the condition under which a step is made, `top` what stands above all.
    """
    for update in (only,) if only is not None else idioms.plain_updates():
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
        alone = sum(contains(loop, line.node) for line, _ in idioms.backwards()) == 1
        if not alone or not is_always_run(idioms, update.step) or _is_cleared_elsewhere(idioms, loop):
            continue  # several backwards make an update together, or not all iterations do
        if "requires_grad = False" in idioms.whole:
            continue  # what the last window leaves would meet the freezing
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


def _is_cleared_elsewhere(idioms: Idioms, loop: cst.For) -> bool:
    """Whether a loop calls a function of the text that clears gradients itself."""
    functions = (node for node in idioms.tree.nodes if isinstance(node, cst.FunctionDef))
    called = [each for each in functions if f"{each.name.value}(" in idioms.tree.code(loop)]
    return any("zero_grad(" in idioms.tree.code(each) for each in called if not contains(each, loop))


def _beside(idioms: Idioms, only: Update | None = None, **wrong: str) -> Iterator[Mutation]:
    """Yield the mutations in which accumulation, of one update or of any, differs from the right one."""
    for (right, at), (text, _) in zip(_accumulated(idioms, only), _accumulated(idioms, only, **wrong), strict=True):
        yield Mutation(text, at, right)


@misuse("OPT507")
def cleared_each_time(idioms: Idioms) -> Iterator[Mutation]:
    """Clear the gradients in each micro-batch."""
    for update in idioms.plain_updates():
        yield from _beside(idioms, update, top=f"{update.optimizer}.zero_grad()")


@misuse("OPT508")
def not_divided(idioms: Idioms) -> Iterator[Mutation]:
    """Do not divide the loss, where that makes the updates larger: of a mean, and by an SGD.

    Adam and its kin take the direction of the gradient and not its size: measured, the difference is rounding. A sum
    over the batch adds up to the sum over all micro-batches, which is as right as their mean.
    """
    for update in idioms.plain_updates():
        maker = next((each for each in idioms.optimizers if each.name == update.optimizer), None)
        if maker is not None and maker.kind == "SGD" and _is_mean(idioms, update):
            yield from _beside(idioms, update, loss="{}")


def _is_mean(idioms: Idioms, update: Update) -> bool:
    """Whether a loss is assigned once, by a function of torch or a method that takes the mean."""
    given = [
        idioms.tree.code(line.assigned[1])
        for line in idioms.tree.lines
        if line.assigned is not None
        and idioms.tree.code(line.assigned[0]) == update.loss
        and contains(update.loop, line.node)
    ]
    if len(given) != 1 or re.search(r"reduction|sum\(", given[0]):
        return False
    criterion = re.match(r"([\w.]+)\(", given[0])
    made = criterion and re.search(rf"\b{re.escape(criterion[1])} *= *[\w.]*nn\.\w+Loss\(([^)]*)\)", idioms.whole)
    torch_own = re.match(r"[\w.]*(functional|F)\.\w+(_loss|cross_entropy)\(|.*\.mean\(\)$", given[0])
    return bool(torch_own) or bool(made and "reduction" not in made[1])


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


@misuse("OPT511", "OPT214")
def forward_without_grad(idioms: Idioms) -> Iterator[Mutation]:
    """Run the forward where no graph is made, of a loss that comes out of one assignment, and of that forward alone.

    What torch's own functions make of it has no graph then. A function of the program may take other parameters in,
    as the noise of a likelihood, and a loss with those does have one: there is nothing wrong with its backward.
    """
    tree = idioms.tree
    models = tuple(f"{model}(" for model in models_of(idioms))
    for update in idioms.plain_updates():
        if len(re.findall(rf"(?m)^\s*{update.loss}\s*\S?=", tree.code(update.loop))) > 1:
            continue
        block = tree.block(update.backward.node)
        above = block[: block.index(update.backward.node)]
        forwards = [each for each in above if any(model in tree.code(each) for model in models)]
        lines = [line for line in tree.lines if line.node in forwards and line.assigned is not None]
        if "autograd.grad(" in "".join(map(tree.code, forwards)):
            continue  # which raises by itself
        if len(forwards) == 1 == len(lines) and _only_torch(idioms, above[above.index(forwards[0]) + 1 :]):
            context = cst.parse_statement("with torch.no_grad():\n    pass\n")
            without = context.with_changes(body=cst.IndentedBlock([bare(lines[0].node)]))
            yield Mutation(tree.changed({lines[0].node: without}), lines[0].node)


def _only_torch(idioms: Idioms, statements: Sequence[cst.BaseStatement]) -> bool:
    """Whether assignments call nothing but functions of torch, its losses, and methods of what is computed there."""
    known = {idioms.tree.code(each.assigned[0]) for each in idioms.tree.lines if each.assigned is not None}
    for line in idioms.tree.lines:
        if line.node in statements and line.assigned is not None:
            for call in idioms.tree.calls():
                if contains(line.node, call):
                    function = idioms.tree.code(call.func)
                    owner = function.partition(".")[0]
                    of_torch = re.match(r"(torch|F|nn|functional)\.", function) is not None
                    made = re.search(rf"\b{re.escape(function)} *= *[\w.]*Loss\(", idioms.whole) is not None
                    method = "." in function and (owner in known or not owner.isidentifier()) and owner != "self"
                    if not (of_torch or made or method) or any(model == owner for model in models_of(idioms)):
                        return False
    return True
