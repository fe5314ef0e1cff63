"""The same group dicts are given to two optimizers, and the second one runs with the options of the first.

An optimizer keeps the very dicts that it is given and writes its own options into those that have none. The next
optimizer finds them there and takes them for the group's own: `SGD(groups, lr=0.5)` followed by `AdamW(groups,
lr=1e-3, weight_decay=0.05)` leaves the second at the rate 0.5 and without weight decay. From then on both share one
rate, so that a schedule of the one changes the other. `Adam(old.param_groups, lr=1e-3)` does the same.

## Example
```python
import torch
from torch import nn, optim

model = nn.Sequential(nn.Linear(10, 20), nn.ReLU(), nn.Linear(20, 2))
groups = [{"params": list(model[0].parameters())}, {"params": list(model[2].parameters())}]
warm_up = optim.SGD(groups, lr=0.5)
optimizer = optim.AdamW(groups, lr=1e-3, weight_decay=0.05)

for step in range(20):
    current = warm_up if step < 5 else optimizer
    inputs, labels = torch.randn(8, 10), torch.randint(0, 2, (8,))
    current.zero_grad()
    loss = nn.functional.cross_entropy(model(inputs), labels)
    loss.backward()
    current.step()
```

## Use instead
```python
import torch
from torch import nn, optim

model = nn.Sequential(nn.Linear(10, 20), nn.ReLU(), nn.Linear(20, 2))
groups = [{"params": list(model[0].parameters())}, {"params": list(model[2].parameters())}]
warm_up = optim.SGD([{**group} for group in groups], lr=0.5)
optimizer = optim.AdamW(groups, lr=1e-3, weight_decay=0.05)

for step in range(20):
    current = warm_up if step < 5 else optimizer
    inputs, labels = torch.randn(8, 10), torch.randint(0, 2, (8,))
    current.zero_grad()
    loss = nn.functional.cross_entropy(model(inputs), labels)
    loss.backward()
    current.step()
```

## When the code is right
- Fresh dicts for each optimizer: a function that makes them at each call, `[{**group} for group in groups]`.
- Exclusive branches, as in an optimizer factory.
- Each group says itself what the options would: `{"params": ..., "lr": 0.1}`.
- The options are the same for both, as where a wrapper hands its own groups and arguments on to the optimizer inside.
- The program sets the option in the groups by hand.
- Lists of the parameters themselves, which an optimizer puts into a dict of its own.

## Fix safety
Unsafe: the second optimizer computes with its own options from now on, which is what was asked for; results change.
The first optimizer gets copies of the dicts, since it is the one that writes into them; a group whose parameters come
from an iterator keeps them in a list. Of `old.param_groups` the new optimizer gets the parameters, group by group.

## Evidence
The replay shows the options that the updates of each group use: before the fix those of the other optimizer, after it
those that the optimizer was built with.

## References
- Per-parameter options: https://docs.pytorch.org/docs/stable/optim.html#per-parameter-options
- Optimizer.add_param_group: https://docs.pytorch.org/docs/stable/generated/torch.optim.Optimizer.add_param_group.html
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from optlint.api import (
    UNSAFE,
    Act,
    Editor,
    Edits,
    Entry,
    Event,
    Evidence,
    GivenGroup,
    Level,
    Optimizer,
    Program,
    Query,
    Repair,
    Rule,
    Violation,
    canonical,
    may_follow,
)
from optlint_rules.parameters.construction import given_parameters
from optlint_rules.parameters.own_options import is_of_torch, is_set_by_hand, options_apart
from optlint_rules.parameters.shared_groups import remade, shared


def _find(program: Program) -> Iterator[Violation]:
    for entry in program.entries:
        made = [each for each in entry.having(Act.NEW) if each.subjects and is_of_torch(each.subjects[0])]
        for event in made:
            second = canonical(event.subjects[0])
            assert isinstance(second, Optimizer)
            for earlier in made:
                first = canonical(earlier.subjects[0])
                assert isinstance(first, Optimizer)
                if first is second or first.serial > second.serial or not may_follow(entry, earlier, event):
                    continue
                sharing = shared(first, second)
                options = options_apart(entry, first, second, sharing) if sharing is not None else []
                if sharing is not None and options:
                    yield _violation(program, entry, earlier, event, options)
                    break
            else:
                sharing = remade(entry, event, second)
                options = [each for each in sharing.options if not is_set_by_hand(entry, each)] if sharing else []
                if options:
                    yield _violation(program, entry, event, event, options)


def _violation(program: Program, entry: Entry, earlier: Event, event: Event, options: list[str]) -> Violation:
    first = canonical(earlier.subjects[0])
    again = earlier is event
    names = ", ".join(f"`{option}`" for option in options)
    notes = {event: "the next iteration gives the same dicts to the next one" if again else "finds them there"}
    if not again:
        notes[earlier] = "writes its options into the dicts"
    return Violation(
        program,
        event.place,
        {"first": earlier, "second": event},
        (event,) if again else (earlier, event),
        entry=entry,
        notes=notes,
        parts={
            "options": f"{names} {'is' if len(options) == 1 else 'are'} ignored",
            "whose": "an earlier iteration's" if again else f"`{first.label or 'another optimizer'}`'s",
        },
    )


def _copies(violation: Violation, editor: Editor) -> Edits | None:
    earlier, event = violation.roles["first"], violation.roles["second"]
    first, second = canonical(earlier.subjects[0]), canonical(event.subjects[0])
    assert isinstance(first, Optimizer)
    assert isinstance(second, Optimizer)
    call = event.place.node
    if first in map(canonical, second.taken_from):
        given = given_parameters(call) if isinstance(call, ast.Call) else None
        if given is None or first.given:
            return None
        return editor.replace(given, f'[{{"params": group["params"]}} for group in {editor.text(given)}]')
    call = earlier.place.node
    given = given_parameters(call) if isinstance(call, ast.Call) else None
    if (
        given is None
        or earlier.place.module is not violation.at.module
        or not isinstance(given, ast.Name | ast.Attribute)
    ):
        return None
    edits = editor.replace(given, f"[{{**group}} for group in {editor.text(given)}]")
    wrapped: set[ast.AST] = set()
    for group in first.given:
        lists = _listed(group, editor, violation, wrapped)
        if lists is None:
            return None
        edits = (*edits, *lists)
    return edits


def _listed(group: GivenGroup, editor: Editor, violation: Violation, wrapped: set[ast.AST]) -> Edits | None:
    """Keep a group's parameters in a list where they come from an iterator, which two dicts cannot share."""
    if group.one_shot is False:
        return ()
    if group.one_shot is None or group.place is None or group.place.module is not violation.at.module:
        return None
    match group.place.node:
        case ast.Dict(keys=keys, values=values):
            pairs = zip(keys, values, strict=True)
            value = next((v for k, v in pairs if isinstance(k, ast.Constant) and k.value == "params"), None)
        case ast.Call(keywords=keywords):
            value = next((each.value for each in keywords if each.arg == "params"), None)
        case _:
            value = None
    if not isinstance(value, ast.Call):
        return None
    if value in wrapped:
        return ()
    wrapped.add(value)
    return editor.wrap(value, "list(", ")")


RULE = Rule(
    code="OPT213",
    level=Level.ERROR,
    message="{options}: the optimizer is given {whose} group dicts, which keep the options that they have",
    triggers=(("optimizer", "torch"), ("optim.", "torch"), ("torch.optim",)),
    property=Query(_find),
    repair=Repair("Give each optimizer dicts of its own", UNSAFE, _copies),
    evidence=Evidence.OPTIONS,
)
