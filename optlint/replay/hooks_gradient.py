"""Hooks on tensors: backward, clipping, and what is set on parameters by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn.utils import clip_grad

from optlint.program.events import Act
from optlint.reference.clipping import total_norm
from optlint.replay.hooks_optimizer import consumed
from optlint.replay.leaves import starts_at_a_leaf
from optlint.replay.ledger import Clip
from optlint.replay.measure import apart, copy_of, gradient_of, set_gradient
from optlint.replay.patches import Patches, let_through
from optlint.replay.roster import Tracked
from optlint.replay.slips import is_slip
from optlint.replay.weights import begun_with, heaviest, scaled_by_hand, weight_of

if TYPE_CHECKING:
    from optlint.replay.recorder import Recorder


def _backward(recorder: Recorder, patches: Patches) -> None:
    """What a backward gives a parameter is seen bit for bit, for it finds no gradient there that it would add to."""
    running: list[bool] = []

    def backward(original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        if running:
            return original(*args, **kwargs)  # within another, as checkpointing does it
        with torch.no_grad():
            recorder.notice()
        losses, begun = (
            args[0] if args else kwargs.get("tensors"),
            args[1] if len(args) > 1 else kwargs.get("grad_tensors"),
        )
        with torch.no_grad(), torch._C.DisableTorchFunctionSubclass():
            weight = weight_of(losses) * begun_with(begun)
            heavy = 0.0 if recorder.scale_given is None else heaviest(losses, begun)
        keeps_graph = bool(kwargs.get("create_graph", args[3] if len(args) > 3 else False))
        tracked = list(recorder.roster.tracked.values())
        aside = {} if keeps_graph else _set_aside(tracked)
        row = recorder.row()
        from_leaf = starts_at_a_leaf(losses, {id(each.tensor) for each in tracked})
        running.append(True)
        recorder.scaled_by = scaled_by_hand(heavy, recorder.scale_given)
        try:
            return original(*args, **kwargs)
        finally:
            running.pop()
            with torch.no_grad(), recorder.inside():
                _gather(recorder, tracked, aside, row, weight, from_leaf=from_leaf)
                if kwargs.get("retain_graph", args[2] if len(args) > 2 else False):
                    recorder.ledger.goes_on(recorder.backwards)

    patches.wrap(torch.autograd, "backward", backward)


def _set_aside(tracked: list[Tracked]) -> dict[int, Tensor]:
    """Take the gradients away that are there, but those that a hook of the script may look at."""
    aside: dict[int, Tensor] = {}
    for each in tracked:
        gradient = gradient_of(each.tensor)
        if gradient is not None and not getattr(each.tensor, "_post_accumulate_grad_hooks", None):
            aside[id(each.tensor)] = gradient
            set_gradient(each.tensor, None)
    return aside


def _gather(
    recorder: Recorder,
    tracked: list[Tracked],
    aside: dict[int, Tensor],
    row: int,
    weight: float,
    *,
    from_leaf: bool,
) -> None:
    """Put the gradients back, with what was given added as torch adds it, and write that down."""
    recorder.backwards += 1
    reached: list[int] = []
    first: list[Tracked] = []
    for each in tracked:
        identity = id(each.tensor)
        given, before = gradient_of(each.tensor), aside.get(identity)
        added: Tensor | None
        if before is not None:
            added = copy_of(given)
            set_gradient(each.tensor, before if given is None else _sum(before, given))
        elif given is None or each.gradient is None:
            added = copy_of(given)
        else:
            present = copy_of(given)
            assert present is not None
            added = None if torch.equal(present, each.gradient) else present - each.gradient
        if added is not None:
            reached.append(identity)
            each.reached = each.reached or added.is_meta or bool(added.any())
            if not each.begun:
                first.append(each)
            factor = 1.0 if recorder.scaled_by is None else recorder.scaled_by
            recorder.ledger.add(identity, recorder.roster.holders((identity,)), added, recorder.backwards, row, factor)
    recorder.values.start(first, len(recorder.updates))
    recorder.settle(tracked)
    scaled = "leaf" if from_leaf and not reached else "" if recorder.scaled_by is None else "scaled"
    weight *= 1.0 if recorder.scaled_by is None else recorder.scaled_by
    weighs = () if weight == 1.0 else (weight,)
    recorder.happen(Act.BACKWARD, recorder.roster.holders(reached), row=row, detail=scaled, given=weighs)


def _sum(before: Tensor, given: Tensor) -> Tensor:
    """The gradient that was there with another one added, in its place as far as torch does it in its place."""
    if before.layout != torch.strided or given.layout != torch.strided or before.requires_grad:
        return before + given
    return before.add_(given)


def _clipping(recorder: Recorder, patches: Patches, name: str) -> None:
    def clip(original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        bound = _bound(args, kwargs)
        if bound is None:
            return original(*args, **kwargs)
        parameters, limit, order = bound
        with torch.no_grad():
            recorder.notice()
            given = consumed(recorder, parameters)
        tensors = [given] if isinstance(given, Tensor) else list(given) if hasattr(given, "__iter__") else []
        found = list(dict.fromkeys(recorder.tracked(each for each in tensors if isinstance(each, Tensor))))
        tracked = [each for each in found if each.gradient is not None]
        before = [each.gradient for each in tracked if each.gradient is not None]
        identities = [id(each.tensor) for each in tracked]
        meant = Clip(abs(limit), order if name == "clip_grad_norm_" else None)
        draft = recorder.happen(
            Act.CLIP,
            recorder.roster.holders(identities or [id(each.tensor) for each in found]),
            detail=name,
            given=(limit,) if meant.p is None else (limit, order),
            parameters=recorder.roster.names(found),
        )
        with recorder.inside():
            result = original(given, *args[1:], **kwargs) if args else original(**{**kwargs, "parameters": given})
        with torch.no_grad():
            recorder.settle(tracked)
            if given is not parameters and not given:
                recorder.ledger.missed(meant)
                before = [each.gradient for each in recorder.roster.tracked.values() if each.gradient is not None]
            else:
                after = [each.gradient for each in tracked if each.gradient is not None]
                after = meant.of(before) if limit < 0 else after
                knows = recorder.scale_asked == recorder.stirred
                recorder.ledger.clip(meant, identities, before, after, as_they_are=knows)
                if tensors and not any(isinstance(each, Tensor) and each.is_leaf for each in tensors):
                    recorder.ledger.missed(meant)  # what has no gradients: meant were those of its parameters
                named = [id(each.tensor) for each in found]
                if named and not any(map(recorder.ledger.is_due, named)):
                    recorder.ledger.missed(meant, named)
            if isinstance(result, Tensor) and not result.is_meta and meant.p is not None:
                draft.apart = apart([float(result)], [float(total_norm(before, meant.p))])
        return result

    for owner in (torch.nn.utils, clip_grad):
        patches.wrap(owner, name, clip)


def _bound(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, float, float] | None:
    """The parameters, the limit and the order of the norm among the arguments of a clipping, where they are there."""
    given = dict(zip(("parameters", "limit", "norm_type"), args, strict=False)) | kwargs
    limit: Any = given.get("limit", given.get("max_norm", given.get("clip_value")))
    try:
        with torch.no_grad():
            return given["parameters"], float(limit), float(given.get("norm_type") or 2.0)
    except (KeyError, TypeError, ValueError):
        return None


def _norms(recorder: Recorder, patches: Patches) -> None:
    _clipping(recorder, patches, "clip_grad_norm_")


def _values(recorder: Recorder, patches: Patches) -> None:
    _clipping(recorder, patches, "clip_grad_value_")


def _attributes(recorder: Recorder, patches: Patches) -> None:
    plain = let_through(torch.Tensor.__setattr__)

    def setattr_(self: Tensor, name: str, value: Any) -> None:
        if recorder.hidden or not (name in ("grad", "requires_grad") or is_slip(name)):
            plain(self, name, value)
            return
        with torch.no_grad():
            recorder.notice()
        former = gradient_of(self)
        plain(self, name, value)
        with torch.no_grad():
            for each in recorder.tracked((self,)):
                if name == "grad":
                    recorder.notice_gradient(each, None if value is former else Act.SET_GRADIENT)
                elif name == "requires_grad":
                    recorder.flag([each])
                elif isinstance(value, bool):
                    each.meant = value
                    holders = recorder.roster.holders((id(self),))
                    recorder.happen(
                        Act.SET_ATTRIBUTE, holders, detail=name, parameters=recorder.roster.names((each,)), by_hand=True
                    )

    patches.replace(torch.Tensor, "__setattr__", setattr_)


def _flags(recorder: Recorder, patches: Patches) -> None:
    def requires_grad_(original: Callable[..., Any], self: Tensor, *args: Any, **kwargs: Any) -> Any:
        result = original(self, *args, **kwargs)
        if not recorder.hidden:
            for each in recorder.tracked((self,)):
                recorder.flag([each])
        return result

    patches.wrap(torch.Tensor, "requires_grad_", requires_grad_)


def _conversions(recorder: Recorder, patches: Patches) -> None:
    """A leaf that is converted to what it is already stays a leaf, and shows nothing of what it would be elsewhere."""

    def converted(name: str) -> Callable[..., Any]:
        def around(original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
            result = original(*args, **kwargs)
            if args and result is args[0] and result.requires_grad and result.is_leaf and not recorder.hidden:
                recorder.happen(Act.MOVE, (), detail=f"{name} in place")
            return result

        return around

    for name in "to cuda cpu half float double bfloat16 type".split():
        patches.wrap(torch.Tensor, name, converted(name))


HOOKS = {
    "`backward`": _backward,
    "`clip_grad_norm_`": _norms,
    "`clip_grad_value_`": _values,
    "the attributes of a tensor": _attributes,
    "`requires_grad_` of a tensor": _flags,
    "the conversion of a tensor": _conversions,
}
