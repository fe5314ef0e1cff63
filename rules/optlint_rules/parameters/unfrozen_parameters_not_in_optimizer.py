"""Parameters are unfrozen, but the optimizer was built without them and never moves them.

An optimizer holds the parameters that it was given when it was built. A filter on `requires_grad` leaves the frozen
ones out for good: setting the flag to True later gives them gradients which nobody uses. They move by exactly 0.0,
training gets slower, and as `optimizer.zero_grad()` does not clear them either, their gradients pile up (norm 18.9
after five iterations, 3.4 after one). Nothing is raised.

## Example
```python
import torch
from torch import nn, optim

model = nn.Sequential(nn.Linear(10, 20), nn.ReLU(), nn.Linear(20, 2))
for param in model[0].parameters():
    param.requires_grad = False
optimizer = optim.SGD(filter(lambda p: p.requires_grad, model.parameters()), lr=0.1)

for epoch in range(10):
    if epoch == 5:
        for param in model[0].parameters():
            param.requires_grad = True
    for _ in range(10):
        inputs, labels = torch.randn(8, 10), torch.randint(0, 2, (8,))
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(inputs), labels)
        loss.backward()
        optimizer.step()
```

## Use instead
```python
import torch
from torch import nn, optim

model = nn.Sequential(nn.Linear(10, 20), nn.ReLU(), nn.Linear(20, 2))
for param in model[0].parameters():
    param.requires_grad = False
optimizer = optim.SGD(filter(lambda p: p.requires_grad, model.parameters()), lr=0.1)

for epoch in range(10):
    if epoch == 5:
        for param in model[0].parameters():
            param.requires_grad = True
        already = {id(p) for group in optimizer.param_groups for p in group["params"]}
        optimizer.add_param_group({"params": [p for p in model[0].parameters() if id(p) not in already]})
    for _ in range(10):
        inputs, labels = torch.randn(8, 10), torch.randint(0, 2, (8,))
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(inputs), labels)
        loss.backward()
        optimizer.step()
```

## When the code is right
- `add_param_group` follows, or a new optimizer is built after the unfreezing, or a second optimizer holds them.
- The optimizer was built over all parameters, or over a list that was made before the freeze.
- The optimizer never steps after the unfreezing: flags are restored at the end.
- The flag is set on an input: adversarial examples, gradient penalties.
- A GAN's discriminator is switched on and off; its own optimizer holds all of it, as a whole or part by part.

## Fix safety
Unsafe: the parameters learn from then on, which is the intent, at the optimizer's default learning rate; a smaller
one is often wanted (`"lr"` in the group). LBFGS takes one group only. A scheduler that is built already may not know
the new group: LambdaLR, OneCycleLR and others raise at their next step, LinearLR scales it wrongly; build the
scheduler after the group is added. No fix is offered where the unfreezing function does not know the optimizer.

## Evidence
The replay shows which parameters move. Before the fix the unfrozen layer has gradients and moves by 0.0 in every
update; after it, it moves from the first update on. Adding a parameter twice would raise `ValueError: some
parameters appear in more than one parameter group`, hence the fix looks which are in already.

## References
- Optimizer.add_param_group: https://docs.pytorch.org/docs/stable/generated/torch.optim.Optimizer.add_param_group.html
- Setting requires_grad: https://docs.pytorch.org/docs/stable/notes/autograd.html#setting-requires-grad
"""

from __future__ import annotations

import ast
from collections.abc import Iterable

from optlint.api import (
    OPTIMIZER,
    UNSAFE,
    Act,
    Binding,
    Editor,
    Edits,
    Event,
    EventPattern,
    Evidence,
    Level,
    Model,
    Optimizer,
    Place,
    Repair,
    Response,
    Rule,
    Selection,
    Violation,
    add_group,
    canonical,
    enclosing_loops,
    enclosing_statement,
    same_function,
    step,
)
from optlint_rules.order.forward import stepped


def _outside(event: Event, binding: Binding) -> bool:
    """Whether parameters are unfrozen that the optimizer was not given when it was built."""
    return any(_missing(model, binding.optimizer) for model in event.models())


def _missing(model: Model, optimizer: Optimizer) -> bool:
    if not optimizer.complete:
        return False
    if any(model.within(source.model) for source in optimizer.sources if source.selection is Selection.ALL):
        return False
    if any(source.selection is Selection.TRAINABLE and model.overlaps(source.model) for source in optimizer.sources):
        return True
    # Built over some other parts of the same module.
    return all(source.selection is Selection.ALL for source in optimizer.sources) and any(
        source.model.root() is model.root() and source.model is not source.model.root() for source in optimizer.sources
    )


