"""What the interpreter knows of numbers: the lengths that values are or have, computed only where somebody asks."""

from __future__ import annotations

import ast
import math
from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING

from optlint.program.lengths import Length, factor_of, number_of
from optlint.program.modules import ModuleInfo
from optlint.program.objects import Instance, Model, Object
from optlint.program.settings import default_of, is_set_once
from optlint.program.values import Const, Entries, External, Items, Join, Method, Opaque, Value, alternatives

if TYPE_CHECKING:
    from optlint.program.machine import Machine

_OPERATIONS: dict[type[ast.operator], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.FloorDiv: "//",
}
_LONGEST_NAME = 40


class Measures:
    """Lengths of values; values that are equal by how they were made have equal lengths."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._formulas: dict[int, tuple[str, tuple[Value, ...]]] = {}
        self._attributes: dict[int, tuple[int, str, int, int | float, ModuleInfo]] = {}
        self._origins: dict[int, Hashable] = {}
        self._known: dict[int, Length | None] = {}
        self._elements: dict[int, Length | None] = {}

    # -- what was made of what ----------------------------------------------------------------------------------

    def computed(self, made: Value, how: str, *values: Value) -> Value:
        """Note how an unknown value was computed: `len`, `ceil`, `+`, ...; return it."""
        if isinstance(made, Opaque):
            self._formulas[made.serial] = (how, values)
        return made

    def operated(self, made: Value, operator: ast.operator, left: Value, right: Value) -> Value:
        """Note the same of an operator's result."""
        how = _OPERATIONS.get(type(operator))
        return made if how is None else self.computed(made, how, left, right)

    def taken(self, made: Value, owner: Value, key: Value) -> Value:
        """Note that an unknown value is the item of another one: the same at each reading."""
        if isinstance(made, Opaque) and isinstance(owner, Opaque | Method) and isinstance(key, Const):
            identity = self._identity(owner)
            if identity is not None and made.serial not in self._machine.models:
                self._origins[made.serial] = ("item", identity, key.value)
        return made

    def remembered(self, made: Opaque, owner: int, name: str, number: int | float) -> Opaque:
        """Note that an unknown value was read from an attribute in which a number had been stored."""
        machine = self._machine
        version = machine.versions.get((owner, name), 0)
        self._attributes[made.serial] = (owner, name, version, number, machine.frame.module)
        return made

    def elements(self, made: Value, source: Value) -> Value:
        """Note that a container has as many elements as another value."""
        if isinstance(made, Items | Opaque):
            self._elements[made.serial] = self.count(source)
        return made

    def ranged(self, made: Value, bounds: Sequence[Value]) -> Value:
        """Note that a value is the `range` of some bounds."""
        if isinstance(made, Opaque):
            self._elements[made.serial] = self._range(bounds)
        return made

    def _range(self, bounds: Sequence[Value]) -> Length | None:
        lengths = [self.length(bound) for bound in bounds]
        if not lengths or lengths[-1] is None or len(lengths) > 2:
            return None
        if len(lengths) == 1:
            return lengths[0]
        start, stop = lengths[0], lengths[1]
        assert stop is not None
        zero = isinstance(bounds[0], Join) and Const(0) in bounds[0].alternatives
        if start is None or (start.number is None and not _within(start, stop)):
            # A run that resumes begins later; one that does not begins at the beginning.
            return stop if start is not None or zero else None
        return stop - start

    # -- what they are ------------------------------------------------------------------------------------------

    def length(self, value: Value) -> Length | None:
        """Return the number that a value is, or None where it is none, or one of several."""
        match value:
            case Const(value=bool() | None | str() | bytes() | complex()):
                return None
            case Const(value=int() | float() as number):
                return number_of(number) if math.isfinite(number) else None
            case Opaque(serial=serial):
                if serial not in self._known:
                    self._known[serial] = None
                    self._known[serial] = self._computed(value)
                return self._known[serial]
            case Method() | External():
                identity = self._identity(value)
                text = self.text(value)
                default = self._default(value.name) if isinstance(value, Method) else None
                return None if identity is None else factor_of(identity, text, default=default)
            case Join():
                found = {self.length(option) for option in alternatives(value)}
                if None in found:
                    return None
                # One of several numbers, and the same one wherever this value is used.
                return (
                    found.pop() if len(found) == 1 else factor_of(("one of", *map(self._identity, value.alternatives)))
                )
            case _:
                return None

    def count(self, value: Value) -> Length | None:
        """Return how many elements a value has, or None where that is not known."""
        machine = self._machine
        match value:
            case Items(serial=serial) | Opaque(serial=serial) if serial in self._elements:
                return self._elements[serial]
            case Items() | Entries() if not machine.is_open(value):
                return number_of(len(machine.items(value)) // (2 if isinstance(value, Entries) else 1))
            case Items(serial=serial):
                version = machine.versions.get((serial, "*items"), 0)
                return factor_of(("len", "container", serial, version), "len(...)", counts=True)
            case Opaque() | Method() | Instance() | Model():
                identity = self._identity(value)
                return (
                    None
                    if identity is None
                    else factor_of(("len", identity), f"len({self.text(value) or '...'})", counts=True)
                )
            case Join():
                found = {self.count(option) for option in alternatives(value)}
                return found.pop() if len(found) == 1 else None
            case _:
                return None

    def _computed(self, value: Opaque) -> Length | None:
        if value.serial in self._attributes:
            owner, name, version, number, module = self._attributes[value.serial]
            if is_set_once(module, name):
                return number_of(number) if math.isfinite(number) else None
            return factor_of(("attribute", owner, name, version), name)
        how, values = self._formulas.get(value.serial, ("", ()))
        if how == "len":
            return self.count(values[0])
        if how:
            found = [self.length(each) for each in values]
            lengths = [each for each in found if each is not None]
            return _combined(how, lengths) if len(lengths) == len(found) else None
        identity = self._identity(value)
        return factor_of(identity, self.text(value))

    def _identity(self, value: Value) -> Hashable | None:
        match value:
            case Const(value=constant):
                return ("constant", constant)
            case Opaque(serial=serial):
                return self._origins.get(serial, ("value", serial))
            case Method(receiver=receiver, name=name):
                inner = self._identity(receiver)
                return None if inner is None else ("attribute", inner, name)
            case Object(serial=serial):
                return ("object", serial)
            case External(name=name):
                return ("name", name)
            case Items(serial=serial) | Entries(serial=serial):
                return ("container", serial)
            case _:
                return None

    def text(self, value: Value) -> str:
        """Return what people call a value, as far as it has a name."""
        match value:
            case Method(receiver=receiver, name=name):
                inner = self.text(receiver)
                return f"{inner}.{name}" if inner else name
            case External(name=name):
                return name.rpartition(".")[2]
            case Opaque(serial=serial) if serial in self._origins:
                origin = self._origins[serial]
                return str(origin[2]) if isinstance(origin, tuple) else ""
            case _:
                return self._machine.label(value)[:_LONGEST_NAME]

    def _default(self, name: str) -> int | float | None:
        """Return the default of the command line's argument of that name, where a file names one."""
        found = (default_of(module, name) for module in self._machine.frames)
        return next((number for number in found if number is not None), None)

    def is_whole(self, value: Items) -> bool:
        """Whether a list is as it was made: one that grows in a loop has more items than were seen to be added."""
        machine = self._machine
        return not machine.is_open(value) and machine.versions.get((value.serial, "*items"), 0) <= 1


def _within(part: Length, whole: Length) -> bool:
    """Whether a length is made of what another one is made of as well, as `start` and `start + 200` are."""
    return bool(set(part.factors()) & set(whole.factors()))


def _combined(how: str, lengths: list[Length]) -> Length | None:
    match how, lengths:
        case "+", [a, b]:
            return a + b
        case "-", [a, b]:
            return a - b
        case "*", [a, b]:
            return a * b
        case "/", [a, b] if b.terms:
            return a / b
        case "//", [a, b] if b.terms:
            return (a / b).floor()
        case "floor", [a]:
            return a.floor()
        case "ceil", [a]:
            return a.ceil()
        case "max", [a, b]:
            # `max(1, n)` guards against loaders that are too short.
            return b if a.number == 1 else a if b.number == 1 else None
        case _:
            return None
