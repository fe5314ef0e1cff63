"""What the stand-ins of a script are worth: the numbers that it reads from them, told by the stand-ins themselves."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from optlint.program.events import Act
from optlint.replay.pool import Pool
from optlint.replay.precision import plain_dtype
from optlint.replay.script import ReplayScript
from optlint.replay.trace import Trace
from optlint.replay.wire import Job

ELEMENTS = "elements"
"""The name under which the length of an iterable that is a stand-in is told."""

_KNOWN_LENGTH = re.compile(r"^t?range\(|parameters\(|modules\(|children\(|param_groups|^[\[(]")
"""What is iterated and is no stand-in."""
_RATE = re.compile(r"(?:^|, )lr=([^,]+)")
_ASKING = """\
{value} = {source}
for {each} in ({value} if isinstance({value}, (list, tuple)) else [{value}]):
    if isinstance({each}, (int, float)) and {each} is not True and {each} is not False and {each} >= 0:
"""
_TELLING = "        torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr={each})\n"
"""The number comes back as an option of an optimizer, which the recorder writes down as Python does."""


@dataclass(frozen=True, slots=True)
class StandInNumber:
    """A number that a script has from a stand-in.

    Attributes:
        name: What the code reads, `args.epochs`; `ELEMENTS` for how many an iterable gives that is a stand-in.
        value: As Python writes it; several are divided by commas.
        is_default: Whether the code itself names it, as the default of an argument of the command line.
    """

    name: str
    value: str
    is_default: bool = False


def standin_numbers(script: ReplayScript, pool: Pool, device: str) -> tuple[StandInNumber, ...]:
    """Return the numbers that a script reads from its stand-ins, in the order in which it first names them.

    They come from a run as well: of a script with the same stand-ins, which hands out each number that is one.

    Raises:
        NoWorker: No process starts.
    """
    tree = ast.parse(script.body)
    asked = dict(_Reader(tree).asked())
    body, rows = "".join(_cover(script.body)), {}
    for number, (name, (source, _)) in enumerate([*asked.items(), (ELEMENTS, ("len(standin.unknown('data'))", False))]):
        body += _ASKING.format(value=f"value_{number}", each=f"each_{number}", source=source)
        rows[body.count("\n") + 1] = name
        body += _TELLING.format(each=f"each_{number}")
    [(_, outcome)] = pool.run([Job(body, device, plain_dtype(device))])
    if not isinstance(outcome, Trace):
        return ()
    values: dict[str, list[str]] = {}
    options = {thing.number: thing.options for thing in outcome.things}
    for happening in outcome.happenings:
        found = _RATE.search(options[happening.things[0]]) if happening.act is Act.NEW and happening.things else None
        if found is not None and happening.row in rows:
            values.setdefault(rows[happening.row], []).append(found[1])
    if not _goes_through_standins(tree):
        values.pop(ELEMENTS, None)
    return tuple(
        StandInNumber(name, ", ".join(told), name in asked and asked[name][1]) for name, told in values.items()
    )


class _Reader:
    """Finds what a script reads from its stand-ins."""

    def __init__(self, tree: ast.Module) -> None:
        self._tree = tree
        self._roots: dict[str, ast.Call | None] = {}
        self._stored: set[str] = set()
        for node in ast.walk(tree):
            if isinstance(node, ast.Assign):
                for target in node.targets:
                    self._take(ast.unparse(target), node.value)
            if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
                self._stored.add(node.attr)
            if isinstance(node, ast.FunctionDef):
                self._stored.add(node.name)

    def _take(self, name: str, value: ast.expr) -> None:
        found = value if isinstance(value, ast.Call) and _is_standin(value) else None
        known = self._roots.get(name, found)
        same = found is not None and known is not None and ast.dump(known) == ast.dump(found)
        self._roots[name] = found if same else None

    def asked(self) -> Iterator[tuple[str, tuple[str, bool]]]:
        """Yield what is read, with the expression that gives it anew and whether the code names the number."""
        owners = [node for node in ast.walk(self._tree) if isinstance(node, ast.ClassDef) and _is_open(node)]
        own = {id(inner) for owner in owners for inner in ast.walk(owner)}
        called = {id(node.func) for node in ast.walk(self._tree) if isinstance(node, ast.Call)}
        for node in _in_order(self._tree):
            if id(node) in called:
                continue  # a method, whatever it is called
            if not isinstance(node, ast.Name | ast.Attribute | ast.Subscript) or not isinstance(node.ctx, ast.Load):
                continue
            text = ast.unparse(node)
            path: list[str] = []
            inner: ast.expr = node
            root = self._roots.get(text)
            while root is None and isinstance(inner, ast.Attribute | ast.Subscript):
                step = f".{inner.attr}" if isinstance(inner, ast.Attribute) else f"[{ast.unparse(inner.slice)}]"
                if isinstance(inner, ast.Subscript) and not isinstance(inner.slice, ast.Constant):
                    break
                path.insert(0, step)
                if id(inner) in own and ast.unparse(inner.value) == "self" and path[0][1:] not in self._stored:
                    yield text, (f"standin.unknown({path[0][1:]!r}){''.join(path[1:])}", False)
                    break
                inner = inner.value
                root = self._roots.get(ast.unparse(inner))
            if root is not None:
                given = {f".{keyword.arg}" for keyword in root.keywords}
                yield text, (ast.unparse(root) + "".join(path), bool(path) and path[0] in given)


def _is_standin(value: ast.Call) -> bool:
    called = ast.unparse(value.func)
    return called in ("standin.unknown", "standin.Unknown") and all(
        isinstance(each, ast.Constant) for each in value.args
    )


def _is_open(node: ast.ClassDef) -> bool:
    return any(ast.unparse(base) == "standin.Open" for base in node.bases)


def _goes_through_standins(tree: ast.Module) -> bool:
    """Whether a script has a loop over something else than numbers and what modules and optimizers hold."""
    loops = (ast.unparse(node.iter) for node in ast.walk(tree) if isinstance(node, ast.For))
    return any(_KNOWN_LENGTH.search(each) is None for each in loops)


def _in_order(tree: ast.Module) -> list[ast.AST]:
    found = [node for node in ast.walk(tree) if hasattr(node, "lineno")]
    return sorted(found, key=lambda node: (getattr(node, "lineno", 0), getattr(node, "col_offset", 0)))


def _cover(body: str) -> Iterator[str]:
    """Yield the row that says how long loops of unknown length are: numbers depend on it."""
    first = body.partition("\n")[0]
    if first.startswith("standin.cover("):
        yield f"{first}\n"
