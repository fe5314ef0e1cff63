"""Hooks on schedulers: built, stepped, asked for their rates, loaded."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from optlint.program.events import Act
from optlint.replay.counted import UPSIDE_DOWN
from optlint.replay.epochs import Epochs
from optlint.replay.group_rates import rates_of
from optlint.replay.hooks_metric import is_watched_upside_down, number_of_metric
from optlint.replay.hooks_optimizer import failing, how_known, number_of
from optlint.replay.measure import apart
from optlint.replay.overwriting import Overwriting
from optlint.replay.patches import Patches
from optlint.replay.trace import Kind

if TYPE_CHECKING:
    from optlint.replay.draft import Draft
    from optlint.replay.recorder import Recorder


def _every_class(patches: Patches, method: str, around: Callable[..., Any]) -> None:
    """Wrap a method of all scheduler classes that define it, and of those that the script will define."""

    def wrap(kind: type[LRScheduler]) -> None:
        if method in vars(kind):
            patches.wrap(kind, method, around)

    former = vars(LRScheduler).get("__init_subclass__")

    def derived(cls: Any, /, **kwargs: Any) -> None:
        if former is None:
            super(LRScheduler, cls).__init_subclass__(**kwargs)
        else:
            former.__func__(cls, **kwargs)
        wrap(cls)

    for kind in _classes(LRScheduler):
        wrap(kind)
    patches.replace(LRScheduler, "__init_subclass__", classmethod(derived))


def _classes(kind: type[LRScheduler]) -> Iterator[type[LRScheduler]]:
    yield kind
    for derived in kind.__subclasses__():
        yield from _classes(derived)


def _construction(recorder: Recorder, patches: Patches) -> None:
    def init(original: Callable[..., None], self: LRScheduler, *args: Any, **kwargs: Any) -> None:
        if recorder.hidden:
            original(self, *args, **kwargs)
            return
        recorder.notice()
        given = next((each for each in (*args, *kwargs.values()) if isinstance(each, Optimizer)), None)
        before = () if given is None else rates_of(given)
        with recorder.inside(), failing(recorder):
            original(self, *args, **kwargs)
        optimizer = getattr(self, "optimizer", None)
        if isinstance(optimizer, Optimizer):
            driven = number_of(recorder, optimizer)
            number = recorder.roster.number(self, Kind.SCHEDULER, row=recorder.row(), optimizer=driven)
            recorder.due.built(self, driven, recorder.roster.succeeds(self))
            recorder.happen(Act.NEW, (number,), rates=before)

    _every_class(patches, "__init__", init)


def _stepping(recorder: Recorder, patches: Patches) -> None:
    stirred: dict[int, int] = {}
    epochs, overwriting = Epochs(), Overwriting()

    def step(original: Callable[..., Any], self: LRScheduler, *args: Any, **kwargs: Any) -> Any:
        if recorder.hidden or not recorder.due.knows(self):
            return original(self, *args, **kwargs)
        recorder.notice()
        recorder.due.about_to_step(self)
        number = recorder.roster.number(self, Kind.SCHEDULER)
        given = [each for each in (*args, *kwargs.values()) if each is not None]
        value = _float(given[0]) if given else None
        driven = number_of(recorder, self.optimizer) if given else 0
        made = sum(update.optimizer == driven for update in recorder.updates) if given else 0
        epoch = epochs.wanted(self, number, given[0] if given else None, value, made)
        numbers = () if epoch is None else (epoch,)
        draft = recorder.happen(Act.SCHEDULE, (number,), detail="argument" if given else "", given=numbers)
        if given:
            epochs.noted(self, number, given[0], draft, made)
        metric = number_of_metric(self, given[0]) if given else None
        if metric is not None and is_watched_upside_down(self, given[0]):
            draft.detail, metric = UPSIDE_DOWN, -metric  # what is due waits for the right direction
        overwriting.about_to_step(self)
        before = rates_of(self.optimizer)
        with recorder.inside():
            result = original(self, *args, **kwargs)
        draft.rates, draft.lost = rates_of(self.optimizer), overwriting.stepped(self, before)
        quiet = stirred.get(number) == recorder.stirred
        stirred[number] = recorder.stirred
        if recorder.due.stepped(self, metric=metric, epoch=epoch, row=draft.row, quiet=quiet):
            _wind(recorder, draft, number)
        return result

    _every_class(patches, "step", step)


def _wind(recorder: Recorder, draft: Draft, number: int) -> None:
    """A schedule is being wound forward: by this step, and by the one before, which did not look like it yet."""
    previous = recorder.previous(Act.SCHEDULE, number)
    for each in (draft, previous):
        if each is not None and not each.detail:
            each.detail = "wound"


def _asking(recorder: Recorder, patches: Patches) -> None:
    def asked(name: str) -> Callable[..., Any]:
        def around(original: Callable[..., Any], self: LRScheduler, *args: Any, **kwargs: Any) -> Any:
            if recorder.hidden or not recorder.due.knows(self):
                return original(self, *args, **kwargs)
            draft = recorder.happen(Act.CALL, (recorder.roster.number(self, Kind.SCHEDULER),), detail=name)
            with recorder.inside():
                result = original(self, *args, **kwargs)
            if isinstance(result, (list, tuple)):
                draft.apart = apart([_float(each) for each in result], rates_of(self.optimizer))
            return result

        return around

    for name in ("get_lr", "get_last_lr"):
        _every_class(patches, name, asked(name))


def _loading(recorder: Recorder, patches: Patches) -> None:
    def load_state_dict(original: Callable[..., Any], self: LRScheduler, *args: Any, **kwargs: Any) -> Any:
        if recorder.hidden or not recorder.due.knows(self):
            return original(self, *args, **kwargs)
        recorder.notice()
        recorder.happen(Act.LOAD, (recorder.roster.number(self, Kind.SCHEDULER),), detail=how_known(args, kwargs))
        with recorder.inside():
            result = original(self, *args, **kwargs)
        recorder.due.loaded(number_of(recorder, self.optimizer))
        return result

    _every_class(patches, "load_state_dict", load_state_dict)


def _float(value: Any) -> float:
    """A metric, an epoch or a rate as a number; NaN for what is none."""
    try:
        return float(value.detach() if isinstance(value, Tensor) else value)
    except (TypeError, ValueError, RuntimeError):
        return float("nan")


HOOKS = {
    "the construction of a scheduler": _construction,
    "the step of a scheduler": _stepping,
    "`get_lr`": _asking,
    "`load_state_dict` of a scheduler": _loading,
}
