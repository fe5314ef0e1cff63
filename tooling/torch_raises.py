"""What the installed torch raises for arguments that it cannot work with, found by trying each on a tiny model."""

from __future__ import annotations

import ast
import inspect
import json
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping
from itertools import takewhile
from types import MappingProxyType
from typing import Any, TypeAlias

import torch
from torch import nn
from torch.optim import SGD, lr_scheduler, swa_utils

from optlint.torch_api.raises import CONDITIONS
from optlint.torch_api.signatures import Formal, Signature, signatures
from torch_situations import SITUATIONS, layer

NUMBERS: tuple[float, ...] = (-3, -1, -1.0, -0.5, 0, 0.0, 0.25, 0.5, 1, 1.0, 1.5, 2, 2.0, 2.5, 3, 7, 10.0, 30)
WORD = "none of them"
REQUIRED: dict[str, dict[str, Any]] = {
    "StepLR": {"step_size": 2},
    "MultiStepLR": {"milestones": [2]},
    "ConstantLR": {"total_iters": 1},
    "ExponentialLR": {"gamma": 0.5},
    "CosineAnnealingLR": {"T_max": 4},
    "CosineAnnealingWarmRestarts": {"T_0": 4},
    "CyclicLR": {"base_lr": 0.01, "max_lr": 0.1},
    "OneCycleLR": {"max_lr": 0.1, "total_steps": 100},
    "SWALR": {"swa_lr": 0.05},
    "LinearLR": {},
    "PolynomialLR": {},
    "ReduceLROnPlateau": {},
    "LambdaLR": {"lr_lambda": lambda epoch: 0.5},
    "MultiplicativeLR": {"lr_lambda": lambda epoch: 0.5},
}
"""What each scheduler is given besides the argument in question; what raises late raises early with this."""
INSTEAD: dict[str, dict[str, Any]] = {
    "epochs": {"total_steps": None, "steps_per_epoch": 4},
    "steps_per_epoch": {"total_steps": None, "epochs": 4},
}
UNTRIED = frozenset(("optimizer", "last_epoch", "lr_lambda", "scale_fn"))
STEPS = {"OneCycleLR": 0}
"""How often a scheduler is stepped; once is enough for all but this one, whose total may be 1."""

OTHERS: dict[str, Any] = {
    "total_steps": 100,
    "epochs": 4,
    "steps_per_epoch": 4,
    "step_size_down": 5,
    "scale_fn": lambda cycle: 0.5,
}
"""Values of arguments beside which torch may no longer look at the one in question."""

Outcome: TypeAlias = "tuple[bool, str, str] | None"
"""Whether it was `step` that raised, the exception's name and its message; None where nothing raised."""


class UnknownConditionError(Exception):
    """The values that raise are none of the kinds that the table has words for."""


def table() -> dict[str, Any]:
    """Return the table of the installed torch, as JSON has it.

    Raises:
        UnknownConditionError: an argument is refused in a way that `CONDITIONS` does not know.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return {
            "torch": torch.__version__.partition("+")[0],
            "arguments": {name: found for name in sorted(REQUIRED) if (found := dict(_arguments(name)))},
            "per_group": {name: each for name in sorted(REQUIRED) if (each := dict(_per_group(name)))},
            "late_group": {name: raised for name in sorted(REQUIRED) if (raised := _late_group(name)) is not None},
            "situations": {name: _situation(name, tried) for name, tried in sorted(SITUATIONS.items())},
        }


def text() -> str:
    """Return the table as its file holds it: one line for each class or situation, which diffs well."""
    data = table()
    parts = []
    for part in ("arguments", "per_group", "late_group", "situations"):
        lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(each)}" for name, each in data[part].items())
        parts.append(f"{json.dumps(part)}: {{\n{lines}\n}}")
    return f'{{"torch": {json.dumps(data["torch"])}, {", ".join(parts)}}}\n'


def _arguments(name: str) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    for formal in _signature(name).parameters:
        if formal.name in UNTRIED or isinstance(formal.default, bool):
            continue
        words = _words(name, formal)
        values: tuple[Any, ...] = (*words, WORD) if words else NUMBERS
        outcomes = [(value, _outcome(name, formal.name, value)) for value in values]
        found = list(_refusals(f"{name}({formal.name}=...)", outcomes, words))
        refused = [value for value, outcome in outcomes if outcome is not None]
        unless = list(_unless(name, formal.name, refused))
        if found:
            yield formal.name, [{**each, **({"unless": unless} if unless else {})} for each in found]


def _unless(name: str, parameter: str, refused: list[Any]) -> Iterator[str]:
    """Yield the other parameters beside which the refused values are taken."""
    for other in (each.name for each in _signature(name).parameters):
        if other != parameter and other in OTHERS and refused:
            beside = {other: OTHERS[other]}
            if any(_outcome(name, parameter, value, beside) is None for value in refused):
                yield other


def _refusals(where: str, outcomes: list[tuple[Any, Outcome]], words: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    refused_before: list[Any] = []
    for at_step in (False, True):
        raised = [(value, each) for value, each in outcomes if each is not None and each[0] == at_step]
        if not raised:
            continue
        refused = [value for value, _ in raised]
        names = {each[1] for _, each in raised}
        data: dict[str, Any] = {
            "exception": " or ".join(sorted(names)),
            "message": _beginning([each[2] for _, each in raised]),
        }
        if words:
            if refused != [WORD]:
                raise UnknownConditionError(f"{where} refuses {refused} of {words}")
            data["words"] = list(words)
        else:
            data["condition"] = _condition(where, [value for value, _ in outcomes], refused, refused_before)
        if at_step:
            data["at_step"] = True
        refused_before = refused
        yield data


def _condition(where: str, tried: list[float], refused: list[float], before: list[float]) -> str:
    """Return the kind of number that is refused, and no other; a number refused before may be of the kind as well."""
    wanted = [id(value) for value in refused]
    earlier = {id(value) for value in before}
    for name, holds in CONDITIONS.items():
        if [id(value) for value in tried if holds(value) and id(value) not in earlier] == wanted:
            return name
    raise UnknownConditionError(f"{where} refuses {refused}: `CONDITIONS` has no name for that")


def _per_group(name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the parameters that take a list, and refuse one of three values for two groups, though not one of two."""
    for formal in _signature(name).parameters:
        if formal.name in UNTRIED - {"lr_lambda"} or isinstance(formal.default, bool | str):
            continue
        value = REQUIRED[name].get(formal.name, formal.default)
        right, *wrong = (_outcome(name, formal.name, [value] * count) for count in (2, 1, 3))
        raised = [each for each in wrong if each is not None and not each[0]]
        if right is None and len(raised) == len(wrong):
            message = _beginning([each[2] for each in raised])
            yield formal.name, {"exception": raised[0][1], "message": message}


