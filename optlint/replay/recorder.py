"""The recorder: hooks on torch that tell what a script does to its optimizers, as a trace.

It changes nothing of what the script computes, and puts all hooks back when it is left. What each hook looks at is in
the modules `hooks_*`; here is what they share: who is who, the two oracles, and what has happened so far.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from types import TracebackType
from typing import Any

import torch
from torch import Tensor

from optlint.program.events import Act
from optlint.reference.optimizer import ReferenceOptimizer
from optlint.replay import (
    hooks_gradient,
    hooks_meant,
    hooks_module,
    hooks_optimizer,
    hooks_scaler,
    hooks_scheduler,
    hooks_standin,
    hooks_written,
)
from optlint.replay.astray import astray
from optlint.replay.detachment import Detachments
from optlint.replay.draft import Draft
from optlint.replay.due_walk import DueWalk
from optlint.replay.kept_rates import BothRates
from optlint.replay.ledger import Ledger
from optlint.replay.measure import Measure, copy_of, gradient_of, has_state, same
from optlint.replay.narrow import Narrow
from optlint.replay.patches import Patches, see_through
from optlint.replay.roster import Roster, Tracked
from optlint.replay.rows import row_of_script
from optlint.replay.supposed import is_supposed
from optlint.replay.trace import Failure, Trace, Update
from optlint.replay.values import Values


class EndOfReplay(BaseException):  # it is no error
    """The script has made as many updates as it may."""


Hook = Callable[["Recorder", Patches], None]

_HOOKS: dict[str, Hook] = {
    **hooks_optimizer.HOOKS,
    **hooks_scheduler.HOOKS,
    **hooks_scaler.HOOKS,
    **hooks_gradient.HOOKS,
    **hooks_written.HOOKS,
    **hooks_module.HOOKS,
    **hooks_standin.HOOKS,
}
"""Each by its name, in the order in which they are installed."""


class Recorder:
    """Records what is done within it::

        with Recorder(most_updates=100) as recorder:
            exec(compile(body, "<replay>", "exec"), namespace)
        trace = recorder.trace()

    After `most_updates` updates it ends what is done by an `EndOfReplay`, which does not come out of the `with`.
    `rows` tells the row of the script that runs. With `as_meant` what torch refuses is done as it is meant, as far as
    `hooks_meant` knows that.
    """

    def __init__(
        self, *, most_updates: int = 2000, as_meant: bool = False, rows: Callable[[], int] = row_of_script
    ) -> None:
        self.as_meant = as_meant
        self.roster = Roster()
        self.ledger = Ledger()
        self.due = BothRates()
        self.values = Values(self.roster)
        self.narrow = Narrow()
        self.detachments = Detachments(self.roster)
        self.row = rows
        self.updates: list[Update] = []
        self.consumed: dict[int, tuple[object, int, list[Any]]] = {}
        """Iterators that were gone through, by identity, in which row, and what they gave."""
        self.references: dict[int, ReferenceOptimizer | None] = {}
        self._walks: dict[int, DueWalk] = {}
        self.backwards = 0
        self.scaled_by: float | None = None
        """What unscales the loss of the backward that runs, where a scaler has multiplied it."""
        self.scale_given: float | None = None
        """What unscales, as of when a scaler last gave the code its scale, in a number or a tensor without a graph."""
        self.asked: dict[int, tuple[float, float]] = {}
        """Of parameters, by identity, whose gradients were asked for last of a scaled loss: what unscales these, and
        their Euclidean norm."""
        self.stirred = 0
        """How many backwards and steps of optimizers there were."""
        self.scale_asked = -1
        """How many there were when the code last asked a scaler for its scale."""
        self.stepping: list[Measure] = []
        """Of optimizers that make their step, in which they may change what they like, the inner ones last."""
        self._gathering: set[int] = set()
        """Optimizers, by number, that use other gradients than those they find."""
        self.hidden = 0
        """Whether torch's own code runs, the inner calls of which are no happenings."""
        self._happenings: list[Draft] = []
        self._most = most_updates
        self._cut = False
        self._device = ""
        self._patches = Patches()
        self._installed = False

    def install(self) -> None:
        """Install the hooks that every recording has, ahead of the `with`."""
        for install in _HOOKS.values():
            install(self, self._patches)
        self._installed = True

    def uninstall(self) -> None:
        """Put all hooks back."""
        self._patches.undo()
        self._installed = False

    def about(self, most_updates: int, *, as_meant: bool) -> Recorder:
        """The same recorder for a recording that ends after so many updates; see the class."""
        self._most, self.as_meant = most_updates, as_meant
        return self

    def __enter__(self) -> Recorder:
        if not self._installed:
            self.install()
        for install in hooks_meant.HOOKS.values() if self.as_meant else ():
            install(self, self._patches)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        self.uninstall()
        see_through(traceback)
        return isinstance(error, EndOfReplay)

    def trace(self, failure: Failure | None = None) -> Trace:
        """All that was recorded; `failure` is what ended the script, if something did."""
        happenings = tuple(each.finished() for each in self._happenings)
        things = self.narrow.told(self.roster.things())
        updates = tuple(
            replace(each, gradient=None) if each.optimizer in self._gathering else each for each in self.updates
        )
        return Trace(
            things,
            happenings,
            updates,
            failure,
            self._cut,
            self._device or "cpu",
            torch.__version__,
            starts=self.values.starts(),
            formers=self.values.formers(),
            taken=self.values.taken(),
        )

    @contextmanager
    def inside(self) -> Iterator[None]:
        """While torch's own code runs."""
        self.hidden += 1
        try:
            yield
        finally:
            self.hidden -= 1

    def happen(self, act: Act, things: Iterable[int], **details: Any) -> Draft:
        """Something happened."""
        draft = Draft(act, details.pop("row", None) or self.row(), tuple(things), len(self.updates), **details)
        if act is not Act.NEW:
            for number in draft.things:
                self.roster.call_by_name(number)
        if act in (Act.BACKWARD, Act.STEP):
            self.stirred += 1
        last = self._happenings[-1] if self._happenings else None
        if last is not None and last.takes_in(draft):
            return last
        self._happenings.append(draft)
        return draft

    def previous(self, act: Act, thing: int) -> Draft | None:
        """The last happening of an act on a thing but for the very last of all happenings."""
        found = (each for each in reversed(self._happenings[:-1]) if each.act is act and thing in each.things)
        return next(found, None)

    # -- what was done by hand ------------------------------------------------------------------------------------

    def notice(self) -> None:
        """Take note of what was done since the last event without any: to gradients, rates and flags."""
        self.roster.discover()
        for each in self.roster.tracked.values():
            self.notice_gradient(each)
            if each.tensor.requires_grad != each.wants:
                self.flag([each], by_hand=True)
        for number, _ in self.roster.optimizers():
            if self.due.notice(number):
                self.happen(Act.SET_RATE, (number,), by_hand=True)

    def notice_gradient(self, parameter: Tracked, act: Act | None = None) -> None:
        """Take note of a gradient that is not what it was, or with which something was done (`act`) all the same."""
        present, known = gradient_of(parameter.tensor), parameter.gradient
        if present is None and known is None:
            return
        if present is not None and known is not None and same(present, known):
            if act is None or present.is_meta or not bool(present.any()):
                return
        identity = id(parameter.tensor)
        owners = self.roster.holders((identity,))
        if act is None:
            act = Act.SET_GRADIENT if known is None or parameter.place is not present else Act.CHANGE_GRADIENT
        parameter.gradient, parameter.place = copy_of(present), present
        if parameter.gradient is None or not (parameter.gradient.is_meta or bool(parameter.gradient.any())):
            self.ledger.clear(identity)
            detail = "" if present is None else "zero"
            self.happen(Act.CLEAR, owners, detail=detail, parameters=self.roster.names((parameter,)), by_hand=True)
        else:
            factor = self._unscaling(identity, parameter.gradient)
            self.ledger.adopt(identity, owners, known, parameter.gradient, factor)
            if self.stepping and (known is None or not (known.is_meta or bool(known.any()))):
                self.stepping[-1].gathers = True
            self.happen(act, owners, parameters=self.roster.names((parameter,)), by_hand=True)

    def cleared(self, parameters: Sequence[Tracked], things: Sequence[int] = (), *, set_to_none: bool) -> None:
        """Gradients were cleared by a call that is made for it."""
        identities = [id(each.tensor) for each in parameters]
        holders = self.roster.holders(identities)
        names = () if self.roster.holds_no_others(holders, identities) else self.roster.names(parameters)
        self.happen(Act.CLEAR, (*things, *holders), detail="" if set_to_none else "zero", parameters=names)

    def _unscaling(self, parameter: int, gradient: Tensor) -> float:
        """The factor that unscales a gradient that was written by hand.

        Where it comes from a scaled loss, its size says whether it still has that scale.
        """
        factor, size = self.asked.get(parameter, (1.0, 0.0))
        is_scaled = not gradient.is_meta and float(torch.linalg.vector_norm(gradient)) > size * factor**0.5
        return factor if is_scaled else 1.0

    def settle(self, parameters: Iterable[Tracked] | None = None) -> None:
        """The gradients are as torch has left them."""
        for each in self.roster.tracked.values() if parameters is None else parameters:
            each.place = gradient_of(each.tensor)
            each.gradient = copy_of(each.place)

    def flag(self, parameters: Sequence[Tracked], *, things: Sequence[int] = (), by_hand: bool = False) -> None:
        """Parameters were frozen or unfrozen."""
        identities = [id(each.tensor) for each in parameters]
        holders = self.roster.holders(identities)
        wants = bool(parameters) and parameters[0].tensor.requires_grad
        outside = set(self.roster.holders_of_part(identities)) - set(holders) if wants else set()
        for each in parameters:
            each.wants, each.meant = each.tensor.requires_grad, None
        self.happen(
            Act.UNFREEZE if wants else Act.FREEZE,
            (*things, *holders),
            outside=tuple(sorted(outside)),
            parameters=self.roster.names(parameters),
            by_hand=by_hand,
        )

    def hold(self, optimizer: torch.optim.Optimizer, number: int) -> list[Tracked]:
        """The parameters of an optimizer, after a look at whether they are others now."""
        parameters, changed = self.roster.hold(optimizer, number)
        if changed:
            for each in parameters:
                self.ledger.join(id(each.tensor), number)
                self.ledger.leave(id(each.tensor), self.roster.holders((id(each.tensor),)))
        return parameters

    def tracked(self, tensors: Iterable[Tensor]) -> list[Tracked]:
        """Those of some tensors that are parameters."""
        self.roster.discover()
        found = (self.roster.tracked.get(id(tensor)) for tensor in tensors)
        return [each for each in found if each is not None]

    # -- updates --------------------------------------------------------------------------------------------------

    def walk_of(self, optimizer: int) -> DueWalk:
        """The way that an optimizer, by its number, is due to go."""
        return self._walks.setdefault(optimizer, DueWalk())

    def updated(self, measure: Measure) -> None:
        """An update was made."""
        del self.stepping[self.stepping.index(measure) :]
        moved = measure.moved()
        if measure.goes_by_others(bool(moved)):
            self._gathering.add(measure.number)
        for each in moved:
            each.moved = True
        held = (*(each.tensor for each in measure.parameters), *self.detachments.leaves(measure.number))
        roots = frozenset[int]().union(*(self.roster.roots(id(each)) for each in held))
        still = [each for each in self.roster.tracked.values() if not each.moved and (each.reached or each.meant)]
        still = [each for each in still if roots & self.roster.roots(id(each.tensor))]
        still = [each for each in still if not is_supposed(self.roster, each.tensor)]
        frozen = [each for each in moved if not each.tensor.requires_grad or each.meant is False]
        identities = [id(each.tensor) for each in measure.parameters]
        backwards, borrowed = self.ledger.updated(identities, measure.number)
        update = Update(
            number=len(self.updates) + 1,
            optimizer=measure.number,
            row=measure.row,
            rates=measure.rates,
            due_rates=measure.due_rates,
            kept_rates=self.due.kept(measure.number),
            stateful=has_state(measure.optimizer),
            gradient=measure.gradient,
            arithmetic=measure.arithmetic(),
            moved=self.roster.names(moved),
            frozen_moved=self.roster.names(frozen),
            idle=self.roster.names(each for each in still if each.reached and each.tensor.requires_grad),
            travelled=measure.travelled(),
            backwards=backwards,
            borrowed=borrowed,
            meant=self.roster.names(each for each in still if each.meant and not each.tensor.requires_grad),
            stale=measure.stale,
            travelled_reference=self.walk_of(measure.number).travelled(measure),
            astray=astray(self.roster, roots),
            detached=self.detachments.left_out(measure.number),
        )
        for each in self.roster.tracked.values():
            each.reached = False
        self._device = self._device or str(measure.parameters[0].tensor.device if measure.parameters else "cpu")
        self.due.updated(measure.number)
        self.updates.append(update)
        if len(self.updates) >= self._most:
            self._cut = True
            raise EndOfReplay
