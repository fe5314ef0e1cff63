"""A part of the scheduler interface is used that torch has removed.

`verbose=` was deprecated in torch 2.2, where it stopped printing, and was removed in 2.7: every scheduler now
raises `TypeError: ReduceLROnPlateau.__init__() got an unexpected keyword argument 'verbose'`. A subclass that hands
`verbose` on to `super().__init__` raises likewise, and `print_lr` is an `AttributeError`. `_LRScheduler` is the
silent one: it is an empty subclass of `LRScheduler` now, so `isinstance(scheduler, _LRScheduler)` is False for
every scheduler of torch, and the branch behind it is dead. As a base class or an annotation it still works, and is
a note.

## Example

```python
import torch
from torch import nn
from torch.optim.lr_scheduler import ReduceLROnPlateau

model = nn.Linear(5, 1)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
scheduler = ReduceLROnPlateau(optimizer, patience=2, verbose=True)

for epoch in range(10):
    x = torch.randn(64, 5)
    optimizer.zero_grad()
    loss = (model(x) - x.amax(dim=1, keepdim=True)).abs().mean()
    loss.backward()
    optimizer.step()
    scheduler.step(loss.item())
```

## Use instead

```python
import torch
from torch import nn
from torch.optim.lr_scheduler import ReduceLROnPlateau

model = nn.Linear(5, 1)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
scheduler = ReduceLROnPlateau(optimizer, patience=2)

for epoch in range(10):
    x = torch.randn(64, 5)
    optimizer.zero_grad()
    loss = (model(x) - x.amax(dim=1, keepdim=True)).abs().mean()
    loss.backward()
    optimizer.step()
    scheduler.step(loss.item())
```

## When the code is right

These are not reported:

- A `verbose` argument that a scheduler class of the project's own takes and keeps to itself.
- Schedulers that are not torch's, whatever their names, with `verbose` or `print_lr` of their own.
- A condition that asks for `LRScheduler` as well, as code for old and new torch does.
- `from torch.optim.lr_scheduler import _LRScheduler as LRScheduler` as the fallback of a `try` that imports the new
  name.

## Fix safety

Safe. Deleting `verbose` loses nothing on torch 2.2 and later, where it printed nothing. Renaming `_LRScheduler` to
`LRScheduler` needs torch 2.0; an import by name is renamed along with its uses, and only the import where the file
has another `LRScheduler`. A name that another file gives to the class is to be mended there. For a project that
must also run with an older torch, by `target-torch` or by its own requirement, the fix is unsafe.

`print_lr` has no fix: what to print in its place is for the author to say.

## Evidence

A replay of the code with `verbose` ends with the exception, and after the fix with none. On torch 2.13 `verbose=`
raises for every scheduler, by keyword and by position; `isinstance(StepLR(...), _LRScheduler)` is False and
`isinstance(StepLR(...), LRScheduler)` is True.

## References

- `torch.optim.lr_scheduler.LRScheduler`: https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.LRScheduler.html
- `torch.optim.lr_scheduler.ReduceLROnPlateau`: https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.ReduceLROnPlateau.html
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from optlint.api import (
    SAFE,
    UNSAFE,
    Act,
    Applicability,
    Change,
    Confidence,
    Edit,
    Editor,
    Edits,
    Evidence,
    Level,
    Place,
    Program,
    Query,
    Release,
    Repair,
    Rule,
    Scheduler,
    Violation,
    dates,
    enclosing_statement,
    exception_of,
    since,
    written,
)

_OLD = "torch.optim.lr_scheduler._LRScheduler"
_NEW = "torch.optim.lr_scheduler.LRScheduler"
_FAMILY = "torch.optim.lr_scheduler."


def _without(member: str) -> Release:
    """Return the first torch whose schedulers lack a parameter or a method."""
    until = dates(_NEW, member).until
    assert until is not None
    return until


_SPEAKING: tuple[type[ast.AST], ...] = (ast.Call, ast.ClassDef, ast.arg, ast.AnnAssign, ast.FunctionDef)
"""What may speak of the class by its old name."""
_SPOKEN = re.compile(rb"_LRScheduler|is(?:instance|subclass)\([^\n]*[Ss]ched")
"""The name, or a question for a class that another file may have given another one."""


def _find(program: Program) -> Iterator[Violation]:
    yield from _constructions(program)
    yield from _print_lr(program)
    if not program.torch().precedes(since(Change.PUBLIC_SCHEDULER)):
        if _SPOKEN.search(program.module.source.data) is not None:
            yield from _old_class(program)
        yield from _subclasses(program)


def _old_class(program: Program) -> Iterator[Violation]:
    """What speaks of the class by its old name."""
    nodes = program.module.nodes
    for node in (node for kind in _SPEAKING for node in nodes.of(kind)):
        match node:
            case ast.Call(func=ast.Name(id="isinstance" | "issubclass"), args=[_, kind]):
                for name in _old_names(program, kind) if not _asks_for_both(program, node) else ():
                    what = "`isinstance` with `_LRScheduler` is false for every scheduler of torch 2"
                    yield _violation(program, name, what, Level.ERROR)
            case ast.ClassDef(bases=bases):
                yield from _aliases(program, *bases)
            case ast.arg(annotation=ast.expr() as annotation) | ast.AnnAssign(annotation=annotation):
                yield from _aliases(program, annotation)
            case ast.FunctionDef(returns=ast.expr() as annotation):
                yield from _aliases(program, annotation)
            case _:
                pass


def _aliases(program: Program, *nodes: ast.expr) -> Iterator[Violation]:
    for node in nodes:
        for name in _old_names(program, node):
            yield _violation(program, name, "`_LRScheduler` is only an alias", Level.NOTE)


def _asks_for_both(program: Program, question: ast.Call) -> bool:
    """Whether the condition that a question belongs to asks for the new name as well."""
    statement = enclosing_statement(Place(program.module, question))
    around: ast.AST = question
    match statement:
        case ast.If(test=test) | ast.While(test=test) | ast.Assert(test=test):
            around = test
        case ast.Return() | ast.Assign() | ast.Expr():
            around = statement
        case _:
            pass
    return any(
        isinstance(node, ast.Name | ast.Attribute) and program.qualify(node) == _NEW for node in ast.walk(around)
    )


def _violation(program: Program, node: ast.AST, what: str, level: Level) -> Violation:
    return Violation(program, Place(program.module, node), parts={"what": what}, level=level)


def _constructions(program: Program) -> Iterator[Violation]:
    """Schedulers built with `verbose=`, which their constructors no longer know."""
    for entry in program.entries:
        for event in entry.having(Act.NEW):
            scheduler, call = event.subjects[0], event.place.node
            if not isinstance(scheduler, Scheduler) or scheduler.info is not None or not isinstance(call, ast.Call):
                continue
            if any(":" in name for name in scheduler.classes) or program.torch().precedes(since(Change.VERBOSE_MUTE)):
                continue
            for keyword in call.keywords:
                if keyword.arg == "verbose":
                    names = ast.unparse(call.func).rpartition(".")[2]
                    removed = _without("verbose")
                    what = (
                        f"{names} raises {exception_of('verbose')}: `verbose` was removed in torch {written(removed)}"
                    )
                    level = Level.ERROR
                    if program.torch().precedes(removed):
                        mute = written(since(Change.VERBOSE_MUTE))
                        what = f"`verbose` prints nothing since torch {mute}, and is gone in {written(removed)}"
                        level = Level.NOTE
                    yield Violation(program, event.place, {}, (event,), entry=entry, parts={"what": what}, level=level)


def _print_lr(program: Program) -> Iterator[Violation]:
    removed = _without("print_lr")
    if program.torch().precedes(removed):
        return
    for entry in program.entries:
        for event in entry.having(Act.CALL):
            scheduler = event.subjects[0] if event.subjects else None
            if event.detail == "print_lr" and isinstance(scheduler, Scheduler) and scheduler.info is None:
                if scheduler.confidence is Confidence.CERTAIN:
                    what = f"{exception_of('print_lr')}: `print_lr` was removed in torch {written(removed)}"
                    parts = {"what": what}
                    yield Violation(program, event.place, {}, (event,), entry=entry, parts=parts)


def _subclasses(program: Program) -> Iterator[Violation]:
    """Schedulers of the project's own that give `verbose` to the constructor of torch's."""
    classes = program.definitions.classes(program.module) if program.definitions is not None else ()
    for info in classes:
        if any(program.qualify(base).startswith(_FAMILY) for base in info.node.bases):
            yield from _verbose_given(program, info.node)


def _verbose_given(program: Program, node: ast.ClassDef) -> Iterator[Violation]:
    for inner in program.module.nodes.within(node, ast.Call):
        match inner:
            case ast.Call(
                func=ast.Attribute(value=ast.Call(func=ast.Name(id="super")), attr="__init__"),
                args=args,
                keywords=keywords,
            ):
                passed = len(args) > 2 and all(
                    program.qualify(base) in (_OLD, _FAMILY + "LRScheduler") for base in node.bases
                )
                named = any(keyword.arg == "verbose" for keyword in keywords)
                removed = _without("verbose")
                if (passed or named) and not program.torch().precedes(removed):
                    what = f"the constructor of the base class takes no `verbose` since torch {written(removed)}"
                    yield _violation(program, inner, f"{exception_of('verbose')}: {what}", Level.ERROR)
            case _:
                pass


def _old_names(program: Program, node: ast.AST) -> Iterator[ast.expr]:
    """Yield the names in an expression that stand for `_LRScheduler`."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.Name | ast.Attribute) and program.qualify(inner) == _OLD:
            yield inner


