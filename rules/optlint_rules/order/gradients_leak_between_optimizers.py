"""An optimizer steps with gradients that another network's loss has left.

A generator is trained through its discriminator, so that its backward gives the discriminator gradients as well. They
are no use there, and must be cleared before the discriminator's own backward. Where they are not, its step follows
both losses, of which one wants the opposite of the other: after six iterations the parameters of a small discriminator
were off by 0.12 where the generator came first, and by 0.10 where it was cleared only after its own step. The same
holds for actor and critic. Nothing is raised.

## Example

```python
import torch
from torch import nn

generator = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 4))
critic = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1))
opt_g = torch.optim.Adam(generator.parameters(), lr=1e-3)
opt_c = torch.optim.Adam(critic.parameters(), lr=1e-3)

for step in range(50):
    real, noise = torch.randn(16, 4), torch.randn(16, 3)
    opt_g.zero_grad()
    opt_c.zero_grad()
    loss_g = -critic(generator(noise)).mean()
    loss_g.backward()
    opt_g.step()
    loss_c = critic(generator(noise).detach()).mean() - critic(real).mean()
    loss_c.backward()
    opt_c.step()
```

## Use instead

```python
import torch
from torch import nn

generator = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 4))
critic = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1))
opt_g = torch.optim.Adam(generator.parameters(), lr=1e-3)
opt_c = torch.optim.Adam(critic.parameters(), lr=1e-3)

for step in range(50):
    real, noise = torch.randn(16, 4), torch.randn(16, 3)
    opt_g.zero_grad()
    opt_c.zero_grad()
    loss_g = -critic(generator(noise)).mean()
    loss_g.backward()
    opt_g.step()
    loss_c = critic(generator(noise).detach()).mean() - critic(real).mean()
    opt_c.zero_grad()
    loss_c.backward()
    opt_c.step()
```

## When the code is right

These are not reported:

- Each optimizer clears before its own backward, in whatever order they come, with `detach()` or without.
- All are cleared at the top, and the discriminator steps before the generator's backward.
- The discriminator is frozen (`requires_grad_(False)`) while the generator learns.
- One backward for several optimizers, which all step after it.
- A trunk that several heads train together: its gradients are meant to add up.
- A first backward with `retain_graph=True`: a second one through the same graph adds to it by intent.
- An optimizer whose gradients are never cleared at all: that is OPT103.

## Fix safety

The fix inserts `zero_grad()` of that optimizer above its own backward. It is unsafe because it changes the updates,
which is its purpose; where the sum of both losses was meant, suppress the finding.

## Evidence

A replay compares the gradient that each update consumes with that of its own losses. On torch 2.13 the discriminator's
updates use a backward that the generator's update was the first to use. After the fix they use their own alone.

## References

- Generative adversarial networks: https://arxiv.org/abs/1406.2661
- DCGAN tutorial: https://docs.pytorch.org/tutorials/beginner/dcgan_faces_tutorial.html
- `torch.optim.Optimizer.zero_grad`: https://docs.pytorch.org/docs/stable/generated/torch.optim.Optimizer.zero_grad.html
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from optlint.api import (
    OPTIMIZER,
    UNSAFE,
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
    Model,
    Optimizer,
    Program,
    Query,
    Repair,
    Response,
    Rule,
    Violation,
    canonical,
    enclosing_statement,
    same_function,
    step,
)
from optlint_rules.order.forward import stepped
from optlint_rules.order.repetition import events_of, innermost_loop


@dataclass(frozen=True, slots=True)
class _Leak:
    """A backward of another loss, and the first backward of the optimizer's own that follows."""

    foreign: Event
    own: Event


