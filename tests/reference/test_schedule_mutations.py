"""Plants one error at a time into the formulas of the schedules: the comparison with torch must notice each."""

from __future__ import annotations

import ast
import math
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

pytest.importorskip("torch", reason="the schedules are compared with torch's")

from schedule_cases import (
    CASES,
    Case,
    apart,
    build,
    rates_of,
    torch_step,
    walk_closed_form,
    walk_recursion,
    walk_torch,
)
from test_schedule_coverage import schedulers_of_torch, without_reference
from test_schedule_plateau import LEVELS, PLATEAUS, noisy, walk_plateau
from test_schedule_warmup import WARMUPS
from torch.optim.lr_scheduler import ReduceLROnPlateau

from optlint.reference import schedules
from optlint.reference.schedules import SCHEDULES
from optlint.reference.schedules.ramp import LinearLR
from optlint.reference.schedules.schedule import NoClosedFormError, Rates
from optlint.reference.schedules.swa import SWALR

PACKAGE = "optlint.reference.schedules"
BASED = ["lambdas", "decay", "ramp", "cosine", "cyclic", "one_cycle", "swa", "composition"]
"""The modules that have the classes derived from those of `schedule`."""

Change = Callable[[Any], None]

BINARY: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Div,
    ast.Mod: ast.FloorDiv,
    ast.Pow: ast.Mult,
}
COMPARED: dict[type[ast.cmpop], list[type[ast.cmpop]]] = {
    ast.Lt: [ast.LtE, ast.GtE],
    ast.LtE: [ast.Lt, ast.Gt],
    ast.Gt: [ast.GtE, ast.LtE],
    ast.GtE: [ast.Gt, ast.Lt],
    ast.Eq: [ast.NotEq],
    ast.NotEq: [ast.Eq],
    ast.Is: [ast.IsNot],
    ast.IsNot: [ast.Is],
}
NAMED = {"min": "max", "max": "min", "cos": "sin", "floor": "ceil", "prod": "fsum", "sum": "max"}

EQUIVALENT: dict[str, dict[str, str]] = {
    "decay": {
        "PolynomialLR.multiplier: t <= self.total_iters for t < self.total_iters": "1 - T / T is 0 too",
    },
    "ramp": {
        "LinearLR.multiplier: t > self.total_iters for t >= self.total_iters": "the line is at its end at T",
    },
    "cosine": {
        "CosineAnnealingLR.step: t - 1 + self.T_max for t - 1 - self.T_max": "modulo 2 T the two are one",
        "CosineAnnealingWarmRestarts._restart: self.T_0 * (self.T_mult ** n - 1) / (self.T_mult - 1)"
        " for self.T_0 * (self.T_mult ** n - 1) // (self.T_mult - 1)": "m - 1 divides m ** n - 1",
    },
    "cyclic": {
        "CyclicLR.closed_form: p < self.step_size_up for p <= self.step_size_up": "both sides are 1 at the peak",
        "CyclicLR.evaluate: x < step_ratio for x <= step_ratio": "both sides are 1 at the peak",
    },
    "one_cycle": {
        "OneCycleLR._phase: t < phase.end for t <= phase.end": "a phase ends where the next one begins",
    },
    "swa": {
        "SWALR.step: min(2, (count - 1) / length) for min(1, (count - 1) / length)": "no part of it once alpha is 1",
        "SWALR.step: min(2, count / length) for min(1, count / length)": "between swa_lr and swa_lr there is no other",
        "SWALR.step: max(2, t) for max(1, t)": "without annealing 1 is after the end already",
    },
    "plateau": {
        "ReduceLROnPlateau.cuts: self.start(1.0) for self.start(0.0)": "of the start the best is taken, not the rate",
    },
    "warmup": {
        "PolynomialDecayScheduleWithWarmup.__call__: t >= self.num_training_steps for t > self.num_training_steps": (
            "the polynomial is at lr_end there, for powers above 0"
        ),
    },
}
"""Mutants that compute the same, by module and name, and why."""


def mutants(source: str) -> Iterator[tuple[str, ast.Module]]:
    """Each mutant, and its name: where it is, what it has, and for what; the second alike in a function has `#2`."""
    tree = ast.parse(source)
    names: Counter[str] = Counter()
    for path, at, make in _sites(tree):
        mutated = ast.parse(source)  # quicker than a copy
        *_, parent, place = _along(mutated, path)
        shown = parent if isinstance(place, (ast.Constant, ast.Name, ast.Attribute)) else place
        shown = shown.test if isinstance(shown, ast.If) else shown
        before = ast.unparse(shown)
        make(place)
        shown = place.test if isinstance(place, ast.If) else shown
        name = f"{at}: {ast.unparse(shown)} for {before}"
        names[name] += 1
        yield f"{name} #{names[name]}" if names[name] > 1 else name, mutated


