"""The names that a script runs with: safe builtins, and in the place of each module a namespace without the module.

No module object is ever handed out: whoever holds `torch` holds `torch.os`. What a namespace does not offer is a
stand-in, as everything else that a replay does not run.
"""

from __future__ import annotations

import builtins
import collections
import contextlib
import copy
import dataclasses
import dis
import functools
import itertools
import math
import random
import sys
import typing
from collections.abc import Callable, Iterator, Mapping
from types import ModuleType
from typing import Any, NoReturn

from optlint.replay.guard_torch import torch_namespace
from optlint.replay.guard_words import OPEN, closed_text, is_dunder

Refuse = Callable[[str], NoReturn]


class Refused(Exception):  # noqa: N818 - as in the reports: what was refused
    """A script did at run time what no script may do; says nothing about the code that is replayed."""


def refuse(reason: str) -> NoReturn:
    """Refuse by an exception."""
    raise Refused(reason)


BUILTINS = tuple(
    "abs all any ascii bin bool bytearray bytes callable chr classmethod complex dict divmod enumerate filter float "
    "format frozenset hash hex id int isinstance issubclass iter len list map max min next object oct ord pow property "
    "range repr reversed round set slice sorted staticmethod str sum super tuple zip NotImplemented Ellipsis "
    "__build_class__".split()
)
"""The builtins that come out as they are; all exceptions do, too."""

STANDARD: Mapping[str, Mapping[str, Any]] = {
    "math": {name: value for name, value in vars(math).items() if not is_dunder(name)},
    "itertools": {name: value for name, value in vars(itertools).items() if not name.startswith("_")},
    "functools": {name: getattr(functools, name) for name in "partial reduce lru_cache cache cmp_to_key".split()},
    "copy": {"copy": copy.copy, "deepcopy": copy.deepcopy},
    "collections": {
        name: getattr(collections, name) for name in "OrderedDict defaultdict deque Counter ChainMap".split()
    },
    "contextlib": {
        name: getattr(contextlib, name) for name in "contextmanager nullcontext suppress closing ExitStack".split()
    },
    "dataclasses": {
        name: getattr(dataclasses, name)
        for name in "dataclass field asdict astuple replace fields is_dataclass".split()
    },
    "typing": {
        name: getattr(typing, name)
        for name in (
            "Any Callable ClassVar Dict Final Generator Generic Iterable Iterator List Literal Mapping NamedTuple "
            "Optional Sequence Set Tuple Type TypeVar Union"
        ).split()
    },
}
"""What of the standard library comes out as it is, by module."""


class Namespace:
    """What a script sees of a module: what `look` answers, a stand-in or an error for the rest."""

    __slots__ = ("_label", "_look", "_refuse")

    def __init__(self, label: str, look: Callable[[str], Any], refuse: Refuse) -> None:
        object.__setattr__(self, "_label", label)
        object.__setattr__(self, "_look", look)
        object.__setattr__(self, "_refuse", refuse)

    def __repr__(self) -> str:
        return f"<the names of {self._label} that a replay has>"

    def __getattr__(self, name: str) -> Any:
        if is_dunder(name) and name not in OPEN:
            raise AttributeError(f"no `{name}` in {self._label}")
        return self._look(name)

    def __setattr__(self, name: str, value: object) -> None:
        self._refuse(f"assigns `{self._label}.{name}`")

    def __delattr__(self, name: str) -> None:
        self._refuse(f"deletes `{self._label}.{name}`")


def names_for(standin: ModuleType, refuse: Refuse = refuse) -> dict[str, Any]:
    """The globals of a script.

    Args:
        standin: The module that makes stand-ins; it comes out as a namespace of its functions and classes.
        refuse: Called when a script does at run time what no script may do; must not return.
    """
    known: dict[str, Any] = {}

    def unknown(path: str) -> Any:
        """The same stand-in for the same path each time."""
        if path not in known:
            known[path] = standin.unknown(path)
        return known[path]

    def offer(label: str, names: Mapping[str, Any]) -> Namespace:
        return Namespace(label, lambda name: names[name] if name in names else unknown(f"{label}.{name}"), refuse)

    modules = {**STANDARD, **_small_modules()}
    modules["functools"] = {**STANDARD["functools"], "wraps": _wraps}
    modules["collections"] = {**STANDARD["collections"], "namedtuple": _namedtuple(refuse)}
    return {
        "__name__": "__main__",
        "__builtins__": _builtins(standin, refuse),
        "torch": torch_namespace(unknown, lambda label, look: Namespace(label, look, refuse)),
        "standin": offer("standin", _own_names(standin)),
        **{label: offer(label, names) for label, names in modules.items()},
    }


def _own_names(standin: ModuleType) -> dict[str, Any]:
    """What the stand-ins' module defines itself, without the modules that it imports."""
    return {
        name: value
        for name, value in vars(standin).items()
        if not name.startswith("_") and (getattr(value, "__module__", "") or "").startswith(standin.__name__)
    }


