"""Dataclasses of a script: real ones, but that a stand-in for all their arguments (`Config(**vars(args))`) fits."""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

from optlint.replay.standin.makers import unknown
from optlint.replay.standin.values import Unknown


def record(kind: Any = None, /, **options: Any) -> Any:
    """The decorator `dataclass`."""
    if kind is None:
        return functools.partial(record, **options)
    made: Any = dataclasses.dataclass(kind, **options)
    fields = {each.name: each for each in dataclasses.fields(made) if each.init}
    construct = made.__init__

    @functools.wraps(construct)
    def constructed(self: Any, *args: Any, **given: Any) -> None:
        known = {name: value for name, value in given.items() if name in fields or not isinstance(value, Unknown)}
        if len(known) < len(given):  # keys that a stand-in has made up: it has those that the class wants
            named = list(fields)[len(args) :]
            known |= {name: unknown(name) for name in named if name not in known and _is_wanted(fields[name])}
        construct(self, *args, **known)

    made.__init__ = constructed
    return made


def _is_wanted(field: dataclasses.Field[Any]) -> bool:
    """Whether a field has no default."""
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
