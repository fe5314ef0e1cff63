"""The texts of stand-ins: for modules with the parts that the code names, and for arguments with their defaults."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from keyword import iskeyword

from optlint.program.objects import Model
from optlint.replay.slicer.lengths import MOST_OPTION, PERIOD, UNKNOWN, steps
from optlint.replay.slicer.scopes import blocks, headers
from optlint.replay.slicer.slice import Slice

_EPOCHS = re.compile(r"(?i)^(n|num|nb|no|max|total|train)?_?(train_?)?epochs?$")


@dataclass(frozen=True, slots=True)
class StandIns:
    """Writes the stand-ins of a slice."""

    slice: Slice

    def model(self, label: str, model: Model | None) -> str:
        """Return the text of a stand-in for a module."""
        parts = sorted(_part_names(model)) if model is not None else []
        parts += [name for name in self._asked_names() if name not in parts]
        return f"standin.model({', '.join(repr(each) for each in [label, *parts])})"

    def _asked_names(self) -> list[str]:
        """Return the parts of parameter names that the code asks for: `if "fc" in name`."""
        found: dict[str, None] = {}
        for statement in self.slice.kept:
            for node in ast.walk(statement) if not blocks(statement) else ():
                if isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.In | ast.NotIn):
                    if isinstance(node.left, ast.Constant) and isinstance(node.left.value, str):
                        if node.left.value.replace(".", "").isidentifier():
                            found.setdefault(node.left.value)
        return sorted(found)

    def unknown(self, label: str, is_arguments: bool) -> str:
        """Return the text of a stand-in for anything else; arguments have the defaults of their parser."""
        known: dict[str, str] = {}
        periods = self._periods() if is_arguments else {}
        if is_arguments:
            entry = self.slice.observed.program.module
            for layout in sorted(self.slice.layouts.values(), key=lambda each: each.module is not entry):
                for name, default in layout.defaults.items():
                    if name in self.slice.attributes and name.isidentifier() and not iskeyword(name):
                        if _EPOCHS.search(name) and _is_few(default):
                            continue  # so few show nothing of a schedule
                        is_unset = isinstance(default, ast.Constant) and default.value is None
                        value = f"standin.unset({f'{label}.{name}'!r})" if is_unset else ast.unparse(default)
                        value = str(periods.get(name, value))
                        known.setdefault(name, f"{name}={value}")  # two files may each have a parser
        return f"standin.unknown({', '.join([repr(label), *sorted(known.values())])})"

    def _periods(self) -> dict[str, int]:
        """Return what those arguments count as that say every how many steps something is done.

        A replay has not so many steps; and of an update that is made each time the others do not show.
        """
        found: dict[str, bool] = {}
        for statement in self.slice.kept:
            for header in headers(statement):
                for node in ast.walk(header):
                    match node:
                        case ast.BinOp(op=ast.Mod(), right=ast.Attribute(attr=name)):
                            found[name] = found.get(name, False) or steps(statement)
                        case _:
                            pass
        periods: dict[str, int] = {}
        for layout in self.slice.layouts.values():
            for name, default in layout.defaults.items():
                if name in found and isinstance(default, ast.Constant) and type(default.value) is int:
                    if default.value > MOST_OPTION or (default.value == 1 and found[name]):
                        periods[name] = PERIOD if found[name] else UNKNOWN
        return periods


def _part_names(model: Model, prefix: str = "", depth: int = 5) -> set[str]:
    found: set[str] = set()
    for name, part in model.parts.items():
        plain = name.strip("[]")
        if not plain.isidentifier() and not plain.isdigit():
            plain = "0"
        if plain in ("weight", "bias", "each"):
            continue
        path = f"{prefix}.{plain}" if prefix else plain
        found.add(path)
        if depth:
            found |= _part_names(part, path, depth - 1)
    return found


def _is_few(default: ast.expr) -> bool:
    """Whether a default is a number of epochs that is less than a stand-in's."""
    return isinstance(default, ast.Constant) and type(default.value) is int and 0 < default.value < 6