def _mend(violation: Violation, editor: Editor) -> Edits | None:
    node = violation.at.node
    if isinstance(node, ast.Name) and _comes_from_elsewhere(violation.program, node.id):
        return None
    if isinstance(node, ast.Name | ast.Attribute):
        program = violation.program
        return program.module.trait(program.module.tree, "scheduler renamed", lambda _: _rename_all(program, editor))
    if isinstance(node, ast.Call):
        verbose = next((keyword for keyword in node.keywords if keyword.arg == "verbose"), None)
        if verbose is not None:
            return editor.remove_argument(node, verbose)
        if isinstance(node.func, ast.Attribute) and node.func.attr == "__init__" and len(node.args) > 2:
            return editor.remove_argument(node, node.args[2])
    return None


def _comes_from_elsewhere(program: Program, name: str) -> bool:
    """Whether another file of the project gives the old class a name, so that it is to be mended there."""
    return any(
        not (node.module or "").startswith("torch.")
        and any((alias.asname or alias.name) == name for alias in node.names)
        for node in program.module.nodes.of(ast.ImportFrom)
    )


def _rename_all(program: Program, editor: Editor) -> Edits:
    """Rename all uses and the import together: renamed alone, either would no longer find the other.

    Where the file means something else by the new name, the import alone is changed and keeps the old one.
    """
    nodes = program.module.nodes
    is_taken = any(_binds_new_name(node) for kind in _BINDING for node in nodes.of(kind))
    edits: list[Edit] = []
    for imported in nodes.of(ast.ImportFrom):
        for alias in imported.names if imported.module == "torch.optim.lr_scheduler" else ():
            if alias.name == "_LRScheduler":
                keeps = is_taken and alias.asname is None
                edits.extend(editor.rename_import(alias, f"LRScheduler{' as _LRScheduler' if keeps else ''}"))
    for attribute in nodes.of(ast.Attribute):
        if attribute.attr == "_LRScheduler" and program.qualify(attribute) == _OLD:
            edits.extend(editor.rename_attribute(attribute, "LRScheduler"))
    for name in nodes.of(ast.Name) if not is_taken else ():
        if name.id == "_LRScheduler" and program.qualify(name) == _OLD:
            edits.extend(editor.replace(name, "LRScheduler"))
    return tuple(edits)


