"""Schedules of a file's own: classes that write learning rates in a method `step`, and are derived from none."""

from __future__ import annotations

import ast

from optlint.program.modules import ModuleInfo


def has_own_schedule(module: ModuleInfo) -> bool:
    """Whether a file has such a class, so that what it calls a scheduler may be one of that class.

    Its first step may be due at the top of a loop, and how often it is to step nobody says.
    """
    text = module.source.text
    if "param_groups" not in text or "class " not in text:
        return False
    return any(
        module.trait(node, "writes rates", lambda each: _writes_rates(module, each))
        for node in module.nodes.of(ast.ClassDef)
    )


def _writes_rates(module: ModuleInfo, node: ast.AST) -> bool:
    assert isinstance(node, ast.ClassDef)
    derived = any(not (isinstance(base, ast.Name) and base.id == "object") for base in node.bases)
    steps = any(isinstance(part, ast.FunctionDef) and part.name == "step" for part in node.body)
    return steps and not derived and "param_groups" in module.segment(node)
