"""What a script makes its stand-ins with: models, optimizers, schedulers, arguments, progress bars."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from typing import Any

import torch

from optlint.replay.standin.conditions import StandInError, decided
from optlint.replay.standin.modules import Model
from optlint.replay.standin.numbers import number_for
from optlint.replay.standin.values import Flow, Unknown, forward, holds_standins, is_called, mixed


def model(label: str = "model", *parts: str) -> Model:
    """A stand-in for a module, with the parts that the code speaks of."""
    return Model(label, *parts)


def unknown(label: str = "", /, **known: Any) -> Any:
    """A stand-in for anything else; a name that people give to numbers is a number. `known` are its attributes."""
    number = number_for(label.rpartition(".")[2]) if not known else None
    return Unknown(label, known) if number is None else number


class Open:
    """The base of the project's own classes: an attribute that the script leaves out is a stand-in."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if is_called(sys._getframe(1)):
            return Unknown(name)
        value = unknown(name)
        self.__dict__[name] = value
        return value


def wrapped(inner: Any) -> Any:
    """What stands for a module or an optimizer, and has it as `module`."""
    return Unknown("wrapped", given=(inner,))


def named(name: str) -> Any:
    """A decorator for what has a number after its name in a script: called it is what its own file calls it."""

    def given(function: Any) -> Any:
        function.__name__ = name
        return function

    return given


def registered(decorator: Any) -> Any:
    """A decorator of other code, which is given the function and leaves it as it is."""

    def given(function: Any) -> Any:
        decorator(function)
        return function

    return given


def outlives(*values: Any) -> None:
    """What a function has made goes on to code that is not seen."""
    Unknown("register")(values, *(vars(each) for each in values if isinstance(each, Open)))


def namespace(**members: Any) -> Any:
    """A stand-in for a module of the project, with what is used of it."""
    return Unknown("module", members)


class Progress:
    """A progress bar over an iterable; what else is asked of it has no effect."""

    def __init__(self, iterable: Any) -> None:
        self._iterable = iterable

    def __iter__(self) -> Iterator[Any]:
        return iter(self._iterable)

    def __len__(self) -> int:
        return len(self._iterable)

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return Unknown(name)


def progress(iterable: Any = None, *args: Any, **kwargs: Any) -> Any:
    """A progress bar over what it was given, a number or an iterable, or over nothing."""
    if iterable is None or isinstance(iterable, Unknown):
        return Unknown("bar") if iterable is None else iterable
    return Progress(range(iterable) if isinstance(iterable, int) else iterable)


def progress_range(*bounds: Any, **kwargs: Any) -> Any:
    """A progress bar over a range."""
    return Progress(range(*(int(each) for each in bounds)))


def unset(label: str = "") -> Any:
    """A stand-in for an argument that nobody gives as a rule: it counts as false, and as None, unless planned."""
    made = Unknown(f"{label} is given")
    made.__dict__["_usual"] = False
    return made


def flag(name: str, usual: bool) -> bool:
    """A flag that callers may turn around: what it is by default, unless planned."""
    return decided(name, usual)


def option(name: str) -> Any:
    """What callers may give, and is `None` by default: that, unless planned."""
    return unknown(name) if decided(f"{name} is given", False) else None


def is_none(value: Any) -> bool:
    """`value is None`, where a stand-in may be: not as a rule, unless it is one for an argument that nobody gives."""
    if not isinstance(value, Unknown):
        return value is None
    return not value if not value._usual else decided(f"{value._label} is None", False)


def optimizer(*given: Any) -> torch.optim.Optimizer:
    """A stand-in for an optimizer of modules, parameters or param groups: SGD with momentum."""
    parameters = [*_parameters(given)]
    if not parameters and any(hasattr(each, "__next__") and not isinstance(each, Unknown) for each in given):
        raise StandInError("an optimizer that is not torch's was given an iterator that is gone through")
    return torch.optim.SGD(parameters or Model().parameters(), lr=0.1, momentum=0.9)


