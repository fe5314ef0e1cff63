"""The steps of schedulers whose class is certain, but for those that the code itself tells apart by class."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TypeAlias

from optlint.api import (
    Act,
    Confidence,
    Entry,
    Event,
    Place,
    Program,
    Scheduler,
    canonical,
    enclosing_function,
    parent,
    tables,
)

PLATEAU = "ReduceLROnPlateau"
Step: TypeAlias = tuple[Entry, Event, Scheduler, frozenset[str]]
_ASKING = frozenset(("isinstance", "issubclass", "hasattr", "getattr", "type", "callable", "signature"))
_PHASES = frozenset(("train", "training", "val", "valid", "validation", "eval", "dev", "test", "__main__"))
"""Words in conditions that say nothing of schedulers."""


def steps(program: Program) -> tuple[Step, ...]:
    """Return the calls of `step` on torch's own schedulers, with the classes that the scheduler may have."""
    return program.once("scheduler steps", lambda each: tuple(_steps(each)))


def _steps(program: Program) -> Iterator[Step]:
    for entry in program.entries:
        for event in entry.having(Act.SCHEDULE):
            call = event.place.node
            if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute) or call.func.attr != "step":
                continue
            scheduler = canonical(event.subjects[0]) if event.subjects else None
            if isinstance(scheduler, Scheduler):
                classes = classes_of(scheduler)
                asked = any(map(_is_asked_about, (event.place, *event.stack)))
                if classes and not asked and not _is_stepped_both_ways(event.place, call.func.value):
                    yield entry, event, scheduler, classes


def classes_of(scheduler: Scheduler) -> frozenset[str]:
    """Return the classes of torch that a scheduler may have; none where it may be something else."""
    names = frozenset(name.partition(":")[0] for name in scheduler.classes)
    certain = scheduler.confidence is Confidence.CERTAIN and scheduler.info is None
    return names if certain and names <= tables().schedulers.keys() - {"LRScheduler", "_LRScheduler"} else frozenset()


def making(entry: Entry, scheduler: Scheduler) -> tuple[Event, ...]:
    """Return the event that made a scheduler, where it is seen."""
    made = (each for each in entry.having(Act.NEW) if each.subjects and canonical(each.subjects[0]) is scheduler)
    return tuple(made)[:1]


def call_of(scheduler: Scheduler) -> ast.Call | None:
    """Return the call that makes a scheduler."""
    node = scheduler.place.node if scheduler.place is not None else None
    return node if isinstance(node, ast.Call) else None


def given(call: ast.Call, name: str, position: int) -> ast.expr | None:
    """Return the argument of a call by its name or its position, the first being 0."""
    if any(isinstance(value, ast.Starred) for value in call.args[: position + 1]):
        return None
    if len(call.args) > position:
        return call.args[position]
    return next((keyword.value for keyword in call.keywords if keyword.arg == name), None)


def is_unpacked(call: ast.Call) -> bool:
    """Whether a call is given arguments that are not written there: `*args`, `**options`."""
    return any(isinstance(value, ast.Starred) for value in call.args) or any(k.arg is None for k in call.keywords)


def _is_asked_about(place: Place) -> bool:
    """Whether the code asks, before it comes to a place, what kind of scheduler it has."""
    node: ast.AST | None = place.node
    while node is not None and not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Module):
        inner, node = node, parent(place.module, node)
        match node:
            case ast.If(test=test) | ast.IfExp(test=test) if inner is not test and asks_kind(test):
                return True
            case ast.Try(body=body, handlers=[_, *_]) if inner in body:
                return True
            case ast.Match() | ast.match_case() | ast.ExceptHandler():
                return True
            case _:
                pass
    return False


def asks_kind(test: ast.expr) -> bool:
    """Whether a condition asks for the class of something, or compares a word that may stand for one."""
    for node in ast.walk(test):
        match node:
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)) if name in _ASKING:
                return True
            case ast.Attribute(attr=name) | ast.Name(id=name) if "plateau" in name.lower():
                return True
            case ast.Compare(left=left, comparators=others):
                words = [
                    inner.value
                    for side in (left, *others)
                    for inner in ast.walk(side)
                    if isinstance(inner, ast.Constant) and isinstance(inner.value, str)
                ]
                if any(word.lower() not in _PHASES for word in words):
                    return True
            case _:
                pass
    return False


def _is_stepped_both_ways(place: Place, receiver: ast.expr) -> bool:
    """Whether a function steps one thing with an argument here and without one there, by some condition."""
    found: set[bool] = set()
    name = ast.unparse(receiver)
    conditional = False
    for node in place.module.nodes.within(enclosing_function(place), ast.Call):
        match node:
            case ast.Call(func=ast.Attribute(value=value, attr="step"), args=args, keywords=keywords):
                if ast.unparse(value) == name and not _is_winding(place, node):
                    found.add(bool(args or keywords))
                    outer = parent(place.module, node)
                    while outer is not None and not isinstance(outer, ast.If | ast.Try | ast.FunctionDef):
                        outer = parent(place.module, outer)
                    conditional = conditional or isinstance(outer, ast.If | ast.Try)
            case _:
                pass
    return len(found) > 1 and conditional


def _is_winding(place: Place, call: ast.AST) -> bool:
    """Whether a loop does nothing but this call: it winds the schedule on to where a run had stopped."""
    statement = parent(place.module, call)
    loop = parent(place.module, statement) if isinstance(statement, ast.Expr) else None
    return isinstance(loop, ast.For) and loop.body == [statement]
