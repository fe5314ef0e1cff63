"""The variables of a program, with a journal by which writes are taken back; lists and dicts are made of them."""

from __future__ import annotations

from collections.abc import Sequence

from optlint.program.objects import Object, canonical
from optlint.program.regions import Variable
from optlint.program.values import Const, Entries, Items, Value

Stored = Value | tuple[Value, ...] | tuple[tuple[Value, Value], ...]

ITEMS = "*items"
"""The name under which a list's items are stored: a tuple of values."""
OPEN = "*open"
"""The name under which a list or dict says that it may have more items than are known."""


class Store:
    """Variables: a name that an object or frame owns, which both have a serial number.

    Every write is journaled, so that the arms of a branch run one after the other from the same state.
    """

    def __init__(self) -> None:
        self.store: dict[Variable, Stored] = {}
        self.journal: list[tuple[Variable, Stored | None]] = []
        self.versions: dict[Variable, int] = {}
        self.owned: dict[int, set[str]] = {}
        """Names ever written, by owner."""
        self.assigned: list[set[Variable]] = []
        self.last_serial = 0

    def serial(self) -> int:
        """Return a new number, larger than all before."""
        self.last_serial += 1
        return self.last_serial

    def read(self, owner: int, name: str) -> Value | None:
        """Return a variable's value, or None where it is unbound."""
        value = self.store.get((owner, name))
        assert not isinstance(value, tuple)
        return canonical(value) if isinstance(value, Object) else value

    def write(self, owner: int, name: str, value: Stored) -> None:
        """Assign a variable."""
        key = (owner, name)
        self.journal.append((key, self.store.get(key)))
        self.store[key] = value
        self.owned.setdefault(owner, set()).add(name)
        self.versions[key] = self.versions.get(key, 0) + 1
        for names in self.assigned:
            names.add(key)

    def undo(self, mark: int) -> None:
        """Take back what was written since the journal had `mark` entries."""
        while len(self.journal) > mark:
            key, old = self.journal.pop()
            if old is None:
                self.store.pop(key, None)
            else:
                self.store[key] = old

    def items(self, container: Items | Entries) -> tuple[Value, ...]:
        """Return the known items of a list, or keys and values of a dict one after the other."""
        stored = self.store.get((container.serial, ITEMS), ())
        assert isinstance(stored, tuple)
        flat: list[Value] = []
        for item in stored:
            flat.extend(item if isinstance(item, tuple) else (item,))
        return tuple(canonical(item) if isinstance(item, Object) else item for item in flat)

    def items_of(self, value: Value) -> list[Value]:
        """Return the known items of a list, else the value itself."""
        return list(self.items(value)) if isinstance(value, Items) else [value]

    def entries(self, container: Entries) -> list[tuple[Value, Value]]:
        """Return the known entries of a dict."""
        flat = self.items(container)
        return list(zip(flat[::2], flat[1::2], strict=True))

    def is_open(self, container: Items | Entries) -> bool:
        """Whether the container may hold more than is known."""
        return (container.serial, OPEN) in self.store

    def open(self, container: Items | Entries) -> None:
        """Note that the container may hold more than is known."""
        self.write(container.serial, OPEN, Const(True))

    def new_items(self, values: Sequence[Value], is_open: bool = False) -> Items:
        """Return a new list of the values."""
        made = Items(self.serial())
        self.write(made.serial, ITEMS, tuple(values))
        if is_open:
            self.open(made)
        return made

    def new_entries(self, pairs: Sequence[tuple[Value, Value]], is_open: bool = False) -> Entries:
        """Return a new dict of the pairs."""
        made = Entries(self.serial())
        self.write(made.serial, ITEMS, tuple(pairs))
        if is_open:
            self.open(made)
        return made
