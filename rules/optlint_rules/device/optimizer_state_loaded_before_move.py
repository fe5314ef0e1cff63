"""The optimizer's state is loaded while the model is still elsewhere, and the model moves afterwards.

`optimizer.load_state_dict` puts the state where the parameters are at that moment. The module that moves later takes
its parameters along, but not the moments: the next step finds the two on different devices and raises `Expected all
tensors to be on the same device`. That holds for every optimizer with tensor state; SGD without momentum has none.
Loaded after the move, the state is brought to the device and type of the parameters. So the resumed run fails, and
only on the machine with the GPU.

## Example

```python
import torch
from torch import nn

device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
model = nn.Linear(10, 2)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
optimizer.load_state_dict(torch.load("last.pt"))
model.to(device)

for _ in range(20):
    inputs, labels = torch.randn(8, 10, device=device), torch.randint(0, 2, (8,), device=device)
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(model(inputs), labels)
    loss.backward()
    optimizer.step()
```

## Use instead

```python
import torch
from torch import nn

device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
model = nn.Linear(10, 2)
model.to(device)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
optimizer.load_state_dict(torch.load("last.pt"))

for _ in range(20):
    inputs, labels = torch.randn(8, 10, device=device), torch.randint(0, 2, (8,), device=device)
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(model(inputs), labels)
    loss.backward()
    optimizer.step()
```

## When the code is right

These are not reported:

- The move comes first, or the model was there already.
- What is loaded is the model's state alone, or a scheduler's.
- A loop over `optimizer.state.values()` moves the state by hand.
- SGD without momentum, which keeps no state.
- A conversion to another type with an optimizer that goes on with the old one (SGD, RMSprop, Adadelta, Adagrad).
- No step comes after the move, or a new optimizer is built after it.

## Fix safety

The fix moves the module directly above the construction of the optimizer. It is unsafe, because what lies between may
depend on where the model is. Not offered across blocks or functions, nor where a name that the move needs is bound
in between.

## Evidence

The replay shows an exception at the first step before the fix and none after it, where there is a second device;
elsewhere shapes alone stand for it, and the verdict says so.

## References

- `torch.optim.Optimizer.load_state_dict`: https://docs.pytorch.org/docs/stable/generated/torch.optim.Optimizer.load_state_dict.html
- Constructing an optimizer: https://docs.pytorch.org/docs/stable/optim.html#constructing-it
- Saving and loading models: https://docs.pytorch.org/tutorials/beginner/saving_loading_models.html
"""

from __future__ import annotations

from optlint.api import (
    OPTIMIZER,
    UNSAFE,
    Absence,
    Act,
    Binding,
    Event,
    EventPattern,
    Evidence,
    Level,
    Repair,
    Rule,
    Violation,
    canonical,
    new,
)
from optlint_rules.device.above_optimizer import move_above
from optlint_rules.device.loaded_state import CONVERSIONS, is_held, stays_behind


def _moves(event: Event, binding: Binding) -> bool:
    return is_held(event, binding.optimizer)


def _of_optimizer(event: Event, binding: Binding) -> bool:
    return binding.optimizer in map(canonical, event.subjects)


def _level(violation: Violation) -> Level | None:
    return Level.ERROR if stays_behind(violation, violation.roles["of"]) else None


RULE = Rule(
    code="OPT302",
    level=Level.ERROR,
    message="the next step meets state {where}: `{of}` comes after `{after}`",
    triggers=(("optimizer", "torch"), ("optim.", "torch"), ("torch.optim",)),
    property=Absence(
        of=EventPattern(OPTIMIZER, frozenset((Act.MOVE,)), _moves),
        after=EventPattern(OPTIMIZER, frozenset((Act.LOAD,)), _of_optimizer),
        until=new(OPTIMIZER),
    ),
    judge=_level,
    wording=lambda violation, _: {
        "where": "in another dtype" if violation.roles["of"].detail in CONVERSIONS else "on another device"
    },
    repair=Repair("Move the module before the optimizer is built", UNSAFE, move_above),
    evidence=Evidence.CRASH,
)
