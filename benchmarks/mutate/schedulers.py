"""Misuse of schedulers: wrong arguments, wrong optimizer, wrong company."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from mutate.exchanged_schedules import PER_EPOCH, alone, exchanged, loss_at, sequences
from mutate.idioms import Idioms, Made
from mutate.mutation import Mutation, misuse
from mutate.sight import is_handed_on, models_of
from mutate.stepped_schedules import is_alone, is_always_run, is_made_before, optimizer_of, stepped
from mutate.tree import bare


@misuse("OPT402")
def with_metric(idioms: Idioms) -> Iterator[Mutation]:
    """Give a scheduler a loss that takes none."""
    for _, line, call in stepped(idioms, *PER_EPOCH):
        loss = loss_at(idioms, line)
        if loss and not call.args and is_always_run(idioms, line):
            given = [cst.Arg(cst.parse_expression(f"{loss}.item()"))]
            yield Mutation(idioms.tree.changed({call: call.with_changes(args=given)}), line.node)


@misuse("OPT403")
def with_epoch(idioms: Idioms) -> Iterator[Mutation]:
    """Give a scheduler the epoch."""
    for _, line, call in stepped(idioms, *PER_EPOCH):
        loops = idioms.tree.loops(line.node)
        if loops and isinstance(loops[0], cst.For) and isinstance(loops[0].target, cst.Name) and not call.args:
            if is_always_run(idioms, line) and idioms.tree.code(loops[0].iter).startswith(
                ("range", "trange", "tqdm(range")
            ):
                given = [cst.Arg(loops[0].target)]
                yield Mutation(idioms.tree.changed({call: call.with_changes(args=given)}), line.node)


@misuse("OPT404", harmless=True)
def get_lr(idioms: Idioms) -> Iterator[Mutation]:
    """Ask for `get_lr()`."""
    for call in idioms.tree.calls():
        if isinstance(call.func, cst.Attribute) and call.func.attr.value == "get_last_lr":
            owner = idioms.tree.code(call.func.value)
            if any(made.name == owner for made in idioms.schedulers):
                yield Mutation(idioms.tree.changed({call.func.attr: cst.Name("get_lr")}), call)


@misuse("OPT408")
def wrong_arguments(idioms: Idioms) -> Iterator[Mutation]:
    """Swap a step size and its factor, give an argument's value to its neighbour, or what torch refuses."""
    for made in idioms.schedulers:
        if made.call.args:
            prefix = idioms.tree.code(made.call.func)[: -len(made.kind)]
            for text in _wrong_arguments(idioms, made):
                call = f"{prefix}{made.kind}({optimizer_of(idioms, made)}, {text})"
                yield Mutation(idioms.tree.replaced(made.call, call), made.line.node)


def _wrong_arguments(idioms: Idioms, made: Made) -> Iterator[str]:
    own = [idioms.tree.code(each.value) for each in made.call.args[1:]]
    match made.kind:
        case "StepLR":
            if len(own) == 2 and own[0].isdecimal():
                yield f"{own[1]}, {own[0]}"
            yield "step_size=0"
        case "ExponentialLR":
            yield "10"
        case "CosineAnnealingLR":
            if len(own) == 1:
                yield f"{own[0]}, -1"
            yield "T_max=0"
        case "ReduceLROnPlateau" if idioms.argument(made.call, "mode") is None:
            yield "'min', 5"
            yield "'minimum'"


@misuse("OPT409")
def wrong_milestones(idioms: Idioms) -> Iterator[Mutation]:
    """Give a sequence of schedules a milestone too many or too few, in the wrong order, or a plateau's schedule."""
    for made, right, wrong in sequences(idioms):
        twin = idioms.tree.replaced(made.call, right)
        for text in wrong.values():
            yield Mutation(idioms.tree.replaced(made.call, text), made.line.node, twin)
    for made in idioms.schedulers:
        found = idioms.argument(made.call, "milestones")
        parts = [each.value for each in made.call.args[1:2]]
        # A list that is made elsewhere may grow on its way: how many schedulers there are the text does not show.
        known = all(isinstance(each, cst.List) and "*" not in idioms.tree.code(each) for each in parts) and parts
        if made.kind == "SequentialLR" and known and found is not None and isinstance(found.value, cst.List):
            more = [*found.value.elements, cst.Element(cst.Integer("1000"))]
            yield Mutation(idioms.tree.changed({found.value: cst.List(more)}), made.line.node)


