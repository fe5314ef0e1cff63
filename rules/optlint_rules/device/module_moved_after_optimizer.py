"""The model is moved or converted after its optimizer was built.

`model.cuda()`, `.to(...)`, `.half()` and `.double()` keep the Parameter objects on CPU, CUDA, MPS and XPU, so an
optimizer without state does not notice: for most classes this is a note. It is an error where state exists that
stays behind. Adagrad makes its sums when it is built, and the first step on the GPU raises `Expected all tensors to
be on the same device`. After a step or a loaded state, every optimizer with tensor state raises at its next step on a
new device, and the Adam family for a new type too: `expected dtype float for 'end' but got dtype double`. With
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

import ast

from optlint.api import (
    OPTIMIZER,
    SAFE,
    UNSAFE,
    Absence,
    Act,
    Applicability,
    Binding,
    Confidence,
    Editor,
    Edits,
    Event,
    EventPattern,
    Evidence,
    Level,
    Repair,
    Rule,
    Violation,
    block_of,
    canonical,
    enclosing_statement,
    new,
    same_function,
    tables,
)
from optlint_rules.parameters.construction import names_assigned, names_in, scheduler_statements

_MENDED = (".state.values()", ".state.items()", "amp.initialize")
"""Signs that loaded state is moved by hand, or by apex."""
_CONVERSIONS = frozenset(("half", "double", "float", "bfloat16", "type"))


def _held(event: Event, binding: Binding) -> bool:
    return event.detail != "cpu" and any(
        model.has_parameters and model.confidence is not Confidence.NAME and binding.optimizer.holds(model)
        for model in event.models()
    )


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
    if loaded and not started and any(token in violation.at.module.source.text for token in _MENDED):
        return Level.NOTE
    if (started or loaded) and not _stateless(violation):
        return Level.ERROR
    if optimizer.classes and optimizer.classes <= tables().state_on_init and move.detail not in _CONVERSIONS:
        return Level.ERROR
    return Level.NOTE


def _stateless(violation: Violation) -> bool:
    """Whether the optimizer is SGD without momentum, which keeps nothing."""
    optimizer = violation.binding.optimizer
    call = optimizer.place.node if optimizer.place is not None else None
    if optimizer.classes != {"SGD"} or not isinstance(call, ast.Call):
        return False
    return len(call.args) < 3 and not any(keyword.arg in ("momentum", None) for keyword in call.keywords)


def _move_above(violation: Violation, editor: Editor) -> Edits | None:
    optimizer = violation.binding.optimizer
    if optimizer.place is None or optimizer.place.module is not violation.at.module:
        return None
    built, moving = enclosing_statement(optimizer.place), enclosing_statement(violation.at)
    if (
        not isinstance(moving, ast.Expr | ast.Assign)
        or not editor.same_block(built, moving)
        or built.lineno >= moving.lineno
    ):
        return None
    assert violation.entry is not None
    events = violation.entry.events
    before = events[: events.index(violation.roles["of"])]
    if any(event.act is Act.STEP and optimizer in map(canonical, event.subjects) for event in before):
        return None  # the steps before it would run on the moved module
    between = editor.statements_between(built, moving)
    if names_in([moving]) & names_assigned(between):
        return None
    if isinstance(moving, ast.Assign):
        match moving:
            case ast.Assign(targets=[target], value=ast.Call(func=ast.Attribute(value=receiver))) if ast.unparse(
                target
            ) == ast.unparse(receiver):
                pass
            case _:
                return None
    return editor.move_before(moving, built)


def _applicability(violation: Violation) -> Applicability:
    """Safe where only straight-line code lies between, and none of it uses the module."""
    optimizer = violation.binding.optimizer
    assert optimizer.place is not None
    built, moving = enclosing_statement(optimizer.place), enclosing_statement(violation.at)
    block = block_of(violation.at, built)
    between = block[block.index(built) + 1 : block.index(moving)] if moving in block else []
    schedulers = scheduler_statements(violation, optimizer, built, moving)
    straight = all(isinstance(statement, ast.Expr | ast.Assign | ast.AnnAssign) for statement in between)
    receiver = (
        violation.at.node.func.value
        if isinstance(violation.at.node, ast.Call) and isinstance(violation.at.node.func, ast.Attribute)
        else None
    )
    used = (
        names_in([receiver]) & names_in([statement for statement in between if statement not in schedulers])
        if receiver is not None
        else set()
    )
    return SAFE if straight and not used and same_function(optimizer.place, violation.at) else UNSAFE


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
    repair=Repair("Move the module before the optimizer is built", SAFE, _move_above, _applicability),
    evidence=Evidence.CRASH,
)
