"""The model is moved or converted after its optimizer was built.

`model.cuda()`, `.to(...)`, `.half()` and `.double()` keep the Parameter objects on CPU, CUDA, MPS and XPU, so an
optimizer without state does not notice: for most classes this is a note. It is an error where state exists that
stays behind. Adagrad makes its sums when it is built, and the first step on the GPU raises `Expected all tensors to
be on the same device`. After a step, every optimizer with tensor state raises at its next step on a new device, and
the Adam family for a new type too: `expected dtype float for 'end' but got dtype double`. (After a loaded state it is
the same, which OPT302 reports.) With
`torch.__future__.set_overwrite_module_params_on_conversion(True)` the objects are replaced and nothing is trained.

## Example
```python
import torch
from torch import nn, optim

device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
model = nn.Sequential(nn.Linear(10, 20), nn.ReLU(), nn.Linear(20, 2))
optimizer = optim.Adagrad(model.parameters(), lr=0.1)
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
from torch import nn, optim

device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
model = nn.Sequential(nn.Linear(10, 20), nn.ReLU(), nn.Linear(20, 2))
model.to(device)
optimizer = optim.Adagrad(model.parameters(), lr=0.1)

for _ in range(20):
    inputs, labels = torch.randn(8, 10, device=device), torch.randint(0, 2, (8,), device=device)
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(model(inputs), labels)
    loss.backward()
    optimizer.step()
```

## When the code is right
- The move comes before the optimizer, or a new optimizer comes after the move.
- What moves is the data, the loss, or a network that is not trained.
- The model is there already, or goes away for saving and is back before the next step.
- The optimizer never steps after the move.
- DataParallel, DistributedDataParallel and `torch.compile` after the optimizer: they hold the same Parameters.

## Fix safety
Safe where only straight-line code lies between the two statements, unsafe otherwise: the move goes directly above the
construction. Not offered across blocks or functions, where a name that the move needs is bound in between, nor
after training steps, which the moved model might not be able to take.

## Evidence
The replay shows an exception at the first step before the fix and none after it (Adagrad, here with a second device;
without one the verdict is inconclusive and says so). For the notes, it shows that the parameters move by the same
amounts before and after. With the overwrite flag: moved 0.0 before, all parameters after.

## References
- Module.cuda: https://docs.pytorch.org/docs/stable/generated/torch.nn.Module.html#torch.nn.Module.cuda
- Constructing an optimizer: https://docs.pytorch.org/docs/stable/optim.html#constructing-it
- torch.__future__: https://docs.pytorch.org/docs/stable/future_mod.html
"""

from __future__ import annotations

from optlint.api import (
    OPTIMIZER,
    SAFE,
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
    tables,
)
from optlint_rules.device.above_optimizer import applicability, move_above
from optlint_rules.device.loaded_state import CONVERSIONS, is_held, is_mended, is_stateless, stays_behind


def _held(event: Event, binding: Binding) -> bool:
    return is_held(event, binding.optimizer)


def _level(violation: Violation) -> Level | None:
    entry, optimizer, move = violation.entry, violation.binding.optimizer, violation.roles["of"]
    assert entry is not None
    events = list(entry.events)
    position = events.index(move)
    model = move.models()[0]
    if any(
        event.act is Act.MOVE and any(other.overlaps(model) for other in event.models()) for event in events[:position]
    ):
        return None  # it is there already, or goes back and forth
    own = [
        index
        for index, event in enumerate(events)
        if event.act is Act.STEP and optimizer in map(canonical, event.subjects)
    ]
    if own and own[-1] < position:
        return None  # nothing is trained after it
    if b"set_overwrite_module_params_on_conversion(True)" in violation.at.module.source.data:
        return Level.ERROR
    started = any(index < position for index in own)
    loaded = any(event.act is Act.LOAD and optimizer in map(canonical, event.subjects) for event in events[:position])
    if loaded and not started and stays_behind(violation, move):
        return None  # OPT302 says so
    if loaded and not started and is_mended(violation):
        return Level.NOTE
    if (started or loaded) and not is_stateless(optimizer):
        return Level.ERROR
    if optimizer.classes and optimizer.classes <= tables().state_on_init and move.detail not in CONVERSIONS:
        return Level.ERROR
    return Level.NOTE


RULE = Rule(
    code="OPT301",
    level=Level.ERROR,
    message="{harm}: `{of}` comes after the optimizer was built",
    triggers=(("optimizer", "torch"), ("optim.", "torch"), ("torch.optim",)),
    property=Absence(of=EventPattern(OPTIMIZER, frozenset((Act.MOVE,)), _held), after=new(OPTIMIZER), definite=True),
    judge=_level,
    wording=lambda violation, level: {
        "harm": "the next step meets state on another device or in another dtype"
        if level is Level.ERROR
        else "fragile, though harmless for this optimizer today"
    },
    repair=Repair("Move the module before the optimizer is built", SAFE, move_above, applicability),
    evidence=Evidence.CRASH,
)