def _held_by_parts(model: Model, optimizers: Iterable[Optimizer]) -> bool:
    """Whether optimizers hold several parts of a module, and no part is known that they lack."""
    sources = [canonical(source.model) for optimizer in optimizers for source in optimizer.sources]
    held = {part for part in sources if part.within(model)}
    lacking = (part for part in model.parts.values() if part.has_parameters)
    return len(held) > 1 and all(any(part.overlaps(other) for other in held) for part in lacking)


def _place(violation: Violation) -> Place:
    return violation.roles["trigger"].place


def _level(violation: Violation) -> Level | None:
    assert violation.entry is not None
    optimizer = violation.binding.optimizer
    models = violation.roles["trigger"].models()
    # Another optimizer may hold what is unfrozen.
    for other in violation.entry.optimizers:
        if other is not optimizer and any(not _missing(model, other) and other.holds(model) for model in models):
            return None
    if all(_held_by_parts(model, violation.entry.optimizers) for model in models):
        return None
    if any(source.selection is Selection.TRAINABLE for source in optimizer.sources):
        # A filter leaves out only what was frozen when it was read.
        for event in violation.entry.events:
            if event.act is Act.NEW and canonical(event.subjects[0]) is optimizer:
                return None
            if event.act is Act.FREEZE and any(frozen.overlaps(model) for frozen in event.models() for model in models):
                return Level.ERROR
        return None
    return Level.ERROR


def _add_group(violation: Violation, editor: Editor) -> Edits | None:
    trigger, update = violation.roles["trigger"], violation.roles["before"]
    statement = enclosing_statement(violation.at)
    optimizer = _name(violation, trigger, update)
    if optimizer is None:
        return None
    condition, anchor = "", statement
    match violation.at.node, statement:
        case ast.Call(func=ast.Attribute(value=module, attr="requires_grad_")), _:
            parameters = f"{editor.text(module)}.parameters()"
        case _, ast.Assign():
            inner = _parameter_loop(violation)
            if inner is None:
                return None
            anchor = inner
            match inner.iter:
                case ast.Call(func=ast.Attribute(value=module, attr="parameters"), args=[]):
                    parameters = editor.text(inner.iter)
                case ast.Call(func=ast.Attribute(value=module, attr="named_parameters"), args=[]):
                    parameters, condition = f"{editor.text(module)}.parameters()", " and p.requires_grad"
                case _:
                    return None
        case _:
            return None
    return editor.insert_after(
        anchor,
        f'already = {{id(p) for group in {optimizer}.param_groups for p in group["params"]}}',
        f'{optimizer}.add_param_group({{"params": [p for p in {parameters} if id(p) not in already{condition}]}})',
    )


def _parameter_loop(violation: Violation) -> ast.For | None:
    """Return the innermost loop over parameters around the assignment, where it unfreezes all that it visits."""
    loops = enclosing_loops(violation.at)
    return loops[0] if loops and isinstance(loops[0], ast.For) else None


def _name(violation: Violation, trigger: Event, update: Event) -> str | None:
    """Return what the optimizer is called where the parameters are unfrozen."""
    if same_function(trigger.place, update.place):
        receiver = stepped(update.place.node)
        if receiver is not None:
            return ast.unparse(receiver)
    built = violation.binding.optimizer.place
    label = violation.binding.optimizer.label
    if label.startswith("self.") or (built is not None and label and same_function(built, trigger.place)):
        return label
    return None


RULE = Rule(
    code="OPT203",
    level=Level.ERROR,
    message="unfrozen parameters never move: the optimizer was built without them",
    triggers=(("optimizer", "torch"), ("optim.", "torch"), ("torch.optim",)),
    property=Response(
        trigger=EventPattern(OPTIMIZER, frozenset((Act.UNFREEZE,)), _outside),
        response=add_group(OPTIMIZER),
        before=step(OPTIMIZER),
        armed_by=EventPattern(OPTIMIZER, frozenset((Act.NEW,))),
        definite=False,
    ),
    judge=_level,
    place=_place,
    repair=Repair("Add the unfrozen parameters to the optimizer", UNSAFE, _add_group),
    evidence=Evidence.MOVED,
)
