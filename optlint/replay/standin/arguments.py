"""Arguments of optimizers and schedulers: a stand-in among them becomes a number of its name, or the default.

A schedule that computes with stand-ins would be none: each comparison would come out as one pleases.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

from optlint.replay.standin.conditions import StandInError
from optlint.replay.standin.numbers import number_for
from optlint.replay.standin.values import Unknown


def with_numbers(construct: Any) -> Any:
    """`__init__` of an optimizer or a scheduler that is given numbers where a script has stand-ins."""
    signature = inspect.signature(construct)

    @functools.wraps(construct)
    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        if any(isinstance(each, (Unknown, list, tuple, dict)) for each in (*args, *kwargs.values())):
            try:
                bound = signature.bind(self, *args, **kwargs)
            except TypeError:
                pass  # that is for the constructor to say
            else:
                for name, value in bound.arguments.items():
                    if name != "self":
                        bound.arguments[name] = _settled(name, value, signature.parameters[name].default)
                args, kwargs = bound.args[1:], bound.kwargs
        construct(self, *args, **kwargs)

    return init


def settled_first(construct: Any, settle: Callable[[dict[str, Any]], None]) -> Any:
    """`construct` with numbers, after `settle` has looked at the arguments, which it has by their names."""
    signature = inspect.signature(construct)
    settled = with_numbers(construct)

    @functools.wraps(construct)
    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        try:
            given = signature.bind(self, *args, **kwargs).arguments
        except TypeError:
            construct(self, *args, **kwargs)  # it says itself what is wrong
            return
        settle(given)
        settled(**given)

    return init


def _settled(name: str, value: Any, default: Any) -> Any:
    if isinstance(value, Unknown):
        if value._wrapped is not None:
            return value._wrapped
        if name in ("params", "optimizer"):
            return value
        number = number_for(name)
        if number is not None:
            return number
        if default is inspect.Parameter.empty:
            raise StandInError(f"`{name}` is a stand-in, and stands for no number")
        return default
    if isinstance(value, dict):
        given = {key: _settled(str(key), each, None) for key, each in value.items()}
        given = {key: each for key, each in given.items() if each is not None or value[key] is None}
        if name != "params":
            return given
        # An optimizer keeps the very dict that it is given, and so may another one that is given the same.
        value.clear()
        value.update(given)
        return value
    if type(value) in (list, tuple) and any(isinstance(each, (Unknown, dict)) for each in value):
        return type(value)(_settled(name, each, default) for each in value)
    return value
