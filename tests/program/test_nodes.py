"""The index of a file's nodes agrees with a walk of the tree."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from optlint.program.nodes import Nodes

SOURCES = sorted(Path(__file__).parents[2].glob("optlint/program/*.py"))


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_nodes_of_a_class_within_a_node_are_those_of_a_walk(path: Path) -> None:
    tree = ast.parse(path.read_text("utf-8"))
    nodes = Nodes(tree)
    outer = [tree, *nodes.of(ast.FunctionDef), *nodes.of(ast.ClassDef), *nodes.of(ast.For), *nodes.of(ast.Return)]
    for node in outer:
        walked = set(ast.walk(node))
        for kind in (ast.Name, ast.Call, ast.FunctionDef, ast.Return, ast.Await):
            assert set(nodes.within(node, kind)) == {each for each in walked if isinstance(each, kind)}


def test_nodes_stand_in_the_order_of_the_text_with_what_is_directly_around_each() -> None:
    tree = ast.parse("def f(a, b=g(1)):\n    for i in a:\n        h(i, *b, k=None)\n    return {**a, 1: b}\n")
    nodes = Nodes(tree)
    names = [
        node.id if isinstance(node, ast.Name) else node.arg
        for node in nodes.all()
        if isinstance(node, ast.Name | ast.arg)
    ]
    assert names == ["a", "b", "g", "i", "a", "h", "i", "b", "a", "b"]
    for node in nodes.all():
        for child in ast.iter_child_nodes(node):
            if nodes.contains(tree, child):
                assert nodes.parent(child) is node
