"""Notebooks are read: which cells are code, where everything stands, and what is said of those that cannot be read."""

from __future__ import annotations

import ast
import codecs
import json
from pathlib import Path
from typing import Any

import pytest

from notebook_documents import PYTHON, code, document, dumped, markdown
from optlint.source.text import Position, Source, SourceError, parse

PATH = Path("train.ipynb")


def read(*cells: dict[str, Any], metadata: dict[str, Any] | None = None) -> Source:
    return Source.from_bytes(PATH, dumped(document(*cells, metadata=metadata)))


def texts(source: Source) -> dict[int, str]:
    return {cell.number: source.text[cell.start : cell.end] for cell in source.cells}


def names(source: Source) -> list[str]:
    return [node.id for node in ast.walk(parse(source.text)) if isinstance(node, ast.Name)]


def test_code_cells_are_numbered_among_all_cells() -> None:
    source = read(markdown("# Title"), code("a = 1\nb = 2"), {**code("raw"), "cell_type": "raw"}, code("c = 3\n"))
    assert texts(source) == {2: "a = 1\nb = 2", 4: "c = 3\n"}
    assert names(source) == ["a", "b", "c"]


def test_positions_count_in_their_cell() -> None:
    source = read(markdown("# Title"), code("q = 1\n  # w"), code("é = '😀', z"))
    for cell, row, column, word in ((2, 1, 1, "q"), (2, 2, 5, "w"), (3, 1, 10, "z")):
        position = source.position(source.text.rindex(word))
        assert position == Position(row, column, cell)
        assert source.line(position.whole_row)[column - 1] == word
    assert [source.position(cell.end).row for cell in source.cells] == [2, 1]


def test_a_border_is_the_end_of_the_cell_above() -> None:
    source = read(code("a = 1\nb"), code("c"))
    assert source.position(source.cells[1].border) == Position(2, 2, 1)
    assert source.position(len(source.text)) == Position(1, 2, 2)
    rows = range(1, len(source.line_starts) + 1)
    assert [row for row in rows if source.is_border(row)] == [1, 4, 6, 7]


@pytest.mark.parametrize("held", ["one string", "a list", "an odd list"])
def test_the_source_of_a_cell_is_a_string_or_a_list(held: str) -> None:
    text = "a = 1\nb = 2\n"
    source = {"one string": text, "a list": ["a = 1\n", "b = 2\n"], "an odd list": ["a = ", "1\nb = 2", "\n"]}[held]
    assert texts(read(code("", source=source))) == {1: text}


def test_empty_notebooks_and_cells_are_read() -> None:
    assert read().cells == ()
    assert texts(read(code(""), markdown(""), code("\n"))) == {1: "", 3: "\n"}
    assert parse(read().text).body == parse(read(code("")).text).body == []


@pytest.mark.parametrize(
    "metadata",
    [
        {"language_info": {"name": "julia"}},
        {"kernelspec": {"name": "ir", "language": "R"}},
        {"kernelspec": {"name": "julia-1.6"}},
        {"kernelspec": {"name": "python3", "language": "python"}, "language_info": {"name": "scala"}},
    ],
)
def test_notebooks_of_other_languages_hold_no_python(metadata: dict[str, Any]) -> None:
    assert read(code("x <- 1"), metadata=metadata).cells == ()


@pytest.mark.parametrize(
    "metadata",
    [
        PYTHON,
        {"title": "no kernel is named"},
        {"kernelspec": {"name": "conda_pytorch_p36"}},
        {
            "accelerator": "GPU",
            "colab": {"provenance": []},
            "kernelspec": {"display_name": "Python 3", "name": "python3"},
        },
    ],
)
def test_notebooks_of_python_are_known(metadata: dict[str, Any]) -> None:
    assert texts(read(code("x = 1"), metadata=metadata)) == {1: "x = 1"}


def test_cells_of_other_languages_are_left_out() -> None:
    other = code("echo", metadata={"vscode": {"languageId": "shellscript"}})
    assert list(texts(read(other, code("%%bash\nls"), code("x = 1"), code("%%time\ny = 2")))) == [3, 4]


def test_worksheets_of_older_notebooks_are_read() -> None:
    cell = {"cell_type": "code", "collapsed": False, "input": ["a = 1\n", "b = 2"], "language": "python", "outputs": []}
    older = {
        "metadata": {"name": ""},
        "nbformat": 3,
        "nbformat_minor": 0,
        "worksheets": [{"cells": [markdown("#"), cell]}],
    }
    source = Source.from_bytes(PATH, dumped(older))
    assert texts(source) == {2: "a = 1\nb = 2"}
    changed = source.with_text(source.text.replace("b = 2", "b = 3"))
    assert changed.data == source.data.replace(b"b = 2", b"b = 3")


def test_all_cells_are_one_program() -> None:
    tree = parse(read(code("def f():\n    return 1"), code("x = f()\nawait x"), code("async for y in x: pass")).text)
    assert [type(each).__name__ for each in tree.body] == ["FunctionDef", "Assign", "Expr", "AsyncFor"]


def test_magics_leave_the_places_of_all_else() -> None:
    source = read(code("%matplotlib inline\n!écho é\nfiles = !ls\nx = files"), code("%time f(é, x)\nx?"))
    found = [node for node in ast.walk(parse(source.text)) if isinstance(node, ast.Name) and node.id != "_"]
    spans = [source.span(node) for node in found]
    assert [source.text[span.start : span.end] for span in spans] == [node.id for node in found]
    assert sorted(node.id for node in found) == ["f", "files", "files", "x", "x", "é"]


