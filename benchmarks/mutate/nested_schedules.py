"""Loops over epochs and batches in which a schedule is stepped, or may be: with texts that step another one there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import libcst as cst

from mutate.idioms import Idioms, Made
from mutate.schedule_lengths import batches_in, rounds_of
from mutate.sight import models_of
from mutate.stepped_schedules import is_alone, is_always_run, is_made_before, optimizer_of, stepped
from mutate.tree import REMOVED, Line, statement

_OF_EPOCHS = ("StepLR", "MultiStepLR", "CosineAnnealingLR", "PolynomialLR", "ExponentialLR")
_SCHEDULE = re.compile(r"(?i)schedul|LR\(|\[.lr.\]")


@dataclass(frozen=True, slots=True)
class Nested:
    """A loop over the updates in one over epochs, and the schedule of its optimizer, if there is one already.

    `made` and `line` are where that is made and stepped; without it `made` is where the optimizer is made.
    """

    made: Made
    line: Line | None
    update: Line
    inner: cst.For | cst.While
    optimizer: str
    epochs: str
    batches: str
    """Nothing where it is not known."""

    @property
    def at(self) -> cst.CSTNode:
        """The statement that the misuse is about."""
        return self.update.node if self.line is None else self.line.node

    def text(self, idioms: Idioms, kind: str, arguments: str, per_batch: bool) -> str:
        """Return the text with another schedule, stepped after each update or after each epoch."""
        changes: dict[cst.CSTNode, object] = {}
        if self.line is None:
            name = f"{self.optimizer.rpartition('.')[0]}.lr_schedule".removeprefix(".")
            made = statement(f"{name} = torch.optim.lr_scheduler.{kind}({self.optimizer}, {arguments})")
            changes[self.made.line.node] = cst.FlattenSentinel([self.made.line.node, made])
            step = f"{name}.step()"
        else:
            prefix = idioms.tree.code(self.made.call.func)[: -len(self.made.kind)] or "torch.optim.lr_scheduler."
            changes[self.made.call] = cst.parse_expression(f"{prefix}{kind}({self.optimizer}, {arguments})")
            changes[self.line.node] = REMOVED
            step = f"{self.made.name}.step()"
        anchor = self.update.node if per_batch else self.inner
        changes[anchor] = cst.FlattenSentinel([anchor, statement(step)])
        return idioms.tree.changed(changes)


def nested(idioms: Idioms) -> Iterator[Nested]:
    """Yield the loops whose schedule by epochs another class can take the place of, and those without any."""
    if "\nimport torch\n" not in f"\n{idioms.tree.text}":
        return
    for made, line, call in stepped(idioms, *_OF_EPOCHS):
        optimizer = optimizer_of(idioms, made)
        if not call.args and len(idioms.tree.loops(line.node)) == 1 and is_alone(idioms, made):
            if is_always_run(idioms, line) and is_made_before(idioms, made, line):
                yield from _around(idioms, made, optimizer, line)
    if not _SCHEDULE.search(idioms.whole):
        for made in models_of(idioms).values():
            yield from _around(idioms, made, made.name, None)


def _around(idioms: Idioms, made: Made, optimizer: str, line: Line | None) -> Iterator[Nested]:
    """Yield the two loops around the steps of an optimizer, where nothing is asked and nothing left out."""
    function = idioms.tree.function(made.line.node)
    for update, owner in idioms.plain_steps():
        loops = idioms.tree.loops(update.node)
        if owner != optimizer or len(loops) != 2 or idioms.tree.loops(made.line.node):
            continue
        known = optimizer.startswith("self.") or idioms.tree.function(update.node) is function
        same = known and is_always_run(idioms, update)
        outer = line is None or idioms.tree.loops(line.node)[0] is loops[1]
        epochs = batches_in(idioms, loops[1])
        if same and outer and epochs and epochs == rounds_of(idioms, loops[1]) and not epochs.startswith("len("):
            yield Nested(made, line, update, loops[0], optimizer, epochs, batches_in(idioms, loops[0]))
