"""Hooks on stand-ins: what is given to unknown code may be stepped or changed there; what is asked of values."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from optlint.program.events import Act
from optlint.replay.patches import Patches
from optlint.replay.standin import Unknown, questions
from optlint.replay.trace import Kind

if TYPE_CHECKING:
    from optlint.replay.recorder import Recorder


_STEPS_NONE = re.compile(
    r"(^|[._])(initialize|prepare\w*|setup\w*|scale_loss|broadcast\w*|DistributedOptimizer|save\w*|load\w*|log\w*"
    r"|print\w*|info|debug|watch|register\w*|append|add_\w+|state_dict|master_params|unscale_)$"
)
"""Names of functions that are given an optimizer and do not step it."""


def _escaping(recorder: Recorder, patches: Patches) -> None:
    def call(original: Callable[..., Any], self: Unknown, *args: Any, **kwargs: Any) -> Any:
        numbers = list(_numbers(recorder, (*args, *kwargs.values())))
        if numbers and not recorder.hidden and _STEPS_NONE.search(self._label) is None:
            recorder.happen(Act.ESCAPE, numbers)
        return original(self, *args, **kwargs)

    patches.wrap(Unknown, "__call__", call)


def _numbers(recorder: Recorder, given: tuple[Any, ...]) -> Iterator[int]:
    for each in given:
        if isinstance(each, (list, tuple)):
            yield from _numbers(recorder, tuple(each))
        elif isinstance(each, (Optimizer, LRScheduler)) and recorder.roster.known(each):
            yield recorder.roster.number(each, Kind.OPTIMIZER)


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
