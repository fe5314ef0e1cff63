"""A changed text goes back into the document, and all that is not changed stays byte for byte."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notebook_documents import code, document, dumped, lines, markdown
from optlint.source.text import Source, SourceError

PATH = Path("train.ipynb")

_TEXT = st.text(st.sampled_from("ab =#\n\r\t\\\"'/<é\u20ac😀\u2028\x0c"), max_size=30)
_NUMBER = st.integers(0, 9).map(lambda number: f"x = {number}\n")
_CELLS = st.lists(
    st.one_of(_TEXT.map(markdown), st.builds(lambda head, tail: code(head + tail), _NUMBER, _TEXT)),
    min_size=1,
    max_size=5,
)
_FORMS: list[dict[str, Any]] = [
    {"indent": 1, "ensure_ascii": False},
    {"indent": 1, "ensure_ascii": True},
    {"indent": 4, "ensure_ascii": False, "sort_keys": True},
    {"indent": "\t", "ensure_ascii": True},
    {"indent": None, "ensure_ascii": False},
    {"indent": None, "ensure_ascii": False, "separators": (",", ":")},
    {"indent": 0, "ensure_ascii": False},
]


@given(_CELLS, st.sampled_from(_FORMS), st.booleans())
def test_an_unchanged_text_is_the_same_document(
    cells: list[dict[str, Any]], form: dict[str, Any], single: bool
) -> None:
    if single:
        cells = [{**cell, "source": "".join(cell["source"])} for cell in cells]
    data = dumped(document(*cells), **form)
    source = Source.from_bytes(PATH, data)
    assert source.with_text(source.text).data == source.encode(source.text) == data


@given(_CELLS, st.sampled_from(_FORMS), st.data())
def test_only_the_changed_cell_differs(cells: list[dict[str, Any]], form: dict[str, Any], data: st.DataObject) -> None:
    written = dumped(document(*cells), **form)
    source = Source.from_bytes(PATH, written)
    if not source.cells:
        return
    cell = data.draw(st.sampled_from(source.cells))
    first = len("x = 1\n")
    added = data.draw(st.sampled_from(["y = 'é<\"'\n", "y = 1\nz = 2\n", ""]))
    at = cell.start + (first if data.draw(st.booleans()) else 0)
    removed = first if data.draw(st.booleans()) and at == cell.start else 0
    text = source.text[:at] + added + source.text[at + removed :]
    expected = [dict(each) for each in cells]
    own = source.text[cell.start : cell.end]
    own = own[: at - cell.start] + added + own[at - cell.start + removed :]
    expected[cell.number - 1] = {**expected[cell.number - 1], "source": lines(own)}
    try:
        changed = source.with_text(text).data
    except SourceError:
        return  # the rest of the cell is no Python alone
    assert json.loads(changed) == document(*expected)
    assert changed == dumped(document(*expected), **form)


def mended(notebook: dict[str, Any], old: str, new: str, **form: Any) -> tuple[bytes, bytes]:
    data = dumped(notebook, **form)
    source = Source.from_bytes(PATH, data)
    assert source.text.count(old) == 1
    return data, source.with_text(source.text.replace(old, new)).data


def test_the_last_line_of_a_cell_gets_and_loses_its_newline() -> None:
    before, after = mended(document(code("a = 1\nb = 2")), "b = 2\n", "b = 2\nc = 3\n")
    assert after == before.replace(b'"b = 2"', b'"b = 2\\n",\n    "c = 3"')
    before, after = mended(document(code("a = 1\nb = 2")), "b = 2\n", "")
    assert json.loads(after)["cells"][0]["source"] == ["a = 1"]


def test_a_cell_may_lose_all_its_lines() -> None:
    _, after = mended(document(code("a = 1"), code("b = 2")), "a = 1\n", "")
    assert [cell["source"] for cell in json.loads(after)["cells"]] == [[], ["b = 2"]]


@pytest.mark.parametrize("escape", [r"\u003c", r"\u003C", "<"])
def test_characters_are_escaped_as_the_notebook_does(escape: str) -> None:
    data = dumped(document(code("a = b < c\nd = 1"))).replace(b" < ", f" {escape} ".encode())
    source = Source.from_bytes(PATH, data)
    assert "a = b < c" in source.text
    changed = source.with_text(source.text.replace("d = 1", "d = b < 1")).data
    assert changed == data.replace(b"d = 1", f"d = b {escape} 1".encode())


def test_letters_of_no_ascii_are_written_as_the_notebook_does() -> None:
    for ascii_only in (True, False):
        before, after = mended(document(code("a = 'é'\nb = 1")), "b = 1", "b = 'é😀'", ensure_ascii=ascii_only)
        assert after == before.replace(b"b = 1", json.dumps("b = 'é😀'", ensure_ascii=ascii_only)[1:-1].encode())


def test_outputs_execution_counts_and_metadata_of_a_changed_cell_stay() -> None:
    before, after = mended(document(code("a = 1", id="1f"), code("b = 2")), "a = 1", "a = 3")
    old, new = json.loads(before)["cells"], json.loads(after)["cells"]
    assert new == [{**old[0], "source": ["a = 3"]}, old[1]]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("%matplotlib inline", "%matplotlib notebook"),
        ("!pip install torch\n", ""),
        ("%time f(a)", "f(a)"),
        ("files = !ls", "files = []"),
        ("%matplotlib inline\n!pip install torch\n", "!pip install torch\n%matplotlib inline\n"),
    ],
)
def test_a_change_of_a_magic_is_refused(old: str, new: str) -> None:
    notebook = document(code("%matplotlib inline\n!pip install torch\nfiles = !ls\nx = 1"), code("%time f(a)"))
    source = Source.from_bytes(PATH, dumped(notebook))
    assert old in source.text
    with pytest.raises(SourceError, match="a magic in cell"):
        source.with_text(source.text.replace(old, new))
    assert source.with_text(source.text.replace("f(a)", "f(b)")).text == source.text.replace("f(a)", "f(b)")


def test_a_change_of_a_border_is_refused() -> None:
    source = Source.from_bytes(PATH, dumped(document(code("a = 1"), code("b = 2"))))
    border = source.text.splitlines(keepends=True)[2]
    for text in (source.text.replace(border, ""), source.text.replace(border, border * 2), "a = 1\n"):
        with pytest.raises(SourceError, match="border"):
            source.with_text(text)


def test_a_cell_that_would_be_no_python_any_more_is_refused() -> None:
    source = Source.from_bytes(PATH, dumped(document(code("a = 1"), code("b = = 2"))))
    assert len(source.faults) == 1
    with pytest.raises(SourceError, match="no Python"):
        source.with_text(source.text.replace("a = 1", "a = = 1"))
    assert source.with_text(source.text.replace("a = 1", "a = 3")).faults == source.faults


def test_an_odd_list_of_strings_becomes_one_of_lines() -> None:
    notebook = document(code("", source=["a = ", "1\nb = 2\nc = 3"]))
    _, after = mended(notebook, "b = 2", "b = 4")
    assert json.loads(after)["cells"][0]["source"] == lines("a = 1\nb = 4\nc = 3")
