"""A new optimizer is built in each iteration of the loop that steps it.

All but plain SGD keep something from step to step: momentum, moments, sums of squares, a step count. A new optimizer
begins without. Built anew for each batch, SGD with momentum is plain SGD (after 60 updates the loss was 0.333 in
place of 0.0277); each update of Adam has the size of the rate, whatever the gradient (-0.00999990 and -0.00999999
for gradients of 0.001 and 100 at a rate of 0.01); RMSprop makes steps of ten times the rate; Adagrad never slows
down. Built anew for each epoch, all that is lost once an epoch.

## Example

```python
import torch
from torch import nn

model = nn.Sequential(nn.Linear(5, 10), nn.Tanh(), nn.Linear(10, 1))

for epoch in range(20):
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    for inputs in torch.randn(64, 5).split(16):
        optimizer.zero_grad()
        loss = (model(inputs) - inputs.sum(dim=1, keepdim=True)).pow(2).mean()
        loss.backward()
        optimizer.step()
```

## Use instead

```python
import torch
from torch import nn

model = nn.Sequential(nn.Linear(5, 10), nn.Tanh(), nn.Linear(10, 1))

optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
for epoch in range(20):
    for inputs in torch.randn(64, 5).split(16):
        optimizer.zero_grad()
        loss = (model(inputs) - inputs.sum(dim=1, keepdim=True)).pow(2).mean()
        loss.backward()
        optimizer.step()
```

## When the code is right

These are not reported:

- SGD without momentum, which keeps nothing (bit for bit the same), and ASGD, for which hardly anything changes.
- A new model in the same iteration, or the old one with its first values again: folds, seeds, members of an ensemble,
  adaptation at test time.
- A loop over tasks, stages or settings around the loop over epochs.
- A new optimizer under a condition (`if epoch == 10:`), or with arguments that change from one iteration to the next.
- Layers that are frozen or unfrozen in the same iteration.
- An optimizer over something that is made there, such as the noise of an attack.

## Fix safety

The fix moves the construction above the loop, and schedulers that are built on it there along with it. It is unsafe
because it changes every update after the first: that is its purpose.

There is no fix where the construction is not a plain assignment in the body of the loop.

## Evidence

A replay looks at the state with which each update begins. On torch 2.13 it is empty in the first update of each new
optimizer, whatever those before it have gathered; after the fix it goes on. For SGD without momentum there is
nothing to lose.

## References

- Constructing an optimizer: https://docs.pytorch.org/docs/stable/optim.html#constructing-it
- Adam: a method for stochastic optimization: https://arxiv.org/abs/1412.6980
"""

from __future__ import annotations

import ast
import re

from optlint.api import (
    OPTIMIZER,
    UNSAFE,
    Absence,
    Act,
    Confidence,
    Editor,
    Edits,
    Event,
    Evidence,
    Level,
    Loop,
    Model,
    Optimizer,
    Repair,
    Rule,
    Scheduler,
    Violation,
    canonical,
    new,
    step,
    tables,
)
from optlint_rules.order.hoisting import above_the_loops, building_statement
from optlint_rules.order.repetition import (
    bodies,
    events_of,
    innermost_loop,
    is_conditional,
    is_made_in,
    is_of_training,
    loops_between,
    read_in,
    statement_of,
    stored_in,
)

_BEGINS_ANEW = re.compile(
    r"\.apply\(|reset_|load_state_dict|deepcopy(?!\(\s*[\w.]+\.state_dict\(\))|init_weights|weights_init|weight_init|reinit|\.clone\("
)
"""What gives a model other values, so that a new optimizer is right. A copy of its state alone changes nothing."""


_LEAVES_AS_IT_IS = frozenset(
    "parameters named_parameters train eval zero_grad state_dict forward modules named_modules children "
    "named_children to cuda cpu half float double bfloat16 requires_grad_ share_memory".split()
)
"""Methods of a model that give it no other parameters and no other values."""


def _level(violation: Violation) -> Level | None:
    made, stepped = violation.roles["of"], violation.roles["after"]
    assert violation.entry is not None
    optimizer = violation.binding.optimizer
    if not _keeps_state(optimizer):
        return None
    loop = innermost_loop(violation.entry, made)
    if (not optimizer.sources or not optimizer.complete) and not _is_trained_by_name(made, loop):
        return None
    depth = loops_between(violation.entry, loop, stepped) if loop is not None else None
    if loop is None or depth is None or depth > 1 or is_conditional(loop, made):
        return None
    if depth == 1 and not is_of_training(statement_of(loop)):
        return None
    return Level.WARNING if _goes_on(violation, loop) else None


