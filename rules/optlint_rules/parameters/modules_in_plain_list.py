"""A module keeps other modules in a plain list, tuple or dict, which registers none of them.

`parameters()` does not give them, so the optimizer never moves them (0.0 in every update) while their gradients pile
up; `zero_grad()`, `.to(device)`, `.eval()` and `state_dict()` do not reach them either, so that a checkpoint lacks
them. Where nothing else is registered the optimizer raises `ValueError: optimizer got an empty parameter list`; after
`.cuda()` or `.double()` the forward raises for mixed devices or types.

## Example
```python
import torch
from torch import nn, optim


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = [nn.Linear(10, 10) for _ in range(3)]
        self.head = nn.Linear(10, 2)

    def forward(self, x):
        for layer in self.body:
            x = torch.relu(layer(x))
        return self.head(x)


model = Net()
optimizer = optim.SGD(model.parameters(), lr=0.1)

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
from torch import nn, optim


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.ModuleList([nn.Linear(10, 10) for _ in range(3)])
        self.head = nn.Linear(10, 2)

    def forward(self, x):
        for layer in self.body:
            x = torch.relu(layer(x))
        return self.head(x)


model = Net()
optimizer = optim.SGD(model.parameters(), lr=0.1)

for _ in range(20):
    inputs, labels = torch.randn(8, 10), torch.randint(0, 2, (8,))
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(model(inputs), labels)
    loss.backward()
    optimizer.step()
```

## When the code is right
- The list also goes into `nn.Sequential(*layers)` or `nn.ModuleList(layers)`, or each of its modules into an attribute,
  `add_module`, `register_module` or `setattr`.
- A list of `self.conv1, self.conv2`, which are attributes of their own.
- A teacher, an average or a feature extractor that is hidden on purpose, mostly as a list of one.
- The class or the code around collects the list's parameters by hand.
- Modules without parameters: activations, pooling, losses.

## Fix safety
Unsafe: the modules are trained, moved and saved from now on, which is what their place in the forward says; old
checkpoints lack their keys, and parameters come in another order. The container becomes `nn.ModuleList(...)` or
`nn.ModuleDict(...)`. Not offered for nested lists, keys that are no strings, or methods that those two lack.

## Evidence
The replay shows which parameters move. Before the fix the layers of the example's list get gradients and move by 0.0
in every update; after it they move with all others.

## References
- ModuleList: https://docs.pytorch.org/docs/stable/generated/torch.nn.ModuleList.html
- ModuleDict: https://docs.pytorch.org/docs/stable/generated/torch.nn.ModuleDict.html
- Modules as building blocks: https://docs.pytorch.org/docs/stable/notes/modules.html#modules-as-building-blocks
"""

from __future__ import annotations

from collections.abc import Iterator

from optlint.api import UNSAFE, Evidence, Level, Place, Program, Query, Repair, Rule, Violation
from optlint_rules.parameters.containers_in_text import is_given_containers, may_hold_containers
from optlint_rules.parameters.module_classes import entry_of, module_classes
from optlint_rules.parameters.module_list_fix import register
from optlint_rules.parameters.module_values import ModuleValues
from optlint_rules.parameters.plain_containers import Container, containers, fresh_elements
from optlint_rules.parameters.registration import (
    is_collected_elsewhere,
    is_computed_with,
    is_on_purpose,
    is_registered,
)


def _find(program: Program) -> Iterator[Violation]:
    if program.definitions is None:
        return
    values = ModuleValues(program.definitions)
    for owner in module_classes(program, is_given_containers):
        found = [container for container in containers(owner) if fresh_elements(container, values)]
        if not found or owner.registers_itself():
            continue
        for container in found:
            if _is_unregistered(program, container):
                yield Violation(
                    program,
                    Place(container.module, container.statement.value),
                    entry=entry_of(program, owner.info),
                    parts={"name": f"self.{container.name}", "kind": container.kind},
                )


def _is_unregistered(program: Program, container: Container) -> bool:
    mentions = container.owner.mentions(container.name)
    return (
        is_computed_with(container, mentions)
        and not is_on_purpose(container, mentions)
        and not is_registered(container, mentions)
        and not any(is_collected_elsewhere(each, container.name) for each in {program.module, container.module})
    )


RULE = Rule(
    code="OPT210",
    level=Level.ERROR,
    message="the modules in `{name}` are never trained, moved or saved: a plain {kind} does not register them",
    triggers=(
        *(("torch", "forward", "__init__", word) for word in ("nn.", "torch.nn", "Module")),
        ("torch.optim", "import"),
    ),
    screen=may_hold_containers,
    property=Query(_find),
    repair=Repair("Register the modules", UNSAFE, register),
    evidence=Evidence.MOVED,
)