def test_a_cell_that_is_no_python_is_a_fault_of_its_own() -> None:
    source = read(code("a = 1"), code("b = = 2\nlost(c.d)"), code("x ="), code("%%time\ne = 5"))
    found = [source.position(source.line_starts[fault.row - 1] + fault.column - 1) for fault in source.faults]
    assert found == [Position(1, 5, 2), Position(1, 4, 3)]
    assert {"a", "e"} <= set(names(source))


def test_the_names_of_a_cell_that_is_no_python_are_handed_to_something_unknown() -> None:
    source = read(code("b = = train(model, o.p)\n\nend"))
    calls = [node for node in ast.walk(parse(source.text)) if isinstance(node, ast.Call)]
    handed = [{each.id for each in call.args if isinstance(each, ast.Name)} for call in calls]
    assert handed == [{"b", "train", "model", "o", "end"}]


@pytest.mark.parametrize("first", ["x = (1,", '"""text', "if x:", "def f():", "@decorator", "for a in b:"])
def test_a_statement_does_not_reach_into_the_next_cell(first: str) -> None:
    source = read(
        code(first), code("    y = 2)" if "(" in first and "def" not in first else '    y = 2"""'), code("z = 3")
    )
    assert source.position(source.line_starts[source.faults[0].row - 1]).cell == 1
    assert "z" in names(source)


def test_a_cell_may_be_indented_as_a_whole() -> None:
    source = read(code("a = 1"), code("  b = 2\n  if b:\n    c = 3\n"), code("d = 4"))
    assert source.faults == ()
    assert sorted(names(source)) == ["a", "b", "b", "c", "d"]


def test_newer_syntax_and_magics_go_together() -> None:
    source = read(code("%pwd\ntype A[T] = list[T]"), code("x = f'{d['é']}'; y = x\n!ls"))
    assert source.faults == ()
    found = [node for node in ast.walk(parse(source.text)) if isinstance(node, ast.Name)]
    assert {source.text[source.span(node).start : source.span(node).end] for node in found} >= {"x", "y"}


def test_what_looks_like_a_border_in_a_cell_is_none() -> None:
    plain = read(code("x = 1"))
    border = plain.text.splitlines()[0]
    source = read(code(f"{border}\na = 1"), code("b = 2"))
    assert texts(source) == {1: f"{border}\na = 1", 2: "b = 2"}


BROKEN = {
    "cut off": (b'{"cells": [\n{"cell_type": "code", "source": ["torch"', 2, "JSON", "Jupyter"),
    "a merge": (b'{"cells": [\n<<<<<<< ours\n', 2, "JSON", "merge"),
    "two documents": (b'{"cells": []}\n{"cells": []}', 2, "JSON", "Jupyter"),
    "no notebook": (b'{"name": "torch"}', 1, "no cells", "Jupyter"),
    "a list": (b'["torch"]', 1, "no cells", "Jupyter"),
    "not utf-8": (b'{"cells":\n[], "a": "\xe9"}', 2, "utf-8", "Jupyter"),
    "a cell that is none": (b'{"cells": [1]}', 1, "cell 1", "Jupyter"),
    "source that is no text": (b'{"cells": [{"cell_type": "code", "source": 1}]}', 1, "cell 1", "Jupyter"),
    "half a character": (b'{"cells": [{"cell_type": "code", "source": "\\ud83d"}]}', 1, "cell 1", "Jupyter"),
    "cells that are none": (b'{"cells": {}}', 1, "list of cells", "Jupyter"),
    "nested too deeply": (b'{"cells": ' + b"[" * 200_000, 1, "nested", "Jupyter"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_notebook_that_cannot_be_read_is_told_of_in_a_line(name: str) -> None:
    data, row, reason, remedy = BROKEN[name]
    with pytest.raises(SourceError) as error:
        Source.from_bytes(PATH, data)
    assert error.value.row == row
    assert reason in error.value.reason
    assert remedy in error.value.reason
    assert "\n" not in error.value.reason


def test_a_byte_order_mark_and_carriage_returns_stay() -> None:
    data = codecs.BOM_UTF8 + dumped(document(code("x = 1\ny = 2"))).replace(b"\n", b"\r\n")
    source = Source.from_bytes(PATH, data)
    assert source.with_text(source.text).data == data
    changed = source.with_text(source.text.replace("y = 2", "y = 3"))
    assert changed.data == data.replace(b"y = 2", b"y = 3")


def test_repeated_members_and_identifiers_of_cells_do_no_harm() -> None:
    twice = json.dumps(document(code("x = 1", id="a"), code("y = 2", id="a"))).replace(
        '"x = 1"', '"gone"], "source": ["x = 1"'
    )
    assert texts(Source.from_bytes(PATH, twice.encode())) == {1: "x = 1", 2: "y = 2"}


def test_the_size_of_outputs_does_not_count() -> None:
    from optlint.program.project import LARGEST
    from optlint.program.project import parse as module

    large = code(
        "x = 1", outputs=[{"output_type": "display_data", "data": {"image/png": "A" * LARGEST}, "metadata": {}}]
    )
    assert module(PATH.absolute(), dumped(document(large))).tree.body


@pytest.mark.parametrize(
    ("held", "row", "written"),
    [
        (["a = 1\n", "b = 2\n"], 2, "b = 2\n"),
        (["a = ", "1\nb = 2", "\n"], 1, "a = "),
        (["a = ", "1\nb = 2", "\n"], 2, "1\nb = 2"),
        ("a = 1\nb = 2\n", 2, "a = 1\nb = 2\n"),
    ],
)
def test_a_line_is_found_in_the_string_that_holds_it(held: str | list[str], row: int, written: str) -> None:
    notebook = read(markdown("# Title"), code("", source=held)).notebook
    assert notebook is not None
    span = notebook.written_at(2, row)
    assert json.loads(notebook.document[span.start : span.end]) == written