_FACTORS = {
    "LambdaLR": ("lambda n: 0.9**n", "lambda n: 0.9**n, lambda n: 0.8**n"),
    "MultiplicativeLR": ("lambda n: 0.9", "lambda n: 0.9, lambda n: 1.0"),
}
"""Of one group, and of two."""


@misuse("OPT410")
def wrong_number(idioms: Idioms) -> Iterator[Mutation]:
    """Give two factors for one group."""
    single = {made.name for made in models_of(idioms).values()}
    for made, _, _ in alone(idioms) if "add_param_group" not in idioms.whole else ():
        if optimizer_of(idioms, made) in single:
            for kind, ones in _FACTORS.items():
                calls = [exchanged(idioms, made, kind, f"lr_lambda=[{each}]") for each in ones]
                yield Mutation(*_twins(idioms, made, calls[1], calls[0]))
            cycles = [
                exchanged(idioms, made, "CyclicLR", f"base_lr={low}, max_lr=0.1, step_size_up=2, cycle_momentum=False")
                for low in ("[0.01]", "[0.01, 0.02]")
            ]
            yield Mutation(*_twins(idioms, made, cycles[1], cycles[0]))
    for made in idioms.schedulers:
        given = [each for each in made.call.args if each.keyword is None]
        if made.kind in ("LambdaLR", "MultiplicativeLR") and len(given) > 1:
            if idioms.tree.code(given[0].value) in single and not isinstance(given[1].value, cst.List):
                text = idioms.tree.code(given[1].value)
                yield Mutation(idioms.tree.replaced(given[1].value, f"[{text}, {text}]"), made.line.node)


@misuse("OPT411")
def of_another(idioms: Idioms) -> Iterator[Mutation]:
    """Let the schedule drive an optimizer that nobody steps: a spare one, or one that is made again below."""
    for made, line, _ in stepped(idioms):
        composed = made.kind in ("SequentialLR", "ChainedScheduler")
        if composed or not is_alone(idioms, made) or not is_made_before(idioms, made, line):
            continue  # where there is another schedule, the optimizer that steps does follow one
        model = next((model for model, each in models_of(idioms).items() if _drives(idioms, made, each)), None)
        if model is not None:
            again = bare(models_of(idioms)[model].line.node)
            changes = {made.line.node: cst.FlattenSentinel([made.line.node, again])}
            yield Mutation(idioms.tree.changed(changes), line.node)
            if "unscale_" in idioms.whole:
                continue  # which would have to know of the spare one
            optimizer = models_of(idioms)[model].call
            maker = idioms.tree.code(optimizer.func)
            spare = cst.parse_statement(f"spare = {maker}({model}.parameters(), lr=0.1)")
            wrong = {
                made.line.node: cst.FlattenSentinel([spare, made.line.node]),
                made.call.args[0].value: cst.Name("spare"),
            }
            yield Mutation(idioms.tree.changed(wrong), line.node)


@misuse("OPT412", harmless=True)
def never_stepped(idioms: Idioms) -> Iterator[Mutation]:
    """Delete all steps of a schedule that no other package gets."""
    for made in idioms.schedulers:
        lines = [line for each, line, _ in stepped(idioms) if each is made]
        if lines and made.name.isidentifier() and not is_handed_on(idioms, made.name):
            yield Mutation(idioms.tree.without(*lines), made.line.node)


