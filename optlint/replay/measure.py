"""What one update did: which rates and gradients it used, what it moved, and how far that is from what was due."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from optlint.reference.divergence import Distance, distance
from optlint.reference.errors import NoReferenceError
from optlint.reference.optimizer import ReferenceOptimizer
from optlint.reference.update_rule import ClosureRule
from optlint.replay.roster import Tracked
from optlint.replay.trace import Apart

NOTHING = Apart(0.0, 0.0, 0.0)


@dataclass(slots=True, eq=False)
class Measure:
    """An update under way, from just before the optimizer's step.

    Attributes:
        optimizer: That steps.
        number: Of the optimizer.
        row: Of the script.
        parameters: Of the optimizer.
        rates: The update uses.
        due_rates: It should use.
        before: The parameters' values.
        gradient: The gradient used, against the one due.
        reference: Goes beside it, where the optimizer has one.
        depth: Steps of base classes within.
        stale: Evaluations of a closure that gave no gradient.
        walked: Whether the update that is due was made beside it.
        bare: Whether there was no gradient but zero.
        gathers: Whether it has given gradients to parameters that had none, from what it has kept of earlier ones.
        versions: How often each parameter was written to before; on `meta` that is all that shows an update.
    """

    optimizer: Optimizer
    number: int
    row: int
    parameters: list[Tracked]
    rates: tuple[float, ...]
    due_rates: tuple[float, ...]
    before: list[Tensor]
    reference: ReferenceOptimizer | None
    gradient: Apart | None = None
    advanced: bool = False
    depth: int = 0
    stale: int = 0
    walked: bool = False
    bare: bool = False
    gathers: bool = False
    versions: list[int] = field(init=False)
    _travelled: float | None = None

    def __post_init__(self) -> None:
        """Count what was written to parameters that have no numbers."""
        self.versions = [each.tensor._version if each.tensor.is_meta else 0 for each in self.parameters]

    def consumes(self, due: Sequence[Tensor | None], scale: float = 1.0) -> None:
        """The gradients are there: compare them, and let the reference make its update from them."""
        used = [gradient_of(each.tensor) for each in self.parameters]
        self.bare = not any(each is not None and (each.is_meta or bool(each.any())) for each in used)
        apart = _gradients_apart(used, due, scale)
        if apart is not None and (self.gradient is None or apart.relative > self.gradient.relative):
            self.gradient = apart
        has_numbers = not any(each.tensor.is_meta for each in self.parameters)
        if has_numbers and self.reference is not None and not isinstance(self.reference.rule, ClosureRule):
            try:
                self.reference.adopt()
                self.reference.step()
                self.advanced = True
            except Exception:  # what the optimizer refuses (sparse gradients, a strange option) it says itself
                self.advanced = False

    def moved(self) -> list[Tracked]:
        """The parameters that the update changed."""
        found = zip(self.parameters, self.before, self.versions, strict=True)
        return [each for each, before, version in found if not _stays(each.tensor, before, version)]

    def goes_by_others(self, moved: bool) -> bool:
        """Whether a step of the code's own goes by other gradients than those it finds; `moved` tells if it moved."""
        return self.gathers or (self.reference is None and self.bare and moved)

    def arithmetic(self) -> Apart | None:
        """How far the optimizer's arithmetic is from the reference's."""
        if self.reference is None or not self.advanced:
            return None
        furthest: Distance | None = None
        try:
            for each in self.reference.distances():
                if furthest is None or each.distance.relative > furthest.relative:
                    furthest = each.distance
        except Exception:  # shapes or devices that cannot be compared: there is no reference for this
            return None
        return None if furthest is None else apart_of(furthest)

    def travelled(self) -> float:
        """The distance of the parameters from their start, after the update."""
        if self._travelled is None:
            self._travelled = self._distance()
        return self._travelled

    def _distance(self) -> float:
        ways = [
            each.tensor.detach() - on_device_of(each.tensor, each.start)
            for each in self.parameters
            if each.start is not None and each.start.shape == each.tensor.shape and not each.tensor.is_meta
        ]
        return float(torch.linalg.vector_norm(flat(ways))) if ways else 0.0


def on_device_of(there: Tensor, tensor: Tensor) -> Tensor:
    """A tensor on the device of another one."""
    return tensor if tensor.device == there.device else tensor.to(there.device)


