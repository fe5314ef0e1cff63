"""Which expressions surely make an `nn.Module` that has parameters of its own."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from optlint.api import ClassInfo, Definitions, FunctionNode, ModuleInfo, tables

_KEPT_BY = frozenset(("apply", "train", "double", "float", "half", "bfloat16", "to", "cuda", "cpu"))
"""Methods of modules that return the module itself."""
_PARAMETRIZED = ("weight_norm", "spectral_norm", "orthogonal")
_DEEPEST = 4


@dataclass(frozen=True, slots=True)
class Within:
    """Where an expression stands: its file, the class and the function around it."""

    module: ModuleInfo
    function: FunctionNode | None = None
    info: ClassInfo | None = None


@dataclass(slots=True)
class ModuleValues:
    """Answers for one program; what was asked of a class before is remembered."""

    definitions: Definitions
    _classes: dict[ast.AST, bool] = field(default_factory=dict)

    def has_parameters(self, node: ast.expr, within: Within, depth: int = 0) -> bool:
        """Whether an expression makes a fresh module with parameters, or a list of such."""
        if depth > _DEEPEST:
            return False
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Call() as inner, attr=method)) if method in _KEPT_BY:
                return self.has_parameters(inner, within, depth)
            case ast.Call():
                return self._called(node, within, depth)
            case ast.IfExp(body=body, orelse=other):
                return self.has_parameters(body, within, depth) and self.has_parameters(other, within, depth)
            case ast.List(elts=elements) | ast.Tuple(elts=elements):
                return any(self.has_parameters(each, within, depth + 1) for each in elements)
            case ast.ListComp(elt=element):
                return self.has_parameters(element, within, depth + 1)
            case ast.Name(id=name) if within.function is not None:
                values = list(bound_to(within.module, within.function, name))
                return bool(values) and all(self.has_parameters(each, within, depth + 1) for each in values)
            case _:
                return False

    def _called(self, node: ast.Call, within: Within, depth: int) -> bool:
        dotted = self.definitions.dotted(node.func, within.module)
        if dotted:
            return self._of_package(dotted, node, within, depth)
        info = self.definitions.class_of(node.func, within.module)
        if info is not None:
            return self.definitions.is_module(info) and (
                self._class_has_parameters(info, depth) or self._given(node, within, depth)
            )
        found = self.definitions.function_of(node.func, within.module)
        if found is not None:
            return self._returned(found[0], Within(found[1], found[0]), depth)
        match node.func:
            case ast.Attribute(value=ast.Name(id="self"), attr=method) if within.info is not None:
                owned = within.info.method(method)
                if owned is not None:
                    return self._returned(owned[1], Within(owned[0].module, owned[1], owned[0]), depth)
            case _:
                pass
        return False

    def _of_package(self, dotted: str, node: ast.Call, within: Within, depth: int) -> bool:
        name, known = dotted.rpartition(".")[2], tables()
        if not dotted.startswith("torch.nn."):
            return dotted.startswith("torchvision.models.") and name.islower()
        if name in _PARAMETRIZED or name in known.containers or dotted in known.wrappers:
            return self._given(node, within, depth)
        return name[:1].isupper() and "Parameter" not in name and name != "Module" and known.has_parameters(name)

    def _given(self, node: ast.Call, within: Within, depth: int) -> bool:
        """Whether a call is given a fresh module with parameters: a container has what it is given."""
        for argument in node.args:
            if isinstance(argument, ast.Starred):
                match argument.value:
                    case ast.Name(id=name) if within.function is not None:
                        values = [*bound_to(within.module, within.function, name)]
                        values += put_into(within.module, within.function, name)
                        if any(self.has_parameters(each, within, depth + 1) for each in values):
                            return True
                    case value if self.has_parameters(value, within, depth + 1):
                        return True
                    case _:
                        pass
            elif self.has_parameters(_unordered(argument), within, depth + 1):
                return True
        return False

    def _returned(self, function: FunctionNode, within: Within, depth: int) -> bool:
        returned = (each for each in within.module.nodes.own(function) if isinstance(each, ast.Return))
        values = [each.value for each in returned if each.value is not None]
        return bool(values) and all(self.has_parameters(each, within, depth + 1) for each in values)

    def _class_has_parameters(self, info: ClassInfo, depth: int) -> bool:
        known = self._classes.get(info.node)
        if known is None:
            self._classes[info.node] = False  # for a class that holds itself
            known = self._classes[info.node] = any(
                self._sets_parameters(owner, function, depth)
                for owner in info.lineage
                for function in owner.methods.values()
            )
        return known

    def _sets_parameters(self, info: ClassInfo, function: FunctionNode, depth: int) -> bool:
        within = Within(info.module, function, info)
        for node in info.module.nodes.own(function):
            match node:
                case ast.Assign(targets=[ast.Attribute(value=ast.Name(id="self"))], value=value):
                    if self.is_parameter(value, info.module) or self.has_parameters(value, within, depth + 1):
                        return True
                case _:
                    pass
        return False

    def is_module_class(self, node: ast.Call, module: ModuleInfo) -> bool:
        """Whether a call makes a module, with or without parameters, by its class."""
        dotted = self.definitions.dotted(node.func, module)
        if dotted:
            name = dotted.rpartition(".")[2]
            return dotted.startswith("torch.nn.") and name[:1].isupper() and "Parameter" not in name
        info = self.definitions.class_of(node.func, module)
        return info is not None and self.definitions.is_module(info)

    def is_parameter(self, node: ast.expr, module: ModuleInfo) -> bool:
        """Whether an expression is a call of `nn.Parameter` itself."""
        if not isinstance(node, ast.Call):
            return False
        dotted = self.definitions.dotted(node.func, module)
        return dotted in ("torch.nn.Parameter", "torch.nn.parameter.Parameter")


def _unordered(node: ast.expr) -> ast.expr:
    """Return the list that an `OrderedDict` is made from."""
    match node:
        case ast.Call(func=ast.Name(id="OrderedDict") | ast.Attribute(attr="OrderedDict"), args=[inner]):
            return inner
        case _:
            return node


def bound_to(module: ModuleInfo, function: FunctionNode, name: str) -> Iterator[ast.expr]:
    """Yield the expressions that a function assigns to a variable."""
    for node in module.nodes.statements(function):
        match node:
            case ast.Assign(targets=[ast.Name(id=target)], value=value) if target == name:
                yield value
            case ast.AnnAssign(target=ast.Name(id=target), value=ast.expr() as value) if target == name:
                yield value
            case _:
                pass


def put_into(module: ModuleInfo, function: FunctionNode, name: str) -> Sequence[ast.expr]:
    """Return the expressions that a function puts into the list or dict that a variable or `self.name` holds."""
    return module.trait(function, "what is put where", lambda _: _fillings(module, function)).get(name, ())


def _fillings(module: ModuleInfo, function: FunctionNode) -> dict[str, list[ast.expr]]:
    """Return what a function puts into lists and dicts, by the variable or `self.name` that holds them."""
    found: dict[str, list[ast.expr]] = {}
    for statement in module.nodes.statements(function):
        values: Iterable[ast.expr]
        match statement:
            case ast.Expr(value=ast.Call(func=ast.Attribute(value=owner, attr="append"), args=[value])):
                values = (value,)
            case ast.Expr(value=ast.Call(func=ast.Attribute(value=owner, attr="insert"), args=[_, value])):
                values = (value,)
            case ast.Expr(value=ast.Call(func=ast.Attribute(value=owner, attr="extend" | "update"), args=[value])):
                values = displayed(value)
            case ast.AugAssign(target=owner, op=ast.Add(), value=value):
                values = displayed(value)
            case ast.Assign(targets=[ast.Subscript(value=owner)], value=value):
                values = (value,)
            case _:
                continue
        match owner:
            case ast.Name(id=name):
                found.setdefault(name, []).extend(values)
            case ast.Attribute(value=ast.Name(id="self"), attr=name):
                found.setdefault(f"self.{name}", []).extend(values)
            case _:
                pass
    return found


def displayed(node: ast.expr) -> Iterator[ast.expr]:
    """Yield the elements that a list, tuple, dict, comprehension or a sum of such is written with."""
    match node:
        case ast.List(elts=elements) | ast.Tuple(elts=elements):
            yield from elements
        case ast.ListComp(elt=element) | ast.GeneratorExp(elt=element) | ast.DictComp(value=element):
            yield element
        case ast.Dict(values=values):
            yield from values
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            yield from displayed(left)
            yield from displayed(right)
        case ast.BinOp(left=ast.List() as left, op=ast.Mult()):
            yield from displayed(left)
        case ast.Call(func=ast.Name(id="list" | "tuple"), args=[inner]):
            yield from displayed(inner)
        case _:
            pass
