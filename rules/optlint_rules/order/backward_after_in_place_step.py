"""A backward runs through a module whose parameters a step has changed since the forward.

A graph keeps the parameters that its backward needs, and `optimizer.step()` changes them in place. A loss whose
forward went through the network before the step cannot be differentiated after it: `RuntimeError: one of the
variables needed for gradient computation has been modified by an inplace operation`. Both losses of a GAN from one
output of the discriminator do that, and so do the losses of actor and critic that are computed together. Before torch
1.5 no exception came, and the gradients were silently wrong.

## Example

```python
import torch
from torch import nn

actor = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 2))
critic = nn.Sequential(nn.Linear(5, 8), nn.Tanh(), nn.Linear(8, 1))
opt_a = torch.optim.Adam(actor.parameters(), lr=1e-3)
opt_c = torch.optim.Adam(critic.parameters(), lr=1e-3)

for step in range(50):
    s, a, r = torch.randn(16, 3), torch.randn(16, 2), torch.randn(16, 1)
    value_loss = (critic(torch.cat([s, a], dim=1)) - r).pow(2).mean()
    policy_loss = -critic(torch.cat([s, actor(s)], dim=1)).mean()
    opt_c.zero_grad()
    value_loss.backward()
    opt_c.step()
    opt_a.zero_grad()
    policy_loss.backward()
    opt_a.step()
```

## Use instead

```python
import torch
from torch import nn

actor = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 2))
critic = nn.Sequential(nn.Linear(5, 8), nn.Tanh(), nn.Linear(8, 1))
opt_a = torch.optim.Adam(actor.parameters(), lr=1e-3)
opt_c = torch.optim.Adam(critic.parameters(), lr=1e-3)

for step in range(50):
    s, a, r = torch.randn(16, 3), torch.randn(16, 2), torch.randn(16, 1)
    value_loss = (critic(torch.cat([s, a], dim=1)) - r).pow(2).mean()
    opt_c.zero_grad()
    value_loss.backward()
    opt_c.step()
    policy_loss = -critic(torch.cat([s, actor(s)], dim=1)).mean()
    opt_a.zero_grad()
    policy_loss.backward()
    opt_a.step()
```

## When the code is right

These are not reported:

- A forward of its own behind the step, as usual in a GAN.
- Both backwards before both steps.
- A loss that is detached from the network that has stepped, or went through it under `no_grad`.
- A single linear layer whose input needs no gradient: its backward does not need the weight.
- A step under a condition, or one that finds no gradients.
- A step of an optimizer that is handed in, unless the backward above it went through the same graph: then it is a
  warning, for a module of a single layer may not need what has changed.

## Fix safety

The fix moves the forward of the second loss below the step. It is unsafe because that loss is then the one of the
changed network, as in most implementations. To move the step below the second backward would not do: it would use the
gradients of both losses. There is no fix where the first loss needs the same forward.

## Evidence

A replay raises the exception before the fix and none after it.

## References

- In-place correctness checks: https://docs.pytorch.org/docs/stable/notes/autograd.html#in-place-correctness-checks
- Soft actor-critic: https://arxiv.org/abs/1801.01290
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from optlint.api import (
    UNSAFE,
    Act,
    Confidence,
    Editor,
    Edits,
    Entry,
    Event,
    Evidence,
    Level,
    Model,
    Optimizer,
    Program,
    Query,
    Repair,
    Rule,
    Violation,
    canonical,
    enclosing_statement,
)
from optlint_rules.order.graph_of_loss import making, names_bound, names_read
from optlint_rules.order.step_between import has_gradients, has_used_the_graph, here, is_on_the_way, row

_UNKNOWN = " unless the module is a single layer"


def _find(program: Program) -> Iterator[Violation]:
    for entry in program.entries:
        for late in entry.having(Act.BACKWARD):
            if late.known:
                yield from _broken(program, entry, late)


def _broken(program: Program, entry: Entry, late: Event) -> Iterator[Violation]:
    statements: list[ast.stmt] | None = None
    for stepped in entry.having(Act.STEP):
        optimizer = canonical(stepped.subjects[0]) if len(stepped.subjects) == 1 else None
        if not isinstance(optimizer, Optimizer) or not is_on_the_way(stepped, late):
            continue
        known = optimizer.confidence is Confidence.CERTAIN and any(map(optimizer.holds, late.models()))
        if known and not has_gradients(entry, optimizer, stepped, late):
            continue
        statements = making(late.place) if statements is None else statements
        if statements is None:
            return
        if not known and not has_used_the_graph(entry, optimizer, stepped, late, statements):
            continue
        forwards = [
            event
            for event in _forwards(entry, late, statements)
            if not known or any(map(optimizer.holds, event.models()))
        ]
        if not forwards or any(row(event, late) > row(stepped, late) for event in forwards):
            continue
        if _needs_no_parameters(forwards, late):
            continue
        roles = {"late": late, "step": stepped, "forward": forwards[0]}
        parts = {"if": "" if known else _UNKNOWN}
        yield Violation(program, late.place, roles, (forwards[0], stepped, late), entry=entry, parts=parts)
        return


def _forwards(entry: Entry, late: Event, statements: list[ast.stmt]) -> Iterator[Event]:
    nodes = {node for statement in statements for node in ast.walk(statement)}
    for event in entry.having(Act.FORWARD):
        place = here(event, late)
        if event.detail != "no_grad" and place is not None and place.node in nodes:
            yield event


def _needs_no_parameters(forwards: list[Event], late: Event) -> bool:
    """Whether only layers of torch alone have changed, and no other module's gradient goes through them."""
    changed = [model for event in forwards for model in event.models()]
    if any(one is not two and _is_given(two, one) for one in forwards for two in forwards):
        return False
    return all(map(_is_one_layer, changed)) and all(
        any(model.overlaps(other) for other in changed) for model in late.models()
    )


