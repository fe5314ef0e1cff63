"""From a parsed file to its program model."""

from __future__ import annotations

import ast
import re

from optlint.program.defaults import entry_arguments
from optlint.program.definitions import Definitions
from optlint.program.interpreter import Interpreter
from optlint.program.machine import Activation
from optlint.program.modules import ClassInfo, FunctionNode, ModuleInfo
from optlint.program.program import Entry, Program
from optlint.program.project import Project
from optlint.program.regions import Region, sequence
from optlint.program.values import ClassValue, External, Frame, Function, Value

_ENTRY_LITERALS = (
    ".step", "optimizer_step", "backward", "zero_grad", "requir", "optim", "Optim", "Opt", "opt", "chedul", "get_lr",
    "parameters(", "Adam", "SGD", "Parameter(",
)  # fmt: skip
"""What `_ENTRY_TOKENS` asks for, a little wider: looking for literals first is several times faster."""
_ENTRY_TOKENS = re.compile(
    r"\.step\b|optimizer_step|backward\b|zero_grad|requir\w*grad|grad_requir|optim\.|optimi[sz]er|_optim|Optim|[Oo]pt\b|[Ss]chedul|get_lr"
    r"|parameters\(|Adam|SGD|Parameter\("
)
"""A function or class without any of these has no event that a rule looks at; it is followed only when called."""


class Lowering:
    """Lowers one file."""

    def __init__(self, project: Project, module: ModuleInfo) -> None:
        self.interpreter = Interpreter(project, module)
        self.machine = self.interpreter.machine
        self.expressions = self.interpreter.expressions
        self.names = self.interpreter.names
        self.functions = self.interpreter.functions
        self.machine.evaluate_in = self._evaluate_in
        self.module = module

    def _evaluate_in(self, node: ast.expr, frame: Frame) -> Value:
        """Evaluate an expression among other names, without events."""
        self.machine.activations.append(Activation(frame, None))
        try:
            with self.machine.silent(), self.machine.collect():
                return self.expressions.evaluate(node)
        finally:
            self.machine.activations.pop()

    def lower(self) -> Program:
        """Return the program model of the file."""
        definitions = Definitions(self.names, self.machine.module_frame)
        return Program(self.module, self._entered, self._qualify, self.machine.project.torch, definitions)

    def _entered(self) -> tuple[Entry, ...]:
        return tuple(entry for entry in self._entries() if entry.events)

    def close(self) -> None:
        """Take the interpreter apart when the program has been looked at."""
        self.interpreter.close()
        vars(self).clear()

    def _qualify(self, node: ast.expr) -> str:
        value = self.names.static(node, self.machine.module_frame(self.module))
        return value.name if isinstance(value, External) else ""

    def _entries(self) -> list[Entry]:
        machine = self.machine
        frame = machine.module_frame(self.module)
        machine.activations.append(Activation(frame, None))
        with machine.collect() as out:
            self.interpreter.statements.run(self.module.tree.body)
        entries = [Entry.of("<module>", sequence(out))]
        text = self.module.source.text
        classes: list[ClassInfo] = []
        functions: list[FunctionNode] = []
        for statement in self._definitions():
            if not _may_be_entered(self.module.segment(statement)):
                continue
            if isinstance(statement, ast.ClassDef):
                value = machine.read(frame.serial, statement.name)
                if isinstance(value, ClassValue) and value.info.node is statement:
                    classes.append(value.info)
                else:
                    classes.append(self.names.class_info(statement, self.module, frame))
            else:
                functions.append(statement)
        # What nobody calls comes first: it is more likely where a program begins, and it follows the others.
        for function in sorted(functions, key=lambda node: (_is_called(text, node.name), node.lineno)):
            if function not in machine.entered:
                entries.append(self._function_entry(function, frame))
        for info in sorted(classes, key=lambda info: (_is_called(text, info.name), info.node.lineno)):
            entries.extend(self._class_entries(info, frame))
        machine.activations.pop()
        return entries

    def _definitions(self) -> list[FunctionNode | ast.ClassDef]:
        found: list[FunctionNode | ast.ClassDef] = []
        pending = list(reversed(self.module.tree.body))
        while pending:
            statement = pending.pop()
            if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                found.append(statement)
            elif isinstance(statement, ast.If | ast.Try):
                pending.extend(reversed([*statement.body, *statement.orelse]))
        return found

    def _function_entry(self, function: FunctionNode, frame: Frame) -> Entry:
        region = self._run(Function(function, frame), function)
        return Entry.of(function.name, region)

    def _run(self, function: Function, node: FunctionNode) -> Region:
        """Follow a function with unknown arguments; what it changes for others is forgotten."""
        machine = self.machine
        machine.entry_statements = 0
        with machine.tentatively() as out:
            saved, machine.stack = machine.stack, []
            self.functions.follow(function, (), entry_arguments(self.functions, node, function.frame), node)
            machine.stack = saved
        return sequence(out)

    def _class_entries(self, info: ClassInfo, frame: Frame) -> list[Entry]:
        """Enter a class through `__init__`, then each method that was not followed from elsewhere."""
        machine = self.machine
        methods = {name: found for inner in reversed(info.lineage) for name, found in inner.methods.items()}
        waiting = [
            (name, method)
            for name, method in methods.items()
            if method not in machine.entered and name != "__init__" and method in info.methods.values()
        ]
        if not waiting and info.method("__init__") is not None and info.methods.get("__init__") in machine.entered:
            return []
        entries: list[Entry] = []
        machine.entry_statements = 0
        with machine.tentatively() as out:
            made = self.interpreter.calls.instantiate(info, (), self._constructor_arguments(info), info.node)
            if out:
                entries.append(Entry.of(f"{info.name}.__init__", sequence(out)))
            text = info.module.segment(info.node)
            for name, method in sorted(waiting, key=lambda pair: (_is_called(text, pair[0]), pair[1].lineno)):
                if method in machine.entered or not _may_be_entered(info.module.segment(method)):
                    continue
                bound = Function(method, info.frame if isinstance(info.frame, Frame) else frame, info, made)
                entries.append(Entry.of(f"{info.name}.{name}", sequence([*out, self._run(bound, method)])))
        return entries

    def _constructor_arguments(self, info: ClassInfo) -> list[tuple[str, Value]]:
        """Return what a class is made with by nobody: what the program makes itself has the defaults as they stand."""
        found = info.method("__init__")
        if found is None or info.node in self.machine.made:
            return []
        return entry_arguments(self.functions, found[1], self.machine.frame_of(found[0]))


def lower(project: Project, module: ModuleInfo) -> Program:
    """Return the program model of a parsed file."""
    return Lowering(project, module).lower()


def _may_be_entered(segment: str) -> bool:
    return any(literal in segment for literal in _ENTRY_LITERALS) and _ENTRY_TOKENS.search(segment) is not None


def _is_called(text: str, name: str) -> bool:
    """Whether a name is followed by a bracket anywhere but where it is defined."""
    call = f"{name}("
    at = text.find(call)
    while at >= 0:
        before = text[at - 1 : at]
        if not (before.isalnum() or before == "_" or text.endswith(("def ", "class "), 0, at)):
            return True
        at = text.find(call, at + 1)
    return False