def _along(node: Any, path: tuple[str | int, ...]) -> Iterator[Any]:
    """The nodes from the one given to that at the path."""
    yield node
    for step in path:
        node = node[step] if isinstance(step, int) else getattr(node, step)
        if isinstance(node, ast.AST):
            yield node


def _sites(tree: ast.Module) -> Iterator[tuple[tuple[str | int, ...], str, Change]]:
    """The path to each node with something to change, the function it is in, and the change to make."""
    waiting: list[tuple[tuple[str | int, ...], ast.AST, str]] = [((), tree, "")]
    while waiting:
        path, node, at = waiting.pop(0)
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)):
            at = f"{at}.{node.name}".lstrip(".")
        for make in _changes(node):
            yield path, at, make
        for name, value in ast.iter_fields(node):
            if name not in {"annotation", "returns", "decorator_list", "bases"} and not isinstance(node, ast.Raise):
                steps = [(name, i) for i in range(len(value))] if isinstance(value, list) else [(name,)]
                for step in steps:
                    *_, child = _along(node, step)
                    if child is not node and not _is_docstring(child):
                        waiting.append(((*path, *step), child, at))


def _changes(node: ast.AST) -> Iterator[Change]:
    match node:
        case ast.BinOp(op=op) | ast.AugAssign(op=op) if type(op) in BINARY:
            yield lambda place: setattr(place, "op", BINARY[type(place.op)]())
        case ast.Compare(ops=ops):
            for i, compared in enumerate(ops):
                for other in COMPARED[type(compared)]:
                    yield partial(_compare, i=i, other=other)
        case ast.BoolOp():
            yield lambda place: setattr(place, "op", ast.Or() if isinstance(place.op, ast.And) else ast.And())
        case ast.UnaryOp(op=ast.USub()):
            yield lambda place: setattr(place, "op", ast.UAdd())
        case ast.If() | ast.IfExp() if not isinstance(node.test, (ast.Compare, ast.BoolOp)):
            yield lambda place: setattr(place, "test", ast.UnaryOp(ast.Not(), place.test))
        case ast.Constant(value=bool()):
            yield lambda place: setattr(place, "value", not place.value)
        case ast.Constant(value=int() | float()):
            yield lambda place: setattr(place, "value", place.value + 1)
        case ast.Constant(value=str()):
            yield lambda place: setattr(place, "value", f"{place.value}?")
        case ast.Attribute(attr=name) if name in NAMED:
            yield lambda place: setattr(place, "attr", NAMED[place.attr])
        case ast.Name(id=name) if name in NAMED:
            yield lambda place: setattr(place, "id", NAMED[place.id])


def _compare(place: Any, i: int, other: type[ast.cmpop]) -> None:
    place.ops[i] = other()