_BINDING: tuple[type[ast.AST], ...] = (ast.ClassDef, ast.FunctionDef, ast.arg, ast.Name, ast.ImportFrom)
"""What may give a name to something."""


def _binds_new_name(node: ast.AST) -> bool:
    """Whether a node gives the name `LRScheduler` to something else than the class of torch."""
    match node:
        case ast.ClassDef(name="LRScheduler") | ast.FunctionDef(name="LRScheduler") | ast.arg(arg="LRScheduler"):
            return True
        case ast.Name(id="LRScheduler", ctx=ast.Store()):
            return True
        case ast.ImportFrom(module=module, names=names):
            others = (alias for alias in names if (alias.asname or alias.name) == "LRScheduler")
            return module != "torch.optim.lr_scheduler" and any(True for _ in others)
        case _:
            return False


def _applicability(violation: Violation) -> Applicability:
    """A name that some torch of the project lacks, or a word that one still heeds, is not for `--fix` to change."""
    node = violation.at.node
    change = Change.PUBLIC_SCHEDULER if isinstance(node, ast.Name | ast.Attribute) else Change.VERBOSE_MUTE
    return UNSAFE if violation.program.torch().may_precede(since(change)) else SAFE


RULE = Rule(
    code="OPT418",
    level=Level.ERROR,
    message="{what}",
    triggers=(
        ("lr_scheduler",),
        ("verbose", "LR(", "torch"),
        ("verbose", "LROnPlateau", "torch"),
        ("print_lr", "torch"),
        ("LRScheduler",),
    ),
    property=Query(_find),
    repair=Repair("Use the present interface", SAFE, _mend, _applicability),
    evidence=Evidence.CRASH,
)
