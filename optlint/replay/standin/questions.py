"""What values are asked to be: `isinstance` of a script, which knows that a stand-in may be what it is asked for.

A class of torch that adds nothing to its base (`_LRScheduler`, since torch 2.0) is a mere name of it in the eyes of
those who write it, and yet none of torch's objects is an instance of it; `questioned` hears of each such question.
"""

from __future__ import annotations

from typing import Any

import torch

from optlint.replay.standin.conditions import decided
from optlint.replay.standin.makers import optimizer, scheduler
from optlint.replay.standin.modules import UnknownMethod
from optlint.replay.standin.values import Flow, Unknown

_EMPTY = frozenset(
    "__module__ __doc__ __dict__ __weakref__ __annotations__ __firstlineno__ __static_attributes__ "
    "__annotations_cache__ __abstractmethods__ _abc_impl".split()
)
"""What the body of every class defines."""


def is_instance(value: Any, kind: Any) -> bool:
    """`isinstance`: false of a class that is a stand-in; a stand-in may turn into a scheduler that is asked for."""
    kinds = [each for each in _each(kind) if not isinstance(each, Unknown)]
    unknown = len(kinds) < len(list(_each(kind)))
    if isinstance(value, Unknown) and value._wrapped is None:
        wanted = next((each for each in kinds if _is_scheduler(each)), None)
        if wanted is not None and decided(f"{value._label} is a {_meant(wanted).__name__}"):
            value.__dict__["_wrapped"] = _scheduler(wanted)
        elif unknown and not any(isinstance(value, each) for each in kinds):
            return decided(f"{value._label} is an instance of what is not known", False)
    real = value._wrapped if isinstance(value, Unknown) and value._wrapped is not None else value
    if isinstance(value, UnknownMethod):  # of a module of which nobody knows what it holds
        wanted = next((each for each in kinds if _is_scheduler(each)), None)
        if wanted is not None and decided(f"{value._name} is a {_meant(wanted).__name__}"):
            real = _scheduler(wanted)
    answer = any(isinstance(real, each) for each in kinds)
    if any(_is_scheduler(each) for each in kinds):
        meant = [_meant(each) for each in kinds]
        names = tuple(sorted({f"{each.__module__}.{each.__qualname__}" for each in meant}))
        questioned(real, answer, any(isinstance(real, each) for each in meant), names)
    return answer


def questioned(value: Any, answer: bool, due: bool, names: tuple[str, ...]) -> None:
    """Hear of a question whether a value is a scheduler; `due` is the answer of the classes that were meant."""


def told(value: Any) -> None:
    """Take note of a value: a class is named as the nearest of its bases that adds anything."""
    if isinstance(value, type):
        meant = _meant(value)
        mentioned(f"{meant.__module__}.{meant.__qualname__}")


def mentioned(name: str) -> None:
    """Hear of a name that stands for something."""


def _each(kind: Any) -> Any:
    """The classes of the second argument of `isinstance`."""
    if isinstance(kind, (tuple, list)):
        for each in kind:
            yield from _each(each)
    elif hasattr(kind, "__args__") and not isinstance(kind, (type, Unknown, Flow)):
        yield from _each(kind.__args__)
    else:
        yield kind


def _is_scheduler(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, torch.optim.lr_scheduler.LRScheduler)


def _meant(kind: Any) -> Any:
    """The class that a class of torch is a mere name of: the nearest one that adds anything to its base."""
    while (
        isinstance(kind, type)
        and kind.__module__.startswith("torch.")
        and len(kind.__bases__) == 1
        and kind.__base__ is not object
        and _EMPTY.issuperset(vars(kind))
    ):
        kind = kind.__base__
    return kind


def _scheduler(kind: Any) -> Any:
    if issubclass(kind, torch.optim.lr_scheduler.ReduceLROnPlateau):
        return torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer())
    return scheduler(optimizer())
