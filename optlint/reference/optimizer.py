"""A reference that walks beside a torch optimizer and says where the two part."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import torch

from optlint.reference.closure import Closure, borrowed, evaluate, split_as
from optlint.reference.divergence import Distance, Divergence, distance
from optlint.reference.errors import NoReferenceError
from optlint.reference.update_rule import ClosureRule, UpdateRule, as_real, number
from optlint.reference.updates import CLOSURE_RULES, RULES

if TYPE_CHECKING:
    from torch import Tensor
    from torch.optim import Optimizer


@dataclass(slots=True)
class _Shadow:
    """What the reference holds of one parameter: its value in real numbers, and its state (None before an update)."""

    theta: Tensor
    state: Any = None


class ReferenceOptimizer:
    """The reference of an optimizer of torch.optim, advanced beside it.

    It starts at the parameters as they are and from the state as it is, so a resumed optimizer has a reference too.
    Call `step` when the gradients are there and before the optimizer's own step, and `divergence` after both::

        reference = ReferenceOptimizer(optimizer)
        for x, y in batches:
            ...
            reference.step()
            optimizer.step()
            if parted := reference.divergence(relative=1e-12):
                print(parted)

    Each update takes the gradients of the optimizer's parameters, and the options in its param groups at that moment:
    what a scheduler does to the rate is no divergence here (`ReferenceScheduler` is for that). Parameters that come
    later, by `add_param_group`, are taken up at the next step.

    For LBFGS `step` takes the closure that the optimizer is to get, and calls it at the points that the reference goes
    to. Parameters, their gradients and torch's random numbers are afterwards as they were; what else the closure
    changes (running means of a batch norm) it has changed. With another class the closure is called once, for the
    gradients, as that optimizer does.

    Errors:
        NoReferenceError: for a class that is not of torch.optim, or has no reference.
    """

    def __init__(self, optimizer: Optimizer) -> None:
        self.rule = rule_of(type(optimizer))
        self.steps = 0
        self._optimizer = optimizer
        self._shadows: dict[Tensor, _Shadow] = {}
        self._meet_parameters()

    @torch.no_grad()
    def step(self, closure: Closure | None = None) -> None:
        """One update of the reference, from the gradients that the optimizer's parameters have now, or by a closure.

        Errors:
            TypeError: LBFGS has no closure.
        """
        self._meet_parameters()
        rule = self.rule
        if isinstance(rule, ClosureRule):
            if closure is None:
                raise TypeError(f"`{rule.name}` evaluates the loss where it goes: `step` needs the closure")
            self._step_at_will(rule, closure)
        elif closure is None:
            self._step(rule)
        else:
            with borrowed(self._parameters()):
                torch.enable_grad()(closure)()
                self._step(rule)
        self.steps += 1

    def _step(self, rule: UpdateRule[Any, Any]) -> None:
        for group in self._optimizer.param_groups:
            h = rule.read(group)
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                shadow = self._shadows[parameter]
                g = as_real(parameter.grad)
                if group.get("maximize", False):
                    g = -g
                if shadow.state is None:
                    shadow.state = rule.start(shadow.theta, h)
                shadow.theta, shadow.state = rule.update(shadow.theta, g, shadow.state, h)

    def _step_at_will(self, rule: ClosureRule[Any, Any], closure: Closure) -> None:
        h = rule.read(self._optimizer.param_groups[0])
        parameters = self._parameters()
        shadows = [self._shadows[parameter] for parameter in parameters]
        theta = torch.cat([shadow.theta.reshape(-1) for shadow in shadows])

        first = shadows[0]
        state = rule.start(theta, h) if first.state is None else first.state
        with borrowed(parameters):
            theta, first.state = rule.update(theta, partial(evaluate, parameters, closure), state, h)
        for shadow, values in zip(shadows, split_as(theta, [shadow.theta for shadow in shadows]), strict=True):
            shadow.theta = values.clone()

    def divergence(self, *, relative: float) -> Divergence | None:
        """The first quantity, in the order of the groups, that is further than `relative` from the reference."""
        return next((each for each in self.distances() if not each.distance.relative <= relative), None)

    def distances(self, of: Optimizer | None = None) -> Iterator[Divergence]:
        """How far every quantity is from the reference, in the order of the groups; zero distances are among them.

        With `of` it is another optimizer's: one of groups and parameters alike that was given the same gradients.
        """
        optimizer = self._optimizer if of is None else of
        for (_, own), (place, parameter) in zip(_places(self._optimizer), _places(optimizer), strict=True):
            shadow = self._shadows[own]
            expected = {"parameter": shadow.theta, **self._expected_state(shadow)}
            actual = {"parameter": parameter, **optimizer.state.get(parameter, {})}
            for quantity, value in expected.items():
                yield Divergence(self.steps, place, quantity, _distance(actual.get(quantity), value))

    @torch.no_grad()
    def adopt(self) -> None:
        """Go on from where the optimizer is now, so that the next comparison is of one update alone."""
        self._shadows.clear()
        self._meet_parameters()

    def _parameters(self) -> list[Tensor]:
        return [parameter for group in self._optimizer.param_groups for parameter in group["params"]]

    def _meet_parameters(self) -> None:
        for group in self._optimizer.param_groups:
            fresh = [parameter for parameter in group["params"] if parameter not in self._shadows]
            h = self.rule.read(group) if fresh and self._optimizer.state else None
            self._shadows |= {parameter: self._shadow(parameter, h) for parameter in fresh}

    def _shadow(self, parameter: Tensor, h: Any) -> _Shadow:
        theta = as_real(parameter.detach()).clone()
        kept = self._optimizer.state.get(parameter)
        if not kept:
            return _Shadow(theta)
        state = self.rule.start(theta, h)
        found = {field: kept[key] for field, key in self.rule.torch_state.items() if kept.get(key) is not None}
        return _Shadow(theta, replace(state, **{field: _like(getattr(state, field), found[field]) for field in found}))

    def _expected_state(self, shadow: _Shadow) -> dict[str, Any]:
        if shadow.state is None:
            return {}
        values = {key: getattr(shadow.state, field) for field, key in self.rule.torch_state.items()}
        return {key: value for key, value in values.items() if value is not None}


def rule_of(optimizer: type[Optimizer]) -> UpdateRule[Any, Any] | ClosureRule[Any, Any]:
    """The rule of a class of torch.optim, or of one derived from it that has no `step` of its own."""
    stepping = next(each for each in optimizer.__mro__ if "step" in vars(each))
    rule = RULES.get(stepping.__name__) or CLOSURE_RULES.get(stepping.__name__)
    if not stepping.__module__.startswith("torch.optim") or rule is None:
        raise NoReferenceError(f"`{optimizer.__qualname__}` of `{optimizer.__module__}` has no reference")
    return rule


def _places(optimizer: Optimizer) -> Iterator[tuple[str, Tensor]]:
    for number_of_group, group in enumerate(optimizer.param_groups):
        for number_of_parameter, parameter in enumerate(group["params"]):
            yield f"group {number_of_group}, parameter {number_of_parameter}", parameter


def as_tensor(value: Tensor | float) -> Tensor:
    """A number as a tensor of float64; a tensor in real numbers."""
    return as_real(value) if isinstance(value, torch.Tensor) else torch.tensor(value, dtype=torch.float64)


def _distance(actual: Any, expected: Any) -> Distance:
    """How far a kept value lies from the expected one; for a sequence the furthest of its members.

    Infinite where the optimizer has none, or a sequence of another length.
    """
    if not isinstance(expected, tuple):
        if actual is None:
            return _NOWHERE
        if isinstance(expected, (int, float)) and _is(actual, expected):  # as most are, and quicker so
            return _HERE
        return distance(as_tensor(actual), as_tensor(expected))
    kept = () if actual is None else actual
    if len(kept) != len(expected):
        return _NOWHERE
    apart = (_distance(*pair) for pair in zip(kept, expected, strict=True))
    return max(apart, key=lambda each: each.relative, default=_HERE)


def _is(actual: Any, expected: float) -> bool:
    """Whether a kept number, in whatever form, is the expected one."""
    if isinstance(actual, torch.Tensor):
        return actual.dim() == 0 and not actual.is_meta and bool(actual.item() == expected)
    return bool(actual == expected)


_HERE = Distance(0.0, 0.0, 0.0)
_NOWHERE = Distance(math.inf, math.inf, math.inf)


def _like(started: Any, kept: Any) -> Any:
    """The kept value of a state, as this reference keeps it: a number for a number, else a tensor of its own."""
    if isinstance(started, tuple):
        return tuple(_like(None, each) for each in kept)
    if isinstance(started, (int, float)):
        return type(started)(number(kept))
    return as_real(kept.detach()).clone() if isinstance(kept, torch.Tensor) else kept
