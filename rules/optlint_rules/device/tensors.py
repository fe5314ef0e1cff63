"""What says that a name holds a tensor: how it was made, what is done with it, where it comes from."""

from __future__ import annotations

import ast
import enum
import re
from collections.abc import Callable, Iterator
from functools import cached_property

from optlint.api import ModuleInfo
from optlint_rules.device.bound_names import FUNCTIONS, Binding, Part, Scope
from optlint_rules.device.tensor_uses import is_loader, is_no_tensor, is_single, is_target
from optlint_rules.device.tensor_words import MADE_BY_TORCH, MATHEMATICS, OF_TENSORS

_KEYS = frozenset(
    "input_ids attention_mask token_type_ids label labels image images img pixel_values mask target targets".split()
)
"""Keys under which batches hold tensors, and hardly ever containers of them."""
_LAYER = re.compile(r"torch\.nn\.(Linear|Conv\w+|Embedding|GRUCell|RNNCell|\w+Norm\w*|\w+Pool\w+|\w*ReLU|\w+Loss)")
_LOSS = re.compile(r"(?i)criterion|loss")


class Sureness(enum.IntEnum):
    """How sure one is that something is a tensor."""

    OTHER = 0
    """It is something else, or may be."""
    LIKELY = 1
    SURE = 2


class _Kind(enum.Enum):
    TENSOR = "tensor"
    ELEMENT = "element"
    """What a loader gives."""
    UNPACKED = "unpacked"
    """One of several that a loader gives at once."""
    UNKNOWN = "unknown"
    OTHER = "other"