def reference_for(optimizer: Optimizer) -> ReferenceOptimizer | None:
    """The reference of an optimizer, where it has one."""
    try:
        return ReferenceOptimizer(optimizer)
    except (NoReferenceError, RuntimeError, ValueError, KeyError):
        return None


_COUNTS = frozenset(("step", "eta", "mu"))
"""Of an optimizer's state: what follows from how many steps it has made."""


def has_state(optimizer: Optimizer) -> bool:
    """Whether an optimizer keeps something for its next step beyond how many it has made."""
    found = (value for state in optimizer.state.values() for name, value in state.items() if name not in _COUNTS)
    return any(isinstance(value, Tensor) or (isinstance(value, list) and bool(value)) for value in found)


_GRADIENT: Any = torch._C.TensorBase.grad


def gradient_of(tensor: Tensor) -> Tensor | None:
    """The gradient of a tensor."""
    found: Tensor | None = _GRADIENT.__get__(tensor)
    return found


def set_gradient(tensor: Tensor, gradient: Tensor | None) -> None:
    """Give a tensor another gradient, unseen by the hooks."""
    _GRADIENT.__set__(tensor, gradient)


def copy_of(tensor: Tensor | None) -> Tensor | None:
    """A dense copy without a graph."""
    if tensor is None:
        return None
    return tensor.detach().clone() if tensor.layout == torch.strided else dense(tensor)


def dense(tensor: Tensor) -> Tensor:
    """The same numbers without a graph, in the same place where that is dense."""
    return tensor.detach() if tensor.layout == torch.strided else tensor.detach().to_dense()


def _stays(tensor: Tensor, before: Tensor, version: int) -> bool:
    """Whether an update left a parameter as it was; on the `meta` device: whether it did not write to it."""
    return tensor._version == version if tensor.is_meta else same(tensor, before)


def same(first: Tensor, second: Tensor) -> bool:
    """Whether two tensors are equal, bit for bit; on the `meta` device, which has no values, they are."""
    if first.is_meta or second.is_meta:
        return True
    if first.shape != second.shape or first.dtype != second.dtype or first.device != second.device:
        return False
    first = first.to_dense() if first.layout != torch.strided else first
    if torch.equal(first, second):
        return True
    unknown = first.isnan()
    return bool(unknown.any()) and bool(((first == second) | (unknown & second.isnan())).all())


def flat(tensors: Sequence[Tensor]) -> Tensor:
    """Tensors as one vector of float64, on the device of the first, or where there is such a type."""
    device = torch.device("cpu") if tensors[0].device.type == "mps" else tensors[0].device
    return torch.cat([_vector(each, device) for each in tensors])


def _vector(tensor: Tensor, device: torch.device) -> Tensor:
    # A conversion to what a tensor is already is none, but goes through all that is wrapped around conversions.
    vector = (torch.view_as_real(tensor) if tensor.is_complex() else tensor).detach().reshape(-1)
    vector = vector if vector.device == device else vector.to(device)
    return vector if vector.dtype is torch.float64 else vector.to(torch.float64)


def apart(actual: Sequence[float], expected: Sequence[float]) -> Apart:
    """How far numbers are from others."""
    count = min(len(actual), len(expected))
    if count == 0:
        return NOTHING
    vectors = (torch.tensor(list(each)[:count], dtype=torch.float64) for each in (actual, expected))
    return apart_of(distance(*vectors))


def apart_of(found: Distance) -> Apart:
    """The same as plain data."""
    return Apart(found.absolute, found.relative, found.ulps)


def _gradients_apart(used: Sequence[Tensor | None], due: Sequence[Tensor | None], scale: float) -> Apart | None:
    actual, expected = [], []
    for gradient, wanted in zip(used, due, strict=True):
        if (gradient is None and wanted is None) or (gradient if gradient is not None else wanted).is_meta:  # type: ignore[union-attr]
            continue
        present = torch.zeros_like(wanted) if gradient is None else dense(gradient)  # type: ignore[arg-type]
        actual.append(present * scale if scale != 1.0 else present)
        expected.append(torch.zeros_like(present) if wanted is None else wanted * scale if scale != 1.0 else wanted)
    if not actual:
        return None
    if all(map(torch.equal, actual, expected)):
        return NOTHING
    return apart_of(distance(flat(actual), flat(expected)))
