"""The printer of program models: `optlint debug program FILE`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from optlint.program.events import Event
from optlint.program.lower import lower
from optlint.program.objects import Model, Object, Optimizer, ParameterIterator, ParameterSource, Scheduler, canonical
from optlint.program.program import Program
from optlint.program.project import Project, parse
from optlint.program.regions import Branch, Call, Guard, Jump, Loop, Region, Sequence, Try, Unrolled


def dump_file(path: Path, data: bytes) -> str:
    """Return the printed model of a file.

    Raises:
        ParseError: the file is no Python program here.
    """
    module = parse(path, data)
    project = Project(lambda _data: True)
    project.add(module)
    return dump(lower(project, module))


def dump(program: Program) -> str:
    """Return a program model as text: one line an event or region, indented as they nest."""
    lines: list[str] = []
    for entry in program.entries:
        lines.append(f"entry {entry.name}")
        names = _Names(entry.objects())
        lines.extend(f"    {line}" for line in names.declarations())
        lines.extend(_region(entry.region, 1, names, program.module.path))
    return "\n".join(lines) + "\n" if lines else ""


class _Names:
    """Short unique names for objects, in the order of their making."""

    def __init__(self, objects: tuple[Object, ...]) -> None:
        self._names: dict[Object, str] = {}
        taken: dict[str, int] = {}
        for value in objects:
            label = value.label or type(value).__name__.lower()
            taken[label] = taken.get(label, 0) + 1
            self._names[value] = label if taken[label] == 1 else f"{label}#{taken[label]}"

    def name(self, value: Object) -> str:
        value = canonical(value)
        return self._names.get(value, value.label or type(value).__name__.lower())

    def declarations(self) -> Iterator[str]:
        for value, name in self._names.items():
            match value:
                case Optimizer():
                    classes = "|".join(sorted(value.classes)) or "optimizer"
                    yield f"{name}: {classes} over {self._sources(value.sources, value.complete)}"
                case Scheduler():
                    owners = ", ".join(self.name(owner) for owner in value.optimizers) or "?"
                    yield f"{name}: {'|'.join(sorted(value.classes)) or 'scheduler'} of {owners}"
                case ParameterIterator():
                    once = " (one-shot)" if value.one_shot else ""
                    yield f"{name}: parameters {self._sources(value.sources, value.complete)}{once}"
                case Model() if value.parent is None:
                    yield f"{name}: module"
                case _:
                    pass

    def _sources(self, sources: tuple[ParameterSource, ...], complete: bool) -> str:
        parts = [
            self.name(source.model) + ("" if source.selection.value == "all" else f" ({source.selection.value})")
            for source in sources
        ]
        return ", ".join([*parts, *([] if complete else ["..."])])


def _region(region: Region, depth: int, names: _Names, path: Path) -> Iterator[str]:
    indent = "    " * depth
    match region:
        case Event(act=act, subjects=subjects, place=place, detail=detail, known=known):
            where = "" if place.module.path == path else f"{place.module.path.name}:"
            text = " ".join(
                part
                for part in (act.value, ", ".join(map(names.name, subjects)) or "?", f"[{detail}]" if detail else "")
                if part
            )
            row = getattr(place.node, "lineno", 0)
            yield f"{indent}{text}{'' if known else ' (and others)'}  @{where}{row}"
        case Jump(leave=leave):
            yield f"{indent}{leave.value}"
        case Sequence(items=items):
            for item in items:
                yield from _region(item, depth, names, path)
        case Branch(then=then, otherwise=otherwise, place=place, guard=guard, positive=positive):
            test = "" if guard is None else f" {_test(guard, positive)}"
            yield f"{indent}branch{test}  @{getattr(place.node, 'lineno', 0)}"
            yield from _region(then, depth + 1, names, path)
            yield f"{indent}otherwise"
            yield from _region(otherwise, depth + 1, names, path)
        case Loop(body=body, orelse=orelse, place=place, endless=endless):
            yield f"{indent}{'endless ' if endless else ''}loop  @{getattr(place.node, 'lineno', 0)}"
            yield from _region(body, depth + 1, names, path)
            yield from _region(orelse, depth, names, path)
        case Unrolled(iterations=iterations, place=place):
            for number, iteration in enumerate(iterations, 1):
                yield f"{indent}iteration {number} of {len(iterations)}  @{getattr(place.node, 'lineno', 0)}"
                yield from _region(iteration, depth + 1, names, path)
        case Try(body=body, handlers=handlers, orelse=orelse, final=final, place=place):
            yield f"{indent}try  @{getattr(place.node, 'lineno', 0)}"
            yield from _region(body, depth + 1, names, path)
            for handler in handlers:
                yield f"{indent}except"
                yield from _region(handler, depth + 1, names, path)
            for part in (orelse, final):
                yield from _region(part, depth, names, path)
        case Call(name=name, body=body, place=place):
            yield f"{indent}call {name}  @{getattr(place.node, 'lineno', 0)}"
            yield from _region(body, depth + 1, names, path)


def _test(guard: Guard, positive: bool) -> str:
    subject = guard.subject.split(" [")[0]
    return f"{'' if positive else 'not '}{subject}{f' == {guard.constant}' if guard.constant else ''}"