class Tensors:
    """Answers whether expressions of one file are tensors.

    Args:
        module: The file.
        qualify: Gives the dotted name that an expression of the top level stands for.
    """

    def __init__(self, module: ModuleInfo, qualify: Callable[[ast.expr], str]) -> None:
        self._module = module
        self._nodes = module.nodes
        self._qualify = qualify
        self._parent = module.nodes.parent
        self._scopes: dict[ast.AST, Scope] = {}

    def scope(self, node: ast.AST) -> Scope:
        """Return the scope that a node stands in."""
        owner: ast.AST | None = self._parent(node)
        while owner is not None and not isinstance(owner, (*FUNCTIONS, ast.Module)):
            owner = self._parent(owner)
        owner = owner if owner is not None else self._module.tree
        if owner not in self._scopes:
            self._scopes[owner] = Scope(owner, self._module)
        return self._scopes[owner]

    def sureness(self, receiver: ast.expr) -> Sureness:
        """Return how sure it is that an expression is a tensor."""
        match receiver:
            case ast.Name(id=name):
                return self._of_name(name, self._home(name, self.scope(receiver)))
            case ast.Attribute(value=ast.Name(id="self"), attr=attribute):
                return self._of_attribute(receiver, attribute)
            case ast.Subscript(value=ast.Name(id=name), slice=ast.Constant(value=str(key))):
                scope = self._home(name, self.scope(receiver))
                kinds = {self._kind_of_binding(name, by) for by in scope.bound.get(name, ())}
                if key in _KEYS and kinds == {_Kind.ELEMENT}:
                    return Sureness.LIKELY
                return Sureness.OTHER
            case _:
                return Sureness.OTHER

    def is_read_later(self, receiver: ast.expr, statement: ast.stmt) -> bool:
        """Whether what the statement was to change is looked at afterwards."""
        if isinstance(receiver, ast.Attribute):
            return True
        root = receiver.value if isinstance(receiver, ast.Subscript) else receiver
        if not isinstance(root, ast.Name):
            return False
        around = (node for node in self._around(statement) if isinstance(node, ast.For | ast.While))
        loop = next(around, None)
        again = loop is not None and not is_target(loop, root.id)
        for read in self._home(root.id, self.scope(statement)).reads.get(root.id, ()):
            if self._nodes.contains(statement, read):
                continue
            if read.lineno > statement.lineno or (again and loop is not None and self._nodes.contains(loop, read)):
                return True
        return False

    def is_tested(self, receiver: ast.expr) -> bool:
        """Whether a test around it says that an expression is a tensor."""
        text = ast.unparse(receiver)
        inner: ast.AST = receiver
        for node in self._around(receiver):
            if isinstance(node, ast.If) and inner in node.body:
                tests = (
                    node.test.values
                    if isinstance(node.test, ast.BoolOp) and isinstance(node.test.op, ast.And)
                    else [node.test]
                )
                if any(self._is_tensor_test(test, text) for test in tests):
                    return True
            inner = node
        return False

    def _is_tensor_test(self, test: ast.expr, text: str) -> bool:
        match test:
            case ast.Call(func=function, args=[first, *rest]) if ast.unparse(first) == text:
                named = self._qualify(function)
                return named == "torch.is_tensor" or (
                    named in ("builtins.isinstance", "isinstance")
                    and bool(rest)
                    and self._qualify(rest[0]) == "torch.Tensor"
                )
            case _:
                return False

    def _around(self, node: ast.AST) -> Iterator[ast.AST]:
        outer = self._parent(node)
        while outer is not None and not isinstance(outer, (*FUNCTIONS, ast.ClassDef)):
            yield outer
            outer = self._parent(outer)

    def _home(self, name: str, scope: Scope) -> Scope:
        """Return the scope that binds a name: the one it is read in, or those around it."""
        while name not in scope.bound and not isinstance(scope.node, ast.Module):
            scope = self.scope(scope.node)
        return scope

    # -- names --------------------------------------------------------------------------------------------------

    def _of_name(self, name: str, scope: Scope) -> Sureness:
        kinds = {self._kind_of_binding(name, by) for by in scope.bound.get(name, ())}
        reads = scope.reads.get(name, ())
        if not kinds or _Kind.OTHER in kinds or any(is_no_tensor(read, self._parent) for read in reads):
            return Sureness.OTHER
        if kinds == {_Kind.TENSOR}:
            return Sureness.SURE
        shown = any(self._shows(read) for read in reads)
        if kinds <= {_Kind.TENSOR, _Kind.ELEMENT, _Kind.UNPACKED}:
            if shown:
                return Sureness.SURE
            handed = any(self._is_handed_on(read) for read in reads)
            return Sureness.LIKELY if handed and _Kind.ELEMENT not in kinds else Sureness.OTHER
        return Sureness.LIKELY if shown else Sureness.OTHER

    def _of_attribute(self, node: ast.expr, attribute: str) -> Sureness:
        owner: ast.AST | None = self._parent(node)
        while owner is not None and not isinstance(owner, ast.ClassDef):
            owner = self._parent(owner)
        if owner is None:
            return Sureness.OTHER
        kinds: set[_Kind] = set()
        for inner in (
            *self._nodes.within(owner, ast.Assign),
            *self._nodes.within(owner, ast.Call),
            *self._nodes.within(owner, ast.Attribute),
        ):
            match inner:
                case ast.Assign(targets=[ast.Attribute(value=ast.Name(id="self"), attr=name)], value=value) if (
                    name == attribute
                ):
                    if not (isinstance(value, ast.Constant) and value.value is None):
                        kinds.add(self.kind(value, 0))
                case ast.Call(
                    func=ast.Attribute(value=ast.Name(id="self"), attr="register_buffer"),
                    args=[ast.Constant(value=name), _],
                ) if name == attribute:
                    kinds.add(_Kind.TENSOR)
                case ast.Attribute(value=ast.Name(id="self"), attr=name, ctx=ast.Store()) if name == attribute:
                    assigned = self._parent(inner)
                    if not isinstance(assigned, ast.Assign) or assigned.targets != [inner]:
                        kinds.add(_Kind.UNKNOWN)
                case _:
                    pass
        return Sureness.SURE if kinds == {_Kind.TENSOR} else Sureness.OTHER

    def _kind_of_binding(self, name: str, by: Binding, depth: int = 0) -> _Kind:
        match by:
            case ast.arg(annotation=None):
                return _Kind.UNKNOWN
            case ast.arg(annotation=ast.expr() as annotation):
                text = ast.unparse(annotation)
                return _Kind.TENSOR if re.fullmatch(r"(.*\W)?(\w*Tensor)\W*(None\W*)?", text) else _Kind.OTHER
            case ast.For(target=target, iter=iterable) | ast.comprehension(target=target, iter=iterable):
                if not is_loader(iterable):
                    return _Kind.UNKNOWN
                return _Kind.ELEMENT if is_single(target, name) else _Kind.UNPACKED
            case Part(value=whole):
                kind = self.kind(whole, depth, name)
                return _Kind.UNPACKED if kind in (_Kind.ELEMENT, _Kind.UNPACKED) else _Kind.UNKNOWN
            case ast.expr():
                return self.kind(by, depth, name)
            case _:
                return _Kind.OTHER

    def kind(self, value: ast.expr, depth: int, name: str = "") -> _Kind:
        """Return what an expression gives; what names itself only (`x = x.cuda()`) is what it was."""
        if depth > 4:
            return _Kind.UNKNOWN
        match value:
            case ast.Constant(value=None):
                return _Kind.TENSOR
            case ast.Constant() | ast.List() | ast.Dict() | ast.Set() | ast.ListComp() | ast.DictComp():
                return _Kind.OTHER
            case ast.Call(func=function):
                return self._kind_of_call(function, depth, name)
            case ast.BinOp(left=left, right=right):
                sides = {self.kind(left, depth + 1, name), self.kind(right, depth + 1, name)}
                return _Kind.TENSOR if _Kind.TENSOR in sides else _Kind.UNKNOWN
            case ast.UnaryOp(operand=inner) if not isinstance(value.op, ast.Not):
                return self.kind(inner, depth + 1, name)
            case ast.IfExp(body=first, orelse=second):
                sides = {self.kind(first, depth + 1, name), self.kind(second, depth + 1, name)}
                return sides.pop() if len(sides) == 1 else _Kind.UNKNOWN
            case ast.Subscript(value=inner, slice=key):
                kind = self.kind(inner, depth + 1, name)
                if kind is _Kind.ELEMENT:
                    known = isinstance(key, ast.Constant) and (key.value in _KEYS or isinstance(key.value, int))
                    return _Kind.UNPACKED if known else _Kind.UNKNOWN
                return kind if kind is _Kind.TENSOR else _Kind.UNKNOWN
            case ast.Name(id=read):
                if read == name:
                    return _Kind.TENSOR
                home = self._home(read, self.scope(value))
                kinds = {self._kind_of_binding(read, by, depth + 1) for by in home.bound.get(read, ())}
                return kinds.pop() if len(kinds) == 1 else _Kind.UNKNOWN
            case _:
                return _Kind.UNKNOWN

    def _kind_of_call(self, function: ast.expr, depth: int, name: str) -> _Kind:
        dotted = self._qualify(function)
        module, _, last = dotted.rpartition(".")
        if dotted in MADE_BY_TORCH or (module == "torch.nn.functional" and last.islower()):
            return _Kind.TENSOR
        if module == "torch" and (last.endswith("Tensor") or last in MATHEMATICS):
            return _Kind.TENSOR
        if module.startswith("torch.nn") and last[:1].isupper():
            return _Kind.OTHER
        if isinstance(function, ast.Name) and self._is_layer(function):
            return _Kind.TENSOR
        if isinstance(function, ast.Attribute) and not dotted:
            inner = self.kind(function.value, depth + 1, name)
            known = function.attr in OF_TENSORS or function.attr in ("to", "cuda", "cpu", "float", "double", "half")
            return inner if known and inner in (_Kind.TENSOR, _Kind.ELEMENT, _Kind.UNPACKED) else _Kind.UNKNOWN
        return _Kind.UNKNOWN

    def _is_layer(self, function: ast.Name) -> bool:
        """Whether a name stands for a layer or a loss of torch that gives one tensor."""
        made = self._home(function.id, self.scope(function)).bound.get(function.id, [])
        return bool(made) and all(
            isinstance(by, ast.Call) and bool(_LAYER.fullmatch(self._qualify(by.func))) for by in made
        )

    # -- what is done with it -----------------------------------------------------------------------------------

    def _shows(self, read: ast.Name) -> bool:
        """Whether only a tensor can be used in this way."""
        outer = self._parent(read)
        match outer:
            case ast.Attribute(attr=attribute):
                return attribute in OF_TENSORS and isinstance(self._parent(outer), ast.Call)
            case ast.BinOp():
                return True
            case ast.Compare():
                return isinstance(self._parent(outer), ast.Attribute)
            case ast.Call(func=function, args=arguments) if read in arguments:
                module, _, last = self._qualify(function).rpartition(".")
                if module == "torch.nn.functional" or (module == "torch" and last in MATHEMATICS):
                    return True
                return self._is_torch_loss(function)
            case _:
                return False

    def _is_torch_loss(self, function: ast.expr) -> bool:
        """Whether a function is a loss of torch, made in this file under that name."""
        text = ast.unparse(function)
        if not _LOSS.search(text):
            return False
        return text in self._losses

    @cached_property
    def _losses(self) -> frozenset[str]:
        """What the file assigns losses of torch to."""
        found: set[str] = set()
        for node in self._nodes.of(ast.Assign):
            match node:
                case ast.Assign(targets=[target], value=ast.Call(func=made)):
                    dotted = self._qualify(made)
                    if dotted.startswith("torch.nn.") and dotted.endswith("Loss"):
                        found.add(ast.unparse(target))
                case _:
                    pass
        return frozenset(found)

    def _is_handed_on(self, read: ast.Name) -> bool:
        outer = self._parent(read)
        return isinstance(outer, ast.Call) and read in outer.args and not self._qualify(outer.func).startswith("built")