@misuse("OPT415")
def group_added_late(idioms: Idioms) -> Iterator[Mutation]:
    """Add a group after a scheduler that counted them was made."""
    for made in idioms.schedulers:
        if made.kind in ("LambdaLR", "OneCycleLR", "CyclicLR", "LinearLR") and made.call.args:
            optimizer = idioms.tree.code(made.call.args[0].value)
            if idioms.is_optimizer(optimizer):
                add = (
                    "added = torch.nn.Linear(3, 3)",
                    f"{optimizer}.add_param_group({{'params': added.parameters()}})",
                )
                right = idioms.tree.with_before(made.line.node, *add)
                yield Mutation(idioms.tree.with_after(made.line.node, *add), made.line.node, right)


@misuse("OPT416")
def overwritten(idioms: Idioms) -> Iterator[Mutation]:
    """Step a second schedule, of absolute rates, on the same optimizer."""
    for made, line, call in stepped(idioms, "StepLR", "ExponentialLR", "CosineAnnealingLR", "MultiStepLR"):
        optimizer = idioms.tree.code(made.call.args[0].value) if made.call.args else ""
        grown = "add_param_group" in idioms.whole  # of which the factors would know nothing
        if idioms.is_optimizer(optimizer) and not call.args and not grown and is_made_before(idioms, made, line):
            factor = f"ramp_up = torch.optim.lr_scheduler.LambdaLR({optimizer}, lambda n: min(1.0, (n + 1) / 5))"
            wrong = {
                made.line.node: cst.FlattenSentinel([made.line.node, cst.parse_statement(factor)]),
                line.node: cst.FlattenSentinel([line.node, cst.parse_statement("ramp_up.step()")]),
            }
            if idioms.tree.function(made.line.node) is idioms.tree.function(line.node) and is_always_run(idioms, line):
                yield Mutation(idioms.tree.changed(wrong), line.node)


@misuse("OPT417")
def no_momentum(idioms: Idioms) -> Iterator[Mutation]:
    """Cycle the momentum of an optimizer that has none."""
    for made in idioms.schedulers if "add_param_group" not in idioms.whole else ():
        for model, optimizer in models_of(idioms).items():
            once = not idioms.tree.loops(made.line.node)
            if once and _drives(idioms, made, optimizer) and made.kind in PER_EPOCH and is_alone(idioms, made):
                prefix = idioms.tree.code(made.call.func)[: -len(made.kind)]
                maker = idioms.tree.code(optimizer.call.func)[: -len(optimizer.kind)]
                cycle = f"{prefix}CyclicLR({optimizer.name}, 0.01, 0.1, step_size_up=2"
                plain = cst.parse_expression(f"{maker}Adagrad({model}.parameters(), lr=0.1)")
                if prefix and maker:
                    texts = [
                        idioms.tree.changed({optimizer.call: plain, made.call: cst.parse_expression(cycle + end)})
                        for end in (")", ", cycle_momentum=False)")
                    ]
                    yield Mutation(texts[0], made.line.node, texts[1])


@misuse("OPT418")
def verbose(idioms: Idioms) -> Iterator[Mutation]:
    """Ask a scheduler to print."""
    for made in idioms.schedulers:
        if made.kind not in ("SequentialLR", "ChainedScheduler"):
            more = [*made.call.args, cst.Arg(cst.Name("True"), keyword=cst.Name("verbose"))]
            yield Mutation(idioms.tree.changed({made.call: made.call.with_changes(args=more)}), made.line.node)


def _drives(idioms: Idioms, scheduler: Made, optimizer: Made) -> bool:
    """Whether a scheduler is made for an optimizer, in the same function."""
    first = scheduler.call.args[0].value if scheduler.call.args else None
    same = idioms.tree.function(scheduler.line.node) is idioms.tree.function(optimizer.line.node)
    return same and first is not None and idioms.tree.code(first) == optimizer.name


def _twins(idioms: Idioms, made: Made, wrong: str, right: str) -> tuple[str, cst.CSTNode, str]:
    return idioms.tree.replaced(made.call, wrong), made.line.node, idioms.tree.replaced(made.call, right)