def _late_group(name: str) -> dict[str, str] | None:
    """Return what the next step raises after the optimizer was given another group, if it raises."""
    optimizer = SGD(layer().parameters(), lr=0.1, momentum=0.9)
    scheduler = _class(name)(optimizer, **REQUIRED[name])
    optimizer.add_param_group({"params": layer().parameters()})
    optimizer.step()
    try:
        _step(name, scheduler)
    except Exception as error:
        return {"exception": type(error).__name__, "message": _message(error)}
    return None


def _step(name: str, scheduler: Any) -> None:
    scheduler.step(*((1.0,) if name == "ReduceLROnPlateau" else ()))


def _outcome(name: str, parameter: str, value: object, beside: Mapping[str, object] = MappingProxyType({})) -> Outcome:
    layers = nn.Linear(2, 2), nn.Linear(2, 1)
    optimizer = SGD([{"params": each.parameters()} for each in layers], lr=0.1, momentum=0.9)
    options = {**REQUIRED[name], **INSTEAD.get(parameter, {}), **beside, parameter: value}
    try:
        scheduler = _class(name)(optimizer, **options)
    except Exception as error:
        return False, type(error).__name__, _message(error)
    try:
        for _ in range(STEPS.get(name, 1)):
            optimizer.step()
            _step(name, scheduler)
    except Exception as error:
        return True, type(error).__name__, _message(error)
    return None


def _message(error: Exception) -> str:
    """Return an exception's message where torch has worded it; the interpreter's own words change with its version."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return str(error) if (last.line or "").startswith("raise ") or isinstance(error, KeyError) else ""


def _beginning(messages: list[str]) -> str:
    """Return what all messages begin with, up to the value that was tried."""
    same = takewhile(lambda letters: len(set(letters)) == 1, zip(*messages, strict=False))
    return "".join(letters[0] for letters in same).partition(WORD)[0].strip()


def _words(name: str, formal: Formal) -> tuple[str, ...]:
    """Return the words that a parameter takes, which its annotation lists."""
    annotation = inspect.signature(_class(name)).parameters[formal.name].annotation
    match ast.parse(str(annotation), mode="eval").body if isinstance(annotation, str) else None:
        case ast.Subscript(value=ast.Name(id="Literal"), slice=words):
            found = ast.literal_eval(words)
            return found if isinstance(found, tuple) else (found,)
        case _:
            return ()


def _class(name: str) -> Callable[..., Any]:
    found: Callable[..., Any] = getattr(lr_scheduler, name, None) or getattr(swa_utils, name)
    return found


def _signature(name: str) -> Signature:
    found = signatures()
    return found.get(f"torch.optim.lr_scheduler.{name}") or found[f"torch.optim.swa_utils.{name}"]


def _situation(name: str, tried: Callable[[], object]) -> dict[str, str]:
    try:
        tried()
    except Exception as error:
        return {"exception": type(error).__name__, "message": _message(error)}
    raise UnknownConditionError(f"{name}: nothing was raised")
