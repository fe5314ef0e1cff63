"""A scheduler is given a number that it cannot work with.

Most of them raise, at once (`OneCycleLR(optimizer, 0.1, 10.0)`: `ValueError: Expected positive integer total_steps, but
got 10.0`) or in the first step (`StepLR(optimizer, 0)`: `ZeroDivisionError: integer modulo by zero`). Some are taken in
silence: `StepLR(optimizer, 0.1, 30)`, with its arguments swapped, never decays; `CosineAnnealingLR(optimizer, 10, -1)`,
whose third argument is not `last_epoch` but `eta_min`, goes down to a rate of -1, and the model climbs its loss.

## Example

```python
import torch
from torch import nn
from torch.optim.lr_scheduler import CosineAnnealingLR

model = nn.Linear(3, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
scheduler = CosineAnnealingLR(optimizer, 10, -1)

for epoch in range(10):
    x = torch.randn(32, 3)
    optimizer.zero_grad()
    loss = (model(x) - x.prod(dim=1, keepdim=True)).pow(2).mean()
    loss.backward()
    optimizer.step()
    scheduler.step()
```

## Use instead

```python
import torch
from torch import nn
from torch.optim.lr_scheduler import CosineAnnealingLR

model = nn.Linear(3, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
scheduler = CosineAnnealingLR(optimizer, 10, last_epoch=-1)

for epoch in range(10):
    x = torch.randn(32, 3)
    optimizer.zero_grad()
    loss = (model(x) - x.prod(dim=1, keepdim=True)).pow(2).mean()
    loss.backward()
    optimizer.step()
    scheduler.step()
```

## When the code is right

These are not reported:

- Numbers that are not known: arguments, values that depend on a condition, and defaults of functions that the file
  does not call.
- Factors a little above 1, as tests of learning rates use them: `ExponentialLR(optimizer, 1.1)`.
- A whole number as a float where torch takes it: `StepLR(optimizer, 30.0)`, `CosineAnnealingLR(optimizer, 10.0)`.
- Milestones that are not in order, which torch sorts.
- Schedulers that are not torch's, and calls that a test expects to raise.

## Fix safety

Swapped arguments of `StepLR` are put in order, and a `-1` in the place of `eta_min` becomes `last_epoch=-1`. Both
change the learning rates, which is the purpose, and are unsafe. For all else nobody knows which number was meant, and
there is no fix.

## Evidence

A replay makes the scheduler and steps it: on torch 2.13 each of the numbers that are reported raises, makes the rate
negative or a hundred times as large, or keeps a rate for good that was to change (of that a replay cannot be sure).

## References

- `torch.optim.lr_scheduler.StepLR`: https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.StepLR.html
- `torch.optim.lr_scheduler.OneCycleLR`: https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.OneCycleLR.html
- `torch.optim.lr_scheduler.CosineAnnealingLR`: https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.CosineAnnealingLR.html
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Set

from optlint.api import (
    UNSAFE,
    Act,
    Argument,
    Confidence,
    Const,
    Construction,
    Editor,
    Edits,
    Evidence,
    Level,
    Place,
    Program,
    Query,
    Repair,
    Rule,
    Scheduler,
    Violation,
    refused,
    scheduler_signature,
)
from optlint_rules.schedulers.defaults import default_numbers
from optlint_rules.schedulers.words import BUILT

_RAISES, _AT_STEP = "torch raises here", "torch raises in a step"
_NEGATIVE, _GROWS, _STAYS = "the rate becomes negative", "the rate grows without end", "the rate never changes"

_WRONG: dict[tuple[str, str], tuple[tuple[Callable[[float], bool], str], ...]] = {
    ("StepLR", "step_size"): ((lambda x: 0 < x < 1, _STAYS),),
    ("StepLR", "gamma"): ((lambda x: x < 0, _NEGATIVE),),
    ("MultiStepLR", "gamma"): ((lambda x: x < 0, _NEGATIVE),),
    ("ExponentialLR", "gamma"): ((lambda x: x < 0, _NEGATIVE), (lambda x: x >= 2, _GROWS)),
    ("CosineAnnealingLR", "eta_min"): ((lambda x: x < 0, _NEGATIVE),),
    ("CosineAnnealingWarmRestarts", "eta_min"): ((lambda x: x < 0, _NEGATIVE),),
    ("LinearLR", "total_iters"): ((lambda x: x == 0, _STAYS),),
    ("ConstantLR", "total_iters"): ((lambda x: x == 0, _STAYS),),
}
"""For each parameter, by class, which numbers torch takes although they are wrong, and what they do."""


def _find(program: Program) -> Iterator[Violation]:
    for entry in program.entries:
        for event in entry.having(Act.NEW):
            for subject in event.subjects:
                if isinstance(subject, Scheduler) and subject.info is None and subject.confidence is Confidence.CERTAIN:
                    for made in subject.constructions:
                        if made.place.node is event.place.node:
                            for place, parts in _of(made, default_numbers(event)):
                                yield Violation(program, place, {"made": event}, (event,), entry=entry, parts=parts)


def _of(made: Construction, unsure: frozenset[float]) -> Iterator[tuple[Place, dict[str, str]]]:
    signature = scheduler_signature(made.name)
    names = [each.name for each in signature.parameters] if signature is not None else []
    given: dict[str, Argument] = {}
    for argument in made.arguments:
        index = argument.index if argument.index is not None else len(names)
        given[argument.name or (names[index] if index < len(names) else "")] = argument
    for name, argument in given.items():
        what = _wrong(made, name, argument, given.keys())
        if what and not _may_be_another(argument, unsure):
            place = made.place if argument.node is None else Place(made.place.module, argument.node)
            text = name if argument.node is None else f"{name}={ast.unparse(argument.node)}"
            yield place, {"what": what, "argument": text, "name": made.name}
    if made.name == "OneCycleLR" and made.complete:
        yield from _of_cycle(made, given)


def _of_cycle(made: Construction, given: dict[str, Argument]) -> Iterator[tuple[Place, dict[str, str]]]:
    known = {name for name, argument in given.items() if argument.value != Const(None)}
    if "total_steps" not in known and not {"epochs", "steps_per_epoch"} <= known:
        missing = "no `total_steps`, nor `epochs` with `steps_per_epoch`"
        yield made.place, {"what": _RAISES, "argument": missing.replace("`", ""), "name": made.name}


def _may_be_another(argument: Argument, unsure: frozenset[float]) -> bool:
    """Whether a number may be one that the function has by default, and is given otherwise."""
    written = argument.node is not None and not any(isinstance(each, ast.Name) for each in ast.walk(argument.node))
    return not written and isinstance(argument.value, Const) and argument.value.value in unsure


def _wrong(made: Construction, name: str, argument: Argument, given: Set[str]) -> str:
    """Return what a value does where it is one that a class cannot work with; else an empty string."""
    if name == "milestones" and argument.items is not None and made.name == "MultiStepLR":
        numbers = [item.value for item in argument.items if isinstance(item, Const)]
        never = [x for x in numbers if isinstance(x, str) or (isinstance(x, float) and not x.is_integer())]
        return "a milestone is never reached" if never else ""
    if not isinstance(argument.value, Const):
        return ""
    value = argument.value.value
    refusal = refused(made.name, name, value)
    if refusal is not None:
        ignored = refusal.unless and (not made.complete or refusal.unless & given)
        return "" if ignored else _AT_STEP if refusal.at_step else _RAISES
    if isinstance(value, bool) or not isinstance(value, int | float):
        return ""
    return next((what for is_wrong, what in _WRONG.get((made.name, name), ()) if is_wrong(value)), "")


def _mend(violation: Violation, editor: Editor) -> Edits | None:
    made, node = violation.roles["made"].place.node, violation.at.node
    if not isinstance(made, ast.Call) or not isinstance(node, ast.expr):
        return None
    name = violation.parts["name"]
    if name == "StepLR" and len(made.args) == 3 and node is made.args[1] and _value(made.args[2], 2):
        first, second = editor.text(made.args[1]), editor.text(made.args[2])
        return (*editor.replace(made.args[1], second), *editor.replace(made.args[2], first))
    if name in ("CosineAnnealingLR", "CosineAnnealingWarmRestarts") and node in made.args:
        at = 2 if name == "CosineAnnealingLR" else 3
        alone = len(made.args) == at + 1 and all(each.arg != "last_epoch" for each in made.keywords)
        if alone and ast.unparse(node) == "-1":
            return editor.replace(node, f"last_epoch={editor.text(node)}")
    return None


def _value(node: ast.expr, least: int) -> bool:
    return isinstance(node, ast.Constant) and type(node.value) is int and node.value >= least


RULE = Rule(
    code="OPT408",
    level=Level.ERROR,
    message="{what}: `{name}` cannot work with `{argument}`",
    triggers=(*BUILT, ("LROnPlateau", "torch")),
    property=Query(_find),
    repair=Repair("Put the argument where it belongs", UNSAFE, _mend),
    evidence=Evidence.CRASH,
)