def _parameters(given: Any) -> Iterator[torch.Tensor]:
    for each in given:
        if isinstance(each, torch.Tensor):
            if isinstance(each, torch.nn.Parameter) or (each.requires_grad and each.is_leaf):
                yield each  # a frozen parameter is one that the optimizer has
        elif isinstance(each, torch.optim.Optimizer):
            yield from _parameters(group["params"] for group in each.param_groups)
        elif hasattr(each, "parameters"):
            yield from each.parameters()
        elif isinstance(each, dict):
            yield from _parameters([each.get("params", ())])
        elif hasattr(each, "__iter__") and not isinstance(each, str):
            yield from _parameters(each)


def exercise(module: Any) -> None:
    """Make a few updates of what a module holds, and of one parameter beside, as a training loop does."""
    beside = torch.nn.Parameter(torch.linspace(0.5, 1.0, 2))
    moved = torch.optim.SGD([*module.parameters(), beside], lr=0.1)
    for _ in range(3):
        moved.zero_grad()
        mixed((forward(module), beside)).backward()
        moved.step()


def trained(optimizer: Any, module: Any) -> None:
    """Make a few updates of a module with the optimizer that was made for it."""
    for _ in range(2):
        optimizer.zero_grad()
        forward(module).backward()
        optimizer.step()


def scheduler(of: torch.optim.Optimizer) -> torch.optim.lr_scheduler.LRScheduler:
    """A stand-in for a scheduler: half the rate every two steps."""
    return torch.optim.lr_scheduler.StepLR(of, 2, 0.5)


def linear_warm_up(
    optimizer: torch.optim.Optimizer, num_warmup_steps: int, num_training_steps: int, last_epoch: int = -1
) -> torch.optim.lr_scheduler.LRScheduler:
    """The schedule that transformers makes under that name: up to the base rate, then down to zero."""
    return _warm_up(optimizer, num_warmup_steps, num_training_steps, lambda share: 1.0 - share)


def cosine_warm_up(
    optimizer: torch.optim.Optimizer,
    num_warmup_steps: int,
    num_training_steps: int,
    num_cycles: float = 0.5,
    last_epoch: int = -1,
) -> torch.optim.lr_scheduler.LRScheduler:
    """The schedule that transformers makes under that name: up to the base rate, then down along a cosine."""
    return _warm_up(
        optimizer,
        num_warmup_steps,
        num_training_steps,
        lambda share: 0.5 * (1.0 + math.cos(math.pi * num_cycles * 2.0 * share)),
    )


def _warm_up(
    optimizer: torch.optim.Optimizer, warm_up: Any, total: Any, falling: Any
) -> torch.optim.lr_scheduler.LRScheduler:
    first, last = int(warm_up), max(int(total), int(warm_up) + 1)

    def factor(step: int) -> float:
        if step < first:
            return step / max(1, first)
        return float(max(0.0, falling(min(1.0, (step - first) / (last - first)))))

    made: torch.optim.lr_scheduler.LRScheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, factor)
    made.total_steps = last  # type: ignore[attr-defined]
    return made


def tensor(make: Any, *args: Any, **kwargs: Any) -> Any:
    """A tensor of data; where that is a stand-in, so is the tensor. Of several sizes it is one of these sizes."""
    given = (*args, *kwargs.values())
    if not holds_standins(given):
        return make(*args, **kwargs)
    if len(args) > 1 and isinstance(make, type) and all(isinstance(each, (int, Unknown)) for each in args):
        return torch.empty(*args)
    return mixed(given, "tensor")


def item(container: Any, key: Any) -> Any:
    """`container[key]`; where nobody knows the key, any value that is there."""
    if isinstance(container, (Unknown, Flow, torch.Tensor)):
        return container[key]
    try:
        return container[key]
    except (LookupError, TypeError):
        values = list(container.values() if isinstance(container, dict) else container)
        return values[0] if values else Unknown(f"[{key!r}]")
