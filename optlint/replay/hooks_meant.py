"""What code means where torch refuses it: hooks that let a run go on as if it had been said rightly.

A run that ends by an exception shows nothing of what should come after it, so a fix of it cannot be compared with
anything. With these hooks it goes on, and does what can be meant alone:

==================================================  =================================================================
where torch raises                                  what is done
==================================================  =================================================================
an optimizer is given modules, methods, iterators   it gets all of their parameters
an optimizer is given a tensor that is no leaf      the tensor becomes one, where it is and with the value that it has
an iterator of parameters is gone through again     it gives the same parameters again
Muon is given frozen vectors                        it gets the rest
a scheduler is given `verbose`                      that is left out
momentum is to be cycled that no group has          it is not
`print_lr` is called, `_LRScheduler` is asked for   nothing is done; it is `LRScheduler`
a step lacks its closure or its metric              it is noted, and not made
==================================================  =================================================================

Where an iterator was gone through unseen, the run ends: nobody knows what it gave.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer, lr_scheduler
from torch.optim.lr_scheduler import LRScheduler

from optlint.program.events import Act
from optlint.replay.patches import Patches
from optlint.replay.trace import Kind

if TYPE_CHECKING:
    from optlint.replay.recorder import Recorder

_REMOVED = "verbose"


class Lasting:
    """An iterator that begins again wherever it is gone through."""

    def __init__(self, content: Iterable[Any]) -> None:
        self._content = list(content)
        self._next = iter(self._content)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._content)

    def __next__(self) -> Any:
        return next(self._next)


def _parameters(recorder: Recorder, patches: Patches) -> None:
    def lasting(original: Callable[..., Any], *args: Any, **kwargs: Any) -> Lasting:
        return Lasting(original(*args, **kwargs))

    def init(original: Callable[..., None], self: Optimizer, *args: Any, **kwargs: Any) -> None:
        if args:
            args = (_meant(recorder, args[0]), *args[1:])
        original(self, *args, **kwargs)

    def add_param_group(original: Callable[..., None], self: Optimizer, *args: Any, **kwargs: Any) -> None:
        for group in (*args, *kwargs.values()):
            if isinstance(group, dict) and "params" in group:
                group["params"] = _meant(recorder, group["params"])
        original(self, *args, **kwargs)

    for name in ("parameters", "named_parameters"):
        patches.wrap(nn.Module, name, lasting)
    patches.wrap(Optimizer, "__init__", init)
    patches.wrap(Optimizer, "add_param_group", add_param_group)


def _meant(recorder: Recorder, given: Any) -> Any:
    """What can be given to an optimizer in the place of what was."""
    if isinstance(given, Tensor):
        if given.requires_grad and not given.is_leaf:
            with recorder.inside():
                given.detach_().requires_grad_()
        return given
    if isinstance(given, nn.Module):
        return list(given.parameters())
    if inspect.ismethod(given) and given.__name__ == "parameters":
        return list(given())
    if isinstance(given, dict) and "params" in given:
        return {**given, "params": _meant(recorder, given["params"])}
    if isinstance(given, Lasting):
        return list(given)
    if isinstance(given, (list, tuple)):
        found: list[Any] = []
        for each in given:
            one = _meant(recorder, each)
            several = isinstance(one, (list, tuple)) and not _is_named(one)
            found.extend(one if several else [one])
        return found
    return given


def _is_named(one: Any) -> bool:
    return isinstance(one, tuple) and len(one) == 2 and isinstance(one[0], str)


def _vectors(recorder: Recorder, patches: Patches) -> None:
    def init(original: Callable[..., None], self: Optimizer, *args: Any, **kwargs: Any) -> None:
        if args:
            given = list(_meant(recorder, args[0]))
            if all(isinstance(each, Tensor) for each in given):
                given = [each for each in given if each.requires_grad or each.ndim == 2]
            args = (given, *args[1:])
        original(self, *args, **kwargs)

    patches.wrap(torch.optim.Muon, "__init__", init)


def _constructors(recorder: Recorder, patches: Patches) -> None:
    for kind in _schedulers():
        names = list(inspect.signature(vars(kind)["__init__"]).parameters) if "__init__" in vars(kind) else []
        if names and _REMOVED not in names:
            patches.wrap(kind, "__init__", _without_removed(len(names)))
    for kind in (lr_scheduler.CyclicLR, lr_scheduler.OneCycleLR):
        patches.wrap(kind, "__init__", _without_momentum(inspect.signature(kind.__init__)))
    patches.replace(LRScheduler, "print_lr", lambda *args, **kwargs: None)
    patches.replace(lr_scheduler, "_LRScheduler", LRScheduler)


def _without_removed(most: int) -> Callable[..., None]:
    def init(original: Callable[..., None], *args: Any, **kwargs: Any) -> None:
        kwargs.pop(_REMOVED, None)
        # It was the last of the arguments.
        original(*args[: most if isinstance(args[-1], bool) else None], **kwargs)

    return init


def _without_momentum(signature: inspect.Signature) -> Callable[..., None]:
    def init(original: Callable[..., None], *args: Any, **kwargs: Any) -> None:
        try:
            given = signature.bind(*args, **kwargs)
        except TypeError:
            original(*args, **kwargs)  # it says itself what is wrong
            return
        optimizer = given.arguments["optimizer"]
        if isinstance(optimizer, Optimizer) and not {"momentum", "betas"} & optimizer.defaults.keys():
            given.arguments["cycle_momentum"] = False
        original(*given.args, **given.kwargs)

    return init


def _steps(recorder: Recorder, patches: Patches) -> None:
    def lacking(act: Act, kind: Kind) -> Callable[..., Any]:
        def step(original: Callable[..., Any], self: Any, *args: Any, **kwargs: Any) -> Any:
            if args or kwargs or recorder.hidden:
                return original(self, *args, **kwargs)
            recorder.happen(act, (recorder.roster.number(self, kind),), detail="meant")
            return None

        return step

    for optimizer in _optimizers():
        if _wants_argument(optimizer):
            if not getattr(optimizer.step, "hooked", False):  # torch does that when the first instance is made
                optimizer.step = Optimizer.profile_hook_step(optimizer.step)
                optimizer.step.hooked = True
            patches.wrap(optimizer, "step", lacking(Act.STEP, Kind.OPTIMIZER))
    for scheduler in _schedulers():
        if _wants_argument(scheduler):
            patches.wrap(scheduler, "step", lacking(Act.SCHEDULE, Kind.SCHEDULER))


def _wants_argument(kind: type) -> bool:
    """Whether a class has a step of its own that cannot be called without an argument."""
    if "step" not in vars(kind):
        return False
    _, *rest = inspect.signature(vars(kind)["step"]).parameters.values()
    return any(each.default is each.empty and each.kind is each.POSITIONAL_OR_KEYWORD for each in rest)


def _schedulers() -> Iterator[type[Any]]:
    return (kind for kind in vars(lr_scheduler).values() if isinstance(kind, type) and issubclass(kind, LRScheduler))


def _optimizers() -> Iterator[type[Any]]:
    return (kind for kind in vars(torch.optim).values() if isinstance(kind, type) and issubclass(kind, Optimizer))


HOOKS = {
    "what is meant by parameters": _parameters,
    "what is meant by frozen vectors": _vectors,
    "what is meant by arguments that are gone": _constructors,
    "what is meant by steps without an argument": _steps,
}
"""They are installed after all others, around these."""
