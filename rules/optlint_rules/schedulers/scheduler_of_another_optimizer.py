"""The scheduler drives another optimizer than the one that steps.

A scheduler writes the rate into the groups of the optimizer that it was given. Where that one never steps, because
another was built after the scheduler, or another was meant, the one that does keeps its rate: it stays at 0.1 for the
whole run while the scheduler reports 0.05, 0.025 and so on. All that torch says is one warning about the order of
`optimizer.step()` and `lr_scheduler.step()`, and that is not about this.

## Example

```python
import torch
from torch import nn
from torch.optim.lr_scheduler import StepLR

model = nn.Sequential(nn.Linear(5, 10), nn.ReLU(), nn.Linear(10, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
scheduler = StepLR(optimizer, step_size=4, gamma=0.5)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)

for epoch in range(12):
    for x in torch.randn(40, 5).split(10):
        optimizer.zero_grad()
        loss = (model(x) - x.mean(dim=1, keepdim=True)).pow(2).mean()
        loss.backward()
        optimizer.step()
    scheduler.step()
```

## Use instead

```python
import torch
from torch import nn
from torch.optim.lr_scheduler import StepLR

model = nn.Sequential(nn.Linear(5, 10), nn.ReLU(), nn.Linear(10, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
scheduler = StepLR(optimizer, step_size=4, gamma=0.5)

for epoch in range(12):
    for x in torch.randn(40, 5).split(10):
        optimizer.zero_grad()
        loss = (model(x) - x.mean(dim=1, keepdim=True)).pow(2).mean()
        loss.backward()
        optimizer.step()
    scheduler.step()
```

## When the code is right

These are not reported:

- Several optimizers, each with its scheduler.
- An optimizer inside another one (SAM, Lookahead, a wrapper of the project's own), which is stepped by that.
- An optimizer that is handed to a function or object that cannot be seen: it may step there.
- An optimizer that is stepped on one of several paths.
- The optimizer that steps has a scheduler of its own.

## Fix safety

Unsafe, since it changes the learning rates of the run, which is its purpose. Where the optimizer was built a second
time under the same name, the construction of the scheduler moves below it; else the scheduler is given the optimizer
that steps. There is no fix where neither is plain.

## Evidence

A replay compares the rate of each update with what the schedule is at. On torch 2.13 the optimizer that steps uses 0.1
in each of its updates, while the groups of the other one go down. After the fix the rates equal the reference.

## References

- How to adjust learning rate: https://docs.pytorch.org/docs/stable/optim.html#how-to-adjust-learning-rate
- `torch.optim.lr_scheduler.StepLR`: https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.StepLR.html
"""

from __future__ import annotations

import ast

from optlint.api import (
    OPTIMIZER,
    SCHEDULER,
    UNSAFE,
    Act,
    Confidence,
    Editor,
    Edits,
    Evidence,
    Level,
    Object,
    Optimizer,
    Place,
    Repair,
    Rule,
    Scheduler,
    Used,
    Violation,
    canonical,
    enclosing,
    enclosing_statement,
    parent,
    step,
)
from optlint_rules.schedulers.holding import name_of, uses

_ASKED = frozenset(("zero_grad", "param_groups", "state_dict", "load_state_dict", "step", "state", "defaults"))


def _level(violation: Violation) -> Level | None:
    scheduler = violation.binding.scheduler
    if scheduler is None or len(violation.binding.optimizers) != 1:
        return None
    driven = violation.binding.optimizer
    if not all(map(_is_of_torch, (scheduler, driven))) or _stepping(violation) is None:
        return None
    return None if _may_step_elsewhere(driven) or _is_meant_to_step(violation) else Level.ERROR


def _is_meant_to_step(violation: Violation) -> bool:
    """Whether the optimizer clears in a loop the gradients that it holds, or names its step: then that is missing."""
    assert violation.entry is not None
    for event in violation.entry.having(Act.CLEAR, Act.MENTION):
        if violation.binding.optimizer in map(canonical, event.subjects) and enclosing(violation.entry, event):
            return True
    return False


def _is_of_torch(value: Object) -> bool:
    certain = value.confidence is Confidence.CERTAIN and value.place is not None
    return certain and isinstance(value, Optimizer | Scheduler) and value.info is None


