"""What the classes and functions of torch took in other releases, read from their sources; nothing is imported.

A folder of releases holds one folder for each, named by its number and laid out as torch is installed:

    releases/2.4/torch/optim/adamw.py
    releases/2.4/torch/optim/lr_scheduler.py
    ...

What a release has at both sides of releases that are not there, it is taken to have had in those too.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

Release: TypeAlias = tuple[int, int]

FUNCTIONS = {"torch.nn.utils": "nn/utils/clip_grad.py", "torch.amp.GradScaler": "amp/grad_scaler.py"}
"""Where the functions of the table of signatures stand, by the name in front of theirs."""


class UnreadableError(Exception):
    """A folder of releases is not laid out as it should be."""


@dataclass(frozen=True, slots=True)
class Member:
    """One thing that a release may have: a class or function, a parameter of it, or a method of a class."""

    name: str
    kind: str = ""
    """Nothing for a class or function, else `parameters` or `methods`."""
    of: str = ""


def history(folder: Path) -> dict[str, Any]:
    """Return since when and until when classes, parameters and methods are there, as JSON has it.

    What all releases have is not named. `until` is the first release without it.

    Raises:
        UnreadableError: there are fewer than two releases, or one is not whole.
    """
    folders = {_number(each): each for each in folder.iterdir() if each.is_dir()}
    numbers = sorted(folders)
    if len(numbers) < 2:
        raise UnreadableError(f"{folder}: there must be a folder for each of two releases at least")
    releases = {number: dict.fromkeys(_members(folders[number] / "torch")) for number in numbers}
    everything = dict.fromkeys(member for number in numbers for member in releases[number])
    changes: dict[str, Any] = {}
    for member in sorted(everything, key=lambda each: (each.of or each.name, each.kind, each.name)):
        having = [number for number in numbers if member in releases[number]]
        dates = _dates(numbers, having)
        if not dates or (member.of and _dates(numbers, _having(releases, numbers, member.of)) == dates):
            continue
        entry = changes.setdefault(member.of or member.name, {})
        if member.kind:
            entry.setdefault(member.kind, {})[member.name] = dates
        else:
            entry.update(dates)
    return {"releases": list(map(_text, numbers)), "changes": changes}


def text(data: dict[str, Any]) -> str:
    """Return a history as its file holds it: one line for each class or function, which diffs well."""
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(each)}" for name, each in sorted(data["changes"].items()))
    return f'{{"releases": {json.dumps(data["releases"])}, "changes": {{\n{lines}\n}}}}\n'


def _having(releases: dict[Release, dict[Member, None]], numbers: list[Release], name: str) -> list[Release]:
    return [number for number in numbers if Member(name) in releases[number]]


def _dates(numbers: list[Release], having: list[Release]) -> dict[str, str]:
    dates = {}
    if having[0] != numbers[0]:
        dates["since"] = _text(having[0])
    if having[-1] != numbers[-1]:
        dates["until"] = _text(numbers[numbers.index(having[-1]) + 1])
    return dates


def _number(folder: Path) -> Release:
    try:
        major, minor = map(int, folder.name.split("."))
    except ValueError:
        raise UnreadableError(f"{folder}: the folder of a release is named by its number, such as `2.6`") from None
    return major, minor


def _text(release: Release) -> str:
    return ".".join(map(str, release))


def _members(torch: Path) -> Iterator[Member]:
    optim = torch / "optim"
    classes: dict[str, ast.ClassDef] = {}
    for file in sorted(optim.glob("*.py")):
        classes.update({node.name: node for node in _tree(file).body if isinstance(node, ast.ClassDef)})
    for name in _named(optim):
        if "Optimizer" in _bases(name, classes):
            yield from _class(f"torch.optim.{name}", name, classes)
    for module in ("lr_scheduler", "swa_utils"):
        for node in _tree(optim / f"{module}.py").body:
            if isinstance(node, ast.ClassDef) and "LRScheduler" in (node.name, *_bases(node.name, classes)):
                yield from _class(f"torch.optim.{module}.{node.name}", node.name, classes)
    for prefix, place in FUNCTIONS.items():
        for node in _tree(torch / place).body:
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                yield from _callable(f"{prefix}.{node.name}", node)
            elif isinstance(node, ast.ClassDef) and prefix.endswith(f".{node.name}"):
                yield from _class(prefix, node.name, {node.name: node})
                for method in _functions(node.body):
                    if not method.name.startswith("_"):
                        yield from _callable(f"{prefix}.{method.name}", method)


def _named(optim: Path) -> Iterator[str]:
    """Yield the names that `torch.optim` itself gives."""
    for statement in _tree(optim / "__init__.py").body:
        if isinstance(statement, ast.ImportFrom):
            yield from (alias.asname or alias.name for alias in statement.names)


def _class(dotted: str, name: str, classes: dict[str, ast.ClassDef]) -> Iterator[Member]:
    """Yield a class, what it takes and its methods, its own and those that it inherits from classes of torch."""
    yield Member(dotted)
    lineage = [each for each in (name, *_bases(name, classes)) if each in classes]
    functions = {each.name: each for base in reversed(lineage) for each in _functions(classes[base].body)}
    for function in functions.values():
        if function.name == "__init__":
            yield from (Member(each, "parameters", dotted) for each in _parameters(function))
        elif not function.name.startswith("_"):
            yield Member(function.name, "methods", dotted)


def _callable(name: str, node: ast.FunctionDef) -> Iterator[Member]:
    yield Member(name)
    yield from (Member(each, "parameters", name) for each in _parameters(node))


def _functions(body: Iterable[ast.stmt]) -> Iterator[ast.FunctionDef]:
    """Yield the functions of a class, without the further signatures that are there for type checkers."""
    for statement in body:
        if isinstance(statement, ast.FunctionDef):
            if not any(ast.unparse(each).endswith("overload") for each in statement.decorator_list):
                yield statement


def _parameters(function: ast.FunctionDef) -> list[str]:
    given = function.args
    return [each.arg for each in (*given.posonlyargs, *given.args, *given.kwonlyargs) if each.arg != "self"]


def _bases(name: str, classes: dict[str, ast.ClassDef]) -> Iterator[str]:
    for base in (ast.unparse(each) for each in (classes[name].bases if name in classes else ())):
        yield base
        yield from _bases(base, classes)


def _tree(file: Path) -> ast.Module:
    try:
        return ast.parse(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, SyntaxError) as error:
        raise UnreadableError(f"{file}: the source of a release could not be read: {error}") from error
