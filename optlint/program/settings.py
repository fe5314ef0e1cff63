"""Numbers that a file sets: defaults of the command line's arguments, and attributes that are assigned once."""

from __future__ import annotations

import ast

from optlint.program.modules import ModuleInfo


def default_of(module: ModuleInfo, name: str) -> int | float | None:
    """Return the number that an argument of the command line has by default, where the file adds one of that name."""
    if "add_argument" not in module.source.text:
        return None
    return module.trait(module.tree, "command line", _command_line).get(name)


def is_set_once(module: ModuleInfo, name: str) -> bool:
    """Whether a file assigns an attribute of that name at one place at most, whatever it is an attribute of."""
    return module.trait(module.tree, "stored attributes", _stored).get(name, 0) <= 1


def _stored(tree: ast.AST) -> dict[str, int]:
    counts: dict[str, int] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            counts[node.attr] = counts.get(node.attr, 0) + 1
    return counts


def _command_line(tree: ast.AST) -> dict[str, int | float]:
    found: dict[str, int | float] = {}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or getattr(node.func, "attr", "") != "add_argument":
            continue
        options = {each.arg: each.value for each in node.keywords}
        default = options.get("default")
        names = [each.value for each in node.args if isinstance(each, ast.Constant) and isinstance(each.value, str)]
        named = options.get("dest")
        if isinstance(named, ast.Constant) and isinstance(named.value, str):
            names = [named.value]
        if isinstance(default, ast.Constant) and type(default.value) in (int, float):
            for name in names:
                found[name.lstrip("-").replace("-", "_")] = default.value  # type: ignore[assignment]  # as just asked
    return found