def _find(program: Program) -> Iterator[Violation]:
    leaks = {
        (leak.foreign, optimizer): leak
        for entry in program.entries
        if len(entry.optimizers) > 1
        for optimizer in entry.optimizers
        for leak in _leaks(entry, optimizer)
    }
    if not leaks:
        return

    def is_foreign(event: Event, binding: Binding) -> bool:
        return (event, binding.optimizer) in leaks

    unclear = Response(
        trigger=EventPattern(OPTIMIZER, frozenset((Act.BACKWARD,)), is_foreign),
        response=EventPattern(OPTIMIZER, frozenset((Act.CLEAR, Act.SET_GRADIENT, Act.NEW))),
        before=step(OPTIMIZER),
    )
    for violation in unclear.find(program):
        leak = leaks[violation.roles["trigger"], violation.binding.optimizer]
        violation.roles["own"] = leak.own
        yield violation


def _leaks(entry: Entry, optimizer: Optimizer) -> Iterator[_Leak]:
    if optimizer.confidence is not Confidence.CERTAIN or not optimizer.complete:
        return
    for event in entry.having(Act.BACKWARD):
        if not event.known or not _reaches(event, optimizer) or _keeps_graph(event):
            continue
        loop = innermost_loop(entry, event)
        if loop is None:
            continue
        events = events_of(loop)
        if not any(other.act is Act.CLEAR and _concerns(other, optimizer) for other in events):
            continue
        at = events.index(event)
        around = [*events[at + 1 :], *events[:at]]
        own = _own_after(event, around, optimizer, around[::-1])
        if own is not None:
            yield _Leak(event, own)


def _own_after(event: Event, after: list[Event], optimizer: Optimizer, before: list[Event]) -> Event | None:
    """Return the optimizer's own backward that comes after another one, which this event reaches too, has stepped."""
    other: Optimizer | None = None
    for following in after:
        if following.act is Act.STEP:
            steppers = [canonical(each) for each in following.subjects]
            if optimizer in steppers:
                return None
            other = other or next((o for o in steppers if isinstance(o, Optimizer) and _reaches(event, o)), None)
        elif following.act is Act.BACKWARD and other is not None and _reaches(following, optimizer):
            if not following.known or any(_shares(other, source.model) for source in optimizer.sources):
                return None
            through = _is_through(before, optimizer, other) or _reaches(following, other)
            return following if through else None
    return None


def _is_through(before: list[Event], optimizer: Optimizer, other: Optimizer) -> bool:
    """Whether the last forward before, of these two, is of the optimizer: the other's output went through it."""
    for event in before:
        if event.act is Act.FORWARD:
            if any(map(optimizer.holds, event.models())):
                return True
            if any(map(other.holds, event.models())):
                return False
    return False


def _keeps_graph(event: Event) -> bool:
    """Whether a backward keeps its graph for another one, so that the gradients of both are meant to add up."""
    call = event.place.node
    named = {keyword.arg: keyword.value for keyword in call.keywords} if isinstance(call, ast.Call) else {}
    return "retain_graph" in named and not (
        isinstance(named["retain_graph"], ast.Constant) and not named["retain_graph"].value
    )


def _reaches(event: Event, optimizer: Optimizer) -> bool:
    return any(map(optimizer.holds, event.models()))


def _shares(optimizer: Optimizer, model: Model) -> bool:
    return any(source.model.root() is model.root() for source in optimizer.sources)


def _concerns(event: Event, optimizer: Optimizer) -> bool:
    return optimizer in map(canonical, event.subjects) or _reaches(event, optimizer)


def _clear_before(violation: Violation, editor: Editor) -> Edits | None:
    own, update = violation.roles["own"].place, violation.roles["before"].place
    optimizer = stepped(update.node)
    if optimizer is None or not same_function(own, update) or own.module is not violation.at.module:
        return None
    return editor.insert_before(enclosing_statement(own), f"{editor.text(optimizer)}.zero_grad()")


RULE = Rule(
    code="OPT110",
    level=Level.ERROR,
    message="`{before}` uses gradients of another loss as well: nothing clears what `{trigger}` has left",
    triggers=((".step(", "backward("), ("optimizer", "torch"), ("optim.", "torch"), ("torch.optim",)),
    property=Query(_find),
    repair=Repair("Clear the gradients before the optimizer's own backward", UNSAFE, _clear_before),
    evidence=Evidence.GRADIENT,
)