def _is_trained_by_name(made: Event, loop: Loop | None) -> bool:
    """Whether the parameters are those of a name that the loop calls as a model, and does nothing else with."""
    match made.place.node:
        case ast.Call(args=[ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="parameters"), args=[])]):
            pass
        case _:
            return False
    statement = statement_of(loop) if loop is not None else None
    nodes = [] if statement is None else list(ast.walk(statement))
    called = {id(node.func) for node in nodes if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    asked = {id(node.value) for node in nodes if isinstance(node, ast.Attribute) and node.attr in _LEAVES_AS_IT_IS}
    uses = {id(node) for node in nodes if isinstance(node, ast.Name) and node.id == name}
    return bool(uses & called) and uses <= called | asked


def _keeps_state(optimizer: Optimizer) -> bool:
    """Whether the optimizer is torch's, and surely keeps something from step to step."""
    call = optimizer.place.node if optimizer.place is not None else None
    if optimizer.confidence is not Confidence.CERTAIN or optimizer.info is not None or not isinstance(call, ast.Call):
        return False
    if not optimizer.classes or not optimizer.classes <= tables().optimizers - {"ASGD"}:
        return False
    if "SGD" not in optimizer.classes:
        return True
    given = next((keyword.value for keyword in call.keywords if keyword.arg == "momentum"), None)
    given = call.args[2] if given is None and len(call.args) > 2 else given
    return given is not None and not (isinstance(given, ast.Constant) and not given.value)


def _goes_on(violation: Violation, loop: Loop) -> bool:
    """Whether it is the same model, with the values that it had, and the same optimizer once more."""
    optimizer = violation.binding.optimizer
    within = events_of(loop)
    code = bodies(loop, within)
    models = [source.model for source in optimizer.sources]
    if any(is_made_in(model.root(), code) or model.root().copied for model in models):
        return False
    if any(_changes(event, models) for event in within):
        return False
    statement = statement_of(loop)
    if statement is None or _BEGINS_ANEW.search(loop.place.module.segment(statement)):
        return False
    call = violation.roles["of"].place.node
    assert isinstance(call, ast.Call)
    if any(model.root().info is None for model in models) and _has_unknown_method(call, statement):
        return False
    return not _given(call) & stored_in(statement)


def _has_unknown_method(call: ast.Call, statement: ast.AST) -> bool:
    """Whether the loop calls something of the model that may give it other parameters."""
    names = {
        node.value.id
        for node in ast.walk(call)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.attr == "parameters"
    }
    return any(
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id in names
        and node.func.attr not in _LEAVES_AS_IT_IS
        for node in ast.walk(statement)
    )


def _changes(event: Event, models: list[Model]) -> bool:
    acts = (Act.LOAD, Act.REPLACE, Act.FREEZE, Act.UNFREEZE, Act.ADD_GROUP)
    return event.act in acts and any(model.overlaps(other) for model in event.models() for other in models)


def _given(call: ast.Call) -> set[str]:
    """Return what the arguments read, the parameters among them."""
    found: set[str] = set()
    for argument in (*call.args, *(keyword.value for keyword in call.keywords)):
        bound = {inner.id for inner in ast.walk(argument) if isinstance(inner, ast.Name) and _is_bound(inner)}
        found |= read_in(argument) - bound
    return found


def _is_bound(name: ast.Name) -> bool:
    return isinstance(name.ctx, ast.Store)


def _above(violation: Violation, editor: Editor) -> Edits | None:
    made = violation.roles["of"].place
    own = building_statement(made)
    built = [building_statement(event.place) for event in _built_on(violation)]
    moved = [each for each in (own, *built) if each is not None]
    if own is None or len(moved) != len(built) + 1 or not all(editor.same_block(own, each) for each in moved):
        return None
    return above_the_loops(editor, made, moved)


def _built_on(violation: Violation) -> list[Event]:
    """Return the constructions of schedulers on the optimizer."""
    assert violation.entry is not None
    optimizer = violation.binding.optimizer
    found = []
    for event in violation.entry.having(Act.NEW):
        subject = canonical(event.subjects[0])
        if isinstance(subject, Scheduler) and optimizer in map(canonical, subject.optimizers):
            found.append(event)
    return found


RULE = Rule(
    code="OPT108",
    level=Level.WARNING,
    message="the optimizer forgets its state: `{of}` builds it anew in each iteration",
    triggers=(("optimizer", "torch"), ("optim.", "torch"), ("torch.optim",)),
    property=Absence(of=new(OPTIMIZER), after=step(OPTIMIZER)),
    judge=_level,
    repair=Repair("Build the optimizer above the loop", UNSAFE, _above),
    evidence=Evidence.STATE,
)
