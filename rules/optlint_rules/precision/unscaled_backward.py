"""A loss is backpropagated unscaled, and a `GradScaler` makes the step.

The scaler divides the gradients by a scale that the loss was never multiplied by. Where nothing was scaled so far the
step raises `AssertionError: Attempted step but _scale is None`. Where another loss is scaled, nothing raises: the
gradients of this one are 65536 times too small, with a scale of 1024 SGD moves by 1/1024 of what it should, and the
loss is as good as left out. Small gradients also underflow in float16, which the scaler is there to prevent. On a
machine without a GPU torch switches the scaler off, so that a test there shows nothing.

## Example

```python
import torch
from torch import nn

model = nn.Linear(6, 3).cuda()
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
scaler = torch.amp.GradScaler("cuda")

for step in range(50):
    x = torch.randn(16, 6, device="cuda")
    optimizer.zero_grad()
    with torch.autocast("cuda", dtype=torch.float16):
        loss = nn.functional.cross_entropy(model(x), x[:, :3].argmax(dim=1))
    loss.backward()
    scaler.step(optimizer)
    scaler.update()
```

## Use instead

```python
import torch
from torch import nn

model = nn.Linear(6, 3).cuda()
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
scaler = torch.amp.GradScaler("cuda")

for step in range(50):
    x = torch.randn(16, 6, device="cuda")
    optimizer.zero_grad()
    with torch.autocast("cuda", dtype=torch.float16):
        loss = nn.functional.cross_entropy(model(x), x[:, :3].argmax(dim=1))
    scaler.scale(loss).backward()
    scaler.step(optimizer)
    scaler.update()
```

## When the code is right

These are not reported:

- A path without a scaler, on which `loss.backward()` stands beside the scaled one, whatever condition tells them apart.
- A loss that was scaled earlier, in a helper, a method or a caller, or that may have been: one that is the function's
  own argument, or an attribute that is set elsewhere.
- A scaler with `enabled=False`. With `enabled=` something that is not known here the finding is a warning.
- An unscaled backward whose gradients are cleared before the scaler's step, or that reaches other parameters.
- A backward that is given the gradients to begin with, which may be what is scaled.
- The backward of Accelerate, Fabric, Lightning, DeepSpeed or apex, which scales by itself.

## Fix safety

The fix wraps the loss in `scaler.scale(...)`. It is unsafe because updates become larger, as they were meant to be.

There is no fix where the scaler has no name in the function of the backward, and where gradients are written by hand.

## Evidence

A replay compares the gradient that each update consumes with that of the loss: it is off by the scale before the fix
(or the step raises), and equal to it afterwards.

## References

- Automatic mixed precision examples: https://docs.pytorch.org/docs/stable/notes/amp_examples.html
- Several losses: https://docs.pytorch.org/docs/stable/notes/amp_examples.html#working-with-multiple-models-losses-and-optimizers
- `torch.amp.GradScaler`: https://docs.pytorch.org/docs/stable/amp.html#gradient-scaling
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from optlint.api import (
    OPTIMIZER,
    UNSAFE,
    Absence,
    Act,
    Binding,
    Confidence,
    Editor,
    Edits,
    Entry,
    Event,
    EventPattern,
    Evidence,
    Level,
    Optimizer,
    Place,
    Program,
    Repair,
    Rule,
    Scaler,
    Violation,
    canonical,
    enclosing,
    enclosing_function,
)
from optlint_rules.precision.scaling import by_scaler, condition, is_always_done, level_of, name_of_scaler


def _plain(event: Event, binding: Binding) -> bool:
    return event.detail == ""


def _divides(event: Event, binding: Binding) -> bool:
    """Where a scaler divides the optimizer's gradients."""
    if event.act is Act.STEP:
        return by_scaler(event, binding)
    return any(canonical(subject) in binding.optimizers for subject in event.subjects)


def _settles(event: Event, binding: Binding) -> bool:
    """What makes another gradient of an unscaled one, or leaves none."""
    if event.act is Act.BACKWARD:
        return event.detail == "maybe scaled"
    return event.act is not Act.STEP or event.detail != "scaler"


def _loss(place: Place) -> ast.expr | None:
    """Return the loss in a call that backpropagates it."""
    match place.node:
        case ast.Call(func=ast.Attribute(value=ast.Attribute(attr="autograd"), attr="backward"), args=[loss, *_]):
            return loss
        case ast.Call(func=ast.Attribute(value=loss, attr="backward")):
            return loss
        case _:
            return None


_SCALES = re.compile(r"\.scale\b|['\"]scale['\"]|_lazy_init")
"""What may give a scaler the scale that its first step asks for."""


class _Unscaled(Absence):
    """No scaler divides gradients after an unscaled backward, nor before anything was scaled at all."""

    __slots__ = ()

    def find(self, program: Program) -> Iterator[Violation]:
        """Yield the violations in a program, those of the second kind where an entry has none of the first."""
        told = []
        for found in super().find(program):
            told.append(found.entry)
            yield found
        for entry in program.entries:
            if not any(entry is each for each in told):
                yield from _without_scale(program, entry)


