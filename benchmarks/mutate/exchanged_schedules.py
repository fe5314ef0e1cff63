"""Right texts in which a schedule of epochs gives way to another kind: a plateau's, a sequence, one factor a group."""

from __future__ import annotations

import re
from collections.abc import Iterator

import libcst as cst

from mutate.idioms import Idioms, Made, again
from mutate.stepped_schedules import is_alone, is_always_run, is_made_before, optimizer_of, stepped
from mutate.tree import Line

PER_EPOCH = ("StepLR", "MultiStepLR", "ExponentialLR", "CosineAnnealingLR", "LambdaLR", "PolynomialLR")


def alone(idioms: Idioms) -> Iterator[tuple[Made, Line, cst.Call]]:
    """Yield the only schedules of their optimizers, with the only line that steps them, below an update.

    At the top of a loop a schedule may be right that begins with a factor of 0, and no other.
    """
    found = list(stepped(idioms, *PER_EPOCH)) if "\nimport torch\n" in f"\n{idioms.tree.text}" else []
    for made, line, call in found:
        once = len(re.findall(rf"\b{made.name.rpartition('.')[2]}\.step\(", idioms.whole)) == 1
        above = any(idioms.tree.row(each.node) < idioms.tree.row(line.node) for each, _ in idioms.steps())
        if once and above and not call.args and is_alone(idioms, made) and is_always_run(idioms, line):
            # What reads the rate or the class of a schedule by name may not know the other one.
            if is_made_before(idioms, made, line) and f"{made.name}.get_lr" not in idioms.whole:
                yield made, line, call


def exchanged(idioms: Idioms, made: Made, kind: str, arguments: str) -> str:
    """Return the text of a call that makes another schedule for the same optimizer."""
    return f"{_prefix(idioms, made)}{kind}({optimizer_of(idioms, made)}, {arguments})"


def sequences(idioms: Idioms) -> Iterator[tuple[Made, str, dict[str, str]]]:
    """Yield schedules with the text of a sequence that begins with a warm-up, and wrong ones by what is wrong."""
    for made, _, _ in alone(idioms):
        if made.kind == "LambdaLR":
            continue  # whose function may be one that is made for the whole run
        own = idioms.tree.code(made.call)
        warm = exchanged(idioms, made, "LinearLR", "start_factor=0.5, total_iters=2")
        flat = exchanged(idioms, made, "ConstantLR", "factor=0.5, total_iters=2")
        plateau = exchanged(idioms, made, "ReduceLROnPlateau", "patience=2")

        def sequence(parts: str, milestones: str, made: Made = made) -> str:
            return exchanged(idioms, made, "SequentialLR", f"[{parts}], milestones=[{milestones}]")

        wrong = {
            "one too many": sequence(f"{warm}, {own}", "2, 1000"),
            "one too few": sequence(f"{warm}, {flat}, {own}", "2"),
            "order": sequence(f"{warm}, {flat}, {own}", "4, 2"),
            "metric": sequence(f"{warm}, {plateau}", "2"),
        }
        yield made, sequence(f"{warm}, {own}", "2"), wrong


def with_plateau(idioms: Idioms) -> Iterator[tuple[str, Idioms]]:
    """Yield texts with a plateau's schedule that is given the last loss of the epoch, and what is to be seen there."""
    for made, line, call in alone(idioms):
        loss = loss_at(idioms, line)
        if loss.endswith("loss"):
            plateau = exchanged(idioms, made, "ReduceLROnPlateau", "patience=2")
            changes = {
                made.call: cst.parse_expression(plateau),
                call: call.with_changes(args=[cst.Arg(cst.parse_expression(f"{loss}.item()"))]),
            }
            text = idioms.tree.changed(changes)
            yield text, again(idioms, text)


def loss_at(idioms: Idioms, line: Line) -> str:
    """Return the name of a loss that is known where a line stands, or nothing."""
    function = idioms.tree.function(line.node)
    for backward, loss in idioms.backwards():
        if loss.isidentifier() and idioms.tree.function(backward.node) is function:
            if idioms.tree.row(backward.node) < idioms.tree.row(line.node):
                return loss
    return ""


def _prefix(idioms: Idioms, made: Made) -> str:
    return idioms.tree.code(made.call.func)[: -len(made.kind)] or "torch.optim.lr_scheduler."
