"""Jobs, traces and lost replays as JSON, both ways and exact for every float: what goes through the worker's pipes."""

from __future__ import annotations

import enum
import functools
import math
import operator
import types
import typing
from collections.abc import Callable, Hashable
from dataclasses import MISSING, dataclass, fields, is_dataclass
from typing import Any

from optlint.replay.trace import Trace

VERSION = 2
"""Of the JSON of a trace."""


@dataclass(frozen=True, slots=True)
class Job:
    """A script to be run in a worker.

    Attributes:
        body: The statements of a `ReplayScript`.
        device: As torch writes it: `cpu`, `cuda:1`, `meta`.
        dtype: The floating-point type of new tensors, by its name in torch: `float64`.
        most_updates: After so many updates the replay ends.
        seed: Of all random numbers.
        plan: The outcome of conditions on stand-ins, by the stand-ins' words for them; of others, true.
        as_meant: Whether what torch refuses is done as it is meant.
        absent: What takes the place of a device that is not here: `meta`; else what is to go there stays.
    """

    body: str
    device: str
    dtype: str
    most_updates: int = 2000
    seed: int = 0
    plan: tuple[tuple[str, bool], ...] = ()
    as_meant: bool = False
    absent: str = ""


@dataclass(frozen=True, slots=True)
class Lost:
    """A replay that gave no trace, and why.

    `reason` begins with `timed out`, `memory`, `died: `, `refused: ` (the script has what no script may have),
    `touched the outside: ` (it reached for files, the network or other processes) or `failed: ` (the replay itself).
    """

    reason: str


Outcome = Trace | Lost


def to_json(trace: Trace) -> dict[str, Any]:
    """The JSON of a trace; floats that JSON has no number for are words (`inf`, `-inf`, `nan`)."""
    return {"version": VERSION, **_plain(trace)}


def trace_from_json(data: Any) -> Trace:
    """The trace of some JSON.

    Raises:
        ValueError: If it is not the JSON of a trace.
    """
    if not isinstance(data, dict) or data.get("version") != VERSION:
        raise ValueError(f"This is no trace of version {VERSION}")
    trace: Trace = _reader(Trace)({key: value for key, value in data.items() if key != "version"})
    return trace


def job_to_json(job: Job) -> dict[str, Any]:
    """The JSON of a job."""
    data: dict[str, Any] = _plain(job)
    return data


def job_from_json(data: Any) -> Job:
    """The job of some JSON.

    Raises:
        ValueError: If it is not the JSON of a job.
    """
    job: Job = _reader(Job)(data)
    return job


# -- values -> JSON -----------------------------------------------------------------------------------------------


def _plain(value: Any) -> Any:
    kind: Any = type(value)
    if kind is float:
        return value if math.isfinite(value) else repr(value)
    if kind is str or kind is int or kind is bool or value is None:
        return value
    if kind is tuple:
        return [_plain(each) for each in value]
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, str):  # torch's version is of a class of its own
        return str(value)
    members, values = _members(kind)
    found = zip(members, values(value), strict=True)
    return {name: _plain(each) for (name, usual), each in found if each is not usual}


@functools.cache
def _members(kind: Any) -> tuple[tuple[tuple[str, Any], ...], Callable[[Any], tuple[Any, ...]]]:
    """The names and defaults of a dataclass's fields (several, for all that is sent), and what gets their values.

    What has its default is left out, as most of a trace has.
    """
    members = tuple((field.name, field.default) for field in fields(kind))
    return members, operator.attrgetter(*(name for name, _ in members))


# -- JSON -> values -----------------------------------------------------------------------------------------------

Reader = Callable[[Any], Any]


@functools.cache
def _reader(kind: Hashable) -> Reader:
    """What reads a value of a type, made once a type from the annotations of the dataclasses."""
    if kind in (str, int, bool):
        return functools.partial(_exact, kind)
    if kind is float:
        return _float
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is tuple:
        if arguments[-1] is Ellipsis:
            return functools.partial(_row, _reader(arguments[0]))
        return functools.partial(_tuple, tuple(_reader(each) for each in arguments))
    if origin in (types.UnionType, typing.Union):
        (other,) = (each for each in arguments if each is not types.NoneType)
        return functools.partial(_optional, _reader(other))
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return kind
    if isinstance(kind, type) and is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        readers = {field.name: _reader(hints[field.name]) for field in fields(kind)}
        needed = frozenset(field.name for field in fields(kind) if field.default is MISSING)
        return functools.partial(_record, kind, readers, needed)
    raise TypeError(f"No reader for `{kind}`")


def _exact(kind: type, data: Any) -> Any:
    if type(data) is not kind:
        raise ValueError(f"`{str(data)[:80]}` is no {kind.__name__}")
    return data


def _float(data: Any) -> float:
    if type(data) is float or data in ("inf", "-inf", "nan"):
        return float(data)
    if type(data) is int:
        return float(data)
    raise ValueError(f"`{str(data)[:80]}` is no float")


def _row(read: Reader, data: Any) -> tuple[Any, ...]:
    return tuple([read(each) for each in _exact(list, data)])


def _tuple(readers: tuple[Reader, ...], data: Any) -> tuple[Any, ...]:
    return tuple([read(each) for read, each in zip(readers, _exact(list, data), strict=True)])


def _optional(read: Reader, data: Any) -> Any:
    return None if data is None else read(data)


def _record(kind: Callable[..., Any], readers: dict[str, Reader], needed: frozenset[str], data: Any) -> Any:
    if not isinstance(data, dict) or not needed <= data.keys() <= readers.keys():
        raise ValueError(f"`{str(data)[:80]}` has not the fields of a {kind.__name__}")
    return kind(**{name: readers[name](value) for name, value in data.items()})