def _is_given(made: Event, taken: Event) -> bool:
    """Whether a forward gets what another module has made, in one expression: `head(body(x))`."""
    if any(one.overlaps(two) for one in made.models() for two in taken.models()):
        return False
    return any(inner is made.place.node for inner in ast.walk(taken.place.node))


def _is_one_layer(model: Model) -> bool:
    return model.info is None and not model.parts and model.place is not None


def _below(violation: Violation, editor: Editor) -> Edits | None:
    late, stepped = violation.roles["late"], violation.roles["step"]
    place = here(stepped, late)
    statements = making(late.place)
    if place is None or statements is None or violation.entry is None:
        return None
    step = enclosing_statement(place)
    changed = set(_forward_nodes(violation, late, statements))
    moved: list[ast.stmt] = []
    for statement in statements[:-1]:
        depends = any(names_bound(each) & names_read(statement) for each in moved)
        if statement.lineno < step.lineno and (depends or changed & set(ast.walk(statement))):
            moved.append(statement)
    if not moved or not all(editor.same_block(each, step) for each in moved):
        return None
    bound = {name for each in moved for name in names_bound(each)}
    read = {name for each in moved for name in names_read(each)}
    for between in editor.statements_between(moved[0], step):
        if between not in moved and (names_read(between) & bound or names_bound(between) & (read | bound)):
            return None
    return tuple(edit for each in moved for edit in editor.move_after(each, step))


def _forward_nodes(violation: Violation, late: Event, statements: list[ast.stmt]) -> Iterator[ast.AST]:
    assert violation.entry is not None
    optimizer = canonical(violation.roles["step"].subjects[0])
    assert isinstance(optimizer, Optimizer)
    for event in _forwards(violation.entry, late, statements):
        place = here(event, late)
        if place is not None and any(map(optimizer.holds, event.models())):
            yield place.node


RULE = Rule(
    code="OPT112",
    level=Level.ERROR,
    message="the backward raises an exception{if}: `{step}` has changed what `{late}` needs since the forward",
    triggers=((".step(", "backward("), ("optimizer", "torch"), ("optim.", "torch"), ("torch.optim",)),
    property=Query(_find),
    judge=lambda violation: Level.WARNING if violation.parts["if"] else Level.ERROR,
    repair=Repair("Compute the loss after the step", UNSAFE, _below),
    evidence=Evidence.CRASH,
)