# -- builtins -----------------------------------------------------------------------------------------------------


def _type(refuse: Refuse) -> type:
    """`type` in a script: it tells the class of a value and makes none."""

    class ClassOf(type):
        """Its class: a type check against it is one against the real `type`."""

        def __instancecheck__(cls, instance: object) -> bool:
            return isinstance(instance, type)

        def __subclasscheck__(cls, subclass: type) -> bool:
            return issubclass(subclass, type)

        def __call__(cls, *args: Any, **kwargs: Any) -> Any:
            if len(args) != 1 or kwargs:
                refuse("makes a class with `type`")
            found = type(args[0])
            return cls if issubclass(found, type) else found  # a metaclass makes classes as `type` does

    return ClassOf("type", (), {})


def _builtins(standin: ModuleType, refuse: Refuse) -> dict[str, Any]:
    """The builtins of a script."""
    missing = object()

    def checked(name: Any) -> str:
        if closed_text(name):
            refuse(f"reaches for `{name if type(name) is str else type(name).__name__}`")
        return str(name)

    def guarded_getattr(value: Any, name: Any, default: Any = missing) -> Any:
        if isinstance(name, standin.Unknown):  # which one is asked for, nobody knows
            return standin.Unknown("getattr")
        if default is missing:
            return getattr(value, checked(name))
        return getattr(value, checked(name), default)

    def guarded_hasattr(value: Any, name: Any) -> bool:
        return hasattr(value, checked(name))

    def guarded_setattr(value: Any, name: Any, given: Any) -> None:
        if is_dunder(checked(name)):
            refuse(f"assigns `{name}`")
        setattr(value, name, given)

    def guarded_delattr(value: Any, name: Any) -> None:
        if is_dunder(checked(name)):
            refuse(f"deletes `{name}`")
        delattr(value, name)

    def imported(*args: Any, **kwargs: Any) -> Any:
        """What torch's C++ imports while a script calls it, which it does by the builtins of the script's frame."""
        frame = sys._getframe(1)
        if dis.opname[frame.f_code.co_code[frame.f_lasti]] == "IMPORT_NAME":
            refuse("imports")
        return builtins.__import__(*args, **kwargs)

    exceptions = {
        name: value
        for name, value in vars(builtins).items()
        if isinstance(value, type) and issubclass(value, BaseException)
    }
    return {
        **{name: getattr(builtins, name) for name in BUILTINS},
        **exceptions,
        "True": True,
        "False": False,
        "None": None,
        "isinstance": standin.is_instance,
        "type": _type(refuse),
        "print": _nothing,
        "getattr": guarded_getattr,
        "hasattr": guarded_hasattr,
        "setattr": guarded_setattr,
        "delattr": guarded_delattr,
        "__import__": imported,  # no script can name it
    }


def _nothing(*args: object, **kwargs: object) -> None:
    """What a call does that has no effect in a replay."""


# -- modules that are small here ----------------------------------------------------------------------------------


def _wraps(wrapped: Any) -> Any:
    """`functools.wraps` without a choice of attributes: those could be any, and be handed to any `__setattr__`."""
    return functools.wraps(wrapped)


def _namedtuple(refuse: Refuse) -> Callable[..., Any]:
    """`collections.namedtuple` by plain texts: its field names become code, and attributes of a pattern."""

    def namedtuple(typename: str, field_names: Any, *, defaults: Any = None) -> Any:
        names = field_names.replace(",", " ").split() if type(field_names) is str else list(field_names)
        if type(typename) is not str or any(closed_text(name) for name in names):
            refuse("makes a tuple of names that are closed")
        return collections.namedtuple(typename, names, defaults=defaults)

    return namedtuple


class _Clock:
    """A clock that moves a hundredth of a second each time that it is looked at, and as far as one sleeps."""

    def __init__(self) -> None:
        self.now = 0.0

    def look(self, *args: object) -> float:
        self.now += 0.01
        return self.now

    def sleep(self, seconds: object = 0.0) -> None:
        self.now += float(seconds) if isinstance(seconds, (int, float)) else 0.0


@contextlib.contextmanager
def _silence(*args: object, **kwargs: object) -> Iterator[list[Any]]:
    yield []


def _small_modules() -> dict[str, dict[str, Any]]:
    """The modules that hold a state: new ones for each script."""
    clock, numbers = _Clock(), random.Random(0)
    drawn = "random randint randrange uniform choice choices shuffle sample gauss normalvariate seed getrandbits"
    quiet = "warn filterwarnings simplefilter resetwarnings"
    return {
        "time": {
            **dict.fromkeys("time perf_counter monotonic process_time".split(), clock.look),
            "sleep": clock.sleep,
        },
        "random": {name: getattr(numbers, name) for name in drawn.split()},
        "warnings": {**dict.fromkeys(quiet.split(), _nothing), "catch_warnings": _silence},
    }