def _is_docstring(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def load(name: str, tree: ast.Module) -> dict[str, Any]:
    """The classes of a module, mutated; of `schedule` all that are derived from its classes too."""
    classes: dict[str, Any] = dict(SCHEDULES)
    replaced: dict[str, ModuleType] = {}
    try:
        for each in [name, *(BASED if name == "schedule" else ())]:
            module = ModuleType(f"{PACKAGE}.{each}")
            replaced[module.__name__] = sys.modules[module.__name__]
            sys.modules[module.__name__] = module
            exec(compile(tree if each == name else ast.parse(source(each)), each, "exec"), vars(module))
            classes |= vars(module)
    finally:
        sys.modules |= replaced
    return classes


@cache
def source(name: str) -> str:
    return Path(str(schedules.__file__)).with_name(f"{name}.py").read_text(encoding="utf-8")


def defined(name: str) -> set[str]:
    """The names of the classes in a module."""
    return {each.name for each in ast.parse(source(name)).body if isinstance(each, ast.ClassDef)}


@cache
def walked(i: int) -> list[list[Rates]]:
    return walk_torch(CASES[i])


@cache
def jumped(i: int) -> list[tuple[int, list[Rates], list[Rates]]]:
    """The epochs that torch's scheduler of case `i` is told, with the rates before and after."""
    optimizer, scheduler = build(CASES[i])
    jumps = []
    for epoch in (3, 17, 0, 45):
        before = rates_of(optimizer)
        torch_step(scheduler, epoch)
        jumps.append((epoch, before, rates_of(optimizer)))
    return jumps


def schedules_agree(classes: Mapping[str, Any], names: set[str]) -> bool:
    """Whether all schedules of these names compute what torch does, have its defaults and raise where it does."""
    schedulers = [each for each in schedulers_of_torch() if each.__name__ in names]
    cases = [(i, case) for i, case in enumerate(CASES) if names & {each.name for each in case.spec.all()}]
    return (
        without_reference(schedulers, classes) == []
        and ("OneCycleLR" not in names or _raises(ValueError, lambda: classes["OneCycleLR"](0.1, 9).evaluate(0.1, 10)))
        and ("OneCycleLR" not in names or _raises(ValueError, lambda: classes["OneCycleLR"](0.1, None, 9).steps))
        and ("Within" not in names or _shifts(classes["Within"]))
        and all(_case_agrees(i, case, classes) for i, case in cases)
    )


def _case_agrees(i: int, case: Case, classes: Mapping[str, Any]) -> bool:
    for group, rates in enumerate(walked(i)):
        schedule = case.spec.reference(group, classes)
        near = partial(_is_near, case, case.against(rates))
        if not near(walk_recursion(case, group, schedule), rates):
            return False
        if case.closed:
            if not near(walk_closed_form(case, group, schedule), rates):
                return False
        elif not _raises(classes.get("NoClosedFormError", NoClosedFormError), partial(schedule.closed_form, 0.1, 3)):
            return False
        if case.spec.name in {"SequentialLR", "ChainedScheduler"}:
            if not _raises(NotImplementedError, partial(schedule.jump, 0.1, Rates(0.1), 0)):
                return False
        elif case.spec.name != "SWALR":  # which does not go where torch is told to
            for epoch, before, after in jumped(i):
                if not near([schedule.jump(case.initial(group), before[group], epoch)], [after[group]]):
                    return False
    return True


def _is_near(case: Case, against: Any, one: list[Rates], other: list[Rates]) -> bool:
    return apart(one, other, against) <= case.tolerance


def _shifts(within: Any) -> bool:
    inner, own, rates = LinearLR(0.1, 0.7, 20), 0.3, Rates(0.2, 0.9)
    ahead = within(inner, own, 5)
    return (
        ahead.closed_form(0.1, 3) == inner.closed_form(own, 8)
        and ahead.step(0.1, rates, 3) == inner.step(own, rates, 8)
        and ahead.start(0.1, rates) == inner.start(own, rates)
        and ahead.jump(0.1, rates, 3) == inner.jump(own, rates, 3)
        and within(inner).closed_form(0.1, 3) == inner.closed_form(0.1, 3)
        and within(SWALR(0.1)).relative
        and not ahead.relative
    )


def _raises(error: type[Exception], call: Callable[[], Any]) -> bool:
    try:
        call()
    except error:
        return True
    return False


@cache
def plateaus() -> list[tuple[dict[str, Any], list[float], list[float]]]:
    """The arguments, the metrics, and torch's rate after each of them."""
    metrics = [[*LEVELS, *LEVELS[::-1]] * 3, [math.nan] * 20, noisy(5, 100), [-each for each in noisy(5, 100)]]
    return [(case, each, walk_plateau(case, [0.1], each)[0]) for case in PLATEAUS for each in metrics]


def plateaus_agree(classes: Mapping[str, Any], names: set[str]) -> bool:
    for arguments, metrics, rates in plateaus():
        schedule = classes["ReduceLROnPlateau"](**arguments)
        cuts = schedule.cuts(metrics)
        closed = [schedule.closed_form(0.1, sum(cut <= t for cut in cuts)) for t in range(1, len(metrics) + 1)]
        if schedule.fold(0.1, metrics) != rates or not all(map(partial(math.isclose, rel_tol=1e-12), closed, rates)):
            return False
    return without_reference([ReduceLROnPlateau], classes) == []


@cache
def warmups() -> list[list[float]]:
    return [case.expected() for case in WARMUPS]


def warmups_agree(classes: Mapping[str, Any], names: set[str]) -> bool:
    close = partial(math.isclose, rel_tol=1e-12, abs_tol=1e-12)
    for case, expected in zip(WARMUPS, warmups(), strict=True):
        factor = classes[case.name](**case.arguments)
        if not all(close(factor(t), value) for t, value in enumerate(expected)):
            return False
    return True


def noticed(agree: Callable[[], bool]) -> bool:
    try:
        return not agree()
    except Exception:  # whatever a planted error ends in: it does not stay unnoticed
        return True


@pytest.mark.parametrize("name", ["schedule", *BASED, "plateau", "warmup"])
def test_every_planted_error_is_noticed(name: str) -> None:
    agree = {"plateau": plateaus_agree, "warmup": warmups_agree}.get(name, schedules_agree)
    names = set(SCHEDULES) if name == "schedule" else defined(name)
    assert agree(load(name, ast.parse(source(name))), names), "the comparison fails without an error"
    planted = dict(mutants(source(name)))
    unnoticed = {
        each for each, tree in planted.items() if not noticed(partial(lambda t: agree(load(name, t), names), tree))
    }
    assert unnoticed == EQUIVALENT.get(name, {}).keys()
    assert len(planted) > len(unnoticed)
