"""What a name means: variables, globals of other files, imports."""

from __future__ import annotations

import ast
import builtins

from optlint.program.machine import Machine
from optlint.program.modules import ClassInfo, ModuleInfo
from optlint.program.objects import Object, canonical
from optlint.program.values import ClassValue, External, Frame, Function, Imported, Join, ModuleValue, Value

FOREIGN = frozenset(
    """
    PIL abc argparse collections contextlib copy cv2 dataclasses datetime functools itertools jax json keras
    logging math matplotlib numpy os pandas pathlib random re scipy sklearn sys tensorflow time torch
    torchaudio torchvision tqdm typing warnings yaml
    """.split()
)
"""Packages that are never looked for among the project's files."""
_BUILTINS = frozenset(dir(builtins))
_MOST_HOPS = 6


class Names:
    """Looks names up in frames, modules and imports."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine

    def lookup(self, name: str, frame: Frame) -> Value:
        """Return the value of a name that is read in a frame."""
        machine = self.machine
        current: Frame | None = frame
        if name in frame.global_names:
            current = machine.module_frame(frame.module)
        while current is not None:
            value = machine.read(current.serial, name)
            if value is not None:
                return self.resolve(value)
            if current.outer is None:
                break
            current = current.outer
        symbol = self.symbol(frame.module, name)
        if symbol is not None:
            return symbol
        if name in _BUILTINS:
            return External(f"builtins.{name}")
        for star in frame.module.star_imports:
            found = self._star(star, name, frame.module)
            if found is not None:
                return found
        return machine.opaque(name)

    def symbol(self, module: ModuleInfo, name: str, hops: int = 0) -> Value | None:
        """Return what the top level of a module binds a name to, or None."""
        machine = self.machine
        frame = machine.module_frame(module)
        value = machine.read(frame.serial, name)
        if value is not None:
            return self.resolve(value, hops)
        definition = module.symbols.get(name)
        match definition:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                return Function(definition, frame)
            case ast.ClassDef():
                made: Value = ClassValue(self.class_info(definition, module, frame))
                machine.write(frame.serial, name, made)
                return made
            case ast.alias():
                origin = module.origins.get(definition)
                return self.resolve(self.imported(definition, origin, module), hops)
            case ast.Assign(value=ast.Name(id=other)) if other != name and hops < _MOST_HOPS:
                return self.symbol(module, other, hops + 1)
            case ast.Assign(value=ast.Constant() | ast.Attribute() | ast.Dict() as expression) if hops < _MOST_HOPS:
                return machine.evaluate_in(expression, frame)
            case _:
                return None

    def class_info(self, node: ast.ClassDef, module: ModuleInfo, frame: Frame) -> ClassInfo:
        """Return the class that a statement makes, its bases looked up."""
        info = ClassInfo(node, module, frame=frame)
        bases: list[ClassInfo | str] = []
        for base in node.bases:
            value = self.static(base, frame)
            match value:
                case ClassValue(info=parent) if parent is not info:
                    bases.append(parent)
                case External(name=dotted):
                    bases.append(dotted)
                case _:
                    bases.append("")
        info.bases = tuple(bases)
        return info

    def static(self, node: ast.expr, frame: Frame) -> Value | None:
        """Return the value of a dotted name without running anything, or None where it is something else."""
        match node:
            case ast.Name(id=name):
                return self.lookup(name, frame)
            case ast.Attribute(value=inner, attr=attribute):
                value = self.static(inner, frame)
                return self.member(value, attribute) if value is not None else None
            case ast.Subscript(value=inner):
                return self.static(inner, frame)
            case ast.Constant(value=str(text)) if text.replace(".", "").isidentifier():
                try:
                    return self.static(ast.parse(text, mode="eval").body, frame)
                except SyntaxError:
                    return None
            case _:
                return None

    def member(self, value: Value, attribute: str) -> Value | None:
        """Return an attribute of a module or package, or None where the value is neither."""
        match value:
            case External(name=dotted):
                return External(f"{dotted}.{attribute}")
            case ModuleValue(module=module):
                found = self.symbol(module, attribute)
                if found is not None:
                    return found
                if module.path.name == "__init__.py":
                    return self.resolve(Imported(attribute, "", 1, module))
                return self.machine.opaque(attribute)
            case _:
                return None

    def imported(self, alias: ast.alias, origin: ast.ImportFrom | None, module: ModuleInfo) -> Value:
        """Return what an import statement binds, not looked up yet."""
        if origin is not None:
            return Imported(origin.module or "", alias.name, origin.level, module)
        if alias.asname:
            return Imported(alias.name, "", 0, module)
        return Imported(alias.name.partition(".")[0], "", 0, module)

    def resolve(self, value: Value, hops: int = 0) -> Value:
        """Look an imported name up; other values are returned as they are."""
        if isinstance(value, Object):
            return canonical(value)
        if isinstance(value, Join) and any(isinstance(option, Imported) for option in value.alternatives):
            return Join(tuple(dict.fromkeys(self.resolve(option, hops) for option in value.alternatives)))
        if not isinstance(value, Imported):
            return value
        dotted = f"{value.module}.{value.name}" if value.name else value.module
        if not value.level and value.module.partition(".")[0] in FOREIGN:
            return External(_canonical_name(dotted))
        if hops > _MOST_HOPS:
            return self.machine.opaque(value.name or value.module)
        project = self.machine.project
        path = project.locate(value.importer.path, value.module, value.level)
        if path is None:
            if value.name and value.level and not value.module:
                path = project.locate(value.importer.path, value.name, value.level)
                module = project.load(path) if path is not None else None
                return ModuleValue(module) if module is not None else self.machine.opaque(value.name)
            return External(_canonical_name(dotted)) if not value.level else self.machine.opaque(value.name)
        if not project.worth_following(path, value.name):
            return self.machine.opaque(value.name or value.module)
        module = project.load(path)
        if module is not None and not value.name:
            return ModuleValue(module)
        if module is not None:
            found = self.symbol(module, value.name, hops + 1)
            if found is not None:
                return found
            for star in module.star_imports:
                found = self._star(star, value.name, module, hops + 1)
                if found is not None:
                    return found
        if value.name and path.name == "__init__.py":
            inner = project.locate(
                value.importer.path, f"{value.module}.{value.name}" if value.module else value.name, value.level
            )
            submodule = project.load(inner) if inner is not None else None
            if submodule is not None:
                return ModuleValue(submodule)
        return self.machine.opaque(value.name or value.module)

    def _star(self, star: ast.ImportFrom, name: str, module: ModuleInfo, hops: int = 0) -> Value | None:
        dotted = star.module or ""
        if not star.level and dotted.partition(".")[0] in FOREIGN:
            return External(f"{dotted}.{name}") if _exports(dotted, name) else None
        if hops > _MOST_HOPS:
            return None
        path = self.machine.project.locate(module.path, dotted, star.level)
        source = self.machine.project.load(path) if path is not None else None
        if source is None or source is module:
            return None
        return self.symbol(source, name, hops + 1)


def _exports(dotted: str, name: str) -> bool:
    """Whether a foreign package's star import may bind a name: only those that the tables know count."""
    from optlint.torch_api.tables import tables

    known = tables()
    return (
        (dotted == "torch.optim" and (name in known.optimizers or name == "lr_scheduler"))
        or (dotted == "torch.optim.lr_scheduler" and name in known.schedulers)
        or (dotted in ("torch", "torch.nn") and name in ("nn", "optim", "Module"))
    )


def _canonical_name(dotted: str) -> str:
    """Return one spelling for the modules that torch offers under several names."""
    parts = dotted.split(".")
    if (
        len(parts) == 4
        and parts[:2] == ["torch", "optim"]
        and parts[2].islower()
        and parts[2] not in ("lr_scheduler", "swa_utils")
    ):
        return f"torch.optim.{parts[3]}"
    return dotted