def _stepping(violation: Violation) -> Optimizer | None:
    """Return the one optimizer of those without a scheduler that steps in a loop in which the scheduler steps.

    Of several it is the one that holds what the scheduler's optimizer holds.
    """
    assert violation.entry is not None
    entry, scheduler = violation.entry, violation.binding.scheduler
    assert scheduler is not None
    asked = list(entry.concerning(scheduler, Act.SCHEDULE))
    loops = {around[0] for around in (enclosing(entry, event) for event in asked) if around}
    served = {canonical(owner) for each in entry.schedulers for owner in each.optimizers}
    found: set[Optimizer] = set()
    for event in entry.having(Act.STEP):
        if not loops.isdisjoint(enclosing(entry, event)):
            found |= {each for each in map(canonical, event.subjects) if isinstance(each, Optimizer)}
    found -= served
    if len(found) > 1:
        held = [source.model for source in violation.binding.optimizer.sources]
        found = {each for each in found if any(map(each.holds, held))}
    [other] = found if len(found) == 1 else [None]
    return other if other is not None and _is_of_torch(other) else None


def _may_step_elsewhere(driven: Optimizer) -> bool:
    """Whether the optimizer is handed on, or goes by a name that is not plain."""
    assert driven.place is not None
    target = name_of(driven.place)
    if target is None:
        return True
    for use in uses(driven.place, target):
        outer = parent(driven.place.module, use)
        if isinstance(outer, ast.Attribute) and outer.value is use and outer.attr in _ASKED:
            continue
        if not (_is_given_to_scheduler(driven.place, use) or _is_other_value(driven.place, use)):
            return True
    return False


def _is_given_to_scheduler(built: Place, use: ast.expr) -> bool:
    call = parent(built.module, use)
    call = parent(built.module, call) if isinstance(call, ast.keyword) else call
    if not isinstance(call, ast.Call):
        return False
    name = getattr(call.func, "attr", "") or getattr(call.func, "id", "")
    return name.endswith(("LR", "Plateau", "WarmRestarts", "ChainedScheduler")) or "schedule" in name


def _is_other_value(built: Place, use: ast.expr) -> bool:
    """Whether the name has been given something else in between, in the same block and without a condition."""
    own = enclosing_statement(built)
    target = name_of(built)
    block = parent(built.module, own)
    if target is None:
        return False
    for statement in getattr(block, "body", ()):
        if own.lineno < statement.lineno <= use.lineno and isinstance(statement, ast.Assign) and statement is not own:
            if any(ast.unparse(each) == ast.unparse(target) for each in statement.targets):
                inside = any(node is use for node in ast.walk(statement))
                return not inside
    return False


def _place(violation: Violation) -> Place:
    scheduler = violation.binding.scheduler
    assert scheduler is not None
    assert scheduler.place is not None
    return scheduler.place


def _wording(violation: Violation, level: Level) -> dict[str, str]:
    other = _stepping(violation)
    return {"other": other.label if other is not None and other.label else "the optimizer"}


def _rebind(violation: Violation, editor: Editor) -> Edits | None:
    scheduler, driven, other = violation.binding.scheduler, violation.binding.optimizer, _stepping(violation)
    assert scheduler is not None
    if scheduler.place is None or driven.place is None or other is None or other.place is None or scheduler.children:
        return None
    if other.place.module is not violation.at.module or driven.place.module is not violation.at.module:
        return None
    old, new = name_of(driven.place), name_of(other.place)
    call = scheduler.place.node
    if old is None or new is None or not isinstance(call, ast.Call):
        return None
    built, replaced = enclosing_statement(scheduler.place), enclosing_statement(other.place)
    if not isinstance(built, ast.Assign) or not editor.same_block(built, replaced):
        return None
    if ast.unparse(old) == ast.unparse(new):
        if replaced.lineno < built.lineno:
            return None
        return editor.move_after(built, replaced) if not _used_between(violation, built, replaced, editor) else None
    if replaced.lineno > built.lineno:
        return None
    given = call.args[0] if call.args else next((k.value for k in call.keywords if k.arg == "optimizer"), None)
    return editor.replace(given, ast.unparse(new)) if given is not None else None


def _used_between(violation: Violation, built: ast.Assign, replaced: ast.stmt, editor: Editor) -> bool:
    names = {ast.unparse(target) for target in built.targets}
    between = editor.statements_between(built, replaced)
    return any(ast.unparse(node) in names for each in between for node in ast.walk(each) if isinstance(node, ast.expr))


RULE = Rule(
    code="OPT411",
    level=Level.ERROR,
    message="`{other}` keeps its learning rate: the scheduler drives an optimizer that never steps",
    triggers=(("optimizer", "torch"), ("optim.", "torch"), ("torch.optim",)),
    property=Used(begun=step(SCHEDULER), use=step(OPTIMIZER)),
    judge=_level,
    place=_place,
    wording=_wording,
    repair=Repair("Let the scheduler drive the optimizer that steps", UNSAFE, _rebind),
    evidence=Evidence.LEARNING_RATE,
)
