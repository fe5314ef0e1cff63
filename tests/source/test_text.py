"""Bytes to text and back: encodings, byte-order marks, newlines, positions."""

from __future__ import annotations

import ast
import codecs
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optlint.source.text import Position, Source, SourceError, Span, parse

PATH = Path("train.py")

DATA = {
    "empty": (b"", "", "utf-8"),
    "plain": (b"a = 1\n", "a = 1\n", "utf-8"),
    "byte-order mark": (codecs.BOM_UTF8 + "é = 1\n".encode(), "é = 1\n", "utf-8"),
    "byte-order mark and declaration": (codecs.BOM_UTF8 + b"# coding: utf-8\n", "# coding: utf-8\n", "utf-8"),
    "latin-1": ("# coding: latin-1\nx = 'é'\n".encode("latin-1"), "# coding: latin-1\nx = 'é'\n", "iso-8859-1"),
    "cp1252 declared on the second line": (b"#!x\n# coding=cp1252\n'\x80'\n", "#!x\n# coding=cp1252\n'€'\n", "cp1252"),
    "shift-jis": ("# coding: shift_jis\n'日本'\n".encode("shift_jis"), "# coding: shift_jis\n'日本'\n", "shift_jis"),
    "carriage returns": (b"a\r\nb\rc\n", "a\r\nb\rc\n", "utf-8"),
    "bare carriage returns do not make a declaration": (b"a\rb\rcoding = 2\r", "a\rb\rcoding = 2\r", "utf-8"),
    "separators that end no line": ("a\x0b\x0c\x1c\x85\u2028b".encode(), "a\x0b\x0c\x1c\x85\u2028b", "utf-8"),
}


@pytest.mark.parametrize(("data", "text", "encoding"), DATA.values(), ids=DATA)
def test_bytes_become_text_and_come_back(data: bytes, text: str, encoding: str) -> None:
    source = Source.from_bytes(PATH, data)
    assert (source.text, source.encoding) == (text, encoding)
    assert source.encode(source.text) == data
    assert source.with_text(text + "# x").data == data + b"# x"


@pytest.mark.parametrize(
    ("data", "row", "reason"),
    [
        (b"a\nb\0\n", 2, "null bytes"),
        (b"a\n'\xff'\n", 2, "are not utf-8: save the file as UTF-8"),
        (b"# coding: ascii\n\n'\xe9'\n", 3, "are not ascii"),
        (b"# coding: klingon\n", 1, "unknown encoding: klingon: declare"),
        (b"# coding: rot13\n", 1, "no encoding of source text"),
        (b"# coding: base64\n", 1, "no encoding of source text"),
        (b"# coding: unicode_escape\n'\\ud800'\n", 1, "save the file as UTF-8"),
        (b"# coding: utf-7\n'+AGE-'\n", 1, "does not keep the file's bytes"),
        (codecs.BOM_UTF8 + b"# coding: latin-1\n", 1, "declare the encoding"),
        (codecs.BOM_UTF16_LE + "a".encode("utf-16-le"), 1, "null bytes"),
    ],
)
def test_bytes_that_would_not_come_back_are_refused_with_a_remedy(data: bytes, row: int, reason: str) -> None:
    with pytest.raises(SourceError, match=reason) as caught:
        Source.from_bytes(PATH, data)
    assert caught.value.row == row
    assert "\n" not in str(caught.value)


def test_text_that_the_encoding_cannot_write_is_refused() -> None:
    source = Source.from_bytes(PATH, b"# coding: latin-1\n")
    with pytest.raises(SourceError, match=r"cannot write '\\u20ac': save the file as UTF-8"):
        source.with_text("€")


@pytest.mark.parametrize(
    ("text", "newline"), [("a", "\n"), ("", "\n"), ("a\r\nb\n", "\r\n"), ("a\nb\r\n", "\n"), ("a\rb\n", "\r")]
)
def test_new_lines_get_the_first_newline_of_the_file(text: str, newline: str) -> None:
    assert Source.from_bytes(PATH, text.encode()).newline == newline


def test_lines_are_those_of_python() -> None:
    source = Source.from_bytes(PATH, "a\x0c\u2028b\r\nc\rd\n\ne".encode())
    assert source.line_starts == (0, 6, 8, 10, 11)
    assert [source.line(row) for row in range(1, 6)] == ["a\x0c\u2028b", "c", "d", "", "e"]


def test_positions_count_characters_from_one() -> None:
    source = Source.from_bytes(PATH, "é = 1\n😀 = 2".encode())
    assert source.position(0) == Position(1, 1)
    assert source.position(5) == Position(1, 6)
    assert source.position(6) == Position(2, 1)
    assert source.position(len(source.text)) == Position(2, 6)


def test_spans_count_characters_where_ast_counts_bytes() -> None:
    source = Source.from_bytes(PATH, "é = '😀', (ü)\r\n\x0cß.step()".encode())
    found = [
        source.text[span.start : span.end]
        for span in (source.span(node) for node in ast.walk(parse(source.text)) if isinstance(node, ast.expr))
    ]
    assert sorted(found) == sorted(["é", "'😀', (ü)", "'😀'", "ü", "ß.step()", "ß.step", "ß"])


@given(st.text(st.sampled_from("aé😀 \t\f\r\n#'\u2028"), max_size=30))
def test_every_offset_has_one_position_and_comes_back(text: str) -> None:
    source = Source.from_bytes(PATH, text.encode())
    assert source.encode(source.text) == source.data
    for offset in range(len(text) + 1):
        place = source.position(offset)
        before = text[source.line_starts[place.row - 1] : offset]
        assert place.column == len(before) + 1
        assert source.offset(place.row, len(before.encode())) == offset or "\n" in before or "\r" in before


@pytest.mark.parametrize(
    ("text", "row"), [("a = 1\nb = (\n", 2), ("a\r\n  b\r\n", 2), ("a\rb\r  c\r", 3), ("x = '\ud800'\n", 1), ("\0", 1)]
)
def test_text_that_does_not_parse_is_an_error_with_its_place(text: str, row: int) -> None:
    with pytest.raises(SourceError) as caught:
        parse(text)
    assert caught.value.row == row
    assert caught.value.column >= 1


def test_nesting_too_deep_for_the_parser_is_an_error() -> None:
    with pytest.raises(SourceError):
        parse("(" * 5000 + ")" * 5000)


def test_warnings_about_the_text_are_silent() -> None:
    assert len(parse("'\\d'\n1 is 1\n").body) == 2


def test_spans_are_ordered_by_start() -> None:
    assert sorted([Span(3, 4), Span(1, 9), Span(1, 2)]) == [Span(1, 2), Span(1, 9), Span(3, 4)]
