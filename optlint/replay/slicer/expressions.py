"""The source of expressions, with stand-ins in the place of what cannot run."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass

from optlint.program.values import External
from optlint.replay.slicer.naming import Naming
from optlint.replay.slicer.slice import Slice

_DEVICE = re.compile(r"(cuda|npu|mps|xpu)(:\d+)?")
_TENSOR = re.compile(r"torch\.((cuda\.)?\w*Tensor|tensor|as_tensor|from_numpy|autograd(\.variable)?\.Variable)")
_WRAPPERS = (
    "torch.nn.DataParallel",
    "torch.nn.parallel.DataParallel",
    "torch.nn.parallel.DistributedDataParallel",
)
"""Calls that give what they are given, with one more `module` around it."""


@dataclass(frozen=True, slots=True)
class Expressions:
    """Writes the expressions of a slice."""

    slice: Slice
    naming: Naming

    def text(self, node: ast.AST) -> str:
        """Return the source of a node, with stand-ins in the place of calls that cannot run."""
        return ast.unparse(self._rebuilt(node))

    def _rebuilt(self, node: ast.AST) -> ast.AST:
        if isinstance(node, ast.Name) and (numbered := self.naming.at(node)) is not None:
            return ast.Name(numbered, node.ctx)
        if isinstance(node, ast.Global):
            return ast.Global([self.naming.declared(node, name) for name in node.names])
        if isinstance(node, ast.expr) and self.slice.replacements.is_standin(node):
            text = " ".join(ast.unparse(node).split())
            return ast.parse(f"standin.Unknown({text[:60]!r})", mode="eval").body
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and _DEVICE.fullmatch(node.value):
            return ast.parse(f"standin.device({node.value!r})", mode="eval").body
        if isinstance(node, ast.Call) and len(node.args) > 0:
            called = self.slice.observed.values.get(node.func)
            if isinstance(called, External) and called.name == "torch.compile":
                return self._rebuilt(node.args[0])
            if isinstance(called, External) and called.name == "torch.device":
                return ast.parse(f"torch.device(standin.device({self.text(node.args[0])}))", mode="eval").body
            if isinstance(called, External) and called.name in _WRAPPERS:
                wrapped = ast.parse("standin.wrapped()", mode="eval").body
                assert isinstance(wrapped, ast.Call)
                given = self._rebuilt(node.args[0])
                assert isinstance(given, ast.expr)
                wrapped.args.append(given)
                return wrapped
        if (
            isinstance(node, ast.Subscript)
            and isinstance(node.ctx, ast.Load)
            and (self._is_of_unknown(node) or _is_beyond(node))
        ):
            container, key = self.text(node.value), self.text(node.slice)
            return ast.parse(f"standin.item({container}, {key})", mode="eval").body
        match node:
            case ast.Attribute(value=value, attr="__class__", ctx=ast.Load()):
                return ast.parse(f"type({self.text(value)})", mode="eval").body
            case ast.Call(func=function, args=[_, *_]) if self._makes_tensor(function):
                call = ast.parse(f"standin.tensor({self.text(function)})", mode="eval").body
                assert isinstance(call, ast.Call)
                call.args += [ast.parse(self.text(each), mode="eval").body for each in node.args]
                call.keywords = [
                    ast.keyword(each.arg, ast.parse(self.text(each.value), mode="eval").body) for each in node.keywords
                ]
                return call
            case ast.Compare(left=left, ops=[ast.Is() | ast.IsNot() as op], comparators=[ast.Constant(value=None)]):
                if self.slice.observed.is_foreign(left):
                    text = f"standin.is_none({self.text(left)})"
                    return ast.parse(text if isinstance(op, ast.Is) else f"not {text}", mode="eval").body
            case _:
                pass
        made = type(node)()
        for name, value in ast.iter_fields(node):
            if isinstance(value, list):
                setattr(made, name, [self._rebuilt(each) if isinstance(each, ast.AST) else each for each in value])
            else:
                setattr(made, name, self._rebuilt(value) if isinstance(value, ast.AST) else value)
        return ast.copy_location(made, node) if hasattr(node, "lineno") else made

    def _is_of_unknown(self, node: ast.Subscript) -> bool:
        """Whether an index or what it is of is nothing that one knows."""
        foreign = map(self.slice.observed.is_foreign, (node.slice, node.value))
        return isinstance(node.slice, ast.Name | ast.Attribute) and any(foreign)

    def _makes_tensor(self, function: ast.expr) -> bool:
        """Whether a call makes a tensor of data, which for a stand-in only a stand-in can be."""
        called = self.slice.observed.values.get(function)
        return isinstance(called, External) and _TENSOR.fullmatch(called.name) is not None

    def signature(self, arguments: ast.arguments) -> str:
        """Return the source of the parameters of a function, without annotations."""
        bare = self._rebuilt(arguments)
        assert isinstance(bare, ast.arguments)
        for argument in [*bare.posonlyargs, *bare.args, *bare.kwonlyargs, bare.vararg, bare.kwarg]:
            if argument is not None:
                argument.annotation = None
        return ast.unparse(bare)


def _is_beyond(node: ast.Subscript) -> bool:
    """Whether an index is one that an iterable of unknown length need not have: it has two elements as a stand-in."""
    is_group = isinstance(node.value, ast.Attribute) and node.value.attr == "param_groups"
    is_named = isinstance(node.value, ast.Name | ast.Attribute)
    return is_named and not is_group and isinstance(node.slice, ast.Constant) and node.slice.value in range(2, 16)
