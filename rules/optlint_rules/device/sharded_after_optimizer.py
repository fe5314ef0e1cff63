"""The model is sharded after its optimizer was built.

`fully_shard`, `FullyShardedDataParallel`, `parallelize_module` and `distribute_module` give a module new parameters:
shards or DTensors of the old ones. An optimizer that was built before holds the old ones, which no forward uses any
more. Nothing is raised; measured in one process, 0 of 4 parameters were still in the optimizer, and what trains moved
by exactly 0.0.

## Example

```python
import torch
from torch import nn
from torch.distributed.fsdp import fully_shard

model = nn.Sequential(nn.Linear(10, 20), nn.ReLU(), nn.Linear(20, 2))
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
fully_shard(model)

for _ in range(20):
    inputs, labels = torch.randn(8, 10), torch.randint(0, 2, (8,))
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(model(inputs), labels)
    loss.backward()
    optimizer.step()
```

## Use instead

```python
import torch
from torch import nn
from torch.distributed.fsdp import fully_shard

model = nn.Sequential(nn.Linear(10, 20), nn.ReLU(), nn.Linear(20, 2))
fully_shard(model)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)

for _ in range(20):
    inputs, labels = torch.randn(8, 10), torch.randint(0, 2, (8,))
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(model(inputs), labels)
    loss.backward()
    optimizer.step()
```

## When the code is right

These are not reported:

- Sharding first, the optimizer after it, or a new optimizer after it.
- DistributedDataParallel, DataParallel, `torch.compile`, activation checkpointing: the Parameters stay the same.
- `FullyShardedDataParallel(..., use_orig_params=True)`, which keeps them in one process.
- A teacher or another module that the optimizer does not hold.
- An optimizer whose steps are over by then, or that never steps while another one takes over.

## Fix safety

Unsafe. The construction of the optimizer, and of a scheduler built on it in between, moves directly below the
sharding: the model learns from then on, which is the intent. Offered only where all stand in the same block.

## Evidence

A replay runs in one process and cannot shard: its verdict is inconclusive and says so. Measured on torch 2.13 with one
gloo process: `fully_shard`, FSDP with `use_orig_params=False`, `parallelize_module` and `distribute_module` leave the
parameters where they were, with SGD and with Adam; DDP, DataParallel and `torch.compile` train all of them.

## References

- `fully_shard`: https://docs.pytorch.org/docs/stable/distributed.fsdp.fully_shard.html
- `FullyShardedDataParallel`: https://docs.pytorch.org/docs/stable/fsdp.html
- Tensor parallelism: https://docs.pytorch.org/docs/stable/distributed.tensor.parallel.html
"""

from __future__ import annotations

import ast

from optlint.api import (
    OPTIMIZER,
    UNSAFE,
    Absence,
    Act,
    Binding,
    Confidence,
    Editor,
    Edits,
    Event,
    EventPattern,
    Evidence,
    Level,
    Optimizer,
    Repair,
    Rule,
    Violation,
    canonical,
    enclosing_statement,
    new,
)
from optlint_rules.gradients.accumulation import steps
from optlint_rules.parameters.construction import names_in, scheduler_statements


def _held(event: Event, binding: Binding) -> bool:
    return any(model.confidence is not Confidence.NAME and binding.optimizer.holds(model) for model in event.models())


def _level(violation: Violation) -> Level | None:
    """Silent where nothing is trained with the optimizer from there on: another one comes, or its steps are over."""
    entry, optimizer, shard = violation.entry, violation.binding.optimizer, violation.roles["of"]
    assert entry is not None
    events = list(entry.events)
    own = steps(entry, optimizer)
    if own:
        return Level.ERROR if events.index(own[-1]) > events.index(shard) else None
    made = {subject for event in events[events.index(shard) :] if event.act is Act.NEW for subject in event.subjects}
    others = (each for each in map(canonical, made) if isinstance(each, Optimizer))
    return None if any(other.holds(model) for other in others for model in shard.models()) else Level.ERROR


def _build_below(violation: Violation, editor: Editor) -> Edits | None:
    optimizer = violation.binding.optimizer
    if optimizer.place is None or optimizer.place.module is not violation.at.module:
        return None
    built, sharded = enclosing_statement(optimizer.place), enclosing_statement(violation.at)
    if not isinstance(built, ast.Assign) or not editor.same_block(built, sharded):
        return None
    moved = [built, *scheduler_statements(violation, optimizer, built, sharded)]
    names = names_in(built.targets)
    others = [each for each in editor.statements_between(built, sharded) if each not in moved]
    if names & names_in([*others, sharded]):
        return None
    return tuple(edit for statement in moved for edit in editor.move_after(statement, sharded))


RULE = Rule(
    code="OPT305",
    level=Level.ERROR,
    message="nothing is trained: the optimizer still holds the parameters that `{of}` replaces by shards",
    triggers=(("optimizer", "torch"), ("optim.", "torch"), ("torch.optim",)),
    property=Absence(of=EventPattern(OPTIMIZER, frozenset((Act.SHARD,)), _held), after=new(OPTIMIZER), definite=True),
    judge=_level,
    repair=Repair("Build the optimizer after the module is sharded", UNSAFE, _build_below),
    evidence=Evidence.MOVED,
)
