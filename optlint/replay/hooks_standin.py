"""Hooks on stand-ins: what is given to unknown code may be stepped or changed there; what is asked of values."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Iterator
from types import CellType, FunctionType, MethodType
from typing import TYPE_CHECKING, Any

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from optlint.program.events import Act
from optlint.replay.patches import Patches
from optlint.replay.rows import FILE
from optlint.replay.standin import Unknown, questions, values
from optlint.replay.trace import Kind

if TYPE_CHECKING:
    from optlint.replay.recorder import Recorder


_STEPS_NONE = re.compile(
    r"(^|[._])(initialize|prepare\w*|setup\w*|scale_loss|broadcast\w*|DistributedOptimizer|save\w*|load\w*|log\w*"
    r"|print\w*|info|debug|watch|register\w*|append|add_\w+|state_dict|master_params|unscale_)$"
)
"""Names of functions that are given an optimizer and do not step it there and then."""


_ACTING = ("step", "zero_grad")
"""Methods that a stand-in is asked for where it stands for an optimizer or a scheduler."""


def _escaping(recorder: Recorder, patches: Patches) -> None:
    kept: dict[int, None] = {}

    def escape(given: tuple[Any, ...], detail: str) -> None:
        numbers = list(dict.fromkeys(_numbers(recorder, given)))
        if numbers and not recorder.hidden:
            kept.update(dict.fromkeys(numbers))
            recorder.happen(Act.ESCAPE, numbers, detail=detail)

    def acted(method: str) -> None:
        if kept and not recorder.hidden and method in _ACTING:
            recorder.happen(Act.ESCAPE, list(kept), detail="acted on")

    def call(original: Callable[..., Any], self: Unknown, *args: Any, **kwargs: Any) -> Any:
        escape((*args, *kwargs.values()), "" if _STEPS_NONE.search(self._label) is None else "kept")
        acted(self._label.rpartition(".")[2])
        return original(self, *args, **kwargs)

    def store(original: Callable[..., Any], self: Unknown, key: Any, value: Any) -> Any:
        escape((value,), "kept")
        return original(self, key, value)

    patches.wrap(Unknown, "__call__", call)
    patches.replace(values, "taken_for_module", acted)
    patches.wrap(Unknown, "__setitem__", store)
    patches.wrap(Unknown, "__setattr__", store)


def _numbers(recorder: Recorder, given: Iterable[Any], depth: int = 3) -> Iterator[int]:
    """The optimizers and schedulers that some values are or hold; a function holds what it speaks of."""
    for each in given:
        if isinstance(each, (Optimizer, LRScheduler)):
            if recorder.roster.known(each):
                yield recorder.roster.number(each, Kind.OPTIMIZER)
        elif depth and isinstance(each, (list, tuple, set)):
            yield from _numbers(recorder, each, depth - 1)
        elif depth and isinstance(each, dict):
            yield from _numbers(recorder, each.values(), depth - 1)
        elif depth and isinstance(each, MethodType):
            yield from _numbers(recorder, (each.__self__,), depth - 1)
        elif depth and isinstance(each, functools.partial):
            yield from _numbers(recorder, (each.func, *each.args, *each.keywords.values()), depth - 1)
        elif depth and isinstance(each, FunctionType) and each.__code__.co_filename == FILE:
            cells = [cell.cell_contents for cell in each.__closure__ or () if _is_filled(cell)]
            spoken = [each.__globals__.get(name) for name in each.__code__.co_names]
            yield from _numbers(recorder, (*cells, *spoken), depth - 1)


def _is_filled(cell: CellType) -> bool:
    try:
        return cell.cell_contents is not cell
    except ValueError:
        return False


def _questioning(recorder: Recorder, patches: Patches) -> None:
    def questioned(value: Any, answer: bool, due: bool, names: tuple[str, ...]) -> None:
        if not recorder.hidden:
            but = "" if answer == due else f", although it is a `{type(value).__name__}`"
            recorder.happen(Act.MENTION, (), detail=f"isinstance {answer}{but}", parameters=names)

    def mentioned(name: str) -> None:
        if not recorder.hidden:
            recorder.happen(Act.MENTION, (), detail=name)

    patches.replace(questions, "questioned", questioned)
    patches.replace(questions, "mentioned", mentioned)


HOOKS = {"unknown code": _escaping, "questions": _questioning}