def _without_scale(program: Program, entry: Entry) -> Iterator[Violation]:
    """Yield the first use of each scaler that nothing ever scales with, which raises whatever gradients there are.

    The scaler is torch's, is made here under a name of its own, and goes nowhere else; beside the use, in its loop, one
    backward is run.
    """
    escaped = {canonical(subject) for event in entry.having(Act.ESCAPE) for subject in event.subjects}
    for made in entry.having(Act.NEW):
        scaler = canonical(made.subjects[0])
        if not isinstance(scaler, Scaler) or scaler in escaped or scaler.confidence is not Confidence.CERTAIN:
            continue
        uses = [event for event in entry.events if event.act in (Act.STEP, Act.UNSCALE) and _is_by(event, scaler)]
        if (
            not scaler.label.isidentifier()
            or not uses
            or _is_asked_to_scale(entry, scaler)
            or not is_always_done(uses[0].place)
        ):
            continue
        use, loops = uses[0], enclosing(entry, uses[0])
        gradients = [event for event in entry.having(Act.BACKWARD) if enclosing(entry, event) == loops]
        modules = {event.place.module for event in (made, use, *gradients)}
        if len({event.place.node for event in gradients}) != 1 or any(
            _SCALES.search(each.source.text) for each in modules
        ):
            continue
        owners = tuple(canonical(each) for each in use.subjects if isinstance(each, Optimizer))
        binding = Binding(owners, alone=len(entry.optimizers) == 1, entry=entry)
        roles = {"after": gradients[0], "of": use}
        yield Violation(program, use.place, roles, (gradients[0], use), binding, entry)


def _is_asked_to_scale(entry: Entry, scaler: Scaler) -> bool:
    scalings = [event for event in entry.having(Act.CALL) if event.detail == "scale"]
    return any(canonical(subject) is scaler for event in scalings for subject in event.subjects)


def _is_by(event: Event, scaler: Scaler) -> bool:
    return event.scaler is not None and canonical(event.scaler) is scaler


def _level(violation: Violation) -> Level | None:
    gradient, update = violation.roles["after"], violation.roles["of"]
    loss = _loss(gradient.place)
    if loss is None or _is_given(loss, gradient.place) or _begins_with_gradient(gradient.place):
        return None
    return level_of(update.scaler)


def _begins_with_gradient(place: Place) -> bool:
    """Whether a backward is given gradients to begin with, which may be what is scaled."""
    match place.node:
        case ast.Call(func=ast.Attribute(value=ast.Attribute(attr="autograd")), args=[_, *args], keywords=keywords):
            return bool(args) or any(keyword.arg in (None, "grad_tensors") for keyword in keywords)
        case ast.Call(args=args, keywords=keywords):
            return bool(args) or any(keyword.arg in (None, "gradient") for keyword in keywords)
        case _:
            return False


def _is_given(loss: ast.expr, place: Place) -> bool:
    """Whether a loss is the argument of its function, which the caller may have scaled."""
    while isinstance(loss, ast.Attribute | ast.Subscript | ast.Call):
        loss = loss.func if isinstance(loss, ast.Call) else loss.value
    function = enclosing_function(place)
    if not isinstance(loss, ast.Name) or not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
        return False
    spec = function.args
    return loss.id in {argument.arg for argument in (*spec.posonlyargs, *spec.args, *spec.kwonlyargs)} - {"self"}


def _wording(violation: Violation, level: Level) -> dict[str, str]:
    assert violation.entry is not None
    scaler = violation.roles["of"].scaler
    scales = any(
        event.detail == "scale" and any(canonical(subject) is scaler for subject in event.subjects)
        for event in violation.entry.having(Act.CALL)
    )
    harm = "the gradients shrink by the scale" if scales else "the step raises an exception"
    return {"harm": f"{harm}{condition(level)}"}


def _scale(violation: Violation, editor: Editor) -> Edits | None:
    assert violation.entry is not None
    if any(True for _ in violation.entry.having(Act.SET_GRADIENT)):
        return None  # which of them are to be scaled, only who writes them can say
    place = violation.roles["after"].place
    loss = _loss(place)
    scaler = name_of_scaler(violation, violation.roles["of"].scaler, place, editor)
    return None if scaler is None or loss is None else editor.wrap(loss, f"{scaler}.scale(", ")")


RULE = Rule(
    code="OPT504",
    level=Level.ERROR,
    message="{harm}: `{after}` is not scaled, and `{of}` unscales",
    triggers=(("backward(", "caler", "torch"), ("GradScaler", "torch"), ("optim.", "torch"), ("torch.optim",)),
    property=_Unscaled(
        of=EventPattern(OPTIMIZER, frozenset((Act.STEP, Act.UNSCALE)), _divides),
        after=EventPattern(OPTIMIZER, frozenset((Act.BACKWARD,)), _plain),
        until=EventPattern(
            OPTIMIZER,
            frozenset((Act.CLEAR, Act.SET_GRADIENT, Act.CHANGE_GRADIENT, Act.BACKWARD, Act.STEP)),
            _settles,
        ),
        definite=True,
    ),
    judge=_level,
    place=lambda violation: violation.roles["after"].place,
    wording=_wording,
    repair=Repair("Scale the loss", UNSAFE, _scale),
    evidence=Evidence.GRADIENT,
)
