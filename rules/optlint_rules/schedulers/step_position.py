"""Where in a counting loop a scheduler steps, and with which number in the first round."""

from __future__ import annotations

import ast
import enum
from dataclasses import dataclass

from optlint.api import (
    Act,
    Entry,
    Event,
    Loop,
    Optimizer,
    Scheduler,
    Unrolled,
    canonical,
    enclosing,
    enclosing_statement,
    parent,
)
from optlint_rules.schedulers.step_argument import Argument, Kind
from optlint_rules.schedulers.stepping import call_of, given, is_unpacked, making


class Where(enum.Enum):
    """Where in its loop a scheduler steps."""

    TOP = "top"
    """Before the optimizer steps in the loop that counts."""
    END = "end"
    """After it."""
    UNCLEAR = "unclear"


@dataclass(frozen=True, slots=True)
class Form:
    """How a step is told its epoch: where, and with which number in the first round (None where that is not known)."""

    where: Where
    first: int | None
    direct: bool = False
    """Whether the call is a statement of the counting loop itself, which nothing skips."""

    @property
    def lags(self) -> bool:
        """Whether each number is that of the round that is over."""
        return self.where is Where.END and self.first == 0


def form_of(entry: Entry, event: Event, scheduler: Scheduler, argument: Argument) -> Form:
    """Return how a step of a scheduler is told its epoch."""
    loop = argument.loop
    if loop is None or argument.kind is not Kind.COUNTER:
        return Form(Where.UNCLEAR, None)
    around = enclosing(entry, event)
    if not around or not isinstance(around[-1], Loop | Unrolled) or around[-1].place.node not in (loop, loop.iter):
        return Form(Where.UNCLEAR, None)
    if _is_conditional(event, loop):
        return Form(Where.UNCLEAR, None)
    where = _where(entry, event, scheduler, around[-1])
    start = _start(loop)
    first = None if start is None or not _is_fresh(entry, event, scheduler) else start + argument.offset
    return Form(where, first, not event.stack[_depth(event, loop) :] and _is_direct(event, loop))


def _is_conditional(event: Event, loop: ast.For) -> bool:
    """Whether a condition stands between a loop and a call, other than that there is a scheduler."""
    for place in (event.place, *reversed(event.stack)):
        node: ast.AST | None = place.node
        while node is not None and not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Module):
            inner, node = node, parent(place.module, node)
            if node is loop:
                return False
            if isinstance(node, ast.Try | ast.Match | ast.ExceptHandler | ast.While):
                return True
            if isinstance(node, ast.If | ast.IfExp) and inner is not node.test and not _is_there(node, inner):
                return True
    return False


def _is_there(branch: ast.If | ast.IfExp, inner: ast.AST) -> bool:
    """Whether a condition only asks whether there is something: `if scheduler:`, `if scheduler is not None:`."""
    if isinstance(branch, ast.If) and inner not in branch.body:
        return False
    match branch.test:
        case ast.Name() | ast.Attribute():
            return "sched" in ast.unparse(branch.test).lower()
        case ast.Compare(ops=[ast.IsNot()], comparators=[ast.Constant(value=None)]):
            return True
        case _:
            return False


def _where(entry: Entry, event: Event, scheduler: Scheduler, loop: object) -> Where:
    """Whether the optimizer steps before or after the scheduler in the loop."""
    own = set(map(canonical, scheduler.optimizers))
    if not own:
        return Where.UNCLEAR
    inside = [each for each in entry.events if each is event or _steps(each, own)]
    inside = [each for each in inside if any(region is loop for region in enclosing(entry, each))]
    at = next(i for i, each in enumerate(inside) if each is event)
    before, after = inside[:at], inside[at + 1 :]
    if any(_steps(each, own) for each in before):
        return Where.UNCLEAR if any(_steps(each, own) for each in after) else Where.END
    return Where.TOP if after else Where.UNCLEAR


def _steps(event: Event, optimizers: set[Optimizer]) -> bool:
    return event.act is Act.STEP and any(canonical(subject) in optimizers for subject in event.subjects)


def _start(loop: ast.For) -> int | None:
    """Return the number that a counting loop begins with."""
    iterable = loop.iter
    while isinstance(iterable, ast.Call) and iterable.args and isinstance(iterable.args[0], ast.Call):
        iterable = iterable.args[0]  # tqdm(range(...))
    if not isinstance(iterable, ast.Call):
        return None
    name = getattr(iterable.func, "attr", "") or getattr(iterable.func, "id", "")
    if name == "enumerate":
        begin = given(iterable, "start", 1)
    else:
        begin = iterable.args[0] if len(iterable.args) > 1 else None
        if len(iterable.args) > 2:
            return None
    if begin is None:
        return 0
    return begin.value if isinstance(begin, ast.Constant) and isinstance(begin.value, int) else None


def _is_fresh(entry: Entry, event: Event, scheduler: Scheduler) -> bool:
    """Whether a scheduler begins at the beginning, and nothing else moves it."""
    call = call_of(scheduler)
    if call is None or is_unpacked(call) or not making(entry, scheduler):
        return False
    if any(keyword.arg == "last_epoch" for keyword in call.keywords):
        return False
    for each in entry.events:
        if each is event or each.act not in (Act.SCHEDULE, Act.LOAD, Act.ESCAPE):
            continue
        subjects = set(map(canonical, each.subjects))
        if scheduler in subjects or (each.act is Act.LOAD and subjects & set(map(canonical, scheduler.optimizers))):
            return False
    return True


def _depth(event: Event, loop: ast.For) -> int:
    """Return how many of the calls that lead to an event lie outside of a loop."""
    inner = {id(node) for node in ast.walk(loop)}
    return next((i for i, place in enumerate(event.stack) if id(place.node) in inner), len(event.stack))


def _is_direct(event: Event, loop: ast.For) -> bool:
    """Whether a call is a statement of a loop's own body, and nothing before it ends a round early."""
    statement = enclosing_statement(event.place)
    if statement not in loop.body or not isinstance(statement, ast.Expr) or statement.value is not event.place.node:
        return False
    return not any(map(_leaves, loop.body))


def _leaves(node: ast.AST) -> bool:
    """Whether a statement of a loop may end its round early."""
    if isinstance(node, ast.Continue | ast.Return):
        return True
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
        return False
    if isinstance(node, ast.For | ast.AsyncFor | ast.While):
        return any(isinstance(inner, ast.Return) for inner in ast.walk(node))
    return any(map(_leaves, ast.iter_child_nodes(node)))
