"""A hook on stand-ins: what is given to unknown code may be stepped, cleared or changed there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from optlint.program.events import Act
from optlint.replay.patches import Patches
from optlint.replay.standin import Unknown
from optlint.replay.trace import Kind

if TYPE_CHECKING:
    from optlint.replay.recorder import Recorder


def _escaping(recorder: Recorder, patches: Patches) -> None:
    def call(original: Callable[..., Any], self: Unknown, *args: Any, **kwargs: Any) -> Any:
        numbers = list(_numbers(recorder, (*args, *kwargs.values())))
        if numbers and not recorder.hidden:
            recorder.happen(Act.ESCAPE, numbers)
        return original(self, *args, **kwargs)

    patches.wrap(Unknown, "__call__", call)


def _numbers(recorder: Recorder, given: tuple[Any, ...]) -> Iterator[int]:
    for each in given:
        if isinstance(each, (list, tuple)):
            yield from _numbers(recorder, tuple(each))
        elif isinstance(each, (Optimizer, LRScheduler)) and recorder.roster.known(each):
            yield recorder.roster.number(each, Kind.OPTIMIZER)


HOOKS = {"unknown code": _escaping}
