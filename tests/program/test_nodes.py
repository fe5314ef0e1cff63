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


def test_what_is_asked_of_one_part_of_a_file_is_what_the_whole_file_answers() -> None:
    text = (
        "import a\nx = 1; y = f'{a.b}'\n@deco(1)\ndef f(n: int = 2):\n    return [i for i in n]\n"
        "if x:\n    class C:\n        def m(self): return x\nz = 3; \nclass D(C): pass\nlambda: a\n"
    )
    tree = ast.parse(text)
    listed = list(Nodes(tree).all())
    assert set(listed) == {node for node in ast.walk(tree) if not isinstance(node, ast.expr_context)}
    for node in listed:
        nodes = Nodes(tree)  # nothing of it is known yet
        around = nodes.parent(node)
        assert node is tree if around is None else node in ast.iter_child_nodes(around)
        inside = {each for each in ast.walk(node) if not isinstance(each, ast.expr_context)}
        assert {each for each in listed if nodes.contains(node, each)} == inside


def test_what_a_file_holds_apart_from_its_functions_is_in_no_function() -> None:
    tree = ast.parse("x = 1\ndef f():\n    y = 2\nz = 3\n")
    names = [node.id for node in Nodes(tree).own(tree) if isinstance(node, ast.Name)]
    assert names == ["x", "z"]


def test_a_node_of_another_tree_has_nothing_around_it() -> None:
    nodes = Nodes(ast.parse("def f(): return x\n"))
    assert nodes.parent(ast.parse("def f(): return x\n").body[0]) is None


def test_statements_are_found_in_the_order_of_the_text_wherever_they_stand() -> None:
    text = (
        "try:\n    a()\nexcept E:\n    b()\nelse:\n    c()\nfinally:\n    d()\n"
        "match x:\n    case 1:\n        e()\n    case _:\n        f = lambda: g\n"
        "async def h():\n    async with i:\n        j()\n    while k:\n        l()\n    else:\n        m()\n"
        "class N:\n    for o in p:\n        q()\n    if r:\n        s()\n    elif t:\n        u()\n"
    )
    tree = ast.parse(text)
    calls = [ast.unparse(node.value) for node in Nodes(tree).of(ast.Expr)]
    assert calls == ["a()", "b()", "c()", "d()", "e()", "j()", "l()", "m()", "q()", "s()", "u()"]
    for kind in (ast.Assign, ast.Try, ast.Match, ast.AsyncWith, ast.While, ast.For, ast.If):
        assert Nodes(tree).of(kind) == [node for node in Nodes(tree).all() if isinstance(node, kind)]
