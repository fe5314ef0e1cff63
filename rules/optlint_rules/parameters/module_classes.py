"""The `nn.Module` classes of a file: which methods build them, which ones compute, and what is done to an attribute."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from optlint.api import (
    ClassInfo,
    Definitions,
    Entry,
    FunctionNode,
    Model,
    ModuleInfo,
    Place,
    Program,
    canonical,
    parent,
)

_COMPUTING = ("forward", "__call__", "training_step", "loss")
_OVERRIDDEN = (
    "parameters",
    "named_parameters",
    "named_modules",
    "modules",
    "children",
    "named_children",
    "_apply",
    "__setattr__",
    "__getattr__",
    "__getattribute__",
)
"""Methods with which a class may register in ways of its own."""
_REGISTERING = ("add_module", "register_module", "register_parameter", "__setattr__")
_TAKING_MODULES = ("add_module", "register_module")
_REGISTRIES = ("_modules", "_parameters", "__dict__")


@dataclass(frozen=True, slots=True, eq=False)
class Mention:
    """`self.x` in a method of a class."""

    node: ast.Attribute
    function: FunctionNode
    info: ClassInfo

    @property
    def place(self) -> Place:
        """Where it stands."""
        return Place(self.info.module, self.node)

    def around(self) -> ast.AST | None:
        """Return the node directly around it."""
        return parent(self.info.module, self.node)


@dataclass(frozen=True, slots=True, eq=False)
class ModuleClass:
    """A module class, with its bases in the project and the classes of the file that inherit from it."""

    info: ClassInfo
    heirs: tuple[ClassInfo, ...]

    def methods(self) -> Iterator[tuple[ClassInfo, FunctionNode]]:
        """Yield all methods of the class, its bases and its heirs."""
        for info in (*self.info.lineage, *self.heirs):
            for method in info.methods.values():
                yield info, method

    def building(self) -> list[tuple[ClassInfo, FunctionNode]]:
        """Return `__init__` and those methods of the class itself that run within it."""
        return [found for found in self._reached(("__init__",)) if found[0] is self.info]

    def computing(self) -> list[tuple[ClassInfo, FunctionNode]]:
        """Return the methods that run when the module is called."""
        return self._reached(_COMPUTING)

    def _reached(self, names: tuple[str, ...]) -> list[tuple[ClassInfo, FunctionNode]]:
        found: dict[FunctionNode, ClassInfo] = {}
        lookup = [self.info, *self.heirs]
        pending = list(names)
        seen: set[str] = set()
        while pending:
            name = pending.pop()
            if name in seen:
                continue
            seen.add(name)
            for info in lookup:
                owned = info.method(name)
                if owned is not None and owned[1] not in found:
                    found[owned[1]] = owned[0]
                    pending.extend(attribute.attr for attribute in _of_self(owned[0].module, owned[1]))
        return [(info, function) for function, info in found.items()]

    def mentions(self, name: str) -> list[Mention]:
        """Return all places in the class and its kin that speak of `self.name`."""
        return [
            Mention(node, function, info)
            for info, function in self.methods()
            for node in _of_self(info.module, function)
            if node.attr == name
        ]

    def registers_itself(self, modules: bool = True) -> bool:
        """Whether the class may register parts in ways of its own; parameters alone, where `modules` is false."""
        kin = (*self.info.lineage, *self.heirs)
        if any(name in info.methods for info in kin for name in _OVERRIDDEN):
            return True
        return any(
            _may_register(node) and (modules or not _adds_module(node))
            for info, function in self.methods()
            for kind in (ast.Attribute, ast.Call)
            for node in info.module.nodes.within(function, kind)
        )


def _adds_module(node: ast.AST) -> bool:
    """Whether a node is a call that takes modules only."""
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _TAKING_MODULES


def _may_register(node: ast.AST) -> bool:
    """Whether a node may make something of the class a part or parameter of it that was made elsewhere."""
    match node:
        case ast.Attribute(attr=name):
            return name in _REGISTRIES
        case ast.Call(func=ast.Name(id="setattr"), args=[_, _, value]):
            return not isinstance(value, ast.Call | ast.Constant)
        case ast.Call(func=ast.Attribute(attr=name), args=[_, value]) if name in _REGISTERING:
            return not isinstance(value, ast.Call | ast.Constant)
        case ast.Call(func=ast.Name(id="setattr")):
            return True
        case ast.Call(func=ast.Attribute(attr=name)):
            return name in _REGISTERING
        case _:
            return False


def module_classes(
    program: Program, matters: Callable[[ModuleInfo, ast.ClassDef, bool], bool]
) -> Iterator[ModuleClass]:
    """Yield the classes of a file, and of the modules that it uses, that surely are modules and no more than that.

    `matters` is asked first, since to know a class's bases other files may have to be read: whether a class of a file
    can be of interest, and a program that trains at that.
    """
    definitions = program.definitions
    if definitions is None:
        return
    # Classes of other files matter where they are trained, and only there is it worth looking at what happens.
    trains = b"torch.optim" in program.module.source.data
    models = _models(program.entries) if trains else []
    files = dict.fromkeys([program.module, *(info.module for model in models for info in _lineage(model))])
    used = {info.node for model in models for info in _lineage(model)}
    for module in files:
        written = [node for node in module.symbols.values() if isinstance(node, ast.ClassDef)]
        chosen = {node for node in written if module is program.module or node in used if matters(module, node, trains)}
        classes = list(definitions.classes(module)) if chosen else []
        for info in classes:
            if info.node in chosen and definitions.is_module(info):
                yield ModuleClass(
                    info, tuple(other for other in classes if other is not info and info in other.lineage)
                )


def _models(entries: Sequence[Entry]) -> list[Model]:
    """Return all modules that something happens to, with their parts."""
    pending = [value for entry in entries for value in entry.objects() if isinstance(value, Model)]
    found: dict[Model, None] = {}
    while pending:
        model = canonical(pending.pop())
        if model not in found:
            found[model] = None
            pending.extend(model.parts.values())
            pending.extend(model.wraps)
    return sorted(found, key=lambda model: model.serial)


def _lineage(model: Model) -> tuple[ClassInfo, ...]:
    return model.info.lineage if model.info is not None else ()


def entry_of(program: Program, info: ClassInfo) -> Entry | None:
    """Return the first way into the file on which something happens to a module of a class."""
    for entry in program.entries:
        if any(each.node is info.node for model in _models([entry]) for each in _lineage(model)):
            return entry
    return None


def torch_nn(module: ModuleInfo, definitions: Definitions) -> str:
    """Return what a file calls `torch.nn`, or an empty string."""
    names = {definitions.dotted(ast.Name(name, ast.Load()), module): name for name in module.symbols}
    if "torch.nn" in names:
        return names["torch.nn"]
    return f"{names['torch']}.nn" if "torch" in names else ""


def other_mentions(module: ModuleInfo, name: str) -> Iterator[ast.Attribute]:
    """Yield the places of a file that speak of the attribute of another object than `self`."""
    for node in module.nodes.of(ast.Attribute):
        if node.attr == name:
            if not (isinstance(node.value, ast.Name) and node.value.id == "self"):
                yield node


def calls_super_first(module: ModuleInfo, function: FunctionNode, statement: ast.stmt) -> bool:
    """Whether a method has called `super().__init__` above a statement; modules can be registered only after that."""
    if function.name != "__init__":
        return True
    for node in module.nodes.own(function):
        match node:
            case ast.Call(func=ast.Attribute(attr="__init__")) if node.lineno < statement.lineno:
                return True
            case _:
                pass
    return False


def _of_self(module: ModuleInfo, function: FunctionNode) -> list[ast.Attribute]:
    """Return all attributes of `self` that a method speaks of."""
    return [
        node
        for node in module.nodes.within(function, ast.Attribute)
        if isinstance(node.value, ast.Name) and node.value.id == "self"
    ]
